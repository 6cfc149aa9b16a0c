"""A hashed copy of a disc, made before anything on it is believed.

The drive is asked for as little as can be, for every second try may be its
last: a first pass takes large chunks and leaves aside what does not come; that
is then divided down to single sectors, and the sectors that failed alone are
asked for again, a limited number of times. What stays unreadable is zeros in
the copy and stands in the map (`mediastation.importing.disc_map`), beside
which a process that was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, sync_folder
from mediastation.errors import MediaError
from mediastation.importing.disc_damage import SECTOR, check_disc, claimed_bytes
from mediastation.importing.disc_drive import Drive, OtherDiscError, open_drive
from mediastation.importing.disc_map import DiscJournal
from mediastation.media.disk import locked, require_space
from mediastation.media.left_over import part_path
from mediastation.model.finding import Finding
from mediastation.reading.contract import Extent
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.random_access import RandomAccess

Progress = Callable[[int, int], None]
"""Called with the bytes that are settled and all there are; what it raises stops the copy."""

CHUNK = 1 << 20
PIECE = 1 << 16
"""A chunk that failed is asked for in pieces of so many bytes, then by the sector."""

RETRIES = 3
EDGE = 16
"""Of longer runs of bad sectors so many at each end are asked again: a scratch is worn at its edges
and hopeless in the middle, and each failure costs the drive seconds."""

RUN_OUT_SECTORS = 150
"""By so much two drives differ about where a disc ends that was written track at once."""

_FLUSH_BYTES = 16 << 20
_FLUSH_SECTORS = 16


@dataclass(frozen=True, slots=True)
class DiscCopy:
    """The copy of a disc, as far as the disc could be read.

    `sha256` is that of the copy. `bad` are the bytes, in order, that are zeros
    because no drive gave them; run-out blocks behind the file system are among
    them, `findings` tell these from damage. `retried` counts the sectors that
    were read only when they were asked for again.
    """

    path: Path
    size_bytes: int
    sha256: str
    bad: tuple[Extent, ...] = ()
    retried: int = 0
    findings: tuple[Finding, ...] = ()


def map_path(target: Path) -> Path:
    """Return where the journal of the copy `target` lies: ``disc.map`` beside ``disc.img``."""
    return target.with_suffix(".map")


def holds_other_disc(source: Path, target: Path) -> bool:
    """Tell whether another disc lies in `source` than the one whose copy `target` is or will be.

    Where nothing can be read, or no copy was begun, nobody can tell: false.
    """
    journal = DiscJournal.resume(map_path(target))
    if journal is None:
        return False
    journal.close()
    known, size_bytes = journal.map.known, journal.map.size_bytes
    try:
        access = open_drive(source, RandomAccess)
    except (MediaError, OSError):
        return False
    try:
        drive = Drive(source, access)
        if not drive.size_bytes:
            return False
        if abs(drive.size_bytes - size_bytes) > RUN_OUT_SECTORS * SECTOR:
            return True
        # A copy that nothing is known of to tell its disc by is nobody's.
        if not known:
            return True
        drive.require_same_disc(known)
    except OtherDiscError:
        return True
    except MediaError:
        return False
    finally:
        access.close()
    return False


def copy_disc(
    source: Path,
    target: Path,
    *,
    opener: AccessOpener = RandomAccess,
    progress: Progress | None = None,
    retries: int = RETRIES,
) -> DiscCopy:
    """Copy the disc in `source` to `target`, or go on with a copy that was begun.

    Until it is whole the copy is called ``.NAME.part``; its journal stays when
    the copy is done, and a second call then reads nothing but the copy's
    file system.

    Parameters
    ----------
    source : Path
        A drive, or an image that is not to be trusted to stay.
    target : Path
        A file in an existing folder, readable by its owner only.
    opener : callable
        How the bytes of `source` are reached; past the system's cache if none is given and it is
        a drive.
    progress : callable, optional
        May raise to cancel; what was read by then is kept.
    retries : int
        How often sectors that failed alone are asked for again.

    Returns
    -------
    DiscCopy
        With findings for what could not be read.

    Raises
    ------
    MediaError
        If the disk of `target` is full or fails; if the drive does not answer
        any more, or holds another disc than the one whose copy was begun. The
        journal stays, and the same call goes on.
    """
    with disk_trouble_told(target.parent):
        done = _finished(target)
    if done is not None:
        return done
    access = open_drive(source, opener)
    try:
        with disk_trouble_told(target.parent):
            copy = _Copy(Drive(source, access), target, progress or _unwatched)
            try:
                copy.run(retries)
            finally:
                copy.close()
            done = _finished(target)
    finally:
        access.close()
    if done is None:
        raise MediaError(f"{target} was removed while it was made", "Import the disc again.")
    return done


def _unwatched(_done: int, _total: int) -> None:
    """Take no notice."""


def _finished(target: Path) -> DiscCopy | None:
    """Return the copy if its journal says that it is whole; gives it its name if that is due."""
    journal = DiscJournal.resume(map_path(target))
    if journal is None:
        return None
    journal.close()
    disc_map = journal.map
    if not disc_map.sha256:
        return None
    part = part_path(target)
    if _size(target) != disc_map.size_bytes:
        if _size(part) != disc_map.size_bytes:
            return None
        part.replace(target)
        sync_folder(target.parent)
    bad = disc_map.unreadable()
    retried = disc_map.recovered_bytes // SECTOR
    findings = check_disc(target, bad, retried)
    return DiscCopy(target, disc_map.size_bytes, disc_map.sha256, bad, retried, findings)


def _size(path: Path) -> int:
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return -1
    return facts.st_size if stat.S_ISREG(facts.st_mode) else -1


class _Copy:
    """The copy in the making: bytes first, then the journal's word for them."""

    def __init__(self, drive: Drive, target: Path, progress: Progress) -> None:
        self._drive = drive
        self._target = target
        self._part = part_path(target)
        self._progress = progress
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._part, flags, 0o600)
        try:
            if not locked(self._descriptor):
                raise MediaError(
                    f"{self._part} is being written by another run.", "Wait for it, or stop it."
                )
            os.fchmod(self._descriptor, 0o600)
            self._journal = self._resume() or self._begin()
        except BaseException:
            os.close(self._descriptor)
            raise
        self._map = self._journal.map
        self._digest = hashlib.sha256() if not self._map.read_to else None

    def close(self) -> None:
        """Let the files go."""
        self._journal.close()
        os.close(self._descriptor)

    def run(self, retries: int) -> None:
        """Do what is not done yet; `_finished` gives the copy its name."""
        self._sweep()
        while self._map.failed:
            self._divide()
        end = self._end_to_ask() if self._map.bad and self._map.round <= retries else 0
        while self._map.bad and self._map.round <= retries:
            self._ask_again(end)
        sha256 = self._whole_digest()
        os.fsync(self._descriptor)
        self._journal.record({"sha256": sha256})

    def _resume(self) -> DiscJournal | None:
        """Go on with a journal whose copy is there in its length, and whose disc is the same."""
        journal = DiscJournal.resume(map_path(self._target))
        if journal is None:
            return None
        try:
            disc_map, size_bytes = journal.map, self._drive.size_bytes
            held = os.fstat(self._descriptor).st_size
            if disc_map.sha256 or not disc_map.known or held < disc_map.size_bytes:
                journal.close()
                return None
            self._drive.require_same_disc(disc_map.known)
            self._drive.known = disc_map.known
            if abs(size_bytes - disc_map.size_bytes) > RUN_OUT_SECTORS * SECTOR:
                raise MediaError(
                    f"{self._drive.source} has {size_bytes:,} bytes; the disc whose copy was begun "
                    f"had {disc_map.size_bytes:,}.",
                    "Was something added to it? Import it again from the start.",
                )
            if size_bytes > disc_map.size_bytes:
                os.ftruncate(self._descriptor, size_bytes)
                journal.record({"size_bytes": size_bytes})
        except BaseException:
            journal.close()
            raise
        return journal

    def _begin(self) -> DiscJournal:
        # An older journal must not speak of the new copy, whatever ends this process when.
        map_path(self._target).unlink(missing_ok=True)
        sync_folder(self._target.parent)
        os.ftruncate(self._descriptor, 0)
        size_bytes = self._drive.size_bytes
        require_space(self._target, size_bytes)
        self._drive.known = self._drive.recognise()
        os.ftruncate(self._descriptor, size_bytes)
        os.fsync(self._descriptor)
        return DiscJournal.create(map_path(self._target), size_bytes, self._drive.known)

    def _sweep(self) -> None:
        """Read what was never asked for, in chunks."""
        at = self._map.read_to
        try:
            while at < self._map.size_bytes:
                length = min(CHUNK, self._map.size_bytes - at)
                data = self._drive.read(at, length)
                if data is None:
                    self._settle({"read": at}, {"failed": [at, length]})
                    self._digest = None
                else:
                    self._write(data, at)
                    if self._digest is not None:
                        self._digest.update(data)
                at += length
                if at - self._map.read_to >= _FLUSH_BYTES:
                    self._settle({"read": at})
                self._tell(at - self._map.read_to)
        finally:
            if at > self._map.read_to:
                self._settle({"read": at})

    def _divide(self) -> None:
        """Read the next piece of what failed, by the sector where it does not come whole."""
        run = self._map.failed[0]
        start, end = run.offset, run.offset + min(PIECE, run.length)
        at = start
        bad: list[list[int]] = []
        try:
            data = self._drive.read(at, end - at)
            if data is not None:
                self._write(data, at)
                at = end
            while at < end:
                length = min(SECTOR, end - at)
                data = self._drive.read(at, length)
                self._write(bytes(length) if data is None else data, at)
                if data is None:
                    bad.append([at, length])
                at += length
                self._tell(at - start)
        finally:
            if at > start:
                self._settle({"divided": [start, at - start], "bad": bad})
        self._tell(0)

    def _end_to_ask(self) -> int:
        """Return where bad sectors are worth no second try: nothing was written behind there."""
        try:
            return claimed_bytes(self._part)
        except OSError:
            return self._map.size_bytes

    def _ask_again(self, end: int) -> None:
        """Go through this round's bad sectors before `end` once."""
        number = self._map.round
        good: list[list[int]] = []
        at = asked = 0
        try:
            for offset, length in tuple(_worth_asking(self._map.bad, end)):
                data = self._drive.read(offset, length)
                if data is not None:
                    self._write(data, offset)
                    good.append([offset, length])
                at, asked = offset + length, asked + 1
                if asked % _FLUSH_SECTORS == 0:
                    self._settle({"round": number, "to": at, "good": good})
                    good = []
                self._tell(0)
            at = self._map.size_bytes
        finally:
            if at and self._map.round == number:
                self._settle({"round": number, "to": at, "good": good})

    def _whole_digest(self) -> str:
        """Return the digest of the copy: from the first pass, or by reading the copy again."""
        if self._digest is not None:
            return self._digest.hexdigest()
        digest = hashlib.sha256()
        for at in range(0, self._map.size_bytes, CHUNK):
            data = os.pread(self._descriptor, min(CHUNK, self._map.size_bytes - at), at)
            digest.update(data)
            self._tell(0)
        return digest.hexdigest()

    def _write(self, data: bytes, offset: int) -> None:
        left = memoryview(data)
        while left:
            count = os.pwrite(self._descriptor, left, offset)
            left, offset = left[count:], offset + count

    def _settle(self, *steps: Mapping[str, object]) -> None:
        """Make what was written durable, then say so."""
        os.fdatasync(self._descriptor)
        self._journal.record(*steps)

    def _tell(self, unsettled: int) -> None:
        self._progress(self._map.settled_bytes + unsettled, self._map.size_bytes)


def _worth_asking(bad: Iterable[Extent], end: int) -> Iterator[tuple[int, int]]:
    """Yield the sectors before `end` of short runs, and those at the ends of long ones."""
    for run in bad:
        sectors = -(-run.length // SECTOR)
        for number in range(sectors):
            if EDGE <= number < sectors - EDGE:
                continue
            at = number * SECTOR
            if run.offset + at >= end:
                return
            yield run.offset + at, min(SECTOR, run.length - at)
