"""The first look at an export: every instance, then the set, then the people in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from mediastation.catalog.job_selection import drop_from_selection, iter_selection
from mediastation.conformance.attributes import text_of
from mediastation.conformance.check import Outcome, is_about_nobody
from mediastation.conformance.check_set import SetMember, SetVerdict
from mediastation.conformance.identity import IdentityReader
from mediastation.conformance.report import ProfileCheck
from mediastation.errors import RefusedError
from mediastation.fileset.siblings import SiblingKeys
from mediastation.model.entry import Entry
from mediastation.model.finding import Finding, Severity
from mediastation.model.identity import PatientIdentity, PersonCluster
from mediastation.model.preparation import Preparation
from mediastation.model.profile import ApplicationProfile
from mediastation.model.sop_class import SOP_CLASSES
from mediastation.station.exporting.questions import (
    ask_about_people,
    ask_about_refused,
    refused_or_asked,
)
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.job import Job
from mediastation.station.station import Station

ROOT_CLASSES = frozenset(uid for uid in SOP_CLASSES if is_about_nobody(uid))
"""SOP Classes whose objects are about nobody; their records lie in the root."""

_ACCESSION_NUMBER = 0x00080050
_ABOUT_ONE_INSTANCE = {"conflict", "series-in-two-studies"}


@dataclass(slots=True)
class CheckedSet:
    """A set that may go out.

    Parameters
    ----------
    people : list of (PersonCluster, list of int)
        Each person with the catalog's patient identities that are theirs.
    instances : int
        Instances that go out.
    refused : int
        Instances that do not.
    to_prepare : dict of int to (Preparation, str)
        Entries that need a copy, with the transfer syntax it gets.
    accepted : int
        Instances that their own checks let out; `instances` may be fewer.
    spelt_by : dict of PatientIdentity to int
        For each identity the first entry that gives it.
    siblings : SiblingKeys
        What instances lend to the records of others, out of all that were accepted
        at first.
    accession_numbers : set of str
        Those of all that were accepted: no password may be made of one.
    """

    people: list[tuple[PersonCluster, list[int]]] = field(default_factory=list)
    instances: int = 0
    refused: int = 0
    to_prepare: dict[int, tuple[Preparation, str]] = field(default_factory=dict)
    accepted: int = 0
    spelt_by: dict[PatientIdentity, int] = field(default_factory=dict)
    siblings: SiblingKeys = field(default_factory=SiblingKeys)
    accession_numbers: set[str] = field(default_factory=set)


def check_selection(
    station: Station,
    job: Job,
    request: ExportRequest,
    profile: ApplicationProfile,
    total: int,
    checked: CheckedSet,
    take_others: Callable[[ProfileCheck], None] | None = None,
) -> None:
    """Check what `job` is about and fill `checked`; dropped instances leave the selection.

    `checked.refused` comes with the files of the sources that are no instances.
    `take_others` may let instances go by first that will lie in the same
    File-set and are not in the catalog; they are neither counted nor dropped.

    Raises
    ------
    RefusedError
        If something may not go out and dropping was not asked for, or if the
        set as a whole may not.
    """
    entries: dict[str, int] = {}
    refused: set[str] = set()
    people: dict[int, set[PatientIdentity]] = {}
    identities = IdentityReader()
    checked.siblings = SiblingKeys(profile.keys)
    check = ProfileCheck(
        profile,
        compress=request.compress_syntax,
        alternatives=station.profiles.values(),
        keep_tiff_preamble=station.settings.keep_tiff_preamble,
    )
    number = 0
    with job.step("check", total, "instances") as step:
        if take_others is not None:
            take_others(check)
        for number, entry in enumerate(iter_selection(station.catalog, job.id), start=1):
            subject = _subject(entry)
            entries[subject] = entry.id
            verdict = check.add(
                SetMember(subject, entry.header, entry.data_sha256, entry.size_bytes)
            )
            job.found(verdict.findings)
            step.report(number, total)
            if verdict.outcome is not Outcome.ACCEPTED:
                refused.add(subject)
                continue
            checked.accepted += 1
            if entry.header.sop_class_uid not in ROOT_CLASSES:
                identity = identities.identity(entry.header)
                people.setdefault(entry.patient, set()).add(identity)
                checked.spelt_by.setdefault(identity, entry.id)
                checked.siblings.take(entry.header, entry.patient)
                checked.accession_numbers.add(text_of(entry.header, _ACCESSION_NUMBER))
            if verdict.preparation:
                checked.to_prepare[entry.id] = verdict.preparation, verdict.transfer_syntax_uid
        require_all_there(number, total)
        decided = _was_decided_of(request, people)
        _, verdict_of_set = check.finish(
            several_patients=request.several_patients and decided,
            confirm_identity=request.confirm_identity and decided,
        )
        job.found(verdict_of_set.findings)
        refused |= verdict_of_set.refused & entries.keys()
        checked.refused += len(refused)
        step.summary = f"{total - len(refused):,} may go out, {len(refused):,} may not"
    looked_at = total + checked.refused - len(refused)
    _require_acceptable(request, checked, verdict_of_set, looked_at)

    duplicates = verdict_of_set.duplicates & entries.keys()
    gone = {entries[subject] for subject in refused | duplicates}
    drop_from_selection(station.catalog, job.id, gone)
    for entry_id in gone:
        checked.to_prepare.pop(entry_id, None)
    checked.instances = total - len(gone)
    checked.people = _match_rows(verdict_of_set.people, people)


def _was_decided_of(
    request: ExportRequest, people: Mapping[int, Collection[PatientIdentity]]
) -> bool:
    """Tell whether whoever decided about the people had all of them in view."""
    if not request.people:
        return True
    known = frozenset(request.people)
    return all(identity.key in known for found in people.values() for identity in found)


def require_all_there(found: int, chosen: int) -> None:
    """Raise `RefusedError` where the catalog has fewer of the chosen instances than before.

    Another command may forget them at any time, and their place in the
    selection with them: what is missing would go unnoticed.
    """
    if found != chosen:
        raise RefusedError(
            f"Nothing was written: {chosen - found:,} of {chosen:,} instances were forgotten "
            "while the export ran.",
            hint="Give the command again if the rest is to go out without them.",
        )


def leave_out(
    station: Station,
    job: Job,
    request: ExportRequest,
    checked: CheckedSet,
    failed: list[tuple[int, Finding]],
    what: str,
) -> None:
    """Take entries that turned out to be unfit out of the set; `what` ends the sentence on them.

    Raises
    ------
    RefusedError
        If dropping was not asked for, or if nothing would be left.
    """
    checked.refused += len(failed)
    checked.instances -= len(failed)
    if failed and (not request.drop_refused or checked.instances == 0):
        raise RefusedError(
            f"Nothing was written: {len(failed):,} instances {what}.",
            [finding for _, finding in failed],
            "See the findings; --drop-refused writes the medium without them.",
        )
    drop_from_selection(station.catalog, job.id, [entry for entry, _ in failed])


def _require_acceptable(
    request: ExportRequest, checked: CheckedSet, verdict: SetVerdict, total: int
) -> None:
    stopping = [
        finding
        for finding in verdict.findings
        if finding.severity is Severity.ERROR and finding.rule not in _ABOUT_ONE_INSTANCE
    ]
    if stopping:
        said, _, _ = stopping[0].message.partition(" | ")
        question = ask_about_people(stopping, verdict.people)
        raise refused_or_asked(f"Nothing was written. {said}", stopping, stopping[0].hint, question)
    if total and checked.refused == total:
        raise RefusedError(f"Nothing was written: none of the {total:,} instances may go out.")
    if checked.refused and not request.drop_refused:
        said = f"{checked.refused:,} of {total:,} instances may not go out under {request.profile}."
        raise refused_or_asked(
            f"Nothing was written: {said}",
            (),
            "See the findings; --drop-refused writes the medium without them.",
            ask_about_refused(said),
        )


def _match_rows(
    people: tuple[PersonCluster, ...], rows: dict[int, set[PatientIdentity]]
) -> list[tuple[PersonCluster, list[int]]]:
    """Give each person the catalog's patient rows, in an order that input order cannot change."""
    owner = {
        variant: place for place, person in enumerate(people) for variant, _ in person.variants
    }
    matched: list[list[int]] = [[] for _ in people]
    for row, identities in sorted(rows.items()):
        owners = {owner[identity] for identity in identities if identity in owner}
        if len(owners) > 1:
            raise RefusedError(
                "Nothing was written: two people cannot be told apart in the catalog.",
                hint="Export one study at a time.",
            )
        for place in owners:
            matched[place].append(row)
    return sorted(zip(people, matched, strict=True), key=_by_identity)


def _by_identity(pair: tuple[PersonCluster, list[int]]) -> tuple[object, ...]:
    return pair[0].identity, pair[0].variants


def _subject(entry: Entry) -> str:
    # Two originals may bear one UID, so the UID alone would not tell them apart.
    return f"{entry.header.sop_instance_uid} (sha256:{entry.sha256[:16]})".lstrip()
