"""What the catalog holds of instances that arrive from outside: by UID, by pixels, by study.

Each question is put to the index once for a whole batch of arrivals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.schema import instances, patients, series, studies
from mediastation.catalog.selection import with_parents
from mediastation.model.entry import Kind
from mediastation.model.identity import PatientIdentity

BATCH = 500
"""Values that one query asks about."""
MOST_ALIKE = 8
"""Originals with one pixel key that are told; more are no better evidence."""


@dataclass(frozen=True, slots=True)
class KnownInstance:
    """An entry as arrivals are compared with it.

    `derived_from` is the entry that a copy was made from; None for originals.
    `source` says where it came from, `received_at` is in seconds since the epoch.
    """

    entry: int
    kind: Kind
    derived_from: int | None
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str
    series_instance_uid: str
    sha256: str
    data_sha256: str
    pixel_key: str
    size_bytes: int
    source: str
    received_at: float
    identity: PatientIdentity


@dataclass(frozen=True, slots=True)
class KnownPatient:
    """An identity under which a study is here, and its first entry there."""

    identity: PatientIdentity
    entry: int


_IDENTITY: tuple[ColumnElement[Any], ...] = (
    patients.c.patient_id,
    patients.c.issuer_of_patient_id,
    patients.c.patient_name,
    patients.c.patient_birth_date,
    patients.c.patient_sex,
)
_COLUMNS: tuple[ColumnElement[Any], ...] = (
    instances.c.id,
    instances.c.kind,
    instances.c.derived_from,
    instances.c.sop_instance_uid,
    instances.c.sop_class_uid,
    instances.c.transfer_syntax_uid,
    studies.c.study_instance_uid,
    series.c.series_instance_uid,
    instances.c.sha256,
    instances.c.data_sha256,
    instances.c.pixel_key,
    instances.c.size_bytes,
    instances.c.source_detail,
    instances.c.received_at,
    *_IDENTITY,
)


def instances_with_uids(catalog: Catalog, uids: Collection[str]) -> dict[str, list[KnownInstance]]:
    """Return entries by SOP Instance UID, originals first: also copies that were made here."""
    found: dict[str, list[KnownInstance]] = {}
    with catalog.reading() as connection:
        for batch in _batches(uids):
            query = (
                with_parents(select(*_COLUMNS))
                .where(instances.c.sop_instance_uid.in_(batch))
                .order_by(instances.c.derived_from.is_not(None), instances.c.id)
            )
            for row in connection.execute(query):
                found.setdefault(row.sop_instance_uid, []).append(_known(row))
    return found


def originals_with_pixels(
    catalog: Catalog, keys: Collection[str]
) -> dict[str, list[KnownInstance]]:
    """Return originals by pixel key, the first `MOST_ALIKE` of each: they may be the same image."""
    found: dict[str, list[KnownInstance]] = {}
    place = func.row_number().over(partition_by=instances.c.pixel_key, order_by=instances.c.id)
    with catalog.reading() as connection:
        for batch in _batches(keys):
            alike = (
                select(instances.c.id, place.label("place"))
                .where(instances.c.pixel_key.in_(batch), instances.c.kind == Kind.ORIGINAL)
                .subquery()
            )
            query = (
                with_parents(select(*_COLUMNS))
                .join(alike, alike.c.id == instances.c.id)
                .where(alike.c.place <= MOST_ALIKE)
                .order_by(instances.c.id)
            )
            for row in connection.execute(query):
                found.setdefault(row.pixel_key, []).append(_known(row))
    return found


def patients_of_studies(
    catalog: Catalog, study_uids: Collection[str]
) -> dict[str, list[KnownPatient]]:
    """Return the identities under which studies are here, by Study Instance UID.

    Those that this site gave to coerced copies are among them.
    """
    found: dict[str, list[KnownPatient]] = {}
    with catalog.reading() as connection:
        for batch in _batches(study_uids):
            query = (
                with_parents(
                    select(
                        studies.c.study_instance_uid,
                        func.min(instances.c.id).label("entry"),
                        *_IDENTITY,
                    )
                )
                .where(studies.c.study_instance_uid.in_(batch), instances.c.kind != Kind.PREPARED)
                .group_by(studies.c.id, studies.c.study_instance_uid, *_IDENTITY)
                .order_by(studies.c.id)
            )
            for row in connection.execute(query):
                known = KnownPatient(_identity(row), row.entry)
                found.setdefault(row.study_instance_uid, []).append(known)
    return found


def known_instance(catalog: Catalog, entry: int) -> KnownInstance | None:
    """Return one entry, if it is still here."""
    with catalog.reading() as connection:
        row = connection.execute(
            with_parents(select(*_COLUMNS)).where(instances.c.id == entry)
        ).first()
    return _known(row) if row else None


def has_unseen_pixels(catalog: Catalog) -> bool:
    """Tell whether nobody has looked at the pixels of some originals, which `reindex` would."""
    unseen = exists().where(instances.c.pixel_key == "", instances.c.kind == Kind.ORIGINAL)
    with catalog.reading() as connection:
        return bool(connection.execute(select(unseen)).scalar())


def _batches(values: Collection[str]) -> Iterator[list[str]]:
    wanted = sorted({value for value in values if value})
    for start in range(0, len(wanted), BATCH):
        yield wanted[start : start + BATCH]


def _known(row: Row[Any]) -> KnownInstance:
    return KnownInstance(
        entry=row.id,
        kind=Kind(row.kind),
        derived_from=row.derived_from,
        sop_instance_uid=row.sop_instance_uid,
        sop_class_uid=row.sop_class_uid,
        transfer_syntax_uid=row.transfer_syntax_uid,
        study_instance_uid=row.study_instance_uid,
        series_instance_uid=row.series_instance_uid,
        sha256=row.sha256,
        data_sha256=row.data_sha256,
        pixel_key=row.pixel_key,
        size_bytes=row.size_bytes,
        source=row.source_detail,
        received_at=row.received_at,
        identity=_identity(row),
    )


def _identity(row: Row[Any]) -> PatientIdentity:
    return PatientIdentity(
        row.patient_id,
        row.issuer_of_patient_id,
        row.patient_name,
        row.patient_birth_date,
        row.patient_sex,
    )
