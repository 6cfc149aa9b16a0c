"""What killed processes left behind, settled: ledger entries, half-made outputs, discs.

An entry stands in the ledger before its medium has its name, and a medium in the
making lies beside its output. Where the process was killed there, the next
command that writes, `serve`, or ``audit --verify`` comes here. What lies on the
disk decides, once for each entry; a job that may still be alive is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mediastation.catalog.durable import disk_trouble_told
from mediastation.errors import ConfigError, MediaError
from mediastation.media.left_over import part_path, remove_left_over
from mediastation.model.finding import Finding, note, warning
from mediastation.model.job import JobRecord
from mediastation.station.burning.unfinished import settle_burns
from mediastation.station.intake.folder import clear_scratch, clear_stopped
from mediastation.station.process_lock import hold_lock
from mediastation.station.recording.medium_record import WRITING, is_elsewhere
from mediastation.station.recording.unfinished_entries import settle_entries
from mediastation.station.sealing.envelope_folder import settle_envelopes
from mediastation.station.serving.dead_jobs import is_dead
from mediastation.station.station import Station

LOCK_NAME = "settle.lock"
_PATIENCE_S = 600.0
_MAKING = ("export", "update", "reprint", "open")


def settle_unfinished(station: Station) -> list[Finding]:
    """Settle what processes that were killed have left; say what was found and done.

    Done again, it finds nothing more. Where another process is at it, that one
    does it. It keeps nobody from working: a disk that refuses is a finding, and
    whoever comes next tries again.

    Not so for a job from the queue that was begun before. What that attempt left
    is settled by this process or by none: then it waits for the other one, and
    a disk that refuses stops it.

    Returns
    -------
    list of Finding
        ``"medium-withdrawn"``: a recorded medium that never got its name.
        ``"left-over"``: what was half made, removed or named.
        ``"disc-recorded"``: a disc that was being burned.
        ``"not-settled"``: the ledger or the home's disk failed.

    Raises
    ------
    MediaError
        If what an earlier attempt of the job claimed here left stays unsettled.
    """
    findings: list[Finding] = []
    goes_on = _was_begun(station)
    try:
        folder = station.catalog.home
        lock = hold_lock(folder / LOCK_NAME, _busy, patience_s=_PATIENCE_S if goes_on else 0.0)
        with disk_trouble_told(folder), lock:
            findings += settle_entries(station)
            findings += _clear_left_overs(station)
            findings += settle_envelopes(station)
            findings += settle_burns(station)
            findings += clear_stopped(station, station.clock.now())
            findings += clear_scratch(station)
    except _BusyError as other:
        if goes_on:
            raise MediaError(
                f"What an earlier attempt of this job left cannot be looked at: {other.message}",
                "Wait until that process has ended, then retry the job.",
            ) from None
    except MediaError as fault:
        if goes_on:
            raise
        findings.append(
            warning(
                "not-settled",
                str(station.home),
                f"What killed processes may have left could not be looked at: {fault.message}",
                fault.hint,
            )
        )
    return findings


class _BusyError(ConfigError):
    """Another process settles this home."""


def _busy(holder: str) -> ConfigError:
    return _BusyError(f"Process {holder} is at it.")


def _was_begun(station: Station) -> bool:
    """Tell whether an earlier attempt of the job that is claimed here came to anything."""
    number = station.claimed
    record = station.jobs.get(number, station.clock.now()) if number is not None else None
    return record is not None and bool(record.result)


def _clear_left_overs(station: Station) -> Iterator[Finding]:
    for kind in _MAKING:
        for found in station.jobs.with_result(kind, f'"{WRITING}": '):
            record = station.jobs.get(found.id, station.clock.now())
            place = record.result.get(WRITING) if record else None
            if record is None or not is_dead(station, record) or not isinstance(place, dict):
                continue
            if is_elsewhere(station, str(place.get("host", ""))):
                continue
            yield from _clear_left_over(record, place)
            result = {key: value for key, value in record.result.items() if key != WRITING}
            station.jobs.save_result(record.id, result)


def _clear_left_over(record: JobRecord, place: dict[str, Any]) -> Iterator[Finding]:
    output = Path(str(place.get("output", "")))
    if place.get("in_place"):
        yield warning(
            "left-over",
            str(output),
            f"Job {record.id} was killed while it wrote onto the medium that was mounted there: "
            "what it wrote may still be on it, and it may hold a patient's data.",
            "Verify that medium if it has a DICOMDIR; format it otherwise.",
        )
        return
    part = part_path(output)
    told = f"Job {record.id} was killed while it was writing {output}"
    try:
        if not output.parent.is_dir():
            raise MediaError(f"{output.parent} is not there")
        if remove_left_over(output):
            yield note("left-over", str(part), f"{told}; what was half made was removed.")
    except MediaError as fault:
        yield warning(
            "left-over",
            str(part),
            f"{told}, and what was half made could not be removed: {fault.message.rstrip('.')}.",
            "It may hold a patient's data: remove it, unless another run is writing it.",
        )
