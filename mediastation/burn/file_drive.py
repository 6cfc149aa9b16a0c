"""A file that stands for a drive: for training, and for tests without hardware.

It takes whatever a disc of any kind takes. Its bytes are those that a drive
would show of such a disc, later sessions included.
"""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

from mediastation.burn.drive import SECTOR_BYTES, Disc, DiscStatus, Session
from mediastation.burn.trouble import Cause, DriveError
from mediastation.errors import ConfigError, MediaError
from mediastation.reading.iso9660 import IsoVolume

_SESSION_ALIGNMENT = 32
_END_BYTES = 1 << 20


def require_file(path: Path) -> None:
    """Raise `ConfigError` where `path` is anything but a file, or a place for one.

    A disk may be behind any other name, and all that is on it.
    """
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        is_file = not path.absolute().is_relative_to("/dev")
    if not is_file:
        raise ConfigError(
            f"stdio:{path} is no file.",
            "Only a file may stand for a drive; a drive itself is named like /dev/sr0.",
        )


def inspect_file(path: Path, disc: Disc) -> Disc:
    """Return `disc` as it is in the eyes of somebody who reads more than its first session."""
    if not _holds_data(path):
        return replace(disc, status=DiscStatus.BLANK, next_sector=0, sessions=())
    disc = replace(disc, status=DiscStatus.OVERWRITABLE)
    try:
        with IsoVolume(path) as volume:
            first = volume.session_sector
            end = -(-volume.volume_bytes // SECTOR_BYTES)
            name = volume.primary.volume_identifier.decode("ascii", "replace").rstrip()
    except MediaError:
        return disc
    sessions = disc.sessions
    next_sector = -(-end // _SESSION_ALIGNMENT) * _SESSION_ALIGNMENT
    if first:
        sessions = (*sessions, Session(len(sessions) + 1, first, end - first, name))
    return replace(disc, sessions=sessions, next_sector=next_sector)


def erase_file(path: Path) -> None:
    """Leave nothing of what the file holds."""
    try:
        if path.exists():
            os.truncate(path, 0)
    except OSError as fault:
        raise DriveError(
            Cause.BLANK_FAILED, f"{path} cannot be made empty: {fault.strerror}."
        ) from fault


def _holds_data(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            size_bytes = file.seek(0, os.SEEK_END)
            for start in (0, max(0, size_bytes - _END_BYTES)):
                file.seek(start)
                if file.read(_END_BYTES).strip(b"\0"):
                    return True
    except FileNotFoundError:
        return False
    except OSError as fault:
        raise DriveError(
            Cause.PERMISSION, f"{path} cannot be read: {fault.strerror}.", "Name another file."
        ) from fault
    return False
