"""Which candidates are put before the operator, and in which order.

Pure rules over what the sources answered (`mediastation.station.reconciling.candidates`
asks them). They lean to one side, as those of `mediastation.model.identity` do:
a candidate too few costs a question, a wrong one may cost a patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mediastation.model.finding import Finding
from mediastation.model.identity import (
    PatientIdentity,
    is_certainly_same,
    normalise,
    normalise_text,
)
from mediastation.model.likeness import Agreement, Likeness, Verdict, compare_identities
from mediastation.model.name_spelling import NameLikeness
from mediastation.model.reconciliation import Candidate, CandidateOrigin, Match

_RANK = {
    CandidateOrigin.WORKLIST: 0,
    CandidateOrigin.PEER: 1,
    CandidateOrigin.CATALOG: 2,
    CandidateOrigin.TYPED: 3,
}
_VERDICTS = (Verdict.SAME, Verdict.LIKELY, Verdict.APART)


@dataclass(frozen=True, slots=True)
class MatchList:
    """Candidates for one outside patient, the best first.

    `findings` are warnings where a source failed, or had more than was looked
    at: somebody may then be missing. `asked` names the sources that answered,
    for people.
    """

    matches: tuple[Match, ...] = ()
    findings: tuple[Finding, ...] = ()
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What an operator asked for in so many words, of this site's own numbers."""

    patient_id: str = ""
    accession_number: str = ""

    def __bool__(self) -> bool:
        return bool(self.patient_id or self.accession_number)

    def names(self, candidate: Candidate) -> bool:
        """Tell whether `candidate` bears every number that was asked for, and says so."""
        accession = candidate.order.accession_number if candidate.order else ""
        return all(
            not asked or normalise_text(asked) == normalise_text(there)
            for asked, there in (
                (self.patient_id, candidate.identity.patient_id),
                (self.accession_number, accession),
            )
        )


def compare_outside(outside: PatientIdentity, local: PatientIdentity) -> Likeness:
    """Hold an outside identity against one of this site.

    A Patient ID is a number of whoever gave it. Two hospitals both have a 4711,
    and a disc rarely says whose its number is: so the outside number counts
    only where both sides name an issuer, and the same one. Otherwise it is
    taken for missing, for it neither suggests a patient nor speaks against one.
    """
    theirs, ours = normalise_text(outside.issuer), normalise_text(local.issuer)
    if not theirs or theirs != ours:
        outside = replace(outside, patient_id="")
    return compare_identities(outside, local)


def with_issuer(candidate: Candidate, issuer: str) -> Candidate:
    """Return `candidate` with the site's `issuer` for its number, if its source names none."""
    identity = candidate.identity
    if not issuer or not identity.patient_id or normalise_text(identity.issuer):
        return candidate
    return replace(candidate, identity=replace(identity, issuer=issuer))


def rank_candidates(
    outside: PatientIdentity,
    candidates: Iterable[Candidate],
    asked: AskedFor = AskedFor(),
    remembered: PatientIdentity | None = None,
) -> tuple[Match, ...]:
    """Return who of `candidates` may be `outside`, the best first, each person once.

    The better verdict goes first; among equals who was remembered, then whose
    facts agree in more, then an order before a patient at a peer and that
    before the catalog. One person in several sources is the first of these;
    several orders of one patient stay apart, since each is for another import.

    Parameters
    ----------
    asked : AskedFor, optional
        Where given, only those who bear these numbers, and also if nothing else
        agrees: an operator may know better, and is shown what differs.
        Otherwise who is certainly or probably somebody else is left out.
    remembered : PatientIdentity, optional
        Whom the same outside patient was matched with before; never left out.
    """
    known = normalise(remembered) if remembered is not None else None
    matches = []
    for candidate in dict.fromkeys(candidates):
        likeness = compare_outside(outside, candidate.identity)
        again = known is not None and is_certainly_same(normalise(candidate.identity), known)
        if asked and not asked.names(candidate):
            continue
        if likeness.verdict is Verdict.APART and not asked and not again:
            continue
        matches.append(Match(candidate, likeness, again))
    return tuple(sorted(_each_once(matches), key=_order))


def _each_once(matches: Iterable[Match]) -> list[Match]:
    kept: list[Match] = []
    for match in sorted(matches, key=lambda one: _source_order(one.candidate)):
        candidate, mine = match.candidate, normalise(match.candidate.identity)
        if not any(
            is_certainly_same(mine, normalise(other.candidate.identity))
            and (candidate.order is None or candidate.order == other.candidate.order)
            for other in kept
        ):
            kept.append(match)
    return kept


def _source_order(candidate: Candidate) -> tuple[int, int]:
    """Sort by source, and within one those first who say more."""
    facts = normalise(candidate.identity)
    gaps = sum(not fact for fact in (facts.issuer, facts.name, facts.birth_date, facts.sex))
    return _RANK[candidate.origin], gaps


def _order(match: Match) -> tuple[int, bool, int, int, str, str]:
    likeness, candidate = match.likeness, match.candidate
    facts: Sequence[bool] = (
        likeness.patient_id is Agreement.AGREES,
        likeness.name is NameLikeness.SAME,
        likeness.birth_date is Agreement.AGREES,
        likeness.sex is Agreement.AGREES,
    )
    return (
        _VERDICTS.index(likeness.verdict),
        not match.remembered,
        -sum(facts),
        _RANK[candidate.origin],
        candidate.order.scheduled_at if candidate.order else "",
        candidate.identity.key,
    )
