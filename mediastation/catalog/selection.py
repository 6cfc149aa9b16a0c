"""Which entries of the catalog a SOURCE names, and which instances are here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, or_, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.current import is_current
from mediastation.catalog.entry_rows import replaced_copies
from mediastation.catalog.packing import unpack_header
from mediastation.catalog.schema import instances, job_entries, jobs, patients, series, studies
from mediastation.errors import ConfigError
from mediastation.model.entry import Entry, Kind

SELECTORS = ("patient", "study", "series", "instance", "import", "reconcile", "sha256")
_OF_JOBS = ("import", "reconcile")
_FULL_DIGEST = 64
_BATCH = 500

ENTRY_COLUMNS = (
    instances.c.id,
    instances.c.kind,
    instances.c.sha256,
    instances.c.data_sha256,
    instances.c.size_bytes,
    instances.c.sop_class_uid,
    instances.c.sop_instance_uid,
    instances.c.transfer_syntax_uid,
    instances.c.header,
    studies.c.patient,
)


def is_selector(source: str) -> bool:
    """Tell whether `source` names something in the catalog, such as ``study:1.2.3``.

    A file that has this very name goes before.
    """
    head, colon, rest = source.partition(":")
    if not colon or not rest or head not in SELECTORS:
        return False
    try:
        return not Path(source).exists()
    except OSError:
        return True  # too long for any file


def find_entries(catalog: Catalog, selector: str) -> list[int]:
    """Return the entries that `selector` names, in no order.

    ``patient:`` takes a Patient ID, ``study:``, ``series:`` and ``instance:`` a
    UID, ``import:`` and ``reconcile:`` the number of a job that imported a
    medium or gave its instances another identity, ``sha256:`` the digest of a
    stored file or its first characters (at least 8). Empty if nothing matches.

    An instance that was coerced is named by its newest coerced copy. Only
    where nothing else matches are originals returned that another entry stands
    for: those of an outside identity, as they came. A digest names its file.
    """
    condition = _condition(selector)
    matching = with_parents(select(instances.c.id)).where(condition)
    if selector.partition(":")[0] in _OF_JOBS:
        matching = with_parents(select(instances.c.id)).where(
            or_(condition, instances.c.derived_from.in_(of_job(selector)))
        )
    kept = instances.c.kind.in_((Kind.ORIGINAL, Kind.COERCED))
    with catalog.reading() as connection:
        if selector.startswith("sha256:"):
            return list(connection.execute(matching.where(kept)).scalars())
        found = list(connection.execute(matching.where(is_current())).scalars())
        return found or list(connection.execute(matching.where(kept)).scalars())


def find_to_forget(catalog: Catalog, selector: str) -> list[int]:
    """Return the entries that go when what `selector` names is to be forgotten.

    The originals, by the identity that they came with or by one that they were
    given; all that was made from them goes with them. The digest of a coerced
    copy names that copy, and those that it took the place of: its original then
    stands for itself again.
    """
    condition = _condition(selector)
    own = instances.c.kind == Kind.ORIGINAL
    if selector.startswith("sha256:"):
        own |= instances.c.kind == Kind.COERCED
    entries = with_parents(select(instances.c.id)).where(condition, own)
    given = with_parents(select(instances.c.derived_from)).where(
        condition, instances.c.kind == Kind.COERCED
    )
    with catalog.reading() as connection:
        found = set(connection.execute(entries).scalars())
        if selector.startswith("sha256:"):
            found.update(replaced_copies(connection, found))
        else:
            found.update(connection.execute(given).scalars())
    return sorted(found)


def of_job(selector: str) -> Select[tuple[int]]:
    """Return the query for the originals that the job of `selector` is about."""
    kind, _, number = selector.partition(":")
    job = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1
    return (
        select(job_entries.c.entry)
        .join(jobs, jobs.c.id == job_entries.c.job)
        .where(job_entries.c.job == job, jobs.c.kind == kind)
    )


def _condition(selector: str) -> ColumnElement[bool]:
    """Return what is true of the rows that `selector` names; `ConfigError` if it is none."""
    head, _, wanted = selector.partition(":")
    condition: ColumnElement[bool]
    match head:
        case "patient":
            condition = patients.c.patient_id == wanted
        case "study":
            condition = studies.c.study_instance_uid == wanted
        case "series":
            condition = series.c.series_instance_uid == wanted
        case "instance":
            condition = instances.c.sop_instance_uid == wanted
        case "import" | "reconcile":
            condition = instances.c.id.in_(of_job(selector))
        case "sha256" if 8 <= len(wanted) <= _FULL_DIGEST:
            # A range, not LIKE, so that the index serves it.
            last = wanted + "g"
            condition = (instances.c.sha256 >= wanted) & (instances.c.sha256 < last)
        case _:
            raise ConfigError(
                f"{selector} names nothing in the catalog.",
                "Use one of " + ", ".join(f"{name}:…" for name in SELECTORS) + ".",
            )
    return condition


def known_instances(catalog: Catalog, uids: Iterable[str]) -> dict[str, set[str]]:
    """Return those of `uids` that are here as originals, with the studies that they lie in."""
    found: dict[str, set[str]] = {}
    wanted = iter(uids)
    while batch := list(islice(wanted, _BATCH)):
        query = with_parents(
            select(instances.c.sop_instance_uid, studies.c.study_instance_uid)
        ).where(instances.c.sop_instance_uid.in_(batch), instances.c.kind == Kind.ORIGINAL)
        with catalog.reading() as connection:
            for uid, study in connection.execute(query):
                found.setdefault(uid, set()).add(study)
    return found


def uids_of(catalog: Catalog, entries: Collection[int]) -> dict[int, str]:
    """Return the SOP Instance UIDs of those of `entries` that are here."""
    query = select(instances.c.id, instances.c.sop_instance_uid).where(instances.c.id.in_(entries))
    with catalog.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def read_entry(catalog: Catalog, number: int) -> Entry | None:
    """Return one entry, if it is still here."""
    query = with_parents(select(*ENTRY_COLUMNS)).where(instances.c.id == number)
    with catalog.reading() as connection:
        row = connection.execute(query).first()
    return None if row is None else read_row(row)


def digests_of_copies(catalog: Catalog, original: int) -> set[str]:
    """Return SHA-256 of every file that holds `original`: its own, and those prepared from it."""
    query = select(instances.c.sha256).where(
        (instances.c.id == original) | (instances.c.derived_from == original)
    )
    with catalog.reading() as connection:
        return set(connection.execute(query).scalars())


def find_prepared(catalog: Catalog, original: int, recipe: str) -> Entry | None:
    """Return the copy of `original` that was prepared by `recipe`, if it is here."""
    query = with_parents(select(*ENTRY_COLUMNS)).where(
        instances.c.derived_from == original, instances.c.recipe == recipe
    )
    with catalog.reading() as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    entry = read_row(row)
    return entry if catalog.store.path(entry.sha256, entry.kind).exists() else None


def with_parents(query: Select[Any]) -> Select[Any]:
    """Return `query` over instances with their series, studies and patients joined."""
    return (
        query.select_from(instances)
        .join(series, series.c.id == instances.c.series)
        .join(studies, studies.c.id == series.c.study)
        .join(patients, patients.c.id == studies.c.patient)
    )


def read_row(row: Row[Any]) -> Entry:
    """Return the entry of a row of `ENTRY_COLUMNS`."""
    return Entry(
        id=row.id,
        kind=Kind(row.kind),
        patient=row.patient,
        sha256=row.sha256,
        data_sha256=row.data_sha256,
        size_bytes=row.size_bytes,
        header=unpack_header(
            row.header, row.sop_class_uid, row.sop_instance_uid, row.transfer_syntax_uid
        ),
    )
