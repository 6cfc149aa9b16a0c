"""What the UIDs of a selection stand for: numbers of studies, rows of series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.current import is_current
from mediastation.catalog.schema import instances, job_entries, patients, series, studies
from mediastation.model.browsing import SeriesRow

_BATCH = 500


def studies_named(catalog: Catalog, uids: Sequence[str]) -> dict[str, list[int]]:
    """Return the numbers of studies by Study Instance UID.

    One UID has several where its instances came under several patient
    identities: whoever names it means them all.
    """
    return _numbers(catalog, studies.c.study_instance_uid, uids)


def studies_of_patient_ids(catalog: Catalog, patient_ids: Sequence[str]) -> dict[str, list[int]]:
    """Return the numbers of studies by Patient ID, whoever issued it."""
    return _numbers(catalog, patients.c.patient_id, patient_ids)


def studies_of_import(catalog: Catalog, job: int) -> list[int]:
    """Return the numbers of the studies that what an import brought stands in now.

    What was reconciled stands under the identity of this site.
    """
    taken = select(job_entries.c.entry).where(job_entries.c.job == job)
    query = (
        select(studies.c.id)
        .join(series, series.c.study == studies.c.id)
        .join(instances, instances.c.series == series.c.id)
        .where(instances.c.id.in_(taken) | instances.c.derived_from.in_(taken), is_current())
        .distinct()
        .order_by(studies.c.id)
    )
    with catalog.reading() as connection:
        return list(connection.execute(query).scalars())


def series_named(catalog: Catalog, uids: Sequence[str]) -> dict[str, list[SeriesRow]]:
    """Return series by Series Instance UID, all that have it."""
    found: dict[str, list[SeriesRow]] = {}
    for start in range(0, len(uids), _BATCH):
        query = (
            select(series)
            .where(series.c.series_instance_uid.in_(uids[start : start + _BATCH]))
            .order_by(series.c.id)
        )
        with catalog.reading() as connection:
            for row in connection.execute(query).mappings():
                values = {name: row[name] for name in SeriesRow.__slots__}
                found.setdefault(row["series_instance_uid"], []).append(SeriesRow(**values))
    return found


def _numbers(catalog: Catalog, column: Column[Any], wanted: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for start in range(0, len(wanted), _BATCH):
        query = (
            select(column, studies.c.id)
            .select_from(studies)
            .join(patients, patients.c.id == studies.c.patient)
            .where(column.in_(wanted[start : start + _BATCH]))
            .order_by(studies.c.id)
        )
        with catalog.reading() as connection:
            for word, number in connection.execute(query):
                found.setdefault(word, []).append(number)
    return found
