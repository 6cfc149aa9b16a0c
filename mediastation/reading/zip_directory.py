"""The central directory of a ZIP file (APPNOTE 4.3), read within limits and believed in nothing."""

from __future__ import annotations

import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, note, warning
from mediastation.reading.contract import MAX_DEPTH, MAX_FILES
from mediastation.reading.findings import FindingLog
from mediastation.reading.names import safe_name
from mediastation.reading.random_access import ReadAt

MAX_DIRECTORY_BYTES = 64 << 20
"""Half a million entries with names as long as File IDs have fit twice."""

MAX_NAME_BYTES = 1024

MAX_RATIO = 200
"""An archive may unpack to so many times its size, and `FREE_BYTES` more."""

FREE_BYTES = 1 << 30

_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_CHUNK_BYTES = 1 << 20
_LONGEST_COMMENT = (1 << 16) - 1
_FULL16, _FULL32 = (1 << 16) - 1, (1 << 32) - 1
_UNIX_SYSTEMS = {3, 19}
_UTF8 = 1 << 11
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file as the central directory has it; all numbers in bytes.

    `offset` is where its local header begins in the file.
    """

    path: str
    raw_name: bytes
    method: int
    flags: int
    crc: int
    packed_bytes: int
    size_bytes: int
    offset: int


@dataclass(frozen=True, slots=True)
class DirectoryPlace:
    """Where the central directory lies, and by how much every offset is to be moved."""

    start: int
    end: int
    entries: int
    shift: int


class DirectoryLostError(MediaError):
    """The central directory is missing or destroyed; the files may still be there."""


def is_zip_start(start: bytes) -> bool:
    """Tell whether a file that begins with `start` is meant as a ZIP file."""
    return start.startswith(_STARTS)


def find_directory(read_at: ReadAt, size_bytes: int, name: str, log: FindingLog) -> DirectoryPlace:
    """Find the central directory from the end of the file.

    Raises
    ------
    DirectoryLostError
        If there is none, or if it cannot be where it says.
    MediaError
        If it is one part of several, or too large.
    """
    tail_at = max(0, size_bytes - _END.size - _LONGEST_COMMENT)
    tail = read_at(tail_at, size_bytes - tail_at)
    at = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END.size + 4))
    if at < 0:
        raise DirectoryLostError(
            f"{name} is a ZIP file whose end is missing or damaged", "copy or send it again"
        )
    end_at = tail_at + at
    _, disk, first_disk, here, count, length, start, comment = _END.unpack_from(tail, at)
    if end_at + _END.size + comment != size_bytes:
        log.add(warning("zip-tail", name, "there are bytes behind the end of the ZIP file"))
    end = end_at
    place = read_at(end_at - _LOCATOR.size, _LOCATOR.size) if end_at >= _LOCATOR.size else b""
    if place[:4] == b"PK\x06\x07":
        end, values = _read_end64(read_at, end_at - _LOCATOR.size, place, name)
        disk, first_disk, here, count, length, start = values
    if disk or first_disk or here != count:
        raise MediaError(f"{name} is one part of a split ZIP file", "join its parts first")
    shift = end - length - start
    if length > end or shift < 0:
        raise DirectoryLostError(
            f"{name} is a ZIP file whose directory cannot be where it says", "copy it again"
        )
    if length > MAX_DIRECTORY_BYTES:
        raise MediaError(
            f"{name} is a ZIP file with a directory of {length:,} bytes; "
            f"at most {MAX_DIRECTORY_BYTES:,} are read"
        )
    if shift:
        log.add(
            warning("zip-prefix", name, f"{shift} bytes that are no ZIP file stand in front of it")
        )
    return DirectoryPlace(end - length, end, count, shift)


def _read_end64(
    read_at: ReadAt, locator_at: int, locator: bytes, name: str
) -> tuple[int, tuple[int, ...]]:
    """Return where the ZIP64 end record begins, and its six numbers."""
    stated = _LOCATOR.unpack(locator)[2]
    # The record has no extensible data anywhere; what stands before it moves it.
    for at in dict.fromkeys((locator_at - _END64.size, stated)):
        if 0 <= at <= locator_at - _END64.size:
            data = read_at(at, _END64.size)
            if data[:4] == b"PK\x06\x06" and len(data) == _END64.size:
                values = _END64.unpack(data)
                return at, values[4:]
    raise DirectoryLostError(f"{name} is a ZIP file whose ZIP64 record is damaged", "copy it again")


def iter_entries(read_at: ReadAt, place: DirectoryPlace, log: FindingLog) -> Iterator[ZipEntry]:
    """Yield the files of the central directory; say what is left out, and why.

    Paths are safe to show and to join; they may fall together, and what they
    lead to is not looked at.
    """
    buffer, read_to, seen = b"", place.start, 0
    position = 0
    while True:
        if len(buffer) - position < _ENTRY.size + 3 * _FULL16 and read_to < place.end:
            piece = read_at(read_to, min(_CHUNK_BYTES, place.end - read_to))
            if not piece:
                read_to = place.end
            buffer, position = buffer[position:] + piece, 0
            read_to += len(piece)
        if position == len(buffer):
            break
        if seen >= MAX_FILES:
            log.add(error("too-many-files", "", f"more than {MAX_FILES} files"))
            return
        if len(buffer) - position < _ENTRY.size or buffer[position : position + 4] != b"PK\x01\x02":
            log.add(_damaged(seen))
            return
        fields = _ENTRY.unpack_from(buffer, position)
        name_at = position + _ENTRY.size
        extra_at = name_at + fields[10]
        end = extra_at + fields[11] + fields[12]
        if end > len(buffer):
            log.add(_damaged(seen))
            return
        position = end
        seen += 1
        entry = _read_entry(fields, buffer[name_at:extra_at], buffer[extra_at:end], place, log)
        if entry is not None:
            yield entry
    if seen != place.entries:
        log.add(
            error(
                "zip-directory", "", f"the directory lists {seen} entries and says {place.entries}",
                "copy or send the file again",
            )
        )  # fmt: skip


def _damaged(seen: int) -> Finding:
    return error(
        "zip-directory",
        "",
        f"the directory is damaged behind its entry {seen}; what it lists from there is unknown",
        "copy or send the file again",
    )


def _read_entry(
    fields: tuple[int, ...], raw: bytes, extra: bytes, place: DirectoryPlace, log: FindingLog
) -> ZipEntry | None:
    made_by, flags, method = fields[1] >> 8, fields[3], fields[4]
    crc, packed, size, disk, attributes, offset = *fields[7:10], fields[13], fields[15], fields[16]
    shown = shown_name(raw, flags)
    if len(raw) > MAX_NAME_BYTES:
        name = safe_name(shown[:80])
        log.add(error("too-long-name", name, f"a name of {len(raw)} bytes; not listed"))
        return None
    path = safe_path(shown, log)
    if path is None:
        return None
    extra = extra[: fields[11]]
    wanted = [number == _FULL32 for number in (size, packed, offset)]
    if any(wanted):
        wide = iter(zip64_numbers(extra))
        size, packed, offset = (
            next(wide, number) if want else number
            for want, number in zip(wanted, (size, packed, offset), strict=True)
        )
    kind = stat.S_IFMT(attributes >> 16) if made_by in _UNIX_SYSTEMS else 0
    if stat.S_ISLNK(kind):
        log.add(note("symbolic-link", path, "a symbolic link; not followed"))
        return None
    if kind and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        log.add(warning("special-file", path, "no regular file; not opened"))
        return None
    if disk not in (0, _FULL16):
        log.add(error("zip-directory", path, "lies on another part of a split ZIP file"))
        return None
    return ZipEntry(path, raw, method, flags, crc, packed, size, offset + place.shift)


def zip64_numbers(extra: bytes) -> list[int]:
    """Return the 64-bit numbers of the ZIP64 extra field; empty if there is none."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, at)
        data = extra[at + 4 : at + 4 + length]
        if tag == 1:
            return [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data) - 7, 8)]
        at += 4 + length
    return []


