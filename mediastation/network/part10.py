"""What stands in front of a data set in a file (PS3.10, 7.1), read in order to send the rest.

Only files that are whole and say what they are can be sent as they lie; what
`mediastation.dicom.recognition` forgives or guesses is refused here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from mediastation.errors import RefusedError
from mediastation.model.element_encoding import LONG_VRS
from mediastation.model.file_meta import PREAMBLE_BYTES, PREFIX

MAX_FILE_META_BYTES = 1 << 20
_MAX_VALUE_BYTES = 128

_SHORT = Struct("<HH2sH")
_WANTED = {0x0002: "class", 0x0003: "instance", 0x0010: "syntax"}


@dataclass(frozen=True, slots=True)
class SendableFile:
    """A file whose data set can be sent as it lies: where it begins and how long it is (bytes)."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    dataset_offset: int
    dataset_length: int


def read_sendable_file(path: Path) -> SendableFile:
    """Read the file meta of `path`.

    Group 0002 ends where another group begins; its group length, which is
    often wrong, is not relied on.

    Raises
    ------
    RefusedError
        If the file has no file meta, or the meta lacks SOP Class, SOP Instance
        or Transfer Syntax, or nothing follows it.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(PREAMBLE_BYTES + len(PREFIX))[PREAMBLE_BYTES:] != PREFIX:
            raise RefusedError(f"{path} has no DICOM file meta")
        found, offset = _read_meta(path, file, min(size, MAX_FILE_META_BYTES))
    for name in _WANTED.values():
        if not 0 < len(found.get(name, "")) <= 64 or not found[name].isascii():
            raise RefusedError(f"{path}: the file meta has no usable SOP {name} UID")
    if offset >= size:
        raise RefusedError(f"{path} has no data set")
    return SendableFile(
        path, found["class"], found["instance"], found["syntax"], offset, size - offset
    )


def _read_meta(path: Path, file: BinaryIO, end: int) -> tuple[dict[str, str], int]:
    """Return the wanted values and where group 0002 ends, which has to be before `end`."""
    found: dict[str, str] = {}
    offset = PREAMBLE_BYTES + len(PREFIX)
    while (head := file.read(_SHORT.size))[:2] == b"\2\0":
        offset += _SHORT.size
        if offset > end:
            raise RefusedError(f"{path}: the file meta is cut off")
        _, element, vr, length = _SHORT.unpack(head)
        if vr in LONG_VRS:
            length = int.from_bytes(file.read(4), "little")
            offset += 4
        offset += length
        if offset > end:
            raise RefusedError(f"{path}: the file meta is longer than the file or than 1 MiB")
        if element in _WANTED and length <= _MAX_VALUE_BYTES:
            found[_WANTED[element]] = file.read(length).decode("ascii", "replace").strip(" \0")
        else:
            file.seek(offset)
    return found, offset
