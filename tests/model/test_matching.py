from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.identity import PatientIdentity
from mediastation.model.likeness import Agreement, Verdict
from mediastation.model.matching import AskedFor, compare_outside, rank_candidates, with_issuer
from mediastation.model.reconciliation import Candidate, CandidateOrigin, Order

WORKLIST, PEER, CATALOG = (
    CandidateOrigin.WORKLIST,
    CandidateOrigin.PEER,
    CandidateOrigin.CATALOG,
)
OUTSIDE = PatientIdentity("77", "ELSEWHERE", "Doe^Jane", "19700102", "F")
LOCAL = PatientIdentity("4711", "HOSPITAL", "Doe^Jane", "19700102", "F")


def candidate(origin: CandidateOrigin = PEER, accession: str = "", **changes: str) -> Candidate:
    order = Order(accession_number=accession) if accession else None
    return Candidate(replace(LOCAL, **changes), origin, order=order)


class TestCompare:
    """A Patient ID counts under one issuer alone."""

    @pytest.mark.parametrize(
        ("theirs", "ours", "verdict", "agreement"),
        [
            ("HOSPITAL", "HOSPITAL", Verdict.SAME, Agreement.AGREES),
            ("hospital ", "HOSPITAL", Verdict.SAME, Agreement.AGREES),
            ("ELSEWHERE", "HOSPITAL", Verdict.LIKELY, Agreement.GAP),
            ("", "HOSPITAL", Verdict.LIKELY, Agreement.GAP),
            ("HOSPITAL", "", Verdict.LIKELY, Agreement.GAP),
            ("", "", Verdict.LIKELY, Agreement.GAP),
        ],
    )
    def test_an_equal_number_counts_only_under_an_equal_issuer(
        self, theirs: str, ours: str, verdict: Verdict, agreement: Agreement
    ) -> None:
        outside = replace(LOCAL, issuer=theirs)

        likeness = compare_outside(outside, replace(LOCAL, issuer=ours))

        assert (likeness.verdict, likeness.patient_id) == (verdict, agreement)

    @pytest.mark.parametrize("issuer", ["", "ELSEWHERE"])
    @pytest.mark.parametrize(
        "stranger",
        [
            {"name": "Roe^Rita", "birth_date": "19800304", "sex": "M"},
            {"name": "Roe^Rita"},
            {"birth_date": "19800304"},
            {"name": ""},
            {"birth_date": ""},
            {"name": "", "birth_date": "", "sex": ""},
        ],
    )
    def test_a_number_alone_suggests_nobody(self, issuer: str, stranger: dict[str, str]) -> None:
        outside = replace(LOCAL, issuer=issuer)

        assert compare_outside(outside, replace(LOCAL, **stranger)).verdict is Verdict.APART

    def test_another_number_of_the_same_issuer_speaks_against_one_person(self) -> None:
        outside = replace(LOCAL, patient_id="77")

        assert compare_outside(outside, LOCAL).patient_id is Agreement.DIFFERS

    @given(st.text(max_size=3), st.text(max_size=3), st.text(max_size=3))
    def test_whatever_the_numbers_a_stranger_of_another_issuer_stays_one(
        self, number: str, issuer: str, other: str
    ) -> None:
        """Without name and birth date agreeing, no number joins two domains."""
        outside = PatientIdentity(number, f"A{issuer}", "Doe^Jane", "19700102", "F")
        local = PatientIdentity(number, f"B{other}", "Roe^Rita", "19700102", "F")

        assert compare_outside(outside, local).verdict is Verdict.APART


