"""Locks between processes: they go with whoever holds them, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, make_private_folder


@contextmanager
def hold_lock(path: Path, refuse: Callable[[str], Exception]) -> Iterator[None]:
    """Hold the lock at `path`; the file stays, and tells the process that holds it.

    Parameters
    ----------
    path : Path
        The lock. Its folder is made, private, where there is none.
    refuse : callable
        Returns what is raised where another holds it; gets the number of its
        process, or ``unknown``.
    """
    with disk_trouble_told(path.parent):
        make_private_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+", encoding="ascii", errors="replace") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise refuse(lock.read(20).strip() or "unknown") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
