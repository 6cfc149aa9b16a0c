"""The structures of UDF (ECMA-167 and OSTA UDF) as bytes hold them; nothing is followed here.

Every descriptor carries a checksum of its tag, a CRC of its body and the block
that it was written for. `Descriptor.faults` names those that do not hold; what
to do about it is for those who follow the structures.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

MIN_BLOCK = 512
_TAG = struct.Struct("<HHBBHHHI")
_LONG = struct.Struct("<IIH6x")
_SHORT = struct.Struct("<II")
_ICB_TAG = struct.Struct("<IHHHBBIHH")
LENGTH_MASK = (1 << 30) - 1


class TagId(IntEnum):
    """Descriptor tag identifiers (ECMA-167, 3/7.2.1 and 4/7.2.1)."""

    SPARING_TABLE = 0
    PRIMARY = 1
    ANCHOR = 2
    POINTER = 3
    IMPLEMENTATION_USE = 4
    PARTITION = 5
    LOGICAL_VOLUME = 6
    UNALLOCATED_SPACE = 7
    TERMINATOR = 8
    INTEGRITY = 9
    FILE_SET = 256
    FILE_IDENTIFIER = 257
    ALLOCATION_EXTENT = 258
    INDIRECT_ENTRY = 259
    TERMINAL_ENTRY = 260
    FILE_ENTRY = 261
    EXTENDED_FILE_ENTRY = 266


class FileType(IntEnum):
    """ICB file types (ECMA-167, 4/14.6.6; UDF 2.3.5.2)."""

    UNSPECIFIED = 0
    DIRECTORY = 4
    FILE = 5
    SYMBOLIC_LINK = 12
    VAT = 248
    METADATA = 250
    METADATA_MIRROR = 251


class Characteristic(IntFlag):
    """Bits of the File Characteristics of a File Identifier Descriptor (ECMA-167, 4/14.4.3)."""

    HIDDEN = 1
    DIRECTORY = 2
    DELETED = 4
    PARENT = 8
    METADATA = 16


class ExtentKind(IntEnum):
    """The two high bits of an extent length (ECMA-167, 4/14.14.1.1)."""

    RECORDED = 0
    NOT_RECORDED = 1
    HOLE = 2
    CONTINUED = 3


def u16(raw: bytes, at: int) -> int:
    """Return the 16-bit number at `at`."""
    return int.from_bytes(raw[at : at + 2], "little")


def u32(raw: bytes, at: int) -> int:
    """Return the 32-bit number at `at`."""
    return int.from_bytes(raw[at : at + 4], "little")


def u64(raw: bytes, at: int) -> int:
    """Return the 64-bit number at `at`."""
    return int.from_bytes(raw[at : at + 8], "little")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor: its tag, and all bytes from the tag on."""

    identifier: int
    location: int
    raw: bytes
    faults: tuple[str, ...] = ()


def read_tagged(raw: bytes, location: int | None = None) -> Descriptor | None:
    """Read the tag that `raw` begins with; None where there is none.

    Parameters
    ----------
    raw : bytes
        The descriptor, as a rule one block.
    location : int, optional
        The block number that the tag has to name.
    """
    if len(raw) < 16 or not any(raw[:16]):
        return None
    identifier, _, checksum, _, _, crc, crc_length, written_for = _TAG.unpack_from(raw)
    faults = []
    if (sum(raw[0:4]) + sum(raw[5:16])) & 0xFF != checksum:
        faults.append("tag checksum")
    if 16 + crc_length > len(raw) or binascii.crc_hqx(raw[16 : 16 + crc_length], 0) != crc:
        faults.append("CRC")
    if location is not None and written_for != location:
        faults.append("tag location")
    return Descriptor(identifier, written_for, raw, tuple(faults))


@dataclass(frozen=True, slots=True)
class Allocation:
    """One allocation descriptor; `partition` is a map index, None for the same partition."""

    kind: int
    length: int
    block: int
    partition: int | None = None


def read_long_ad(raw: bytes, at: int) -> Allocation:
    """Return the long_ad at `at`."""
    length, block, partition = _LONG.unpack_from(raw, at)
    return Allocation(length >> 30, length & LENGTH_MASK, block, partition)


