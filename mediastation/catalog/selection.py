"""Which entries a SOURCE of the catalog names, and reading them in directory order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from mediastation.catalog.catalog import Catalog, streamed
from mediastation.catalog.current import is_current
from mediastation.catalog.entry_rows import replaced_copies
from mediastation.catalog.packing import unpack_header
from mediastation.catalog.schema import (
    instances,
    job_entries,
    jobs,
    patients,
    series,
    studies,
)
from mediastation.errors import ConfigError
from mediastation.model.entry import Entry, Kind

SELECTORS = ("patient", "study", "series", "instance", "import", "reconcile", "sha256")
_OF_JOBS = ("import", "reconcile")
_FULL_DIGEST = 64
_BATCH = 500

_ENTRY_COLUMNS = (
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
            or_(condition, instances.c.derived_from.in_(_of_job(selector)))
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


def imports_besides(catalog: Catalog, selector: str) -> dict[int, int]:
    """Return which other imports brought instances of the one that `selector` names, and how many.

    Empty for a selector of another kind.
    """
    kind, _, number = selector.partition(":")
    if kind != "import":
        return {}
    query = (
        select(job_entries.c.job, func.count())
        .join(jobs, jobs.c.id == job_entries.c.job)
        .where(
            job_entries.c.entry.in_(_of_job(selector)),
            jobs.c.kind == kind,
            jobs.c.id != int(number),
        )
        .group_by(job_entries.c.job)
        .order_by(job_entries.c.job)
    )
    with catalog.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def _of_job(selector: str) -> Select[tuple[int]]:
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
            condition = instances.c.id.in_(_of_job(selector))
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


def remember_selection(catalog: Catalog, job: int, entries: Iterable[int]) -> int:
    """Note that `job` is about `entries`, each once; return how many they are.

    What an earlier attempt of the job noted is forgotten.
    """
    chosen = sorted(set(entries))
    with catalog.writing() as connection:
        connection.execute(delete(job_entries).where(job_entries.c.job == job))
    for start in range(0, len(chosen), _BATCH):
        with catalog.writing() as connection:
            rows = [{"job": job, "entry": entry} for entry in chosen[start : start + _BATCH]]
            connection.execute(insert(job_entries), rows)
    return len(chosen)


def add_to_selection(catalog: Catalog, job: int, entries: Iterable[int]) -> None:
    """Note that an ended `job` is about `entries` as well; a job that is gone is none's."""
    with catalog.writing() as connection:
        if connection.execute(select(jobs.c.id).where(jobs.c.id == job)).first() is None:
            return
        wanted = set(entries)
        there = select(job_entries.c.entry).where(
            job_entries.c.job == job, job_entries.c.entry.in_(wanted)
        )
        wanted.difference_update(connection.execute(there).scalars())
        rows = [{"job": job, "entry": one} for one in sorted(wanted)]
        if rows:
            connection.execute(insert(job_entries), rows)


def drop_from_selection(catalog: Catalog, job: int, entries: Iterable[int]) -> None:
    """Take `entries` out of what `job` is about."""
    dropped = list(entries)
    for start in range(0, len(dropped), _BATCH):
        chosen = job_entries.c.entry.in_(dropped[start : start + _BATCH])
        with catalog.writing() as connection:
            connection.execute(delete(job_entries).where(job_entries.c.job == job, chosen))


def assign_volumes(catalog: Catalog, job: int, numbers: Iterable[tuple[int, int]]) -> None:
    """Note which volume of `job` an entry goes onto: pairs of entry and volume, from 1.

    What is not named stays where it is; at first that is volume 1. Streams. A
    run that was killed between has assigned only part: the job has ended then.
    """
    statement = (
        update(job_entries)
        .where(job_entries.c.job == job, job_entries.c.entry == bindparam("which"))
        .values(volume=bindparam("to"))
    )
    pairs = iter(numbers)
    while rows := [{"which": entry, "to": volume} for entry, volume in islice(pairs, _BATCH)]:
        with catalog.writing() as connection:
            connection.execute(statement, rows)


