"""What an export that goes on has finished already: volumes that need not be written again."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mediastation.catalog.ledger import Ledger
from mediastation.model.ledger import LedgerEvent, LedgerHead
from mediastation.station.exporting.request import VolumeResult
from mediastation.station.recording.ledger import facts_of
from mediastation.station.recording.medium_record import ENTRIES
from mediastation.station.station import Station

Finished = dict[Path, tuple[VolumeResult, LedgerHead]]
"""By output: what an earlier attempt of the job made there, and its entry in the ledger."""


def finished_volumes(station: Station) -> Finished:
    """Return the volumes that the job claimed here has written, reread and named before.

    The ledger decides: what was killed on the way to its name has been
    withdrawn (`mediastation.station.unfinished`), and whatever still has an
    entry was whole. What somebody has taken away since, or changed in size, is
    made again.
    """
    number = station.claimed
    record = station.jobs.get(number, station.clock.now()) if number is not None else None
    told = [_result(volume) for volume in record.result.get("volumes", ())] if record else []
    if not told:
        return {}
    entries: dict[Path, LedgerHead] = {}
    for entry in Ledger(station.catalog).entries(containing=f'"job":{number},'):
        if entry.job != number:
            continue
        if entry.event is LedgerEvent.MADE and (facts := facts_of(entry)) is not None:
            entries[Path(facts.path)] = LedgerHead(entry.number, "")
        elif entry.event is LedgerEvent.WITHDRAWN:
            entries = {
                path: head for path, head in entries.items() if head.count != entry.refers_to
            }
    return {
        path: (volume, entries[path.absolute()])
        for volume in told
        if (path := Path(volume.path)).absolute() in entries and _is_there(path, volume)
    }


def as_result(finished: Finished) -> dict[str, Any]:
    """Return what the job's result says of volumes that need not be written again."""
    if not finished:
        return {}
    return {
        "volumes": [asdict(volume) for volume, _ in finished.values()],
        ENTRIES: [head.count for _, head in finished.values()],
    }


def _result(told: dict[str, Any]) -> VolumeResult:
    return VolumeResult(**{field.name: told[field.name] for field in fields(VolumeResult)})


def _is_there(path: Path, volume: VolumeResult) -> bool:
    try:
        if path.is_dir():
            return (path / "DICOMDIR").exists()
        return path.stat().st_size == volume.size_bytes
    except OSError:
        return False
