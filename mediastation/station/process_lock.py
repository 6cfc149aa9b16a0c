"""Locks between processes: they go with whoever holds them, however it ends."""

from __future__ import annotations

import fcntl
import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, make_private_folder

SERVE_LOCK = "serve.lock"
"""In the home: held by the one process that serves it."""
_TRIES = 5
_BETWEEN_TRIES_S = 0.02


def lock_is_held(path: Path) -> bool:
    """Tell whether a process holds the lock at `path`, without keeping anyone from it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def hold_lock(
    path: Path, refuse: Callable[[str], Exception], *, patience_s: float = 0.0
) -> Iterator[None]:
    """Hold the lock at `path`; the file stays, and tells the process that holds it.

    Parameters
    ----------
    path : Path
        The lock. Its folder is made, private, where there is none.
    refuse : callable
        Returns what is raised where another holds it; gets the number of its
        process, or ``unknown``.
    patience_s : float
        How long another one is waited for before that.
    """
    with disk_trouble_told(path.parent):
        make_private_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+", encoding="ascii", errors="replace") as lock:
        if not _locked(lock.fileno(), patience_s):
            raise refuse(lock.read(20).strip() or "unknown")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _locked(descriptor: int, patience_s: float) -> bool:
    """Take the lock, unless somebody holds it for longer than that, and than others look at it."""
    until = time.monotonic() + patience_s
    for tries in itertools.count(1):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if tries >= _TRIES and time.monotonic() >= until:
                break
            time.sleep(_BETWEEN_TRIES_S)
        else:
            return True
    return False
