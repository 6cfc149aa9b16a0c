"""Where everything goes on a FAT volume: decided from names and sizes, nothing is opened.

::

    partition table · boot sector (reserved sectors) · FAT 1 · FAT 2 · root directory (FAT16)
    clusters: root directory (FAT32), directories, files, free ones

Directories lie before all files, parents before children, and every chain is
one run: a drive reads the medium from front to end.

What is needed, and how large the image becomes::

    needed   = [FAT32: root] + directories + [1 if unpartitioned with 512-byte sectors] + files
               a file:      ceil(size / cluster_bytes), none if it is empty
               a directory: ceil(32 * (children + 2) / cluster_bytes); the root of FAT32
                            max(1, ceil(32 * (children + 1 if there is a label) / cluster_bytes))
    clusters = max(needed, `fewest_clusters`), or what `capacity_bytes` holds
    fat      = ceil((clusters + 2) * (2 or 4) / sector_bytes) sectors, twice
    head     = (1 or 32) + 2 * fat + (16384 / sector_bytes or 0) sectors
    size     = partitioned: the next MiB behind (64 + head) sectors, + clusters * cluster_bytes;
               else head and clusters, to the next 2048 bytes

Which `cluster_bytes`: the smallest that the shape allows and of which
`most_clusters` are enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType

from mediastation.errors import RefusedError
from mediastation.media.fat_names import ROOT_ENTRIES
from mediastation.media.level1 import SECTOR_BYTES, MediumFile, parents_of
from mediastation.model.finding import error

FAT16, FAT32 = "fat16", "fat32"
ENTRY_BYTES = 32
FIRST_CLUSTER = 2

_ALIGNED_BYTES = 1 << 20
_FIRST_SECTOR = 64
_FAT32_RESERVED = 32
_MOST_SECTORS = 2**32 - 1
_MOST_WIDE_TOTAL = 2**16
# Drivers disagree by up to 16 on where FAT16 ends and FAT32 begins (Microsoft FAT 1.03).
_FEWEST = {FAT16: 4085 + 16, FAT32: 65525 + 16}
_MOST_FAT16 = 65524 - 16
_MOST_FAT32 = {2048: 1 << 18, 4096: 1 << 21, 8192: 1 << 21, 16384: 1 << 21}


@dataclass(frozen=True, slots=True)
class Shape:
    """What an annex of PS3.12 says of the volume besides its file system.

    Parameters
    ----------
    sector_bytes : int
        Bytes per sector.
    sectors_per_cluster : tuple of int
        What is allowed, the smallest first; clusters of 2048 bytes at least,
        for no sector of that size may belong to two of them.
    partitioned : bool
        Whether a partition table with one partition lies in front.
    sectors_per_track, heads : int
        Nominal only.
    """

    sector_bytes: int
    sectors_per_cluster: tuple[int, ...]
    partitioned: bool
    sectors_per_track: int
    heads: int

    def __post_init__(self) -> None:
        if self.sector_bytes * min(self.sectors_per_cluster) < SECTOR_BYTES:
            raise ValueError("clusters have 2048 bytes at least")


class VolumeTooSmallError(RefusedError):
    """More is to lie on a volume than it can hold; `excess_bytes` more, in whole clusters."""

    def __init__(self, message: str, hint: str, excess_bytes: int) -> None:
        found = error("fat-volume-size", "", message, hint, "Microsoft FAT 1.03")
        super().__init__(f"{message} No image was made.", [found])
        self.excess_bytes = excess_bytes


CARD = Shape(512, (4, 8, 16, 32, 64), True, 63, 255)
"""USB devices and cards (PS3.12 R to U). Clusters above 32 KiB are not read everywhere."""
MOD41 = Shape(512, (64, 128), False, 62, 1)
"""PS3.12 Annex M."""
MOD23 = Shape(2048, (8, 16, 32, 64), False, 25, 1)
"""PS3.12 Annex Q."""
SHAPES = MappingProxyType(
    {"USB": CARD, "CF": CARD, "MMC": CARD, "SD": CARD, "MOD41": MOD41, "MOD23": MOD23}
)
"""By the name of the medium."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """The volume around its files: sectors of `shape`, counted from the image's first."""

    kind: str
    shape: Shape
    sectors_per_cluster: int
    clusters: int
    fat_sectors: int
    start: int

    @property
    def cluster_bytes(self) -> int:
        """Bytes of a cluster."""
        return self.sectors_per_cluster * self.shape.sector_bytes

    @property
    def reserved(self) -> int:
        """Sectors in front of the first FAT."""
        return 1 if self.kind == FAT16 else _FAT32_RESERVED

    @property
    def root_sectors(self) -> int:
        """Sectors of the root directory where it is no chain of clusters."""
        return ROOT_ENTRIES * ENTRY_BYTES // self.shape.sector_bytes if self.kind == FAT16 else 0

    @property
    def head_sectors(self) -> int:
        """Sectors of the volume in front of its clusters."""
        return self.reserved + 2 * self.fat_sectors + self.root_sectors

    @property
    def data_offset(self) -> int:
        """Where the first cluster lies, in bytes."""
        return (self.start + self.head_sectors) * self.shape.sector_bytes

    @property
    def total_sectors(self) -> int:
        """Sectors of the volume."""
        return self.size_bytes // self.shape.sector_bytes - self.start

    @property
    def size_bytes(self) -> int:
        """Size of the image."""
        end = self.data_offset + self.clusters * self.cluster_bytes
        return _up(end, SECTOR_BYTES)

    @property
    def gap_clusters(self) -> int:
        """Clusters left free between directories and files.

        Structure is proved by sectors of 2048 bytes. Where clusters do not
        begin at one, no sector shall hold structure and the front of a file.
        """
        return 0 if self.shape.partitioned or self.shape.sector_bytes == SECTOR_BYTES else 1


