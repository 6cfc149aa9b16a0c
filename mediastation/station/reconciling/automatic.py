"""When an outside patient is reconciled without a person: a rule of the site, off by default."""

from __future__ import annotations

from datetime import date

from mediastation.config import ReconcileRules
from mediastation.model.finding import Severity
from mediastation.model.identity import PatientIdentity, normalise
from mediastation.model.likeness import Agreement, Verdict
from mediastation.model.matching import MatchList, compare_outside
from mediastation.model.name_spelling import NameLikeness
from mediastation.model.reconciliation import CandidateOrigin, Match

_DATE_DIGITS = 8
_PLACEHOLDER = date(1900, 1, 1)
_SEXES = frozenset({"f", "m", "o"})
_SOURCES = frozenset({CandidateOrigin.WORKLIST, CandidateOrigin.PEER})


def rule_allows_automatic(
    rules: ReconcileRules, outside: PatientIdentity, found: MatchList
) -> Match | None:
    """Return the match that the site's rule takes without asking; None where a person decides.

    It takes the only candidate, of a worklist or a peer, if both sides have
    name, birth date and sex and agree in them to the letter, case and padding
    aside, and their numbers do not differ under one issuer. A second candidate
    or a second order, a source that failed or had more than was looked at, a
    gap, a difference in spelling: each leaves it to a person. So do a name
    without family and given name, and a birth date that is none; they are
    written where nobody knew better.

    Parameters
    ----------
    rules : ReconcileRules
        Of the settings.
    outside : PatientIdentity
        Whom all instances in question are about.
    found : MatchList
        What was found for that very identity, without anything asked for by
        hand.
    """
    if not rules.automatic or len(found.matches) != 1:
        return None
    if any(finding.severity is not Severity.NOTE for finding in found.findings):
        return None
    (match,) = found.matches
    local = match.candidate.identity
    if match.candidate.origin not in _SOURCES or not normalise(local).patient_id:
        return None
    if not (_is_whole(outside) and _is_whole(local) and _share_a_name(outside, local)):
        return None
    # Compared anew: what is decided here rests on nothing that was handed in.
    likeness = compare_outside(outside, local)
    exact = (
        likeness.verdict is not Verdict.APART
        and likeness.patient_id is not Agreement.DIFFERS
        and likeness.name is NameLikeness.SAME
        and likeness.birth_date is Agreement.AGREES
        and likeness.sex is Agreement.AGREES
    )
    return match if exact else None


def _is_whole(identity: PatientIdentity) -> bool:
    """Tell whether birth date and sex say what they are there to say."""
    facts = normalise(identity)
    return _is_date(facts.birth_date) and facts.sex in _SEXES


def _share_a_name(one: PatientIdentity, other: PatientIdentity) -> bool:
    """Tell whether both have a component group with the same family and given name."""
    return any(
        mine == theirs and len(mine) > 1 and mine[0] and mine[1] and mine[0] != mine[1]
        for mine, theirs in zip(normalise(one).name, normalise(other).name, strict=False)
    )


def _is_date(text: str) -> bool:
    if len(text) != _DATE_DIGITS or not (text.isascii() and text.isdigit()):
        return False
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:])) != _PLACEHOLDER
    except ValueError:
        return False
