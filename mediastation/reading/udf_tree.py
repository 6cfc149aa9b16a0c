"""Walk the directory hierarchy of a UDF volume, whatever its numbers claim."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.model.finding import error, note, warning
from mediastation.reading.contract import (
    MAX_DEPTH,
    MAX_FILES,
    MAX_PATH,
    MAX_PATH_CHARACTERS,
    Extent,
    FileIndex,
    VolumeFile,
)
from mediastation.reading.findings import MAX_FAULTS, FindingLog, given_up
from mediastation.reading.iso_tree import MAX_DIRECTORIES, MAX_DIRECTORY_BYTES
from mediastation.reading.names import safe_name
from mediastation.reading.overlaps import check_overlaps
from mediastation.reading.random_access import ExtentStream
from mediastation.reading.udf_space import Content, Entry, UdfSpace
from mediastation.reading.udf_structures import (
    Allocation,
    Characteristic,
    FileIdentifier,
    FileType,
    TagId,
    cs0_text,
    read_file_identifier,
    u16,
)

_MOST_CANDIDATES = 10_000
_CUT = "the image is cut off or the disc was not finished: copy or burn it again"
_NOT_ALLOCATABLE = "Non-Allocatable Space"
"""UDF 3.3.7.2 of the revisions before 2.00: a file over the bad and unused packets of a disc."""
_AGAIN = "files of this directory may be out of reach; make the disc again"


@dataclass(frozen=True, slots=True)
class UdfDirectory:
    """One directory: `level` is 1 for the root; `offset` is its ICB's place in bytes."""

    path: str
    found: Entry
    content: Content
    level: int
    parent: int

    @property
    def shown(self) -> str:
        """The path as findings name it."""
        return f"directory /{self.path}"


@dataclass(frozen=True, slots=True)
class UdfName:
    """What one File Identifier Descriptor of `directory` leads to.

    `path` is empty and `found` is None for the one that leads up, and for a
    deleted one; `found` is None too where the entry cannot be read.
    """

    directory: UdfDirectory
    identifier: FileIdentifier
    path: str
    found: Entry | None


