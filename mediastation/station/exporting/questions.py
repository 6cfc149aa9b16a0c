"""What an export asks of a person before it goes on: who is who, and what may stay behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mediastation.conformance.lookalikes import group_people
from mediastation.errors import DecisionError, RefusedError
from mediastation.model.finding import Finding
from mediastation.model.identity import PersonCluster
from mediastation.model.job import Question

_SEVERAL = "several-patients"
_PEOPLE_RULES = frozenset(
    {
        _SEVERAL,
        "shared-patient-id",
        "patient-id-of-issuers",
        "one-person-two-ids",
        "one-person-two-spellings",
        "identity-not-confirmed",
    }
)
_SHOWN_PEOPLE = 20
PEOPLE = "keys"
"""Of a question's facts: every identity in the set, as `ExportRequest.people` has them."""


def ask_about_people(
    stopping: Sequence[Finding], people: Sequence[PersonCluster]
) -> Question | None:
    """Return the question behind findings that stop a set; None where no answer lets it go out."""
    if any(finding.rule not in _PEOPLE_RULES for finding in stopping) or len(people) < 2:
        return None
    groups = group_people(people)
    shown = [_person(person) for person in people[:_SHOWN_PEOPLE]]
    keys = sorted({spelt.key for person in people for spelt, _ in person.variants})
    facts: dict[str, Any] = {"people": shown, "number": len(people), PEOPLE: keys}
    if len(groups) > 1:
        return Question(
            _SEVERAL,
            f"The set holds {len(people):,} people. Is a collection of several patients meant?",
            "Compare each with the request. Leave out what is not this patient's.",
            facts,
            (_SEVERAL,),
        )
    if not all(group.may_be_one for group in groups):
        return None
    return Question(
        "identity",
        "Are these one person?",
        "Compare name, birth date and Patient ID with the request, letter by letter.",
        facts,
        ("confirm", _SEVERAL),
    )


def ask_about_refused(said: str) -> Question:
    """Return the question whether a set goes out without what may not."""
    return Question(
        "refused",
        f"{said} Go on without them?",
        "Read the findings first: whoever receives the medium will not have these instances.",
        {},
        ("drop",),
    )


def refused_or_asked(
    message: str, findings: Sequence[Finding], hint: str, question: Question | None
) -> RefusedError:
    """Return what stops an export: with a question, where an answer lets it go on."""
    if question is None:
        return RefusedError(message, findings, hint)
    return DecisionError(message, findings, hint, question=question)


def _person(person: PersonCluster) -> dict[str, Any]:
    return {**asdict(person.identity), "instances": person.instances}