def iter_allocations(raw: bytes, ad_type: int) -> Iterator[Allocation]:
    """Yield the short, long or extended (0, 1, 2) descriptors up to the first of length 0."""
    size = (8, 16, 20)[ad_type]
    for at in range(0, len(raw) - size + 1, size):
        if ad_type == 0:
            length, block = _SHORT.unpack_from(raw, at)
            found = Allocation(length >> 30, length & LENGTH_MASK, block)
        elif ad_type == 1:
            found = read_long_ad(raw, at)
        else:
            length = u32(raw, at)
            found = Allocation(
                length >> 30, length & LENGTH_MASK, u32(raw, at + 12), u16(raw, at + 16)
            )
        if found.length == 0:
            return
        yield found


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A File Entry or Extended File Entry (ECMA-167, 4/14.9 and 4/14.17).

    `data_at` and `data_length` say where in the descriptor its allocation
    descriptors lie, or, for `ad_type` 3, the content itself. `times` are the
    raw timestamps, of access, modification, creation (where there is one) and
    attributes.
    """

    strategy: int
    file_type: int
    flags: int
    link_count: int
    size_bytes: int
    data_at: int
    data_length: int
    has_streams: bool
    has_attributes: bool
    permissions: int
    unique_id: int
    times: tuple[bytes, ...]

    @property
    def ad_type(self) -> int:
        """0 short, 1 long, 2 extended, 3 embedded."""
        return self.flags & 7

    @property
    def is_system(self) -> bool:
        """Whether the system bit is set (ECMA-167, 4/14.6.8)."""
        return bool(self.flags & 0x400)


def read_file_entry(descriptor: Descriptor) -> FileEntry | None:
    """Read a file entry of either kind; None if it is none, or its lengths cannot be."""
    raw = descriptor.raw
    if descriptor.identifier == TagId.FILE_ENTRY:
        fixed, lengths, attributes, streams = 176, 168, 112, None
        times: tuple[int, ...] = (72, 84, 96)
    elif descriptor.identifier == TagId.EXTENDED_FILE_ENTRY:
        fixed, lengths, attributes, streams = 216, 208, 136, 152
        times = (80, 92, 104, 116)
    else:
        return None
    if len(raw) < fixed:
        return None
    ea_length, ad_length = u32(raw, lengths), u32(raw, lengths + 4)
    if fixed + ea_length + ad_length > len(raw):
        return None
    _, strategy, _, _, _, file_type, _, _, flags = _ICB_TAG.unpack_from(raw, 16)
    return FileEntry(
        strategy, file_type, flags, u16(raw, 48), u64(raw, 56), fixed + ea_length, ad_length,
        streams is not None and u32(raw, streams) != 0, u32(raw, attributes) != 0,
        u32(raw, 44), u64(raw, lengths - 8), tuple(raw[at : at + 12] for at in times),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileIdentifier:
    """A File Identifier Descriptor (ECMA-167, 4/14.4); `length` includes the padding.

    `unique_id` is what UDF 2.00 has in the ICB's implementation use, 0 before.
    """

    length: int
    characteristics: int
    name: bytes
    icb: Allocation
    faults: tuple[str, ...]
    location: int
    version: int
    unique_id: int


def read_file_identifier(raw: bytes, at: int) -> FileIdentifier | None:
    """Read the File Identifier Descriptor at `at`; None if there is none, or it cannot be."""
    if at + 38 > len(raw) or u16(raw, at) != TagId.FILE_IDENTIFIER:
        return None
    name_length, use_length = raw[at + 19], u16(raw, at + 36)
    length = (38 + use_length + name_length + 3) & ~3
    name_at = at + 38 + use_length
    if at + length > len(raw):
        return None
    descriptor = read_tagged(raw[at : at + length])
    if descriptor is None:
        return None
    return FileIdentifier(
        length, raw[at + 18], raw[name_at : name_at + name_length],
        read_long_ad(raw, at + 20), descriptor.faults, descriptor.location,
        u16(raw, at + 16), u32(raw, at + 32),
    )  # fmt: skip


def cs0_text(raw: bytes) -> str | None:
    """Return the characters of an OSTA CS0 string, None if it is malformed.

    Surrogates that are no pair stay as they are; `safe_name` shows them harmless.
    """
    if not raw:
        return ""
    if raw[0] == 8:
        return raw[1:].decode("latin-1")
    if raw[0] == 16 and len(raw) % 2:
        return raw[1:].decode("utf-16-be", "surrogatepass") if _pairs(raw) else _units(raw)
    return None


def dstring(raw: bytes) -> str:
    """Return the characters of a dstring field, empty where its length or encoding cannot be."""
    length = raw[-1]
    return (cs0_text(raw[:length]) or "") if length < len(raw) else ""


def identifier_of(regid: bytes) -> bytes:
    """Return the identifier of an entity identifier without its padding."""
    return regid[1:24].rstrip(b"\0")


def _units(raw: bytes) -> str:
    return "".join(chr((raw[at] << 8) | raw[at + 1]) for at in range(1, len(raw), 2))


def _pairs(raw: bytes) -> bool:
    try:
        raw[1:].decode("utf-16-be")
    except UnicodeDecodeError:
        return False
    return True
