"""What jobs are about: which entries, on which of their volumes; read in directory order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from mediastation.catalog.catalog import Catalog, streamed
from mediastation.catalog.schema import instances, job_entries, jobs, series, studies
from mediastation.catalog.selection import ENTRY_COLUMNS, of_job, read_row, with_parents
from mediastation.model.entry import Entry

_BATCH = 500


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
        with_parents(select(*ENTRY_COLUMNS))
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
            yield read_row(row)


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
            job_entries.c.entry.in_(of_job(selector)),
            jobs.c.kind == kind,
            jobs.c.id != int(number),
        )
        .group_by(job_entries.c.job)
        .order_by(job_entries.c.job)
    )
    with catalog.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def _chosen(job: int, volume: int | None) -> tuple[ColumnElement[bool], ...]:
    chosen = job_entries.c.job == job, job_entries.c.entry == instances.c.id
    return chosen if volume is None else (*chosen, job_entries.c.volume == volume)
