"""UDF images as PS3.12 Annexes J, P and X ask for DVD and BD: planned, then written in one pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from mediastation.errors import RefusedError
from mediastation.media.contract import Progress, WrittenImage
from mediastation.media.file_writer import FileWriter
from mediastation.media.level1 import MediumFile
from mediastation.media.part_file import PartFile
from mediastation.media.sequential_image import SequentialImage
from mediastation.media.source_reader import SourceReader
from mediastation.media.udf.encoding import BLOCK_BYTES, dstring, timestamp
from mediastation.media.udf.entry import METADATA, MIRROR, EntryWriter, Stored
from mediastation.media.udf.layout import (
    FIRST_ANCHOR,
    INTEGRITY,
    MAIN_SEQUENCE,
    RECOGNITION,
    SEQUENCE_BLOCKS,
    Layout,
    plan_layout,
)
from mediastation.media.udf.names import check_udf
from mediastation.media.udf.revision import REVISIONS
from mediastation.media.udf.volume import Volume, anchor, file_set, integrity, recognition, sequence

_CHUNK_BYTES = 1 << 20
_LABEL_BYTES = 32


class UdfImage(FileWriter):
    """A volume of `files`: read-only, one partition, one session, no VAT, no sparing.

    Everything is decided here and nothing is opened; `write` only performs.
    The same arguments give the same bytes on any machine.

    Parameters
    ----------
    files : iterable of MediumFile
        In any order.
    revision : str
        PS3.12 asks for ``"1.50"`` on DVD-RAM, ``"2.50"`` on BD-RE and
        ``"2.60"`` on BD-R; DVD takes ``"1.02"``, ``"1.50"`` or ``"2.01"``.
    volume_id : str
        Identifier of the volume, logical volume and file set: 30 characters
        up to U+00FF, or 15 others. UDF wants one: empty gives ``DICOM_`` and
        eight digits of the volume set.
    moment : datetime
        With a time zone. Every time on the medium, in UTC, in whole seconds.
    volume_set_seed : str
        What tells this medium from others of the same label and moment, such
        as the File-set UID; the volume set identifier comes from all three.

    Attributes
    ----------
    size_sectors : int
        Size of the image in sectors of 2048 bytes, exactly.

    Raises
    ------
    RefusedError
        If a name, a size or the depth cannot be recorded; with the findings
        of `check_udf` or `plan_layout`.
    ValueError
        If `revision` is unknown, `volume_id` does not fit, or `moment` has no
        time zone or is in no year from 1 to 9999 in UTC.

    Notes
    -----
    The last anchors are where they belong if the medium ends with the image.
    On one that reports its whole capacity (BD-RE, DVD-RAM) that at sector 256
    is the only one found; readers go by it.
    """

    def __init__(
        self,
        files: Iterable[MediumFile],
        *,
        revision: str,
        volume_id: str,
        moment: datetime,
        volume_set_seed: str = "",
    ) -> None:
        if revision not in REVISIONS:
            raise ValueError(f"UDF {revision} is not written")
        if moment.tzinfo is None:
            raise ValueError("the moment has no time zone")
        if any(ord(character) < 32 for character in volume_id):
            raise ValueError(f"{volume_id!r} is no volume identifier")
        dstring(volume_id, _LABEL_BYTES)
        files = tuple(files)
        findings = check_udf(files)
        if findings:
            raise RefusedError(f"{findings[0].message} No image was made.", findings)
        self._revision = REVISIONS[revision]
        self._time = timestamp(moment)
        self._layout = self._plan(files)
        self._volume = self._describe(volume_id, volume_set_seed)
        self._entries = EntryWriter(self._revision, self._time)
        self.size_sectors: int = self._layout.size_sectors

    @property
    def size_bytes(self) -> int:
        """Size of the image."""
        return self.size_sectors * BLOCK_BYTES

    def _plan(self, files: Iterable[MediumFile]) -> Layout:
        """Give everything its place; the first that `__init__` calls of what may be overridden."""
        return plan_layout(files, self._revision)

    def _describe(self, volume_id: str, seed: str) -> Volume:
        layout = self._layout
        unique = "\0".join((volume_id, self._time.hex(), seed))
        digits = hashlib.sha256(unique.encode()).hexdigest()[:16]
        label = volume_id or f"DICOM_{digits[:8].upper()}"
        return Volume(
            revision=self._revision,
            label=label,
            set_identifier=f"{digits}_{label}",
            time=self._time,
            main_sequence=MAIN_SEQUENCE,
            reserve_sequence=layout.reserve_sequence,
            sequence_blocks=SEQUENCE_BLOCKS,
            integrity=INTEGRITY,
            partition_start=layout.partition,
            partition_blocks=layout.partition_blocks,
            metadata_entry=0,
            mirror_entry=layout.mirror_entry,
            metadata_blocks=layout.metadata_blocks,
            next_unique_id=layout.next_unique_id,
            file_count=layout.file_count,
            directory_count=len(layout.directories),
        )

    def _write_into(self, part: PartFile, progress: Progress | None) -> WrittenImage:
        image = SequentialImage(part, size_sectors=self.size_sectors, progress=progress)
        directories = self._layout.directories
        sources = SourceReader(file for directory in directories for file in directory.files)
        try:
            self._put_head(image)
            self._put_structure(image)
            self._put_files(image, sources)
            if self._revision.metadata:
                self._put_mirror(image)
            self._put_tail(image)
            return image.finish()
        finally:
            image.close()
            sources.close()

    def _put_head(self, image: SequentialImage) -> None:
        volume = self._volume
        image.blank_until(RECOGNITION)
        self._put_other_descriptors(image)
        image.put_structure(recognition(self._revision))
        image.blank_until(MAIN_SEQUENCE)
        image.put_structure(sequence(volume, MAIN_SEQUENCE))
        image.blank_until(INTEGRITY)
        image.put_structure(integrity(volume))
        image.blank_until(FIRST_ANCHOR)
        image.put_structure(anchor(volume, FIRST_ANCHOR))
        self._put_other_structure(image)
        image.blank_until(self._layout.partition)

    def _put_other_descriptors(self, image: SequentialImage) -> None:
        """Put what another file system has in front of the recognition sequence."""

    def _put_other_structure(self, image: SequentialImage) -> None:
        """Put what another file system has between the first anchor and the partition."""

    def _put_structure(self, image: SequentialImage) -> None:
        layout = self._layout
        if self._revision.metadata:
            image.put_structure(self._metadata_entry(METADATA, 0, layout.metadata))
        image.blank_until(layout.partition + layout.metadata)
        for block in self._iter_structure():
            image.put_structure(block)
        image.blank_until(layout.partition + layout.data)

    def _put_files(self, image: SequentialImage, sources: SourceReader) -> None:
        for directory in self._layout.directories:
            for file in directory.files:
                sources.open(file)
                left = file.size_bytes
                while True:
                    # An empty file is read too: that it is still empty has to be seen.
                    image.put_file(sources.read(min(left, _CHUNK_BYTES)))
                    left -= min(left, _CHUNK_BYTES)
                    if not left:
                        break
                image.end_file()

    def _put_mirror(self, image: SequentialImage) -> None:
        """Write the metadata again, made anew: a fault of the disk is not copied."""
        layout = self._layout
        twin = layout.partition + layout.metadata
        image.blank_until(layout.partition + layout.mirror)
        for block in self._iter_structure():
            image.put_structure(block, twin=twin)
            twin += len(block) // BLOCK_BYTES
        image.blank_until(layout.partition + layout.mirror_entry)
        image.put_structure(self._metadata_entry(MIRROR, layout.mirror_entry, layout.mirror))

    def _put_tail(self, image: SequentialImage) -> None:
        layout, volume = self._layout, self._volume
        image.blank_until(layout.late_anchor)
        image.put_structure(anchor(volume, layout.late_anchor))
        image.put_structure(sequence(volume, layout.reserve_sequence))
        image.blank_until(self.size_sectors - 1)
        image.put_structure(anchor(volume, self.size_sectors - 1))

    def _iter_structure(self) -> Iterator[bytes]:
        """Yield File Set, directories and entries: the blocks that the volume is found by."""
        layout, entries = self._layout, self._entries
        root = layout.directories[0]
        yield file_set(self._volume, root.block)
        for directory in layout.directories:
            yield entries.entry(directory.stored())
            yield from entries.directory(directory.block + 1, directory.identifiers())
            for stored in directory.stored_files(layout.data):
                yield entries.entry(stored)

    def _metadata_entry(self, kind: int, location: int, block: int) -> bytes:
        size_bytes = self._layout.metadata_blocks * BLOCK_BYTES
        return self._entries.entry(Stored(kind, location, 0, 0, size_bytes, block))
