"""A ZIP file as a medium: nothing is unpacked, and nothing in it may cost more than it says."""

from __future__ import annotations

import io
import os
import struct
import zlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Self, cast

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, warning
from mediastation.reading.contract import FileIndex, Found, VolumeFile
from mediastation.reading.findings import FindingLog
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.names import folded
from mediastation.reading.random_access import RandomAccess, ReadAt
from mediastation.reading.zip_directory import (
    FREE_BYTES,
    MAX_RATIO,
    DirectoryLostError,
    ZipEntry,
    find_directory,
    iter_entries,
)
from mediastation.reading.zip_salvage import salvage_entries

DEFLATE_RATIO = 1032
"""Deflate cannot pack more bytes into one."""

_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_SIZES_BEHIND = 1 << 3
_FULL32 = (1 << 32) - 1
_BUFFER_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 16
_STEP_BYTES = 1 << 18
_MOST_STEPS = 256

_folded = lru_cache(4096)(folded)


class ZipVolume:
    """The files of a ZIP archive (APPNOTE 4.3), stored or deflated.

    The central directory is read when the volume is opened. Each local header
    is held against it when the file is opened, and the checksum when its last
    byte was read in order: reading then raises `OSError`.

    Parameters
    ----------
    path : Path
        The file; `MediaError` if it is no ZIP file, or none that is whole.
    opener : callable
        Opens it; what it returns is closed with the volume.
    """

    def __init__(self, path: Path, opener: AccessOpener = RandomAccess) -> None:
        self._name = os.fspath(path)
        self._log = FindingLog()
        self._index = FileIndex()
        self._entries: dict[str, ZipEntry] = {}
        self._ends: dict[str, int] = {}
        self._blocked: dict[str, str] = {}
        self._advice: dict[str, str] = {}
        self._access = opener(path)
        try:
            self._list()
        except OSError as fault:
            self.close()
            raise MediaError(f"{path} cannot be read: {fault.strerror}") from fault
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """The archive's path."""
        return self._name

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was wrong, tolerated or left out while the directory was read."""
        return tuple(self._log)

    @property
    def size_bytes(self) -> int:
        """Size of the archive."""
        return self._access.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the archive itself, fewer at the end."""
        return self._access.read_at(offset, length)

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield the files in the directory's order."""
        return iter(self._index)

    def open(self, path: str) -> BinaryIO:
        """Return the content of the file at `path`; its checksum is part of reading it."""
        self._index.require(path, self.name)
        if path in self._blocked:
            raise MediaError(f"{path} {self._blocked[path]}", self._advice.get(path, ""))
        entry = self._entries[path]
        start = self._require_local_header(entry)
        raw: io.RawIOBase
        if entry.method == _STORED:
            raw = _StoredStream(self._access.read_at, start, entry)
        else:
            raw = _DeflatedStream(self._access.read_at, start, entry)
        return cast("BinaryIO", io.BufferedReader(raw, _BUFFER_BYTES))

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then tolerantly."""
        return self._index.find(components)

    def close(self) -> None:
        """Let the archive go."""
        self._access.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _list(self) -> None:
        entries, end = self._entries_and_end()
        for entry in entries:
            path = self._index.free_path(entry.path)
            if path != entry.path:
                # Programs that flatten folders make such archives: both may be images.
                self._log.add(
                    error(
                        "duplicate-name", entry.path,
                        f"is there twice; the other one is shown as {path}",
                        "programs show one of them only: have the archive made again",
                    )
                )  # fmt: skip
            recorded = entry.path.rpartition("/")[2]
            self._index.add(VolumeFile(path, entry.size_bytes, recorded=recorded))
            self._entries[path] = entry if path == entry.path else replace(entry, path=path)
        self._check_names()
        self._check_sizes()
        self._check_places(end)

    def _entries_and_end(self) -> tuple[list[ZipEntry], int]:
        """Return the files, and where the last of them has to end.

        Where the directory is destroyed, what stands in front of each file is
        taken instead: it says nearly the same.
        """
        read_at = self._access.read_at
        log = FindingLog()
        try:
            place = find_directory(read_at, self.size_bytes, self._name, log)
            entries = list(iter_entries(read_at, place, log))
            lost: DirectoryLostError | None = None
        except DirectoryLostError as fault:
            entries, lost = [], fault
        # Bytes on both sides: the end of an archive that lies inside this one, whose own is gone.
        is_inner = log.count("zip-prefix") and log.count("zip-tail")
        if lost is None and not log.count("zip-directory") and not is_inner:
            self._log.extend(log)
            return entries, place.start
        quiet = FindingLog()
        salvaged = salvage_entries(read_at, self.size_bytes, quiet)
        if lost is not None and not salvaged:
            raise lost
        headers = {entry.offset for entry in salvaged}
        if len(salvaged) <= len(entries) and all(entry.offset in headers for entry in entries):
            self._log.extend(log)
            return entries, place.start
        self._log.extend(quiet)
        self._log.add(
            error(
                "zip-salvaged",
                self._name,
                f"its directory is damaged; {len(salvaged)} files were found by their own headers",
                "other programs may not open it: have it made or sent again",
            )
        )
        return salvaged, self.size_bytes

    def _check_names(self) -> None:
        spelled: dict[str, str] = {}
        # Files come folder by folder: what the last one's folders were is not asked again.
        folders: list[str] = []
        alike: list[str] = []
        for path in self._entries:
            *above, name = path.split("/")
            same = 0
            while same < min(len(above), len(folders)) and above[same] == folders[same]:
                same += 1
            del alike[same:]
            for depth in range(same, len(above)):
                alike.append(_folded(above[depth]))
                if (inner := "/".join(above[: depth + 1])) in self._entries:
                    self._log.add(error("duplicate-name", inner, "is a file and a directory"))
            folders = above
            other = spelled.setdefault("/".join((*alike, _folded(name))), path)
            if other != path:
                self._log.add(
                    warning("case-clash", path, f"and {other} are one name on other systems")
                )

    def _check_sizes(self) -> None:
        open_to_all: list[tuple[float, int, str]] = []
        for path, entry in self._entries.items():
            if entry.flags & _ENCRYPTED:
                self._block(path, "encrypted", "is encrypted", "unpack it with its password")
            elif entry.method not in (_STORED, _DEFLATED):
                self._block(path, "zip-method", f"is packed by method {entry.method}")
            elif entry.method == _STORED and entry.size_bytes != entry.packed_bytes:
                self._block(path, "zip-directory", "is stored and says two sizes")
            elif entry.size_bytes > DEFLATE_RATIO * entry.packed_bytes:
                self._block(path, "archive-bomb", "says that it unpacks to more than it can hold")
            else:
                ratio = entry.size_bytes / max(entry.packed_bytes, 1)
                open_to_all.append((ratio, entry.size_bytes, path))
        beyond = sum(size for _, size, _ in open_to_all) - MAX_RATIO * self.size_bytes - FREE_BYTES
        # What grows most goes first: an image packs to a tenth at best, and is not kept out
        # because something else is a bomb.
        for _, size, path in sorted(open_to_all, reverse=True):
            if beyond <= 0:
                break
            self._block(
                path, "archive-bomb",
                f"would unpack, with the others, to more than {MAX_RATIO} times the archive",
            )  # fmt: skip
            beyond -= size

    def _check_places(self, end: int) -> None:
        """Find entries that lie over each other, or over the directory; note where each may end."""
        following, next_path = end, ""
        for entry in sorted(self._entries.values(), key=lambda one: one.offset, reverse=True):
            path = entry.path
            length = _LOCAL.size + len(entry.raw_name) + entry.packed_bytes
            self._ends[path] = following
            if entry.offset < 0 or entry.offset + length > following:
                other = f"and {next_path} lie" if next_path else "lies"
                self._block(path, "overlap", f"{other} over each other's bytes or the directory's")
                if next_path:
                    self._blocked.setdefault(next_path, f"lies over {path}")
            following, next_path = min(following, entry.offset), path

    def _block(self, path: str, rule: str, message: str, hint: str = "have it made again") -> None:
        self._log.add(error(rule, path, f"{message}; not opened", hint))
        self._blocked.setdefault(path, message)
        self._advice.setdefault(path, hint)

    def _require_local_header(self, entry: ZipEntry) -> int:
        """Return where the content begins, if what stands before it agrees with the directory."""
        data = self._access.read_at(entry.offset, _LOCAL.size + len(entry.raw_name))
        if len(data) < _LOCAL.size or data[:4] != b"PK\x03\x04":
            raise MediaError(f"{entry.path} has no header where the directory says")
        _, _, flags, method, _, _, crc, packed, size, name, extra = _LOCAL.unpack_from(data)
        stated = {(crc, entry.crc), (packed, entry.packed_bytes), (size, entry.size_bytes)}
        agrees = flags & _SIZES_BEHIND or all(here in (there, _FULL32) for here, there in stated)
        same = (method, data[_LOCAL.size :]) == (entry.method, entry.raw_name)
        same = same and not (flags ^ entry.flags) & _ENCRYPTED
        start = int(entry.offset + _LOCAL.size + name + extra)
        if not agrees or not same or start + entry.packed_bytes > self._ends[entry.path]:
            raise MediaError(f"{entry.path} has a header that contradicts the directory")
        return start


class _EntryStream(io.RawIOBase):
    """One file of an archive; the checksum is taken along while it is read in order."""

    def __init__(self, read_at: ReadAt, start: int, entry: ZipEntry) -> None:
        super().__init__()
        self._read_at = read_at
        self._start = start
        self._entry = entry
        self._position = 0
        self._crc = 0
        self._crc_position = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; positions beyond the end are allowed and read nothing."""
        size = self._entry.size_bytes
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` with what lies at the position."""
        length = min(len(buffer), self._entry.size_bytes - self._position)
        if length <= 0:
            self._require_crc()
            return 0
        piece = self._piece(self._position, length)
        if not piece:
            raise OSError(0, f"{self._entry.path} ends before its {self._entry.size_bytes} bytes")
        buffer[: len(piece)] = piece
        if self._position == self._crc_position:
            self._crc = zlib.crc32(piece, self._crc)
            self._crc_position += len(piece)
        self._position += len(piece)
        if self._position == self._entry.size_bytes:
            self._require_crc()
        return len(piece)

    def _require_crc(self) -> None:
        if self._crc_position == self._entry.size_bytes and self._crc != self._entry.crc:
            raise OSError(0, "its checksum says that it is damaged")

    @abstractmethod
    def _piece(self, position: int, length: int) -> bytes:
        """Return up to `length` bytes at `position`, at least one unless the content is short."""


class _StoredStream(_EntryStream):
    def _piece(self, position: int, length: int) -> bytes:
        return self._read_at(self._start + position, length)


class _DeflatedStream(_EntryStream):
    """Inflates; now and then the state is kept, so that going back costs no more than a step."""

    def __init__(self, read_at: ReadAt, start: int, entry: ZipEntry) -> None:
        super().__init__(read_at, start, entry)
        self._step = max(_STEP_BYTES, entry.size_bytes // _MOST_STEPS)
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._packed = 0
        self._unpacked = 0
        self._kept = [(0, 0, self._inflater.copy())]

    def _piece(self, position: int, length: int) -> bytes:
        if position < self._unpacked or position >= self._unpacked + self._step:
            index = min(position // self._step, len(self._kept) - 1)
            unpacked, packed, kept = self._kept[index]
            if position < self._unpacked or unpacked > self._unpacked:
                self._unpacked, self._packed, self._inflater = unpacked, packed, kept.copy()
        while self._unpacked < position:
            if not self._inflate(min(_CHUNK_BYTES, position - self._unpacked)):
                return b""
        return self._inflate(length)

    def _inflate(self, length: int) -> bytes:
        """Return the next bytes, at most `length`; none where the content is short."""
        due = len(self._kept) * self._step
        length = min(length, due - self._unpacked) if self._unpacked < due else length
        while not self._inflater.eof:
            data = self._inflater.unconsumed_tail
            if not data:
                left = self._entry.packed_bytes - self._packed
                data = self._read_at(self._start + self._packed, min(_CHUNK_BYTES, left))
                self._packed += len(data)
            try:
                piece = self._inflater.decompress(data, length)
            except zlib.error as fault:
                raise OSError(0, f"cannot be inflated: {fault}") from fault
            if piece:
                self._unpacked += len(piece)
                if self._unpacked == due:
                    self._kept.append((due, self._packed, self._inflater.copy()))
                return piece
            if not data:
                break
        return b""
