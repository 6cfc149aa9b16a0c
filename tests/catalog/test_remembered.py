from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.remembered import (
    forget_identity,
    is_memorable,
    recall_identity,
    remember_identity,
)
from mediastation.model.identity import PatientIdentity
from mediastation.model.reconciliation import Candidate, CandidateOrigin, CodedEntry, Order

# What another database could not do otherwise is tried on one.
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
OUTSIDE = PatientIdentity("77", "ELSEWHERE", "Doe^Jane=山田", "19700102", "F")
LOCAL = PatientIdentity("4711", "HOSPITAL", "Doe^Jane", "19700102", "F")
CANDIDATE = Candidate(
    LOCAL,
    CandidateOrigin.WORKLIST,
    "ris",
    Order(
        accession_number="A1",
        accession_issuer="RIS",
        scheduled_at="20261123",
        procedure_codes=(CodedEntry("IMP", "99SITE", "Import", "1"),),
        referenced_study=(("1.2", "1.3"),),
    ),
    (("X9", "OLD"),),
)


def remember(catalog: Catalog, origin: str = "Elsewhere", **changes: object) -> bool:
    words = {"outside": OUTSIDE, "candidate": CANDIDATE, "who": "ann", "now": 1.0} | changes
    return remember_identity(catalog, origin, **words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "candidate",
    [
        CANDIDATE,
        Candidate(LOCAL, CandidateOrigin.PEER, "pacs"),
        Candidate(LOCAL, CandidateOrigin.TYPED),
    ],
)
def test_a_candidate_comes_back_as_it_was_kept(catalog: Catalog, candidate: Candidate) -> None:
    assert remember(catalog, candidate=candidate)

    assert recall_identity(catalog, "Elsewhere", OUTSIDE) == candidate


def test_the_newest_decision_counts(catalog: Catalog) -> None:
    """Decided anew within one tick of the clock, or after the clock was set back."""
    other = Candidate(PatientIdentity("4712", "", "Roe^Rita"), CandidateOrigin.CATALOG)
    remember(catalog, now=2.0)
    remember(catalog, candidate=other, now=1.0)

    assert recall_identity(catalog, "Elsewhere", OUTSIDE) == other


@on_sqlite
@pytest.mark.parametrize(
    "outside",
    [
        PatientIdentity("77", "ELSEWHERE", "Doe^Jane=山田", "19700103", "F"),
        PatientIdentity("77", "ELSEWHERE", "DOE^JANE=山田", "19700102", "F"),
        PatientIdentity("77", "", "Doe^Jane=山田", "19700102", "F"),
        PatientIdentity("78", "ELSEWHERE", "Doe^Jane=山田", "19700102", "F"),
        PatientIdentity("77", "ELSEWHERE", "Doe^Jane=山田", "19700102", ""),
    ],
)
def test_another_spelling_is_another_identity(catalog: Catalog, outside: PatientIdentity) -> None:
    remember(catalog)

    assert recall_identity(catalog, "Elsewhere", outside) is None


def test_the_same_identity_on_media_from_elsewhere_is_not_known(catalog: Catalog) -> None:
    remember(catalog)

    assert recall_identity(catalog, "Another place", OUTSIDE) is None


def test_what_is_forgotten_is_gone_with_all_that_was_decided_before(catalog: Catalog) -> None:
    remember(catalog)
    remember(catalog)
    remember(catalog, "Another place")

    assert forget_identity(catalog, "Elsewhere", OUTSIDE) == 2
    assert recall_identity(catalog, "Elsewhere", OUTSIDE) is None
    assert recall_identity(catalog, "Another place", OUTSIDE) == CANDIDATE
    assert forget_identity(catalog, "Elsewhere", OUTSIDE) == 0


@on_sqlite
@pytest.mark.parametrize(
    ("outside", "memorable"),
    [
        (PatientIdentity(), False),
        (PatientIdentity(sex="F", issuer="X"), False),
        (PatientIdentity("0"), False),
        (PatientIdentity("0", "ELSEWHERE", "", "", "M"), False),
        (PatientIdentity(name="Doe^Jane"), False),
        (PatientIdentity(" ", "", "^^", "19700102"), False),
        (PatientIdentity("0", name="Doe"), True),
        (PatientIdentity(name="Doe^Jane", birth_date="19700102"), True),
    ],
)
def test_an_identity_that_may_be_anybodys_is_not_remembered(
    catalog: Catalog, outside: PatientIdentity, memorable: bool
) -> None:
    assert is_memorable("Elsewhere", outside) is memorable
    assert remember(catalog, outside=outside) is memorable
    assert (recall_identity(catalog, "Elsewhere", outside) is not None) is memorable


def test_without_an_origin_nothing_is_remembered(catalog: Catalog) -> None:
    assert not remember(catalog, "")
    assert recall_identity(catalog, "", OUTSIDE) is None


# No lone surrogates: no decoding of a data set makes them.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(texts, texts, texts)
def test_any_text_is_recalled(catalog: Catalog, name: str, number: str, meaning: str) -> None:
    """Longer values than an index takes, quotes and nulls included."""
    outside = PatientIdentity(f"1{number}", "", f"A{name}", "19700102")
    candidate = Candidate(
        PatientIdentity(number, "", name),
        CandidateOrigin.WORKLIST,
        order=Order(procedure_codes=(CodedEntry("1", "2", meaning),)),
    )
    remember(catalog, outside=outside, candidate=candidate)

    assert recall_identity(catalog, "Elsewhere", outside) == candidate
