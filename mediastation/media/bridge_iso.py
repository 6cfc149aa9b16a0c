"""The ISO 9660 side of a bridge: path tables and directories over files that lie elsewhere.

Level 1 names, no Rock Ridge, no Joliet. A file that 32 bits cannot measure has
several File Sections, which is Level 3 (ECMA-119, 6.5.1, 10.3) and permitted
by PS3.12 Annex P.

::

    path table L · path table M · directories in the order of the path tables
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mediastation.media.level1 import (
    LARGEST_FILE_BYTES,
    MAKER,
    SECTOR_BYTES,
    MediumFile,
    level1_identifier,
)
from mediastation.media.udf.layout import Directory

_SELF, _PARENT = b"\0", b"\1"
_DIRECTORY, _MORE_SECTIONS = 0x02, 0x80
_RECORD_BYTES = 33
_TABLE_RECORD_BYTES = 8


@dataclass(frozen=True, slots=True)
class IsoDirectory:
    """One directory: `first` is its sector, `number` and `parent` its places in the path table.

    `entries` are the files and directories in it, by their identifiers.
    """

    of: Directory
    number: int
    parent: int
    first: int
    size_bytes: int
    identifier: bytes
    entries: tuple[tuple[bytes, MediumFile | Directory], ...]


class IsoSide:
    """Path tables and directories, whose sizes follow from names and lengths alone.

    Parameters
    ----------
    directories : sequence of Directory
        The tree, the root first, in which `check_level1_names` found nothing.
    first : int
        The sector that is free for the first path table.

    Attributes
    ----------
    size_sectors : int
        What they take in all.
    """

    def __init__(self, directories: Sequence[Directory], first: int) -> None:
        ordered = _path_table_order(directories[0])
        self._table_bytes = sum(map(_table_record_bytes, map(_identifier, ordered)))
        self._table_sectors = _sectors(self._table_bytes)
        self._first = sector = first
        sector += 2 * self._table_sectors
        numbers = {id(directory): number for number, directory in enumerate(ordered, start=1)}
        self._directories: list[IsoDirectory] = []
        for directory in ordered:
            entries = _entries(directory)
            made = IsoDirectory(
                directory,
                numbers[id(directory)],
                numbers[id(directory.parent or directory)],
                sector,
                _directory_bytes(entries),
                _identifier(directory),
                entries,
            )
            self._directories.append(made)
            sector += made.size_bytes // SECTOR_BYTES
        self.size_sectors = sector - first

    def descriptors(self, volume_id: str, moment: datetime, size_sectors: int) -> bytes:
        """Return Primary Volume Descriptor and terminator of a volume of `size_sectors`."""
        root = self._directories[0]
        raw = bytearray(SECTOR_BYTES)
        raw[0:8] = b"\1CD001\1\0"
        # All texts end with spaces; Application Use, at 883, is ours and holds them too.
        for start, end in ((8, 72), (190, 813), (883, 1395)):
            raw[start:end] = b" " * (end - start)
        raw[40 : 40 + len(volume_id)] = volume_id.encode("ascii")
        raw[80:88] = _both_32(size_sectors)
        raw[120:132] = _both_16(1) + _both_16(1) + _both_16(SECTOR_BYTES)
        raw[132:140] = _both_32(self._table_bytes)
        raw[140:144] = struct.pack("<I", self._first)
        raw[148:152] = struct.pack(">I", self._first + self._table_sectors)
        raw[156:190] = _record(_SELF, root.first, root.size_bytes, _DIRECTORY, _date(moment))
        for start in (318, 446, 574):
            raw[start : start + len(MAKER)] = MAKER.encode("ascii")
        written = _digits(moment)
        # Created, modified, never expires, effective.
        raw[813:882] = written + written + b"0" * 16 + b"\0" + written + b"\1"
        return bytes(raw) + (b"\xffCD001\1").ljust(SECTOR_BYTES, b"\0")

    def iter_structure(self, data_sector: int, moment: datetime) -> Iterator[bytes]:
        """Yield both path tables and the directories in whole sectors.

        Parameters
        ----------
        data_sector : int
            Where the first of all files lies.
        moment : datetime
            Every Recording Date and Time.
        """
        for fields in (struct.Struct("<BBIH"), struct.Struct(">BBIH")):
            table = b"".join(self._iter_table(fields))
            yield table.ljust(self._table_sectors * SECTOR_BYTES, b"\0")
        places = {id(directory.of): directory for directory in self._directories}
        date = _date(moment)
        for directory in self._directories:
            above = self._directories[directory.parent - 1]
            records = [
                _record(_SELF, directory.first, directory.size_bytes, _DIRECTORY, date),
                _record(_PARENT, above.first, above.size_bytes, _DIRECTORY, date),
            ]
            blocks = {
                id(file): stored.block
                for file, stored in zip(
                    directory.of.files, directory.of.stored_files(data_sector), strict=True
                )
            }
            for identifier, entry in directory.entries:
                if isinstance(entry, Directory):
                    below = places[id(entry)]
                    size = below.size_bytes
                    records.append(_record(identifier, below.first, size, _DIRECTORY, date))
                else:
                    size = entry.size_bytes
                    records += _file_records(identifier, blocks[id(entry)], size, date)
            yield from _filled(records)

    def _iter_table(self, fields: struct.Struct) -> Iterator[bytes]:
        for directory in self._directories:
            identifier = directory.identifier
            head = fields.pack(len(identifier), 0, directory.first, directory.parent)
            yield (head + identifier).ljust(_table_record_bytes(identifier), b"\0")


def iso_moment(moment: datetime) -> datetime:
    """Return `moment` in UTC and whole seconds.

    Raises
    ------
    ValueError
        If it has no time zone, or its year does not fit the one byte that a
        directory record has for it (ECMA-119, 9.1.5).
    """
    if moment.tzinfo is None:
        raise ValueError("the moment has no time zone")
    try:
        utc = moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        utc = datetime.min
    if not 1900 <= utc.year <= 2155:
        raise ValueError("ISO 9660 records the years 1900 to 2155")
    return utc


def _path_table_order(root: Directory) -> list[Directory]:
    """Return the tree by level, parent and identifier (ECMA-119, 6.9.1)."""
    ordered: list[Directory] = []
    waiting = deque([root])
    while waiting:
        directory = waiting.popleft()
        ordered.append(directory)
        waiting.extend(directory.children)
    return ordered


def _identifier(directory: Directory) -> bytes:
    return directory.name.encode("ascii") or _SELF


def _entries(directory: Directory) -> tuple[tuple[bytes, MediumFile | Directory], ...]:
    """Return what lies in `directory`, in the order of names and then extensions (9.3)."""
    found: list[tuple[tuple[str, str], bytes, MediumFile | Directory]] = [
        ((child.name, ""), child.name.encode("ascii"), child) for child in directory.children
    ]
    for file in directory.files:
        name = file.path.rpartition("/")[2]
        base, _, extension = name.partition(".")
        found.append(((base, extension), level1_identifier(name)[1:].encode("ascii"), file))
    found.sort(key=lambda entry: entry[0])
    return tuple((identifier, entry) for _, identifier, entry in found)


def _sections(size_bytes: int) -> Iterator[int]:
    """Yield the lengths of a file's sections; all but the last are the longest."""
    while size_bytes > LARGEST_FILE_BYTES:
        yield LARGEST_FILE_BYTES
        size_bytes -= LARGEST_FILE_BYTES
    yield size_bytes


