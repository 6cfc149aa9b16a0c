"""Which patient of this site an outside one becomes: chosen from what was found, or asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from mediastation.catalog.outside import OtherInStudy
from mediastation.config import ReconcileRules
from mediastation.errors import ConfigError, DecisionError, RefusedError
from mediastation.importing.comparison import is_stranger
from mediastation.model.finding import Finding, error
from mediastation.model.identity import PatientIdentity, PersonCluster, describe, normalise
from mediastation.model.job import Question
from mediastation.model.ledger_facts import DecidedHow
from mediastation.model.likeness import Agreement, Likeness, Verdict
from mediastation.model.matching import MatchList, compare_outside
from mediastation.model.name_spelling import NameLikeness
from mediastation.model.reconciliation import Candidate, CandidateOrigin, Match
from mediastation.station.exporting.questions import PEOPLE
from mediastation.station.intake.request import WantedPatient

QUESTION = "reconcile"
_MOST_SHOWN = 8
_MOST_PEOPLE = 50


@dataclass(frozen=True, slots=True)
class Choice:
    """The patient that was chosen for an outside one, and how that came."""

    outside: PersonCluster
    candidate: Candidate
    likeness: Likeness
    how: DecidedHow


def require_one_person(people: Sequence[PersonCluster]) -> PersonCluster:
    """Return the one person that the instances are of.

    Raises
    ------
    RefusedError
        If there are several: each is reconciled by itself, lest one gets the
        other's images.
    """
    if len(people) == 1:
        return people[0]
    told = [
        error(
            "several-outside-patients",
            f"patient:{person.identity.patient_id}",
            f"{describe(person.identity)}: {person.instances:,} instances.",
            "Reconcile each of them by itself: patient:ID as the source, or study:UID or "
            "series:UID where several share a Patient ID.",
            "IHE IRWF.b",
        )
        for person in people[:_MOST_PEOPLE]
    ]
    raise RefusedError(
        f"The instances are of {len(people):,} people; nobody was reconciled.",
        told,
        "Reconcile one outside patient at a time.",
    )


def typed_candidate(wanted: WantedPatient, rules: ReconcileRules) -> Candidate:
    """Return the identity that was typed; `ConfigError` where the site does not allow that."""
    if not rules.typed:
        raise ConfigError(
            "Values of a patient are not typed at this site.",
            "Give the Patient ID alone: the rest comes from the worklist, a peer or the catalog. "
            "`typed` under [reconcile] in the settings would allow it.",
        )
    if not wanted.name or not wanted.birth_date:
        raise ConfigError(
            "A typed patient needs a Patient ID, a name and a birth date.",
            "Give --name and --birth-date as well.",
        )
    identity = PatientIdentity(
        wanted.patient_id, wanted.issuer or rules.issuer, wanted.name, wanted.birth_date, wanted.sex
    )
    return Candidate(identity, CandidateOrigin.TYPED)


def choose(
    outside: PersonCluster, found: MatchList, wanted: WantedPatient, rules: ReconcileRules
) -> Choice:
    """Return whom the operator named, once everything that differs was confirmed.

    Raises
    ------
    RefusedError
        If nobody that was found is meant, or several are.
    DecisionError
        If both identities differ and nobody has confirmed that they are one.
    """
    if wanted.is_typed:
        candidate = typed_candidate(wanted, rules)
        match = Match(candidate, compare_outside(outside.identity, candidate.identity))
    else:
        match = _only_match(found, wanted)
    choice = Choice(outside, match.candidate, match.likeness, DecidedHow.PERSON)
    differing = differences(match.likeness)
    keys = sorted({outside.identity.key, match.candidate.identity.key})
    confirmed = wanted.confirm_identity and set(wanted.people or keys) >= set(keys)
    if differing and not confirmed:
        raise _unconfirmed(choice, differing, keys)
    return replace(choice, candidate=_by_the_rules(match.candidate, rules))


def chosen_by_rule(outside: PersonCluster, match: Match, rules: ReconcileRules) -> Choice:
    """Return the choice of a rule of the site, or of a person's earlier decision."""
    how = DecidedHow.REMEMBERED if match.remembered else DecidedHow.SITE_RULE
    return Choice(outside, _by_the_rules(match.candidate, rules), match.likeness, how)


