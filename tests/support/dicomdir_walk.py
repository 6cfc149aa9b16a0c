"""A DICOMDIR read by its offsets alone, in a few lines that share nothing with the package."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_LONG = {b"OB", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT", b"UV"}


@dataclass
class WalkedRecord:
    """One record: where its item lies, its elements and what hangs below it."""

    offset: int
    elements: dict[int, tuple[str, bytes]]
    children: list[WalkedRecord] = field(default_factory=list)

    def text(self, tag: int) -> str:
        """Return a value as Latin 1 without padding."""
        return self.elements[tag][1].decode("latin-1").rstrip(" \0")

    @property
    def type(self) -> str:
        """Return the Directory Record Type."""
        return self.text(0x00041430)

    def below(self) -> list[WalkedRecord]:
        """Return this record and all below it, parents first."""
        found, waiting = [], [self]
        while waiting:
            record = waiting.pop()
            found.append(record)
            waiting.extend(reversed(record.children))
        return found


def elements_of(data: bytes) -> dict[int, tuple[str, bytes]]:
    """Return the elements of a run of Explicit VR Little Endian; ascending tags are required."""
    found: dict[int, tuple[str, bytes]] = {}
    at = last = 0
    while at < len(data):
        group, number, vr = struct.unpack_from("<HH2s", data, at)
        tag = group << 16 | number
        assert tag > last, f"{tag:08X} after {last:08X}"
        last = tag
        if vr in _LONG:
            (length,) = struct.unpack_from("<I", data, at + 8)
            at += 12
        else:
            (length,) = struct.unpack_from("<H", data, at + 6)
            at += 8
        assert length % 2 == 0
        assert at + length <= len(data)
        found[tag] = (vr.decode(), data[at : at + length])
        at += length
    return found


def items_of(data: bytes) -> list[bytes]:
    """Return the items of a sequence of defined length."""
    items, at = [], 0
    while at < len(data):
        tag, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        assert tag == b"\xfe\xff\x00\xe0"
        items.append(data[at + 8 : at + 8 + length])
        at += 8 + length
    assert at == len(data)
    return items


@dataclass
class WalkedDicomdir:
    """A whole DICOMDIR."""

    meta: dict[int, tuple[str, bytes]]
    elements: dict[int, tuple[str, bytes]]
    root: list[WalkedRecord]

    def records(self) -> list[WalkedRecord]:
        """Return all records in the order of the tree."""
        return [record for top in self.root for record in top.below()]


def walk(data: bytes) -> WalkedDicomdir:
    """Follow the offsets; every item has to be reached exactly once."""
    assert data[:132] == bytes(128) + b"DICM"
    (meta_length,) = struct.unpack_from("<I", data, 140)
    meta = elements_of(data[132 : 144 + meta_length])
    body = data[144 + meta_length :]
    elements = elements_of(body)
    sequence = elements[0x00041220][1]
    start = len(data) - len(sequence)
    at, items = start, {}
    for item in items_of(sequence):
        items[at] = item
        at += 8 + len(item)

    reached: set[int] = set()

    def chain(first: int) -> list[WalkedRecord]:
        found, offset = [], first
        while offset:
            assert offset in items, f"{offset} is no item"
            assert offset not in reached, f"{offset} twice"
            reached.add(offset)
            record = WalkedRecord(offset, elements_of(items[offset]))
            found.append(record)
            offset = struct.unpack("<I", record.elements[0x00041400][1])[0]
        return found

    root = chain(struct.unpack("<I", elements[0x00041200][1])[0])
    waiting = list(root)
    while waiting:
        record = waiting.pop()
        record.children = chain(struct.unpack("<I", record.elements[0x00041420][1])[0])
        waiting.extend(record.children)
    assert reached == set(items)
    last = struct.unpack("<I", elements[0x00041202][1])[0]
    assert last == (root[-1].offset if root else 0)
    return WalkedDicomdir(meta, elements, root)
