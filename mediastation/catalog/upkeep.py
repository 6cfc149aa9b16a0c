"""Keeping index and store in step: recovery after a crash, `reindex`, `forget`."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, Row, delete, select

from mediastation.catalog.catalog import Catalog, streamed
from mediastation.catalog.coerced_copies import oldest_first, replaced_digests
from mediastation.catalog.current import is_current
from mediastation.catalog.durable import disk_trouble_told, make_private_folder, sync_folder
from mediastation.catalog.entry_rows import (
    delete_entries,
    find_entry,
    has_row,
    insert_entry,
    replace_entry,
)
from mediastation.catalog.origins import Origin, read_origins
from mediastation.catalog.parent_rows import (
    Parents,
    count_series_anew,
    delete_empty_parents,
    fill_studies,
)
from mediastation.catalog.schema import instances
from mediastation.catalog.staging import Staged, stage_file
from mediastation.dicom.header import NotDicom
from mediastation.model.entry import Kind, Source
from mediastation.model.finding import Finding, error, note, warning

_BATCH = 500
_KEPT = (Kind.ORIGINAL, Kind.COERCED)
"""What cannot be made again; originals first, which the others were made from."""


def recover(catalog: Catalog, clock: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Index every stored file that has no row, and say which.

    Names are compared with the index as two sorted streams, so a million files
    cost no memory; only files without a row are read.
    """
    lost = [(kind, digest) for kind in _KEPT for digest in _digests_without_row(catalog, kind)]
    origins = read_origins(catalog.home) if lost else {}
    copies = [digest for kind, digest in lost if kind is Kind.COERCED]
    lost = [one for one in lost if one[0] is not Kind.COERCED]
    # Of several copies of one original the last one stands for it.
    lost += [(Kind.COERCED, digest) for digest in oldest_first(copies, origins)]
    for kind, digest in lost:
        path = catalog.store.path(digest, kind)
        staged = _stage_stored(catalog, digest, kind, origins)
        if staged is None:
            continue
        if isinstance(staged, Finding):
            yield staged
            continue
        with catalog.writing() as connection:
            known = _row_of(connection, digest, kind) or find_entry(connection, staged)
            # Another process may have taken it back meanwhile, because its disk is full.
            if known is not None or not path.exists():
                continue
            parents = Parents()
            insert_entry(connection, staged, parents, clock())
            parents.write_counts(connection)
        yield note(
            "recovered",
            staged.header.sop_instance_uid or str(path),
            "The last run ended before this instance was indexed; it is indexed now.",
        )
    if copies:
        yield from _drop_replaced(catalog, origins)


def reindex(
    catalog: Catalog,
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], float] = time.time,
) -> tuple[int, list[Finding]]:
    """Rebuild the index from the store and return how many originals it holds now.

    Where each entry came from stays, if its row was there or ``origins/`` tells.
    Prepared copies and rows whose file is gone are dropped; the latter are
    reported. A file whose content does not have the digest that it is stored
    under is set aside in ``damaged/`` and reported. Coerced copies stay, with
    the originals that they were made from.
    """
    findings: list[Finding] = list(_drop_prepared_and_lost(catalog))
    origins = read_origins(catalog.home)
    total = sum(1 for kind in _KEPT for _ in catalog.store.iter_digests(kind))
    indexed = done = 0
    for kind in _KEPT:
        digests = catalog.store.iter_digests(kind)
        if kind is Kind.COERCED:
            digests = iter(oldest_first(digests, origins))
        while batch := list(islice(digests, _BATCH)):
            results = [_stage_stored(catalog, digest, kind, origins) for digest in batch]
            with catalog.writing() as connection:
                for digest, result in zip(batch, results, strict=True):
                    if isinstance(result, Finding):
                        findings.append(result)
                        damaged = _row_of(connection, digest, kind)
                        if damaged is not None:
                            gone = delete_entries(connection, [damaged])
                            if kind is Kind.COERCED:
                                findings += _reconcile_again(catalog, gone)
                    elif result is not None and _index(catalog, connection, result, clock()):
                        indexed += kind is Kind.ORIGINAL
            done += len(batch)
            if progress is not None:
                progress(done, total)
    findings += _drop_replaced(catalog, origins)
    with catalog.writing() as connection:
        delete_empty_parents(connection)
        count_series_anew(connection)
        fill_studies(connection)
    catalog.set_index_version()
    return indexed, findings


def _index(catalog: Catalog, connection: Connection, staged: Staged, now: float) -> bool:
    """Give a stored file the row that it should have; false where it is no entry of its own."""
    # Another process may have forgotten it since it was read.
    if not catalog.store.path(staged.sha256, staged.kind).exists():
        return False
    parents = Parents()
    entry = _row_of(connection, staged.sha256, staged.kind)
    if entry is not None:
        replace_entry(connection, entry, staged, parents)
    elif find_entry(connection, staged) is None:
        insert_entry(connection, staged, parents, now)
    else:
        return False
    return True


