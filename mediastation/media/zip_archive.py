"""ZIP files as PS3.12 Annex V asks for them: planned, then written in one pass."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Generator, Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import IO, Protocol, cast

from mediastation.errors import RefusedError
from mediastation.media.contract import Progress, WrittenImage
from mediastation.media.file_writer import FileWriter
from mediastation.media.folder import check_folder_names
from mediastation.media.level1 import MediumFile
from mediastation.media.part_file import PartFile
from mediastation.media.source_reader import SourceReader
from mediastation.model.file_id import MAX_COMPONENTS
from mediastation.model.finding import Finding, error

__all__ = ["ZipMedium", "check_zip"]

DEFLATE_LEVEL = 6

_DICOMDIR = "DICOMDIR"
_LONGEST_PLAIN_NAME = 8
_CHUNK_BYTES = 1 << 20
_LOCAL, _CENTRAL, _END, _ZIP64_END = 30, 46, 22, 56 + 20  # APPNOTE 4.3.7, .12, .16, .14 and .15
_UNIX = 3
_VERSION = 20
_REGULAR_FILE_FOR_ALL = 0o100644 << 16


class Target(Protocol):
    """Where the archive goes: bytes are appended, and a few of them completed in their place."""

    written_bytes: int

    def append(self, data: bytes) -> None:
        """Write all of `data` behind what was appended before. Raises `MediaError`."""

    def overwrite(self, data: bytes, start: int) -> None:
        """Write all of `data` at byte `start`, over what was appended. Raises `MediaError`."""


def is_dicom_name(path: str) -> bool:
    """Tell whether the file at `path` is named as DICOM files are: without a point."""
    return "." not in path.rpartition("/")[2]


def check_zip(files: Iterable[MediumFile]) -> list[Finding]:
    """Check that `files` can be one ZIP file with a File-set; nothing is opened.

    Exactly one DICOMDIR, in the root; a name without a point has at most eight
    characters and lies at most eight levels deep (PS3.12, V). Names with a
    point are those of files that the DICOMDIR does not refer to; the annex
    leaves them free.

    Returns
    -------
    list of Finding
        Errors only, the path as subject: those of `check_folder_names`, and
        ``"zip-dicomdir"`` and ``"zip-name"``. Empty if all may be written.
    """
    return check_one_file_set(files, "zip", "A ZIP file", "PS3.12 V")


def check_one_file_set(
    files: Iterable[MediumFile], rule: str, what: str, reference: str
) -> list[Finding]:
    """Check that `files` are one File-set with its DICOMDIR, for `what` is to hold them."""
    files = tuple(files)
    findings = check_folder_names(files)
    directories = [file.path for file in files if file.path.rpartition("/")[2] == _DICOMDIR]
    if directories != [_DICOMDIR]:
        message = f"{what} has exactly one DICOMDIR, in its root."
        findings.append(error(f"{rule}-dicomdir", _DICOMDIR, message, reference=reference))
    for file in files:
        parts = file.path.split("/")
        if not is_dicom_name(file.path):
            continue
        if len(parts) > MAX_COMPONENTS or max(map(len, parts)) > _LONGEST_PLAIN_NAME:
            message = (
                f"{file.path!r} is no name for a DICOM file: at most {MAX_COMPONENTS} components "
                f"of at most {_LONGEST_PLAIN_NAME} characters."
            )
            findings.append(error(f"{rule}-name", file.path, message, reference=reference))
    return findings


class ZipMedium(FileWriter):
    """A ZIP file of `files`: the DICOMDIR first, the others in the order of their paths.

    Everything is decided here and nothing is opened; `write` only performs.
    Nothing is encrypted, no comment and no field that differs from machine to
    machine is written. The same files and moment give the same bytes; deflated
    ones as far as the same release of zlib makes them.

    Parameters
    ----------
    files : iterable of MediumFile
        In any order.
    moment : datetime
        With a time zone. Every date in the file, in UTC; the format keeps even
        seconds from 1980 to 2107.
    deflate : bool
        Whether the files are compressed. Stored ones are read by everything
        that reads ZIP at all, and images that are compressed already gain
        nothing.

    Attributes
    ----------
    size_bytes : int
        Size of the ZIP file: exactly where files are stored, at most where
        they are deflated.

    Raises
    ------
    RefusedError
        If a name may not lie in a ZIP file; with the findings of `check_zip`.
    ValueError
        If `moment` cannot be recorded.

    Notes
    -----
    Sizes and checksums stand in front of each file, not behind it: readers of
    streams take no stored file otherwise. The fields of ZIP64 are written
    where Python's zipfile writes them, from 2 GiB and 65,536 files on, because
    some readers take 32-bit numbers for signed.
    """

    def __init__(
        self, files: Iterable[MediumFile], *, moment: datetime, deflate: bool = False
    ) -> None:
        if moment.tzinfo is None:
            raise ValueError("the moment has no time zone")
        moment = moment.astimezone(UTC)
        if not 1980 <= moment.year <= 2107:
            raise ValueError(f"ZIP cannot record the year {moment.year}")
        self._files = sorted(files, key=lambda file: (file.path != _DICOMDIR, file.path))
        if findings := check_zip(self._files):
            raise RefusedError(f"{findings[0].message} No ZIP file was made.", findings)
        self._moment = (*moment.timetuple()[:5], moment.second & ~1)
        self._deflate = deflate
        self._size_bytes = _planned_bytes(self._files, deflate)

    @property
    def size_bytes(self) -> int:
        """Size of the archive; where it is deflated, what it cannot exceed."""
        return self._size_bytes

    def _write_into(self, part: PartFile, progress: Progress | None) -> WrittenImage:
        self.write_to(part, progress)
        if progress:
            progress(self.size_bytes, self.size_bytes)
        return WrittenImage(part.written_bytes, digest_of(part), ())

    def write_to(self, part: Target, progress: Progress | None) -> None:
        """Write the archive to whatever takes its bytes; raises what `write` does."""
        with closing(self.iter_steps(part)) as steps:
            for _ in steps:
                if progress:
                    progress(min(part.written_bytes, self.size_bytes), self.size_bytes)

    def iter_steps(self, part: Target) -> Generator[None]:
        """Write the archive as `write_to` does, up to a mebibyte of a file with each step."""
        target = _Seekable(part)
        reader = SourceReader(self._files)
        archive = zipfile.ZipFile(cast("IO[bytes]", target), "w")
        try:
            for file in self._files:
                with archive.open(self._entry(file), "w") as stream:
                    try:
                        reader.open(file)
                        left = file.size_bytes
                        while left:
                            data = reader.read(min(left, _CHUNK_BYTES))
                            stream.write(data)
                            left -= len(data)
                            yield
                    except BaseException:
                        # It would complete the header of half a file.
                        target.drop()
                        raise
            archive.close()
        except BaseException:
            # It would write a directory of what is there, now or when it is collected.
            target.drop()
            with suppress(RuntimeError):
                archive.close()
            raise
        finally:
            reader.close()
        if not self._deflate and part.written_bytes != self.size_bytes:
            raise AssertionError(f"{part.written_bytes} bytes, planned were {self.size_bytes}")

    def _entry(self, file: MediumFile) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(file.path, self._moment)
        entry.file_size = file.size_bytes
        entry.create_system = _UNIX
        entry.create_version = entry.extract_version = _VERSION
        entry.external_attr = _REGULAR_FILE_FOR_ALL
        if self._deflate and file.size_bytes:
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Before Python 3.13 the level has no public name.
            entry._compresslevel = DEFLATE_LEVEL  # type: ignore[attr-defined]
        return entry


class _Seekable:
    """A `Target` as zipfile wants it: what was appended may be written again in its place."""

    def __init__(self, part: Target) -> None:
        self._part = part
        self._position = 0
        self._dropped = False

    def drop(self) -> None:
        """Take nothing any more."""
        self._dropped = True

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence:
            raise ValueError("only from the start")
        self._position = offset
        return offset

    def write(self, data: bytes) -> int:
        if not self._dropped:
            if self._position == self._part.written_bytes:
                self._part.append(data)
            else:
                self._part.overwrite(data, self._position)
        self._position += len(data)
        return len(data)

    def flush(self) -> None:
        """Keep nothing back."""


def _planned_bytes(files: Iterable[MediumFile], deflate: bool) -> int:
    """Return what zipfile writes for `files`, with ZIP64 fields where it puts them."""
    offset = central = count = 0
    for file in files:
        name = len(file.path.encode())
        central += name + central_bytes(file.size_bytes, offset, deflate)
        offset += name + local_bytes(file.size_bytes, deflate)
        count += 1
    return offset + central + end_bytes(max(offset, central), count)


def local_bytes(size_bytes: int, deflate: bool) -> int:
    """Return what stands in front for a file: its header without the name, and its content."""
    return (
        _LOCAL
        + (20 if needs_zip64(size_bytes * 1.05) else 0)
        + _most_packed_bytes(size_bytes, deflate)
    )


def central_bytes(size_bytes: int, offset: int, deflate: bool) -> int:
    """Return what the directory has for a file that begins at `offset`, its name aside."""
    packed = _most_packed_bytes(size_bytes, deflate)
    wide = 16 if needs_zip64(max(size_bytes, packed)) else 0
    wide += 8 if needs_zip64(offset) else 0
    return _CENTRAL + (4 + wide if wide else 0)


def end_bytes(offset: int, files: int) -> int:
    """Return what ends an archive of so many files; the directory begins at `offset` at most."""
    large = needs_zip64(offset) or files > zipfile.ZIP_FILECOUNT_LIMIT
    return _END + (_ZIP64_END if large else 0)


def needs_zip64(number: float) -> bool:
    """Tell whether a size or an offset is written in a field of ZIP64."""
    return number > zipfile.ZIP64_LIMIT


def _most_packed_bytes(size_bytes: int, deflate: bool) -> int:
    # A stored block has five bytes in front and holds at least 16 KiB; twice that is enough.
    return size_bytes + (size_bytes // 1024 + 64 if deflate else 0)


def digest_of(part: PartFile) -> str:
    """Return the SHA-256 of the whole file, in whose middle something was completed later."""
    digest = hashlib.sha256()
    starts = range(0, part.written_bytes, _CHUNK_BYTES)
    for start in starts:
        digest.update(part.read(_CHUNK_BYTES, start))
    return digest.hexdigest()
