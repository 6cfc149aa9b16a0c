"""The identity firewall."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.conformance.people import PeopleVerdict, check_people
from mediastation.model.finding import Finding
from mediastation.model.identity import (
    PatientIdentity,
    cluster_people,
    describe,
    supplied_patient_id,
)
from mediastation.model.name_spelling import compare_names

JANE = PatientIdentity("4711", "", "Doe^Jane", "19700101", "F")
RITA = PatientIdentity("4712", "", "Roe^Rita", "19800808", "F")


def verdict(*identities: PatientIdentity, **asked: bool) -> PeopleVerdict:
    """Check a set with one instance for each identity."""
    return check_people(cluster_people((identity, 1) for identity in identities), **asked)


def findings(*identities: PatientIdentity, **asked: bool) -> list[Finding]:
    """Return what is said of such a set."""
    return list(verdict(*identities, **asked).findings)


def rules(*identities: PatientIdentity, **asked: bool) -> set[tuple[str, str]]:
    """Return rules with their severities."""
    return {(finding.rule, str(finding.severity)) for finding in findings(*identities, **asked)}


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


@pytest.mark.parametrize(("several_patients", "severity"), [(False, "error"), (True, "warning")])
def test_two_people_under_one_id_stop_or_go_onto_volumes_of_their_own(
    several_patients: bool, severity: str
) -> None:
    """PS3.3, F.5.1: Patient ID is unique over the PATIENT records."""
    other = replace(RITA, patient_id="4711")
    (finding,) = [
        finding
        for finding in findings(JANE, other, several_patients=several_patients)
        if finding.rule == "shared-patient-id"
    ]

    assert finding.severity == severity
    assert "differ in name and birth date" in finding.message
    assert "Patient ID 4711, [Doe^Jane], [born 19700101], sex F" in finding.message
    assert "Patient ID 4711, [Roe^Rita], [born 19800808], sex F" in finding.message


@pytest.mark.parametrize(("several_patients", "severity"), [(False, "error"), (True, "warning")])
def test_one_id_of_two_issuers_is_told_from_one_id_of_one(
    several_patients: bool, severity: str
) -> None:
    """The directory has no key for the issuer, so the ID counts as shared all the same."""
    (finding,) = [
        finding
        for finding in findings(
            replace(JANE, issuer="HERE"),
            replace(RITA, patient_id="4711", issuer="THERE"),
            several_patients=several_patients,
        )
        if finding.rule != "several-patients"
    ]

    assert (finding.rule, finding.severity) == ("patient-id-of-issuers", severity)
    assert "[issuer HERE]" in finding.message
    assert "[issuer THERE]" in finding.message


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

    (finding,) = check_people(people).findings

    assert "The directory has: Patient ID 4711, Doe^Jane" in finding.message


def test_a_supplied_id_that_somebody_else_bears_is_found() -> None:
    """However unlikely by chance, a former medium may have been read in again."""
    nameless = replace(JANE, patient_id="")
    bearer = replace(RITA, patient_id=supplied_patient_id(nameless))

    assert ("shared-patient-id", "warning") in rules(nameless, bearer, several_patients=True)


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


MUELLER = replace(JANE, name="Müller^Jane")
CONFIRMABLE = [
    pytest.param(MUELLER, replace(MUELLER, name="Mueller^Jane"), "one-person-two-spellings"),
    pytest.param(JANE, replace(JANE, name="Jane^Doe"), "one-person-two-spellings"),
    pytest.param(JANE, replace(JANE, name="DOE JANE"), "one-person-two-spellings"),
    pytest.param(JANE, replace(JANE, name="Roe^Jane"), "shared-patient-id"),
    pytest.param(JANE, replace(JANE, birth_date="19700110"), "shared-patient-id"),
    pytest.param(JANE, replace(JANE, sex="M"), "shared-patient-id"),
    pytest.param(JANE, replace(JANE, patient_id="9"), "one-person-two-ids"),
    pytest.param(JANE, replace(JANE, patient_id=""), "one-person-two-ids"),
    pytest.param(replace(JANE, issuer="A"), replace(JANE, issuer="B"), "patient-id-of-issuers"),
]


@pytest.mark.parametrize(("one", "other", "rule"), CONFIRMABLE)
def test_a_likely_one_is_asked_about_by_the_rule_of_what_differs(
    one: PatientIdentity, other: PatientIdentity, rule: str
) -> None:
    (finding,) = findings(one, other)

    assert (finding.rule, finding.severity) == (rule, "error")
    assert "--confirm-identity" in finding.hint
    assert finding.message.count(" | ") == 2


@pytest.mark.parametrize(("one", "other"), [case.values[:2] for case in CONFIRMABLE])
class TestConfirmation:
    def test_joins_them_under_the_identity_of_most_instances(
        self, one: PatientIdentity, other: PatientIdentity
    ) -> None:
        done = check_people(cluster_people([(one, 1), (other, 2)]), confirm_identity=True)

        (person,) = done.people
        expected = replace(other, patient_id=other.patient_id or one.patient_id)
        assert person.identity == expected
        assert person.instances == 3
        (finding,) = done.findings
        assert (finding.rule, finding.severity) == ("identity-confirmed", "warning")
        assert f"The directory has: {describe(expected)}" in finding.message

    def test_leaves_strangers_of_a_collection_alone(
        self, one: PatientIdentity, other: PatientIdentity
    ) -> None:
        stranger = PatientIdentity("8888", "", "Stranger^Sam", "19550505", "M")

        done = verdict(one, other, stranger, several_patients=True, confirm_identity=True)

        assert sorted(len(person.variants) for person in done.people) == [1, 2]
        assert "error" not in {finding.severity for finding in done.findings}

    def test_does_not_cover_a_stranger_in_a_patients_set(
        self, one: PatientIdentity, other: PatientIdentity
    ) -> None:
        stranger = PatientIdentity("8888", "", "Stranger^Sam", "19550505", "M")

        found = rules(one, other, stranger, confirm_identity=True)

        assert {("identity-not-confirmed", "error"), ("several-patients", "error")} <= found


@pytest.mark.parametrize(
    "other",
    [
        RITA,
        replace(RITA, patient_id="4711"),
        replace(JANE, patient_id="9", birth_date="19800808"),
        replace(JANE, patient_id="9", sex="M"),
        replace(JANE, name="Doe^Berta"),
        replace(JANE, name="Roe^Jane", birth_date="19800808"),
        PatientIdentity(),
    ],
    ids=["all", "one-id", "namesake", "two-facts", "twin", "married-and-older", "nobody"],
)
def test_a_confirmation_joins_nobody_whom_nothing_suggests_to_be_one(
    other: PatientIdentity,
) -> None:
    done = verdict(JANE, other, confirm_identity=True)

    assert len(done.people) == 2
    assert ("identity-not-confirmed", "error") in {(f.rule, f.severity) for f in done.findings}


def test_a_chain_whose_ends_contradict_is_not_joined() -> None:
    """Each is like the next one, and the first and the last are two people."""
    chain = [
        JANE,
        replace(JANE, patient_id=""),
        replace(JANE, patient_id="", sex="M"),
    ]
    chain[2] = replace(chain[2], patient_id="9")

    done = verdict(*chain, confirm_identity=True)

    assert len(done.people) == 3
    assert "identity-confirmed" not in {finding.rule for finding in done.findings}


def test_ids_that_differ_in_zeros_or_punctuation_are_said_to() -> None:
    """They are two IDs all the same: nobody knows what zeros mean elsewhere."""
    (finding,) = findings(JANE, replace(JANE, patient_id="00-4711"))

    assert finding.rule == "one-person-two-ids"
    assert "differ in Patient ID (zeros or punctuation)" in finding.message


def test_a_confirmation_with_nothing_to_confirm_says_nothing() -> None:
    assert findings(JANE, confirm_identity=True) == []


def test_a_crowd_under_one_name_and_birth_date_is_never_joined() -> None:
    """Anonymous sets name everybody alike; it takes linear time to see that."""
    crowd = [replace(JANE, patient_id=str(number)) for number in range(3000)]

    done = verdict(*crowd, confirm_identity=True)

    assert len(done.people) == 3000
    (question,) = [f for f in done.findings if f.rule == "one-person-two-ids"]
    assert "2,992 more" in question.message
    assert "--confirm-identity" not in question.hint


def test_a_name_cannot_pass_for_two_identities_in_a_message() -> None:
    """Identities stand between bars; a name comes from outside."""
    sly = replace(RITA, patient_id="4711", name="Roe | Patient ID 4712, Doe^Jane")

    (finding,) = [f for f in findings(JANE, sly) if f.rule == "shared-patient-id"]

    assert finding.message.count("|") == 2


few = st.builds(
    PatientIdentity,
    patient_id=st.sampled_from(["", "1", "2"]),
    issuer=st.sampled_from(["", "A", "B"]),
    name=st.sampled_from(["", "Doe^Jane", "Doe^Jane=山田", "Roe^Rita", "Jane^Doe", "Roe^Jane"]),
    birth_date=st.sampled_from(["", "19700101", "19800808"]),
    sex=st.sampled_from(["", "F", "M"]),
)


@given(st.lists(few, min_size=1, max_size=5), st.booleans())
def test_more_than_one_person_never_passes_unasked(
    identities: list[PatientIdentity], confirm_identity: bool
) -> None:
    done = verdict(*identities, confirm_identity=confirm_identity)

    stopped = any(finding.severity == "error" for finding in done.findings)
    assert stopped == (len(done.people) > 1)


@given(st.lists(few, max_size=6), st.booleans(), st.booleans())
def test_a_collection_never_stops(
    identities: list[PatientIdentity], confirm_identity: bool, anything: bool
) -> None:
    found = rules(*identities, several_patients=True, confirm_identity=confirm_identity)

    assert "error" not in {severity for _, severity in found}


@given(st.lists(few, max_size=6), st.randoms(), st.booleans(), st.booleans())
def test_order_has_no_influence(
    identities: list[PatientIdentity], random: Random, several: bool, confirm: bool
) -> None:
    shuffled = list(identities)
    random.shuffle(shuffled)
    asked = {"several_patients": several, "confirm_identity": confirm}

    assert verdict(*shuffled, **asked) == verdict(*identities, **asked)


@given(st.lists(few, max_size=6))
def test_unlike_ids_with_unlike_names_are_never_joined(identities: list[PatientIdentity]) -> None:
    """Whatever lies between them, and whatever is confirmed."""
    for person in verdict(*identities, confirm_identity=True).people:
        for (one, _), (other, _) in combinations(person.variants, 2):
            unlike_ids = one.patient_id and other.patient_id and one.patient_id != other.patient_id
            names = {one.name, other.name} - {""}
            unlike_names = len(names) == 2 and compare_names(*sorted(names))[0] in {
                "other",
                "family",
            }
            assert not (unlike_ids and unlike_names)


@given(st.lists(few, max_size=6), st.booleans())
def test_everybody_is_in_exactly_one_person(
    identities: list[PatientIdentity], confirm: bool
) -> None:
    done = verdict(*identities, confirm_identity=confirm, several_patients=True)

    everybody = [variant for person in done.people for variant, _ in person.variants]
    assert sorted(everybody) == sorted(set(identities))
