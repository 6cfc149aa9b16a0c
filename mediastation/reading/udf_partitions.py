"""From the block numbers of UDF partitions to sectors of the image.

A partition map is one of four: blocks in a row; blocks in a row with packets
moved elsewhere (sparing); blocks found through a table (VAT); the blocks of a
Metadata File. All of them answer with runs of sectors, and with None where a
block has no place.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Run = tuple[int | None, int]
"""First sector on the image, or None, and the number of blocks."""


class Partition(Protocol):
    """What a partition reference number stands for."""

    def runs(self, block: int, count: int) -> Iterator[Run]:
        """Yield where `count` blocks from `block` on lie, in order; no run has 0 blocks."""


@dataclass(frozen=True, slots=True)
class PlainPartition:
    """A type 1 map: `length` blocks from sector `start` on."""

    start: int
    length: int

    def runs(self, block: int, count: int) -> Iterator[Run]:
        """Yield one run, and None for what lies beyond the partition."""
        inside = max(0, min(count, self.length - block))
        if inside:
            yield self.start + block, inside
        if inside < count:
            yield None, count - inside


class SparablePartition:
    """A sparable map (UDF 2.2.9): packets that went bad lie at other sectors."""

    def __init__(self, below: PlainPartition, packet_blocks: int, moved: Mapping[int, int]) -> None:
        self._below = below
        self._packet = packet_blocks
        self._origins = sorted(moved)
        self._moved = dict(moved)

    def runs(self, block: int, count: int) -> Iterator[Run]:
        """Yield runs that end where a moved packet begins or ends."""
        end = block + count
        at = max(0, bisect_right(self._origins, block) - 1)
        while block < end:
            while at < len(self._origins) and self._origins[at] + self._packet <= block:
                at += 1
            if at == len(self._origins) or self._origins[at] >= end:
                yield from self._below.runs(block, end - block)
                return
            origin = self._origins[at]
            if block < origin:
                yield from self._below.runs(block, origin - block)
                block = origin
            stop = min(end, origin + self._packet)
            yield self._moved[origin] + block - origin, stop - block
            block = stop


@dataclass(frozen=True, slots=True)
class VirtualPartition:
    """A virtual map (UDF 2.2.8, 2.2.11): the VAT has each block's place in `below`."""

    below: Partition
    table: array[int]

    def runs(self, block: int, count: int) -> Iterator[Run]:
        """Yield each block alone; the table may send any of them anywhere."""
        inside = max(0, min(count, len(self.table) - block))
        for number in self.table[block : block + inside]:
            if number == 0xFFFFFFFF:
                yield None, 1
            else:
                yield from self.below.runs(number, 1)
        if inside < count:
            yield None, count - inside


class MetadataPartition:
    """A metadata map (UDF 2.2.10): block k is block k of the Metadata File."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = list(runs)
        self._starts: list[int] = []
        self.blocks = 0
        for _, count in runs:
            self._starts.append(self.blocks)
            self.blocks += count

    def runs(self, block: int, count: int) -> Iterator[Run]:
        """Yield the pieces of the file's extents."""
        at = bisect_left(self._starts, block + 1) - 1
        while count > 0 and 0 <= at < len(self._runs) and block < self.blocks:
            sector, length = self._runs[at]
            inside = block - self._starts[at]
            piece = min(count, length - inside)
            yield (None if sector is None else sector + inside), piece
            block, count, at = block + piece, count - piece, at + 1
        if count > 0:
            yield None, count
