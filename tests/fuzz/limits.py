"""The readers with limits so small that tiny inputs reach them, and buffers so small that they end.

A limit that no test input reaches is a promise; here it is kept or broken a
thousand times a minute.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Final

_READING = "mediastation.reading."
_OPENING = "mediastation.secure.opening."
SMALL: Final[Mapping[str, Mapping[str, int]]] = {
    _READING + "dicomdir": {"MAX_RECORDS": 6, "MAX_HEAD_ELEMENTS": 3, "MAX_COPIED_BYTES": 200},
    _READING + "elements": {"_WINDOW_BYTES": 64, "MAX_NESTING": 4},
    _READING + "fat_entries": {"MAX_ENTRIES": 10},
    _READING + "fat_table": {
        "MAX_RUNS": 6, "_WINDOWS": 2, "_WINDOW_ENTRIES": 16, "_SCAN_BYTES": 96, "MAX_UNREADABLE": 2,
        "_MAX_UNREADABLE_SCANS": 2,
    },
    _READING + "fat_tree": {
        "MAX_FILES": 4, "MAX_DEPTH": 2, "MAX_DIRECTORIES": 3, "MAX_FAULTS": 6, "_READ_BYTES": 64,
        "_MOST_NAMED": 1, "MAX_DIRECTORY_BYTES": 800,
    },
    _READING + "iso_tree": {
        "MAX_FILES": 3, "MAX_DEPTH": 2, "MAX_DIRECTORIES": 3, "MAX_DIRECTORY_BYTES": 5000,
        "MAX_FAULTS": 20, "MAX_EXTENTS": 3, "_READ_BYTES": 2048, "MAX_PATH": 8,
        "MAX_PATH_CHARACTERS": 40,
    },
    _READING + "iso_sessions": {"MAX_SESSIONS": 2, "MAX_DESCRIPTORS": 2, "_SCAN_BYTES": 4096},
    _READING + "items": {"MAX_ELEMENTS": 2},
    _READING + "mime_body": {"_CHUNK_BYTES": 50},
    _READING + "mime_header": {"MAX_HEADER_BYTES": 120, "_FIRST_READ_BYTES": 60},
    _READING + "mime_parts": {"_CHUNK_BYTES": 400, "MAX_FILES": 5, "MAX_NESTING": 1},
    _READING + "record_elements": {"MAX_TEXT": 12, "_PLAIN_BYTES": 64},
    _READING + "record_salvage": {"_CHUNK_BYTES": 200, "MAX_RECORDS": 6},
    _READING + "record_tree": {"MAX_LEVEL": 2},
    _READING + "udf_space": {
        "MAX_DESCRIPTORS": 20, "MAX_PIECES": 16, "MAX_EXTENTS": 6, "MAX_UNREADABLE": 1,
        "MAX_ICB_ENTRIES": 2, "_WINDOW": 4096,
    },
    _READING + "udf_tree": {
        "MAX_FILES": 4, "MAX_DEPTH": 2, "MAX_DIRECTORIES": 3, "MAX_FAULTS": 6, "MAX_PATH": 12,
        "MAX_PATH_CHARACTERS": 30, "MAX_DIRECTORY_BYTES": 2500,
    },
    _READING + "zip_directory": {
        "_CHUNK_BYTES": 300, "MAX_FILES": 4, "MAX_NAME_BYTES": 12, "MAX_DEPTH": 2,
        "MAX_DIRECTORY_BYTES": 500,
    },
    _READING + "zip_volume": {"_CHUNK_BYTES": 64, "_STEP_BYTES": 256, "_MOST_STEPS": 3,
                              "FREE_BYTES": 1000},
    _READING + "zip_salvage": {"_CHUNK": 64, "FREE_BYTES": 1000, "MAX_RATIO": 2, "MAX_FILES": 3},
    _OPENING + "ber": {
        "MAX_DEPTH": 8, "MAX_ELEMENTS": 60, "MAX_KEPT_BYTES": 3000, "FREE_PIECES": 5,
        "LEAST_PIECE_BYTES": 8,
    },
    _OPENING + "envelope": {
        "MAX_RECIPIENTS": 2, "MAX_RECIPIENT_BYTES": 300, "_FIRST_BYTES": 16, "_CHUNK_BYTES": 40,
    },
    _OPENING + "content": {"MAX_SIGNERS": 1, "MAX_CERTIFICATES": 1, "_PIECE_BYTES": 30},
    _OPENING + "opener": {"_PIECE_BYTES": 30},
    "mediastation.dicom.sequences": {"_LOOK_BYTES": 24, "VALUE_LIMIT_BYTES": 60, "DEPTH_LIMIT": 3},
    "mediastation.dicom.limits": {"STEP_LIMIT": 50},
    "mediastation.dicom.header": {"HEADER_LIMIT_BYTES": 200, "VALUE_LIMIT_BYTES": 16},
    "mediastation.dicom.walk": {"DEPTH_LIMIT": 3},
    "mediastation.dicom.source": {
        "INFLATE_KEEP_BYTES": 64, "INFLATE_LIMIT_BYTES": 500, "_INFLATE_STEP_BYTES": 100,
    },
}  # fmt: skip


NEEDS_TRUE_LIMITS: Final = frozenset({"coerce"})
"""Targets that hold two readings against each other, which a limit may part."""


@contextlib.contextmanager
def small_limits() -> Iterator[None]:
    """Let the readers have the limits of `SMALL` for a while."""
    kept: list[tuple[ModuleType, str, int]] = []
    try:
        for name, limits in SMALL.items():
            module = importlib.import_module(name)
            for constant, value in limits.items():
                kept.append((module, constant, getattr(module, constant)))
                setattr(module, constant, value)
        yield
    finally:
        for module, constant, value in kept:
            setattr(module, constant, value)