def iter_selection(
    catalog: Catalog,
    job: int,
    *,
    volume: int | None = None,
    patients_of: Collection[int] | None = None,
    classes: Collection[str] | None = None,
    except_classes: Collection[str] = (),
) -> Iterator[Entry]:
    """Yield the entries of a job in directory order: study, series, Instance Number, UID.

    Streams; the headers of a million instances are never in memory together.

    Parameters
    ----------
    volume : int, optional
        Only what goes onto this volume of the job (`assign_volumes`).
    patients_of : collection of int, optional
        Only these patient identities, as one group.
    classes, except_classes : collection of str
        Only these SOP Classes, and none of those.
    """
    chosen = _chosen(job, volume)
    query = (
        with_parents(select(*_ENTRY_COLUMNS))
        .where(instances.c.sop_class_uid.not_in(except_classes))
        .order_by(
            studies.c.study_instance_uid,
            series.c.series_instance_uid,
            instances.c.instance_number.nulls_first(),
            instances.c.sop_instance_uid,
            instances.c.id,
        )
    )
    if patients_of is None:
        query = query.join(job_entries, and_(*chosen))
    else:
        # From the patient to the entries: asked for each of many patients, the
        # other way round would go through the whole selection every time.
        query = query.where(studies.c.patient.in_(patients_of), exists().where(*chosen))
    if classes is not None:
        query = query.where(instances.c.sop_class_uid.in_(classes))
    with catalog.reading() as connection, streamed(connection, query, _BATCH) as rows:
        for row in rows:
            yield _entry(row)


def count_selection(
    catalog: Catalog,
    job: int,
    *,
    volume: int | None = None,
    classes: Collection[str] | None = None,
    except_classes: Collection[str] = (),
) -> dict[int, int]:
    """Count the entries of a job by patient identity; volume and classes: see `iter_selection`."""
    query = (
        with_parents(select(studies.c.patient, func.count()))
        .join(job_entries, and_(*_chosen(job, volume)))
        .where(instances.c.sop_class_uid.not_in(except_classes))
        .group_by(studies.c.patient)
    )
    if classes is not None:
        query = query.where(instances.c.sop_class_uid.in_(classes))
    with catalog.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def entries_from(catalog: Catalog, job: int, source_kind: str) -> dict[int, str]:
    """Return SOP Instance UIDs by entry of what `job` is about and came from such a source."""
    query = (
        select(instances.c.id, instances.c.sop_instance_uid)
        .join(job_entries, and_(*_chosen(job, None)))
        .where(instances.c.source_kind == source_kind)
    )
    with catalog.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def rivals_in(catalog: Catalog, job: int) -> dict[int, str]:
    """Return SOP Instance UIDs by entry of what `job` is about and has twice under one UID."""
    chosen = and_(*_chosen(job, None))
    twice = (
        select(instances.c.sop_instance_uid)
        .join(job_entries, chosen)
        .where(instances.c.sop_instance_uid != "")
        .group_by(instances.c.sop_instance_uid)
        .having(func.count() > 1)
    )
    query = (
        select(instances.c.id, instances.c.sop_instance_uid)
        .join(job_entries, chosen)
        .where(instances.c.sop_instance_uid.in_(twice))
    )
    with catalog.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


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
    query = with_parents(select(*_ENTRY_COLUMNS)).where(instances.c.id == number)
    with catalog.reading() as connection:
        row = connection.execute(query).first()
    return None if row is None else _entry(row)


def digests_of_copies(catalog: Catalog, original: int) -> set[str]:
    """Return SHA-256 of every file that holds `original`: its own, and those prepared from it."""
    query = select(instances.c.sha256).where(
        (instances.c.id == original) | (instances.c.derived_from == original)
    )
    with catalog.reading() as connection:
        return set(connection.execute(query).scalars())


def find_prepared(catalog: Catalog, original: int, recipe: str) -> Entry | None:
    """Return the copy of `original` that was prepared by `recipe`, if it is here."""
    query = with_parents(select(*_ENTRY_COLUMNS)).where(
        instances.c.derived_from == original, instances.c.recipe == recipe
    )
    with catalog.reading() as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    entry = _entry(row)
    return entry if catalog.store.path(entry.sha256, entry.kind).exists() else None


def _chosen(job: int, volume: int | None) -> tuple[ColumnElement[bool], ...]:
    chosen = job_entries.c.job == job, job_entries.c.entry == instances.c.id
    return chosen if volume is None else (*chosen, job_entries.c.volume == volume)


def with_parents(query: Select[Any]) -> Select[Any]:
    """Return `query` over instances with their series, studies and patients joined."""
    return (
        query.select_from(instances)
        .join(series, series.c.id == instances.c.series)
        .join(studies, studies.c.id == series.c.study)
        .join(patients, patients.c.id == studies.c.patient)
    )


def _entry(row: Row[Any]) -> Entry:
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
