"""Discs that were being burned when the process was killed: recorded, and named for destruction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from mediastation.catalog.ledger import Ledger
from mediastation.model.finding import Finding, warning
from mediastation.model.job import JobRecord
from mediastation.model.ledger import BurnFacts, Disclosure, LedgerEvent, MediumFacts
from mediastation.station.burning.drive_lock import drive_is_held
from mediastation.station.burning.findings import discard
from mediastation.station.burning.request import DiscResult, read_disc
from mediastation.station.recording.ledger import find_medium, record_burned
from mediastation.station.recording.medium_contents import contents_of_medium
from mediastation.station.recording.medium_record import is_elsewhere
from mediastation.station.serving.dead_jobs import is_dead
from mediastation.station.station import Station

_AT_WORK = ("writing", "rereading")
"""States of a disc that may hold data and has no entry yet; see `DiscResult.state`."""


def settle_burns(station: Station) -> Iterator[Finding]:
    """Record every disc that a dead job had in its drive; yield what to do with it.

    How far the burner came nobody knows, so it counts as one that holds data.
    In the job's result it is from then on one to be discarded.

    Raises
    ------
    MediaError
        If the ledger or the home's disk fails.
    """
    seen: set[int] = set()
    for state in _AT_WORK:
        for found in station.jobs.with_result("burn", f'"state": "{state}"'):
            record = station.jobs.get(found.id, station.clock.now())
            if record is None or not is_dead(station, record) or record.id in seen:
                continue
            if is_elsewhere(station, record.place or record.worker.rpartition(":")[0]):
                continue
            # Whose lease ran out may have been stopped, and go on: it holds its drives.
            drives = [str(drive.get("drive", "")) for drive in record.result.get("burns", ())]
            if record.id != station.claimed and any(
                drive_is_held(station.home, drive) for drive in drives if drive
            ):
                continue
            seen.add(record.id)
            yield from _settle(station, record)


def _settle(station: Station, record: JobRecord) -> Iterator[Finding]:
    recorded = _recorded(station, record.id)
    for drive in record.result.get("burns", ()):
        device = str(drive.get("drive", ""))
        rereads = [
            str(burn.get("reread", ""))
            for burn in recorded
            if burn.get("drive") == device or str(burn.get("drive")).startswith(f"{device} (")
        ]
        for place, told in enumerate(drive.get("discs", ())):
            disc = read_disc(told)
            if disc.state not in _AT_WORK:
                continue
            # Each drive's discs are recorded in their order.
            if rereads[place : place + 1] == ["identical"]:
                told["state"], told["reread"], told["verified"] = "verified", "identical", True
                continue
            if place >= len(rereads):
                _record(station, record, device, disc)
            told["state"] = "discard"
            why = f"was being burned when job {record.id} was killed"
            finding = discard(device, disc, why)
            yield warning("disc-recorded", device, finding.message, finding.hint)
    station.jobs.save_result(record.id, record.result)


def _recorded(station: Station, job: int) -> list[dict[str, Any]]:
    """Return how the discs were burned that the ledger has of this job."""
    return [
        dict(entry.facts.get("burn") or {})
        for entry in Ledger(station.catalog).entries(containing=f'"job":{job},')
        if entry.job == job and entry.event is LedgerEvent.BURNED
    ]


def _record(station: Station, record: JobRecord, device: str, disc: DiscResult) -> None:
    request = record.request
    image_sha256 = str(record.result.get("image_sha256", ""))
    medium = find_medium(station, image_sha256)
    if medium is None:
        medium = _of_image(station, record, image_sha256)
    record_burned(
        station,
        record.id,
        replace(medium, verified=False),
        BurnFacts(
            drive=device,
            medium_id=disc.medium_id,
            reread=disc.reread,
            bad_sectors=disc.bad_sectors,
            copy=disc.copy,
            copies=int(request.get("copies", 1)),
        ),
        _disclosure(request),
    )


def _of_image(station: Station, record: JobRecord, image_sha256: str) -> MediumFacts:
    """Return what can still be said of an image from elsewhere; it may be gone by now."""
    image = Path(str(record.request.get("image", "")))
    patients, studies = contents_of_medium(station, image)
    size_bytes = 0
    with suppress(OSError):
        size_bytes = image.stat().st_size
    return MediumFacts(
        medium="",
        format="",
        profile="",
        path=str(image),
        file_set_id="",
        file_set_uid=str(record.result.get("file_set_uid", "")),
        instances=sum(sum(study.sop_classes.values()) for study in studies),
        size_bytes=size_bytes,
        image_sha256=image_sha256,
        contents_sha256="",
        verified=False,
        patients=patients,
        studies=studies,
    )


def _disclosure(request: dict[str, Any]) -> Disclosure:
    told = request.get("disclosure")
    if not isinstance(told, dict):
        return Disclosure()
    known = {one.name for one in fields(Disclosure)}
    return Disclosure(**{key: str(value) for key, value in told.items() if key in known})
