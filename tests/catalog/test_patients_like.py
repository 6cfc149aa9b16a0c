from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.patients_like import patients_born_on, patients_with_id
from mediastation.model.entry import Source
from mediastation.model.identity import PatientIdentity
from tests.support.objects import write_ct

OUTSIDE = "medium"
# What another database could not do otherwise is tried on one.
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
COUNT = iter(range(1, 1_000_000))
PERSON: dict[str, Any] = {
    "PatientID": "1",
    "PatientName": "Doe^Jane",
    "PatientBirthDate": "19700102",
}


def keep(catalog: Catalog, kind: str = "network", **facts: str) -> int:
    number = next(COUNT)
    uids = {
        "SOPInstanceUID": f"1.2.{number}",
        "SeriesInstanceUID": f"1.3.{number}",
        "StudyInstanceUID": f"1.4.{number}",
    }
    with Intake(catalog) as intake:
        values: dict[str, Any] = uids | PERSON | facts
        path = write_ct(intake.new_path(), **values)
        return intake.keep(path, Source(kind, "/x")).entry_id


def names(found: tuple[PatientIdentity, ...]) -> list[str]:
    return [identity.name for identity in found]


class TestById:
    def test_an_identity_comes_whole(self, catalog: Catalog) -> None:
        keep(catalog, PatientID="4711", IssuerOfPatientID="HOSPITAL", PatientSex="F")

        found = patients_with_id(catalog, "4711", OUTSIDE)

        assert found.identities == (
            PatientIdentity("4711", "HOSPITAL", "Doe^Jane", "19700102", "F"),
        )
        assert found.complete

    def test_others_stay_out_and_every_spelling_comes(self, catalog: Catalog) -> None:
        for number, name in (("4711", "Doe^Jane"), ("4711", "Doe^J"), ("47110", "Roe^Rita")):
            keep(catalog, PatientID=number, PatientName=name)

        assert names(patients_with_id(catalog, "4711", OUTSIDE).identities) == [
            "Doe^J", "Doe^Jane",
        ]  # fmt: skip

    def test_nobody_is_found_by_no_number(self, catalog: Catalog) -> None:
        keep(catalog, PatientID="")

        assert patients_with_id(catalog, "", OUTSIDE).identities == ()

    def test_the_limit_cuts_and_says_so(self, catalog: Catalog) -> None:
        for name in ("A^1", "A^2", "A^3"):
            keep(catalog, PatientName=name)

        found = patients_with_id(catalog, "1", OUTSIDE, limit=2)

        assert (names(found.identities), found.complete) == (["A^1", "A^2"], False)
        assert patients_with_id(catalog, "1", OUTSIDE, limit=3).complete


class TestWhoseTheyAre:
    def test_who_came_on_a_medium_alone_is_none_of_ours(self, catalog: Catalog) -> None:
        keep(catalog, OUTSIDE)

        assert patients_with_id(catalog, "1", OUTSIDE).identities == ()
        assert patients_born_on(catalog, "19700102", "Doe", OUTSIDE).identities == ()

    @pytest.mark.parametrize("kind", ["network", "folder", "reconciled"])
    def test_who_came_another_way_as_well_is_ours(self, catalog: Catalog, kind: str) -> None:
        keep(catalog, OUTSIDE)
        keep(catalog, kind)

        assert names(patients_with_id(catalog, "1", OUTSIDE).identities) == ["Doe^Jane"]

    def test_a_copy_for_a_medium_does_not_make_an_outside_patient_ours(
        self, catalog: Catalog
    ) -> None:
        original = keep(catalog, OUTSIDE)
        with Intake(catalog) as intake:
            path = write_ct(intake.new_path(), **PERSON, SOPInstanceUID="1.2.9")
            intake.commit([intake.stage_prepared(path, original, "recipe", ())])

        assert patients_with_id(catalog, "1", OUTSIDE).identities == ()

    def test_who_is_in_the_index_without_any_instance_is_not_found(self, catalog: Catalog) -> None:
        keep(catalog)
        with catalog.writing() as connection:
            connection.execute(text("DELETE FROM instances"))

        assert patients_with_id(catalog, "1", OUTSIDE).identities == ()


class TestByBirthDate:
    @on_sqlite
    @pytest.mark.parametrize("here", ["19700102", "1970.01.02"])
    @pytest.mark.parametrize("asked", ["19700102", "1970.01.02", " 19700102 "])
    def test_both_forms_of_a_date_are_one(self, catalog: Catalog, here: str, asked: str) -> None:
        keep(catalog, PatientBirthDate="19700103", PatientName="Roe^Rita")
        entry = keep(catalog)
        with catalog.writing() as connection:
            connection.execute(
                text("UPDATE patients SET patient_birth_date=:day WHERE patient_name='Doe^Jane'"),
                {"day": here},
            )

        assert entry
        assert names(patients_born_on(catalog, asked, "", OUTSIDE).identities) == ["Doe^Jane"]

    @on_sqlite
    @pytest.mark.parametrize("asked", ["", "1970", "1970010", "197001022", "١٩٧٠٠١٠٢", "197?0102"])
    def test_without_a_date_nobody_is_returned(self, catalog: Catalog, asked: str) -> None:
        keep(catalog, PatientBirthDate="")

        assert patients_born_on(catalog, asked, "Doe^Jane", OUTSIDE).identities == ()

    def test_names_that_begin_alike_come_first_and_are_not_cut_off(self, catalog: Catalog) -> None:
        """Dates that stand for "not known" have more people than are looked at."""
        for number in range(5):
            keep(catalog, PatientID=str(number), PatientName=f"Adams^{number}")
        keep(catalog, PatientID="8", PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 192")

        found = patients_born_on(catalog, "19700102", "MUELLER^JOERG", OUTSIDE, limit=3)
        assert names(found.identities)[0] == "Müller^Jörg"
        assert (len(found.identities), found.complete) == (3, False)

    def test_names_that_begin_otherwise_come_too_and_each_once(self, catalog: Catalog) -> None:
        keep(catalog, PatientName="Jane^Doe")
        keep(catalog, PatientName="Doe^Jane")

        found = patients_born_on(catalog, "19700102", "Doe^Jane", OUTSIDE)

        assert (names(found.identities), found.complete) == (["Doe^Jane", "Jane^Doe"], True)

    @on_sqlite
    @pytest.mark.parametrize("name", ["", "^^", "\U0010ffff", "%_"])
    def test_a_name_that_says_nothing_does_no_harm(self, catalog: Catalog, name: str) -> None:
        keep(catalog)

        assert len(patients_born_on(catalog, "19700102", name, OUTSIDE).identities) == 1


@on_sqlite
def test_no_question_reads_all_patients_or_all_instances(catalog: Catalog) -> None:
    asked: list[tuple[str, Any]] = []

    def listen(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        asked.append((statement, values))

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        patients_with_id(catalog, "1", OUTSIDE)
        patients_born_on(catalog, "19700102", "Doe^Jane", OUTSIDE)
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    questions = [one for one in asked if one[0].startswith("SELECT")]
    with catalog.reading() as connection:
        plans = [
            [
                str(row[3])
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
            ]
            for text, values in questions
        ]

    assert len(plans) == 3
    for plan in plans:
        assert not [step for step in plan if step.startswith("SCAN")], plan
    by_birth_date = [step for step in plans[2] if "SEARCH patients" in step]
    assert "patients_by_birth_date" in by_birth_date[0]
