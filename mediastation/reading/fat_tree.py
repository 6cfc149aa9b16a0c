"""Walk the directories of a FAT volume, whatever its entries claim."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.model.finding import error, warning
from mediastation.reading.contract import (
    MAX_DEPTH,
    MAX_FILES,
    MAX_PATH,
    MAX_PATH_CHARACTERS,
    Extent,
    FileIndex,
    VolumeFile,
)
from mediastation.reading.fat_boot import BootSector
from mediastation.reading.fat_entries import ENTRY_BYTES, MAX_ENTRIES, FatEntry, iter_entries
from mediastation.reading.fat_table import Chain, FatTable, Fault, require_readable
from mediastation.reading.findings import MAX_FAULTS, FindingLog, given_up
from mediastation.reading.iso_tree import MAX_DIRECTORIES, MAX_DIRECTORY_BYTES
from mediastation.reading.names import safe_name
from mediastation.reading.random_access import ExtentStream, RandomAccess

_READ_BYTES = 1 << 15
_MOST_NAMED = 100
_AGAIN = "the medium is damaged: copy what can be read, and have it made again"


@dataclass(frozen=True, slots=True)
class FatDirectory:
    """One directory: `level` is 1 for the root; `short` is its path in 8.3 names.

    `cluster` is 0 where it is no chain.
    """

    path: str
    short: str
    cluster: int
    extents: tuple[Extent, ...]
    level: int
    parent: int

    @property
    def shown(self) -> str:
        """The path as findings name it."""
        return f"directory /{self.path}"


class FatWalk:
    """One walk from the root; `directories` and the index are its result.

    Attributes
    ----------
    label : str
        As the root directory has it; empty if there is none.
    aliases : dict of str to str
        Paths in 8.3 names of the files whose path is shown otherwise.
    """

    def __init__(
        self, access: RandomAccess, boot: BootSector, table: FatTable, log: FindingLog
    ) -> None:
        self.directories: list[FatDirectory] = []
        self.label = ""
        self.aliases: dict[str, str] = {}
        self._unreadable = 0
        self._access = access
        self._boot = boot
        self._table = table
        self._log = log
        self._bytes = MAX_DIRECTORY_BYTES
        self._characters = 0
        self._full = False
        self._shared: list[tuple[int, str]] = []

    def run(self, index: FileIndex) -> None:
        """Enter every file that can be reached into `index`, each directory once."""
        boot = self._boot
        waiting: deque[FatDirectory] = deque()
        if boot.root_bytes:
            extents = (Extent(boot.root_offset, boot.root_bytes),)
            waiting.append(FatDirectory("", "", 0, extents, 1, 0))
        else:
            self._plan(waiting, "", "", boot.root_cluster, 1, 0)
        while waiting and not self._full:
            directory = waiting.popleft()
            position = len(self.directories)
            self.directories.append(directory)
            self._enter(directory, position, waiting, index)
        if self._table.exhausted:
            self._log.add(given_up("directory /"))
        self._name_sharers(index)

    def iter_entries(self, directory: FatDirectory) -> Iterator[FatEntry]:
        """Yield what is recorded in `directory`; `OSError` where it cannot be read."""
        size = sum(extent.length for extent in directory.extents)
        stream = ExtentStream(self._access.read_at, directory.extents, size)
        pieces = iter(lambda: stream.read(_READ_BYTES) or b"", b"")
        yield from iter_entries(pieces, wide=self._boot.kind == 32)

    def _enter(
        self,
        directory: FatDirectory,
        position: int,
        waiting: deque[FatDirectory],
        index: FileIndex,
    ) -> None:
        names: set[bytes] = set()
        number = -1
        try:
            for number, entry in enumerate(self.iter_entries(directory)):
                self._bytes -= ENTRY_BYTES
                if self._log.total > MAX_FAULTS or self._table.exhausted or self._bytes < 0:
                    self._log.add(given_up(directory.shown))
                    self._full = True
                    break
                if entry.deleted:
                    continue
                if entry.is_label:
                    self._take_label(directory, entry)
                elif entry.is_dots:
                    self._check_dots(directory, entry, number)
                else:
                    if entry.short in names:
                        recorded = safe_name(entry.short_name)
                        self._log.add(
                            error("duplicate-name", _joined(directory.path, recorded),
                                  "two entries of the directory have this name",
                                  "systems show one of them only", "Microsoft FAT 1.03")
                        )  # fmt: skip
                    names.add(entry.short)
                    self._follow(directory, position, entry, waiting, index)
                if self._full:
                    break
        except OSError:
            self._unreadable += 1
            require_readable(self._unreadable)
            self._log.add(error("unreadable", directory.shown, "cannot be read", _AGAIN))
        if directory.level > 1 and number < 1:
            self._log.add(
                warning("directory-parent", directory.shown, "does not begin with . and ..",
                        "it may be damaged: look whether files are missing", "Microsoft FAT 1.03")
            )  # fmt: skip

    def _take_label(self, directory: FatDirectory, entry: FatEntry) -> None:
        if directory.level > 1 or self.label:
            self._log.add(
                warning("volume-label", directory.shown, "has a volume label that does not count")
            )
            return
        self.label = safe_name(entry.short.decode("cp437").rstrip(" \0"))

    def _check_dots(self, directory: FatDirectory, entry: FatEntry, number: int) -> None:
        above = self.directories[directory.parent]
        itself = entry.short[1:2] == b" "
        wanted = directory.cluster if itself else above.cluster if above.level > 1 else 0
        right = entry.cluster == wanted or (
            not itself and above.level == 1 and entry.cluster == self._boot.root_cluster
        )
        if directory.level == 1 or number != (0 if itself else 1) or not right:
            self._log.add(
                warning("directory-parent", directory.shown,
                        f"its entry {'.' if itself else '..'} leads elsewhere",
                        "programs that climb by it lose their way", "Microsoft FAT 1.03")
            )  # fmt: skip

    def _follow(
        self,
        directory: FatDirectory,
        position: int,
        entry: FatEntry,
        waiting: deque[FatDirectory],
        index: FileIndex,
    ) -> None:
        recorded = safe_name(entry.short_name)
        path = _joined(directory.path, safe_name(entry.shown_name))
        short = _joined(directory.short, recorded)
        if entry.stray:
            self._log.add(
                warning("long-name", path, "parts of another long name stand before its entry",
                        "a system without long names wrote here", "Microsoft FAT 1.03")
            )  # fmt: skip
        if entry.is_directory:
            self._plan(waiting, path, short, entry.cluster, directory.level + 1, position)
            return
        if path in index:
            self._log.add(
                error("duplicate-name", path, "two files of the directory have this name")
            )
            path = index.free_path(path)
        if len(index) >= MAX_FILES or self._characters + len(path) > MAX_PATH_CHARACTERS:
            self._full = True
            self._log.add(error("too-many-files", "", f"more than {len(index)} files; not listed"))
            return
        self._characters += len(path)
        extents = self._extents_of(entry, path)
        index.add(VolumeFile(path, entry.size_bytes, extents, recorded))
        if short != path:
            self._characters += len(short)
            self.aliases.setdefault(short, path)

    def _plan(
        self,
        waiting: deque[FatDirectory],
        path: str,
        short: str,
        cluster: int,
        level: int,
        parent: int,
    ) -> None:
        shown = f"directory /{path}"
        if level > MAX_DEPTH or len(path) > MAX_PATH:
            self._log.add(
                error("too-deep", shown[: MAX_PATH + 80],
                      f"more than {MAX_DEPTH} levels or {MAX_PATH} characters; not entered")
            )  # fmt: skip
            return
        if len(self.directories) + len(waiting) >= MAX_DIRECTORIES:
            self._log.add(
                error("too-many-directories", shown, f"more than {MAX_DIRECTORIES}; not entered")
            )
            return
        boot = self._boot
        if 2 <= cluster < boot.clusters + 2 and self._table.is_owned(cluster):
            self._log.add(
                error("directory-loop", shown, "leads to clusters that are in use; not entered",
                      "the medium is damaged or hostile", "Microsoft FAT 1.03")
            )  # fmt: skip
            return
        most = -(MAX_ENTRIES * ENTRY_BYTES // -boot.cluster_bytes)
        chain = self._table.follow(cluster, most)
        self._tell(chain, shown)
        self._characters += len(path) + len(short)
        extents = chain.extents(boot, chain.clusters * boot.cluster_bytes)
        waiting.append(FatDirectory(path, short, cluster, extents, level, parent))

    def _extents_of(self, entry: FatEntry, path: str) -> tuple[Extent, ...]:
        boot, size = self._boot, entry.size_bytes
        if not size:
            if entry.cluster:
                self._log.add(
                    warning("chain-long", path, "is empty and has clusters", "", "PS3.12 A.1")
                )
            return ()
        needed = -(size // -boot.cluster_bytes)
        chain = self._table.follow(entry.cluster, needed)
        if chain.fault is None and chain.clusters < needed:
            chain.fault = Fault.SHORT
        self._tell(chain, path)
        extents = chain.extents(boot, size)
        if any(extent.offset + extent.length > self._access.size_bytes for extent in extents):
            self._log.add(
                error("truncated-file", path,
                      f"lies beyond the end of the image ({size} bytes claimed)",
                      "copy the image again")
            )  # fmt: skip
        return extents

    def _tell(self, chain: Chain, subject: str) -> None:
        if chain.shared and len(self._shared) < _MOST_NAMED:
            self._shared.append((chain.shared, subject))
        elif chain.shared:
            self._log.add(error("cross-link", subject, f"shares cluster {chain.shared}", _AGAIN))
        if chain.fault is not None:
            rule, message = chain.fault.value
            make = warning if chain.fault is Fault.LONG else error
            self._log.add(make(rule, subject, message, _AGAIN, "Microsoft FAT 1.03"))

    def _name_sharers(self, index: FileIndex) -> None:
        """Say with whom each of the chains that met another one does share a cluster."""
        if not self._shared:
            return
        offsets = sorted(self._boot.cluster_offset(cluster) for cluster, _ in self._shared)
        owners: dict[int, list[str]] = {}
        claims = [(one.shown, one.extents) for one in self.directories]
        for file in index:
            claims.append((file.path, file.extents))
        for owner, extents in claims:
            for extent in extents:
                first = bisect_left(offsets, extent.offset)
                for offset in offsets[
                    first : bisect_right(offsets, extent.offset + extent.length - 1)
                ]:
                    named = owners.setdefault(offset, [])
                    if len(named) < 4 and owner not in named:
                        named.append(owner)
        for cluster, subject in self._shared:
            named = owners.get(self._boot.cluster_offset(cluster), [])
            others = " and ".join(one for one in named if one != subject) or "another chain"
            self._log.add(
                error("cross-link", subject, f"shares cluster {cluster} with {others}", _AGAIN,
                      "Microsoft FAT 1.03")
            )  # fmt: skip


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
