"""Recording what leaves the station, what is removed, when it ran; and finding it again.

Every function here writes one entry (two where the ledger itself has to be
reported), durably, before it returns, and the DICOM audit message beside it.
An entry says what was true, or about to be, when it was written: what then
failed is withdrawn by a further entry. Where a process was killed between
entry and deed, `mediastation.station.unfinished` finds out which came to be.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mediastation import __version__
from mediastation.catalog.identities import EntriesOfPatient
from mediastation.catalog.ledger import Ledger
from mediastation.errors import MediaError
from mediastation.model.finding import Finding
from mediastation.model.ledger import (
    MEDIA_EVENTS,
    NOBODY,
    BurnFacts,
    Disclosure,
    LedgerEntry,
    LedgerEvent,
    LedgerHead,
    LedgerPatient,
    LedgerStudy,
    MediumFacts,
    contents_digest,
)
from mediastation.model.manifest import Manifest
from mediastation.station.recording.audit_folder import write_message
from mediastation.station.recording.medium_contents import LedgerContents
from mediastation.station.station import Station

_LOG = logging.getLogger(__name__)


def medium_facts(
    manifest: Manifest,
    contents: LedgerContents,
    *,
    path: Path,
    verified: bool,
    opened_by: tuple[str, ...] = (),
) -> MediumFacts:
    """Gather what is to be recorded of a medium that was written.

    Parameters
    ----------
    manifest : Manifest
        That of the volume, with all its fields.
    contents : LedgerContents
        Whose data it holds: `contents_of_folder` of the folder that holds its
        DICOMDIR, or `contents_of_medium`.
    path : Path
        Where it is about to get its name; made absolute.
    verified : bool
        Whether rereading found no error.
    opened_by : tuple of str
        What opens it, if it is sealed; empty for a plain one.
    """
    patients, studies = contents
    instances = sum(
        bool(file.sop_instance_uid) and file.path != "DICOMDIR" for file in manifest.files
    )
    size_bytes = manifest.image_size_bytes or sum(file.size_bytes for file in manifest.files)
    return MediumFacts(
        medium=manifest.medium,
        format=manifest.format,
        profile=manifest.profile,
        path=str(path.absolute()),
        file_set_id=manifest.file_set_id,
        file_set_uid=manifest.file_set_uid,
        instances=instances,
        size_bytes=size_bytes,
        image_sha256=manifest.image_sha256,
        contents_sha256=contents_digest(manifest.files),
        verified=verified,
        volume=manifest.volume,
        volumes=manifest.volumes,
        encrypted=bool(opened_by),
        opened_by=opened_by,
        patients=patients,
        studies=studies,
    )


def record_made(
    station: Station, job: int, medium: MediumFacts, disclosure: Disclosure = NOBODY
) -> LedgerHead:
    """Record a medium that was written and reread, just before it gets its name.

    Give it its name only after this has returned; where that fails, call
    `record_withdrawn` with the head that is returned here.

    Raises
    ------
    MediaError
        If the ledger cannot be written: then the medium must not get its name.
    """
    return record_entry(station, LedgerEvent.MADE, job, _medium(medium, disclosure))


def record_burned(
    station: Station,
    job: int,
    medium: MediumFacts,
    burn: BurnFacts,
    disclosure: Disclosure = NOBODY,
) -> LedgerHead:
    """Record one copy that was burned, after it was reread, whatever that found.

    A copy that failed is recorded too: it may hold patients' data. `medium` is
    `find_medium` of the image's hash, where the image was made here.
    """
    facts = {**_medium(medium, disclosure), "burn": asdict(burn)}
    made = _made_of(station, medium.image_sha256)
    if made is not None:
        facts["entry"] = made.number
    return record_entry(station, LedgerEvent.BURNED, job, facts)


def record_reprinted(
    station: Station,
    job: int,
    medium: MediumFacts,
    of_job: int,
    disclosure: Disclosure = NOBODY,
) -> LedgerHead:
    """Record a medium that was made again, just before it gets its name; as `record_made`."""
    facts = {**_medium(medium, disclosure), "of_job": of_job}
    first = _first_of(station, of_job, medium.volume)
    if first is not None:
        facts["entry"] = first.number
    return record_entry(station, LedgerEvent.REPRINTED, job, facts)


def record_withdrawn(station: Station, job: int, head: LedgerHead, reason: str) -> LedgerHead:
    """Record that what the entry of `head` tells did not come to pass, or not wholly."""
    facts: dict[str, Any] = {"entry": head.count, "reason": reason}
    entry = next(Ledger(station.catalog).entries(after=head.count - 1), None)
    if entry is not None and entry.number == head.count:
        kept = ("medium", "patients", "studies", "files_sha256", "disclosure", "transfer",
                "outside_medium", "media_type", "counts", "opened")  # fmt: skip
        facts |= {key: entry.facts[key] for key in kept if key in entry.facts}
    return record_entry(station, LedgerEvent.WITHDRAWN, job, facts)


def record_forgotten(station: Station, job: int, gone: EntriesOfPatient) -> LedgerHead:
    """Record that these instances of one patient are about to be removed from the store."""
    facts = {
        "patients": [asdict(gone.patient)],
        "studies": [asdict(study) for study in gone.studies],
        "instances": len(gone.entries),
        "files_sha256": gone.files_sha256,
    }
    return record_entry(station, LedgerEvent.FORGOTTEN, job, facts)


def record_drilled(
    station: Station, job: int, counts: Mapping[str, int], key: str, media: Sequence[str]
) -> LedgerHead:
    """Record that sealed media were opened to prove that they can be.

    Parameters
    ----------
    counts : mapping of str to int
        ``media``, ``tried``, ``opened`` and ``errors``.
    key : str
        Whose key did it, as far as that is known; never a password.
    media : sequence of str
        Where they lay; the first hundred are kept.
    """
    facts = {"counts": dict(counts), "key": key, "media": list(media)[:100]}
    return record_entry(station, LedgerEvent.DRILLED, job, facts)


def record_opened(
    station: Station,
    job: int,
    contents: LedgerContents,
    *,
    medium: Path,
    path: Path,
    counts: Mapping[str, int],
) -> LedgerHead:
    """Record that what lay sealed on a medium is about to lie plain in a folder; as `record_made`.

    Parameters
    ----------
    contents : LedgerContents
        Whose data it is: `contents_of_medium` of the folder. Empty where no
        DICOMDIR came out that tells.
    medium, path : Path
        What was opened, and the folder; made absolute.
    counts : mapping of str to int
        ``envelopes`` that were opened, ``files`` in the folder, and how many
        files are ``damaged``.

    Raises
    ------
    MediaError
        If the ledger cannot be written: then the folder must not get its name.
    """
    patients, studies = contents
    facts = {
        "opened": {"medium": str(medium.absolute()), "path": str(path.absolute()), **counts},
        "patients": [asdict(one) for one in patients],
        "studies": [asdict(one) for one in studies],
    }
    return record_entry(station, LedgerEvent.OPENED, job, facts)


def record_application(station: Station, *, started: bool, address: str = "") -> LedgerHead:
    """Record that the station began or ceased to serve the network at `address`."""
    event = LedgerEvent.STARTED if started else LedgerEvent.STOPPED
    return record_entry(station, event, None, {"address": address, "version": __version__})


def record_alert(station: Station, findings: Iterable[Finding]) -> LedgerHead:
    """Record that something is wrong with the ledger itself, or was mended."""
    told = [finding.as_dict() for finding in findings]
    facts = {
        "findings": told[:20],
        "number_of_findings": len(told),
        "ledger": str(Ledger(station.catalog).file.path),
    }
    return record_entry(station, LedgerEvent.ALERT, None, facts)


def find_media(station: Station, text: str) -> Iterator[LedgerEntry]:
    """Yield what was recorded of media, newest first, where every word of `text` occurs.

    Words are looked for regardless of case in the patients' names, IDs and
    birth dates, in UIDs, File-set ID, hashes, path, drive, medium, operator and
    the rest of the entry, and at the front of its date (``2026-11``).
    """
    for entry in find_entries(station, text):
        if entry.event in MEDIA_EVENTS:
            yield entry


def find_entries(
    station: Station, text: str = "", since: datetime | None = None
) -> Iterator[LedgerEntry]:
    """Yield entries of any kind, newest first; `text` as in `find_media`."""
    words = text.casefold().split()
    for entry in Ledger(station.catalog).entries(newest_first=True):
        if since is not None and _moment(entry) < since:
            # Clocks can be set back; a day's grace ends the search.
            if (since - _moment(entry)).days >= 1:
                return
            continue
        if has_words(entry, words):
            yield entry


def has_words(entry: LedgerEntry, words: Sequence[str]) -> bool:
    """Tell whether every one of `words`, casefolded, occurs in an entry; see `find_media`."""
    if not words:
        return True
    told = "\n".join(_texts([entry.facts, entry.operator, str(entry.event)])).casefold()
    return all(word in told or entry.at.startswith(word) for word in words)


def find_medium(station: Station, image_sha256: str) -> MediumFacts | None:
    """Return what was recorded of the image with this hash, if it was made here."""
    entry = _made_of(station, image_sha256)
    return None if entry is None else facts_of(entry)


def facts_of(entry: LedgerEntry) -> MediumFacts | None:
    """Return the medium that an entry tells of; None if it tells of none that can be read."""
    try:
        kept = dict(entry.facts["medium"])
        patients = tuple(LedgerPatient(**one) for one in kept.pop("patients"))
        studies = tuple(LedgerStudy(**one) for one in kept.pop("studies"))
        opened_by = tuple(kept.pop("opened_by", ()))
        return MediumFacts(**kept, opened_by=opened_by, patients=patients, studies=studies)
    except (KeyError, TypeError, ValueError):
        return None


def _made_of(station: Station, image_sha256: str) -> LedgerEntry | None:
    if not image_sha256:
        return None
    for entry in Ledger(station.catalog).entries(newest_first=True, containing=image_sha256):
        if entry.event in {LedgerEvent.MADE, LedgerEvent.REPRINTED}:
            medium = facts_of(entry)
            if medium is not None and medium.image_sha256 == image_sha256:
                return entry
    return None


def _first_of(station: Station, job: int, volume: int) -> LedgerEntry | None:
    for entry in Ledger(station.catalog).entries(containing=f'"job":{job},'):
        if entry.job == job and entry.event in MEDIA_EVENTS:
            medium = facts_of(entry)
            if medium is not None and medium.volume == volume:
                return entry
    return None


def _medium(medium: MediumFacts, disclosure: Disclosure) -> dict[str, Any]:
    return {"medium": asdict(medium), "disclosure": asdict(disclosure)}


def record_entry(
    station: Station,
    event: LedgerEvent,
    job: int | None,
    facts: dict[str, Any],
    *,
    once: bool = False,
) -> LedgerHead:
    """Write one entry and its audit message; return the head behind it.

    With `once`, nothing is written where an entry of this job tells the very
    same already: a job that was killed and goes on comes here again.

    Raises
    ------
    MediaError
        If the ledger cannot be written. Nothing is recorded then.
    """
    settings = station.settings
    draft = LedgerEntry(
        number=0,
        at=datetime.fromtimestamp(station.clock.now(), UTC).isoformat(timespec="milliseconds"),
        event=event,
        operator=settings.operator,
        job=job,
        station={
            "aet": settings.aet,
            "host": socket.gethostname(),
            "institution": settings.institution,
            "process": str(os.getpid()),
        },
        facts=facts,
    )
    if once and _is_recorded(station, draft):
        return Ledger(station.catalog).head()
    written, head = Ledger(station.catalog).append(draft)
    for entry in written:
        try:
            write_message(station, entry)
        except MediaError as fault:
            # The entry stands, and `audit` makes the message from it when there is room.
            _LOG.warning("the audit message of entry %d: %s", entry.number, fault.message)
    return head


def _is_recorded(station: Station, draft: LedgerEntry) -> bool:
    told = LedgerEntry.from_body(draft.body()).facts
    return any(
        (entry.job, entry.event, entry.facts) == (draft.job, draft.event, told)
        for entry in Ledger(station.catalog).entries(containing=f'"job":{draft.job},')
    )


def _moment(entry: LedgerEntry) -> datetime:
    try:
        moment = datetime.fromisoformat(entry.at)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for one in value.values():
                yield from _texts(one)
        case list():
            for one in value:
                yield from _texts(one)
        case str():
            yield value