class UdfWalk:
    """One walk from the root ICB; `directories` and the index are its result.

    `entry_places` has offset and length of each ICB in turn. `is_plain` tells
    whether nothing but the files and directories listed can own bytes.
    """

    def __init__(self, space: UdfSpace, log: FindingLog) -> None:
        self.directories: list[UdfDirectory] = []
        self.entry_places = array("Q")
        self.is_plain = True
        self._space = space
        self._log = log
        self._seen: dict[int, str] = {}
        self._entered: dict[int, tuple[tuple[Extent, ...], int]] = {}
        self._bytes = 0
        self._characters = 0
        self._full = False

    def run(self, root: Allocation, index: FileIndex) -> None:
        """Enter every file that can be reached from `root` into `index`, each directory once."""
        found = self._space.read_entry(root.partition or 0, root.block, "directory /")
        if found is None:
            return
        waiting: deque[UdfDirectory] = deque()
        if found.entry.file_type != FileType.DIRECTORY:
            self._log.add(error("root-directory", "directory /", "it is no directory"))
            return
        self._plan(waiting, found, "", 1, 0)
        while waiting and not self._full:
            directory = waiting.popleft()
            position = len(self.directories)
            self.directories.append(directory)
            for identifier in self._identifiers(directory):
                self._follow(directory, position, identifier, waiting, index)
                if self._full:
                    break
        if self._space.exhausted:
            self._log.add(given_up("directory /"))
        check_overlaps(index, self.structures(), self._log)

    def iter_names(self) -> Iterator[UdfName]:
        """Read again what the directories name, damaged descriptors left out."""
        again = UdfWalk(self._space.again(), FindingLog())
        without = Characteristic.PARENT | Characteristic.DELETED
        for directory in self.directories:
            for identifier in again._identifiers(directory):
                if again._space.exhausted:
                    return
                path, found = "", None
                if not identifier.characteristics & without:
                    name = _shown(identifier)
                    path = f"{directory.path}/{name}" if directory.path else name
                    icb = identifier.icb
                    found = again._space.read_entry(icb.partition or 0, icb.block, path)
                yield UdfName(directory, identifier, path, found)

    def structures(self) -> Iterator[tuple[int, int, str]]:
        """Yield offset, length and name of all ICBs and of the contents of directories."""
        for at in range(0, len(self.entry_places), 2):
            yield self.entry_places[at], self.entry_places[at + 1], "file entry"
        for directory in self.directories:
            for extent in directory.content.extents:
                if extent.offset >= 0:
                    yield extent.offset, extent.length, directory.shown
        for offset in self._space.continuations:
            yield offset, self._space.block_size, "allocation extent descriptor"

    def _plan(
        self, waiting: deque[UdfDirectory], found: Entry, path: str, level: int, parent: int
    ) -> None:
        shown = f"directory /{path}"
        first = self._seen.get(found.offset)
        room = MAX_DIRECTORY_BYTES - self._bytes
        if first is not None:
            self._log.add(
                error("directory-loop", shown, f"leads back to /{first}; not entered again",
                      "the disc is damaged or hostile", "ECMA-167 4/8.6")
            )  # fmt: skip
        elif level > MAX_DEPTH or len(path) > MAX_PATH:
            self._log.add(
                error("too-deep", shown[: MAX_PATH + 80],
                      f"more than {MAX_DEPTH} levels or {MAX_PATH} characters; not entered")
            )  # fmt: skip
        elif len(self._seen) >= MAX_DIRECTORIES or found.entry.size_bytes > room:
            self._log.add(
                error("too-many-directories", shown,
                      f"claims {found.entry.size_bytes} bytes, too much to list; not entered")
            )  # fmt: skip
        else:
            content = self._space.content_of(found, shown)
            self._seen[found.offset] = path
            self._bytes += content.size_bytes
            self._characters += len(path)
            self._place(found)
            waiting.append(UdfDirectory(path, found, content, level, parent))

    def _place(self, found: Entry) -> None:
        self.entry_places.extend((found.offset, found.header_bytes))
        if found.entry.has_streams or found.entry.has_attributes:
            self.is_plain = False

    def _identifiers(self, directory: UdfDirectory) -> list[FileIdentifier]:
        """Read what `directory` names, from the mirror if that is better."""
        log = FindingLog()
        found = self._parse(directory, directory.content, log)
        if log.total and self._space.mirrors:
            content = self._space.content_of(directory.found, directory.shown, mirror=True)
            quiet = FindingLog()
            if content.extents != directory.content.extents:
                other = self._parse(directory, content, quiet)
                if quiet.total < log.total:
                    self._log.add(
                        error("mirror-used", directory.shown, "is damaged; read from the mirror",
                              "make the disc again", "UDF 2.2.13")
                    )  # fmt: skip
                    found, log = other, quiet
        self._log.extend(log)
        return found

    def _parse(
        self, directory: UdfDirectory, content: Content, log: FindingLog
    ) -> list[FileIdentifier]:
        stream = ExtentStream(self._space.access.read_at, content.extents, content.size_bytes)
        pieces = []
        try:
            while piece := stream.read(1 << 20):
                pieces.append(piece)
        except OSError:
            log.add(error("unreadable", directory.shown, "a sector of it cannot be read", _AGAIN))
        raw = b"".join(pieces)
        if len(raw) < content.size_bytes:
            log.add(
                error("truncated-image", directory.shown,
                      f"the image ends inside it, after {len(raw)} bytes", "copy or burn it again")
            )  # fmt: skip
        found: list[FileIdentifier] = []
        starts = [start for start, _ in content.blocks]
        embedded = directory.found.entry.ad_type == 3
        at = 0
        while at < len(raw):
            identifier = read_file_identifier(raw, at)
            if identifier is None or len(identifier.faults) > 1:
                following = _next_identifier(raw, at)
                log.add(
                    error("directory-record", directory.shown,
                          f"the descriptor at its byte {at} is malformed", _AGAIN,
                          "ECMA-167 4/14.4")
                )  # fmt: skip
                at = following
                continue
            faults = list(identifier.faults)
            start, block = content.blocks[bisect_right(starts, at) - 1]
            expected = block if embedded else block + (at - start) // self._space.block_size
            if identifier.location != expected:
                faults.append("tag location")
            if faults:
                log.add(
                    error("file-identifier", directory.shown,
                          f"the descriptor at its byte {at} has a wrong {' and '.join(faults)}",
                          _AGAIN, "ECMA-167 3/7.2")
                )  # fmt: skip
            found.append(identifier)
            at += identifier.length
        if not found or not found[0].characteristics & Characteristic.PARENT:
            log.add(
                error("directory-parent", directory.shown, "does not begin with its parent",
                      reference="UDF 2.3.4")
            )  # fmt: skip
        return found

    def _follow(
        self,
        directory: UdfDirectory,
        position: int,
        identifier: FileIdentifier,
        waiting: deque[UdfDirectory],
        index: FileIndex,
    ) -> None:
        space, traits = self._space, identifier.characteristics
        reference, block = identifier.icb.partition or 0, identifier.icb.block
        if traits & Characteristic.PARENT:
            above = self.directories[directory.parent].found
            if space.locate(reference, block) != space.locate(above.partition, above.block):
                self._log.add(
                    warning("directory-parent", directory.shown,
                            "its parent is not the directory that holds it",
                            "programs that climb by it lose their way", "ECMA-167 4/8.6")
                )  # fmt: skip
            return
        if traits & Characteristic.DELETED:
            self.is_plain = False
            return
        name = _shown(identifier)
        path = f"{directory.path}/{name}" if directory.path else name
        if cs0_text(identifier.name) is None:
            self._log.add(
                error("name-encoding", path, "its name is not in OSTA CS0", reference="UDF 2.1.1")
            )
        if self._log.total > MAX_FAULTS or space.exhausted:
            self._log.add(given_up(directory.shown))
            self._full = True
            return
        if name == _NOT_ALLOCATABLE and not directory.path:
            self.is_plain = False
            self._log.add(note("special-file", path, "names what cannot be written; left aside"))
            return
        if traits & Characteristic.HIDDEN:
            self._log.add(
                warning("hidden-file", path, "is marked hidden",
                        "readers may not show it; no DICOM file may be hidden",
                        "PS3.12 Annexes J, P, X")
            )  # fmt: skip
        found = space.read_entry(reference, block, path)
        if found is None:
            self._log.add(
                error("directory-record", directory.shown,
                      f"what {name} is cannot be read, nor what lies in it", _AGAIN,
                      "ECMA-167 4/14.9")
            )  # fmt: skip
            return
        kind = found.entry.file_type
        if bool(traits & Characteristic.DIRECTORY) != (kind == FileType.DIRECTORY):
            self._log.add(
                error("file-type", path, f"its name and its file type {kind} disagree",
                      reference="ECMA-167 4/14.4.3")
            )  # fmt: skip
        if kind == FileType.DIRECTORY:
            self._plan(waiting, found, path, directory.level + 1, position)
            return
        self._enter(found, path, name, index)

    def _enter(self, found: Entry, path: str, recorded: str, index: FileIndex) -> None:
        kind, entry = found.entry.file_type, found.entry
        if kind == FileType.SYMBOLIC_LINK:
            self.is_plain = False
            self._log.add(note("symbolic-link", path, "a symbolic link; not followed"))
            return
        if kind not in {FileType.FILE, FileType.UNSPECIFIED, 249}:
            self.is_plain = False
            self._log.add(warning("special-file", path, f"has file type {kind}; not opened"))
            return
        if kind == FileType.UNSPECIFIED:
            self._log.add(
                warning("file-type", path, "has file type 0, which is no ordinary file's",
                        "some readers refuse the whole disc", "UDF 2.3.5.2")
            )  # fmt: skip
        if entry.is_system:
            self._log.add(note("system-file", path, "is marked as a system file"))
        if entry.has_streams:
            self._log.add(note("named-streams", path, "has named streams; left aside"))
        if path in index:
            self._log.add(
                error("duplicate-name", path, "two files of the directory have this name",
                      reference="UDF 2.3.4")
            )  # fmt: skip
            path = index.free_path(path)
        if len(index) >= MAX_FILES or self._characters + len(path) > MAX_PATH_CHARACTERS:
            self._full = True
            self._log.add(error("too-many-files", "", f"more than {len(index)} files; not listed"))
            return
        self._characters += len(path)
        known = self._entered.get(found.offset)
        if known is None:
            content = self._space.content_of(found, path)
            known = (tuple(content.extents), content.size_bytes)
            self._place(found)
            if entry.link_count != 1:
                self._entered[found.offset] = known
            end = self._space.access.size_bytes
            if any(extent.offset + extent.length > end for extent in known[0]):
                self._log.add(
                    error("truncated-file", path,
                          f"lies beyond the end of the image ({entry.size_bytes} bytes claimed)",
                          _CUT)
                )  # fmt: skip
        index.add(VolumeFile(path, entry.size_bytes, known[0], recorded))


def _shown(identifier: FileIdentifier) -> str:
    text = cs0_text(identifier.name)
    return safe_name(text if text is not None else identifier.name.decode("latin-1"))


def _next_identifier(raw: bytes, at: int) -> int:
    """Return where after `at` the next whole File Identifier Descriptor begins, or the end.

    What only looks like one costs a checksum of a few bytes, and a CRC so and so
    many times: a directory may hold nothing else.
    """
    marker = int(TagId.FILE_IDENTIFIER).to_bytes(2, "little")
    left = _MOST_CANDIDATES
    while left and (at := raw.find(marker, at + 1)) >= 0:
        if at % 4:
            at += 3 - at % 4
            continue
        tag = raw[at : at + 16]
        if len(tag) < 16:
            break
        if u16(tag, 10) > 4096 or (sum(tag) - tag[4]) & 0xFF != tag[4]:
            continue
        found = read_file_identifier(raw, at)
        if found is not None and not found.faults:
            return at
        left -= 1
    return len(raw)