@dataclass(slots=True)
class Directory:
    """One directory: where its chain lies and where those of its files begin.

    `clusters` is 0 for the root of FAT16. `file_cluster` is that of its first
    file that is not empty; the others follow in the order of their names.
    """

    path: str
    parent: Directory | None
    files: list[MediumFile] = field(default_factory=list)
    children: list[Directory] = field(default_factory=list)
    first_cluster: int = 0
    clusters: int = 0
    file_cluster: int = 0

    @property
    def name(self) -> str:
        """The last component; empty for the root."""
        return self.path.rpartition("/")[2]

    def size_bytes(self, *, label: bool) -> int:
        """Return what its entries take; the root's `label` is one, ``.`` and ``..`` are two."""
        own = label if self.parent is None else 2
        return (len(self.files) + len(self.children) + own) * ENTRY_BYTES


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes; `used_clusters` has those of directories and files alone."""

    geometry: Geometry
    directories: tuple[Directory, ...]
    directory_clusters: int
    used_clusters: int
    end_cluster: int

    def chains(self) -> Iterator[tuple[int, int]]:
        """Yield first cluster and length of each chain, in the order in which they lie."""
        for directory in self.directories:
            if directory.clusters:
                yield directory.first_cluster, directory.clusters
        for directory in self.directories:
            for _, first, count in self.placed_files(directory):
                if count:
                    yield first, count

    def placed_files(self, directory: Directory) -> Iterator[tuple[MediumFile, int, int]]:
        """Yield each file of `directory`, its first cluster (0 if empty) and how many it has."""
        cluster = directory.file_cluster
        for file in directory.files:
            count = _count(file.size_bytes, self.geometry.cluster_bytes)
            yield file, cluster if count else 0, count
            cluster += count


def most_clusters(kind: str, shape: Shape, cluster_bytes: int) -> int:
    """Return how many clusters a volume may have before the next larger size is taken."""
    if kind == FAT16:
        return _MOST_FAT16
    # What the FATs and the partition's beginning take is less than the clusters left out here.
    room = _MOST_SECTORS * shape.sector_bytes // cluster_bytes - (1 << 16)
    return _MOST_FAT32.get(cluster_bytes, room)


def fewest_clusters(kind: str, shape: Shape, cluster_bytes: int) -> int:
    """Return how many clusters a volume has at least.

    Below them it would be of another kind of FAT. Besides, it has 65,536
    sectors, so that their number stands where PS3.12 A.2 wants it (bytes 32
    to 35) and no other specification wants it in the 16 bits at byte 19.
    """
    return max(_FEWEST[kind], -(_MOST_WIDE_TOTAL * shape.sector_bytes // -cluster_bytes))


def geometry_of(kind: str, shape: Shape, cluster_bytes: int, clusters: int) -> Geometry:
    """Return the volume that has so many clusters.

    Where there is a partition, it begins so that the clusters do at a whole
    MiB, as on cards from the shop: flash is erased in such units.
    """
    width = 2 if kind == FAT16 else 4
    per_cluster = cluster_bytes // shape.sector_bytes
    fat = -((clusters + FIRST_CLUSTER) * width // -shape.sector_bytes)
    found = Geometry(kind, shape, per_cluster, clusters, fat, 0)
    if not shape.partitioned:
        return found
    head = found.head_sectors
    data = _up((_FIRST_SECTOR + head) * shape.sector_bytes, _ALIGNED_BYTES) // shape.sector_bytes
    return Geometry(kind, shape, per_cluster, clusters, fat, data - head)


def plan_geometry(kind: str, shape: Shape, capacity_bytes: int) -> Geometry:
    """Return the volume that fills a medium of `capacity_bytes`.

    Less than a cluster is left over, or less than a MiB of a partition; or
    what FAT16 cannot reach: its largest volume has 2 GiB with the clusters
    that are written here.

    Raises
    ------
    VolumeTooSmallError
        If the medium is too small for this kind of FAT (``"fat-volume-size"``).
    """
    whole = capacity_bytes // SECTOR_BYTES * SECTOR_BYTES
    found: Geometry | None = None
    for per_cluster in shape.sectors_per_cluster:
        cluster_bytes = per_cluster * shape.sector_bytes
        most = most_clusters(kind, shape, cluster_bytes)
        clusters = _filling(kind, shape, cluster_bytes, whole)
        if clusters < fewest_clusters(kind, shape, cluster_bytes):
            break
        found = geometry_of(kind, shape, cluster_bytes, min(clusters, most))
        if clusters <= most:
            break
    if found is None:
        least = min(_smallest(kind, shape, 0).size_bytes, 1 << 40)
        message = f"{capacity_bytes:,} bytes; a volume with {kind.upper()} has at least {least:,}."
        hint = "Use a larger medium, or FAT16." if kind == FAT32 else "Use a larger medium."
        raise VolumeTooSmallError(message, hint, least - capacity_bytes)
    return found


def _filling(kind: str, shape: Shape, cluster_bytes: int, whole: int) -> int:
    """Return how many clusters `whole` bytes hold together with the FATs of so many."""
    clusters = whole // cluster_bytes
    while True:
        in_front = geometry_of(kind, shape, cluster_bytes, clusters).data_offset
        fitting = max(0, (whole - in_front) // cluster_bytes)
        if fitting >= clusters:
            break
        clusters = fitting
    # Fewer clusters had smaller FATs, whose room is another few.
    while geometry_of(kind, shape, cluster_bytes, clusters + 1).size_bytes <= whole:
        clusters += 1
    return clusters


def largest_volume_bytes(kind: str, shape: Shape) -> int:
    """Return the size of the largest volume of this kind that is written."""
    cluster_bytes = shape.sectors_per_cluster[-1] * shape.sector_bytes
    most = most_clusters(kind, shape, cluster_bytes)
    return geometry_of(kind, shape, cluster_bytes, most).size_bytes


def plan_layout(
    files: Iterable[MediumFile],
    kind: str,
    shape: Shape = CARD,
    *,
    label: bool = False,
    capacity_bytes: int | None = None,
) -> Layout:
    """Give everything its place.

    Parameters
    ----------
    files : iterable of MediumFile
        In any order, in which `check_fat_names` found nothing.
    kind : str
        ``"fat16"`` or ``"fat32"``.
    shape : Shape
        What the medium asks for.
    label : bool
        Whether the root directory has a volume label.
    capacity_bytes : int, optional
        The medium that the volume is to fill; without it, it is the smallest
        that holds the files.

    Raises
    ------
    VolumeTooSmallError
        If the volume cannot hold so much (``"fat-volume-size"``).
    """
    directories = _tree(files)
    if capacity_bytes is None:
        geometry = _smallest_for(directories, kind, shape, label=label)
    else:
        geometry = plan_geometry(kind, shape, capacity_bytes)
    needed = _needed(directories, geometry, label=label) + geometry.gap_clusters
    if needed > geometry.clusters:
        unit = geometry.cluster_bytes
        message = f"{needed * unit:,} bytes; this volume has room for {geometry.clusters * unit:,}."
        hint = "Use FAT32 where the medium allows it, or several media."
        hint = hint if kind == FAT16 else "Use several media, or UDF."
        raise VolumeTooSmallError(message, hint, (needed - geometry.clusters) * unit)
    cluster = FIRST_CLUSTER
    for directory in directories:
        directory.clusters = _directory_clusters(directory, geometry, label=label)
        directory.first_cluster = cluster if directory.clusters else 0
        cluster += directory.clusters
    directory_clusters = cluster - FIRST_CLUSTER
    cluster += geometry.gap_clusters
    for directory in directories:
        directory.file_cluster = cluster
        cluster += sum(_count(file.size_bytes, geometry.cluster_bytes) for file in directory.files)
    used = cluster - FIRST_CLUSTER - geometry.gap_clusters
    return Layout(geometry, tuple(directories), directory_clusters, used, cluster)


def _smallest(kind: str, shape: Shape, needed: int, per_cluster: int = 0) -> Geometry:
    cluster_bytes = (per_cluster or shape.sectors_per_cluster[0]) * shape.sector_bytes
    clusters = max(needed, fewest_clusters(kind, shape, cluster_bytes))
    return geometry_of(kind, shape, cluster_bytes, clusters)


def _smallest_for(
    directories: list[Directory], kind: str, shape: Shape, *, label: bool
) -> Geometry:
    found = _smallest(kind, shape, 0)
    for per_cluster in shape.sectors_per_cluster:
        found = _smallest(kind, shape, 0, per_cluster)
        needed = _needed(directories, found, label=label) + found.gap_clusters
        most = most_clusters(kind, shape, found.cluster_bytes)
        if needed <= most:
            return _smallest(kind, shape, needed, per_cluster)
    return geometry_of(kind, shape, found.cluster_bytes, most)


def _needed(directories: list[Directory], geometry: Geometry, *, label: bool) -> int:
    """Return the clusters of all directories and files."""
    unit = geometry.cluster_bytes
    return sum(
        _directory_clusters(directory, geometry, label=label)
        + sum(_count(file.size_bytes, unit) for file in directory.files)
        for directory in directories
    )


def _directory_clusters(directory: Directory, geometry: Geometry, *, label: bool) -> int:
    if directory.parent is None and geometry.kind == FAT16:
        return 0
    return max(1, _count(directory.size_bytes(label=label), geometry.cluster_bytes))


def _tree(files: Iterable[MediumFile]) -> list[Directory]:
    """Return the directories, each behind the one above it, with names in order."""
    made = {"": Directory("", None)}
    for file in files:
        above = made[""]
        for path in parents_of(file.path):
            directory = made.get(path)
            if directory is None:
                directory = made[path] = Directory(path, above)
                above.children.append(directory)
            above = directory
        above.files.append(file)
    for directory in made.values():
        directory.files.sort(key=lambda file: file.path)
        directory.children.sort(key=lambda child: child.path)
    return [made[path] for path in sorted(made)]


def _count(size_bytes: int, unit: int) -> int:
    return -(size_bytes // -unit)


def _up(number: int, unit: int) -> int:
    return -(number // -unit) * unit
