"""FAT volumes built entry by entry from the published layout, so that tests can spoil any of them.

Nothing is shared with the writer or the reader. `Fat` takes chains and the
contents of clusters by number; the root directory is bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CLUSTERS = {12: 200, 16: 4200, 32: 66000}
END = {12: 0xFFF, 16: 0xFFFF, 32: 0x0FFFFFFF}
BAD = {12: 0xFF7, 16: 0xFFF7, 32: 0x0FFFFFF7}
DIRECTORY, LABEL, HIDDEN, SYSTEM, ARCHIVE = 0x10, 0x08, 0x02, 0x04, 0x20
STAMP = (12 << 11, 44 << 9 | 1 << 5 | 1)
"""Noon of the first of January 2024: time, date."""


def entry(
    name: str | bytes,
    cluster: int = 0,
    size: int = 0,
    attributes: int = ARCHIVE,
    *,
    case: int = 0,
    stamp: tuple[int, int] = STAMP,
) -> bytes:
    """A directory entry; the name is ``BASE.EXT``, or the eleven bytes as they are to be."""
    if isinstance(name, str):
        base, _, extension = name.partition(".") if name.strip(".") else (name, "", "")
        name = f"{base:8}{extension:3}".encode("cp437")
    assert len(name) == 11
    time, date = stamp
    return struct.pack(
        "<11sBBBHHHHHHHI",
        name, attributes, case, 0, time, date, date, cluster >> 16, time, date,
        cluster & 0xFFFF, size,
    )  # fmt: skip


def long_name(text: str, short: bytes, *, checksum: int | None = None) -> bytes:
    """The entries that stand in front of the entry `short` and give it a long name."""
    total = 0
    for byte in short[:11]:
        total = ((total >> 1) | (total & 1) << 7) + byte & 0xFF
    raw = text.encode("utf-16-le", "surrogatepass")
    if len(raw) % 26:
        raw = (raw + b"\0\0").ljust(-(len(raw) // -26) * 26, b"\xff")
    parts = [raw[at : at + 26] for at in range(0, len(raw), 26)]
    found = []
    for number, part in enumerate(parts, start=1):
        order = number | (0x40 if number == len(parts) else 0)
        found.append(
            bytes([order]) + part[:10] + b"\x0f\0"
            + bytes([total if checksum is None else checksum]) + part[10:22] + b"\0\0" + part[22:]
        )  # fmt: skip
    return b"".join(reversed(found))


def named(
    text: str, short: str, cluster: int = 0, size: int = 0, attributes: int = ARCHIVE
) -> bytes:
    """An entry with a long name."""
    own = entry(short, cluster, size, attributes)
    return long_name(text, own) + own


def dots(own: int, above: int) -> bytes:
    """The first two entries of a directory."""
    return entry(".", own, 0, DIRECTORY) + entry("..", above, 0, DIRECTORY)


@dataclass
class Fat:
    """A volume: `chains` of clusters, each ended properly, and single `links` over them."""

    kind: int = 16
    root: bytes = b""
    chains: Iterable[Iterable[int]] = ()
    links: Mapping[int, int] = field(default_factory=dict)
    data: Mapping[int, bytes] = field(default_factory=dict)
    clusters: int = 0
    sector: int = 512
    per_cluster: int = 1
    partition: int = 0
    type: int = 0
    first: Mapping[int, int] = field(default_factory=dict)
    """Entries that the first table has and the second has not."""

    @property
    def count(self) -> int:
        return self.clusters or CLUSTERS[self.kind]

    @property
    def reserved(self) -> int:
        return 32 if self.kind == 32 else 1

    @property
    def fat_sectors(self) -> int:
        return -((self.count + 2) * self.kind // (-8 * self.sector))

    @property
    def root_sectors(self) -> int:
        return 0 if self.kind == 32 else 512 * 32 // self.sector

    @property
    def unit(self) -> int:
        """Bytes of a cluster."""
        return self.sector * self.per_cluster

    @property
    def start(self) -> int:
        return self.partition * self.sector

    def fat_at(self, number: int = 0) -> int:
        return self.start + (self.reserved + number * self.fat_sectors) * self.sector

    @property
    def root_at(self) -> int:
        return self.fat_at(2)

    def cluster_at(self, cluster: int) -> int:
        return self.root_at + self.root_sectors * self.sector + (cluster - 2) * self.unit

    def table(self, extra: Mapping[int, int]) -> bytes:
        entries = [0] * (self.count + 2)
        entries[:2] = END[self.kind] & ~0xFF | 0xF8, END[self.kind]
        for chain in self.chains:
            clusters = list(chain)
            for one, following in zip(clusters, [*clusters[1:], END[self.kind]], strict=True):
                entries[one] = following
        for cluster, value in {**self.links, **extra}.items():
            entries[cluster] = value
        if self.kind == 12:
            whole = sum(value << 12 * number for number, value in enumerate(entries))
            raw = whole.to_bytes(len(entries) * 12 // 8 + 1, "little")
        else:
            raw = struct.pack(f"<{len(entries)}{'H' if self.kind == 16 else 'I'}", *entries)
        return raw.ljust(self.fat_sectors * self.sector, b"\0")

    def boot(self) -> bytes:
        total = (
            self.reserved + 2 * self.fat_sectors + self.root_sectors + self.count * self.per_cluster
        )
        wide = self.kind == 32
        head = struct.pack(
            "<3s8sHBHBHHBHHHII",
            b"\xeb\x58\x90", b"TESTDISK", self.sector, self.per_cluster, self.reserved, 2,
            0 if wide else 512, 0, 0xF8, 0 if wide else self.fat_sectors, 63, 255,
            self.partition, total,
        )  # fmt: skip
        if wide:
            head += struct.pack("<IHHIHH12x", self.fat_sectors, 0, 0, 2, 1, 6)
        head += struct.pack("<BBBI11s8s", 0, 0, 0x29, 1, b"NO NAME    ", b"FAT%d   " % self.kind)
        return head.ljust(510, b"\0") + b"\x55\xaa"

    def build(self) -> bytes:
        """The image; of FAT32 the root directory begins in cluster 2."""
        image = bytearray(self.cluster_at(2) + self.count * self.unit)

        def put(at: int, raw: bytes) -> None:
            image[at : at + len(raw)] = raw

        if self.partition:
            kind = self.type or {12: 1, 16: 6, 32: 12}[self.kind]
            where = struct.pack("<II", self.partition, (len(image) - self.start) // self.sector)
            put(446, b"\x80\xfe\xff\xff" + bytes([kind]) + b"\xfe\xff\xff" + where)
            put(510, b"\x55\xaa")
        put(self.start, self.boot())
        if self.kind == 32:
            free = sum(not value for (value,) in struct.iter_unpack("<I", self.table({})))
            free -= len(self.table({})) // 4 - self.count - 2
            information = b"RRaA".ljust(484, b"\0") + b"rrAa" + struct.pack("<II", free, 100)
            put(self.start + self.sector, information.ljust(510, b"\0") + b"\x55\xaa")
            put(self.start + 6 * self.sector, self.boot())
        put(self.fat_at(0), self.table(self.first))
        put(self.fat_at(1), self.table({}))
        put(self.cluster_at(2) if self.kind == 32 else self.root_at, self.root)
        for cluster, content in self.data.items():
            put(self.cluster_at(cluster), content)
        return bytes(image)
