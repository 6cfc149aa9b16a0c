"""One burn at a time on each drive, whichever process of this station does it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediastation.burn.drive import path_of
from mediastation.burn.trouble import Cause, DriveError
from mediastation.station.process_lock import hold_lock, lock_is_held

_FOLDER = "drives"


@contextmanager
def hold_drive(home: Path, device: str) -> Iterator[None]:
    """Hold the lock of a drive while something is done with it.

    The lock goes with the process, however it ends; the file stays. Programs
    that know nothing of it are kept away by the engine and the kernel.

    Raises
    ------
    DriveError
        If another burn holds it; its process is told.
    """

    def refuse(holder: str) -> DriveError:
        return DriveError(
            Cause.BUSY,
            f"The drive {device} is busy: process {holder} of this station burns on it.",
            "Wait until it is done; `mediastation jobs` shows how far it is.",
        )

    with hold_lock(_lock_of(home, device), refuse):
        yield


def drive_is_held(home: Path, device: str) -> bool:
    """Tell whether a process of this station does something with a drive just now."""
    return lock_is_held(_lock_of(home, device))


def _lock_of(home: Path, device: str) -> Path:
    return home / _FOLDER / f"{_key(path_of(device))}.lock"


def _key(path: Path) -> str:
    """Return what names a drive, by whatever link it was reached."""
    try:
        status = path.stat()
    except OSError:
        status = None
    if status is not None and stat.S_ISBLK(status.st_mode):
        return f"block-{os.major(status.st_rdev)}-{os.minor(status.st_rdev)}"
    real = os.fsencode(os.path.realpath(path))
    return f"file-{hashlib.sha256(real).hexdigest()[:16]}"
