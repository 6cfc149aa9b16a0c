"""SHA-256 of stored files."""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK = 1 << 20


def digest_file(path: Path, dataset_offset: int) -> tuple[str, str, int]:
    """Return SHA-256 of the whole file, SHA-256 of its data set, and its size in bytes."""
    whole, data, size = hashlib.sha256(), hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        buffer = memoryview(bytearray(_CHUNK))
        while count := file.readinto(buffer):
            chunk = buffer[:count]
            whole.update(chunk)
            data.update(chunk[max(0, dataset_offset - size) :])
            size += count
    return whole.hexdigest(), data.hexdigest(), size
