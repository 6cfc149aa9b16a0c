"""Turn the partition maps of a Logical Volume Descriptor into addresses that can be followed."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

from mediastation.errors import MediaError
from mediastation.model.finding import error, warning
from mediastation.reading.contract import HOLE, Extent
from mediastation.reading.findings import FindingLog
from mediastation.reading.random_access import ExtentStream
from mediastation.reading.udf_partitions import (
    MetadataPartition,
    PlainPartition,
    Run,
    SparablePartition,
    VirtualPartition,
)
from mediastation.reading.udf_recognition import Recognised
from mediastation.reading.udf_space import Content, Entry, UdfSpace
from mediastation.reading.udf_structures import (
    FileType,
    TagId,
    identifier_of,
    read_file_entry,
    read_tagged,
    u16,
    u32,
)

MAX_MAPS = 8
MAX_VAT_BYTES = 64 << 20
_MAX_VAT_CANDIDATES = 64
_VAT_SEARCH_BYTES = 64 << 20
_MAX_SPARING_BYTES = 4 << 20
_AGAIN = "the disc is damaged or was not finished: copy or burn it again"
_KINDS = {
    b"*UDF Virtual Partition": "virtual",
    b"*UDF Sparable Partition": "sparable",
    b"*UDF Metadata Partition": "metadata",
}
_VAT_ID = b"*UDF Virtual Alloc Tbl"


class PartitionMaps:
    """The maps of a volume, entered into `space` one by one; `places` are (offset, length, name).

    `kinds` are theirs in turn: ``"plain"``, ``"virtual"``, ``"sparable"`` or
    ``"metadata"``; `metadata` has the extents of the Metadata File and its
    mirror, as far as their entries can be read.

    `MediaError` where files cannot be reached without a map that is unknown or
    destroyed.
    """

    def __init__(self, space: UdfSpace, volume: Recognised, log: FindingLog) -> None:
        self.places: list[tuple[int, int, str]] = []
        self.kinds: list[str] = []
        self.metadata: list[tuple[Extent, ...]] = []
        self.has_virtual = False
        self.end_sector = 0
        self._space = space
        self._volume = volume
        self._log = log
        for kind, raw in self._iter_maps():
            if kind == 1:
                plain = self._plain(u16(raw, 4))
                space.partitions.append(plain)
                self.kinds.append("plain")
                continue
            plain = self._plain(u16(raw, 38))
            identifier = identifier_of(raw[4:36])
            self.kinds.append(_KINDS.get(identifier, ""))
            if identifier == b"*UDF Virtual Partition":
                self._virtual(plain)
            elif identifier == b"*UDF Sparable Partition":
                space.partitions.append(self._sparable(raw, plain))
            elif identifier == b"*UDF Metadata Partition":
                self._metadata(raw, u16(raw, 38))
            else:
                shown = identifier.decode("latin-1", "replace")
                raise MediaError(
                    f"the UDF file system has an unknown partition map {shown!a}",
                    "try a newer reader",
                )

    def _iter_maps(self) -> Iterator[tuple[int, bytes]]:
        raw = self._volume.logical.raw
        table = raw[440 : 440 + u32(raw, 264)]
        at = 0
        for _ in range(min(u32(raw, 268), MAX_MAPS)):
            kind, length = (*table[at : at + 2], 0, 0)[:2]
            if (kind, length) not in {(1, 6), (2, 64)} or at + length > len(table):
                self._log.add(
                    error("partition-map", "logical volume descriptor",
                          "its partition maps are malformed", _AGAIN, "ECMA-167 3/10.7")
                )  # fmt: skip
                return
            yield kind, table[at : at + length]
            at += length

    def _plain(self, number: int) -> PlainPartition:
        partitions = self._volume.partitions
        descriptor = partitions.get(number)
        if descriptor is None:
            self._log.add(
                error("partition-map", "logical volume descriptor",
                      f"names partition {number}, which has no descriptor", _AGAIN,
                      "ECMA-167 3/10.7")
            )  # fmt: skip
            descriptor = next(iter(partitions.values()))
        raw = descriptor.raw
        plain = PlainPartition(u32(raw, 188), u32(raw, 192))
        self.end_sector = max(self.end_sector, plain.start + plain.length)
        return plain

    def _sparable(self, raw: bytes, below: PlainPartition) -> SparablePartition:
        """Read the newest sparing table that is whole (UDF 2.2.9, 2.2.12)."""
        space, size = self._space, self._space.block_size
        length = min(u32(raw, 44), _MAX_SPARING_BYTES)
        best: tuple[int, dict[int, int]] | None = None
        for number in range(min(raw[42], 4)):
            sector = u32(raw, 48 + 4 * number)
            table = space.access.try_read_at(sector * size, max(length, size))
            found = read_tagged(table, sector)
            if (
                found is None
                or found.identifier != TagId.SPARING_TABLE
                or found.faults
                or identifier_of(table[16:48]) != b"*UDF Sparing Table"
            ):
                self._log.add(
                    error("sparing-table", f"sparing table {number + 1}",
                          f"at sector {sector} is damaged", _AGAIN, "UDF 2.2.12")
                )  # fmt: skip
                continue
            self.places.append((sector * size, len(table), f"sparing table {number + 1}"))
            entries = min(u16(table, 48), (len(table) - 56) // 8)
            moved = {}
            for at in range(56, 56 + 8 * entries, 8):
                origin = u32(table, at)
                if origin < 0xFFFFFFF0:
                    moved[origin] = u32(table, at + 4)
            if best is None or u32(table, 52) >= best[0]:
                best = (u32(table, 52), moved)
        return SparablePartition(below, max(1, u16(raw, 40)), best[1] if best else {})

    def _virtual(self, below: PlainPartition) -> None:
        """Find the Virtual Allocation Table: the last ICB that was written (UDF 2.2.11)."""
        self.has_virtual = True
        space = self._space
        space.partitions.append(below)
        reference = len(space.partitions) - 1
        found = self._last_vat(below, reference)
        if found is None:
            raise MediaError(
                "the UDF file system has no virtual allocation table",
                "the disc was not closed or is cut off: close it, or copy it again",
            )
        content = space.content_of(found, "virtual allocation table")
        raw = self._bytes(content, MAX_VAT_BYTES)
        body = raw[u16(raw, 0) :] if found.entry.file_type == FileType.VAT else raw[:-36]
        table = array("I", body[: len(body) // 4 * 4])
        if sys.byteorder == "big":
            table.byteswap()
        space.partitions[reference] = VirtualPartition(below, table)
        self.places.append((found.offset, found.header_bytes, "virtual allocation table ICB"))
        for extent in content.extents:
            if extent.offset != HOLE:
                self.places.append((extent.offset, extent.length, "virtual allocation table"))
        self.end_sector = found.offset // space.block_size + 1

    def _last_vat(self, below: PlainPartition, reference: int) -> Entry | None:
        space, size = self._space, self._space.block_size
        last = min(space.access.size_bytes // size, below.start + below.length) - 1
        first = max(below.start, last - _VAT_SEARCH_BYTES // size)
        step = (1 << 16) // size
        candidates = 0
        for start in range(last - step + 1, first - step, -step):
            low = max(first, start)
            chunk = space.access.try_read_at(low * size, (start + step - low) * size)
            if not chunk.strip(b"\0"):
                continue
            for at in range(len(chunk) // size - 1, -1, -1):
                raw = chunk[at * size : (at + 1) * size]
                block = low + at - below.start
                tagged = read_tagged(raw, block)
                if tagged is None or tagged.faults:
                    continue
                entry = read_file_entry(tagged)
                if entry is None:
                    continue
                if entry.file_type in {FileType.UNSPECIFIED, FileType.VAT}:
                    candidates += 1
                if candidates > _MAX_VAT_CANDIDATES:
                    return None
                found = Entry(entry, raw, reference, block, (low + at) * size)
                if entry.file_type == FileType.VAT or self._is_old_vat(found):
                    return found
        return None

    def _is_old_vat(self, found: Entry) -> bool:
        """Tell whether a file of no type ends with the identifier of a 1.50 VAT."""
        if found.entry.file_type != FileType.UNSPECIFIED or found.entry.size_bytes < 36:
            return False
        quiet = UdfSpace(self._space.access, self._space.block_size, FindingLog())
        quiet.partitions = self._space.partitions
        content = quiet.content_of(found, "virtual allocation table")
        stream = ExtentStream(self._space.access.read_at, content.extents, content.size_bytes)
        stream.seek(max(0, content.size_bytes - 36))
        return identifier_of(stream.read(32) or bytes(32)) == _VAT_ID

    def _metadata(self, raw: bytes, number: int) -> None:
        """Follow the Metadata File and its mirror (UDF 2.2.10, 2.2.13)."""
        space = self._space
        reference = next(
            (
                index
                for index, partition in enumerate(space.partitions)
                if not isinstance(partition, MetadataPartition)
            ),
            None,
        )
        if reference is None:
            space.partitions.append(self._plain(number))
            reference = 0
        copies: list[MetadataPartition] = []
        spans: set[tuple[int, int]] = set()
        for at, subject, kind in (
            (40, "metadata file", FileType.METADATA),
            (44, "metadata mirror file", FileType.METADATA_MIRROR),
        ):
            found = space.read_entry(reference, u32(raw, at), subject)
            if found is None:
                continue
            if found.entry.file_type != kind:
                self._log.add(
                    warning("metadata-file", subject, f"has file type {found.entry.file_type}",
                            reference="UDF 2.2.13")
                )  # fmt: skip
            self.places.append((found.offset, found.header_bytes, f"{subject} ICB"))
            content = space.content_of(found, subject)
            runs: list[Run] = []
            for extent in content.extents:
                sector = None if extent.offset == HOLE else extent.offset // space.block_size
                runs.append((sector, -(-extent.length // space.block_size)))
                if copies and extent.offset != HOLE and (extent.offset, extent.length) not in spans:
                    self.places.append((extent.offset, extent.length, subject))
                spans.add((extent.offset, extent.length))
            copies.append(MetadataPartition(runs))
            self.metadata.append(tuple(content.extents))
        if not copies:
            raise MediaError(
                "the UDF file system has lost its metadata file and the mirror",
                "the disc is damaged beyond reading: copy or burn it again",
            )
        space.partitions.append(copies[0])
        if len(copies) > 1:
            space.mirrors[len(space.partitions) - 1] = copies[1]

    def _bytes(self, content: Content, limit: int) -> bytes:
        size = min(content.size_bytes, limit)
        stream = ExtentStream(self._space.access.read_at, content.extents, size)
        pieces = []
        while piece := stream.read(1 << 20):
            pieces.append(piece)
        return b"".join(pieces)
