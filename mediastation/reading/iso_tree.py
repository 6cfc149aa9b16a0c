"""Walk the directory hierarchy of an ISO 9660 volume, whatever its numbers claim."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.model.finding import error, note
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
from mediastation.reading.iso_structures import (
    PARENT,
    SECTOR,
    SELF,
    FileFlag,
    IsoRecord,
    PrimaryDescriptor,
    read_iso_record,
)
from mediastation.reading.names import iso_name, safe_name
from mediastation.reading.overlaps import check_overlaps
from mediastation.reading.random_access import RandomAccess

MAX_DIRECTORIES = 100_000
MAX_DIRECTORY_BYTES = 64 << 20
"""All directories together; 500,000 files with Rock Ridge need about as much."""

MAX_EXTENTS = 4096
"""Extents of one file; each can have 4 GiB."""

_READ_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class IsoDirectory:
    """One directory: `level` is 1 for the root, `offset` its place on the image in bytes."""

    path: str
    identifier: bytes
    block: int
    offset: int
    size_bytes: int
    level: int
    parent: int

    @property
    def shown(self) -> str:
        """The path as findings name it."""
        return f"directory /{self.path}"


def iter_directory(
    access: RandomAccess, directory: IsoDirectory, log: FindingLog
) -> Iterator[IsoRecord]:
    """Yield the records of `directory`; those that cannot be are findings.

    `OSError` where the medium cannot be read.
    """
    done = 0
    while done < directory.size_bytes:
        want = min(_READ_BYTES, directory.size_bytes - done)
        chunk = access.read_at(directory.offset + done, want)
        for start in range(0, len(chunk), SECTOR):
            sector = chunk[start : start + SECTOR]
            at = 0
            while at < len(sector) and sector[at]:
                place = directory.offset + done + start + at
                record = read_iso_record(sector, at, place)
                if record is None:
                    log.add(
                        error(
                            "directory-record",
                            directory.shown,
                            f"the record at byte {place} is malformed",
                            "files of this directory may be out of reach; make the disc again",
                            "ECMA-119 9.1",
                        )
                    )
                    break
                yield record
                at += record.length
        if len(chunk) < want:
            log.add(
                error(
                    "truncated-image",
                    directory.shown,
                    f"the image ends inside it, after {done + len(chunk)} bytes",
                    "copy or burn it again",
                )
            )
            return
        done += want


class TreeWalk:
    """One walk from the root record; `directories` and the index are its result.

    Attributes
    ----------
    is_damaged : bool
        Whether some directory could not be read, or not to its end.
    """

    def __init__(
        self,
        access: RandomAccess,
        primary: PrimaryDescriptor,
        block_size: int,
        log: FindingLog,
        encoding: str = "latin-1",
    ) -> None:
        self.directories: list[IsoDirectory] = []
        self.is_damaged = False
        self._encoding = encoding
        self._access = access
        self._root = primary.root
        self.block_size = block_size
        self._positions: dict[str, int] = {}
        self._log = log
        self._seen: dict[int, str] = {}
        self._bytes = 0
        self._characters = 0
        self._full = False

    def run(self, index: FileIndex) -> None:
        """Enter every file that can be reached into `index`, each directory once."""
        if self._root is None:
            self._log.add(
                error("root-directory", "primary volume descriptor", "has no root directory record")
            )
            self.is_damaged = True
            return
        waiting: deque[IsoDirectory] = deque()
        self._plan(waiting, self._root, "", 1, 0)
        self._go(waiting, index)

    def adopt(self, record: IsoRecord, path: str, index: FileIndex) -> bool:
        """Walk a directory that its own parent does not lead to; tell whether it could be.

        Parameters
        ----------
        record : IsoRecord
            The directory's own record, which stands in its first place.
        path : str
            Where it belongs; its parent may not have been found.
        """
        parent = self._positions.get(path.rpartition("/")[0], 0)
        before = len(self._seen)
        waiting: deque[IsoDirectory] = deque()
        self._plan(waiting, record, path, path.count("/") + 2, parent)
        self._go(waiting, index)
        return len(self._seen) > before

    def path_of(self, block: int) -> str | None:
        """Return the path of the directory that begins in a block; None if none was found."""
        return self._seen.get(block)

    def check_overlaps(self, index: FileIndex) -> None:
        """Report bytes that two files claim, or a file and a directory."""
        places = ((d.offset, d.size_bytes, d.shown) for d in self.directories)
        check_overlaps(index, places, self._log)

    def _go(self, waiting: deque[IsoDirectory], index: FileIndex) -> None:
        while waiting and not self._full:
            directory = waiting.popleft()
            position = len(self.directories)
            self.directories.append(directory)
            self._positions.setdefault(directory.path, position)
            faults = self._log.count("directory-record", "truncated-image")
            try:
                self._read(directory, position, waiting, index)
            except OSError as fault:
                self.is_damaged = True
                self._log.add(
                    error(
                        "unreadable",
                        directory.shown,
                        f"cannot be read: {fault.strerror}",
                        "clean the disc and try another drive: files may be out of reach",
                    )
                )
            if self._log.count("directory-record", "truncated-image") > faults:
                self.is_damaged = True

    def _plan(
        self, waiting: deque[IsoDirectory], record: IsoRecord, path: str, level: int, parent: int
    ) -> None:
        offset = (record.block + record.extended_attribute_length) * self.block_size
        size_bytes = min(record.size_bytes, MAX_DIRECTORY_BYTES - self._bytes)
        directory = IsoDirectory(
            path, record.identifier, record.block, offset, size_bytes, level, parent
        )
        self._check_both_orders(record, directory.shown)
        first = self._seen.get(record.block)
        room = self._access.size_bytes - offset
        if first is not None:
            self._log.add(
                error(
                    "directory-loop",
                    directory.shown,
                    f"leads back to directory /{first}; not entered again",
                    "the disc is damaged or hostile",
                    "ECMA-119 6.8.2",
                )
            )
            self.is_damaged = True
        elif room <= 0 or not record.is_directory:
            self.is_damaged = True
            fault = "lies beyond the end of the image" if room <= 0 else "is no directory"
            self._log.add(error("truncated-image", directory.shown, f"it {fault}"))
        elif level > MAX_DEPTH or len(path) > MAX_PATH:
            self._log.add(
                error(
                    "too-deep",
                    directory.shown[: MAX_PATH + 80],
                    f"more than {MAX_DEPTH} levels or {MAX_PATH} characters; not entered",
                )
            )
        elif (
            len(self._seen) >= MAX_DIRECTORIES
            or self._bytes >= MAX_DIRECTORY_BYTES
            or self._characters >= MAX_PATH_CHARACTERS
        ):
            self._log.add(
                error("too-many-directories", directory.shown, "too much to list; not entered")
            )
        else:
            if size_bytes < min(record.size_bytes, room):
                self._log.add(
                    error(
                        "too-many-directories",
                        directory.shown,
                        f"claims {record.size_bytes} bytes; read no further than {size_bytes}",
                    )
                )
            self._seen[record.block] = path
            self._bytes += min(size_bytes, room)
            self._characters += len(path)
            waiting.append(directory)

    def _read(
        self,
        directory: IsoDirectory,
        position: int,
        waiting: deque[IsoDirectory],
        index: FileIndex,
    ) -> None:
        parent = self.directories[directory.parent]
        expected = [(SELF, directory), (PARENT, parent)]
        pending: list[IsoRecord] = []
        number = -1
        for number, record in enumerate(iter_directory(self._access, directory, self._log)):
            if number < 2:
                identifier, target = expected[number]
                if (record.identifier, record.block) != (identifier, target.block):
                    self._log.add(
                        error(
                            "directory-self",
                            directory.shown,
                            f"its record {number + 1} does not lead to /{target.path}",
                            reference="ECMA-119 6.8.2.2",
                        )
                    )
                self._check_both_orders(record, directory.shown)
            if record.identifier in {SELF, PARENT}:
                continue
            if number % 1000 == 0 and self._log.total > MAX_FAULTS:
                self._log.add(given_up(directory.shown))
                self._full = True
                return
            name = iso_name(record.identifier, self._encoding)
            path = f"{directory.path}/{name}" if directory.path else name
            if record.is_directory:
                name = safe_name(record.identifier.decode(self._encoding, "replace"))
                path = f"{directory.path}/{name}" if directory.path else name
                self._plan(waiting, record, path, directory.level + 1, position)
                continue
            if record.flags & FileFlag.ASSOCIATED:
                self._log.add(note("associated-file", path, "an associated file; left aside"))
                continue
            if pending and pending[-1].identifier != record.identifier:
                self._log.add(
                    error("multi-extent", path, "another file's last extent is missing before it")
                )
                self._enter(directory, pending, index)
                pending = []
            if len(pending) < MAX_EXTENTS:
                pending.append(record)
            elif len(pending) == MAX_EXTENTS and record.size_bytes:
                self._log.add(
                    error("multi-extent", path, f"has more than {MAX_EXTENTS} extents; cut there")
                )
            if not record.flags & FileFlag.MULTI_EXTENT:
                self._enter(directory, pending, index)
                pending = []
            if self._full:
                return
        if pending:
            self._log.add(
                error(
                    "multi-extent", directory.shown, "the last extent of its last file is missing"
                )
            )
            self._enter(directory, pending, index)
        if number < 1:
            self.is_damaged = True
            self._log.add(
                error(
                    "directory-self",
                    directory.shown,
                    "has no records, not even of itself",
                    "it is damaged, and what lay in it may be out of reach: try another drive",
                    "ECMA-119 6.8.2.2",
                )
            )

    def _enter(self, directory: IsoDirectory, records: list[IsoRecord], index: FileIndex) -> None:
        identifier = records[0].identifier
        recorded = safe_name(identifier.decode(self._encoding, "replace"))
        name = iso_name(identifier, self._encoding)
        path = f"{directory.path}/{name}" if directory.path else name
        if path in index:
            self._log.add(
                error(
                    "duplicate-name",
                    path,
                    "two files of the directory have this name",
                    reference="ECMA-119 6.8.2.1",
                )
            )
            path = f"{directory.path}/{recorded}" if directory.path else recorded
            path = index.free_path(path)
        self._characters += len(path)
        if len(index) >= MAX_FILES or self._characters > MAX_PATH_CHARACTERS:
            self._full = True
            self._log.add(error("too-many-files", "", f"more than {len(index)} files; not listed"))
            return
        size_bytes = sum(record.size_bytes for record in records)
        extents = self._extents_of(records, path)
        for record in records:
            self._check_both_orders(record, path)
            if record.interleaved:
                self._log.add(
                    error("interleaved", path, "recorded interleaved, which is not read here")
                )
        if any(extent.offset + extent.length > self._access.size_bytes for extent in extents):
            self._log.add(
                error(
                    "truncated-file",
                    path,
                    f"lies beyond the end of the image ({size_bytes} bytes claimed)",
                    "the image is cut off or the disc was not finished: copy or burn it again",
                )
            )
        index.add(VolumeFile(path, size_bytes, extents, recorded))

    def _extents_of(self, records: list[IsoRecord], path: str) -> tuple[Extent, ...]:
        """Return where the pieces of a file lie, as long as the image has room for them all."""
        extents: list[Extent] = []
        room = self._access.size_bytes
        for record in records:
            offset = (record.block + record.extended_attribute_length) * self.block_size
            held = max(0, min(record.size_bytes, self._access.size_bytes - offset))
            if held > room:
                self._log.add(
                    error(
                        "overlap",
                        path,
                        "claims more bytes than the image has",
                        "the disc is damaged or hostile",
                    )
                )
                break
            room -= held
            if record.size_bytes:
                extents.append(Extent(offset, record.size_bytes))
        return tuple(extents)

    def _check_both_orders(self, record: IsoRecord, subject: str) -> None:
        for field in record.disagreeing:
            self._log.add(
                error(
                    "both-endian",
                    subject,
                    f"the two byte orders of its {field} disagree",
                    "readers see different media; do not hand it out",
                    "ECMA-119 7.3.3",
                )
            )