def _directory_bytes(entries: Iterable[tuple[bytes, MediumFile | Directory]]) -> int:
    """Return the length of a directory; no record lies across two sectors (6.8.1.1)."""
    end = 2 * _record_bytes(_SELF)
    for identifier, entry in entries:
        size = _record_bytes(identifier)
        count = 1
        if isinstance(entry, MediumFile) and entry.size_bytes > LARGEST_FILE_BYTES:
            count = -(entry.size_bytes // -LARGEST_FILE_BYTES)
        for _ in range(count):
            left = -end % SECTOR_BYTES
            end += size if left >= size or not left else left + size
    return _sectors(end) * SECTOR_BYTES


def _filled(records: Iterable[bytes]) -> Iterator[bytes]:
    sector = b""
    for record in records:
        if len(sector) + len(record) > SECTOR_BYTES:
            yield sector.ljust(SECTOR_BYTES, b"\0")
            sector = b""
        sector += record
    yield sector.ljust(SECTOR_BYTES, b"\0")


def _file_records(identifier: bytes, sector: int, size_bytes: int, date: bytes) -> Iterator[bytes]:
    left = size_bytes
    for length in _sections(size_bytes):
        left -= length
        # An empty file lies nowhere.
        place = sector if length else 0
        yield _record(identifier, place, length, _MORE_SECTIONS if left else 0, date)
        sector += _sectors(length)


def _record(identifier: bytes, sector: int, size_bytes: int, flags: int, date: bytes) -> bytes:
    """Return a Directory Record (ECMA-119, 9.1); PS3.12, F.2.2.1 leaves its flags at that."""
    length = _record_bytes(identifier)
    head = bytes([length, 0]) + _both_32(sector) + _both_32(size_bytes) + date
    tail = bytes([flags, 0, 0]) + _both_16(1) + bytes([len(identifier)]) + identifier
    return (head + tail).ljust(length, b"\0")


def _record_bytes(identifier: bytes) -> int:
    return _even(_RECORD_BYTES + len(identifier))


def _table_record_bytes(identifier: bytes) -> int:
    return _even(_TABLE_RECORD_BYTES + len(identifier))


def _even(size_bytes: int) -> int:
    return size_bytes + size_bytes % 2


def _sectors(size_bytes: int) -> int:
    return -(size_bytes // -SECTOR_BYTES)


def _both_16(number: int) -> bytes:
    return struct.pack("<H", number) + struct.pack(">H", number)


def _both_32(number: int) -> bytes:
    return struct.pack("<I", number) + struct.pack(">I", number)


def _date(moment: datetime) -> bytes:
    """Return the seven bytes of a Recording Date and Time (9.1.5)."""
    day = (moment.year - 1900, moment.month, moment.day)
    return bytes((*day, moment.hour, moment.minute, moment.second, 0))


def _digits(moment: datetime) -> bytes:
    """Return the seventeen bytes of a date in a volume descriptor (8.4.26.1)."""
    return f"{moment:%Y%m%d%H%M%S}00".encode("ascii") + b"\0"
