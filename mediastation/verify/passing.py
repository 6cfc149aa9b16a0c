"""Read every byte of a medium once, in the order in which it lies there.

On a disc a second seek costs more than a megabyte. So the image goes by in
chunks: a second thread reads and hashes the image (both let go of the
interpreter), while the first hashes each file and keeps its front for the
header checks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mediastation.errors import MediaError
from mediastation.model.manifest import SectorDigest
from mediastation.reading.contract import Extent, ImageVolume, Span, Volume, VolumeFile
from mediastation.reading.file_meta import HEAD_BYTES
from mediastation.verify.read_ahead import CHUNK, SECTOR, BadRun, Chunk, ReadAhead

if TYPE_CHECKING:
    from hashlib import _Hash

_ZEROS = bytes(CHUNK)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FileRead:
    """What passed by of one file.

    `sha256` is empty, and `fault` says why, where the file was not read whole.
    `front` has its first bytes.
    """

    file: VolumeFile
    sha256: str
    size_bytes: int
    front: bytes
    fault: str = ""


class Sink(Protocol):
    """Who listens to a pass."""

    def file_read(self, read: FileRead) -> None:
        """Take one file, exactly once for each file of the volume."""

    def gap_not_zero(self, span: Span, offset: int) -> None:
        """Take the first byte that is not zero where nothing should lie."""

    def unreadable(self, span: Span, run: BadRun) -> None:
        """Take a run within `span` that the drive could not read."""

    def sector_differs(self, sector: int) -> None:
        """Take a structure sector that is not what was written."""


@dataclass(slots=True)
class _Open:
    digest: _Hash = field(default_factory=hashlib.sha256)
    front: bytearray = field(default_factory=bytearray)
    done: int = 0
    fault: str = ""

    def take(self, piece: bytes | memoryview) -> None:
        self.digest.update(piece)
        self.done += len(piece)
        if len(self.front) < HEAD_BYTES:
            self.front += piece[: HEAD_BYTES - len(self.front)]

    def close(self, file: VolumeFile) -> FileRead:
        fault = self.fault
        if not fault and self.done != file.size_bytes:
            fault = f"only {self.done} of {file.size_bytes} bytes can be read"
        sha256 = "" if fault else self.digest.hexdigest()
        return FileRead(file, sha256, self.done, bytes(self.front), fault)


def pass_image(
    volume: ImageVolume,
    size_bytes: int,
    structure: Sequence[SectorDigest],
    sink: Sink,
    progress: Progress | None,
    first_sector: int = 0,
) -> str:
    """Read `size_bytes` from `first_sector` on once; return their SHA-256.

    The sectors of `structure` count from there. Files that do not pass by in
    their own order (extents out of order, shared, overlapping, or in a session
    before that) are read again afterwards, each run of extents once and all
    of them together no longer than the image.

    Returns
    -------
    str
        Empty where a sector was unreadable: its content is not known.
    """
    spans = volume.iter_spans()
    span = next(spans, None)
    opened: dict[str, _Open] = {}
    finished: set[str] = set()
    sectors = _SectorCheck(structure, first_sector, sink)
    begin = first_sector * SECTOR
    while span is not None and span.offset + span.length <= begin:
        span = next(spans, None)
    with ReadAhead(volume, begin, size_bytes) as chunks:
        for chunk in chunks:
            position, data = chunk.position, chunk.data
            sectors.take(chunk)
            end = position + len(data)
            view = memoryview(data)
            while span is not None and span.offset < end:
                start = max(span.offset, position)
                stop = min(span.offset + span.length, end)
                for bad in chunk.bad:
                    if (run := bad.within(start, stop)) is not None:
                        sink.unreadable(span, run)
                        if span.file:
                            opened.setdefault(span.file.path, _Open()).fault = run.fault
                file = span.file
                if file is not None:
                    inside = span.file_offset + start - span.offset
                    state = opened.get(file.path)
                    if state is None:
                        state = opened[file.path] = _Open()
                    if state.done == inside:
                        state.take(view[start - position : stop - position])
                        if state.done == file.size_bytes:
                            sink.file_read(state.close(file))
                            finished.add(file.path)
                            del opened[file.path]
                else:
                    _check_zero(data, span, start - position, stop - position, position, sink)
                if span.offset + span.length > end:
                    break
                span = next(spans, None)
            if progress:
                progress(end - begin, size_bytes)
        sha256 = chunks.hexdigest()
    opened.clear()
    _read_irregular(volume, finished, begin + size_bytes, sink)
    return sha256


def _check_zero(chunk: bytes, span: Span, start: int, stop: int, position: int, sink: Sink) -> None:
    """Report the first byte that is not zero in a gap; structures are left to their own checks."""
    is_gap = span.region.startswith("padding after ") or span.region in {
        "unused",
        "system area",
        "after the volume",
    }
    piece = chunk[start:stop]
    if is_gap and piece != _ZEROS[: len(piece)]:
        first = len(piece) - len(piece.lstrip(b"\0"))
        sink.gap_not_zero(span, position + start + first)


class _SectorCheck:
    """Compares structure sectors as they pass by."""

    def __init__(self, structure: Sequence[SectorDigest], first: int, sink: Sink) -> None:
        self._waiting = sorted(structure, key=lambda digest: digest.sector, reverse=True)
        self._first = first
        self._sink = sink
        while self._waiting and self._waiting[-1].sector < 0:
            self._waiting.pop()

    def take(self, chunk: Chunk) -> None:
        end = chunk.position + len(chunk.data)
        while self._waiting and (self._first + self._waiting[-1].sector + 1) * SECTOR <= end:
            expected = self._waiting.pop()
            sector = self._first + expected.sector
            start = sector * SECTOR
            if any(run.within(start, start + SECTOR) for run in chunk.bad):
                continue  # What it holds is not known, and that was told.
            at = start - chunk.position
            if hashlib.sha256(chunk.data[at : at + SECTOR]).hexdigest() != expected.sha256:
                self._sink.sector_differs(sector)


def _read_irregular(volume: ImageVolume, finished: set[str], size_bytes: int, sink: Sink) -> None:
    budget = max(size_bytes, 1 << 20)
    known: dict[tuple[Extent, ...], FileRead] = {}
    for file in volume.iter_files():
        if file.path in finished:
            continue
        read = known.get(file.extents)
        if read is None:
            if budget <= 0:
                fault = "shares too many bytes with other files to be read again"
                sink.file_read(FileRead(file, "", 0, b"", fault))
                continue
            read = known[file.extents] = _read_file(volume, file)
            budget -= read.size_bytes
        sink.file_read(FileRead(file, read.sha256, read.size_bytes, read.front, read.fault))


def _read_file(
    volume: Volume, file: VolumeFile, step: Callable[[int], None] | None = None
) -> FileRead:
    state = _Open()
    try:
        with volume.open(file.path) as stream:
            while piece := stream.read(CHUNK):
                state.take(piece)
                if step:
                    step(len(piece))
                if state.done > file.size_bytes:
                    state.fault = f"longer than its {file.size_bytes} bytes: it is being written to"
                    break
    except (OSError, MediaError) as fault:
        state.fault = f"cannot be read: {getattr(fault, 'strerror', '') or fault}"
    return state.close(file)


def pass_files(volume: Volume, sink: Sink, progress: Progress | None) -> int:
    """Read every file of a volume that is no image; return the number of bytes."""
    total = sum(file.size_bytes for file in volume.iter_files())
    done = 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(min(done, total), total)

    for file in volume.iter_files():
        sink.file_read(_read_file(volume, file, step))
    return done


def region_of(volume: ImageVolume, sectors: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield each of `sectors`, ascending, with the name of what begins or lies in it."""
    spans = volume.iter_spans()
    span = next(spans, None)
    for sector in sorted(sectors):
        while span is not None and span.offset + span.length <= sector * SECTOR:
            span = next(spans, None)
        yield sector, span.region if span is not None else "after the image"
