"""A UDF image or disc (revisions 1.02 to 2.60), read from its anchors on.

Where main structures are damaged, reserve sequence and metadata mirror are
used and a finding says so. Every number on the image is a claim; what cannot
be is a finding, and whatever is still readable stays readable.
"""

from __future__ import annotations

from collections.abc import Iterator

from mediastation.model.finding import error, note, warning
from mediastation.reading.contract import Span
from mediastation.reading.image_base import ImageBase
from mediastation.reading.iso_spans import iter_image_spans
from mediastation.reading.udf_maps import PartitionMaps
from mediastation.reading.udf_recognition import VRS_SECTOR, recognise
from mediastation.reading.udf_space import UdfSpace
from mediastation.reading.udf_structures import (
    LENGTH_MASK,
    Descriptor,
    TagId,
    dstring,
    read_long_ad,
    read_tagged,
    u16,
    u32,
)
from mediastation.reading.udf_tree import UdfDirectory, UdfName, UdfWalk

_MAX_FILE_SETS = 64
_MAX_INTEGRITY = 1024
_READ_ONLY = 1
_REVISIONS = {0x0100, 0x0101, 0x0102, 0x0150, 0x0200, 0x0201, 0x0250, 0x0260}


class UdfVolume(ImageBase):
    """The File Set of a UDF volume; of a bridge disc, its UDF side.

    Parameters
    ----------
    path, opener
        See `ImageBase`. `MediaError` if it holds no UDF file system, or one
        that is damaged beyond reading; otherwise it opens, with findings.

    Attributes
    ----------
    revision : int
        As the domain's suffix has it: 0x0102 for 1.02.
    recognised : Recognised
        Anchors and Volume Descriptor Sequences.
    integrity : Descriptor or None
        The prevailing Logical Volume Integrity Descriptor.
    file_sets : list of Descriptor
        The File Set Descriptors, in the order of their sequence.
    partition_kinds : tuple of str
        What each partition map is: ``"plain"``, ``"virtual"``, ``"sparable"``
        or ``"metadata"``.
    metadata_copies : tuple of tuple of Extent
        Where the Metadata File and its mirror lie, as far as that is told.
    """

    def _open(self) -> None:
        self._places: list[tuple[int, int, str]] = []
        volume = recognise(self._access, self.name, self._log)
        self.block_size = volume.block_size
        self.has_iso9660 = volume.has_iso9660
        self.recognised = volume
        for sector, name in volume.places:
            self._places.append((sector * self.block_size, self.block_size, name))
        for offset in volume.recognition:
            self._places.append((offset, VRS_SECTOR, "volume recognition sequence"))
        self._read_identity(volume.primary, volume.logical)
        access_types = {u32(partition.raw, 184) for partition in volume.partitions.values()}
        self.is_read_only = access_types == {_READ_ONLY}
        space = UdfSpace(self._access, self.block_size, self._log)
        maps = PartitionMaps(space, volume, self._log)
        self._end_sector = maps.end_sector
        self.partition_kinds = tuple(maps.kinds)
        self.metadata_copies = tuple(maps.metadata)
        self._read_integrity(volume.logical.raw, virtual=maps.has_virtual)
        self._add_space_maps(list(volume.partitions.values()))
        self._walk = UdfWalk(space, self._log)
        self._read_file_set(space, volume.logical.raw)
        self._places.extend(maps.places)
        self._check_size(virtual=maps.has_virtual)

    @property
    def volume_bytes(self) -> int:
        """Where the last structure or partition ends."""
        ends = [offset + length for offset, length, _ in self._places]
        return max(self._end_sector * self.block_size, *ends)

    @property
    def is_pure(self) -> bool:
        """Whether the spans name everything that can own bytes.

        False beside ISO 9660, where the medium can be rewritten (what was
        deleted stays behind), and where there are streams or links.
        """
        return self.is_read_only and not self.has_iso9660 and self._walk.is_plain

    @property
    def directories(self) -> tuple[UdfDirectory, ...]:
        """The directories, parents first; the root is the first."""
        return tuple(self._walk.directories)

    def iter_names(self) -> Iterator[UdfName]:
        """Read again what the directories name, one after the other, with the file entries."""
        return self._walk.iter_names()

    def iter_spans(self) -> Iterator[Span]:
        """Yield the whole image as spans in physical order, without gaps or overlaps."""
        return iter_image_spans(
            self._structures(), self._index, self.size_bytes, self.volume_bytes, self.block_size
        )

    def _structures(self) -> Iterator[tuple[int, int, str]]:
        yield 0, 16 * VRS_SECTOR, "system area"
        yield from self._places
        yield from self._walk.structures()

    def _read_identity(self, primary: Descriptor | None, logical: Descriptor) -> None:
        raw = logical.raw
        self.revision = u16(raw, 240)
        self.logical_volume_identifier = dstring(raw[84:212])
        self.volume_identifier = dstring(primary.raw[24:56]) if primary else ""
        self.interchange_levels = (
            (u16(primary.raw, 60), u16(primary.raw, 62)) if primary else (0, 0)
        )
        if u32(raw, 212) != self.block_size:
            self._log.add(
                error("block-size", "logical volume descriptor",
                      f"logical block size is {u32(raw, 212)}; read as {self.block_size}",
                      reference="UDF 2.2.4.2")
            )  # fmt: skip
        if raw[217:240].rstrip(b"\0") != b"*OSTA UDF Compliant" or self.revision not in _REVISIONS:
            self._log.add(
                error("udf-revision", "logical volume descriptor",
                      f"names no known domain and revision ({self.revision:#06x})",
                      "other readers may refuse the disc", "UDF 2.2.4.3")
            )  # fmt: skip
        if primary and (u16(primary.raw, 56), u16(primary.raw, 58)) not in {(1, 1), (0, 1), (1, 0)}:
            self._log.add(
                warning("volume-set", "primary volume descriptor",
                        "the volume says that it is one of several")
            )  # fmt: skip

    def _read_integrity(self, logical: bytes, *, virtual: bool) -> None:
        """Read the Logical Volume Integrity Descriptors; the last one prevails."""
        length, sector = u32(logical, 432), u32(logical, 436)
        last: Descriptor | None = None
        seen: set[int] = set()
        for _ in range(_MAX_INTEGRITY):
            if length < self.block_size or sector in seen:
                break
            seen.add(sector)
            raw = self._access.try_read_at(sector * self.block_size, self.block_size)
            found = read_tagged(raw, sector)
            if found is None or found.identifier not in {TagId.INTEGRITY, TagId.TERMINATOR}:
                break
            name = "logical volume integrity descriptor"
            self._places.append((sector * self.block_size, self.block_size, name))
            if found.identifier == TagId.TERMINATOR:
                break
            last = found
            if u32(raw, 32) and not found.faults:
                length, sector = u32(raw, 32), u32(raw, 36)
            else:
                length, sector = length - self.block_size, sector + 1
        self.integrity = last
        subject = "logical volume integrity descriptor"
        if last is None or last.faults:
            fault = f"has a wrong {' and '.join(last.faults)}" if last else "is missing"
            self._log.add(
                error("integrity", subject, fault, "strict readers mount it for reading at most",
                      "ECMA-167 3/10.10")
            )  # fmt: skip
        elif u32(last.raw, 28) != 1 and not virtual:
            self._log.add(
                warning("integrity", subject, "the volume was not closed",
                        "files may be missing: compare with what was written", "UDF 2.2.6.2")
            )  # fmt: skip

    def _add_space_maps(self, partitions: list[Descriptor]) -> None:
        """Note where the tables and bitmaps of free space lie (ECMA-167, 4/14.3)."""
        for partition in partitions:
            start, contents = u32(partition.raw, 188), partition.raw[56:184]
            for at in (0, 8, 24, 32):
                length, block = u32(contents, at) & LENGTH_MASK, u32(contents, at + 4)
                offset = (start + block) * self.block_size
                if length and offset + length <= self._access.size_bytes:
                    self._places.append((offset, length, "space map"))

    def _read_file_set(self, space: UdfSpace, logical: bytes) -> None:
        """Find the prevailing File Set Descriptor and walk from its root."""
        at = read_long_ad(logical, 248)
        reference = at.partition or 0
        best: Descriptor | None = None
        self.file_sets: list[Descriptor] = []
        block, left = at.block, max(1, at.length // self.block_size)
        seen: set[tuple[int, int]] = set()
        several = False
        expected = (TagId.FILE_SET, TagId.TERMINATOR)
        while left > 0 and len(seen) < _MAX_FILE_SETS and (reference, block) not in seen:
            seen.add((reference, block))
            if best is not None and self._is_unrecorded(space, reference, block):
                break
            read = space.read_descriptor(
                reference, block, expected, "file set descriptor sequence", "descriptor"
            )
            if read is None or read[0].identifier == TagId.TERMINATOR:
                if read is not None:
                    self._places.append((read[1], self.block_size, "terminating descriptor"))
                break
            found, offset = read
            self._places.append((offset, self.block_size, "file set descriptor"))
            self.file_sets.append(found)
            several = several or (best is not None and u32(best.raw, 40) != u32(found.raw, 40))
            if best is None or (u32(found.raw, 40), -u32(found.raw, 44)) <= (
                u32(best.raw, 40),
                -u32(best.raw, 44),
            ):
                best = found
            following = read_long_ad(found.raw, 448)
            if following.length:
                reference, block = following.partition or 0, following.block
                left = following.length // self.block_size
            else:
                block, left = block + 1, left - 1
        if best is None:
            self._log.add(
                error("file-set", self.name, "has no file set descriptor: no file can be reached",
                      "copy or burn it again", "ECMA-167 4/8.3")
            )  # fmt: skip
            return
        if several:
            self._log.add(
                warning("file-set", self.name, "has several UDF file sets; read the first",
                        reference="PS3.12 Annexes J, P, X")
            )  # fmt: skip
        self._walk.run(read_long_ad(best.raw, 400), self._index)

    def _is_unrecorded(self, space: UdfSpace, reference: int, block: int) -> bool:
        offset = space.locate(reference, block)
        return offset is None or not any(self._access.try_read_at(offset, 16))

    def _check_size(self, *, virtual: bool) -> None:
        claimed = self.volume_bytes
        if claimed > self.size_bytes and not virtual:
            self._log.add(
                error("truncated-image", self.name,
                      f"the volume has {claimed} bytes, the image only {self.size_bytes}",
                      "copy or burn it again", "ECMA-167 3/10.5")
            )  # fmt: skip
        elif not self.is_device and self.size_bytes - claimed >= 1 << 20:
            self._log.add(
                note("trailing-bytes", self.name, f"{self.size_bytes - claimed} bytes follow it")
            )
