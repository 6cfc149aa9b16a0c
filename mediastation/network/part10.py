"""What stands in front of a data set in a file (PS3.10, 7.1): written on arrival, read to send."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from mediastation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediastation.errors import RefusedError

MAX_FILE_META_BYTES = 1 << 20
_MAX_VALUE_BYTES = 128

_SHORT = Struct("<HH2sH")
_LONG = Struct("<HH2sHI")
_LONG_VRS = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT"})
_WANTED = {0x0002: "class", 0x0003: "instance", 0x0010: "syntax"}


def write_file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return a zero preamble, the prefix and group 0002 for a received data set.

    The AE titles of the transfer (Type 3) are left to the catalog, so that one
    data set makes the same file whoever sends it.
    """
    meta = b"".join(
        (
            _LONG.pack(2, 0x0001, b"OB", 0, 2) + b"\0\1",
            _element(0x0002, b"UI", sop_class_uid),
            _element(0x0003, b"UI", sop_instance_uid),
            _element(0x0010, b"UI", transfer_syntax_uid),
            _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID),
            _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME),
        )
    )
    length = _SHORT.pack(2, 0, b"UL", 4) + len(meta).to_bytes(4, "little")
    return bytes(128) + b"DICM" + length + meta


def _element(element: int, vr: bytes, value: str) -> bytes:
    encoded = value.encode("ascii")
    encoded += (b"\0" if vr == b"UI" else b" ") * (len(encoded) % 2)
    return _SHORT.pack(2, element, vr, len(encoded)) + encoded


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
        if file.read(132)[128:] != b"DICM":
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
    offset = 132
    while (head := file.read(_SHORT.size))[:2] == b"\2\0":
        offset += _SHORT.size
        if offset > end:
            raise RefusedError(f"{path}: the file meta is cut off")
        _, element, vr, length = _SHORT.unpack(head)
        if vr in _LONG_VRS:
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
