"""The logs in the home: written by several processes at once, turned over by `serve`."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, make_private_folder

_LOG = logging.getLogger(__name__)
_FOLDER = "log"
LARGEST_BYTES = 4 << 20
KEPT = 5
WORKERS, SERVE = "workers.log", "serve.log"


def log_path(home: Path, name: str) -> Path:
    """Return where a log lies."""
    return home / _FOLDER / name


def open_log(home: Path, name: str) -> int:
    """Open a log to be appended to, readable by this account only; return its descriptor."""
    path = log_path(home, name)
    with disk_trouble_told(home):
        make_private_folder(path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        os.fchmod(descriptor, 0o600)
        return descriptor


def turn_over(home: Path) -> None:
    """Put aside what is in logs that have grown large; a few of each are kept.

    Whoever writes goes on at the beginning of the emptied file: processes that
    live for long, and programs that they started, hold it open. A line written
    between copy and emptying is lost, and no log grows without end.
    """
    for name in (WORKERS, SERVE):
        path = log_path(home, name)
        try:
            if not path.exists() or path.stat().st_size < LARGEST_BYTES:
                continue
            for number in range(KEPT - 1, 0, -1):
                older = path.with_name(f"{name}.{number}")
                if older.exists():
                    older.replace(path.with_name(f"{name}.{number + 1}"))
            copy = path.with_name(f"{name}.1")
            copy.touch(mode=0o600)
            shutil.copyfile(path, copy)
            os.truncate(path, 0)
        except OSError as fault:
            _LOG.warning("%s cannot be turned over: %s", path, fault.strerror)
