"""Queries stay on their indexes, however many instances there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event

from mediastation.catalog import listing
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.job_selection import iter_selection, remember_selection
from mediastation.catalog.jobs import JobTable
from mediastation.catalog.selection import find_entries
from mediastation.model.entry import Source
from tests.support.objects import write_ct


def statements_of(catalog: Catalog, work: object) -> list[tuple[str, object]]:
    """Run `work` and return the statements that reached the database."""
    seen: list[tuple[str, object]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(catalog._engine, "before_cursor_execute", note)
    try:
        work()  # type: ignore[operator]
    finally:
        event.remove(catalog._engine, "before_cursor_execute", note)
    return seen


@pytest.mark.parametrize(
    "selector",
    ["patient:4711", "study:1.2.3", "series:1.2.3.1", "instance:1.2.3.1.1", "sha256:abcdef01"],
)
def test_no_selector_scans_the_instances(tmp_path: Path, selector: str) -> None:
    with Catalog(tmp_path / "home") as catalog:
        seen = statements_of(catalog, lambda: find_entries(catalog, selector))
        plans = explain(catalog, seen)

    assert plans
    assert not [line for line in plans if line.startswith("SCAN instances")], plans


@pytest.mark.parametrize("level", ["patients", "studies", "series"])
def test_no_list_above_instances_touches_them(tmp_path: Path, level: str) -> None:
    """Counts are kept with the series; a list must not count a million rows."""
    with Catalog(tmp_path / "home") as catalog:
        seen = statements_of(catalog, lambda: listing.list_rows(catalog, level, "doe ct"))

    assert seen
    assert not [
        statement
        for statement, _ in seen
        if "instances." in statement.replace("series.instances", "")
    ]


def test_a_search_for_instances_goes_through_their_series(tmp_path: Path) -> None:
    with Catalog(tmp_path / "home") as catalog:
        seen = statements_of(catalog, lambda: listing.list_rows(catalog, "instances", "doe"))
        plans = explain(catalog, seen)

    assert not [line for line in plans if line.startswith("SCAN instances")], plans


def explain(catalog: Catalog, seen: list[tuple[str, object]]) -> list[str]:
    with catalog.reading() as connection:
        return [
            row[3]
            for statement, parameters in seen
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


def test_a_selection_comes_in_directory_order(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        entries = [
            intake.keep(
                write_ct(
                    intake.new_path(),
                    SOPInstanceUID=f"{series}.{number}",
                    SeriesInstanceUID=series,
                    InstanceNumber=str(number),
                ),
                Source("folder", "x"),
            ).entry_id
            for series in ("1.2.3.2", "1.2.3.1")
            for number in (10, 9, 1)
        ]
        job = JobTable(catalog).create("test", {}, "", "", 0.0)
        assert remember_selection(catalog, job, [*entries, *entries]) == 6

        uids = [entry.header.sop_instance_uid for entry in iter_selection(catalog, job)]

    assert uids == [f"1.2.3.{series}.{number}" for series in (1, 2) for number in (1, 9, 10)]


NAMES = ["Äffchen^Anna", "Doe^Zoe", "Doering^Anne", "Ødegård^Ida", "Zoë^", "Иванов^Иван", ""]


def test_patients_are_listed_as_people_look_for_them(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        for number, name in enumerate(reversed(NAMES)):
            path = write_ct(
                intake.new_path(),
                SpecificCharacterSet="ISO_IR 192",
                PatientName=name,
                PatientID=f"P{number}",
                SOPInstanceUID=f"1.2.{number}",
                StudyInstanceUID=f"1.3.{number}",
                SeriesInstanceUID=f"1.4.{number}",
            )
            intake.keep(path, Source("folder", "x"))
        whole = listing.list_rows(catalog, "patients")
        some = listing.list_rows(catalog, "patients", "", 3)
        found = listing.list_rows(catalog, "patients", "doe an", 5)
        # As copied out of a table that isolates what runs from right to left.
        copied = listing.list_rows(catalog, "patients", "\u200e\u2068Zoë\u2069\u200e")

    assert [row["patient_name"] for row in whole] == NAMES
    assert [row["patient_name"] for row in some] == NAMES[:3]
    assert [row["patient_name"] for row in found] == ["Doering^Anne"]
    # Accents are not asked of whoever searches.
    assert [row["patient_name"] for row in copied] == ["Doe^Zoe", "Zoë^"]
    assert all(row["instances"] == 1 and "id" not in row for row in whole)
