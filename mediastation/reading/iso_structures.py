"""The structures of ISO 9660 (ECMA-119) as bytes hold them; nothing is followed here.

Fields are recorded in both byte orders. The little-endian half is used, and
every field whose halves disagree is named: a writer that gets one wrong has
readers that see another medium.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

SECTOR = 2048
FIRST_DESCRIPTOR = 16
STANDARD_IDENTIFIER = b"CD001"
SELF, PARENT = b"\x00", b"\x01"

_RECORD = struct.Struct("<BBI4sI4s7sBBBH2sB")


class DescriptorKind(IntEnum):
    """Volume Descriptor Types (ECMA-119, 8.1.1)."""

    BOOT = 0
    PRIMARY = 1
    SUPPLEMENTARY = 2
    PARTITION = 3
    TERMINATOR = 255


class FileFlag(IntEnum):
    """Bits of the File Flags field (ECMA-119, 9.1.6)."""

    HIDDEN = 0x01
    DIRECTORY = 0x02
    ASSOCIATED = 0x04
    RECORD = 0x08
    PROTECTION = 0x10
    MULTI_EXTENT = 0x80


@dataclass(frozen=True, slots=True)
class IsoRecord:
    """One Directory Record of ISO 9660 (ECMA-119, 9.1).

    `offset` is the record's place on the image in bytes; `disagreeing` names
    the fields whose two byte orders differ.
    """

    offset: int
    length: int
    extended_attribute_length: int
    block: int
    size_bytes: int
    recorded_at: bytes
    flags: int
    interleaved: bool
    volume_sequence: int
    identifier: bytes
    system_use_length: int
    disagreeing: tuple[str, ...] = ()

    @property
    def is_directory(self) -> bool:
        """Whether the record describes a directory."""
        return bool(self.flags & FileFlag.DIRECTORY)


def read_iso_record(raw: bytes, at: int, offset: int) -> IsoRecord | None:
    """Read the Directory Record at `at`, or return None if it cannot be one.

    Parameters
    ----------
    raw : bytes
        What holds the record, as a rule one sector.
    at : int
        The record's place in `raw`.
    offset : int
        The record's place on the image, in bytes.
    """
    if at + 34 > len(raw):
        return None
    (
        length, extended, block, block_be, size, size_be, date, flags, unit, gap,
        sequence, sequence_be, name_length,
    ) = _RECORD.unpack_from(raw, at)  # fmt: skip
    name_end = at + 33 + name_length
    if length < 34 or name_length == 0 or at + length > len(raw) or name_end > at + length:
        return None
    disagreeing = tuple(
        name
        for name, value, other in (
            ("extent", block, block_be),
            ("data length", size, size_be),
            ("volume sequence number", sequence, sequence_be),
        )
        if value != int.from_bytes(other, "big")
    )
    padded = name_end + (1 - name_length % 2)
    return IsoRecord(
        offset, length, extended, block, size, date, flags, bool(unit or gap), sequence,
        raw[at + 33 : name_end], max(0, at + length - padded), disagreeing,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class VolumeDescriptor:
    """One sector of the Volume Descriptor Set (ECMA-119, 8.1)."""

    sector: int
    kind: int
    raw: bytes

    @property
    def region(self) -> str:
        """What a person calls the sector."""
        names = {
            DescriptorKind.BOOT: "boot record",
            DescriptorKind.PRIMARY: "primary volume descriptor",
            DescriptorKind.SUPPLEMENTARY: "supplementary volume descriptor",
            DescriptorKind.PARTITION: "volume partition descriptor",
            DescriptorKind.TERMINATOR: "volume descriptor set terminator",
        }
        return names.get(self.kind, "volume descriptor of unknown type")  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True, slots=True)
class PrimaryDescriptor:
    """The Primary Volume Descriptor's fields (ECMA-119, 8.4).

    `path_tables` gives the block of each of the four tables, 0 where there is
    none; `disagreeing` names the fields whose two byte orders differ.
    """

    sector: int
    version: int
    file_structure_version: int
    system_identifier: bytes
    volume_identifier: bytes
    space_blocks: int
    set_size: int
    sequence_number: int
    block_size: int
    path_table_bytes: int
    path_tables: dict[str, int]
    root: IsoRecord | None
    disagreeing: tuple[str, ...]


def looks_primary(raw: bytes) -> bool:
    """Tell whether a sector is a Primary Volume Descriptor but for a damaged first byte or two."""
    return (
        len(raw) == SECTOR
        and raw[128:132] in {b"\x00\x08\x08\x00", b"\x00\x02\x02\x00", b"\x00\x04\x04\x00"}
        and raw[156] == 34
        and raw[188] == 1
        and (raw[0] == DescriptorKind.PRIMARY or raw[1:6] == STANDARD_IDENTIFIER)
        and sum(a == b for a, b in zip(raw[1:6], STANDARD_IDENTIFIER, strict=True)) >= 3
    )


def read_primary(descriptor: VolumeDescriptor) -> PrimaryDescriptor:
    """Read the fields of a Primary Volume Descriptor; values are taken as they are."""
    raw = descriptor.raw
    disagreeing: list[str] = []

    def both(offset: int, width: int, name: str) -> int:
        value = int.from_bytes(raw[offset : offset + width], "little")
        if value != int.from_bytes(raw[offset + width : offset + 2 * width], "big"):
            disagreeing.append(name)
        return value

    space = both(80, 4, "volume space size")
    set_size = both(120, 2, "volume set size")
    sequence = both(124, 2, "volume sequence number")
    block_size = both(128, 2, "logical block size")
    table_bytes = both(132, 4, "path table size")
    root = read_iso_record(raw[:190], 156, descriptor.sector * SECTOR + 156)
    return PrimaryDescriptor(
        sector=descriptor.sector,
        version=raw[6],
        file_structure_version=raw[881],
        system_identifier=raw[8:40],
        volume_identifier=raw[40:72],
        space_blocks=space,
        set_size=set_size,
        sequence_number=sequence,
        block_size=block_size,
        path_table_bytes=table_bytes,
        path_tables={
            "path table L": int.from_bytes(raw[140:144], "little"),
            "optional path table L": int.from_bytes(raw[144:148], "little"),
            "path table M": int.from_bytes(raw[148:152], "big"),
            "optional path table M": int.from_bytes(raw[152:156], "big"),
        },
        root=root,
        disagreeing=tuple(disagreeing),
    )


@dataclass(frozen=True, slots=True)
class PathTableRecord:
    """One Path Table Record (ECMA-119, 9.4); `parent` counts from 1."""

    identifier: bytes
    extended_attribute_length: int
    block: int
    parent: int


def iter_path_table(raw: bytes, *, big_endian: bool) -> Iterator[PathTableRecord]:
    """Yield the records of a path table; stops where the bytes are none."""
    fields = struct.Struct(">BBIH" if big_endian else "<BBIH")
    at = 0
    while at + 8 < len(raw):
        length, extended, block, parent = fields.unpack_from(raw, at)
        if length == 0 or at + 8 + length > len(raw):
            return
        yield PathTableRecord(raw[at + 8 : at + 8 + length], extended, block, parent)
        at += 8 + length + length % 2
