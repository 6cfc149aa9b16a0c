"""The identity firewall."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.conformance.people import check_people
from mediastation.model.finding import Finding
from mediastation.model.identity import PatientIdentity, cluster_people, supplied_patient_id

JANE = PatientIdentity("4711", "", "Doe^Jane", "19700101", "F")
RITA = PatientIdentity("4712", "", "Roe^Rita", "19800808", "F")


def findings(*identities: PatientIdentity, several_patients: bool = False) -> list[Finding]:
    """Check a set with one instance for each identity."""
    people = cluster_people((identity, 1) for identity in identities)
    return check_people(people, several_patients=several_patients)


def rules(*identities: PatientIdentity, several_patients: bool = False) -> set[tuple[str, str]]:
    """Return rules with their severities."""
    return {
        (finding.rule, str(finding.severity))
        for finding in findings(*identities, several_patients=several_patients)
    }


def test_one_person_passes_without_a_word() -> None:
    assert findings(JANE) == []


def test_nobody_passes() -> None:
    """A set of hanging protocols has no person in it."""
    assert findings() == []


def test_two_people_stop_the_set_with_the_facts_of_both() -> None:
    summary, *each = findings(JANE, RITA)

    assert (summary.rule, summary.severity) == ("several-patients", "error")
    assert "2 people" in summary.message
    assert [finding.subject for finding in each] == ["patient:4711", "patient:4712"]
    for finding, facts in zip(each, (JANE, RITA), strict=True):
        for fact in (facts.patient_id, facts.name, facts.birth_date, facts.sex):
            assert fact in finding.message


def test_a_collection_that_was_asked_for_is_noted() -> None:
    assert rules(JANE, RITA, several_patients=True) == {("several-patients", "note")}


@pytest.mark.parametrize("several_patients", [False, True])
def test_two_people_never_share_one_id_on_a_medium(several_patients: bool) -> None:
    """PS3.3, F.5.1: Patient ID is unique over the PATIENT records."""
    found = rules(JANE, replace(RITA, patient_id="4711"), several_patients=several_patients)

    assert ("shared-patient-id", "error") in found


@pytest.mark.parametrize("several_patients", [False, True])
def test_issuers_do_not_make_one_id_two(several_patients: bool) -> None:
    """The directory has no key for the issuer."""
    (finding,) = [
        finding
        for finding in findings(
            replace(JANE, issuer="HERE"),
            replace(RITA, patient_id="4711", issuer="THERE"),
            several_patients=several_patients,
        )
        if finding.rule == "shared-patient-id"
    ]

    assert "different issuers" in finding.message
    assert "HERE" in finding.message
    assert "THERE" in finding.message


def test_ids_that_differ_in_case_alone_count_as_shared() -> None:
    found = rules(replace(JANE, patient_id="a1"), replace(RITA, patient_id="A1"))

    assert ("shared-patient-id", "error") in found


@pytest.mark.parametrize(("several_patients", "severity"), [(False, "error"), (True, "warning")])
def test_one_name_and_birth_date_under_two_ids_is_asked_about(
    several_patients: bool, severity: str
) -> None:
    found = rules(JANE, replace(JANE, patient_id="9"), several_patients=several_patients)

    assert found == {("one-person-two-ids", severity)}


def test_an_object_without_id_beside_one_with_an_id_is_asked_about() -> None:
    assert rules(JANE, replace(JANE, patient_id="")) == {("one-person-two-ids", "error")}


def test_one_name_alone_does_not_make_one_person() -> None:
    namesake = replace(JANE, patient_id="9", birth_date="19990909")

    assert rules(JANE, namesake) == {("several-patients", "error")}


def test_one_name_without_birth_dates_does_not_make_one_person() -> None:
    unknown = replace(JANE, birth_date="")

    assert rules(unknown, replace(unknown, patient_id="9")) == {("several-patients", "error")}


def test_a_spelling_is_a_note_that_says_what_the_directory_has() -> None:
    (finding,) = findings(JANE, JANE, replace(JANE, name="DOE^JANE"))

    assert (finding.rule, finding.severity) == ("identity-spelling", "note")


def test_the_spelling_of_most_instances_goes_to_the_directory() -> None:
    people = cluster_people([(JANE, 2), (replace(JANE, name="DOE^JANE"), 1)])

    (finding,) = check_people(people, several_patients=False)

    assert "The directory has: Patient ID 4711, Doe^Jane" in finding.message


def test_a_supplied_id_that_somebody_else_bears_is_found() -> None:
    """However unlikely by chance, a former medium may have been read in again."""
    nameless = replace(JANE, patient_id="")
    bearer = replace(RITA, patient_id=supplied_patient_id(nameless))

    assert ("shared-patient-id", "error") in rules(nameless, bearer, several_patients=True)


@pytest.mark.parametrize(
    "other", [replace(JANE, patient_id="", sex="M"), replace(JANE, patient_id="", issuer="B")]
)
@pytest.mark.parametrize(("several_patients", "severity"), [(False, "error"), (True, "warning")])
def test_two_people_without_id_who_look_like_one_are_asked_about(
    other: PatientIdentity, several_patients: bool, severity: str
) -> None:
    """Equal name and birth date, and a fact that contradicts: nothing tells whose image it is."""
    nameless = replace(JANE, patient_id="", issuer="A")
    found = rules(nameless, other, several_patients=several_patients)

    assert ("one-person-two-ids", severity) in found


few = st.builds(
    PatientIdentity,
    patient_id=st.sampled_from(["", "1", "2"]),
    issuer=st.sampled_from(["", "A", "B"]),
    name=st.sampled_from(["", "Doe^Jane", "Doe^Jane=山田", "Roe^Rita"]),
    birth_date=st.sampled_from(["", "19700101", "19800808"]),
    sex=st.sampled_from(["", "F", "M"]),
)


@given(st.lists(few, min_size=1, max_size=5))
def test_more_than_one_person_never_passes_unasked(identities: list[PatientIdentity]) -> None:
    people = cluster_people((identity, 1) for identity in identities)
    errors = [
        finding
        for finding in check_people(people, several_patients=False)
        if finding.severity == "error"
    ]

    assert bool(errors) == (len(people) > 1)