def forget(
    catalog: Catalog,
    entries: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Remove originals with all that was made from them; return how many originals.

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


def _digests_without_row(catalog: Catalog, kind: Kind) -> Iterator[str]:
    query = select(instances.c.sha256).where(instances.c.kind == kind).order_by(instances.c.sha256)
    with catalog.reading() as connection, streamed(connection, query, 1000) as rows:
        stored = ((digest, 1) for digest in catalog.store.iter_digests(kind))
        merged = heapq.merge(((digest, 0) for (digest,) in rows), stored)
        indexed = ""
        for digest, from_store in merged:
            if not from_store:
                indexed = digest
            elif digest != indexed:
                yield digest


def _stage_stored(
    catalog: Catalog, digest: str, kind: Kind, origins: Mapping[str, Origin]
) -> Staged | Finding | None:
    """Read one stored file; a finding, and the file set aside, if it cannot be what it was.

    None if it is gone, because another process has forgotten it.
    """
    path = catalog.store.path(digest, kind)
    origin = origins.get(digest)
    source = origin.source if origin else Source("recovered", f"sha256:{digest}")
    made_of, recipe = None, ""
    if kind is Kind.COERCED:
        made_of = _made_of(catalog, digest, origin)
        if not path.exists():
            return None
        if made_of is None:
            return _set_aside(catalog, path, digest, "nothing tells what it was made from")
        recipe = origin.recipe if origin else f"recovered/{digest}"
    with disk_trouble_told(catalog.home):
        try:
            staged = stage_file(path, source, kind, made_of, recipe)
        except FileNotFoundError:
            return None
        except NotDicom as fault:
            return _set_aside(catalog, path, digest, str(fault))
        if staged.sha256 != digest:
            return _set_aside(catalog, path, digest, "its content has changed")
    return staged


def _made_of(catalog: Catalog, digest: str, origin: Origin | None) -> int | None:
    """Return the entry that a coerced copy was made from, by its row or by what was noted of it."""
    known = select(instances.c.derived_from).where(
        instances.c.sha256 == digest, instances.c.kind == Kind.COERCED
    )
    with catalog.reading() as connection:
        made_of: int | None = connection.execute(known).scalar()
        if made_of is None and origin is not None:
            made_of = _row_of(connection, origin.of, Kind.ORIGINAL)
    return made_of


def _set_aside(catalog: Catalog, path: Path, digest: str, reason: str) -> Finding:
    target = _move_aside(catalog, path, digest)
    return error(
        "damaged",
        digest,
        f"The stored file is not what was kept ({reason}); it lies in {target} now.",
        "Check the disk. Send the instance again if the sender still has it.",
    )


def _move_aside(catalog: Catalog, path: Path, digest: str) -> Path:
    folder = catalog.home / "damaged"
    make_private_folder(folder)
    target = folder / digest
    path.replace(target)
    sync_folder(folder)
    return target


def _drop_replaced(catalog: Catalog, origins: Mapping[str, Origin]) -> Iterator[Finding]:
    """Let no copy stand for an instance that a later decision had replaced.

    Where what came of the last decision is lost, an earlier one, and with it
    perhaps the wrong patient, would count again; the original stands instead.
    """
    replaced = replaced_digests(origins)
    if not replaced:
        return
    query = select(instances.c.id, instances.c.sha256).where(
        instances.c.kind == Kind.COERCED, is_current()
    )
    with catalog.reading() as connection, streamed(connection, query, 1000) as rows:
        wrong = [row for row in rows if row.sha256 in replaced]
    for row in wrong:
        with catalog.writing() as connection:
            gone = delete_entries(connection, [row.id])
            yield from _reconcile_again(catalog, gone)


def _reconcile_again(catalog: Catalog, gone: Iterable[tuple[str, Kind]]) -> Iterator[Finding]:
    """Put coerced copies aside that lost their rows with the one that had replaced them."""
    for digest, kind in gone:
        path = catalog.store.path(digest, kind)
        if kind is not Kind.COERCED or not path.exists():
            continue
        with disk_trouble_told(catalog.home):
            target = _move_aside(catalog, path, digest)
        yield warning(
            "reconcile-again",
            digest,
            "What came of the last reconciliation of an instance is gone. This copy of an earlier "
            f"one, which had been replaced, counts no more and lies in {target}: the instance "
            "bears the identity that it came with.",
            "Reconcile its import again; nothing of it is sent before.",
            "IHE IRWF.b",
        )


def _row_of(connection: Connection, digest: str, kind: Kind) -> int | None:
    query = select(instances.c.id).where(instances.c.sha256 == digest, instances.c.kind == kind)
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
    query = select(
        instances.c.id, instances.c.sha256, instances.c.kind, instances.c.sop_instance_uid
    ).where(instances.c.kind.in_(_KEPT))

    def is_gone(row: Row[tuple[int, str, str, str]]) -> bool:
        return not catalog.store.path(row.sha256, Kind(row.kind)).exists()

    with catalog.reading() as connection, streamed(connection, query, 1000) as rows:
        missing = [row for row in rows if is_gone(row)]
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        with catalog.writing() as connection:
            # It may have been sent again since.
            lost = [row for row in batch if is_gone(row)]
            delete_entries(connection, [row.id for row in lost])
        for row in lost:
            yield error(
                "lost",
                row.sop_instance_uid or row.sha256,
                f"The index speaks of this instance, but its file sha256:{row.sha256} is gone.",
                "Send the instance again if the sender still has it; check the disk.",
            )
