"""A decision is remembered for its contradiction and origin, and for nothing else."""

from __future__ import annotations

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.import_decisions import (
    forget_decision,
    iter_decisions,
    recall_decision,
    remember_decision,
)
from mediastation.model.importing import Standing, Verdict

HEADER, PATIENT = Standing.OTHER_HEADER, Standing.OTHER_PATIENT


def remember(catalog: Catalog, verdict: Verdict = Verdict.KEEP, now: float = 1.0) -> int:
    decision = remember_decision(
        catalog, "St. Elsewhere", HEADER, "abc", verdict, "Dr. Müller", now, "seen by me"
    )
    return decision.number


def test_what_was_decided_comes_back_with_who_and_when(catalog: Catalog) -> None:
    number = remember(catalog, Verdict.LEAVE, 1764000000.5)

    decision = recall_decision(catalog, "St. Elsewhere", HEADER, "abc")

    assert decision is not None
    assert decision.number == number
    assert (decision.origin, decision.standing, decision.subject) == (
        "St. Elsewhere",
        HEADER,
        "abc",
    )
    assert decision.verdict is Verdict.LEAVE
    assert (decision.who, decision.at, decision.note) == ("Dr. Müller", 1764000000.5, "seen by me")


@pytest.mark.parametrize(
    ("origin", "standing", "subject"),
    [
        ("another hospital", HEADER, "abc"),
        ("St. Elsewhere", PATIENT, "abc"),
        ("St. Elsewhere", HEADER, "abd"),
        ("st. elsewhere", HEADER, "abc"),
    ],
)
def test_it_counts_for_nothing_else(
    catalog: Catalog, origin: str, standing: Standing, subject: str
) -> None:
    remember(catalog)

    assert recall_decision(catalog, origin, standing, subject) is None


def test_the_newest_counts_whatever_the_clock_says(catalog: Catalog) -> None:
    remember(catalog, Verdict.KEEP, now=2.0)
    remember(catalog, Verdict.LEAVE, now=1.0)

    decision = recall_decision(catalog, "St. Elsewhere", HEADER, "abc")

    assert decision is not None
    assert decision.verdict is Verdict.LEAVE


def test_what_is_forgotten_does_not_bring_an_older_one_back(catalog: Catalog) -> None:
    remember(catalog, Verdict.KEEP)
    other = remember_decision(catalog, "x", PATIENT, "abc", Verdict.KEEP, "me", 1.0)
    newest = remember(catalog, Verdict.LEAVE)

    assert forget_decision(catalog, newest)

    assert recall_decision(catalog, "St. Elsewhere", HEADER, "abc") is None
    assert list(iter_decisions(catalog)) == [other]
    assert not forget_decision(catalog, newest)


def test_they_are_listed_newest_first_and_by_origin(catalog: Catalog) -> None:
    made = [
        remember_decision(catalog, origin, PATIENT, f"s{n}", Verdict.KEEP, "me", float(n))
        for n, origin in enumerate(["a", "b", "a"])
    ]

    assert list(iter_decisions(catalog)) == made[::-1]
    assert list(iter_decisions(catalog, "a")) == [made[2], made[0]]


@pytest.mark.parametrize("lacking", ["origin", "subject", "who"])
def test_a_decision_by_nobody_or_about_nothing_is_refused(catalog: Catalog, lacking: str) -> None:
    facts = {"origin": "a", "subject": "s", "who": "me"} | {lacking: ""}

    with pytest.raises(ValueError, match="a decision needs"):
        remember_decision(
            catalog, facts["origin"], PATIENT, facts["subject"], Verdict.KEEP, facts["who"], 1.0
        )


def test_names_of_any_bytes_can_decide(catalog: Catalog) -> None:
    remember_decision(catalog, "a\0b", HEADER, "s", Verdict.KEEP, "who\udcff", 1.0, "n\0te")

    decision = recall_decision(catalog, "a\0b", HEADER, "s")

    assert decision is not None
    assert decision.verdict is Verdict.KEEP
