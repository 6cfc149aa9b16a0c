"""Small ISO 9660 images in memory, the same bytes each time, and their Directory Records."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from io import BytesIO
from unittest.mock import patch

import pycdlib

SECTOR = 2048


def small_iso(files: Mapping[str, bytes]) -> bytes:
    """What pycdlib writes of `files` at Level 1, at a moment that is always the same."""
    folders = {path[:end] for path in files for end, char in enumerate(path) if char == "/"}
    with patch("time.time", return_value=1_700_000_000.0):
        iso = pycdlib.PyCdlib()
        iso.new(interchange_level=1, vol_ident="TESTSET")
        for folder in sorted(folders):
            iso.add_directory(f"/{folder}")
        for path, data in files.items():
            name = f"/{path};1" if "." in path else f"/{path}.;1"
            iso.add_fp(BytesIO(data), len(data), name)
        stream = BytesIO()
        iso.write_fp(stream)
        iso.close()
    return stream.getvalue()


def record_places(image: bytes, directory: int) -> Iterator[int]:
    """Yield where the records of the directory at byte `directory` begin, in its first sector."""
    at = directory
    while at < directory + SECTOR and image[at]:
        yield at
        at += image[at]


def root_at(image: bytes) -> int:
    """Where the root directory begins."""
    return int.from_bytes(image[16 * SECTOR + 158 : 16 * SECTOR + 162], "little") * SECTOR


def both(number: int) -> bytes:
    """A number of 32 bits in both byte orders (ECMA-119, 7.3.3)."""
    return struct.pack("<I", number) + struct.pack(">I", number)


def directory_record(name: bytes, block: int, size_bytes: int = SECTOR) -> bytes:
    """The Directory Record of a directory (ECMA-119, 9.1)."""
    body = b"\0" + both(block) + both(size_bytes) + bytes(7) + b"\2\0\0\1\0\0\1"
    body += bytes([len(name)]) + name + bytes(1 - len(name) % 2)
    return bytes([len(body) + 1]) + body
