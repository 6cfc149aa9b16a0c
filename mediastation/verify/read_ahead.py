"""Read an image in order, ahead of whoever listens; where the drive fails, zeros stand in."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from mediastation.reading.contract import ImageVolume

CHUNK = 1 << 20
SECTOR = 2048

RETRIES = 2
"""How often a sector is asked for again: heads move and dust is passed at another speed."""

MAX_RETRIED_SECTORS = 200
"""After so many bad ones no sector is asked for again: the disc is beyond a second try."""

MAX_BAD_SECTORS = 2000
"""After so many the drive is not asked at all any more: each one costs it seconds."""


@dataclass(frozen=True, slots=True)
class BadRun:
    """A run of the image whose bytes are not known.

    `was_asked` is false where the drive was spared: it had failed too often.
    """

    offset: int
    length: int
    was_asked: bool = True

    @property
    def end(self) -> int:
        """The byte behind it."""
        return self.offset + self.length

    @property
    def fault(self) -> str:
        """What to say of a file that lies there."""
        return "unreadable sectors" if self.was_asked else "not read: the drive failed too often"

    def within(self, start: int, stop: int) -> BadRun | None:
        """Return what of it lies between two bytes; None if nothing does."""
        low, high = max(self.offset, start), min(self.end, stop)
        return replace(self, offset=low, length=high - low) if low < high else None


class _Reader:
    """Chunks of the image; what the drive cannot read is zeros, and remembered."""

    def __init__(self, volume: ImageVolume) -> None:
        self._volume = volume
        self.bad: list[BadRun] = []
        self._failed = 0

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end; `bad` has the runs that are made up."""
        self.bad = []
        if self._failed < MAX_BAD_SECTORS:
            try:
                return self._volume.read_at(offset, length)
            except OSError:
                pass
        pieces = []
        for at in range(offset, offset + length, SECTOR):
            wanted = min(SECTOR, offset + length - at)
            piece = self._sector(at, wanted)
            pieces.append(piece)
            if len(piece) < wanted:
                break
        return b"".join(pieces)

    def _sector(self, offset: int, length: int) -> bytes:
        asked = self._failed < MAX_BAD_SECTORS
        if asked:
            tries = 1 + (RETRIES if self._failed < MAX_RETRIED_SECTORS else 0)
            for _ in range(tries):
                with suppress(OSError):
                    return self._volume.read_at(offset, length)
            self._failed += 1
        last = self.bad[-1] if self.bad else None
        if last is not None and last.end == offset and last.was_asked == asked:
            self.bad[-1] = replace(last, length=last.length + length)
        else:
            self.bad.append(BadRun(offset, length, asked))
        return bytes(length)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of the image at `position`, and which parts of it are made up."""

    position: int
    data: bytes
    bad: tuple[BadRun, ...]


class ReadAhead:
    """Reads the image and hashes it in a thread of its own, a few chunks ahead at most.

    Iterating gives the chunks in order. Leaving the context ends the thread,
    wherever it is.
    """

    def __init__(self, volume: ImageVolume, start: int, size_bytes: int) -> None:
        self._reader = _Reader(volume)
        self._start = start
        self._end = start + size_bytes
        self._digest = hashlib.sha256()
        self._chunks: queue.Queue[Chunk | Exception | None] = queue.Queue(maxsize=4)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self.damaged = False

    def __enter__(self) -> ReadAhead:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        while self._thread.is_alive():
            # It may wait for room; whatever it still brings is not wanted.
            with suppress(queue.Empty):
                self._chunks.get_nowait()
            self._thread.join(timeout=0.01)

    def __iter__(self) -> Iterator[Chunk]:
        while (chunk := self._chunks.get()) is not None:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def hexdigest(self) -> str:
        """Return the digest once every chunk has passed; empty where a sector was unreadable."""
        self._thread.join()
        return "" if self.damaged else self._digest.hexdigest()

    def _run(self) -> None:
        position = self._start
        try:
            while position < self._end and not self._stopped:
                data = self._reader.read(position, min(CHUNK, self._end - position))
                if not data:
                    break
                bad = tuple(self._reader.bad)
                self.damaged = self.damaged or bool(bad)
                self._chunks.put(Chunk(position, data, bad))
                self._digest.update(data)
                position += len(data)
        except Exception as fault:
            self._chunks.put(fault)
        else:
            self._chunks.put(None)