def require_whole_studies(choice: Choice, others: Iterable[OtherInStudy]) -> None:
    """Raise if the choice would put one person's study under two patients of this site.

    An archive has one patient for a study; of two it shows whom it met first, or
    last. Where the others in the study cannot be the outside person, two people
    are in it already, and each goes their own way.

    Raises
    ------
    RefusedError
        With both patients, study by study.
    """
    local = normalise(choice.candidate.identity)
    told = []
    for other in others:
        there = normalise(other.identity)
        issuers = {local.issuer, there.issuer} - {""}
        if there.patient_id == local.patient_id and len(issuers) < 2:
            continue
        if all(_cannot_be(other, one) for one in _spellings(choice.outside)):
            continue
        told.append(
            error(
                "study-elsewhere",
                f"study:{other.study_instance_uid}",
                f"{other.instances:,} other instances of this study are here as "
                f"{describe(other.identity)}; the chosen patient is "
                f"{describe(choice.candidate.identity)}.",
                "Choose that patient; or, if that was the wrong one, reconcile the whole study at "
                f"once: study:{other.study_instance_uid} as the source.",
                "PS3.3 C.7.2.1",
            )
        )
    if told:
        raise RefusedError(
            "One study would be under two patients of this site; nothing was reconciled.",
            told[:_MOST_PEOPLE],
            told[0].hint,
        )


def _cannot_be(other: OtherInStudy, outside: PatientIdentity) -> bool:
    if other.came_as is not None:
        return is_stranger(other.came_as, outside)
    return compare_outside(outside, other.identity).verdict is Verdict.APART


def _spellings(person: PersonCluster) -> list[PatientIdentity]:
    return [person.identity, *(spelt for spelt, _ in person.variants)]


def differences(likeness: Likeness) -> tuple[str, ...]:
    """Return the demographics that do not agree; a sex that one side lacks says nothing.

    Patient IDs are not among them: every institution gives its own.
    """
    found = []
    if likeness.name is not NameLikeness.SAME:
        found.append("name")
    if likeness.birth_date is not Agreement.AGREES:
        found.append("birth date")
    if likeness.sex is Agreement.DIFFERS:
        found.append("sex")
    return tuple(found)


def _only_match(found: MatchList, wanted: WantedPatient) -> Match:
    asked = ", ".join(found.asked) or "nobody"
    number = wanted.patient_id or wanted.accession_number
    if not found.matches:
        raise RefusedError(
            f"No patient or order {number!r} was found; asked: {asked}.",
            found.findings,
            "Check the number, and that the right peers are in the settings.",
        )
    people = {match.candidate.identity for match in found.matches}
    if len(people) == 1 and len(found.matches) == 1:
        return found.matches[0]
    told = [_told(match) for match in found.matches[:_MOST_SHOWN]]
    if len(people) == 1:
        raise RefusedError(
            f"{len(found.matches):,} orders of this patient could be meant.",
            (*found.findings, *told),
            "Name one by --accession.",
        )
    raise RefusedError(
        f"{len(people):,} patients answer to {number!r}.",
        (*found.findings, *told),
        "Name the accession number of the order, or correct the double number at its source.",
    )


def _told(match: Match) -> Finding:
    candidate = match.candidate
    order = candidate.order
    about = (
        f", accession number {order.accession_number or 'none'}, "
        f"{order.requested_procedure_description or order.scheduled_step_description}"
        if order
        else ""
    )
    where = f"{candidate.origin} {candidate.peer}".strip()
    return error(
        "several-candidates",
        f"patient:{candidate.identity.patient_id}",
        f"{describe(candidate.identity)}{about} ({where}).",
    )


def _by_the_rules(candidate: Candidate, rules: ReconcileRules) -> Candidate:
    order = candidate.order
    if order is None or rules.accession_from_order:
        return candidate
    return replace(candidate, order=replace(order, accession_number="", accession_issuer=""))


def _unconfirmed(choice: Choice, differing: Sequence[str], keys: list[str]) -> DecisionError:
    outside, local = choice.outside.identity, choice.candidate.identity
    marked = [name.replace(" ", "_") for name in differing]
    both = f"{describe(outside, marked)} | {describe(local, marked)}"
    words = " and ".join(differing) if len(differing) < 3 else ", ".join(differing)
    verb = "differs" if len(differing) == 1 else "differ"
    finding = error(
        "identity-differs",
        f"patient:{outside.patient_id}",
        f"On the medium and at this site the {words} {verb}. | {both}.",
        "Compare with the patient's papers. If they are one person, --confirm-identity says so.",
        "IHE IRWF.b",
    )
    facts: dict[str, Any] = {
        "people": [
            {**asdict(outside), "instances": choice.outside.instances, "side": "outside"},
            {**asdict(local), "instances": 0, "side": "local"},
        ],
        "number": 2,
        PEOPLE: keys,
    }
    question = Question(
        QUESTION,
        "Is the outside patient this patient of ours?",
        "Compare name, birth date and sex with the patient's papers, letter by letter.",
        facts,
        ("confirm",),
    )
    return DecisionError(
        f"The outside patient and the chosen one differ in {words}; nothing was reconciled.",
        [finding],
        finding.hint,
        question=question,
    )
