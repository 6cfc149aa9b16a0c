"""ISO 9660 images as PS3.12 Annex F asks for CD-R: planned, then written in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from pycdlib import PyCdlib

from mediastation.errors import RefusedError
from mediastation.media.contract import Progress, WrittenImage
from mediastation.media.file_writer import FileWriter
from mediastation.media.level1 import (
    MAKER,
    SECTOR_BYTES,
    VOLUME_ID,
    MediumFile,
    check_level1,
    level1_identifier,
    parents_of,
)
from mediastation.media.part_file import PartFile
from mediastation.media.pycdlib_clock import pycdlib_clock
from mediastation.media.serial_image import SerialImage
from mediastation.media.source_reader import SourceReader

__all__ = ["Iso9660Image", "MediumFile", "WrittenImage"]

_CHUNK_BYTES = 1 << 20


class Iso9660Image(FileWriter):
    """A volume of `files`: Level 1, no Rock Ridge, no Joliet, one session.

    Everything is decided here and nothing is opened; `write` only performs.
    The same files, identifier and moment give the same bytes on any machine.

    Parameters
    ----------
    files : iterable of MediumFile
        In any order.
    volume_id : str
        The File-set ID (PS3.12, F.1.1); empty gives 32 spaces.
    moment : datetime
        With a time zone. Every date on the medium, in UTC, in whole seconds.

    Attributes
    ----------
    size_sectors : int
        Size of the image in sectors of 2048 bytes, exactly.

    Raises
    ------
    RefusedError
        If a name, a size or the depth does not fit Level 1; with the findings
        of `check_level1`.
    ValueError
        If `volume_id` is no File-set ID, or `moment` cannot be recorded.
    """

    def __init__(self, files: Iterable[MediumFile], *, volume_id: str, moment: datetime) -> None:
        if not VOLUME_ID.fullmatch(volume_id):
            raise ValueError(f"{volume_id!r} is no File-set ID")
        files = tuple(files)
        findings = check_level1(files)
        if findings:
            raise RefusedError(f"{findings[0].message} No image was made.", findings)
        files = sorted(files, key=_extent_order)
        self._moment = moment
        self._sources = SourceReader(files)
        self._iso = PyCdlib()
        with pycdlib_clock(moment):
            self._plan(files, volume_id)
        self.size_sectors: int = self._iso.pvd.space_size
        self._file_sectors = _merged(self._iter_extents())

    @property
    def size_bytes(self) -> int:
        """Size of the image."""
        return self.size_sectors * SECTOR_BYTES

    def close(self) -> None:
        """Forget the plan. Nothing can be written afterwards; closing again does nothing."""
        if not self._closed:
            super().close()
            self._iso.close()

    def _plan(self, files: Iterable[MediumFile], volume_id: str) -> None:
        self._iso.new(
            interchange_level=1,
            vol_ident=volume_id,
            pub_ident_str=MAKER,
            preparer_ident_str=MAKER,
            app_ident_str=MAKER,
        )
        made: set[str] = set()
        for file in files:
            for directory in parents_of(file.path):
                if directory not in made:
                    self._iso.add_directory(f"/{directory}")
                    made.add(directory)
            source = _Source(file, self._sources)
            self._iso.add_fp(source, file.size_bytes, level1_identifier(file.path))
        self._iso.force_consistency()

    def _iter_extents(self) -> Iterator[range]:
        for inode in self._iso.inodes:
            if length := inode.get_data_length():
                start = inode.extent_location()
                yield range(start, start - length // -SECTOR_BYTES)

    def _write_into(self, part: PartFile, progress: Progress | None) -> WrittenImage:
        first = self._file_sectors[0].start if self._file_sectors else self.size_sectors
        image = SerialImage(
            part,
            head_bytes=first * SECTOR_BYTES,
            size_bytes=self.size_bytes,
            progress=progress,
        )
        try:
            with pycdlib_clock(self._moment):
                self._iso.write_fp(image, _CHUNK_BYTES)
                sha256, structure = image.finish(_gaps(self._file_sectors, self.size_sectors))
        finally:
            image.close()
            self._sources.close()
        return WrittenImage(self.size_bytes, sha256, structure)


def _extent_order(file: MediumFile) -> tuple[int, list[str], str]:
    """Return what sorts files as pycdlib lays them out: level by level, each folder in order."""
    *directories, name = file.path.split("/")
    return len(directories), directories, level1_identifier(name)


def _merged(extents: Iterable[range]) -> list[range]:
    """Join neighbours, in the order of their sectors."""
    runs: list[range] = []
    for extent in sorted(extents, key=lambda extent: extent.start):
        if runs and extent.start == runs[-1].stop:
            runs[-1] = range(runs[-1].start, extent.stop)
        else:
            runs.append(extent)
    return runs


def _gaps(runs: list[range], end: int) -> Iterator[range]:
    """Yield what `runs` leave out of the sectors before `end`."""
    start = 0
    for run in runs:
        yield range(start, run.start)
        start = run.stop
    yield range(start, end)


class _Source:
    """One file as pycdlib wants it: something to seek and read, opened when its turn comes."""

    __slots__ = ("_file", "_reader")
    mode = "rb"

    def __init__(self, file: MediumFile, reader: SourceReader) -> None:
        self._file = file
        self._reader = reader

    def seek(self, offset: int) -> int:
        self._reader.open(self._file)
        return offset

    def read(self, size: int) -> bytes:
        return self._reader.read(size)
