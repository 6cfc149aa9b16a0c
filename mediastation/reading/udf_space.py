"""Read descriptors and the extents of files through the partitions of a UDF volume.

All work that a medium can ask for is paid from one purse: descriptors,
extents and unrecorded bytes are counted over the whole volume, so that loops,
sharing and claims beyond reason end soon, with a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mediastation.errors import MediaError
from mediastation.model.finding import error
from mediastation.reading.contract import HOLE, MAX_FILES, Extent
from mediastation.reading.findings import FindingLog
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.udf_partitions import MetadataPartition, Partition
from mediastation.reading.udf_structures import (
    Allocation,
    Descriptor,
    ExtentKind,
    FileEntry,
    TagId,
    iter_allocations,
    read_file_entry,
    read_long_ad,
    read_tagged,
    u32,
)

MAX_DESCRIPTORS = 3 * MAX_FILES
MAX_PIECES = 4 * MAX_FILES
MAX_EXTENTS = 2 * MAX_FILES
_FREE_WORK = 10_000
MAX_UNREADABLE = 50
"""Descriptors that a drive could not read, each after seconds; then it is given up."""
MAX_ICB_ENTRIES = 100
_WINDOW = 1 << 16
_ENTRIES = (TagId.FILE_ENTRY, TagId.EXTENDED_FILE_ENTRY)
_AGAIN = "the disc is damaged or was not finished: copy or burn it again"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file entry that was found: where, and what it says."""

    entry: FileEntry
    raw: bytes
    partition: int
    block: int
    offset: int

    @property
    def header_bytes(self) -> int:
        """How many of its bytes are structure, and not content recorded inside it."""
        fixed = self.entry.data_at
        return fixed if self.entry.ad_type == 3 else fixed + self.entry.data_length


@dataclass(slots=True)
class Content:
    """Where a file's bytes lie; `blocks` has the first block of each piece by its position."""

    extents: list[Extent] = field(default_factory=list)
    blocks: list[tuple[int, int]] = field(default_factory=list)
    size_bytes: int = 0

    def add(self, offset: int, length: int) -> bool:
        """Append a run; return whether it needed an extent of its own."""
        self.size_bytes += length
        if self.extents:
            last = self.extents[-1]
            joined = offset == HOLE if last.offset == HOLE else last.offset + last.length == offset
            if joined:
                self.extents[-1] = Extent(last.offset, last.length + length)
                return False
        self.extents.append(Extent(offset, length))
        return True


