"""Reads a UDF image as ECMA-167 and OSTA UDF lay it down, and insists on every rule.

Written from the tables of the standards, with no line and no constant of the writer: what it
asserts is what a medium has to be, not what ours happens to be.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

SECTOR = 2048

# Volume recognition, tag version, file entry tag, metadata partition, least reading revision.
RULES = {
    0x0102: (b"NSR02", 2, 261, False, 0x0102),
    0x0150: (b"NSR02", 2, 261, False, 0x0150),
    0x0201: (b"NSR03", 3, 266, False, 0x0201),
    0x0250: (b"NSR03", 3, 266, True, 0x0250),
    0x0260: (b"NSR03", 3, 266, True, 0x0250),
}


@dataclass(frozen=True)
class WalkedFile:
    """A file: its length and where its extents lie, as absolute sector and length in bytes."""

    size_bytes: int
    extents: tuple[tuple[int, int], ...]


@dataclass
class Walked:
    """What the walk found; `fields` are values that tests ask for by name."""

    files: dict[str, WalkedFile] = field(default_factory=dict)
    directories: list[str] = field(default_factory=list)
    fields: dict[str, object] = field(default_factory=dict)


def crc16(data: bytes) -> int:
    """The CRC of ECMA-167 3/7.2.6, bit by bit through a table made here."""
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFFFF) ^ _TABLE[crc >> 8 ^ byte]
    return crc


def _table_entry(byte: int) -> int:
    value = byte << 8
    for _ in range(8):
        value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


_TABLE = [_table_entry(byte) for byte in range(256)]


def u16(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 2], "little")


def u32(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "little")


def u64(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 8], "little")


def text(data: bytes) -> str:
    """Decode CS0."""
    assert data[0] in (8, 16)
    return data[1:].decode("latin-1" if data[0] == 8 else "utf-16-be")


def field_text(data: bytes) -> str:
    """Decode a fixed field whose last byte is its length."""
    length = data[-1]
    assert length != 1
    assert not any(data[length:-1])
    return text(data[:length]) if length else ""


def walk(path: Path) -> Walked:
    """Walk the image at `path`; `AssertionError` for whatever is not as it has to be."""
    with path.open("rb") as file:
        return _Walk(file, path.stat().st_size).run()


def content(path: Path, file: WalkedFile) -> bytes:
    """Return the bytes of a small file."""
    with path.open("rb") as image:
        parts = []
        for sector, length in file.extents:
            image.seek(sector * SECTOR)
            parts.append(image.read(length))
    return b"".join(parts)


class _Walk:
    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        assert size_bytes % (32 * SECTOR) == 0
        self.file = file
        self.last = size_bytes // SECTOR - 1
        self.used: list[tuple[int, int, str]] = []
        self.inner: list[tuple[int, int, str]] = []
        self.ids: list[int] = []
        self.found = Walked()
        self.version = 0
        self.maps: list[int] = []

    def sectors(self, start: int, count: int = 1) -> bytes:
        assert start >= 0
        assert start + count - 1 <= self.last
        self.file.seek(start * SECTOR)
        return self.file.read(count * SECTOR)

    def block(self, partition: int, start: int, count: int = 1) -> bytes:
        return self.sectors(self.maps[partition] + start, count)

    def tag(self, data: bytes, kind: int, location: int, length: int | None = None) -> None:
        assert u16(data, 0) == kind, f"tag {u16(data, 0)} at {location}, wanted {kind}"
        assert u16(data, 2) == self.version or not self.version
        assert data[4] == sum(data[:4] + data[5:16]) % 256
        assert data[5] == 0
        assert u16(data, 6) == 1
        if length is not None:
            assert u16(data, 10) == length
        assert u16(data, 8) == crc16(data[16 : 16 + u16(data, 10)])
        assert u32(data, 12) == location
        if kind != 257:
            assert not any(data[16 + u16(data, 10) : SECTOR])

    def claim(self, start: int, count: int, what: str) -> None:
        if count:
            self.used.append((start, start + count, what))

    def run(self) -> Walked:
        self.recognise()
        main = self.anchors()
        self.sequences(main)
        self.integrity()
        if self.metadata:
            self.metadata_partition()
        self.file_set()
        self.totals()
        return self.found

    def recognise(self) -> None:
        assert not any(self.sectors(0, 16))
        first = 16
        while self.sectors(first)[1:6] == b"CD001":  # ISO 9660 comes first on a bridge
            first += 1
        names = [self.sectors(first + number) for number in range(3)]
        assert [name[:7] for name in names] == [
            b"\0BEA01\x01",
            b"\0" + names[1][1:6] + b"\x01",
            b"\0TEA01\x01",
        ]
        self.nsr = names[1][1:6]
        assert not any(b"".join(name[7:] for name in names))
        assert not any(self.sectors(first + 3))

    def anchors(self) -> bytes:
        bodies = set()
        for sector in (256, self.last - 256, self.last):
            data = self.sectors(sector)
            self.tag(data, 2, sector, 496)
            assert not any(data[32:])
            bodies.add(data[16:32])
        (body,) = bodies
        return body

    def sequences(self, pair: bytes) -> None:
        main, reserve = u32(pair, 4), u32(pair, 12)
        assert u32(pair, 0) >= 16 * SECTOR
        assert u32(pair, 8) >= 16 * SECTOR
        assert abs(main - reserve) >= 64
        copies = []
        for start in (main, reserve):
            data = [self.sectors(start + number) for number in range(6)]
            for number, (kind, one) in enumerate(zip((1, 4, 5, 6, 7, 8), data, strict=True)):
                self.tag(one, kind, start + number)
            assert [u32(one, 16) for one in data[:5]] == [0, 1, 2, 3, 4]
            copies.append([one[:4] + one[5:12] + one[16:] for one in data])
        assert copies[0] == copies[1]
        pvd, iuvd, pd, lvd, usd, _ = (self.sectors(main + number) for number in range(6))
        self.version = u16(pvd, 2)
        self.revision = u16(lvd, 240)
        nsr, version, self.entry_kind, self.metadata, self.least = RULES[self.revision]
        assert (self.nsr, self.version) == (nsr, version)
        self.primary(pvd)
        self.partition(pd)
        self.logical(lvd)
        assert u32(usd, 20) == 0
        assert u16(usd, 10) == 8
        assert iuvd[20:43] == b"\0*UDF LV Info".ljust(23, b"\0")
        assert u16(iuvd, 44) == self.revision
        assert field_text(iuvd[116:244]) == self.found.fields["label"]

    def primary(self, pvd: bytes) -> None:
        assert u16(pvd, 10) == 496
        assert (u32(pvd, 20), u16(pvd, 56), u16(pvd, 58)) == (0, 1, 1)
        assert (u16(pvd, 60), u16(pvd, 62)) == (2, 2)  # PS3.12 J.2.1.1, P.2.1.1, X.2.1.1
        assert (u32(pvd, 64), u32(pvd, 68)) == (1, 1)
        for offset in (200, 264):
            assert pvd[offset : offset + 64] == b"\0OSTA Compressed Unicode".ljust(64, b"\0")
        self.found.fields["volume"] = field_text(pvd[24:56])
        self.found.fields["volume set"] = set_id = field_text(pvd[72:200])
        assert self.found.fields["volume"]
        int(set_id[:16], 16)
        self.times = {pvd[376:388]}

    def partition(self, pd: bytes) -> None:
        assert u16(pd, 10) == 496
        assert (u16(pd, 20), u16(pd, 22)) == (1, 0)
        assert pd[24:56] == (b"\0+" + self.nsr).ljust(32, b"\0")
        assert not any(pd[56:184])
        assert u32(pd, 184) == 1
        self.start, self.blocks = u32(pd, 188), u32(pd, 192)
        assert self.start >= 257
        assert self.start % 32 == 0
        assert self.start + self.blocks <= self.last - 256
        self.maps = [self.start]

    def logical(self, lvd: bytes) -> None:
        assert u32(lvd, 212) == SECTOR
        assert lvd[216:240] == b"\0*OSTA UDF Compliant".ljust(24, b"\0")
        self.found.fields["label"] = field_text(lvd[84:212])
        assert self.found.fields["label"]
        self.root_set = u32(lvd, 248), u32(lvd, 252), u16(lvd, 256)
        assert self.root_set == (2 * SECTOR, 0, int(self.metadata))
        table = lvd[440 : 440 + u32(lvd, 264)]
        assert u32(lvd, 268) == 1 + self.metadata
        assert u16(lvd, 10) == 424 + len(table)
        assert table[:6] == bytes((1, 6, 1, 0, 0, 0))
        self.map = table[6:]
        assert len(self.map) == 64 * self.metadata
        assert u32(lvd, 432) >= 8192
        self.lvid = u32(lvd, 436)

    def integrity(self) -> None:
        data = self.sectors(self.lvid)
        count = 1 + self.metadata
        self.tag(data, 9, self.lvid, 64 + 8 * count + 46)
        self.tag(self.sectors(self.lvid + 1), 8, self.lvid + 1, 496)
        self.time = data[16:28]
        assert u32(data, 28) == 1
        assert u32(data, 32) == 0
        self.next_id = u64(data, 40)
        assert (u32(data, 72), u32(data, 76)) == (count, 46)
        assert not any(data[80 : 80 + 4 * count])
        sizes = data[80 + 4 * count : 80 + 8 * count]
        assert u32(sizes, 0) == self.blocks
        self.metadata_blocks = u32(sizes, 4) if self.metadata else 0
        use = data[80 + 8 * count :][:46]
        assert use[1:2] == b"*"
        self.counts = u32(use, 32), u32(use, 36)
        assert struct.unpack("<3H", use[40:46]) == (self.least, self.revision, self.revision)

    def metadata_partition(self) -> None:
        assert self.map[:4] == bytes((2, 64, 0, 0))
        assert self.map[4:28] == b"\0*UDF Metadata Partition"
        assert u16(self.map, 28) == self.revision
        assert (u16(self.map, 36), u16(self.map, 38)) == (1, 0)
        main, mirror, bitmap, unit, alignment = struct.unpack("<IIIIH", self.map[40:58])
        assert (bitmap, self.map[58]) == (0xFFFFFFFF, 1)
        assert unit % 32 == 0
        assert alignment % 32 == 0
        copies = []
        for block, kind in ((main, 250), (mirror, 251)):
            data = self.block(0, block)
            self.tag(data, 266, block)
            assert (data[27], u16(data, 34) & 7, u64(data, 200), u16(data, 48)) == (kind, 0, 0, 0)
            assert u32(data, 212) == 8, "exactly one extent, for readers that know no more"
            length, start = u32(data, 216), u32(data, 220)
            assert length == u64(data, 56) == u64(data, 64) == self.metadata_blocks * SECTOR
            assert length < 1 << 30
            assert u64(data, 72) == self.metadata_blocks
            assert self.metadata_blocks % unit == 0
            assert start % alignment == 0
            self.claim(self.start + block, 1, f"entry {kind}")
            self.claim(self.start + start, self.metadata_blocks, f"metadata {kind}")
            copies.append((self.start + start, self.block(0, start, self.metadata_blocks)))
        assert copies[0][1] == copies[1][1]
        assert copies[0][0] < copies[1][0]
        self.maps.append(copies[0][0])

    def file_set(self) -> None:
        where = int(self.metadata)
        data = self.block(where, 0)
        self.tag(data, 256, 0, 496)
        self.tag(self.block(where, 1), 8, 1, 496)
        self.take(0, 2, "file set")
        assert struct.unpack("<HHIIII", data[28:48]) == (3, 3, 1, 1, 0, 0)
        assert field_text(data[112:240]) == self.found.fields["label"]
        assert field_text(data[304:336])
        self.times.add(data[16:28])
        assert data[416:442] == b"\0*OSTA UDF Compliant".ljust(24, b"\0") + struct.pack(
            "<H", self.revision
        )
        assert not any(data[448:])
        length, block, partition = struct.unpack("<IIH", data[400:410])
        assert (length, partition) == (SECTOR, where)
        waiting = [("", block, block, 0, 0)]
        while waiting:
            waiting += self.directory(*waiting.pop())

    def take(self, block: int, count: int, what: str) -> None:
        """Claim blocks of the partition that entries lie in; the Metadata File is claimed whole."""
        if not self.metadata:
            self.claim(self.start + block, count, what)
        else:
            assert block + count <= self.metadata_blocks
            self.inner.append((block, block + count, what))

    def entry(self, block: int, kind: int, path: str) -> tuple[bytes, list[tuple[int, int]]]:
        data = self.block(int(self.metadata), block)
        extended = self.entry_kind == 266
        self.tag(data, self.entry_kind, block)
        self.take(block, 1, f"entry of {path}")
        assert struct.unpack("<IHHHBB", data[16:28]) == (0, 4, 0, 1, 0, kind)
        flags = u16(data, 34)
        assert flags & ~7 == 0x20
        assert data[36:44] == b"\xff" * 8
        permissions = u32(data, 44)
        assert permissions & 0x1084 == 0x1084, "everybody reads"
        assert permissions & 0x0842 == 0x0842, "everybody writes"
        assert kind == 5 or permissions & 0x0421 == 0x0421, "everybody enters"
        assert not any(data[50:56])
        size = u64(data, 56)
        assert not extended or u64(data, 64) == size
        blocks = u64(data, 72 if extended else 64)
        assert blocks == -(size // -SECTOR)
        first = 80 if extended else 72
        self.times |= {
            data[at : at + 12] for at in range(first, first + (48 if extended else 36), 12)
        }
        assert u32(data, 128 if extended else 108) == 1
        base = 208 if extended else 168
        assert u32(data, base) == 0
        assert not any(data[136:168] if extended else data[112:128])
        descriptors = data[base + 8 : base + 8 + u32(data, base + 4)]
        long = flags & 7 == 1
        assert long == (self.metadata and kind == 5)
        width = 16 if long else 8
        assert len(descriptors) % width == 0
        extents = []
        for offset in range(0, len(descriptors), width):
            length, start = u32(descriptors, offset), u32(descriptors, offset + 4)
            assert 0 < length < 1 << 30
            assert offset + width == len(descriptors) or length % SECTOR == 0
            if long:
                assert not any(descriptors[offset + 8 : offset + 16])
            extents.append((start, length))
        assert sum(length for _, length in extents) == size
        return data, extents

    def directory(
        self, path: str, block: int, above: int, above_id: int, own_id: int
    ) -> list[tuple[str, int, int, int, int]]:
        self.found.directories.append(path)
        data, extents = self.entry(block, 4, path)
        assert self.unique_id(data) == own_id
        ((start, length),) = extents
        count = -(length // -SECTOR)
        self.take(start, count, f"directory {path}")
        raw = self.block(int(self.metadata), start, count)
        assert not any(raw[length:])
        children, names = [], set()
        for number, (name, flags, to, identity, at) in enumerate(
            self.identifiers(raw[:length], start)
        ):
            if self.version == 3:
                assert at % SECTOR <= SECTOR - 16, "a tag across two blocks"
            if number == 0:
                assert (name, flags, to) == ("", 0x0A, above)
                assert identity == (above_id if self.version == 3 else 0)
                continue
            assert flags in (0, 2)
            assert name
            assert name not in names
            names.add(name)
            below = f"{path}/{name}".lstrip("/")
            if flags == 2:
                child_id = self.unique_id(self.block(int(self.metadata), to))
                self.ids.append(child_id)
                assert self.version == 2 or identity == child_id
                children.append((below, to, block, own_id, child_id))
            else:
                self.one_file(below, to, identity)
        assert u16(data, 48) == 1 + len(children)
        return children

    def one_file(self, path: str, block: int, identity: int) -> None:
        data, extents = self.entry(block, 5, path)
        assert u16(data, 48) == 1
        self.ids.append(self.unique_id(data))
        assert identity == (self.ids[-1] if self.version == 3 else 0)
        for start, length in extents:
            self.claim(self.start + start, -(length // -SECTOR), path)
        self.found.files[path] = WalkedFile(
            u64(data, 56), tuple((self.start + start, length) for start, length in extents)
        )

    def unique_id(self, data: bytes) -> int:
        return u64(data, 200 if self.entry_kind == 266 else 160)

    def identifiers(self, raw: bytes, start: int) -> Iterator[tuple[str, int, int, int, int]]:
        at = 0
        while at < len(raw):
            name_bytes, use = raw[at + 19], u16(raw, at + 36)
            size = -((38 + use + name_bytes) // -4) * 4
            one = raw[at : at + size]
            assert len(one) == size
            self.tag(one, 257, start + at // SECTOR, size - 16)
            assert u16(one, 16) == 1
            assert use in (0, 32)
            assert not use or one[39:40] == b"*"
            length, block, partition, none, identity = struct.unpack("<IIHHI", one[20:36])
            assert (length, partition, none) == (SECTOR, int(self.metadata), 0)
            name = one[38 + use : 38 + use + name_bytes]
            assert not any(one[38 + use + name_bytes :])
            yield (text(name) if name else ""), one[18], block, identity, at
            at += size

    def totals(self) -> None:
        assert self.counts == (len(self.found.files), len(self.found.directories))
        assert sorted(self.ids) == list(range(16, 16 + len(self.ids)))
        assert self.next_id == 16 + len(self.ids)
        assert all(_order(time) <= _order(self.time) for time in self.times)
        self.found.fields["times"] = self.times | {self.time}
        for claims, low, high in (
            (self.used, self.start, self.start + self.blocks),
            (self.inner, 0, self.metadata_blocks),
        ):
            end, before = low, "the start"
            for start, stop, what in sorted(claims):
                assert start >= end, f"{what} overlaps {before}"
                assert stop <= high
                end, before = stop, what


def _order(time: bytes) -> tuple[int, ...]:
    assert u16(time, 0) == 0x1000
    return struct.unpack("<h8B", time[2:12])