class TestRank:
    def test_at_equal_likeness_orders_come_first_then_peers_then_the_catalog(self) -> None:
        those = [
            candidate(CATALOG, patient_id="3"),
            candidate(PEER, patient_id="2"),
            candidate(WORKLIST, "A1", patient_id="1"),
        ]
        for order in permutations(those):
            found = [match.candidate.origin for match in rank_candidates(OUTSIDE, order)]
            assert found == [WORKLIST, PEER, CATALOG]

    def test_the_better_verdict_goes_before_the_better_source(self) -> None:
        outside = replace(LOCAL, patient_id="4711")
        likely = candidate(WORKLIST, "A1", patient_id="1", name="Döe^Jane")
        same = candidate(CATALOG)

        found = rank_candidates(outside, [likely, same])

        assert [match.likeness.verdict for match in found] == [Verdict.SAME, Verdict.LIKELY]

    def test_one_person_in_every_source_is_the_order(self) -> None:
        those = [candidate(origin) for origin in (CATALOG, PEER)] + [candidate(WORKLIST, "A1")]
        for order in permutations(those):
            (match,) = rank_candidates(OUTSIDE, order)
            assert match.candidate.order is not None

    def test_several_orders_of_one_patient_stay_several(self) -> None:
        those = [candidate(WORKLIST, "A1"), candidate(WORKLIST, "A2"), candidate(PEER)]

        found = rank_candidates(OUTSIDE, those)

        assert [one.candidate.order and one.candidate.order.accession_number for one in found] == [
            "A1", "A2",
        ]  # fmt: skip

    def test_of_equal_ones_in_one_source_the_fuller_stays(self) -> None:
        (match,) = rank_candidates(OUTSIDE, [candidate(sex=""), candidate(), candidate(issuer="")])

        assert match.candidate.identity == LOCAL

    def test_contradicting_ones_with_one_number_are_all_shown(self) -> None:
        assert len(rank_candidates(OUTSIDE, [candidate(), candidate(CATALOG, sex="M")])) == 2

    def test_strangers_are_left_out(self) -> None:
        """A twin: another given name, all else equal."""
        assert rank_candidates(OUTSIDE, [candidate(name="Doe^Joan")]) == ()

    def test_a_stranger_with_the_number_that_was_asked_for_is_shown_as_one(self) -> None:
        stranger = candidate(name="Roe^Rita")

        (match,) = rank_candidates(OUTSIDE, [stranger, candidate(patient_id="9")], AskedFor("4711"))

        assert match.candidate == stranger
        assert match.likeness.verdict is Verdict.APART

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            (AskedFor("", "A1"), ["A1"]),
            (AskedFor("4711", "A1"), ["A1"]),
            (AskedFor("4712", "A1"), []),
            (AskedFor("", "A3"), []),
            (AskedFor("4711"), ["A1", "A2"]),
        ],
    )
    def test_only_who_bears_all_numbers_that_were_asked_for_is_returned(
        self, asked: AskedFor, found: list[str]
    ) -> None:
        """A peer may not match by a key, and answer with everybody."""
        those = [candidate(WORKLIST, "A1"), candidate(WORKLIST, "A2")]

        matches = rank_candidates(OUTSIDE, those, asked)

        assert [
            one.candidate.order and one.candidate.order.accession_number for one in matches
        ] == (found)

    def test_who_was_remembered_is_marked_never_left_out_and_first_among_equals(self) -> None:
        married = candidate(CATALOG, patient_id="5", name="Roe^Jane")
        twice = candidate(PEER, patient_id="6")

        (match,) = rank_candidates(OUTSIDE, [married], remembered=married.identity)
        assert match.remembered

        found = rank_candidates(
            OUTSIDE, [candidate(WORKLIST, "A1"), twice], remembered=twice.identity
        )
        assert (found[0].candidate, found[0].remembered) == (twice, True)
        assert not found[1].remembered

    def test_the_order_does_not_depend_on_the_order_of_the_answers(self) -> None:
        those = [candidate(patient_id=str(number)) for number in range(5)]
        first = rank_candidates(OUTSIDE, those)

        assert all(rank_candidates(OUTSIDE, one) == first for one in permutations(those))


def test_the_issuer_of_the_site_fills_a_gap_and_replaces_nothing() -> None:
    assert with_issuer(candidate(issuer=""), "HOSPITAL").identity == LOCAL
    assert with_issuer(candidate(issuer="OTHER"), "HOSPITAL").identity.issuer == "OTHER"
    assert with_issuer(candidate(issuer=""), "").identity.issuer == ""
    assert with_issuer(candidate(issuer="", patient_id=""), "HOSPITAL").identity.issuer == ""
