"""Ledger entries of media that a killed process recorded: which of them came to be.

What was decided once is not asked again: a medium that was there whole may be
burned and deleted afterwards, and was made all the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mediastation.catalog.ledger import Ledger
from mediastation.model.finding import Finding, warning
from mediastation.model.job import JobRecord, JobState
from mediastation.model.ledger import LedgerEntry, LedgerEvent, LedgerHead, contents_digest
from mediastation.model.manifest import ManifestFile
from mediastation.model.system_files import is_system_file
from mediastation.station.recording.ledger import facts_of, record_withdrawn
from mediastation.station.recording.medium_record import ENTRIES, WRITING, is_elsewhere
from mediastation.station.serving.dead_jobs import is_dead
from mediastation.station.station import Station

_MARK = "settled_entries"
_ANNOUNCING = frozenset({LedgerEvent.MADE, LedgerEvent.REPRINTED})
_MOST_FILES = 1_000_000
_GRACE_S = 1.0
_ENDS = {
    JobState.ABANDONED: "was killed",
    JobState.RUNNING: "was killed",
    JobState.CANCELLED: "was cancelled",
    JobState.REFUSED: "was refused",
    JobState.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class _Announced:
    """One entry about a medium that was about to get its name.

    Of a folder of opened files no digest is kept: both are empty then.
    """

    number: int
    at: str
    job: int
    volume: int
    path: Path
    size_bytes: int
    image_sha256: str
    contents_sha256: str
    host: str


def settle_entries(station: Station) -> list[Finding]:
    """Withdraw entries of media that never got their names; say which.

    An entry is withdrawn if its job is dead, has not noted that the medium got
    its name, and nothing with the recorded digest lies there. What cannot be
    looked at now, such as on a share that is not mounted, stays open.

    Raises
    ------
    MediaError
        If the ledger or the home's disk fails.
    """
    upto, waiting = _read_mark(station)
    log = Ledger(station.catalog)
    last = log.head().count
    announced: dict[int, _Announced] = {}
    for number in waiting:
        entry = next(log.entries(after=number - 1), None)
        if entry is not None and entry.number == number:
            _take(announced, entry)
    for entry in log.entries(after=upto):
        _take(announced, entry)
    newest = {(one.job, one.volume): one.number for one in announced.values()}
    findings: list[Finding] = []
    open_ones: list[int] = []
    for one in announced.values():
        record = station.jobs.get(one.job, station.clock.now())
        if record is None or record.created_at > _moment(one.at) + _GRACE_S:
            continue  # of an index that was lost: nobody can say how it ended
        if record.state is JobState.DONE and newest[one.job, one.volume] == one.number:
            continue
        if one.number in record.result.get(ENTRIES, ()):
            continue
        if record.state is not JobState.DONE and not is_dead(station, record):
            open_ones.append(one.number)
            continue
        missing = None if is_elsewhere(station, one.host) else _missing(one, record)
        if missing is None:
            open_ones.append(one.number)
        elif missing:
            findings.append(_withdraw(station, one, record, missing))
    if (upto, waiting) != (last, open_ones):
        station.catalog.set_mark(_MARK, json.dumps({"upto": last, "open": open_ones}))
    return findings


def is_settled(station: Station, number: int) -> bool:
    """Tell whether it is known that the medium of this entry came to be, or did not."""
    upto, waiting = _read_mark(station)
    return number <= upto and number not in waiting


def _read_mark(station: Station) -> tuple[int, list[int]]:
    kept = station.catalog.mark(_MARK)
    if kept is None:
        return 0, []
    mark = json.loads(kept)
    return mark["upto"], mark["open"]


def _take(announced: dict[int, _Announced], entry: LedgerEntry) -> None:
    if entry.event is LedgerEvent.WITHDRAWN and entry.refers_to is not None:
        announced.pop(entry.refers_to, None)
    medium = facts_of(entry) if entry.event in _ANNOUNCING else None
    opened = entry.facts.get("opened") if entry.event is LedgerEvent.OPENED else None
    if isinstance(opened, dict) and entry.job is not None:
        host, path = entry.station.get("host", ""), Path(str(opened.get("path", "")))
        announced[entry.number] = _Announced(
            entry.number, entry.at, entry.job, 1, path, 0, "", "", host
        )
    if medium is not None and entry.job is not None:
        announced[entry.number] = _Announced(
            entry.number,
            entry.at,
            entry.job,
            medium.volume,
            Path(medium.path),
            medium.size_bytes,
            medium.image_sha256,
            medium.contents_sha256,
            entry.station.get("host", ""),
        )


def _withdraw(station: Station, one: _Announced, record: JobRecord, missing: str) -> Finding:
    ended = _ENDS.get(record.state, "went on without it")
    reason = f"job {one.job} {ended} before the medium got its name: {missing}"
    record_withdrawn(station, one.job, LedgerHead(one.number, ""), reason)
    return warning(
        "medium-withdrawn",
        str(one.path),
        f"Entry {one.number} of the ledger was withdrawn: {reason}.",
        "Give the command again if the medium is still wanted.",
    )


def _missing(one: _Announced, record: JobRecord) -> str | None:
    """Say why the medium is not there; empty if it is, None if that cannot be seen now."""
    place = record.result.get(WRITING) or {}
    in_place = bool(isinstance(place, dict) and place.get("in_place"))
    asked = Path(str(record.request.get("output") or one.path))
    if in_place and not os.path.ismount(one.path):
        return None  # the medium that was mounted was taken out, and may be whole
    try:
        if not (asked if asked.is_absolute() else one.path).parent.is_dir():
            return None
        mode = one.path.lstat().st_mode
        if one.image_sha256:
            is_there = stat.S_ISREG(mode) and _is_image(one)
        else:
            holds = _is_folder if one.contents_sha256 else _is_opened
            is_there = stat.S_ISDIR(mode) and holds(one)
    except FileNotFoundError:
        return f"nothing lies at {one.path}"
    except OSError:
        return None
    if is_there:
        return ""
    return f"what lies at {one.path} is not that medium" + (", or not all of it" * in_place)


def _is_image(one: _Announced) -> bool:
    with one.path.open("rb") as file:
        if os.fstat(file.fileno()).st_size != one.size_bytes:
            return False
        return hashlib.file_digest(file, "sha256").hexdigest() == one.image_sha256


def _is_folder(one: _Announced) -> bool:
    """Tell whether the folder holds the very files that were recorded, and no others."""
    files: list[ManifestFile] = []
    waiting = [one.path]
    size_bytes = 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                inner = path.relative_to(one.path).as_posix()
                if is_system_file(inner.partition("/")[0]):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                    continue
                own_bytes = entry.stat(follow_symlinks=False).st_size
                size_bytes += own_bytes
                if (
                    not entry.is_file(follow_symlinks=False)
                    or size_bytes > one.size_bytes
                    or len(files) == _MOST_FILES
                ):
                    return False
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                files.append(ManifestFile(inner, own_bytes, digest))
    return size_bytes == one.size_bytes and contents_digest(files) == one.contents_sha256


def _is_opened(one: _Announced) -> bool:
    """Tell whether there are files: its name is given to the folder as a whole, or not at all."""
    with os.scandir(one.path) as entries:
        return any(True for _ in entries)


def _moment(at: str) -> float:
    with suppress(ValueError):
        return datetime.fromisoformat(at).timestamp()
    return 0.0
