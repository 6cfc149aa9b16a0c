"""What screens ask of the catalog: found, ordered, added up, and told when it changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.catalog.browsing import (
    catalog_state,
    count_unfinished_jobs,
    instance_rows,
    series_of_studies,
    studies_of_patient,
    study_keys,
    study_rows,
    totals,
)
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.job_queue import LEASE_S
from mediastation.catalog.jobs import JobTable
from mediastation.catalog.selection import find_entries
from mediastation.catalog.upkeep import forget, reindex
from mediastation.model.browsing import StudyOrder
from mediastation.model.entry import Source
from tests.support.objects import write_ct


class Clock:
    """Tells a later second every time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "home") as catalog:
        take(catalog, tmp_path, study="1.1", series="1.1.1", uid="1.1.1.1")
        take(catalog, tmp_path, study="1.1", series="1.1.2", uid="1.1.2.1", Modality="SR")
        take(catalog, tmp_path, study="1.2", series="1.2.1", uid="1.2.1.1", StudyDate="20200101",
             PatientName="Müller^Zoë", PatientID="99", Modality="MR",
             StudyDescription="Knee")  # fmt: skip
        take(catalog, tmp_path, study="1.3", series="1.3.1", uid="1.3.1.1", StudyDate="20300101",
             AccessionNumber="50%_x")  # fmt: skip
        yield catalog


clock = Clock()


def take(
    catalog: Catalog, folder: Path, *, study: str, series: str, uid: str, **facts: object
) -> None:
    path = write_ct(
        folder / f"{uid}.dcm",
        StudyInstanceUID=study,
        SeriesInstanceUID=series,
        SOPInstanceUID=uid,
        **facts,
    )
    with Intake(catalog, clock) as intake:
        staged = intake.new_path()
        shutil.copy(path, staged)
        intake.keep(staged, Source("file", str(path)))


def uids(catalog: Catalog, typed: str = "", order: StudyOrder = StudyOrder.ARRIVAL) -> list[str]:
    keys = study_keys(catalog, typed, order)
    rows = study_rows(catalog, keys)
    return [rows[key].study_instance_uid for key in keys]


class TestOrder:
    def test_the_study_that_received_last_comes_first(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        assert uids(catalog) == ["1.3", "1.2", "1.1"]

        take(catalog, tmp_path, study="1.2", series="1.2.1", uid="1.2.1.2",
             PatientName="Müller^Zoë", PatientID="99")  # fmt: skip

        assert uids(catalog) == ["1.2", "1.3", "1.1"]

    def test_by_date_and_by_name(self, catalog: Catalog) -> None:
        assert uids(catalog, order=StudyOrder.DATE) == ["1.3", "1.1", "1.2"]
        assert uids(catalog, order=StudyOrder.NAME) == ["1.3", "1.1", "1.2"]

    def test_a_duplicate_is_no_arrival(self, catalog: Catalog, tmp_path: Path) -> None:
        take(catalog, tmp_path, study="1.1", series="1.1.1", uid="1.1.1.1")

        assert uids(catalog)[0] == "1.3"


class TestSearch:
    @pytest.mark.parametrize(
        ("typed", "found"),
        [
            ("muller", ["1.2"]),
            ("ZOË knee", ["1.2"]),
            ("sr", ["1.1"]),
            ("2020-01", ["1.2"]),
            ("50%_x", ["1.3"]),
            ("5%x", []),
            ("doe 99", []),
            ("1.2", ["1.2"]),
        ],
    )
    def test_every_word_has_to_match(self, catalog: Catalog, typed: str, found: list[str]) -> None:
        assert uids(catalog, typed) == found

    def test_reindexing_keeps_what_is_found_and_when_it_came(self, catalog: Catalog) -> None:
        before = study_rows(catalog, study_keys(catalog))

        reindex(catalog)

        after = study_rows(catalog, study_keys(catalog))
        assert {row.received_at for row in after.values()} == {
            row.received_at for row in before.values()
        }
        assert uids(catalog, "muller") == ["1.2"]


class TestRows:
    def test_a_study_has_what_its_series_add_up_to(self, catalog: Catalog) -> None:
        (key,) = study_keys(catalog, "sr")
        row = study_rows(catalog, [key])[key]

        assert (row.series, row.instances, row.modalities) == (2, 2, ("CT", "SR"))
        sizes = [series.size_bytes for series in series_of_studies(catalog, [key])[key]]
        assert row.size_bytes == sum(sizes)

    def test_what_is_gone_is_left_out(self, catalog: Catalog) -> None:
        assert study_rows(catalog, [77]) == {}
        assert series_of_studies(catalog, [77]) == {77: []}

    def test_instances_stand_in_their_order(self, catalog: Catalog, tmp_path: Path) -> None:
        take(catalog, tmp_path, study="1.1", series="1.1.1", uid="1.1.1.0", InstanceNumber="0")
        (key,) = study_keys(catalog, "sr")
        first = series_of_studies(catalog, [key])[key][0]

        assert [row.sop_instance_uid for row in instance_rows(catalog, first.id)] == [
            "1.1.1.0",
            "1.1.1.1",
        ]

    def test_the_studies_of_one_identity(self, catalog: Catalog) -> None:
        row = next(iter(study_rows(catalog, study_keys(catalog, "1.3")).values()))

        rows = study_rows(catalog, studies_of_patient(catalog, row.patient))

        assert {row.study_instance_uid for row in rows.values()} == {"1.1", "1.3"}


class TestTotals:
    def test_a_series_of_a_marked_study_counts_once(self, catalog: Catalog) -> None:
        whole = totals(catalog, ["1.1"])

        assert totals(catalog, ["1.1"], ["1.1.2"]) == whole
        assert whole.instances == 2
        assert totals(catalog, [], ["1.1.2"]).instances == 1

    def test_everyone_is_named_once(self, catalog: Catalog) -> None:
        people = totals(catalog, ["1.1", "1.2"], ["1.1.2", "1.3.1"]).people

        assert sorted(person.patient_name for person in people) == ["Doe^Jane", "Müller^Zoë"]

    def test_what_is_gone_is_named(self, catalog: Catalog) -> None:
        found = totals(catalog, ["1.1", "9.9"], ["8.8"])

        assert found.gone == ("9.9", "8.8")
        assert found.instances == 2


class TestState:
    def test_it_stays_while_nothing_happens(self, catalog: Catalog) -> None:
        assert catalog_state(catalog) == catalog_state(catalog)

    def test_an_arrival_in_an_old_study_changes_it(self, catalog: Catalog, tmp_path: Path) -> None:
        before = catalog_state(catalog)

        take(catalog, tmp_path, study="1.1", series="1.1.1", uid="1.1.1.9")

        assert catalog_state(catalog) != before

    def test_a_study_that_goes_changes_it(self, catalog: Catalog) -> None:
        before = catalog_state(catalog)

        forget(catalog, find_entries(catalog, "study:1.2"))

        assert catalog_state(catalog) != before


def test_a_job_whose_process_was_killed_does_not_count_as_running(catalog: Catalog) -> None:
    JobTable(catalog).create("export", {}, "root", "a process", 1000.0)

    assert count_unfinished_jobs(catalog, 1000.0) == {"running": 1}
    assert count_unfinished_jobs(catalog, 1000.0 + LEASE_S + 1) == {}
