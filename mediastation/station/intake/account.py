"""What an import came to: the counts of its result, the ledger's facts, and the report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mediastation.errors import MediaError, RefusedError
from mediastation.importing.diagnosis import Diagnosis
from mediastation.importing.look import FileKind
from mediastation.importing.quarantine import Quarantine
from mediastation.importing.survey import Survey
from mediastation.model.finding import Finding, Severity
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import MediumKind, OpenedEnvelope, OutsideMedium, Verdict
from mediastation.model.ledger import LedgerPatient, LedgerStudy
from mediastation.model.ledger_facts import ImportFacts
from mediastation.model.secrecy import ContentCipher, Digest, Signature
from mediastation.pages.facts import IndexPatient, IndexSeries, IndexStudy
from mediastation.pages.import_facts import LeftBehind, OpenedFiles
from mediastation.station.intake.request import ImportResult

DIAGNOSIS = "diagnosis"
"""Fact of the survey: what the doctor said, as JSON."""

IN_QUARANTINE: Mapping[Verdict | None, str] = {
    None: "Held in quarantine",
    Verdict.LEAVE: "Left in quarantine",
    Verdict.KEEP: "Taken in from quarantine",
}
"""What the report calls a file that was held, by what was decided about it."""

_UNREAD = (FileKind.UNREADABLE, FileKind.SEALED)
_MOST_STUDIES = 10_000
_OUT_OF_REACH = frozenset(
    {"too-deep", "too-long-name", "too-many-directories", "too-many-files", "unreadable"}
)
"""Rules of what readers of media report where they pass by a file, a folder or more."""
_UNFINISHED = "unfinished-session"
_DIRECTORY = "directory /"
_LOST_IN_DIRECTORIES = frozenset(
    {
        "allocation-loop", "chain-broken", "chain-loop", "chain-runs", "directory-loop",
        "directory-record", "directory-self", "truncated-file", "truncated-image", "unrecorded",
    }
)  # fmt: skip
"""Rules by which what a directory names is lost in part; of a file they say other things."""
_FOUND_AGAIN = "lost-directory"


def count(survey: Survey, result: ImportResult, mail: OpenedEnvelope | None = None) -> None:
    """Write the counts of a survey into `result`; what was left for good by decision is none.

    `mail` is how all of it came out of one e-mail, where it did.
    """
    left = survey.count(fate="left")
    result.found = survey.count(FileKind.INSTANCE, *_UNREAD) - left
    result.imported = survey.count(fate="kept")
    result.duplicates = survey.count(fate="duplicate")
    result.held = survey.count(fate="held")
    result.refused = survey.count(*_UNREAD) + survey.count(fate="refused")
    result.opened = survey.count() if mail is not None else survey.count_opened()
    result.left = survey.count(FileKind.OTHER, FileKind.EMPTY) + left
    result.patients = [
        {
            "patient_id": identity.patient_id,
            "issuer_of_patient_id": identity.issuer,
            "patient_name": identity.name,
            "patient_birth_date": identity.birth_date,
            "patient_sex": identity.sex,
            "instances": number,
            "reconciled_with": None,
        }
        for identity, number in survey.identities()
    ]


def count_out_of_reach(findings: Iterable[Finding]) -> int:
    """Count the places of a medium that could not be looked into: images may lie there.

    A damaged directory is one of them, and a session that was never finished:
    what they named is not even listed. A directory that was found again by
    other structures is none.
    """
    lost: set[str] = set()
    again: set[str] = set()
    for finding in findings:
        subject, rule = finding.subject, finding.rule
        in_directory = rule in _LOST_IN_DIRECTORIES and subject.startswith(_DIRECTORY)
        if rule == _FOUND_AGAIN:
            again.add(subject)
        elif rule == _UNFINISHED or (
            finding.severity is Severity.ERROR and (rule in _OUT_OF_REACH or in_directory)
        ):
            lost.add(subject)
    return len(lost - again)


def require_files(survey: Survey, medium: OutsideMedium) -> None:
    """Raise `MediaError` where a DICOMDIR by itself was given, which would miss all it lists."""
    if medium.kind is MediumKind.FILE and survey.count(FileKind.DIRECTORY):
        raise MediaError(
            f"{medium.name} is a DICOMDIR: it lists the files of a medium and holds none.",
            "Import the folder, the image or the drive that it lies in.",
        )


def require_all(
    result: ImportResult, unusable: int, left_by_decision: int, out_of_reach: int = 0
) -> None:
    """Raise `RefusedError` where something that should have come in did not.

    Parameters
    ----------
    unusable : int
        Files that are listed as instances, and are none.
    left_by_decision : int
        Instances that stay in quarantine, as was decided before.
    out_of_reach : int
        Places of the medium that could not be looked into.
    """
    is_empty = not result.found and not left_by_decision
    if not (
        result.held or result.refused or result.missing or unusable or out_of_reach or is_empty
    ):
        return
    said = f"{result.imported:,} of {result.found:,} instances came in"
    if result.duplicates:
        said += f", {result.duplicates:,} were here before"
    for number, what in (
        (result.held, "held in quarantine"),
        (result.refused, "could not be taken"),
        (result.missing, "that the directory lists are not on the medium"),
        (unusable, "that the directory lists are no DICOM"),
        (out_of_reach, "places of the medium could not be looked into"),
    ):
        if number:
            said += f"; {number:,} {what}"
    hint = "The findings and the report say which, and why."
    if result.held:
        hint += " `mediastation quarantine` shows what is held, and takes the decision."
    raise RefusedError(f"{said}.", hint=hint)


def examined_in_words(diagnosis: Diagnosis) -> str:
    """Return what comparing the directories with the files came to."""
    if not diagnosis.directories:
        return "no DICOMDIR; the files were found by content"
    said = f"{diagnosis.listed:,} listed, {diagnosis.found:,} found"
    for number, what in (
        (diagnosis.missing, "missing"),
        (diagnosis.unlisted, "not listed"),
        (diagnosis.mismatched, "listed wrongly"),
        (diagnosis.repaired, "repaired"),
    ):
        if number:
            said += f", {number:,} {what}"
    return said


def keep_diagnosis(survey: Survey, diagnosis: Diagnosis) -> None:
    """Remember what the doctor said with the survey, for whoever shows the import."""
    told = asdict(diagnosis)
    del told["findings"]
    survey.set_facts({DIAGNOSIS: json.dumps(told)})


def import_facts(
    survey: Survey,
    result: ImportResult,
    medium: OutsideMedium,
    media_type: str = "",
    mail: OpenedEnvelope | None = None,
) -> ImportFacts:
    """Return what the ledger is told of an import; `mail` as for `count`."""
    came = _by_study(survey, ("kept", "duplicate"))
    stayed = _by_study(survey, ("held", "refused"))
    return ImportFacts(
        medium=medium,
        found=result.found,
        imported=result.imported,
        duplicates=result.duplicates,
        held=result.held,
        refused=result.refused,
        repaired=result.repaired,
        patients=tuple(dict.fromkeys(patient for patient, _ in came)),
        studies=tuple(study for _, study in came),
        kept_patients=tuple(dict.fromkeys(patient for patient, _ in stayed)),
        kept_studies=tuple(study for _, study in stayed),
        files_sha256=survey.kept_sha256(),
        media_type=media_type,
        encrypted=mail is not None or 0 < len(survey) == survey.count_opened(FileKind.INSTANCE),
    )


def patients_that_came(survey: Survey) -> list[IndexPatient]:
    """Return who came on a medium, with their studies, for the report."""
    studies: dict[PatientIdentity, dict[str, list[dict[str, Any]]]] = {}
    for row in survey.series():
        who = PatientIdentity(
            row["patient_id"], row["issuer"], row["patient_name"], row["birth_date"], row["sex"]
        )
        studies.setdefault(who, {}).setdefault(row["study_instance_uid"], []).append(row)
    return [
        IndexPatient(
            who.name,
            who.patient_id,
            who.birth_date,
            who.sex,
            tuple(_index_study(rows) for rows in of_patient.values()),
        )
        for who, of_patient in studies.items()
    ]


def left_behind(survey: Survey, quarantine: Quarantine, job: int) -> Iterator[LeftBehind]:
    """Yield what did not come in, those of one kind and reason together."""
    yield from quarantined(quarantine, job)
    for kind, what, why in (
        (FileKind.UNREADABLE, "Unreadable files", "the medium does not give them"),
        (FileKind.SEALED, "Sealed files", "secure envelopes; the key or password is needed"),
        (FileKind.OTHER, "Other files", "no DICOM; they stay on the medium, nothing was started"),
        (FileKind.EMPTY, "Empty files", "nothing is in them"),
    ):
        number = survey.count(kind)
        if number:
            yield LeftBehind(what, why, number, survey.example(kind))


def quarantined(quarantine: Quarantine, job: int) -> Iterator[LeftBehind]:
    """Yield what an import had held, those of one reason and decision together."""
    held: dict[tuple[str, str], list[str]] = {}
    for file in quarantine.iter_known():
        if job in file.imports:
            decided = f"; {file.decided_by}, {file.decided_at[:10]}" if file.verdict else ""
            alike = held.setdefault((IN_QUARANTINE[file.verdict], file.rule + decided), [])
            alike.append(file.path)
    for (what, why), paths in sorted(held.items()):
        yield LeftBehind(what, why, len(paths), paths[0])


def opened_files(survey: Survey, mail: OpenedEnvelope | None = None) -> list[OpenedFiles]:
    """Return what came out of envelopes, those that came out alike together; `mail` as before."""
    ways = [(one, number) for one, number, _ in survey.envelopes()]
    if mail is not None:
        ways.insert(0, (mail, survey.count()))
    return [
        OpenedFiles(one.opened_by, ContentCipher(one.cipher).text, _proof(one), number)
        for one, number in ways
    ]


def _proof(envelope: OpenedEnvelope) -> str:
    digest = Digest(envelope.digest).text if envelope.digest else "no digest of its own"
    if not envelope.signature:
        return f"its digest ({digest}); whose it is, nothing proves"
    who = " and ".join(envelope.signers) or "nobody named"
    trusted = envelope.signature == Signature.TRUSTED
    worth = "trusted here" if trusted else "for whom nobody vouches here"
    return f"the signature ({digest}) of {who}, {worth}"


def _by_study(survey: Survey, fates: Sequence[str]) -> list[tuple[LedgerPatient, LedgerStudy]]:
    """Return patients and studies of the instances of some fates, in order; bounded."""
    found: dict[tuple[LedgerPatient, str], tuple[str, dict[str, int]]] = {}
    for row in survey.classes():
        if row["fate"] not in fates:
            continue
        patient = LedgerPatient(row["patient_id"], row["patient_name"], row["birth_date"])
        key = patient, row["study_instance_uid"]
        if key not in found and len(found) >= _MOST_STUDIES:
            continue
        _, classes = found.setdefault(key, (row["study_description"], {}))
        of_class = row["sop_class_uid"]
        classes[of_class] = classes.get(of_class, 0) + row["instances"]
    return [
        (patient, LedgerStudy(uid, description, "", dict(sorted(classes.items())), whole=False))
        for (patient, uid), (description, classes) in found.items()
    ]


def _index_study(rows: Sequence[dict[str, Any]]) -> IndexStudy:
    first = rows[0]
    series = (
        IndexSeries(
            row["modality"], row["series_number"], row["series_description"], row["instances"]
        )
        for row in rows
    )
    return IndexStudy(first["study_date"], first["study_description"], "", tuple(series))
