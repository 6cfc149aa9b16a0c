"""Outside originals in the catalog: which they are, whose, and by which import they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from sqlalchemy import case, func, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.current import is_current
from mediastation.catalog.schema import instances, job_entries, jobs, patients, series, studies
from mediastation.catalog.selection import find_to_forget, with_parents
from mediastation.model.entry import Kind
from mediastation.model.identity import PatientIdentity

_BATCH = 500
_IDENTITY = (
    patients.c.patient_id,
    patients.c.issuer_of_patient_id,
    patients.c.patient_name,
    patients.c.patient_birth_date,
    patients.c.patient_sex,
)


@dataclass(frozen=True, slots=True)
class OutsideSeries:
    """Outside originals of one series and one identity, and what was made of them.

    Parameters
    ----------
    identity : PatientIdentity
        As they came.
    study_instance_uid, series_instance_uid : str
    instances : int
        How many they are.
    local : PatientIdentity, optional
        The identity of this site that their newest copies bear; None where
        they have none.
    imported : int
        How many of them the import took in, or met again.
    """

    identity: PatientIdentity
    study_instance_uid: str
    series_instance_uid: str
    instances: int
    local: PatientIdentity | None
    imported: int


@dataclass(frozen=True, slots=True)
class OtherInStudy:
    """Instances of a study that are here under an identity of this site.

    `came_as` is what they were from outside, where they were reconciled; None
    for what was received here.
    """

    identity: PatientIdentity
    came_as: PatientIdentity | None
    study_instance_uid: str
    instances: int


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
    for start in range(0, len(entries), _BATCH):
        query = (
            select(*_IDENTITY, func.count())
            .select_from(instances)
            .join(series, series.c.id == instances.c.series)
            .join(studies, studies.c.id == series.c.study)
            .join(patients, patients.c.id == studies.c.patient)
            .where(instances.c.id.in_(entries[start : start + _BATCH]))
            .group_by(*_IDENTITY)
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


def imports_behind(catalog: Catalog, job: int) -> list[int]:
    """Return the import jobs that took in, or met again, what `job` is about; oldest first.

    A coerced copy came with its original.
    """
    about = (
        select(func.coalesce(instances.c.derived_from, instances.c.id))
        .join(job_entries, job_entries.c.entry == instances.c.id)
        .where(job_entries.c.job == job)
    )
    query = (
        select(jobs.c.id)
        .join(job_entries, job_entries.c.job == jobs.c.id)
        .where(job_entries.c.entry.in_(about), jobs.c.kind == "import")
        .distinct()
        .order_by(jobs.c.id)
    )
    with catalog.reading() as connection:
        return list(connection.execute(query).scalars())


def others_in_studies(catalog: Catalog, job: int, source_kind: str) -> list[OtherInStudy]:
    """Return who else of this site has instances of the studies that `job` is about.

    Of what stands for its instance now: received here, or reconciled by another
    decision; what is still outside has nobody yet. `job` is about originals.
    """
    original, own = instances.alias("original"), job_entries.alias("own")
    of_original = series.alias("of_original"), studies.alias("its_study"), patients.alias("came_as")
    taken = select(own.c.entry).where(own.c.job == job)
    brought = (
        select(studies.c.study_instance_uid)
        .join(series, series.c.study == studies.c.id)
        .join(original, original.c.series == series.c.id)
        .where(original.c.id.in_(taken), studies.c.study_instance_uid != "")
        .distinct()
    )
    names = (
        "patient_id", "issuer_of_patient_id", "patient_name", "patient_birth_date", "patient_sex"
    )  # fmt: skip
    came_as = tuple(of_original[2].c[name].label(f"came_{name}") for name in names)
    shown = (
        *_IDENTITY, *came_as, original.c.id.is_not(None).label("is_copy"),
        studies.c.study_instance_uid,
    )  # fmt: skip
    query = (
        with_parents(select(*shown, func.count().label("instances")))
        .outerjoin(original, original.c.id == instances.c.derived_from)
        .outerjoin(of_original[0], of_original[0].c.id == original.c.series)
        .outerjoin(of_original[1], of_original[1].c.id == of_original[0].c.study)
        .outerjoin(of_original[2], of_original[2].c.id == of_original[1].c.patient)
        .where(
            is_current(),
            studies.c.study_instance_uid.in_(brought),
            func.coalesce(instances.c.derived_from, instances.c.id).not_in(taken),
            instances.c.source_kind != source_kind,
        )
        .group_by(*shown)
        .order_by(studies.c.study_instance_uid, *_IDENTITY)
    )
    with catalog.reading() as connection:
        return [
            OtherInStudy(
                PatientIdentity(*row[:5]),
                PatientIdentity(*row[5:10]) if row.is_copy else None,
                row.study_instance_uid,
                row.instances,
            )
            for row in connection.execute(query)
        ]


def outside_series(catalog: Catalog, job: int, source_kind: str) -> list[OutsideSeries]:
    """Return the outside originals of the studies that import `job` brought, by series.

    Of these studies all that came from such a source are told, whichever
    import brought them: who asks for a study by its UID gets them all.
    """
    original, copy, newer = instances, instances.alias("copy"), instances.alias("newer")
    of_copy = series.alias("of_copy"), studies.alias("study_of_copy"), patients.alias("local")
    taken = select(job_entries.c.entry).where(job_entries.c.job == job)
    brought = (
        select(studies.c.study_instance_uid)
        .join(series, series.c.study == studies.c.id)
        .join(original, original.c.series == series.c.id)
        .where(original.c.id.in_(taken))
        .distinct()
    )
    is_newest = ~(
        select(newer.c.id)
        .where(
            newer.c.derived_from == original.c.id,
            newer.c.kind == Kind.COERCED,
            newer.c.id > copy.c.id,
        )
        .correlate(original, copy)
        .exists()
    )
    is_taken = original.c.id.in_(taken)
    names = (
        "patient_id", "issuer_of_patient_id", "patient_name", "patient_birth_date", "patient_sex"
    )  # fmt: skip
    local = tuple(of_copy[2].c[name].label(f"local_{name}") for name in names)
    shown = (
        *_IDENTITY, studies.c.study_instance_uid, series.c.series_instance_uid, *local,
        copy.c.id.is_not(None).label("has_copy"),
    )  # fmt: skip
    query = (
        select(
            *shown,
            func.count().label("instances"),
            func.sum(case((is_taken, 1), else_=0)).label("imported"),
        )
        .select_from(original)
        .join(series, series.c.id == original.c.series)
        .join(studies, studies.c.id == series.c.study)
        .join(patients, patients.c.id == studies.c.patient)
        .outerjoin(
            copy,
            (copy.c.derived_from == original.c.id) & (copy.c.kind == Kind.COERCED) & is_newest,
        )
        .outerjoin(of_copy[0], of_copy[0].c.id == copy.c.series)
        .outerjoin(of_copy[1], of_copy[1].c.id == of_copy[0].c.study)
        .outerjoin(of_copy[2], of_copy[2].c.id == of_copy[1].c.patient)
        .where(
            studies.c.study_instance_uid.in_(brought),
            original.c.kind == Kind.ORIGINAL,
            original.c.source_kind == source_kind,
        )
        .group_by(*shown)
        .order_by(*_IDENTITY, studies.c.study_instance_uid, series.c.series_instance_uid)
    )
    with catalog.reading() as connection:
        return [_outside_series(row) for row in connection.execute(query)]


def outside_digests(
    catalog: Catalog, job: int, series_uid: str, identity: PatientIdentity
) -> list[str]:
    """Return the digests of the originals of one series and identity that an import brought."""
    query = (
        select(instances.c.sha256)
        .join(job_entries, job_entries.c.entry == instances.c.id)
        .join(series, series.c.id == instances.c.series)
        .join(studies, studies.c.id == series.c.study)
        .join(patients, patients.c.id == studies.c.patient)
        .where(
            job_entries.c.job == job,
            series.c.series_instance_uid == series_uid,
            *(column == value for column, value in zip(_IDENTITY, astuple(identity), strict=True)),
        )
        .order_by(instances.c.id)
    )
    with catalog.reading() as connection:
        return list(connection.execute(query).scalars())


def _outside_series(row: Any) -> OutsideSeries:
    *identity, study, one = row[:7]
    local = PatientIdentity(*row[7:12]) if row.has_copy else None
    return OutsideSeries(
        PatientIdentity(*identity), study, one, row.instances, local, int(row.imported)
    )
