"""The door: a complete file becomes an entry that survives a power cut, or nothing at all.

Temporary files lie in ``incoming/<session>/`` of the home. A session holds a
lock for as long as its process lives, so the next intake can tell what a dead
one left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO

from sqlalchemy import Connection

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.durable import (
    disk_trouble_told,
    make_private_folder,
    sync_file,
    sync_file_system,
    sync_folder,
)
from mediastation.catalog.entry_rows import (
    digests_of,
    find_entry,
    has_row,
    insert_entry,
    move_source,
    replace_entry,
    stored_file,
    unvouched_digests,
)
from mediastation.catalog.origins import RECORDED_SOURCES, Origin, OriginLog
from mediastation.catalog.parent_rows import Parents
from mediastation.catalog.staging import Staged, stage_file
from mediastation.catalog.upkeep import recover
from mediastation.errors import MediaError
from mediastation.model.entry import Kept, Kind, Outcome, Source
from mediastation.model.finding import Finding, warning

_LOCK_SUFFIX = ".lock"
_BATCH = 500


class Intake:
    """Takes files into one catalog. One per process is enough; threads may share it.

    Opening it removes what dead sessions left in ``incoming/`` and indexes any
    stored file without a row; `recovered` holds the findings of that.

    Parameters
    ----------
    catalog : Catalog
        Where the files go.
    clock : callable
        Returns the time of arrival in seconds since the epoch.
    """

    def __init__(self, catalog: Catalog, clock: Callable[[], float] = time.time) -> None:
        self.catalog = catalog
        self.recovered: tuple[Finding, ...] = ()
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        incoming = catalog.home / "incoming"
        with disk_trouble_told(catalog.home):
            make_private_folder(incoming)
            with _ending_dead_sessions(incoming) as there_were_any:
                if there_were_any:
                    self.recovered = tuple(recover(catalog, clock))
            self.folder, self._lock = _open_session(incoming)
        self._origins = OriginLog(catalog.home, self.folder.name)
        self._unsettled = False

    def __enter__(self) -> Intake:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was not kept and end the session.

        A session in which a commit failed leaves its mark, so that the next
        intake looks for files without a row.
        """
        self.catalog.checkpoint()
        shutil.rmtree(self.folder, ignore_errors=True)
        if not self._unsettled:
            self.folder.with_suffix(_LOCK_SUFFIX).unlink(missing_ok=True)
        self._lock.close()

    def new_path(self) -> Path:
        """Return a path in the session's folder that nothing uses."""
        return self.folder / uuid.uuid4().hex

    def stage(self, path: Path, source: Source) -> Staged:
        """Read the header of `path`, which lies in `folder`, and digest it in one pass.

        Raises
        ------
        NotDicom
            If it is no DICOM file.
        MediaError
            If the disk fails.
        """
        with disk_trouble_told(self.folder):
            return stage_file(path, source)

    def keep(self, path: Path, source: Source) -> Kept:
        """Stage and commit one file; when this returns, it is durable."""
        return self.commit([self.stage(path, source)])[0]

    def commit(self, batch: Sequence[Staged]) -> list[Kept]:
        """Make a batch durable and give it rows; all of it, or an exception.

        The files are synced, renamed into the store and their folders synced
        before the rows are committed, so a row never speaks of a file that a
        power cut could take back. Of two equal data sets the first stays.
        """
        with disk_trouble_told(self.folder):
            if len(batch) == 1:
                sync_file(batch[0].path)
            else:
                sync_file_system(self.folder)
        placed: list[tuple[Path, str, Kind]] = []
        with self._one_at_a_time:
            self._record_origins(batch)
            try:
                return self._place_and_index(batch, placed)
            except BaseException:
                self._unsettled = True
                self._take_back(placed)
                raise

    def _record_origins(self, batch: Sequence[Staged]) -> None:
        """Note what an index that gets lost could not learn from the files again."""
        told = [staged for staged in batch if staged.source.kind in RECORDED_SOURCES]
        if told:
            made_of = {staged.derived_from for staged in told if staged.derived_from is not None}
            with self.catalog.reading() as connection:
                digests = digests_of(connection, made_of)
            self._origins.add((one, digests.get(one.derived_from or 0, "")) for one in told)

    def note_source(self, entries: Iterable[int], source: Source) -> int:
        """Let `source` be where originals came from that only a path was known of.

        What was received over the network stays as it is. Durable before the
        rows say it, like everything that a lost index could not learn again.

        Returns
        -------
        int
            How many they were.
        """
        changed = 0
        waiting = iter(entries)
        while batch := list(islice(waiting, _BATCH)):
            with self._one_at_a_time, self.catalog.writing() as connection:
                digests = unvouched_digests(connection, batch)
                if not digests:
                    continue
                self._origins.write(
                    Origin(digest, Kind.ORIGINAL, source.kind, source.detail)
                    for digest in digests.values()
                )
                move_source(connection, list(digests), source)
            changed += len(digests)
        return changed

    def _place_and_index(
        self, batch: Sequence[Staged], placed: list[tuple[Path, str, Kind]]
    ) -> list[Kept]:
        kept: list[Kept] = []
        changed: set[Path] = set()
        repeated: list[Path] = []
        parents = Parents()
        store = self.catalog.store
        with self.catalog.writing() as connection, disk_trouble_told(self.folder):
            for staged in batch:
                entry = find_entry(connection, staged)
                if entry is None or not store.holds(*stored_file(connection, entry)):
                    if not store.path(staged.sha256, staged.kind).exists():
                        placed.append((staged.path, staged.sha256, staged.kind))
                    changed.update(store.place(staged.path, staged.sha256, staged.kind))
                    if entry is None:
                        kept.append(insert_entry(connection, staged, parents, self._clock()))
                    else:
                        kept.append(_restore(connection, entry, staged, parents))
                else:
                    repeated.append(staged.path)
                    uid = staged.header.sop_instance_uid
                    kept.append(Kept(Outcome.DUPLICATE, entry, uid))
            if len(batch) > 1:
                sync_file_system(self.folder)
            else:
                for folder in changed:
                    sync_folder(folder)
            parents.write_counts(connection)
        # Only now: a batch that fails is tried again in parts.
        for path in repeated:
            with suppress(OSError):
                path.unlink()
        return kept

    def _take_back(self, placed: Sequence[tuple[Path, str, Kind]]) -> None:
        """Take files out of the store again that got no row, so that the caller may drop them.

        On a full disk their room is what the rest needs. Whoever took the same
        file in meanwhile has its row, and keeps the file.
        """
        with suppress(MediaError, OSError), self.catalog.writing() as connection:
            for path, sha256, kind in placed:
                if not has_row(connection, sha256, kind):
                    self.catalog.store.path(sha256, kind).replace(path)

    def stage_prepared(
        self, path: Path, original: int, recipe: str, findings: tuple[Finding, ...]
    ) -> Staged:
        """Stage a copy that was prepared for media from the entry `original`.

        `recipe` names how it was made; the same recipe is not made twice.
        `findings` tell what was done and stay with the entry.
        """
        with disk_trouble_told(self.folder):
            source = Source("prepared", recipe)
            staged = stage_file(path, source, Kind.PREPARED, original, recipe)
        return replace(staged, header=replace(staged.header, findings=findings))

    def stage_coerced(
        self, path: Path, original: int, recipe: str, detail: str, findings: tuple[Finding, ...]
    ) -> Staged:
        """Stage a copy of the entry `original` under an identity of this site.

        `recipe` names what it was given; the same is not given twice. `detail`
        tells by which job, `findings` what was done.
        """
        with disk_trouble_told(self.folder):
            source = Source("reconciled", detail)
            staged = stage_file(path, source, Kind.COERCED, original, recipe)
        told = (*staged.header.findings, *findings)
        return replace(staged, header=replace(staged.header, findings=told))


