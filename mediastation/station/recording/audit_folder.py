"""Where the audit messages lie: ``audit/2026-11-23/00000017-made.xml`` beside the ledger.

The folder of a day is complete when the day is over; a site may move it to its
audit repository. The messages are a third witness of the ledger's length and of
what its numbers stand for, so none is ever written over.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, make_private_folder, write_text_durably
from mediastation.catalog.ledger import Ledger
from mediastation.errors import MediaError
from mediastation.model.ledger import LedgerEntry
from mediastation.station.process_lock import hold_lock
from mediastation.station.recording.audit_messages import audit_message
from mediastation.station.station import Station

FOLDER_NAME = "audit"
_LAST_NAME = "last"
_LOCK_NAME = ".lock"
_PATIENCE_S = 30.0
_LOOKED_BACK = 1000
_MESSAGE_NAME = re.compile(r"(\d{8,12})-[a-z]+(?:-before\d*)?\.xml")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def message_path(station: Station, entry: LedgerEntry) -> Path:
    """Return where the message of an entry lies, or will."""
    day = entry.at[:10] if _DAY.match(entry.at) else "undated"
    return station.catalog.home / FOLDER_NAME / day / f"{entry.number:08d}-{entry.event}.xml"


def write_message(station: Station, entry: LedgerEntry) -> Path:
    """Write the message of an entry, readable by its owner alone; whole or not at all."""
    path = message_path(station, entry)
    message = audit_message(entry).decode()
    lock = path.parent.parent / _LOCK_NAME
    # Two that write one file at a time take it from under each other.
    with (
        disk_trouble_told(station.catalog.home),
        hold_lock(lock, _busy, patience_s=_PATIENCE_S),
    ):
        make_private_folder(path.parent)
        _keep_other(path, message)
        write_text_durably(path, message, 0o600)
        if entry.number > _last_number(station):
            write_text_durably(path.parent.parent / _LAST_NAME, str(entry.number), 0o600)
    return path


def highest_message(station: Station) -> int:
    """Return the highest number of any message that was ever written here; 0 for none."""
    return max(_last_number(station), *(number for number, _ in _messages(station)), 0)


def stray_numbers(station: Station) -> list[int]:
    """Return the numbers, ascending, of messages that are of no entry of the ledger.

    A ledger that was cut and went on has other entries under their numbers.
    """
    strays = {(number, path) for number, path in _messages(station)}
    if strays:
        for entry in Ledger(station.catalog).entries():
            strays.discard((entry.number, message_path(station, entry)))
    return sorted({number for number, _ in strays})


def write_missing_messages(station: Station) -> int:
    """Make the messages that a killed process or a full disk left out; return how many.

    A day that was moved away is not made again, nor what is older than the
    latest `_LOOKED_BACK` entries.
    """
    last = highest_message(station)
    written = 0
    for entry in Ledger(station.catalog).entries(after=max(0, last - _LOOKED_BACK)):
        path = message_path(station, entry)
        if entry.number > last or (path.parent.is_dir() and not path.exists()):
            write_message(station, entry)
            written += 1
    return written


def _busy(holder: str) -> MediaError:
    return MediaError(
        f"Process {holder} has been writing audit messages for long.",
        "`mediastation audit --verify` makes what is missing.",
    )


def _keep_other(path: Path, message: str) -> None:
    """Move a message away that is of another entry: it shows that there was one."""
    try:
        other = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    if other != message:
        places = (path.with_name(f"{path.stem}-before{n or ''}.xml") for n in itertools.count())
        path.rename(next(place for place in places if not place.exists()))


def _last_number(station: Station) -> int:
    with suppress(OSError, ValueError):
        return int((station.catalog.home / FOLDER_NAME / _LAST_NAME).read_text(encoding="ascii"))
    return 0


def _messages(station: Station) -> Iterator[tuple[int, Path]]:
    """Yield number and path of each message that is here."""
    for day in _days(station):
        for name in _names(day):
            if match := _MESSAGE_NAME.fullmatch(name):
                yield int(match[1]), day / name


def _days(station: Station) -> list[Path]:
    folder = station.catalog.home / FOLDER_NAME
    return sorted(folder / name for name in _names(folder) if _DAY.fullmatch(name))


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - no path of each is wanted
    except (FileNotFoundError, NotADirectoryError):
        return []
