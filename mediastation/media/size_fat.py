"""What FAT volumes take for files and folders, whichever clusters they come to have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mediastation.media.fat_layout import (
    ENTRY_BYTES,
    FAT16,
    Shape,
    fewest_clusters,
    geometry_of,
    most_clusters,
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
        names = [*files, "DICOMDIR", *([digest_list] if digest_list else [])]
        folders = {parent for path in names for parent in parents_of(path)}
        held = dict.fromkeys(("", *folders), 0)
        for path in (*names, *folders):
            held[path.rpartition("/")[0]] += 1
        # A volume label is an entry, too.
        root_entries = held.pop("") + 1
        empty = cls(kind, shape, (), root_entries)
        fixed = sum(map(empty.file_blocks, files.values()))
        fixed += sum(empty.folder_blocks(0, entries) for entries in held.values())
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
        last = len(self.fixed) - 1
        most = most_clusters(self.kind, self.shape, self.cluster_bytes(last))
        return min(capacity_bytes, self._image_bytes(last, most))

    def _image_bytes(self, number: int, clusters: int) -> int:
        unit = self.cluster_bytes(number)
        clusters = max(clusters, fewest_clusters(self.kind, self.shape, unit))
        return geometry_of(self.kind, self.shape, unit, clusters).size_bytes
