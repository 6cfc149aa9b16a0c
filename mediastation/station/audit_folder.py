"""Where the audit messages lie: ``audit/2026-11-23/00000017-made.xml`` in the home.

The folder of a day is complete when the day is over; a site may move it to its
audit repository. The messages are a third witness of the ledger's length.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, make_private_folder, write_text_durably
from mediastation.catalog.ledger import Ledger
from mediastation.model.ledger import LedgerEntry
from mediastation.station.audit_messages import audit_message
from mediastation.station.station import Station

FOLDER_NAME = "audit"
_LAST_NAME = "last"
_LOOKED_BACK = 1000
_MESSAGE_NAME = re.compile(r"(\d{8,12})-[a-z]+\.xml")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def message_path(station: Station, entry: LedgerEntry) -> Path:
    """Return where the message of an entry lies, or will."""
    day = entry.at[:10] if _DAY.match(entry.at) else "undated"
    return station.home / FOLDER_NAME / day / f"{entry.number:08d}-{entry.event}.xml"


def write_message(station: Station, entry: LedgerEntry) -> Path:
    """Write the message of an entry, readable by its owner alone; whole or not at all."""
    path = message_path(station, entry)
    with disk_trouble_told(station.home):
        make_private_folder(path.parent.parent)
        make_private_folder(path.parent)
        write_text_durably(path, audit_message(entry).decode(), 0o600)
        write_text_durably(path.parent.parent / _LAST_NAME, str(entry.number), 0o600)
    return path


def highest_message(station: Station) -> int:
    """Return the highest number of any message that was ever written here; 0 for none."""
    highest = 0
    with suppress(OSError, ValueError):
        highest = int((station.home / FOLDER_NAME / _LAST_NAME).read_text(encoding="ascii"))
    for path in _days(station):
        for name in _names(path):
            match = _MESSAGE_NAME.fullmatch(name)
            highest = max(highest, int(match[1])) if match else highest
    return highest


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


def _days(station: Station) -> list[Path]:
    folder = station.home / FOLDER_NAME
    return sorted(folder / name for name in _names(folder) if _DAY.fullmatch(name))


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - no path of each is wanted
    except (FileNotFoundError, NotADirectoryError):
        return []
