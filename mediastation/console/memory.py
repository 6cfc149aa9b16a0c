"""What the console remembers between runs: theme, marks, chosen medium; one small private file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mediastation.catalog.durable import write_text_durably

NAME = "console.json"
_VERSION = 1
_MOST_BYTES = 16 << 20


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


def write_memory(home: Path, values: dict[str, Any]) -> None:
    """Write what to remember, for the owner alone."""
    text = json.dumps({"version": _VERSION, "values": values})
    write_text_durably(home / NAME, text, 0o600)