def shown_name(raw: bytes, flags: int) -> str:
    """Return a name as text, in the character set that the flags tell."""
    if flags & _UTF8:
        return raw.decode("utf-8", "backslashreplace")
    return raw.decode("cp437")


def safe_path(name: str, log: FindingLog, rule: str = "zip") -> str | None:
    """Return the path of a file in an archive; None for a directory, which is nothing in itself."""
    parts = name.split("/")
    if "\\" in name:
        parts = re.split(r"[/\\]", name)
        log.add(
            warning(f"{rule}-separator", safe_name(name)[:200], "has backslashes as separators")
        )
    is_directory = parts[-1] == "" and len(parts) > 1
    if is_directory:
        parts.pop()
    path = "/".join(map(safe_name, parts))
    if _DRIVE.match(parts[0]):
        path = path.replace(":", "%3A", 1)
    if _DRIVE.match(parts[0]) or not {"", ".", ".."}.isdisjoint(parts):
        log.add(
            error(
                "climbing-name", path, "the name leads out of the archive",
                "find out who made it before anything of it is used",
            )
        )  # fmt: skip
    elif path != "/".join(parts):
        log.add(warning("unsafe-name", path, "the name has characters that no File ID may have"))
    if len(parts) > MAX_DEPTH:
        log.add(error("too-deep", path[:200], f"more than {MAX_DEPTH} levels; not listed"))
        return None
    return None if is_directory else path
