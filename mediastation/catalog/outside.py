"""Outside originals in the catalog: which they are, whose, and by which import they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import func, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.schema import instances, job_entries, jobs, patients, series, studies
from mediastation.catalog.selection import find_to_forget
from mediastation.model.entry import Kind
from mediastation.model.identity import PatientIdentity

_BATCH = 500


def find_outside(catalog: Catalog, selector: str, source_kind: str) -> list[int]:
    """Return the originals of one kind of source that `selector` names, ascending.

    By the identity that they came with, or by one that they were given.
    """
    found = find_to_forget(catalog, selector)
    outside: list[int] = []
    for start in range(0, len(found), _BATCH):
        query = select(instances.c.id).where(
            instances.c.id.in_(found[start : start + _BATCH]),
            instances.c.kind == Kind.ORIGINAL,
            instances.c.source_kind == source_kind,
        )
        with catalog.reading() as connection:
            outside += connection.execute(query).scalars()
    return sorted(outside)


def identities_of(catalog: Catalog, entries: Sequence[int]) -> list[tuple[PatientIdentity, int]]:
    """Return the identities of `entries` as they came, with the number of their instances."""
    counts: Counter[PatientIdentity] = Counter()
    columns = (
        patients.c.patient_id,
        patients.c.issuer_of_patient_id,
        patients.c.patient_name,
        patients.c.patient_birth_date,
        patients.c.patient_sex,
    )
    for start in range(0, len(entries), _BATCH):
        query = (
            select(*columns, func.count())
            .select_from(instances)
            .join(series, series.c.id == instances.c.series)
            .join(studies, studies.c.id == series.c.study)
            .join(patients, patients.c.id == studies.c.patient)
            .where(instances.c.id.in_(entries[start : start + _BATCH]))
            .group_by(*columns)
        )
        with catalog.reading() as connection:
            for *identity, number in connection.execute(query):
                counts[PatientIdentity(*identity)] += number
    return list(counts.items())


def imports_of(catalog: Catalog, entry: int) -> list[int]:
    """Return the import jobs that took `entry` in or met it again, the newest first."""
    query = (
        select(jobs.c.id)
        .join(job_entries, job_entries.c.job == jobs.c.id)
        .where(job_entries.c.entry == entry, jobs.c.kind == "import")
        .order_by(jobs.c.id.desc())
        .limit(20)
    )
    with catalog.reading() as connection:
        return list(connection.execute(query).scalars())
