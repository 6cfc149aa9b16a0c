"""Read a medium through programs that nobody here wrote: what they see is what recipients see."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from mediastation.errors import MediaError
from mediastation.reading.contract import MAX_FILES, Extent, Volume
from mediastation.reading.fat import FatVolume
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.udf import UdfVolume
from mediastation.reading.zip_volume import ZipVolume
from mediastation.verify import udfread_child
from mediastation.verify.compatibility import CompatibilityRow, Goal, ReaderKind, Verdict
from mediastation.verify.contents import FileFacts, fold_path
from mediastation.verify.peer_process import Bounds, PeerProcess
from mediastation.verify.personas import joined
from mediastation.verify.read_ahead import CHUNK, SECTOR

_SLOWEST_BYTES_A_SECOND = 150_000
_LEAST_SECONDS = 60.0
_LISTING_BYTES_A_FILE = 4096
_BATCH_BYTES = 64 << 20
_BATCH_FILES = 500

Seen = tuple[str, str]
"""Path and SHA-256 of one file as a program gave it; the digest is empty if it could not."""


@dataclass(slots=True)
class Reading:
    """One medium in the hands of one program after another.

    Parameters
    ----------
    medium : Path
        The image, device or archive.
    folder : Path
        Where programs run; what they write there goes again.
    facts : mapping of str to FileFacts
        What our own reading found, by path.
    size_bytes : int
        Size of the medium.
    volume_offset : int
        Where on it the volume begins: a stick has partitions.
    waiting : callable
        Is called while a program works; what it raises ends the program.
    """

    medium: Path
    folder: Path
    facts: Mapping[str, FileFacts]
    size_bytes: int
    waiting: Callable[[], None]
    volume_offset: int = 0
    _by_extents: dict[tuple[Extent, ...], str] = field(default_factory=dict, init=False)
    _by_fold: dict[str, FileFacts] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for path, one in self.facts.items():
            self._by_fold[fold_path(path)] = one
            if one.sha256 and one.file.extents:
                self._by_extents[joined(one.file)] = one.sha256

    @property
    def content_bytes(self) -> int:
        """How much the files hold, as our own reading found it."""
        return sum(one.size_bytes for one in self.facts.values())

    def start(self, *command: str) -> PeerProcess:
        """Start a program with room for the whole medium."""
        most = max(self.size_bytes, self.content_bytes)
        bounds = Bounds(
            _LEAST_SECONDS + most / _SLOWEST_BYTES_A_SECOND,
            2 * most + (len(self.facts) + 1000) * _LISTING_BYTES_A_FILE,
            most + (1 << 20),
        )
        return PeerProcess(command, self.folder, bounds, self.waiting)

    def digest_at(self, runs: Iterable[Extent]) -> str:
        """Return the digest of bytes that were read already; empty if they were not as one file."""
        extents = tuple(run for run in runs if run.length)
        return self._by_extents.get(extents, "") if extents else hashlib.sha256().hexdigest()

    def size_of(self, path: str) -> int:
        """Return how long our own reading found a file; negative if it did not find it."""
        one = self._by_fold.get(fold_path(path))
        return one.size_bytes if one is not None else -1


Read = Callable[[Reading], Iterator[Seen]]


@dataclass(frozen=True)
class Program:
    """A program, what it can read, and how it is asked."""

    name: str
    command: str
    version: tuple[str, ...]
    kinds: frozenset[str]
    read: Read

    @cached_property
    def path(self) -> str | None:
        """Where it is installed."""
        if self.command == udfread_child.__name__:
            return sys.executable if udfread_child.load() is not None else None
        return shutil.which(self.command)


def read_by_programs(
    volume: Volume, reading: Reading, goal: Goal, programs: Iterable[Program] | None = None
) -> Iterator[CompatibilityRow]:
    """Yield a row for each program that reads media of this kind, installed or not.

    Raises
    ------
    Exception
        Whatever `reading.waiting` raises, such as that the work was cancelled.
    """
    kinds = kinds_of(volume)
    for program in PROGRAMS if programs is None else programs:
        if not kinds & program.kinds:
            continue
        if program.path is None:
            yield CompatibilityRow(
                program.name,
                ReaderKind.PROGRAM,
                Verdict.NOT_INSTALLED,
                expected=len(goal.instances),
                detail=f"not installed: {program.command}",
            )
            continue
        name = f"{program.name} {version}" if (version := _version(program, reading)) else ""
        seen: list[str] = []
        try:
            with tempfile.TemporaryDirectory(dir=reading.folder, prefix="reader-") as folder:
                here = replace(reading, folder=Path(folder))
                for _, sha256 in program.read(here):
                    seen.append(sha256)
                    if len(seen) > MAX_FILES:
                        raise MediaError(f"{program.name} sees more than {MAX_FILES} files")
        except (MediaError, OSError, ValueError, tarfile.TarError) as fault:
            there = goal.row(name or program.name, ReaderKind.PROGRAM, seen, set(seen))
            yield CompatibilityRow(
                there.reader,
                ReaderKind.PROGRAM,
                Verdict.FAILED,
                there.files,
                there.equal,
                there.instances,
                there.expected,
                str(fault)[:300],
                there.lost,
            )
        else:
            yield goal.row(name or program.name, ReaderKind.PROGRAM, seen, set(seen))


def kinds_of(volume: Volume) -> set[str]:
    """Return the words for what lies on a medium, as programs know it."""
    if isinstance(volume, IsoVolume):
        return {"iso", "udf"} if volume.has_udf else {"iso"}
    if isinstance(volume, UdfVolume):
        return {"udf", "iso"} if volume.has_iso9660 else {"udf"}
    if isinstance(volume, ZipVolume):
        return {"zip"}
    return {"fat"} if isinstance(volume, FatVolume) else set()


def _version(program: Program, reading: Reading) -> str:
    if not program.version:
        return ""
    with (
        suppress(MediaError),
        PeerProcess(
            [program.path or program.command, *program.version],
            reading.folder,
            Bounds(20, 1 << 20),
            reading.waiting,
        ) as process,
    ):
        for line in process.iter_lines():
            if found := re.search(r"(?<![\w.])\d+\.\d[\w.]*", line):
                return found[0]
    return ""


def _by_bsdtar(reading: Reading) -> Iterator[Seen]:
    """Have libarchive turn the medium into a tar stream, and digest what comes."""
    with reading.start("bsdtar", "-cf", "-", "--format=pax", f"@{reading.medium}") as process:
        stream = cast("BinaryIO", io.BufferedReader(process, CHUNK))
        with tarfile.open(fileobj=stream, mode="r|", bufsize=CHUNK) as archive:
            for member in archive:
                # A stream's members are kept for ever otherwise.
                archive.members = []  # type: ignore[attr-defined]
                if member.isfile():
                    content = archive.extractfile(member)
                    yield member.name, _digest(cast("BinaryIO", content), member.size)
        process.finish()


def _by_7z(kind: str) -> Read:
    """Have 7-Zip list the files, then say their contents one behind the other."""

    def read(reading: Reading) -> Iterator[Seen]:
        medium = str(reading.medium)
        with reading.start("7z", "l", "-slt", "-sccUTF-8", f"-t{kind}", "--", medium) as process:
            listed = list(_blocks(process.iter_lines()))
            process.finish()
        with reading.start("7z", "x", "-so", "-bd", f"-t{kind}", "--", medium) as process:
            stream = io.BufferedReader(process, CHUNK)
            for path, size in listed:
                yield path, _digest(stream, size)
            if stream.read(1):
                raise MediaError("7z says more than it listed")
            process.finish()

    return read


def _blocks(lines: Iterator[str]) -> Iterator[tuple[str, int]]:
    """Yield path and size of each file in a technical listing of 7-Zip."""
    for line in lines:
        if line.startswith("-----"):
            break
    path, size, is_folder = "", 0, False
    for line in (*lines, "Path = "):
        key, _, value = line.partition(" = ")
        if key == "Path":
            if path and not is_folder:
                yield path, size
            path, size, is_folder = value, 0, False
        elif key == "Size":
            size = int(value) if value.isdecimal() else 0
        elif key == "Folder":
            is_folder = value == "+"


def _by_xorriso(reading: Reading) -> Iterator[Seen]:
    """Have xorriso say which sectors each file has; what lies in them was read already."""
    medium = str(reading.medium.absolute())
    words = ("-no_rc", "-abort_on", "FAILURE", "-report_about", "FAILURE", "-indev")
    address = medium if reading.medium.is_block_device() else f"stdio:{medium}"
    find = ("-find", "/", "-type", "f", "-exec", "report_lba", "--")
    path, left = "", 0
    runs: list[Extent] = []
    with reading.start("xorriso", *words, address, *find) as process:
        for line in process.iter_lines():
            found = _LBA.fullmatch(line)
            if found is None:
                continue
            name = found[5]
            if name != path or found[1] == "0":
                if path:
                    yield path, reading.digest_at(runs)
                path, runs, left = name, [], int(found[4])
            length = min(left, int(found[3]) * SECTOR)
            runs = _with_run(runs, Extent(int(found[2]) * SECTOR, length))
            left -= length
        if path:
            yield path, reading.digest_at(runs)
        process.finish()


_LBA = re.compile(r"File data lba: *(\d+) *, *(\d+) *, *(\d+) *, *(\d+) *, *(.*)")
_LISTED = re.compile(
    r"-\S+ +\d+ +\d+ +\d+ +(\d+) +\S+ +\d+ +\d+ +\[ *(\d+) +([0-9a-fA-F]{2})\] +(.*?) ?"
)


def _by_isoinfo(reading: Reading) -> Iterator[Seen]:
    """Have isoinfo list every directory; what lies in the sectors it names was read already."""
    folder = "/"
    runs: list[Extent] = []
    medium = str(reading.medium.absolute())
    with reading.start("isoinfo", "-l", "-i", medium) as process:
        for line in process.iter_lines():
            if line.startswith("Directory listing of "):
                folder = line.removeprefix("Directory listing of ").strip()
            elif (found := _LISTED.fullmatch(line)) is not None:
                path = folder + found[4]
                runs = _with_run(runs, Extent(int(found[2]) * SECTOR, int(found[1])))
                # All but the last extent of a file are marked (ECMA-119 9.1.6).
                if not int(found[3], 16) & 0x80:
                    yield path, reading.digest_at(runs)
                    runs = []
        process.finish()


def _with_run(runs: list[Extent], run: Extent) -> list[Extent]:
    if runs and runs[-1].offset + runs[-1].length == run.offset:
        return [*runs[:-1], Extent(runs[-1].offset, runs[-1].length + run.length)]
    return [*runs, run]


def _by_libudfread(reading: Reading) -> Iterator[Seen]:
    """Have libudfread read every file, in a process of its own."""
    child = str(Path(udfread_child.__file__))
    with reading.start(sys.executable, "-I", child, str(reading.medium.absolute())) as process:
        for line in process.iter_lines():
            path, _, sha256 = json.loads(line)
            yield str(path), str(sha256)
        process.finish()


def _by_mtools(reading: Reading) -> Iterator[Seen]:
    """Have mtools copy the files, some of one directory at a time."""
    medium = f"{reading.medium.absolute()}@@{reading.volume_offset}"
    with reading.start("mdir", "-i", medium, "-/", "-b", "::") as process:
        listed = [line for line in process.iter_lines() if line.startswith("::/")]
        process.finish()
    copied = reading.folder / "copied"
    copied.mkdir()
    for batch in _batches([path for path in listed if not path.endswith("/")], reading):
        with reading.start("mcopy", "-n", "-Q", "-i", medium, *batch, str(copied)) as process:
            process.finish()
        for path in batch:
            place = copied / path.rpartition("/")[2]
            with place.open("rb") as file:
                yield path.removeprefix("::/"), hashlib.file_digest(file, "sha256").hexdigest()
            place.unlink()


def _batches(paths: Iterable[str], reading: Reading) -> Iterator[list[str]]:
    """Yield paths of one directory at a time, not too many bytes together."""
    batch: list[str] = []
    folder, size = "", 0
    for path in paths:
        above = path.rpartition("/")[0]
        full = size > _BATCH_BYTES or len(batch) >= _BATCH_FILES
        if batch and (above != folder or full):
            yield batch
            batch, size = [], 0
        folder = above
        size += max(0, reading.size_of(path.removeprefix("::/")))
        batch.append(path)
    if batch:
        yield batch


def _digest(stream: BinaryIO | io.BufferedReader, size: int) -> str:
    """Return SHA-256 of the next `size` bytes; empty if they do not come."""
    digest = hashlib.sha256()
    while size:
        piece = stream.read(min(size, CHUNK))
        if not piece:
            return ""
        digest.update(piece)
        size -= len(piece)
    return digest.hexdigest()


def _program(name: str, command: str, version: str, kinds: str, read: Read) -> Program:
    words = (version,) if version else ()
    return Program(name, command, words, frozenset(kinds.split()), read)


PROGRAMS: tuple[Program, ...] = (
    _program("xorriso", "xorriso", "-version", "iso", _by_xorriso),
    _program("isoinfo", "isoinfo", "--version", "iso", _by_isoinfo),
    _program("bsdtar", "bsdtar", "--version", "iso zip", _by_bsdtar),
    _program("7z (ISO 9660)", "7z", "i", "iso", _by_7z("iso")),
    _program("7z (UDF)", "7z", "i", "udf", _by_7z("udf")),
    _program("libudfread", udfread_child.__name__, "", "udf", _by_libudfread),
    _program("7z (FAT)", "7z", "i", "fat", _by_7z("fat")),
    _program("mtools", "mcopy", "--version", "fat", _by_mtools),
    _program("7z (ZIP)", "7z", "i", "zip", _by_7z("zip")),
)
"""Two or more for each file system; the command names the package to install, or nearly."""
