"""The structures of a FAT volume as bytes (Microsoft FAT 1.03; PS3.12 A.2)."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mediastation.media.fat_layout import (
    ENTRY_BYTES,
    FAT16,
    FIRST_CLUSTER,
    Directory,
    Geometry,
    Layout,
)
from mediastation.media.fat_names import ROOT_ENTRIES, short_name

MEDIA_BYTE = 0xF8
ROOT_CLUSTER, INFO_SECTOR, BACKUP_SECTOR = 2, 1, 6

_ARCHIVE, _DIRECTORY, _LABEL = 0x20, 0x10, 0x08
_ENTRY = struct.Struct("<11sBBBHHHHHHHI")
_HEAD = struct.Struct("<3s8sHBHBHHBHHHII")
_FAT32_HEAD = struct.Struct("<IHHIHH12x")
_EXTENSION = struct.Struct("<BBBI11s8s")
_SIGNATURE = b"\x55\xaa"
_NO_LABEL = "NO NAME"
_TYPES = {FAT16: 0x06, "fat32": 0x0C}
_ACTIVE = 0x80
# Whoever starts a computer from it is handed on to the next device, and does not run data.
_CODE = b"\xcd\x18\xf4\xeb\xfd"
_CHAIN_PIECE = 1 << 16
_ZERO_PIECE = 1 << 18
_MOST_CYLINDERS = 1024


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment as FAT keeps it: in UTC, in steps of two seconds."""

    date: int
    time: int

    @classmethod
    def of(cls, moment: datetime) -> Stamp:
        """Return it for `moment`; `ValueError` outside 1980 to 2107 or without a time zone."""
        if moment.tzinfo is None:
            raise ValueError("the moment has no time zone")
        at = moment.astimezone(UTC)
        if not 1980 <= at.year <= 2107:
            raise ValueError(f"FAT cannot record the year {at.year}")
        date = (at.year - 1980) << 9 | at.month << 5 | at.day
        return cls(date, at.hour << 11 | at.minute << 5 | at.second // 2)


def partition_table(geometry: Geometry, signature: bytes) -> bytes:
    """Return the first sector of a medium with one partition, active, for the whole volume."""
    first, last = geometry.start, geometry.start + geometry.total_sectors - 1
    entry = (
        bytes([_ACTIVE])
        + _chs(first, geometry)
        + bytes([_TYPES[geometry.kind]])
        + _chs(last, geometry)
        + struct.pack("<II", first, geometry.total_sectors)
    )
    return (_CODE.ljust(440, b"\0") + signature + b"\0\0" + entry).ljust(510, b"\0") + _SIGNATURE


def reserved_region(layout: Layout, label: str, serial: int) -> bytes:
    """Return everything in front of the first FAT: the boot sector, and what FAT32 adds to it."""
    geometry = layout.geometry
    boot = _boot_sector(geometry, label, serial)
    if geometry.kind == FAT16:
        return boot
    free = geometry.clusters - layout.used_clusters
    information = _information(free, layout.end_cluster, geometry)
    size = geometry.shape.sector_bytes
    third = bytes(510).ljust(510, b"\0") + _SIGNATURE
    triple = boot + information + third.ljust(size, b"\0")
    return (triple.ljust(BACKUP_SECTOR * size, b"\0") + triple).ljust(
        geometry.reserved * size, b"\0"
    )


def iter_fat(layout: Layout) -> Iterator[bytes]:
    """Yield one FAT in pieces, all entries and the rest of its last sector."""
    geometry = layout.geometry
    wide = geometry.kind != FAT16
    code, end, width = ("I", 0x0FFFFFFF, 4) if wide else ("H", 0xFFFF, 2)
    written = FIRST_CLUSTER
    yield _entries(code, [end & ~0xFF | MEDIA_BYTE, end])
    for first, count in layout.chains():
        if first > written:
            yield bytes((first - written) * width)
        for start in range(first + 1, first + count, _CHAIN_PIECE):
            yield _entries(code, range(start, min(start + _CHAIN_PIECE, first + count)))
        yield _entries(code, [end])
        written = first + count
    left = geometry.fat_sectors * geometry.shape.sector_bytes - written * width
    for start in range(0, left, _ZERO_PIECE):
        yield bytes(min(_ZERO_PIECE, left - start))


def directory_region(layout: Layout, directory: Directory, label: str, stamp: Stamp) -> bytes:
    """Return the clusters of `directory`, or the root directory of FAT16."""
    geometry = layout.geometry
    pieces = []
    if directory.parent is not None:
        above = directory.parent
        # A root is named by 0 here, even where it has a cluster.
        parent = above.first_cluster if above.parent is not None else 0
        for name, cluster in ((b".", directory.first_cluster), (b"..", parent)):
            pieces.append(_entry(name.ljust(11), _DIRECTORY, cluster, 0, stamp))
    elif label:
        pieces.append(_entry(label.ljust(11).encode("ascii"), _LABEL, 0, 0, stamp))
    for child in directory.children:
        pieces.append(_entry(short_name(child.name), _DIRECTORY, child.first_cluster, 0, stamp))
    for file, cluster, _ in layout.placed_files(directory):
        name = short_name(file.path.rpartition("/")[2])
        pieces.append(_entry(name, _ARCHIVE, cluster, file.size_bytes, stamp))
    size = directory.clusters * geometry.cluster_bytes or ROOT_ENTRIES * ENTRY_BYTES
    return b"".join(pieces).ljust(size, b"\0")


def _boot_sector(geometry: Geometry, label: str, serial: int) -> bytes:
    shape, wide = geometry.shape, geometry.kind != FAT16
    # PS3.12 A.2 recommends EB 00 90, which would run the maker's name; it leaves it to the writer.
    head = _HEAD.pack(
        bytes([0xEB, 0x58 if wide else 0x3C, 0x90]),
        b"MSDOS4.0",
        shape.sector_bytes,
        geometry.sectors_per_cluster,
        geometry.reserved,
        2,
        0 if wide else ROOT_ENTRIES,
        0,
        MEDIA_BYTE,
        0 if wide else geometry.fat_sectors,
        shape.sectors_per_track,
        shape.heads,
        geometry.start,
        geometry.total_sectors,
    )
    if wide:
        head += _FAT32_HEAD.pack(
            geometry.fat_sectors, 0, 0, ROOT_CLUSTER, INFO_SECTOR, BACKUP_SECTOR
        )
    # A drive number means something to FAT32 alone: A.2 wants zeros in bytes 36 and 37.
    drive = 0x80 if wide else 0
    shown = (label or _NO_LABEL).ljust(11).encode("ascii")
    name = b"FAT32   " if wide else b"FAT16   "
    boot = head + _EXTENSION.pack(drive, 0, 0x29, serial, shown, name) + _CODE
    return (boot.ljust(510, b"\0") + _SIGNATURE).ljust(shape.sector_bytes, b"\0")


def _information(free: int, following: int, geometry: Geometry) -> bytes:
    """Return the FSInfo sector; `following` is where a writer may look for room first."""
    after = following if following < geometry.clusters + FIRST_CLUSTER else 0xFFFFFFFF
    fields = struct.pack("<4sII12x", b"rrAa", free, after)
    sector = b"RRaA".ljust(484, b"\0") + fields + b"\0\0" + _SIGNATURE
    return sector.ljust(geometry.shape.sector_bytes, b"\0")


def _entry(name: bytes, attributes: int, cluster: int, size_bytes: int, stamp: Stamp) -> bytes:
    high, low = cluster >> 16, cluster & 0xFFFF
    date, time = stamp.date, stamp.time
    return _ENTRY.pack(name, attributes, 0, 0, time, date, date, high, time, date, low, size_bytes)


def _entries(code: str, values: Iterable[int]) -> bytes:
    found = array(code, values)
    if sys.byteorder == "big":
        found.byteswap()
    return found.tobytes()


def _chs(sector: int, geometry: Geometry) -> bytes:
    """Return the nominal cylinder, head and sector; the largest where they do not reach."""
    track, number = divmod(sector, geometry.shape.sectors_per_track)
    cylinder, head = divmod(track, geometry.shape.heads)
    if cylinder >= _MOST_CYLINDERS:
        return b"\xfe\xff\xff"
    return bytes([head, (number + 1) | cylinder >> 2 & 0xC0, cylinder & 0xFF])