def _restore(connection: Connection, entry: int, staged: Staged, parents: Parents) -> Kept:
    """Give `entry`, whose file is gone or cut short, the file of `staged`, its equal."""
    _, kind, size_bytes = stored_file(connection, entry)
    series = replace_entry(connection, entry, staged, parents)
    if kind is Kind.PREPARED:
        return Kept(Outcome.ADDED, entry, staged.header.sop_instance_uid)
    parents.count(series, 0, staged.size_bytes - size_bytes)
    told = warning(
        "restored",
        staged.header.sop_instance_uid or staged.source.detail,
        "The stored file of this instance was gone or cut short; what came now took its place.",
        "Check the disk, and run `mediastation reindex` to see what else is missing.",
    )
    return Kept(
        Outcome.ADDED, entry, staged.header.sop_instance_uid, (*staged.header.findings, told)
    )


@contextmanager
def _ending_dead_sessions(incoming: Path) -> Iterator[bool]:
    """Remove what sessions left whose process is gone; tell whether there were any.

    Their marks go when the block has ended well: where it is stopped, the next
    intake still knows that rows may be missing. Until then they are held, so
    that one process at a time is at it.
    """
    with ExitStack() as held:
        marks: list[Path] = []
        for path in sorted(incoming.iterdir()):
            # Whatever is listed here may go meanwhile: other sessions end.
            if path.suffix == _LOCK_SUFFIX:
                try:
                    lock = held.enter_context(path.open("r+"))
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except (FileNotFoundError, BlockingIOError):
                    continue
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            elif path.with_suffix(_LOCK_SUFFIX).exists():
                continue
            marks.append(path)
        yield bool(marks)
        for path in marks:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _open_session(incoming: Path) -> tuple[Path, IO[str]]:
    """Make a session's folder and hold its lock, which comes first and goes last."""
    while True:
        folder = incoming / uuid.uuid4().hex
        path = folder.with_suffix(_LOCK_SUFFIX)
        lock = path.open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another intake may have cleaned the lock away before it was held.
        if path.exists() and os.path.samestat(path.stat(), os.fstat(lock.fileno())):
            folder.mkdir(mode=0o700)
            # After a power cut, the lock tells that rows may be missing.
            sync_folder(incoming)
            return folder, lock
        lock.close()
