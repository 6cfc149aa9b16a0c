"""A FAT volume (12, 16 or 32 bits) on an image or device, partitioned or not.

Every number on it is a claim; what cannot be is a finding, and whatever is
still readable stays readable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mediastation.model.finding import error, note
from mediastation.reading.contract import FileIndex, Found, Span
from mediastation.reading.fat_boot import find_lost_volume, find_volume, u16, u32
from mediastation.reading.fat_entries import FatEntry
from mediastation.reading.fat_table import FatTable, check_reserved_entries
from mediastation.reading.fat_tree import FatDirectory, FatWalk
from mediastation.reading.findings import FindingLog
from mediastation.reading.image_base import ImageBase
from mediastation.reading.iso_spans import iter_image_spans
from mediastation.reading.names import folded, split_components, tolerances

_INFORMATION_SIGNATURES = ((0, b"RRaA"), (484, b"rrAa"), (510, b"\x55\xaa"))
_UNKNOWN = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class FsInformation:
    """The FSInfo sector of FAT32: -1 where it does not know."""

    is_valid: bool
    free_clusters: int
    next_cluster: int


class FatVolume(ImageBase):
    """The FAT volume of a device, card, MO disk or image.

    Files are shown under the names that VFAT gives them; a File ID is matched
    by the short name as well, which is what DICOM asks for.

    Parameters
    ----------
    path : Path
        An image file or block device. `MediaError` if there is no FAT volume;
        it says what there is. Otherwise it opens, with findings.
    opener : callable
        How its bytes are reached.

    Attributes
    ----------
    kind : str
        ``"FAT12"``, ``"FAT16"`` or ``"FAT32"``.
    boot : BootSector
        What its boot sector says.
    partition : Partition or None
        Where it lies; None if the whole medium is the volume.
    partitions : tuple of Partition
        All that the partition table names.
    label : str
        The volume label of the root directory.
    information : FsInformation or None
        Of FAT32, as it is recorded.
    has_iso9660 : bool
        Whether a volume descriptor of ISO 9660 lies in front of the partition.
    """

    searches = False
    """Whether a volume is looked for where no partition table leads to one."""

    def _open(self) -> None:
        find = find_lost_volume if self.searches else find_volume
        place = find(self._access, self.name, self._log)
        self._folded: dict[str, str] | None = None
        self.boot, self.partition, self.partitions = place.boot, place.partition, place.partitions
        self.kind = f"FAT{self.boot.kind}"
        self._check_size()
        self._table = FatTable(self._access, self.boot, self._log)
        check_reserved_entries(self._table, self.boot, self._log)
        self.information = self._read_information()
        self._walk_through()
        self.label = self._walk.label
        self.has_iso9660 = (
            self.boot.offset > 17 * 2048 and self._access.try_read_at(16 * 2048 + 1, 5) == b"CD001"
        )
        if self.has_iso9660:
            self._log.add(
                note("other-file-system", self.name,
                     "traces of a disc image lie before the partition; they are not looked at")
            )  # fmt: skip

    def _walk_through(self) -> None:
        """List the files by the table, or by its copy if that leads further."""
        table, boot = self._table, self.boot
        log = FindingLog()
        self._walk = FatWalk(self._access, boot, table, log)
        self._walk.run(self._index)
        if log.total and not self.copies_are_equal:
            for number in range(boot.fats):
                quiet, index = FindingLog(), FileIndex()
                copy = FatTable(self._access, boot, FindingLog(), number)
                walk = FatWalk(self._access, boot, copy, quiet)
                walk.run(index)
                if quiet.total < log.total:
                    self._table, self._walk, self._index, log = copy, walk, index, quiet
        if self._table is not table:
            self._log.add(
                error("fat-copy-used", f"FAT {table.number + 1}",
                      f"leads to less than FAT {self._table.number + 1}, which was followed",
                      "copy what can be read, and have the medium made again",
                      "Microsoft FAT 1.03")
            )  # fmt: skip
        self._log.extend(log)

    @property
    def volume_bytes(self) -> int:
        """Where the volume ends, counted from the beginning of the medium."""
        return self.boot.offset + self.boot.volume_bytes

    @property
    def is_pure(self) -> bool:
        """False: what was deleted, or lay there before it was formatted, stays behind."""
        return False

    @property
    def copies_are_equal(self) -> bool:
        """Whether all FATs say the same."""
        return self._table.differs_at < 0

    @property
    def free_clusters(self) -> int:
        """Clusters that the FAT marks free; -1 where it cannot be read."""
        return self._table.free

    @property
    def bad_clusters(self) -> int:
        """Clusters that the FAT marks bad; -1 where it cannot be read."""
        return self._table.bad

    @property
    def lost_clusters(self) -> int:
        """Clusters in use that belong to no file or directory that was found."""
        return self._table.lost

    @property
    def directories(self) -> tuple[FatDirectory, ...]:
        """The directories, parents first; the root is the first."""
        return tuple(self._walk.directories)

    def iter_entries(self, directory: FatDirectory) -> Iterator[FatEntry]:
        """Yield what is recorded in `directory`; `OSError` where it cannot be read."""
        return self._walk.iter_entries(directory)

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up: as the short names are recorded, as shown, then tolerantly."""
        parts = split_components(components)
        if parts is None:
            return None
        aliases = self._walk.aliases
        alias = aliases.get("/".join(parts)) if len(parts) == len(components) else None
        if alias is not None:
            return Found(self._index.require(alias, self.name))
        found = self._index.find(components)
        if found is not None or not aliases:
            return found
        if self._folded is None:
            self._folded = {}
            for short in aliases:
                self._folded.setdefault("/".join(map(folded, short.split("/"))), short)
        short = self._folded.get("/".join(map(folded, parts)), "")
        if not short:
            return None
        file = self._index.require(aliases[short], self.name)
        return Found(file, tolerances(components, short.split("/")))

    def iter_spans(self) -> Iterator[Span]:
        """Yield the whole image as spans in physical order, without gaps or overlaps."""
        boot = self.boot
        aligned = not boot.data_offset % boot.cluster_bytes
        unit = boot.cluster_bytes if aligned else boot.sector_bytes
        return iter_image_spans(
            self._structures(), self._index, self.size_bytes, self.volume_bytes, unit
        )

    def _structures(self) -> Iterator[tuple[int, int, str]]:
        boot = self.boot
        if self.partition is not None:
            yield 0, 512, "partition table"
            yield 512, boot.offset - 512, "space before the partition"
        yield boot.offset, boot.sector_bytes, "boot sector"
        if boot.kind == 32:
            for at, what in (
                (u16(boot.raw, 48), "FSInfo"),
                (u16(boot.raw, 50), "boot sector copy"),
            ):
                if at > 0 and boot.sector_offset(at + 1) <= boot.fat_offset:
                    yield boot.sector_offset(at), boot.sector_bytes, what
        rest = boot.offset + boot.sector_bytes
        while rest < boot.fat_offset:
            yield rest, boot.sector_bytes, "reserved sectors"
            rest += boot.sector_bytes
        for number in range(boot.fats):
            yield boot.fat_offset + number * boot.fat_bytes, boot.fat_bytes, f"FAT {number + 1}"
        for directory in self._walk.directories:
            for extent in directory.extents:
                yield extent.offset, extent.length, directory.shown
        for cluster in self._table.bad_clusters:
            yield boot.cluster_offset(cluster), boot.cluster_bytes, "bad cluster"

    def _read_information(self) -> FsInformation | None:
        boot = self.boot
        sector = u16(boot.raw, 48) if boot.kind == 32 else 0
        if not 0 < sector < u16(boot.raw, 14):
            return None
        raw = self._access.try_read_at(boot.sector_offset(sector), 512)
        valid = all(raw[at : at + len(mark)] == mark for at, mark in _INFORMATION_SIGNATURES)
        free, following = u32(raw, 488), u32(raw, 492)
        return FsInformation(
            valid,
            -1 if free == _UNKNOWN else free,
            -1 if following == _UNKNOWN else following,
        )

    def _check_size(self) -> None:
        boot, partition = self.boot, self.partition
        if self.volume_bytes > self.size_bytes:
            self._log.add(
                error("truncated-image", self.name,
                      f"the volume ends at byte {self.volume_bytes}, "
                      f"the medium has {self.size_bytes}",
                      "copy it again", "Microsoft FAT 1.03")
            )  # fmt: skip
        elif (
            partition is None and not self.is_device
            and self.size_bytes - self.volume_bytes >= 1 << 20
        ):  # fmt: skip
            beyond = self.size_bytes - self.volume_bytes
            self._log.add(note("trailing-bytes", self.name, f"{beyond} bytes follow it"))
        if partition is not None:
            unit = boot.offset // partition.sector
            if partition.sectors * unit < boot.volume_bytes:
                self._log.add(
                    error("partition-size", "partition table",
                          f"partition {partition.number + 1} has {partition.sectors * unit} bytes, "
                          f"its volume claims {boot.volume_bytes}",
                          "other partitions may be overwritten: have the medium made again")
                )  # fmt: skip


class SearchedFatVolume(FatVolume):
    """A volume in a partition that its table no longer names, found where tools put the first."""

    searches = True
