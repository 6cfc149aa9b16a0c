"""One burn at a time on each drive, whichever process of this station does it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediastation.burn.drive import path_of
from mediastation.burn.trouble import Cause, DriveError
from mediastation.catalog.durable import disk_trouble_told, make_private_folder

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
    with disk_trouble_told(home):
        make_private_folder(home / _FOLDER)
        path = home / _FOLDER / f"{_key(path_of(device))}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+", encoding="ascii", errors="replace") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = lock.read(20).strip() or "unknown"
            raise DriveError(
                Cause.BUSY,
                f"The drive {device} is busy: process {holder} of this station burns on it.",
                "Wait until it is done; `mediastation jobs` shows how far it is.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


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
