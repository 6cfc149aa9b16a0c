"""Follow the chains of a FAT volume, a window of its table at a time.

A table may have a gibibyte, and each of its entries may lie. Every cluster is
followed once; what comes again is a loop or belongs to two, and is paid from
a purse, so that the work stays in proportion to the volume.
"""

from __future__ import annotations

import sys
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum

from mediastation.errors import MediaError
from mediastation.model.finding import error, warning
from mediastation.reading.contract import MAX_FILES, Extent
from mediastation.reading.fat_boot import FIRST_CLUSTER, BootSector
from mediastation.reading.findings import FindingLog
from mediastation.reading.random_access import RandomAccess

MAX_RUNS = 2 * MAX_FILES
# Small windows, so that a chain that leaps from one to the next costs little; many, so that a
# true volume of some ten gigabytes has its whole table in them.
_WINDOWS = 1 << 12
_WINDOW_ENTRIES = 1 << 10
_SCAN_BYTES = 3 << 18
MAX_UNREADABLE = 50
"""Pieces that a drive could not read, each after seconds; then it is given up."""
_MAX_UNREADABLE_SCANS = 20
_AGAIN = "copy what can be read, and have the medium made again"


class Fault(Enum):
    """How a chain can go wrong; the value says it behind the file's name."""

    LOOP = "chain-loop", "its chain of clusters leads back into itself"
    FREE = "chain-broken", "its chain leads to a cluster that is marked free"
    BAD = "chain-broken", "its chain leads to a cluster that is marked bad"
    OUTSIDE = "chain-broken", "its chain leads outside the volume"
    SHORT = "chain-short", "its chain ends before its size"
    LONG = "chain-long", "its chain goes on behind its size"
    SHREDDED = "chain-runs", "lies in more pieces than are followed"


@dataclass(slots=True)
class Chain:
    """Runs of clusters (the first, and how many); `shared` is the first that has another owner."""

    runs: list[tuple[int, int]] = field(default_factory=list)
    fault: Fault | None = None
    shared: int = 0

    @property
    def clusters(self) -> int:
        """How many there are."""
        return sum(count for _, count in self.runs)

    def extents(self, boot: BootSector, size_bytes: int) -> tuple[Extent, ...]:
        """Return where its first `size_bytes` lie."""
        found = []
        for cluster, count in self.runs:
            length = min(count * boot.cluster_bytes, size_bytes)
            if length <= 0:
                break
            found.append(Extent(boot.cluster_offset(cluster), length))
            size_bytes -= length
        return tuple(found)


