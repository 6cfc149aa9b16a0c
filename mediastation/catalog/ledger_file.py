"""The ledger's file: lines that are only ever added, durable before anything relies on them.

Whoever writes holds the catalog's write lock, so that processes take turns.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mediastation.catalog.durable import disk_trouble_told, sync_folder
from mediastation.errors import MediaError
from mediastation.model.ledger import MOST_LINE_BYTES

LEDGER_NAME = "ledger.jsonl"
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Added:
    """What was added to the file, and where it begins."""

    start: int
    data: bytes


class LedgerFile:
    """``ledger.jsonl`` of one home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / LEDGER_NAME

    def size(self) -> int:
        """Return its size in bytes; 0 where there is none."""
        with disk_trouble_told(self.home):
            try:
                return self.path.stat().st_size
            except FileNotFoundError:
                return 0

    def last_line(self) -> tuple[str | None, int]:
        """Return the last line that has its end, and where the next one would begin.

        The line is None where there is none, or none that is text.
        """
        with disk_trouble_told(self.home):
            try:
                with self.path.open("rb") as file:
                    return _last_line(file)
            except FileNotFoundError:
                return None, 0

    def cut_behind(self, end: int) -> None:
        """Cut off what begins at `end`: half a line, in which nothing was recorded yet."""
        with disk_trouble_told(self.home), self.path.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())

    def append(self, line: str) -> Added:
        """Add a line, make it durable, and return what was added.

        Raises
        ------
        MediaError
            If the disk refuses; the file is then what it was.
        """
        data = line.encode() + b"\n"
        if len(data) > MOST_LINE_BYTES:
            raise MediaError("The entry is too long for the ledger.", "Make fewer studies at once.")
        is_new = not self.path.exists()
        with disk_trouble_told(self.home):
            descriptor = os.open(
                self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                start = os.fstat(descriptor).st_size
                if start and os.pread(descriptor, 1, start - 1) != b"\n":
                    data = b"\n" + data  # what is spoiled there stays as it is
                try:
                    _write_all(descriptor, data)
                    os.fsync(descriptor)
                except BaseException:
                    os.ftruncate(descriptor, start)
                    raise
            finally:
                os.close(descriptor)
            if is_new:
                sync_folder(self.home)
        return Added(start, data)

    def take_back(self, added: Added) -> None:
        """Cut off what `append` added, if it is the last: it is recorded nowhere else."""
        with disk_trouble_told(self.home), self.path.open("r+b") as file:
            file.seek(added.start)
            if file.read(len(added.data) + 1) == added.data:
                file.truncate(added.start)
                os.fsync(file.fileno())

    def lines(self, size_bytes: int) -> Iterator[str | None]:
        """Yield the lines of the first `size_bytes`; None for one that is no text or has no end.

        Streams: no more than one line is in memory, and of one that is longer
        than any entry only a part.
        """
        with disk_trouble_told(self.home):
            try:
                file = self.path.open("rb")
            except FileNotFoundError:
                return
            with file:
                yield from _lines(file, size_bytes)

    @contextmanager
    def replacing(self) -> Iterator[BinaryIO]:
        """Write the file anew beside its name; the one there was is set aside under another.

        ``ledger.jsonl.damaged-1``, or the next number that is free: what was
        found is evidence.
        """
        part = self.path.with_name(f".{LEDGER_NAME}.part")
        with disk_trouble_told(self.home):
            try:
                descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                if self.path.exists():
                    os.link(self.path, self._free_name())
                part.replace(self.path)
            finally:
                part.unlink(missing_ok=True)
            sync_folder(self.home)

    def _free_name(self) -> Path:
        number = 1
        while (aside := self.path.with_name(f"{LEDGER_NAME}.damaged-{number}")).exists():
            number += 1
        return aside


def _last_line(file: BinaryIO) -> tuple[str | None, int]:
    end = _after_newline_before(file, file.seek(0, os.SEEK_END))
    if end == 0:
        return None, 0
    start = _after_newline_before(file, end - 1)
    if end - start > MOST_LINE_BYTES:
        return None, end
    file.seek(start)
    return _text(file.read(end - 1 - start)), end


def _after_newline_before(file: BinaryIO, end: int) -> int:
    """Return the position behind the last newline before `end`; 0 if there is none."""
    while end > 0:
        start = max(0, end - _CHUNK_BYTES)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _lines(file: BinaryIO, size_bytes: int) -> Iterator[str | None]:
    left = size_bytes
    while left > 0:
        data = file.readline(min(left, MOST_LINE_BYTES))
        if not data:
            return
        left -= len(data)
        ended = data.endswith(b"\n")
        while not ended and left > 0:  # longer than any entry: on to its end
            data = file.readline(min(left, _CHUNK_BYTES))
            if not data:
                break
            left -= len(data)
            if data.endswith(b"\n"):
                break
        yield _text(data[:-1]) if ended else None


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
