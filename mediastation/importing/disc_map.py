"""How far the copy of a disc has come, in a journal that outlives whoever writes it.

``disc.map`` lies beside the copy: JSON, one line for each step, appended once
the bytes it speaks of are durable. The first line is the header::

    {"version": 1, "size_bytes": 734003200, "known": [[16, "SHA-256 …"], …]}

`known` recognises the disc when it is put in again: sectors that could be read
and are not all one byte, with their digests. The others have offsets and
lengths in bytes:

================================================== ==================================
``{"size_bytes": n}``                              another drive reports more
``{"read": to}``                                   all up to there was read
``{"failed": [at, length]}``                       it did not come in one piece
``{"divided": [at, length], "bad": [[at, n], …]}`` asked for sector by sector: all of
                                                   it was read but `bad`
``{"round": r, "to": at, "good": [[at, n], …]}``   bad sectors before `to` were asked
                                                   for again; `good` were read
``{"sha256": "…"}``                                the copy is whole, this its digest
================================================== ==================================

Everything goes forward through the disc, so that memory and time grow with the
damage alone. A last line that a power cut tore is cut off; what it spoke of is
read again.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from mediastation.catalog.durable import write_text_durably
from mediastation.reading.contract import Extent

VERSION = 1

MAX_LINE_BYTES = 1 << 20
"""A longer line is none of ours: a step speaks of a few sectors."""


@dataclass(slots=True)
class DiscMap:
    """What is known of each byte of a disc: read, not asked for yet, or not to be had.

    `read_to` is how far the first pass has come. `failed` are runs that did
    not come in one piece and are not divided yet; `bad` are sectors that
    failed alone and wait for this round, `passed` those that failed in it too.
    All are in order and do not overlap. `recovered_bytes` are those that were
    read only when they were asked for again.
    """

    size_bytes: int
    known: Mapping[int, str] = field(default_factory=dict)
    read_to: int = 0
    failed: deque[Extent] = field(default_factory=deque)
    failed_bytes: int = 0
    bad: deque[Extent] = field(default_factory=deque)
    passed: deque[Extent] = field(default_factory=deque)
    round: int = 1
    recovered_bytes: int = 0
    sha256: str = ""

    @property
    def settled_bytes(self) -> int:
        """How many bytes are read, or were asked for sector by sector."""
        return self.read_to - self.failed_bytes

    def unreadable(self) -> tuple[Extent, ...]:
        """Return what was asked for alone and is not read, in order."""
        joined: deque[Extent] = deque()
        for extent in (*self.passed, *self.bad):
            _append(joined, extent)
        return tuple(joined)

    def apply(self, step: Mapping[str, Any]) -> None:
        """Take one line of the journal; `ValueError` if it contradicts those before."""
        if "size_bytes" in step:
            self.size_bytes = _number(step["size_bytes"], self.size_bytes, 1 << 62)
        elif "read" in step:
            self.read_to = _number(step["read"], self.read_to, self.size_bytes)
        elif "failed" in step:
            extent = _extent(step["failed"], self.read_to, self.size_bytes)
            if extent.offset != self.read_to:
                raise ValueError("a failure out of order")
            _append(self.failed, extent)
            self.read_to += extent.length
            self.failed_bytes += extent.length
        elif "divided" in step:
            self._divide(_extent(step["divided"], 0, self.size_bytes), step.get("bad"))
        elif "round" in step:
            self._go_round(step)
        elif "sha256" in step:
            self.sha256 = str(step["sha256"])
        else:
            raise ValueError("a line of no known kind")

    def _divide(self, run: Extent, bad: object) -> None:
        first = self.failed.popleft() if self.failed else None
        if first is None or run.offset != first.offset or run.length > first.length:
            raise ValueError("a division out of order")
        self.failed_bytes -= run.length
        if run.length < first.length:
            left = Extent(run.offset + run.length, first.length - run.length)
            self.failed.appendleft(left)
        for extent in _extents(bad, run):
            _append(self.bad, extent)

    def _go_round(self, step: Mapping[str, Any]) -> None:
        number = _number(step["round"], self.round, self.round)
        to = _number(step.get("to"), 0, self.size_bytes)
        good = deque(_extents(step.get("good"), Extent(0, to)))
        while self.bad and self.bad[0].offset < to:
            run = self.bad.popleft()
            if run.offset + run.length > to:
                self.bad.appendleft(Extent(to, run.offset + run.length - to))
                run = Extent(run.offset, to - run.offset)
            self._take_good(run, good)
        if good:
            raise ValueError("good sectors that were never bad")
        if not self.bad:
            self.bad, self.passed, self.round = self.passed, deque(), number + 1

    def _take_good(self, run: Extent, good: deque[Extent]) -> None:
        """Move what of `run` stayed bad to `passed`; `good` loses what lies in it."""
        at, end = run.offset, run.offset + run.length
        while good and good[0].offset < end:
            one = good.popleft()
            if one.offset < at or one.offset + one.length > end:
                raise ValueError("good sectors that were never bad")
            if one.offset > at:
                _append(self.passed, Extent(at, one.offset - at))
            at = one.offset + one.length
            self.recovered_bytes += one.length
        if at < end:
            _append(self.passed, Extent(at, end - at))


class DiscJournal:
    """``disc.map`` on the disk, and the map that it tells.

    `create` and `resume` make one; `close` lets the file go.
    """

    def __init__(self, path: Path, disc_map: DiscMap, descriptor: int) -> None:
        self.path = path
        self.map = disc_map
        self._descriptor = descriptor

    @classmethod
    def create(cls, path: Path, size_bytes: int, known: Mapping[int, str]) -> DiscJournal:
        """Begin a journal at `path`, in place of whatever is there; `OSError` as it comes."""
        header = {"version": VERSION, "size_bytes": size_bytes, "known": list(known.items())}
        write_text_durably(path, json.dumps(header) + "\n", 0o600)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        return cls(path, DiscMap(size_bytes, dict(known)), os.open(path, flags))

    @classmethod
    def resume(cls, path: Path) -> DiscJournal | None:
        """Go on with the journal at `path`; None if there is none that can be understood.

        Lines are believed up to the first that is torn; it and what follows
        are cut off. Where one contradicts those before, none is believed.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            return None
        with os.fdopen(os.dup(descriptor), "rb") as file:
            disc_map, end = _read(file)
        if disc_map is None:
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, end)
        return cls(path, disc_map, descriptor)

    def record(self, *steps: Mapping[str, Any]) -> None:
        """Append `steps` durably and take them into the map; `OSError` as it comes."""
        data = b"".join(json.dumps(step).encode() + b"\n" for step in steps)
        while data:
            data = data[os.write(self._descriptor, data) :]
        os.fdatasync(self._descriptor)
        for step in steps:
            self.map.apply(step)

    def close(self) -> None:
        """Let the file go; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _read(file: BinaryIO) -> tuple[DiscMap | None, int]:
    """Return what the lines tell, and where the last one that was believed ends."""
    line = file.readline(MAX_LINE_BYTES)
    end = len(line)
    try:
        header = _object(line)
        if header["version"] != VERSION:
            return None, 0
        size_bytes = _number(header["size_bytes"], 0, 1 << 62)
        known = {int(sector): str(digest) for sector, digest in header["known"]}
    except (KeyError, TypeError, ValueError):
        return None, 0
    disc_map = DiscMap(size_bytes, known)
    while line := file.readline(MAX_LINE_BYTES):
        try:
            step = _object(line)
        except (ValueError, RecursionError):
            break
        try:
            disc_map.apply(step)
        except (TypeError, ValueError):
            return None, 0
        end += len(line)
    return disc_map, end


def _object(line: bytes) -> dict[str, Any]:
    if not line.endswith(b"\n"):
        raise ValueError("a torn line")
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("a line that is no object")
    return value


def _append(runs: deque[Extent], extent: Extent) -> None:
    """Put `extent` behind `runs`, joined to the last one if it follows it."""
    last = runs[-1] if runs else None
    if last is not None and last.offset + last.length == extent.offset:
        runs[-1] = Extent(last.offset, last.length + extent.length)
    else:
        runs.append(extent)


def _number(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"a number out of its bounds: {value!r}"[:100])
    return value


def _extent(value: object, least: int, end: int) -> Extent:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("no offset and length")
    offset = _number(value[0], least, end)
    return Extent(offset, _number(value[1], 1, end - offset))


def _extents(value: object, inside: Extent) -> Iterator[Extent]:
    """Yield the extents of a list, in order and within `inside`."""
    if not isinstance(value, list):
        raise ValueError("no list of extents")
    least = inside.offset
    for one in value:
        extent = _extent(one, least, inside.offset + inside.length)
        least = extent.offset + extent.length
        yield extent
