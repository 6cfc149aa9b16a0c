"""The files of a ZIP file whose central directory is destroyed, by their local headers.

Each file has a header of its own in front of it (APPNOTE 4.3.7). Where the
archive was written as a stream, the sizes stand behind the file instead: what
is deflated tells its end itself, what is stored is followed by a signature and
sizes that have to fit.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from mediastation.model.finding import error
from mediastation.reading.contract import MAX_FILES
from mediastation.reading.findings import FindingLog
from mediastation.reading.random_access import ReadAt
from mediastation.reading.zip_directory import (
    FREE_BYTES,
    MAX_NAME_BYTES,
    MAX_RATIO,
    ZipEntry,
    safe_path,
    shown_name,
    zip64_numbers,
)

MAX_PASSES = 4
"""How often the archive's length may be read for that, when files have no end."""

_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTOR = b"PK\x07\x08"
_STORED, _DEFLATED = 0, 8
_SIZES_BEHIND = 1 << 3
_FULL32 = (1 << 32) - 1
_NEWEST = 63
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Extent:
    """What a file turned out to be: packed and unpacked bytes, and its checksum."""

    packed: int
    size: int
    crc: int


def salvage_entries(read_at: ReadAt, size_bytes: int, log: FindingLog) -> list[ZipEntry]:
    """Return the files that local headers tell of, in their order.

    Parameters
    ----------
    read_at : callable
        Reads the archive.
    size_bytes : int
        How long the archive is.
    log : FindingLog
        Takes what is wrong with names.

    Notes
    -----
    What a complete archive holds inside its files is stepped over. A second
    file of one name, as an update leaves it, has ``%2`` behind its name.
    """
    found: list[ZipEntry] = []
    names: dict[str, int] = {}
    measure = _Measure(read_at, size_bytes)
    at = _next_header(read_at, 0, size_bytes)
    while at >= 0 and len(found) < MAX_FILES:
        head = read_at(at, _LOCAL.size)
        if len(head) < _LOCAL.size:
            break
        _, version, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(
            head
        )
        start = at + _LOCAL.size + name_bytes + extra_bytes
        plausible = version & 0xFF <= _NEWEST and 0 < name_bytes <= MAX_NAME_BYTES
        if not plausible or start > size_bytes:
            at = _next_header(read_at, at + 4, size_bytes)
            continue
        tail = read_at(at + _LOCAL.size, name_bytes + extra_bytes)
        raw, extra = tail[:name_bytes], tail[name_bytes:]
        extent: _Extent | None = _Extent(packed, size, crc)
        if flags & _SIZES_BEHIND and not packed:
            extent = measure(start, method)
        elif flags & _SIZES_BEHIND and not crc:
            # Sizes were known beforehand, and the checksum was not.
            extent = _Extent(packed, size, _checksum_behind(read_at, start + packed))
        elif _FULL32 in (packed, size):
            extent = _wide(packed, size, crc, zip64_numbers(extra))
        following = start if extent is None else start + extent.packed
        path = safe_path(shown_name(raw, flags), log)
        if path is not None and extent is None:
            log.add(error("zip-directory", path, "nothing tells where it ends; not listed"))
        elif path is not None and extent is not None:
            names[path] = names.get(path, 0) + 1
            if names[path] > 1:
                path = f"{path}%{names[path]}"
            found.append(
                ZipEntry(path, raw, method, flags, extent.crc, extent.packed, extent.size, at)
            )
        # A file that is cut off may have swallowed what follows in a damaged archive.
        at = _next_header(read_at, following if following <= size_bytes else start, size_bytes)
    return found


def _next_header(read_at: ReadAt, at: int, end: int) -> int:
    """Return where the next local header begins, -1 if there is none.

    As a rule it is right here: pieces begin small, so that a step costs little.
    """
    size = 64
    while at < end:
        chunk = read_at(at, size)
        place = chunk.find(b"PK\x03\x04")
        if place >= 0:
            return at + place
        if len(chunk) < size:
            return -1
        at += len(chunk) - 3
        size = min(4 * size, _CHUNK)
    return -1


def _wide(packed: int, size: int, crc: int, numbers: list[int]) -> _Extent | None:
    """Return the extent of a file whose sizes stand in the ZIP64 extra field."""
    left = iter(numbers)
    size = next(left, -1) if size == _FULL32 else size
    packed = next(left, -1) if packed == _FULL32 else packed
    return _Extent(packed, size, crc) if min(packed, size) >= 0 else None


def _checksum_behind(read_at: ReadAt, at: int) -> int:
    """Return the checksum that stands behind a file, 0 where none does."""
    raw = read_at(at, 8)
    return int.from_bytes(raw[4:8], "little") if raw[:4] == _DESCRIPTOR else 0


class _Measure:
    """Finds where streamed files end, in no more work than an archive of its size is worth."""

    def __init__(self, read_at: ReadAt, end: int) -> None:
        self._source = read_at
        self._end = end
        self._readable = MAX_PASSES * end
        self._inflatable = MAX_RATIO * end + FREE_BYTES

    def __call__(self, start: int, method: int) -> _Extent | None:
        """Return the extent of a streamed file; None if it cannot be told."""
        if method == _DEFLATED:
            return self._inflated(start)
        return self._followed(start) if method == _STORED else None

    def _read(self, at: int) -> bytes:
        if self._readable <= 0:
            return b""
        data = self._source(at, min(_CHUNK, self._end - at)) if at < self._end else b""
        self._readable -= len(data)
        return data

    def _inflated(self, start: int) -> _Extent | None:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        at, size, crc = start, 0, 0
        data = b""
        while not inflater.eof:
            if not data:
                data = self._read(at)
                at += len(data)
                if not data:
                    return None
            try:
                piece = inflater.decompress(data, _CHUNK)
            except zlib.error:
                return None
            data = inflater.unconsumed_tail
            size += len(piece)
            crc = zlib.crc32(piece, crc)
            self._inflatable -= len(piece)
            if self._inflatable < 0:
                return None
        self._readable += len(inflater.unused_data)
        end = at - len(inflater.unused_data)
        # What was recorded is what reading is held against; without it, what the data gave.
        return _Extent(end - start, size, _checksum_behind(self._source, end) or crc)

    def _followed(self, start: int) -> _Extent | None:
        """Return the extent of a stored file by the sizes behind it, in 32 or 64 bits."""
        at = start
        while chunk := self._read(at):
            place = chunk.find(_DESCRIPTOR)
            while place >= 0:
                raw = self._source(at + place, 24)
                length = at + place - start
                for form in ("<II", "<QQ"):
                    fits = len(raw) >= 8 + struct.calcsize(form)
                    if fits and struct.unpack_from(form, raw, 8) == (length, length):
                        self._readable += len(chunk) - place
                        return _Extent(length, length, int.from_bytes(raw[4:8], "little"))
                place = chunk.find(_DESCRIPTOR, place + 1)
            if at + len(chunk) >= self._end:
                return None
            at += len(chunk) - 3
        return None
