"""Who may be confirmed to be one person. The table is typed here once more, fact by fact."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.identity import PatientIdentity
from mediastation.model.likeness import Agreement, Verdict, compare_identities

DOE = PatientIdentity("4711", "HOSPITAL", "Müller^Jane", "19700101", "F")
SPELT = "Mueller^Jane"
MARRIED = "Meyer^Jane"
TWIN = "Müller^Berta"
OTHER = "Roe^Rita"
SHORT = "Müller^J"
KANJI = "=山田^太郎"
SAME, LIKELY, APART = Verdict.SAME, Verdict.LIKELY, Verdict.APART


def row(
    verdict: Verdict,
    patient_id: str = "4711",
    name: str = "Müller^Jane",
    birth_date: str = "19700101",
    sex: str = "F",
    issuer: str = "HOSPITAL",
) -> object:
    """One line of the table: what the second identity says otherwise, and what follows."""
    return pytest.param(PatientIdentity(patient_id, issuer, name, birth_date, sex), verdict)


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        # The Patient ID agrees.
        row(SAME),
        row(SAME, birth_date=""),
        row(SAME, issuer="", sex=""),
        row(LIKELY, name=SPELT),
        row(LIKELY, name=SPELT, birth_date=""),
        row(LIKELY, name=SHORT),
        row(LIKELY, name="", birth_date=""),
        row(LIKELY, birth_date="19700110"),
        row(APART, birth_date="19700110", name=SPELT),
        row(APART, birth_date="19700110", name=MARRIED),
        row(APART, birth_date="19700110", name=""),
        row(APART, birth_date="19700110", sex="M"),
        row(LIKELY, sex="M"),
        row(LIKELY, sex="M", name=SPELT),
        row(APART, sex="M", name=SHORT),
        row(APART, sex="M", birth_date=""),
        row(LIKELY, name=MARRIED),
        row(APART, name=MARRIED, sex="M"),
        row(APART, name=MARRIED, sex=""),
        row(APART, name=MARRIED, birth_date=""),
        row(APART, name=TWIN),
        row(APART, name=OTHER),
        row(LIKELY, name=KANJI),
        row(APART, name=KANJI, birth_date=""),
        row(APART, name=KANJI, sex="M"),
        # It differs, or the issuer does.
        row(LIKELY, patient_id="9"),
        row(LIKELY, patient_id="9", name=SPELT),
        row(LIKELY, patient_id="9", sex=""),
        row(APART, patient_id="9", sex="M"),
        row(APART, patient_id="9", name=SHORT),
        row(APART, patient_id="9", name=MARRIED),
        row(APART, patient_id="9", name=KANJI),
        row(APART, patient_id="9", birth_date=""),
        row(APART, patient_id="9", birth_date="19700110"),
        row(LIKELY, issuer="OTHER"),
        row(APART, issuer="OTHER", name=MARRIED),
        row(APART, issuer="OTHER", birth_date=""),
        # There is none.
        row(LIKELY, patient_id=""),
        row(LIKELY, patient_id="", sex="M"),
        row(LIKELY, patient_id="", name=SPELT),
        row(APART, patient_id="", name=MARRIED),
        row(APART, patient_id="", birth_date=""),
        row(APART, patient_id="", birth_date="19700110"),
        row(APART, patient_id="", name=""),
    ],
)
def test_the_table_of_confirmations(other: PatientIdentity, verdict: Verdict) -> None:
    assert compare_identities(DOE, other).verdict is verdict
    assert compare_identities(other, DOE).verdict is verdict


def test_two_objects_of_nobody_are_not_like_each_other() -> None:
    one = PatientIdentity(birth_date="19700101", sex="F")

    assert compare_identities(one, replace(one, sex="M")).verdict is APART


def test_a_number_of_another_issuer_is_another_number() -> None:
    found = compare_identities(DOE, replace(DOE, issuer="OTHER"))

    assert (found.patient_id, found.issuer) == (Agreement.DIFFERS, Agreement.DIFFERS)


ANY = st.builds(
    PatientIdentity,
    patient_id=st.sampled_from(["", "1", "2"]),
    issuer=st.sampled_from(["", "A", "B"]),
    name=st.sampled_from(["", "Doe^Jane", "Jane^Doe", "Doe^J", "Roe^Jane", "Roe^Rita", "=山田"]),
    birth_date=st.sampled_from(["", "19700101", "19800101"]),
    sex=st.sampled_from(["", "F", "M"]),
)


@given(ANY, ANY)
def test_two_contradictions_are_two_people(one: PatientIdentity, other: PatientIdentity) -> None:
    found = compare_identities(one, other)
    facts = [found.patient_id, found.birth_date, found.sex]
    contradictions = facts.count(Agreement.DIFFERS) + (found.name in {"family", "other"})

    assert contradictions < 2 or found.verdict is APART


@given(ANY, ANY)
def test_one_fact_alone_makes_nobody_likely_but_the_patient_id(
    one: PatientIdentity, other: PatientIdentity
) -> None:
    found = compare_identities(one, other)
    agreeing = [found.patient_id, found.birth_date].count(Agreement.AGREES)
    agreeing += found.name in {"same", "spelling", "part"}

    if found.verdict is LIKELY and agreeing < 2:
        assert found.patient_id is Agreement.AGREES
        assert Agreement.DIFFERS not in (found.birth_date, found.sex)


@given(ANY, ANY)
def test_order_has_no_influence(one: PatientIdentity, other: PatientIdentity) -> None:
    assert compare_identities(one, other) == compare_identities(other, one)
