"""Directory entries of FAT, and the long names that VFAT spreads over several of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntFlag

from mediastation.reading.fat_boot import u16, u32

ENTRY_BYTES = 32
MAX_ENTRIES = 1 << 16
"""Entries of a directory (Microsoft FAT 1.03: 2 MiB)."""

_DELETED, _KANJI = 0xE5, 0x05
_LONG, _LONG_MASK = 0x0F, 0x3F
_LAST, _MOST_PARTS = 0x40, 20
_LOWER_BASE, _LOWER_EXTENSION = 0x08, 0x10


class Attribute(IntFlag):
    """Bits of byte 11."""

    READ_ONLY = 1
    HIDDEN = 2
    SYSTEM = 4
    LABEL = 8
    DIRECTORY = 16
    ARCHIVE = 32


@dataclass(frozen=True, slots=True)
class FatEntry:
    """One entry of a directory.

    `short` has the eleven characters as they are recorded; `long` is what VFAT
    calls the file, empty where it has no other name. `stray` tells that parts
    of a long name stood before it that are not its own. `deleted` entries have
    nothing else that counts.
    """

    raw: bytes
    short: bytes
    long: str
    attributes: int
    cluster: int
    size_bytes: int
    stray: bool = False
    deleted: bool = False

    @property
    def is_label(self) -> bool:
        """Whether it names the volume."""
        return bool(self.attributes & Attribute.LABEL)

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return bool(self.attributes & Attribute.DIRECTORY)

    @property
    def is_dots(self) -> bool:
        """Whether it is ``.`` or ``..``."""
        return self.short in {b".          ", b"..         "}

    @property
    def short_name(self) -> str:
        """The 8.3 name with its point, which a File ID matches."""
        base = self.short[:8].rstrip(b" \0")
        if base[:1] == bytes([_KANJI]):
            base = bytes([_DELETED]) + base[1:]
        extension = self.short[8:].rstrip(b" \0")
        name = base.decode("cp437")
        return f"{name}.{extension.decode('cp437')}" if extension else name

    @property
    def shown_name(self) -> str:
        """The name that systems show: the long one, or the short in the case that NT noted."""
        if self.long:
            return self.long
        name, point, extension = self.short_name.rpartition(".")
        if not point:
            name, extension = extension, ""
        if self.raw[12] & _LOWER_BASE:
            name = name.lower()
        if self.raw[12] & _LOWER_EXTENSION:
            extension = extension.lower()
        return name + point + extension

    @property
    def written(self) -> tuple[int, int]:
        """Date and time of the last change, as they are recorded."""
        return u16(self.raw, 24), u16(self.raw, 22)


def iter_entries(pieces: Iterable[bytes], *, wide: bool) -> Iterator[FatEntry]:
    """Yield the entries of a directory up to its end mark, deleted ones too.

    Parameters
    ----------
    pieces : iterable of bytes
        What the directory holds, in runs of any whole number of entries.
    wide : bool
        Whether clusters have 32 bits.
    """
    name = _LongName()
    count = 0
    for piece in pieces:
        for at in range(0, len(piece) - ENTRY_BYTES + 1, ENTRY_BYTES):
            first, kind = piece[at], piece[at + 11]
            if not first or count >= MAX_ENTRIES:
                return
            count += 1
            raw = piece[at : at + ENTRY_BYTES]
            if first == _DELETED:
                name.clear()
                yield FatEntry(raw, raw[:11], "", kind, 0, 0, deleted=True)
                continue
            if kind & _LONG_MASK == _LONG:
                name.add(raw)
                continue
            cluster = u16(raw, 26) | (u16(raw, 20) << 16 if wide else 0)
            long, stray = ("", bool(name)) if kind & Attribute.LABEL else name.of(raw[:11])
            name.clear()
            yield FatEntry(raw, raw[:11], long, kind, cluster, u32(raw, 28), stray)


class _LongName:
    """Gathers the parts of a long name, which stand in front of the short one, the last first."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._parts: list[bytes] = []
        self._checksum = self._next = 0
        self._stray = False

    def __bool__(self) -> bool:
        return self._stray or bool(self._parts)

    def add(self, raw: bytes) -> None:
        number = raw[0] & ~_LAST
        if raw[0] & _LAST:
            self._stray = bool(self)
            self._parts, self._checksum, self._next = [], raw[13], number
        if not number or number > _MOST_PARTS or number != self._next or raw[13] != self._checksum:
            self._parts, self._next, self._stray = [], -1, True
            return
        self._parts.append(raw[1:11] + raw[14:26] + raw[28:32])
        self._next -= 1

    def of(self, short: bytes) -> tuple[str, bool]:
        """Return the long name of the entry `short`, and whether there were parts of another."""
        if not self._parts or self._next or self._checksum != _checksum(short):
            return "", bool(self)
        text = b"".join(reversed(self._parts)).decode("utf-16-le", "surrogatepass")
        return text.partition("\0")[0], self._stray


def _checksum(short: bytes) -> int:
    total = 0
    for byte in short:
        total = ((total & 1) << 7 | total >> 1) + byte & 0xFF
    return total
