"""The rule that asks nobody: everything that is not certain is left to a person."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.config import ReconcileRules
from mediastation.model.finding import note, warning
from mediastation.model.identity import PatientIdentity
from mediastation.model.matching import MatchList, rank_candidates
from mediastation.model.reconciliation import Candidate, CandidateOrigin, Match, Order
from mediastation.station.reconciling.automatic import rule_allows_automatic

ON = ReconcileRules(automatic=True)
OUTSIDE = PatientIdentity("77", "ELSEWHERE", "Doe^Jane", "19700102", "F")
LOCAL = PatientIdentity("4711", "HOSPITAL", "Doe^Jane", "19700102", "F")


def candidate(
    local: PatientIdentity = LOCAL, origin: CandidateOrigin = CandidateOrigin.WORKLIST
) -> Candidate:
    return Candidate(local, origin, "ris", Order("A1"))


def found(*candidates: Candidate, outside: PatientIdentity = OUTSIDE) -> MatchList:
    return MatchList(rank_candidates(outside, candidates))


def decide(
    outside: PatientIdentity = OUTSIDE,
    local: PatientIdentity = LOCAL,
    origin: CandidateOrigin = CandidateOrigin.WORKLIST,
) -> Match | None:
    return rule_allows_automatic(ON, outside, found(candidate(local, origin), outside=outside))


@pytest.mark.parametrize("origin", [CandidateOrigin.WORKLIST, CandidateOrigin.PEER])
def test_one_candidate_that_agrees_in_all_is_taken(origin: CandidateOrigin) -> None:
    match = decide(origin=origin)

    assert match is not None
    assert match.candidate == candidate(origin=origin)


@pytest.mark.parametrize(
    ("outside", "local"),
    [
        ({"name": "DOE^JANE"}, {}),
        ({"name": "Doe^Jane^^^ "}, {}),
        ({"birth_date": "1970.01.02"}, {}),
        ({"patient_id": "", "issuer": ""}, {}),
        ({"patient_id": "4711", "issuer": "HOSPITAL"}, {}),
        ({}, {"issuer": ""}),
        ({}, {"name": "Doe^Jane=山田^花子"}),
    ],
)
def test_what_means_nothing_does_not_keep_it_from_being_taken(
    outside: dict[str, str], local: dict[str, str]
) -> None:
    assert decide(replace(OUTSIDE, **outside), replace(LOCAL, **local)) is not None


def test_without_the_rule_nothing_is_taken() -> None:
    assert rule_allows_automatic(ReconcileRules(), OUTSIDE, found(candidate())) is None


@pytest.mark.parametrize("origin", [CandidateOrigin.CATALOG, CandidateOrigin.TYPED])
def test_neither_the_catalog_nor_the_keyboard_vouches_enough(origin: CandidateOrigin) -> None:
    assert decide(origin=origin) is None


@pytest.mark.parametrize("side", ["outside", "local"])
@pytest.mark.parametrize(
    "gap",
    [
        {"name": ""},
        {"name": "Doe"},
        {"name": "Doe^"},
        {"name": "^Jane"},
        {"birth_date": ""},
        {"birth_date": "1970"},
        {"birth_date": "19700000"},
        {"birth_date": "19701332"},
        {"sex": ""},
        {"sex": "U"},
    ],
)
def test_a_gap_on_either_side_is_left_to_a_person(side: str, gap: dict[str, str]) -> None:
    if side == "outside":
        assert decide(outside=replace(OUTSIDE, **gap)) is None
    else:
        assert decide(local=replace(LOCAL, **gap)) is None


@pytest.mark.parametrize(
    "both",
    [
        {"name": "Doe"},
        {"name": "^Jane"},
        {"name": "Unknown^Unknown"},
        {"birth_date": "19000101"},
        {"birth_date": "00000000"},
        {"birth_date": "18991332"},
        {"birth_date": "١٩٧٠٠١٠٢"},
        {"birth_date": ""},
        {"sex": ""},
        {"sex": "U"},
    ],
)
def test_what_is_written_where_nobody_knew_agrees_with_nothing(both: dict[str, str]) -> None:
    """Both sides say the same, and it still tells nobody apart."""
    outside, local = replace(OUTSIDE, **both), replace(LOCAL, **both)
    matches = MatchList((Match(candidate(local), found(candidate()).matches[0].likeness),))

    assert rule_allows_automatic(ON, outside, matches) is None


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Doe^Joan"},  # a twin
        {"name": "Doe^Jane^M"},
        {"name": "Döe^Jane"},
        {"name": "Jane^Doe"},
        {"name": "Doe^J"},
        {"name": "Doe^Jane^^Dr"},
        {"name": "Doe-Roe^Jane"},
        {"name": "Доу^Джейн"},
        {"birth_date": "19700201"},
        {"sex": "M"},
        {"sex": "O"},
    ],
)
def test_a_difference_is_left_to_a_person_whatever_the_list_says(other: dict[str, str]) -> None:
    """Also where the likeness that was handed in is that of somebody else."""
    local = replace(LOCAL, **other)
    matches = MatchList((Match(candidate(local), found(candidate()).matches[0].likeness),))

    assert rule_allows_automatic(ON, OUTSIDE, matches) is None


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Doe=山田^太郎", "Doe"),
        ("Doe", "Doe=山田^太郎"),
        ("Doe=山田^太郎", "Doe==ヤマダ^タロウ"),
    ],
)
def test_a_name_is_whole_in_the_group_that_agrees_or_nowhere(theirs: str, ours: str) -> None:
    assert decide(replace(OUTSIDE, name=theirs), replace(LOCAL, name=ours)) is None


def test_another_number_of_the_same_issuer_is_left_to_a_person() -> None:
    """Two registrations of one patient, or two people."""
    assert decide(replace(OUTSIDE, issuer="HOSPITAL")) is None


def test_a_candidate_without_a_number_of_this_site_is_left_to_a_person() -> None:
    assert decide(local=replace(LOCAL, patient_id="", issuer="")) is None


def test_two_candidates_are_left_to_a_person() -> None:
    two = found(candidate(), candidate(replace(LOCAL, patient_id="4712")))

    assert len(two.matches) == 2
    assert rule_allows_automatic(ON, OUTSIDE, two) is None


def test_two_orders_of_one_patient_are_left_to_a_person() -> None:
    two = found(candidate(), replace(candidate(), order=Order("A2")))

    assert len(two.matches) == 2
    assert rule_allows_automatic(ON, OUTSIDE, two) is None


def test_nobody_is_nobody() -> None:
    assert rule_allows_automatic(ON, OUTSIDE, MatchList()) is None


def test_where_somebody_may_be_missing_a_person_decides() -> None:
    whole = found(candidate())

    for rule in ("source-failed", "more-candidates", "remembered-missing"):
        short = replace(whole, findings=(warning(rule, "ris", "x"),))
        assert rule_allows_automatic(ON, OUTSIDE, short) is None
    assert rule_allows_automatic(ON, OUTSIDE, replace(whole, findings=(note("x", "y", "z"),)))


FACTS = st.builds(
    PatientIdentity,
    st.sampled_from(["", "4711", "77"]),
    st.sampled_from(["", "HOSPITAL", "ELSEWHERE"]),
    st.sampled_from(["", "Doe^Jane", "DOE^JANE", "Doe^Joan", "Doe", "Döe^Jane", "Jane^Doe"]),
    st.sampled_from(["", "19700102", "19700103", "1970.01.02"]),
    st.sampled_from(["", "F", "M", "O"]),
)


@given(FACTS, st.lists(FACTS, max_size=3))
def test_what_is_taken_agrees_in_every_fact_and_is_the_only_one(
    outside: PatientIdentity, locals_: list[PatientIdentity]
) -> None:
    """The claim of the rule, said in other words than its code."""
    matches = found(*map(candidate, locals_), outside=outside)
    match = rule_allows_automatic(ON, outside, matches)
    if match is None:
        return
    local = match.candidate.identity

    assert len(matches.matches) == 1
    assert outside.name.casefold() == local.name.casefold() != ""
    assert outside.birth_date.replace(".", "") == local.birth_date.replace(".", "") != ""
    assert outside.sex == local.sex != ""
    assert local.patient_id
    if outside.issuer and outside.issuer == local.issuer and outside.patient_id:
        assert outside.patient_id == local.patient_id