class UdfSpace:
    """The blocks of a volume by partition reference; `mirrors` hold second copies."""

    def __init__(self, access: RandomAccess, block_size: int, log: FindingLog) -> None:
        self.access = access
        self.block_size = block_size
        self.partitions: list[Partition] = []
        self.mirrors: dict[int, MetadataPartition] = {}
        self.continuations: dict[int, None] = {}
        self._log = log
        # A block has room for so many names, each of which costs a descriptor, and for so many
        # allocation descriptors: a small image has no right to much work.
        blocks = access.size_bytes // block_size
        self._descriptors = min(MAX_DESCRIPTORS, _FREE_WORK + blocks * (block_size // 32))
        self._pieces = min(MAX_PIECES, _FREE_WORK + blocks * (block_size // 8))
        self._extents = min(MAX_EXTENTS, _FREE_WORK + blocks * (block_size // 8))
        self._hole_bytes = max(access.size_bytes, 1 << 26)
        self._holes_used = 0
        self._unreadable = 0
        self._window = (-1, b"")

    @property
    def exhausted(self) -> bool:
        """Whether the medium asked for more work than any true one would."""
        return self._descriptors <= 0 or self._pieces <= 0 or self._extents <= 0

    def again(self) -> UdfSpace:
        """Return the same blocks with a full purse, for a second reading; it tells nobody."""
        other = UdfSpace(self.access, self.block_size, FindingLog())
        other.partitions, other.mirrors = self.partitions, self.mirrors
        return other

    def locate(self, partition: int, block: int, *, mirror: bool = False) -> int | None:
        """Return where a block lies on the image, in bytes; None if nowhere."""
        through = self._through(partition, mirror)
        if through is None:
            return None
        sector, _ = next(through.runs(block, 1), (None, 0))
        return None if sector is None else sector * self.block_size

    def read_at(self, offset: int) -> bytes:
        """Return the block at `offset`, fewer bytes at the end; `OSError` if it is damaged."""
        start = offset - offset % _WINDOW
        if self._window[0] != start or _WINDOW % self.block_size:
            try:
                self._window = (start, self.access.read_at(start, _WINDOW))
            except OSError:
                return self.access.read_at(offset, self.block_size)
        inside = offset - start
        return self._window[1][inside : inside + self.block_size]

    def read_descriptor(
        self, partition: int, block: int, expected: tuple[int, ...], subject: str, what: str
    ) -> tuple[Descriptor, int] | None:
        """Read the descriptor in a block, from the mirror if need be, and its place in bytes.

        None, and a finding, if there is no such descriptor. One whose checks
        fail is used where no better copy exists; a finding says so.
        """
        best: tuple[Descriptor, int] | None = None
        fault = "lies outside its partition"
        for mirror in (False, True):
            offset = self.locate(partition, block, mirror=mirror)
            if offset is None or (mirror and best and best[1] == offset):
                continue
            self._descriptors -= 1
            try:
                found = read_tagged(self.read_at(offset), block)
            except OSError:
                self._unreadable += 1
                if self._unreadable > MAX_UNREADABLE:
                    raise MediaError(
                        "the disc has too many unreadable sectors",
                        "clean the disc and try another drive",
                    ) from None
                fault = f"at byte {offset} cannot be read"
                continue
            if found is None or found.identifier not in expected:
                seen = "nothing" if found is None else f"a descriptor {found.identifier}"
                fault = f"is missing: at byte {offset} lies {seen}"
                continue
            if not found.faults:
                if mirror:
                    self._log.add(
                        error("mirror-used", subject, f"its {what} {fault}; read from the mirror",
                              _AGAIN, "UDF 2.2.13")
                    )  # fmt: skip
                return found, offset
            fault = f"at byte {offset} has a wrong {' and '.join(found.faults)}"
            best = best or (found, offset)
        self._log.add(error("descriptor", subject, f"its {what} {fault}", _AGAIN, "ECMA-167 3/7.2"))
        return best

    def read_entry(self, partition: int, block: int, subject: str) -> Entry | None:
        """Read the file entry of an ICB; of strategy 4096, the last one that was written."""
        found = self._entry(partition, block, subject)
        seen = {block}
        for _ in range(MAX_ICB_ENTRIES):
            if found is None or found.entry.strategy != 4096:
                break
            offset = self.locate(found.partition, found.block + 1)
            raw = b"" if offset is None else self._try_read(offset)
            link = read_tagged(raw, found.block + 1)
            if link is None or link.identifier != TagId.INDIRECT_ENTRY or link.faults:
                break
            target = read_long_ad(raw, 36)
            if target.length == 0 or target.block in seen:
                break
            seen.add(target.block)
            offset = self.locate(target.partition or 0, target.block)
            if offset is None or not any(self._try_read(offset)[:16]):
                break  # reserved for the next version, which was never written
            later = self._entry(target.partition or 0, target.block, subject)
            if later is None:
                break
            found = later
        if found is not None and found.entry.strategy not in {4, 4096}:
            self._log.add(
                error("icb-strategy", subject, f"has an ICB of strategy {found.entry.strategy}",
                      reference="UDF 2.3.5.1")
            )  # fmt: skip
        return found

    def content_of(self, found: Entry, subject: str, *, mirror: bool = False) -> Content:
        """Return where the bytes of a file lie; findings say what is missing."""
        entry, content = found.entry, Content()
        if entry.ad_type == 3:
            content.blocks.append((0, found.block))
            length = min(entry.size_bytes, entry.data_length)
            if length:
                self._extents -= content.add(found.offset + entry.data_at, length)
        elif entry.ad_type > 3:
            self._log.add(error("icb-flags", subject, "has allocation descriptors of no known type",
                                reference="ECMA-167 4/14.6.8"))  # fmt: skip
        else:
            for allocation in self._chain(found, subject):
                if content.size_bytes >= entry.size_bytes or self.exhausted:
                    break
                if not self._take(allocation, found, content, subject, mirror):
                    break
        if content.size_bytes < entry.size_bytes:
            self._log.add(
                error("truncated-file", subject,
                      f"only {content.size_bytes} of {entry.size_bytes} bytes have a place",
                      _AGAIN, "ECMA-167 4/12.1")
            )  # fmt: skip
        return content

    def _try_read(self, offset: int) -> bytes:
        return self.access.try_read_at(offset, self.block_size)

    def _entry(self, partition: int, block: int, subject: str) -> Entry | None:
        read = self.read_descriptor(partition, block, _ENTRIES, subject, "file entry")
        if read is None:
            return None
        entry = read_file_entry(read[0])
        if entry is None:
            self._log.add(
                error("descriptor", subject, f"its file entry at byte {read[1]} is malformed",
                      _AGAIN, "ECMA-167 4/14.9")
            )  # fmt: skip
            return None
        return Entry(entry, read[0].raw, partition, block, read[1])

    def _through(self, partition: int, mirror: bool) -> Partition | None:
        if mirror:
            return self.mirrors.get(partition)
        return self.partitions[partition] if 0 <= partition < len(self.partitions) else None

    def _chain(self, found: Entry, subject: str) -> Iterator[Allocation]:
        """Yield the allocation descriptors of a file, those of continuations included."""
        entry = found.entry
        raw = found.raw[entry.data_at : entry.data_at + entry.data_length]
        seen: set[tuple[int, int]] = set()
        home = found.partition
        while True:
            following = None
            for allocation in iter_allocations(raw, entry.ad_type):
                if allocation.kind == ExtentKind.CONTINUED:
                    following = allocation
                    break
                partition = home if allocation.partition is None else allocation.partition
                yield Allocation(allocation.kind, allocation.length, allocation.block, partition)
            if following is None or self.exhausted:
                return
            home = home if following.partition is None else following.partition
            if (home, following.block) in seen:
                self._log.add(
                    error("allocation-loop", subject, "its allocation descriptors lead in a circle",
                          "the disc is damaged or hostile", "ECMA-167 4/14.5")
                )  # fmt: skip
                return
            seen.add((home, following.block))
            read = self.read_descriptor(
                home, following.block, (TagId.ALLOCATION_EXTENT,), subject,
                "continued allocation descriptors",
            )  # fmt: skip
            if read is None:
                return
            self.continuations[read[1]] = None
            body = read[0].raw
            raw = body[24 : 24 + u32(body, 20)]

    def _take(
        self, allocation: Allocation, found: Entry, content: Content, subject: str, mirror: bool
    ) -> bool:
        """Add one allocation to `content`; False where it cannot go on."""
        length = min(allocation.length, found.entry.size_bytes - content.size_bytes)
        partition = allocation.partition or 0
        self._pieces -= 1
        content.blocks.append((content.size_bytes, allocation.block))
        if allocation.kind != ExtentKind.RECORDED:
            if length > self._hole_bytes:
                self._log.add(
                    error("unrecorded", subject, f"claims {length} bytes that were never recorded",
                          "the disc is damaged or hostile")
                )  # fmt: skip
                return False
            self._hole_bytes -= length
            self._holes_used += length
            self._extents -= content.add(HOLE, length)
            return True
        through = self._through(partition, mirror) or self._through(partition, mirror=False)
        if through is None:
            self._log.add(
                error("partition-reference", subject, f"names partition {partition}, which is none",
                      _AGAIN, "ECMA-167 4/7.1")
            )  # fmt: skip
            return False
        for sector, count in through.runs(allocation.block, -(-length // self.block_size)):
            self._pieces -= 1
            if sector is None or self.exhausted:
                return False
            piece = min(length, count * self.block_size)
            if content.size_bytes + piece > self._holes_used + self.access.size_bytes:
                self._log.add(
                    error("overlap", subject, "claims more bytes than the image has", _AGAIN)
                )
                return False
            self._extents -= content.add(sector * self.block_size, piece)
            length -= piece
        return True
