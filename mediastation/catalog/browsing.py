"""What a screen shows of the catalog: keys in order, a few rows by key, totals of what is marked.

The keys of all studies are few bytes; the rest is read for those that a person
sees. No query here goes through the instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, func, or_, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.current import is_current
from mediastation.catalog.schema import PATIENT_ORDER, instances, jobs, patients, series, studies
from mediastation.model.browsing import (
    CatalogState,
    InstanceRow,
    PatientRow,
    SeriesRow,
    StudyOrder,
    StudyRow,
    Totals,
)
from mediastation.model.entry import Kind
from mediastation.model.search_text import search_words

_BATCH = 500
_Key = TypeVar("_Key", int, str)
_CODE_STRING = 16
"""Characters of a Modality at most (PS3.5 6.2, CS)."""


_ORDERS: dict[StudyOrder, tuple[ColumnElement[Any] | Column[Any], ...]] = {
    StudyOrder.ARRIVAL: (studies.c.received_at.desc(), studies.c.id.desc()),
    StudyOrder.DATE: (
        studies.c.study_date.desc(),
        studies.c.study_time.desc(),
        studies.c.id.desc(),
    ),
    StudyOrder.NAME: (*PATIENT_ORDER, studies.c.study_date.desc(), studies.c.id),
}


def catalog_state(catalog: Catalog) -> CatalogState:
    """Return what to compare, in order to know whether to read again."""
    query = select(func.count(), func.max(studies.c.id)).select_from(studies)
    newest = select(func.max(studies.c.received_at))
    with catalog.reading() as connection:
        number, last = connection.execute(query).one()
        return CatalogState(number, last or 0, connection.execute(newest).scalar() or 0.0)


def study_keys(
    catalog: Catalog, typed: str = "", order: StudyOrder = StudyOrder.ARRIVAL
) -> list[int]:
    """Return the numbers of the studies that match every word of `typed`, in `order`.

    A word matches where it occurs in what the study's patient and the study
    itself say, or where it is a Modality of the study.
    """
    query = select(studies.c.id).where(*map(_matches, search_words(typed)))
    if order is StudyOrder.NAME:
        query = query.join(patients, patients.c.id == studies.c.patient)
    with catalog.reading() as connection:
        return list(connection.execute(query.order_by(*_ORDERS[order])).scalars())


def study_rows(catalog: Catalog, keys: Sequence[int]) -> dict[int, StudyRow]:
    """Return studies by number, with what their series add up to; those that are still here."""
    found: dict[int, StudyRow] = {}
    modalities = func.aggregate_strings(series.c.modality, ",").label("modalities")
    for some in _batches(keys):
        query = (
            select(studies, *_PATIENT, func.count(series.c.id).label("series"), modalities,
                   *_COUNTED)
            .join(patients, patients.c.id == studies.c.patient)
            .join(series, series.c.study == studies.c.id)
            .where(studies.c.id.in_(some))
            .group_by(studies.c.id, patients.c.id)
        )  # fmt: skip
        with catalog.reading() as connection:
            for row in connection.execute(query).mappings():
                values = {name: row[name] for name in StudyRow.__slots__ if name != "modalities"}
                kinds = tuple(sorted(set(row["modalities"].split(",")) - {""}))
                found[row["id"]] = StudyRow(**values, modalities=kinds)
    return found


def studies_from(catalog: Catalog, keys: Sequence[int], source_kind: str) -> set[int]:
    """Return those of some studies that came from such a source, by one original of each series.

    One original stands for its series: nothing here goes through them all.
    """
    one = (
        select(instances.c.source_kind)
        .where(instances.c.series == series.c.id, instances.c.kind == Kind.ORIGINAL)
        .limit(1)
        .correlate(series)
        .scalar_subquery()
    )
    found: set[int] = set()
    for some in _batches(keys):
        query = (
            select(series.c.study)
            .where(series.c.study.in_(some), series.c.instances > 0, one == source_kind)
            .distinct()
        )
        with catalog.reading() as connection:
            found.update(connection.execute(query).scalars())
    return found


def studies_of_patient(catalog: Catalog, patient: int) -> list[int]:
    """Return the numbers of the studies of one patient identity."""
    with catalog.reading() as connection:
        query = select(studies.c.id).where(studies.c.patient == patient).order_by(studies.c.id)
        return list(connection.execute(query).scalars())


def series_of_studies(catalog: Catalog, keys: Sequence[int]) -> dict[int, list[SeriesRow]]:
    """Return the series of some studies, by the number of the study, in order of arrival."""
    found: dict[int, list[SeriesRow]] = {key: [] for key in keys}
    for some in _batches(keys):
        query = select(series).where(series.c.study.in_(some)).order_by(series.c.id)
        with catalog.reading() as connection:
            for row in connection.execute(query).mappings():
                found[row["study"]].append(
                    SeriesRow(**{name: row[name] for name in SeriesRow.__slots__})
                )
    return found


def instance_rows(catalog: Catalog, series_key: int, limit: int = 10_000) -> list[InstanceRow]:
    """Return the originals of a series in order of Instance Number, `limit` at most."""
    query = (
        select(instances.c.id, instances.c.instance_number, instances.c.sop_instance_uid)
        .where(instances.c.series == series_key, is_current())
        .order_by(instances.c.instance_number.nulls_first(), instances.c.id)
        .limit(limit)
    )
    with catalog.reading() as connection:
        return [InstanceRow(*row) for row in connection.execute(query)]


def totals(catalog: Catalog, study_uids: Sequence[str], series_uids: Sequence[str] = ()) -> Totals:
    """Return what studies and series add up to; a series of a study that is named counts once.

    A UID takes in all that has it, under whichever patient identity it came:
    so do the sources of a command.
    """
    number = size = 0
    there: set[str] = set()
    who: set[int] = set()
    whole = set(study_uids)
    with catalog.reading() as connection:
        for column, wanted in (
            (studies.c.study_instance_uid, study_uids),
            (series.c.series_instance_uid, series_uids),
        ):
            for some in _batches(sorted(set(wanted))):
                query = (
                    select(column, studies.c.study_instance_uid, studies.c.patient, *_COUNTED)
                    .select_from(series)
                    .join(studies, studies.c.id == series.c.study)
                    .where(column.in_(some))
                    .group_by(column, studies.c.study_instance_uid, studies.c.patient)
                )
                for uid, study, patient, count, size_bytes in connection.execute(query):
                    there.add(uid)
                    if not count:
                        continue  # coerced copies stand for all of it, under another identity
                    who.add(patient)
                    if column is series.c.series_instance_uid and study in whole:
                        continue
                    number += count
                    size += size_bytes
        people = _people(connection, who)
    gone = tuple(uid for uid in (*study_uids, *series_uids) if uid not in there)
    return Totals(number, size, gone, people)


def _people(connection: Connection, keys: Iterable[int]) -> tuple[PatientRow, ...]:
    found: list[PatientRow] = []
    for some in _batches(sorted(keys)):
        query = select(
            patients.c.patient_name, patients.c.patient_id, patients.c.patient_birth_date
        ).where(patients.c.id.in_(some))
        found += [PatientRow(*row) for row in connection.execute(query)]
    return tuple(found)


def count_unfinished_jobs(catalog: Catalog, now: float) -> dict[str, int]:
    """Count the jobs that have not ended, by state; a job whose process was killed runs no more."""
    ended = ("done", "refused", "failed", "cancelled", "abandoned")
    lapsed = (jobs.c.state == "running") & (jobs.c.lease_until < now)
    query = (
        select(jobs.c.state, func.count())
        .where(jobs.c.state.not_in(ended), ~lapsed)
        .group_by(jobs.c.state)
    )
    with catalog.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def jobs_that_ask(catalog: Catalog, limit: int = 100) -> list[int]:
    """Return the jobs that wait for a decision, the oldest first."""
    query = select(jobs.c.id).where(jobs.c.state == "waiting").order_by(jobs.c.id).limit(limit)
    with catalog.reading() as connection:
        return list(connection.execute(query).scalars())


_PATIENT = tuple(
    patients.c[name]
    for name in (
        "patient_id",
        "issuer_of_patient_id",
        "patient_name",
        "patient_birth_date",
        "patient_sex",
    )
)
_COUNTED = (
    func.coalesce(func.sum(series.c.instances), 0).label("instances"),
    func.coalesce(func.sum(series.c.size_bytes), 0).label("size_bytes"),
)


def _matches(word: str) -> ColumnElement[bool]:
    found = studies.c.search_text.contains(word, autoescape=True)
    if len(word) > _CODE_STRING:
        return found
    of_modality = select(series.c.study).where(series.c.modality == word.upper())
    return or_(found, studies.c.id.in_(of_modality))


def _batches(keys: Iterable[_Key]) -> Iterator[list[_Key]]:
    rest = iter(keys)
    while some := list(islice(rest, _BATCH)):
        yield some
