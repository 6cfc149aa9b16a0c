"""Keeping index and store in step: recovery after a crash, `reindex`, `forget`."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, delete, select

from mediastation.catalog.catalog import Catalog, streamed
from mediastation.catalog.durable import disk_trouble_told, make_private_folder, sync_folder
from mediastation.catalog.rows import (
    Parents,
    count_series_anew,
    delete_empty_parents,
    delete_entries,
    fill_studies,
    find_entry,
    has_row,
    insert_entry,
    replace_entry,
)
from mediastation.catalog.schema import instances
from mediastation.catalog.staging import Staged, stage_file
from mediastation.dicom.header import NotDicom
from mediastation.model.entry import Kind, Source
from mediastation.model.finding import Finding, error, note

_BATCH = 500


def recover(catalog: Catalog, clock: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Index every stored file that has no row, and say which.

    Names are compared with the index as two sorted streams, so a million files
    cost no memory; only files without a row are read.
    """
    for digest in list(_digests_without_row(catalog)):
        path = catalog.store.path(digest)
        staged = _stage_stored(catalog, digest)
        if staged is None:
            continue
        if isinstance(staged, Finding):
            yield staged
            continue
        with catalog.writing() as connection:
            known = _row_of(connection, digest) is not None or find_entry(connection, staged)
            # Another process may have taken it back meanwhile, because its disk is full.
            if known or not path.exists():
                continue
            parents = Parents()
            insert_entry(connection, staged, parents, clock())
            parents.write_counts(connection)
        yield note(
            "recovered",
            staged.header.sop_instance_uid or str(path),
            "The last run ended before this instance was indexed; it is indexed now.",
        )


def reindex(
    catalog: Catalog,
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], float] = time.time,
) -> tuple[int, list[Finding]]:
    """Rebuild the index from the store and return how many originals it holds now.

    Where each entry came from stays, if its row was there. Prepared copies and
    rows whose file is gone are dropped; the latter are reported. A file whose
    content does not have the digest that it is stored under is set aside in
    ``damaged/`` and reported.
    """
    findings: list[Finding] = list(_drop_prepared_and_lost(catalog))
    total = sum(1 for _ in catalog.store.iter_digests())
    indexed = done = 0
    digests = catalog.store.iter_digests()
    while batch := list(islice(digests, _BATCH)):
        results = [_stage_stored(catalog, digest) for digest in batch]
        with catalog.writing() as connection:
            parents = Parents()
            for digest, result in zip(batch, results, strict=True):
                if isinstance(result, Finding):
                    findings.append(result)
                    damaged = _row_of(connection, digest)
                    if damaged is not None:
                        delete_entries(connection, [damaged])
                    continue
                # Another process may have forgotten it since it was read.
                if result is None or not catalog.store.path(result.sha256).exists():
                    continue
                entry = _row_of(connection, result.sha256)
                if entry is not None:
                    replace_entry(connection, entry, result, parents)
                elif find_entry(connection, result) is None:
                    insert_entry(connection, result, parents, clock())
                else:
                    continue
                indexed += 1
        done += len(batch)
        if progress is not None:
            progress(done, total)
    with catalog.writing() as connection:
        delete_empty_parents(connection)
        count_series_anew(connection)
        fill_studies(connection)
    catalog.set_index_version()
    return indexed, findings


def forget(
    catalog: Catalog,
    entries: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Remove originals with all that was prepared from them; return how many originals.

    Files go before their rows are committed as gone: a command that was killed
    in between is simply given again, and nothing forgotten can come back.
    """
    return forget_each(catalog, [entries], len(entries), progress)


def forget_each(
    catalog: Catalog,
    groups: Iterable[Sequence[int]],
    total: int,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Remove group by group, as `forget`; each is asked for when those before it are gone."""
    done = 0
    for entries in groups:
        for start in range(0, len(entries), _BATCH):
            batch = list(entries[start : start + _BATCH])
            with catalog.writing() as connection:
                gone = delete_entries(connection, batch)
                with disk_trouble_told(catalog.home):
                    for digest, kind in gone:
                        catalog.store.remove(digest, kind)
            done += len(batch)
            if progress is not None:
                progress(done, total)
    with catalog.writing() as connection:
        delete_empty_parents(connection)
    catalog.checkpoint()
    return done


def _digests_without_row(catalog: Catalog) -> Iterator[str]:
    query = (
        select(instances.c.sha256)
        .where(instances.c.kind == Kind.ORIGINAL)
        .order_by(instances.c.sha256)
    )
    with catalog.reading() as connection, streamed(connection, query, 1000) as rows:
        merged = heapq.merge(((digest, 0) for (digest,) in rows),
                             ((digest, 1) for digest in catalog.store.iter_digests()))  # fmt: skip
        indexed = ""
        for digest, from_store in merged:
            if not from_store:
                indexed = digest
            elif digest != indexed:
                yield digest


def _stage_stored(catalog: Catalog, digest: str) -> Staged | Finding | None:
    """Read one stored file; a finding, and the file set aside, if it cannot be what it was.

    None if it is gone: another process has forgotten it.
    """
    path = catalog.store.path(digest)
    with disk_trouble_told(catalog.home):
        try:
            staged = stage_file(path, Source("recovered", f"sha256:{digest}"))
        except FileNotFoundError:
            return None
        except NotDicom as fault:
            return _set_aside(catalog, path, digest, str(fault))
        if staged.sha256 != digest:
            return _set_aside(catalog, path, digest, "its content has changed")
    return staged


def _set_aside(catalog: Catalog, path: Path, digest: str, reason: str) -> Finding:
    folder = catalog.home / "damaged"
    make_private_folder(folder)
    target = folder / digest
    path.replace(target)
    sync_folder(folder)
    return error(
        "damaged",
        digest,
        f"The stored file is not what was kept ({reason}); it lies in {target} now.",
        "Check the disk. Send the instance again if the sender still has it.",
    )


def _row_of(connection: Connection, digest: str) -> int | None:
    query = select(instances.c.id).where(
        instances.c.sha256 == digest, instances.c.kind == Kind.ORIGINAL
    )
    return connection.execute(query).scalar()


def _drop_prepared_and_lost(catalog: Catalog) -> Iterator[Finding]:
    with catalog.writing() as connection:
        connection.execute(delete(instances).where(instances.c.kind == Kind.PREPARED))
    copies = catalog.store.iter_digests(Kind.PREPARED)
    while digests := list(islice(copies, _BATCH)):
        with catalog.writing() as connection, disk_trouble_told(catalog.home):
            for digest in digests:
                # An export that runs meanwhile may have made it anew.
                if not has_row(connection, digest, Kind.PREPARED):
                    catalog.store.remove(digest, Kind.PREPARED)
    query = select(instances.c.id, instances.c.sha256, instances.c.sop_instance_uid).where(
        instances.c.kind == Kind.ORIGINAL
    )
    with catalog.reading() as connection, streamed(connection, query, 1000) as rows:
        missing = [row for row in rows if not catalog.store.path(row.sha256).exists()]
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        with catalog.writing() as connection:
            # It may have been sent again since.
            lost = [row for row in batch if not catalog.store.path(row.sha256).exists()]
            delete_entries(connection, [row.id for row in lost])
        for row in lost:
            yield error(
                "lost",
                row.sop_instance_uid or row.sha256,
                f"The index speaks of this instance, but its file sha256:{row.sha256} is gone.",
                "Send the instance again if the sender still has it; check the disk.",
            )
