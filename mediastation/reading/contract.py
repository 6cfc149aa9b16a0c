"""What every kind of medium looks like to those who reread it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, Self, runtime_checkable

from mediastation.errors import MediaError
from mediastation.model.finding import Finding
from mediastation.reading.names import folded, split_components, tolerances

MAX_FILES = 500_000
"""More files than this are not listed; a CD holds 360,000 sectors in all."""

MAX_DEPTH = 32
"""Directories below this level are not entered; ISO 9660 allows 8."""

MAX_PATH = 1023
"""Characters of a directory's path; UDF allows as many bytes."""

MAX_PATH_CHARACTERS = 1 << 26
"""All paths together: what a hostile tree of long names can make us hold."""


HOLE = -1
"""The `offset` of an extent that was never recorded: its bytes are zeros."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of bytes on an image, both numbers in bytes; a `HOLE` lies nowhere on it."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class VolumeFile:
    """One file of a medium.

    `path` is relative to the root, has ``/`` between components and is safe to
    show and to join: no component climbs. `recorded` is the last component as
    the medium has it (``IMAGE1.;1``). `extents` lie on the image, in the
    file's order; empty where the medium is no image. `changed_at` tells one
    content of a folder's file from another, as far as the system does
    (nanoseconds); 0 on images, which change as a whole.
    """

    path: str
    size_bytes: int
    extents: tuple[Extent, ...] = ()
    recorded: str = ""
    changed_at: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a lookup, and what was forgiven to find it."""

    file: VolumeFile
    tolerated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A run of the image in physical order, and what lies there.

    `region` is the file's path or the name of a structure. For files,
    `file_offset` is where in the file the run begins.
    """

    offset: int
    length: int
    region: str
    file: VolumeFile | None = None
    file_offset: int = 0


class Volume(Protocol):
    """A medium, opened for reading: everything about it is what it claims, nothing is believed."""

    @property
    def name(self) -> str:
        """What a person calls it: the path it was opened by."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was wrong or tolerated while its structures were read."""

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield each file once, in an order that does not change."""

    def open(self, path: str) -> BinaryIO:
        """Return the file's content, read-only and seekable; `MediaError` if it has none."""

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then as other systems may spell it."""

    def close(self) -> None:
        """Let the medium go."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


@runtime_checkable
class ImageVolume(Volume, Protocol):
    """A medium whose bytes lie in one row."""

    @property
    def size_bytes(self) -> int:
        """How much there is to read."""

    @property
    def volume_bytes(self) -> int:
        """How much of it the file system claims."""

    @property
    def is_device(self) -> bool:
        """Whether a drive is behind it, so that more than was written may be readable."""

    @property
    def is_pure(self) -> bool:
        """Whether the spans name everything that can own bytes; false on bridge discs."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes there, fewer at the end; `OSError` where the medium is damaged."""

    def iter_spans(self) -> Iterator[Span]:
        """Yield the whole image as spans in physical order, without gaps or overlaps."""


@runtime_checkable
class ContainerVolume(Volume, Protocol):
    """A medium whose files lie, packed or not, in one file that can be proved as a whole."""

    @property
    def size_bytes(self) -> int:
        """How long that file is."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes there, fewer at the end; `OSError` where they cannot be read."""


class FileIndex:
    """The files of a medium by path, and by how other systems may spell it."""

    def __init__(self, files: Iterable[VolumeFile] = ()) -> None:
        self._files: dict[str, VolumeFile] = {}
        self._folded: dict[str, list[str]] | None = None
        self._copies: dict[str, int] = {}
        for file in files:
            self.add(file)

    def add(self, file: VolumeFile) -> None:
        """Enter a file whose path is not taken."""
        self._files[file.path] = file

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, path: str) -> bool:
        return path in self._files

    def __iter__(self) -> Iterator[VolumeFile]:
        return iter(self._files.values())

    def free_path(self, path: str) -> str:
        """Return `path`, with ``%`` and a number behind it if it is taken."""
        free, number = path, self._copies.get(path, 1)
        while free in self._files:
            number += 1
            free = f"{path}%{number}"
        if free != path:
            self._copies[path] = number
        return free

    def require(self, path: str, name: str) -> VolumeFile:
        """Return the file at exactly `path`, or raise `MediaError`."""
        file = self._files.get(path)
        if file is None:
            raise MediaError(f"{name} has no file {path}")
        return file

    def find(self, components: Sequence[str]) -> Found | None:
        """Look `components` up as `Volume.find` promises."""
        parts = split_components(components)
        if parts is None:
            return None
        exact = self._files.get("/".join(parts))
        if exact is not None:
            inside = len(parts) != len(components)
            return Found(exact, ("separator inside a component",) if inside else ())
        if self._folded is None:
            self._folded = {}
            for path in self._files:
                self._folded.setdefault("/".join(map(folded, path.split("/"))), []).append(path)
        paths = self._folded.get("/".join(map(folded, parts)))
        if paths is None:
            return None
        tolerated = tolerances(components, paths[0].split("/"))
        if len(paths) > 1:
            tolerated = (*tolerated, f"{len(paths)} files answer to this name")
        return Found(self._files[paths[0]], tolerated)
