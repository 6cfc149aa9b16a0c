"""What the report on an import tells: from what the import came to, in words and in groups."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mediastation.catalog.ledger import Ledger
from mediastation.model.finding import Finding, Severity
from mediastation.model.identity import FIELD_NAMES, PatientIdentity, describe, shown
from mediastation.model.importing import MediumKind, OutsideMedium
from mediastation.model.ledger_facts import DecidedHow
from mediastation.model.likeness import Agreement
from mediastation.model.name_spelling import NameLikeness
from mediastation.model.reconciliation import Candidate, CandidateOrigin
from mediastation.model.repair import Repair
from mediastation.model.text import size_text
from mediastation.pages.facts import IndexPatient
from mediastation.pages.import_facts import (
    Fault,
    Identities,
    ImportReportFacts,
    LeftBehind,
    Listed,
    OpenedFiles,
    Repaired,
    SentOn,
    SidesRow,
)
from mediastation.pages.text import readable_date
from mediastation.reading.findings import stands_for
from mediastation.station.intake.request import IdentityDecision
from mediastation.station.station import Station

_MOST_PATIENTS = 1000
_WORST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
_KINDS = {
    MediumKind.DISC: "Disc",
    MediumKind.IMAGE: "Image of a disc",
    MediumKind.FOLDER: "Files in a folder",
    MediumKind.FILE: "A single file",
    MediumKind.ZIP: "ZIP archive",
    MediumKind.MAIL: "E-mail",
}
_ORIGINS = {
    CandidateOrigin.WORKLIST: "the worklist of",
    CandidateOrigin.PEER: "a query to",
    CandidateOrigin.CATALOG: "the catalog of this station",
    CandidateOrigin.TYPED: "the keyboard alone",
}
_GAP = "missing on one side"
_AGREEMENTS = {
    Agreement.AGREES: "agrees",
    Agreement.DIFFERS: "DIFFERS",
    Agreement.GAP: _GAP,
}
_NUMBERS = {Agreement.AGREES: "agrees", Agreement.DIFFERS: "of another house"}


@dataclass(slots=True)
class ImportOutcome:
    """Everything that the report on an import is made of.

    Parameters
    ----------
    job : int
        Number of the job.
    medium : OutsideMedium
        What was brought.
    found, imported, duplicates, held, refused : int
        As in `mediastation.model.ledger_facts.ImportFacts`.
    missing : int
        Files that the directory lists and that are not on the medium.
    patients : sequence of IndexPatient
        What came in, under the identities that it came with.
    findings : sequence of Finding
        Everything that was wrong or tolerated.
    repairs : iterable of Repair
        Everything that was put right, as a `RepairLog` or a diagnosis has it.
    left : sequence of LeftBehind
        What did not come in and why: instances in quarantine, files that were
        refused, programs and other files; those of one kind and reason together.
    bad_sectors : int
        Sectors of a disc that could not be read; `lost_bytes` how much that is.
    identities : sequence of IdentityDecision
        Whose the images are.
    sent : sequence of SentOn
        Where they went.
    stopped : str
        What ended the import early, in a sentence; empty if nothing did.
    media_type : str
        What the drive says that the disc is.
    opened : sequence of OpenedFiles
        What came out of secure envelopes.
    """

    job: int
    medium: OutsideMedium
    found: int = 0
    imported: int = 0
    duplicates: int = 0
    held: int = 0
    refused: int = 0
    missing: int = 0
    patients: Sequence[IndexPatient] = ()
    findings: Sequence[Finding] = ()
    repairs: Iterable[Repair] = ()
    left: Sequence[LeftBehind] = ()
    bad_sectors: int = 0
    lost_bytes: int = 0
    identities: Sequence[IdentityDecision] = ()
    sent: Sequence[SentOn] = ()
    stopped: str = ""
    media_type: str = ""
    opened: Sequence[OpenedFiles] = ()

    @property
    def repaired(self) -> int:
        """How many things were put right."""
        return sum(one.count for one in self.repairs)

    @property
    def is_whole(self) -> bool:
        """Whether every instance is here that was found or listed, and nothing was unreadable."""
        is_here = self.imported + self.duplicates == self.found
        lacks = self.held or self.refused or self.missing or self.bad_sectors or self.stopped
        return is_here and not lacks


def import_report_facts(station: Station, outcome: ImportOutcome) -> ImportReportFacts:
    """Return what the report tells."""
    settings = station.settings
    head = Ledger(station.catalog).head()
    repairs = _repairs(outcome.repairs)
    faults = _faults(outcome.findings)
    left = (*_lost(outcome), *outcome.left)
    return ImportReportFacts(
        created=station.clock.moment(),
        verdict=verdict_of(outcome),
        passed=outcome.is_whole if outcome.found or not outcome.is_whole else None,
        job=outcome.job,
        institution=settings.institution,
        station=f"{settings.aet} on {socket.gethostname()}",
        operator=settings.operator,
        counts=(
            ("found", outcome.found),
            ("imported", outcome.imported),
            ("here already", outcome.duplicates),
            ("held in quarantine", outcome.held),
            ("refused", outcome.refused),
            ("repaired", outcome.repaired),
        ),
        medium=_medium(outcome),
        patients=Listed(tuple(outcome.patients[:_MOST_PATIENTS]), len(outcome.patients)),
        faults=Listed(faults),
        repairs=Listed(repairs),
        left=Listed(left),
        identities=Listed(tuple(map(sides_of, outcome.identities))),
        sent=Listed(tuple(outcome.sent)),
        opened=Listed(tuple(outcome.opened)),
        ledger_head=head.short if head.count else "",
    )


def verdict_of(outcome: ImportOutcome) -> str:
    """Return what an import came to, in words that can stand alone."""
    if not outcome.found:
        parts = ["No DICOM instance was found"]
    else:
        are = "is" if outcome.found == 1 else "are"
        counted = f"{outcome.imported:,} of {_number(outcome.found, 'instance')}"
        parts = [f"{counted} imported"]
        if outcome.duplicates == outcome.found:
            parts = [f"All {_number(outcome.found, 'instance')} {are} here already"]
        elif outcome.duplicates:
            parts.append(f"{outcome.duplicates:,} here already")
    if outcome.repaired:
        parts.append(f"{_number(outcome.repaired, 'thing')} repaired")
    if outcome.held:
        parts.append(f"{outcome.held:,} held in quarantine")
    if outcome.refused:
        parts.append(f"{outcome.refused:,} refused")
    if outcome.missing:
        parts.append(f"{outcome.missing:,} that the directory lists are not on the medium")
    if outcome.bad_sectors:
        lost = size_text(outcome.lost_bytes) if outcome.lost_bytes else ""
        told = f" ({lost})" if lost else ""
        parts.append(f"{_number(outcome.bad_sectors, 'sector')}{told} of the disc cannot be read")
    settled = outcome.imported + outcome.duplicates + outcome.held + outcome.refused
    if outcome.found > settled:
        parts.append(f"{outcome.found - settled:,} not looked at to the end")
    if outcome.is_whole and outcome.found:
        parts.append("no instance left behind")
    told = f"{'; '.join(parts)}."
    return f"STOPPED: {outcome.stopped.rstrip('.')}. {told}" if outcome.stopped else told


def _medium(outcome: ImportOutcome) -> tuple[tuple[str, str], ...]:
    medium = outcome.medium
    kind = _KINDS[medium.kind]
    facts = (
        ("Kind", f"{kind}, {outcome.media_type}" if outcome.media_type else kind),
        ("Name", medium.name),
        ("Label", medium.volume_id),
        ("Size", f"{size_text(medium.size_bytes)}" if medium.size_bytes else ""),
        ("File-set ID", medium.file_set_id),
        ("Made by", medium.made_by),
        ("Institution", medium.institution),
        ("File-set UID", medium.file_set_uid),
        ("SHA-256", medium.sha256),
    )
    return tuple((label, value) for label, value in facts if value)


def _faults(findings: Iterable[Finding]) -> tuple[Fault, ...]:
    """Return one row for each rule and weight: worst first, then the most frequent."""
    counts: Counter[tuple[Severity, str]] = Counter()
    first: dict[tuple[Severity, str], Finding] = {}
    for one in findings:
        key = one.severity, one.rule
        counts[key] += stands_for(one) or 1
        first.setdefault(key, one)
    ordered = sorted(
        counts.items(), key=lambda item: (_WORST_FIRST.index(item[0][0]), -item[1], item[0][1])
    )
    return tuple(
        Fault(rule, weight, count, first[weight, rule].subject, first[weight, rule].message)
        for (weight, rule), count in ordered
    )


def _repairs(repairs: Iterable[Repair]) -> tuple[Repaired, ...]:
    """Return one row for each kind, the most frequent first."""
    counts: Counter[str] = Counter()
    first: dict[str, Repair] = {}
    for one in repairs:
        counts[one.what] += one.count
        first.setdefault(one.what, one)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        Repaired(what, count, first[what].subject, first[what].before, first[what].after)
        for what, count in ordered
    )


def _lost(outcome: ImportOutcome) -> Iterable[LeftBehind]:
    """Yield what nobody can take in any more: it weighs most."""
    if outcome.missing:
        why = "The directory lists them, and they are not on the medium."
        yield LeftBehind("Missing files", why, outcome.missing)
    if outcome.bad_sectors:
        why = "They cannot be read, however often; what lies on them is not in the copy."
        yield LeftBehind("Damaged sectors", why, outcome.bad_sectors)


def sides_of(decision: IdentityDecision) -> Identities:
    """Return both identities fact by fact, and the sentence about who decided."""
    candidate = decision.candidate
    if candidate is None:
        kept = f"{_number(decision.instances, 'instance')} as they came; not sent on"
        alone = SidesRow("Nobody chosen", describe(decision.outside), "", kept)
        return Identities((alone,), key=decision.outside.key)
    rows = [
        SidesRow(
            f"{words[0].upper()}{words[1:]}",
            _fact(name, decision.outside),
            _fact(name, candidate.identity),
            _agreement(name, decision, candidate.identity),
        )
        for name, words in FIELD_NAMES.items()
    ]
    if candidate.order is not None and candidate.order.accession_number:
        number = candidate.order.accession_number
        rows.append(SidesRow("Accession no.", "", number, "of the order here"))
    return Identities(tuple(rows), _decision(decision, candidate), decision.outside.key)


def _fact(name: str, identity: PatientIdentity) -> str:
    value = str(getattr(identity, name))
    return readable_date(value) if name == "birth_date" else value


def _agreement(name: str, decision: IdentityDecision, local: PatientIdentity) -> str:
    likeness = decision.likeness
    if likeness is None:
        return ""
    given = bool(getattr(decision.outside, name)), bool(getattr(local, name))
    if not any(given):
        return "not given"
    if name in {"patient_id", "issuer"}:
        # Another house has other numbers: that is nothing to shout about.
        found = getattr(likeness, name)
        return _NUMBERS.get(found, "of another house") if all(given) else _GAP
    if name != "name":
        return _AGREEMENTS[getattr(likeness, name)]
    if likeness.name is NameLikeness.SAME:
        return "agrees"
    if likeness.name is NameLikeness.GAP:
        return _GAP
    return f"DIFFERS: {likeness.name_words}" if likeness.name_words else "DIFFERS"


def _decision(decision: IdentityDecision, candidate: Candidate) -> str:
    vouched = _ORIGINS[candidate.origin]
    if candidate.origin in {CandidateOrigin.WORKLIST, CandidateOrigin.PEER}:
        vouched = f"{vouched} {candidate.peer}"
    by = f" by {shown(decision.decided_by)}" if decision.decided_by else ""
    at = f" on {_moment(decision.decided_at)}" if decision.decided_at else ""
    match decision.how:
        case DecidedHow.REMEMBERED:
            decided = f"as decided before{by}{at}"
        case DecidedHow.SITE_RULE:
            decided = "by a rule of this site, since everything agrees"
        case _:
            decided = f"decided{by}{at}" if by or at else "decided"
    counted = _number(decision.instances, "instance")
    return f"{counted}. The identity here is from {vouched}; {decided}."


def _moment(at: str) -> str:
    try:
        return datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return shown(at)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
