"""What FAT volumes take for files and folders: as small as can be, or as large as a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mediastation.media.fat_layout import (
    ENTRY_BYTES,
    FAT16,
    Geometry,
    Shape,
    fewest_clusters,
    geometry_of,
    largest_volume_bytes,
    most_clusters,
    plan_geometry,
)
from mediastation.media.level1 import parents_of
from mediastation.media.size_layout import Contents, SizeLayout, in_lanes, lane


@dataclass(frozen=True, slots=True, eq=False)
class FatLayout(SizeLayout):
    """Images of `mediastation.media.fat` that are as small as they can be.

    Clusters are counted for each size that they may have, in a lane each: the
    smallest is taken that a volume has enough of. Where larger ones need so
    much smaller tables that the volume would be smaller, too, it is told as
    large as the largest with smaller clusters.
    """

    kind: str
    shape: Shape
    fixed: tuple[int, ...]
    root_entries: int
    block_bytes: int = 1
    entry_blocks: int = 0

    @classmethod
    def of(cls, kind: str, shape: Shape, files: Mapping[str, int], digest_list: str) -> FatLayout:
        """Return the layout where each volume carries `files`, and a list in the root."""
        root_entries, held = _entries(files, digest_list)
        empty = cls(kind, shape, (), root_entries)
        fixed = sum(map(empty.file_blocks, files.values()))
        fixed += sum(empty.folder_blocks(0, entries) for entries in held)
        gap = geometry_of(kind, shape, empty.cluster_bytes(0), 0).gap_clusters
        lanes = range(len(shape.sectors_per_cluster))
        return cls(kind, shape, tuple(lane(fixed, one) + gap for one in lanes), root_entries)

    def cluster_bytes(self, lane: int) -> int:
        """Return how large the clusters are that a lane counts."""
        return self.shape.sectors_per_cluster[lane] * self.shape.sector_bytes

    def file_blocks(self, size_bytes: int) -> int:
        """Return its clusters, of each size."""
        return in_lanes(
            [
                -(-size_bytes // (sectors * self.shape.sector_bytes))
                for sectors in self.shape.sectors_per_cluster
            ]
        )

    def folder_blocks(self, folders: int, files: int, /) -> int:
        """Return its clusters, of each size; two entries are its own."""
        return self.file_blocks((folders + files + 2) * ENTRY_BYTES)

    def total_blocks(self, contents: Contents) -> int:
        """Return the bytes of the image."""
        lanes = contents.blocks + contents.structure
        lanes += self.file_blocks(contents.directory_bytes)
        lanes += self.file_blocks(contents.listed_bytes)
        if self.kind != FAT16:
            lanes += self.file_blocks((self.root_entries + contents.top_folders) * ENTRY_BYTES)
        least = 0
        for number, fixed in enumerate(self.fixed):
            clusters = fixed + lane(lanes, number)
            most = most_clusters(self.kind, self.shape, self.cluster_bytes(number))
            size = self._image_bytes(number, clusters)
            if clusters <= most:
                break
            least = max(least, self._image_bytes(number, most))
        return max(size, least)

    def least_growth(self, _blocks: int, _structure: int) -> int:
        """Return nothing: a volume has a certain size even if it is empty."""
        return 0

    def capacity_blocks(self, capacity_bytes: int) -> int:
        """Return the bytes, or those of the largest volume that there is."""
        return min(capacity_bytes, largest_volume_bytes(self.kind, self.shape))

    def _image_bytes(self, number: int, clusters: int) -> int:
        unit = self.cluster_bytes(number)
        clusters = max(clusters, fewest_clusters(self.kind, self.shape, unit))
        return geometry_of(self.kind, self.shape, unit, clusters).size_bytes


@dataclass(frozen=True, slots=True, eq=False)
class FilledFatLayout(SizeLayout):
    """Images of `mediastation.media.fat` that fill a device, whatever lies on them.

    Blocks are clusters in use. Where less than the whole device may be taken,
    those that lie behind that are not counted on.
    """

    geometry: Geometry
    device_bytes: int
    fixed: int
    root_entries: int
    entry_blocks: int = 0

    @classmethod
    def of(
        cls,
        kind: str,
        shape: Shape,
        files: Mapping[str, int],
        digest_list: str,
        device_bytes: int,
    ) -> FilledFatLayout:
        """Return the layout for a device of `device_bytes`, otherwise as `FatLayout.of`.

        Raises
        ------
        VolumeTooSmallError
            If the device is too small for this kind of FAT.
        """
        root_entries, held = _entries(files, digest_list)
        empty = cls(plan_geometry(kind, shape, device_bytes), device_bytes, 0, root_entries)
        fixed = empty.geometry.gap_clusters + sum(map(empty.file_blocks, files.values()))
        fixed += sum(empty.folder_blocks(0, entries) for entries in held)
        return cls(empty.geometry, device_bytes, fixed, root_entries)

    @property
    def block_bytes(self) -> int:  # type: ignore[override]
        """Bytes of a cluster."""
        return self.geometry.cluster_bytes

    def folder_blocks(self, folders: int, files: int, /) -> int:
        """Return its clusters; two entries are its own."""
        return self.file_blocks((folders + files + 2) * ENTRY_BYTES)

    def total_blocks(self, contents: Contents) -> int:
        """Return the clusters in use."""
        clusters = self.fixed + contents.blocks + contents.structure
        clusters += self.file_blocks(contents.directory_bytes)
        clusters += self.file_blocks(contents.listed_bytes)
        if self.geometry.kind != FAT16:
            entries = self.root_entries + contents.top_folders
            clusters += self.file_blocks(entries * ENTRY_BYTES)
        return clusters

    def size_bytes(self, _blocks: int) -> int:
        """Return the size of the image, whatever is in use of it."""
        return self.geometry.size_bytes

    def used_bytes(self, blocks: int) -> int:
        """Return the size of the image up to the last cluster in use."""
        return self.geometry.data_offset + blocks * self.block_bytes

    def capacity_blocks(self, capacity_bytes: int) -> int:
        """Return the clusters, but for those behind `capacity_bytes`."""
        less = max(0, self.device_bytes - capacity_bytes)
        return self.geometry.clusters - -(-less // self.block_bytes)


def _entries(files: Mapping[str, int], digest_list: str) -> tuple[int, list[int]]:
    """Return how many entries the root and each other folder have of what every volume carries."""
    names = [*files, "DICOMDIR", *([digest_list] if digest_list else [])]
    folders = {parent for path in names for parent in parents_of(path)}
    held = dict.fromkeys(("", *folders), 0)
    for path in (*names, *folders):
        held[path.rpartition("/")[0]] += 1
    # A volume label is an entry, too.
    return held.pop("") + 1, list(held.values())