class FatTable:
    """The table of `boot`: its copies compared, its entries counted, its chains followed.

    Parameters
    ----------
    access : RandomAccess
        The medium.
    boot : BootSector
        Says where the table lies.
    log : FindingLog
        Takes what is wrong.
    number : int
        The copy that chains are followed by; the active one if negative.

    Attributes
    ----------
    free, bad : int
        Clusters that are marked so; -1 where part of the table is unreadable.
    bad_clusters : list of int
        The first thousand of the bad ones.
    differs_at : int
        First cluster of which the copies tell different things; -1 if none.
    first_entries : tuple of int
        What stands where clusters 0 and 1 would be.
    owned : int
        Clusters that were followed so far.
    number : int
        The copy that chains are followed by.
    """

    def __init__(
        self, access: RandomAccess, boot: BootSector, log: FindingLog, number: int = -1
    ) -> None:
        self._access = access
        self._boot = boot
        self._log = log
        self.number = number if number >= 0 else boot.active_fat
        self._width = boot.kind
        self._mask = 0x0FFFFFFF if boot.kind == 32 else (1 << boot.kind) - 1
        self._end = self._mask & ~7
        self._windows: OrderedDict[int, array[int]] = OrderedDict()
        self._broken: set[int] = set()
        self._seen = bytearray(boot.clusters // 8 + 1)
        self._purse = boot.clusters + (1 << 20)
        self._runs = MAX_RUNS
        self.owned = 0
        self.free = self.bad = 0
        self.bad_clusters: list[int] = []
        self.differs_at = -1
        self._scan()
        self.first_entries = (self._entry(0), self._entry(1))

    @property
    def exhausted(self) -> bool:
        """Whether chains asked for more work than any true medium would."""
        return self._purse <= 0

    @property
    def lost(self) -> int:
        """Clusters in use that no chain has led to; 0 where the table cannot be counted."""
        if self.free < 0:
            return 0
        return max(0, self._boot.clusters - self.free - self.bad - self.owned)

    def is_owned(self, cluster: int) -> bool:
        """Tell whether a chain has led to `cluster`."""
        place = cluster - FIRST_CLUSTER
        return bool(self._seen[place >> 3] & 1 << (place & 7))

    def follow(self, first: int, most: int) -> Chain:
        """Return the chain from cluster `first`, at most `most` clusters of it.

        `Chain.fault` says why it is not longer, or that it would be; a chain
        that ends earlier than `most` is no fault here.
        """
        chain = Chain()
        seen, limit, end = self._seen, self._boot.clusters + FIRST_CLUSTER, self._end
        cluster, left, start, count = first, most, first, 0
        base, stop, window = 0, 0, array("I")
        while True:
            if not FIRST_CLUSTER <= cluster < limit:
                chain.fault = self._misled(cluster)
                break
            if not left:
                chain.fault = Fault.LONG
                break
            place = cluster - FIRST_CLUSTER
            bit = 1 << (place & 7)
            if seen[place >> 3] & bit:
                self._purse -= 1 + len(chain.runs)
                if _holds(chain.runs, cluster) or start <= cluster < start + count:
                    chain.fault = Fault.LOOP
                    break
                if self._purse <= 0:
                    chain.fault = Fault.SHREDDED
                    break
                chain.shared = chain.shared or cluster
            else:
                seen[place >> 3] |= bit
                self.owned += 1
            if cluster != start + count:
                chain.runs.append((start, count))
                self._runs -= 1
                if self._runs < 0:
                    chain.fault, count = Fault.SHREDDED, 0
                    break
                start, count = cluster, 0
            count += 1
            left -= 1
            if not base <= cluster < stop:
                base = cluster - cluster % _WINDOW_ENTRIES
                stop = base + _WINDOW_ENTRIES
                window = self._window(base // _WINDOW_ENTRIES)
            cluster = window[cluster - base]
            if cluster >= end:
                break
        if count:
            chain.runs.append((start, count))
            self._runs -= 1
        return chain

    def _misled(self, value: int) -> Fault:
        if value == 0:
            return Fault.FREE
        return Fault.BAD if value == self._mask & ~8 else Fault.OUTSIDE

    def _entry(self, cluster: int) -> int:
        return self._window(cluster // _WINDOW_ENTRIES)[cluster % _WINDOW_ENTRIES]

    def _window(self, number: int) -> array[int]:
        known = self._windows.get(number)
        if known is not None:
            self._windows.move_to_end(number)
            return known
        length = _WINDOW_ENTRIES * self._width // 8
        at = number * length
        raw = self._read(at, min(length, self._boot.fat_bytes - at), number)
        found = self._decoded(raw.ljust(length, b"\0"))
        self._windows[number] = found
        if len(self._windows) > _WINDOWS:
            self._windows.popitem(last=False)
        return found

    def _read(self, at: int, length: int, window: int) -> bytes:
        """Read a part of the table, from another copy if it must be."""
        boot = self._boot
        order = [self.number, *(n for n in range(boot.fats) if n != self.number)]
        best = b""
        for number in order if boot.is_mirrored else order[:1]:
            raw = self._access.try_read_at(boot.fat_offset + number * boot.fat_bytes + at, length)
            if len(raw) == length:
                if number != self.number and window not in self._broken:
                    self._broken.add(window)
                    self._log.add(
                        error("fat-copy-used", f"FAT {self.number + 1}",
                              f"cannot be read at its byte {at}; read from FAT {number + 1}",
                              _AGAIN)
                    )  # fmt: skip
                return raw
            best = max(best, raw, key=len)
        if window not in self._broken:
            self._broken.add(window)
            require_readable(len(self._broken))
            self._log.add(
                error("unreadable", f"FAT {self.number + 1}",
                      f"cannot be read at its byte {at + len(best)}", _AGAIN)
            )  # fmt: skip
        return best

    def _decoded(self, raw: bytes) -> array[int]:
        if self._width == 12:
            found = array("I")
            for at in range(0, len(raw) - 2, 3):
                three = int.from_bytes(raw[at : at + 3], "little")
                found.append(three & 0xFFF)
                found.append(three >> 12)
            return found
        if self._width == 32:
            mask = int.from_bytes(b"\xff\xff\xff\x0f" * (len(raw) // 4), "little")
            raw = (int.from_bytes(raw, "little") & mask).to_bytes(len(raw), "little")
        found = array("H" if self._width == 16 else "I", raw)
        if sys.byteorder == "big":
            found.byteswap()
        return found

    def _scan(self) -> None:
        """Compare the copies and count what is free and bad, a piece at a time."""
        boot = self._boot
        used = -((boot.clusters + FIRST_CLUSTER) * self._width // -8)
        others = [n for n in range(boot.fats) if n != self.number] if boot.is_mirrored else []
        unreadable, cluster = 0, 0
        for at in range(0, used, _SCAN_BYTES):
            length = min(_SCAN_BYTES, used - at)
            raw = self._part(self.number, at, length)
            for number in others:
                copy = self._part(number, at, length)
                if len(raw) == len(copy) == length and raw != copy and self.differs_at < 0:
                    self._differ(number, at, raw, copy)
                unreadable += len(copy) < length
            unreadable += len(raw) < length
            if unreadable:
                self.free = self.bad = -1
            if unreadable > _MAX_UNREADABLE_SCANS:
                break
            if self.free >= 0:
                cluster += self._count(raw, cluster)

    def _part(self, number: int, at: int, length: int) -> bytes:
        boot = self._boot
        return self._access.try_read_at(boot.fat_offset + number * boot.fat_bytes + at, length)

    def _differ(self, number: int, at: int, raw: bytes, copy: bytes) -> None:
        pairs = enumerate(zip(raw, copy, strict=True))
        first, bits = next((i, one ^ other) for i, (one, other) in pairs if one != other)
        lowest = (bits & -bits).bit_length() - 1
        self.differs_at = ((at + first) * 8 + lowest) // self._width
        self._log.add(
            error("fat-copies", f"FAT {number + 1}",
                  f"differs from FAT {self.number + 1}, first at the entry of cluster "
                  f"{self.differs_at}",
                  "the medium was damaged or pulled while it was written: have it made again",
                  "Microsoft FAT 1.03")
        )  # fmt: skip

    def _count(self, raw: bytes, cluster: int) -> int:
        """Count the entries of `raw`, the first of which is that of `cluster`; return how many."""
        boot = self._boot
        entries = self._decoded(raw.ljust(-(len(raw) // -12) * 12, b"\0"))
        del entries[boot.clusters + FIRST_CLUSTER - cluster :]
        whole = len(entries)
        if cluster == 0:
            entries[0] = entries[1] = 1
        self.free += entries.count(0)
        marker = self._mask & ~8
        bad = entries.count(marker)
        self.bad += bad
        at = -1
        while bad and len(self.bad_clusters) < 1000:
            at = entries.index(marker, at + 1)
            self.bad_clusters.append(cluster + at)
            bad -= 1
        return whole


def require_readable(faults: int) -> None:
    """Raise `MediaError` where so many pieces could not be read that asking on is no use."""
    if faults > MAX_UNREADABLE:
        raise MediaError("the medium has too many unreadable sectors", "try another drive or port")


def check_reserved_entries(table: FatTable, boot: BootSector, log: FindingLog) -> None:
    """Hold the table's first two entries and the boot sector's state against a clean volume."""
    media, state = table.first_entries
    if media & 0xFF != boot.media_byte:
        log.add(
            warning("fat-media", "FAT 1",
                    f"begins with {media & 0xFF:02X}H, the boot sector says "
                    f"{boot.media_byte:02X}H", "", "Microsoft FAT 1.03")
        )  # fmt: skip
    clean, sound = {12: (0, 0), 16: (0x8000, 0x4000), 32: (0x08000000, 0x04000000)}[boot.kind]
    if boot.state & 1 or state & clean != clean:
        log.add(
            warning("dirty-volume", "FAT 1", "the volume was not let go properly",
                    "files may be missing: compare with what was written", "Microsoft FAT 1.03")
        )  # fmt: skip
    if boot.state & 2 or state & sound != sound:
        log.add(
            warning("dirty-volume", "FAT 1", "a system met errors while it read or wrote it",
                    "copy what can be read, and use another medium", "Microsoft FAT 1.03")
        )  # fmt: skip


def _holds(runs: list[tuple[int, int]], cluster: int) -> bool:
    return any(first <= cluster < first + count for first, count in runs)
