"""FAT images as PS3.12 Annexes M, Q and R to U ask for them: planned, then written in one pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from mediastation.errors import RefusedError
from mediastation.media.contract import Progress, WrittenImage
from mediastation.media.fat_layout import (
    CARD,
    FAT16,
    FAT32,
    MOD23,
    MOD41,
    SHAPES,
    Shape,
    VolumeTooSmallError,
    largest_volume_bytes,
    plan_geometry,
    plan_layout,
)
from mediastation.media.fat_names import check_fat_names, fat_label, require_label
from mediastation.media.fat_structures import (
    Stamp,
    directory_region,
    iter_fat,
    partition_table,
    reserved_region,
)
from mediastation.media.file_writer import FileWriter
from mediastation.media.level1 import SECTOR_BYTES, MediumFile
from mediastation.media.part_file import PartFile
from mediastation.media.sequential_image import SequentialImage
from mediastation.media.source_reader import SourceReader

__all__ = [
    "CARD",
    "FAT16",
    "FAT32",
    "MOD23",
    "MOD41",
    "SHAPES",
    "FatImage",
    "Shape",
    "VolumeTooSmallError",
    "check_fat_names",
    "fat_label",
    "largest_volume_bytes",
    "plan_geometry",
    "plan_layout",
]

_CHUNK_BYTES = 1 << 20


class FatImage(FileWriter):
    """A FAT16 or FAT32 volume of `files`, to be brought onto a device or card as it is.

    Everything is decided here and nothing is opened; `write` only performs.
    The same arguments give the same bytes on any machine. Every chain is one
    run, both FATs are equal, nothing is hidden, and what is free is zero.

    Parameters
    ----------
    files : iterable of MediumFile
        In any order.
    kind : str
        ``"fat16"`` or ``"fat32"``. MMC, SD and MO disks take FAT16 only.
    shape : Shape
        One of `SHAPES`, by the name of the medium.
    volume_label : str
        At most 11 of A-Z, 0-9, ``_`` and spaces; empty for none. `fat_label`
        makes one of a File-set ID.
    moment : datetime
        With a time zone. Every time on the medium, in UTC, in steps of two
        seconds.
    seed : str
        What tells this medium from others of the same label and moment, such
        as the File-set UID; the volume's serial number comes from all three.
    capacity_bytes : int, optional
        The device that the volume is to fill, as `plan_geometry` does. Without
        it, the volume is the smallest that holds the files.

    Attributes
    ----------
    size_bytes : int
        Size of the image, exactly: the volume with what is free in it.
    stored_bytes : int
        How much of that lies on a disk that knows holes: all but the free
        clusters behind the last file.

    Raises
    ------
    RefusedError
        If a name, a size, the depth or the sum of it cannot be recorded; with
        the findings of `check_fat_names` or `plan_layout`.
    ValueError
        If `kind` is none, or none for `shape`; if `volume_label` does not fit;
        if `moment` has no time zone or is in no year from 1980 to 2107 in UTC.

    Notes
    -----
    The free clusters behind the last file are a hole in the image, and zeros
    to whoever reads it: they are part of `size_bytes` and of its SHA-256. A
    reread of the device proves them too, and takes as long as its capacity
    asks for. They are no structure, so no sector of them has a digest of its
    own: what is found there is told as unused bytes that are not zero.
    """

    def __init__(
        self,
        files: Iterable[MediumFile],
        *,
        kind: str,
        shape: Shape = CARD,
        volume_label: str = "",
        moment: datetime,
        seed: str = "",
        capacity_bytes: int | None = None,
    ) -> None:
        if kind not in {FAT16, FAT32} or (kind == FAT32 and shape in {MOD41, MOD23}):
            raise ValueError(f"{kind} is not written on this medium")
        require_label(volume_label)
        self._stamp = Stamp.of(moment)
        files = tuple(files)
        findings = check_fat_names(files, kind, label=bool(volume_label))
        if findings:
            raise RefusedError(f"{findings[0].message} No image was made.", findings)
        self._label = volume_label
        self._layout = plan_layout(
            files, kind, shape, label=bool(volume_label), capacity_bytes=capacity_bytes
        )
        unique = "\0".join((volume_label, str(self._stamp.date), str(self._stamp.time), seed))
        self._unique = hashlib.sha256(unique.encode()).digest()

    @property
    def size_bytes(self) -> int:
        """Size of the image."""
        return self._layout.geometry.size_bytes

    @property
    def stored_bytes(self) -> int:
        """Bytes up to the end of the last cluster in use."""
        layout = self._layout
        geometry = layout.geometry
        return geometry.data_offset + (layout.end_cluster - 2) * geometry.cluster_bytes

    def _write_into(self, part: PartFile, progress: Progress | None) -> WrittenImage:
        size_sectors = self.size_bytes // SECTOR_BYTES
        image = SequentialImage(part, size_sectors=size_sectors, progress=progress)
        layout = self._layout
        sources = SourceReader(
            file
            for directory in layout.directories
            for file, _, _ in layout.placed_files(directory)
        )
        try:
            self._put_structure(image)
            self._put_files(image, sources)
            image.skip_until(self.size_bytes)
            return image.finish()
        finally:
            image.close()
            sources.close()

    def _put_structure(self, image: SequentialImage) -> None:
        """Write everything in front of the files, and the gap between them if there is one."""
        left = b""
        for piece in self._iter_structure():
            left += piece
            whole = len(left) - len(left) % SECTOR_BYTES
            if whole:
                image.put_structure(left[:whole])
                left = left[whole:]
        if left:
            # The front of the gap completes the sector.
            image.put_structure(left.ljust(SECTOR_BYTES, b"\0"))
        gap = self._layout.geometry.gap_clusters * self._layout.geometry.cluster_bytes
        if gap:
            image.put_file(bytes(gap - (SECTOR_BYTES - len(left)) % SECTOR_BYTES))

    def _iter_structure(self) -> Iterator[bytes]:
        layout = self._layout
        geometry = layout.geometry
        serial, signature = int.from_bytes(self._unique[:4]), self._unique[4:8]
        if geometry.shape.partitioned:
            table = partition_table(geometry, signature)
            yield table.ljust(geometry.start * geometry.shape.sector_bytes, b"\0")
        yield reserved_region(layout, self._label, serial)
        for _ in range(2):
            yield from iter_fat(layout)
        for directory in layout.directories:
            yield directory_region(layout, directory, self._label, self._stamp)

    def _put_files(self, image: SequentialImage, sources: SourceReader) -> None:
        layout = self._layout
        cluster_bytes = layout.geometry.cluster_bytes
        for directory in layout.directories:
            for file, _, _ in layout.placed_files(directory):
                sources.open(file)
                left = file.size_bytes
                while True:
                    # An empty file is read too: that it is still empty has to be seen.
                    image.put_file(sources.read(min(left, _CHUNK_BYTES)))
                    left -= min(left, _CHUNK_BYTES)
                    if not left:
                        break
                image.put_file(bytes(-file.size_bytes % cluster_bytes))
