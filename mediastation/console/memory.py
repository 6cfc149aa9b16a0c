"""What the console remembers between runs: theme, marks, chosen medium; one small private file."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mediastation.catalog.durable import write_text_durably

NAME = "console.json"
_VERSION = 1
_LOCK = "console.lock"
_MOST_BYTES = 16 << 20
_PATIENCE_S = 5.0
_TRY_EVERY_S = 0.01
_DEEPEST = 4


def read_memory(home: Path) -> dict[str, Any]:
    """Return what was remembered; nothing where the file is absent or cannot be made sense of.

    It is a convenience: no work may wait for it to be repaired.
    """
    try:
        descriptor = os.open(home / NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
        kept = json.loads(data) if len(data) <= _MOST_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(kept, dict) or kept.get("version") != _VERSION:
        return {}
    values = kept.get("values")
    return values if isinstance(values, dict) else {}


def change_memory(
    home: Path, name: str, after: Any, before: Any = None, *, by_entry: bool = False
) -> None:
    """Write what is to be remembered under `name`, and nothing else.

    Several consoles may work on one home: what others have remembered under
    other names stays.

    Parameters
    ----------
    before : object
        What this console knew under `name`.
    by_entry : bool
        Whether what others have put into the dictionary under `name`, or taken
        out of it, stays as well. Else the later one holds whole.

    Raises
    ------
    OSError
        If the disk or another process keeps it from being written.
    """
    with _alone(home):
        values = read_memory(home)
        if by_entry:
            after = _merged(before, after, values.get(name), _DEEPEST)
        write_memory(home, {**values, name: after})


def _merged(before: Any, after: Any, there: Any, depth: int) -> Any:
    """Return `there` with whatever makes `after` out of `before`."""
    if not (isinstance(after, dict) and isinstance(there, dict) and depth):
        return after
    known = before if isinstance(before, dict) else {}
    merged = {key: value for key, value in there.items() if key in after or key not in known}
    for key, value in after.items():
        if key not in known or known[key] != value:
            merged[key] = _merged(known.get(key), value, there.get(key), depth - 1)
    return merged


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep other consoles from writing meanwhile; the lock goes with this process."""
    descriptor = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_TRY_EVERY_S)
        yield
    finally:
        os.close(descriptor)


def write_memory(home: Path, values: dict[str, Any]) -> None:
    """Write what to remember, for the owner alone."""
    text = json.dumps({"version": _VERSION, "values": values})
    write_text_durably(home / NAME, text, 0o600)
