"""Index rows: one staged file becomes rows in four tables, and stops being any."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from mediastation.catalog.packing import pack_header
from mediastation.catalog.schema import instances, job_entries, patients, series, studies
from mediastation.catalog.staging import Staged
from mediastation.dicom.header import INDEX_VERSION
from mediastation.dicom.values import text
from mediastation.model.entry import Kept, Kind, Outcome
from mediastation.model.finding import warning
from mediastation.model.instance import InstanceHeader

_PATIENT = {
    "patient_id": 0x00100020,
    "issuer_of_patient_id": 0x00100021,
    "patient_name": 0x00100010,
    "patient_birth_date": 0x00100030,
    "patient_sex": 0x00100040,
}
_STUDY = {
    "study_date": 0x00080020,
    "study_time": 0x00080030,
    "study_id": 0x00200010,
    "accession_number": 0x00080050,
    "study_description": 0x00081030,
}
_SERIES = {
    "modality": 0x00080060,
    "series_number": 0x00200011,
    "series_description": 0x0008103E,
}
_STUDY_UID, _SERIES_UID, _INSTANCE_NUMBER = 0x0020000D, 0x0020000E, 0x00200013
_LARGEST_IS = 1 << 31


@dataclass(slots=True)
class Parents:
    """Row numbers of patients, studies and series met within one transaction."""

    patients: dict[tuple[str, ...], int] = field(default_factory=dict)
    studies: dict[tuple[int, str], int] = field(default_factory=dict)
    series: dict[tuple[int, str], int] = field(default_factory=dict)


def find_entry(connection: Connection, staged: Staged) -> int | None:
    """Return the number of the entry that `staged` would repeat, if there is one."""
    if staged.derived_from is None:
        same = (
            (instances.c.sop_instance_uid == staged.header.sop_instance_uid)
            & (instances.c.data_sha256 == staged.data_sha256)
            & instances.c.derived_from.is_(None)
        )
    else:
        same = (instances.c.derived_from == staged.derived_from) & (
            instances.c.recipe == staged.recipe
        )
    return connection.execute(select(instances.c.id).where(same)).scalar()


def insert_entry(
    connection: Connection, staged: Staged, parents: Parents, received_at: float
) -> Kept:
    """Insert the rows of `staged`, which repeats no entry, and say what it became."""
    header = staged.header
    rivals = []
    if staged.kind is Kind.ORIGINAL and header.sop_instance_uid:
        rivals = list(
            connection.execute(
                select(instances.c.sha256).where(
                    instances.c.sop_instance_uid == header.sop_instance_uid,
                    instances.c.kind == Kind.ORIGINAL,
                )
            ).scalars()
        )
    series_row = _series_row(connection, header, parents)
    values = {
        **_instance_values(staged),
        "series": series_row,
        "received_at": received_at,
    }
    entry = connection.execute(insert(instances).returning(instances.c.id), values).scalar_one()
    if staged.kind is Kind.ORIGINAL:
        _count(connection, series_row, 1, staged.size_bytes)
    if not rivals:
        return Kept(Outcome.ADDED, entry, header.sop_instance_uid, header.findings)
    conflict = warning(
        "conflict",
        header.sop_instance_uid,
        f"This SOP Instance UID is here already with other content (sha256:{rivals[0]}); "
        f"both are kept, the new one as sha256:{staged.sha256}.",
        "Find out which is right; `mediastation forget sha256:…` removes the other.",
        "PS3.5 9",
    )
    return Kept(Outcome.CONFLICT, entry, header.sop_instance_uid, (*header.findings, conflict))


def replace_entry(connection: Connection, entry: int, staged: Staged, parents: Parents) -> None:
    """Write the index columns of `entry` anew from `staged`; where it came from stays."""
    series_row = _series_row(connection, staged.header, parents)
    provenance = {"source_kind", "source_detail", "calling_ae", "called_ae", "derived_from"}
    values = {
        key: value
        for key, value in {**_instance_values(staged), "series": series_row}.items()
        if key not in provenance
    }
    connection.execute(update(instances).where(instances.c.id == entry), values)


def delete_entries(connection: Connection, entries: list[int]) -> list[tuple[str, Kind]]:
    """Delete the rows of `entries` and of what was prepared from them.

    Returns
    -------
    list of (str, Kind)
        Digest and kind of each file that no row speaks of any more.
    """
    chosen = instances.c.id.in_(entries) | instances.c.derived_from.in_(entries)
    rows = connection.execute(
        select(instances.c.id, instances.c.sha256, instances.c.kind, instances.c.series,
               instances.c.size_bytes).where(chosen)
    ).all()  # fmt: skip
    for row in rows:
        if row.kind == Kind.ORIGINAL:
            _count(connection, row.series, -1, -row.size_bytes)
    numbers = [row.id for row in rows]
    connection.execute(delete(job_entries).where(job_entries.c.entry.in_(numbers)))
    connection.execute(delete(instances).where(instances.c.derived_from.in_(entries)))
    connection.execute(delete(instances).where(instances.c.id.in_(numbers)))
    gone = []
    for row in rows:
        left = select(func.count()).where(
            instances.c.sha256 == row.sha256, instances.c.kind == row.kind
        )
        if connection.execute(left).scalar_one() == 0:
            gone.append((row.sha256, Kind(row.kind)))
    return gone


def delete_empty_parents(connection: Connection) -> None:
    """Delete series without instances, studies without series, patients without studies."""
    for table, column in ((series, instances.c.series), (studies, series.c.study),
                          (patients, studies.c.patient)):  # fmt: skip
        used = select(column).where(column == table.c.id).exists()
        connection.execute(delete(table).where(~used))


def count_series_anew(connection: Connection) -> None:
    """Set the counters of every series from its rows."""
    own = (instances.c.series == series.c.id) & (instances.c.kind == Kind.ORIGINAL)
    counted = select(func.count()).where(own).scalar_subquery()
    summed = select(func.coalesce(func.sum(instances.c.size_bytes), 0)).where(own).scalar_subquery()
    connection.execute(update(series).values(instances=counted, size_bytes=summed))


def _instance_values(staged: Staged) -> dict[str, Any]:
    header = staged.header
    number = text(header, _INSTANCE_NUMBER).split("\\")[0]
    digits = number.removeprefix("-").removeprefix("+")
    instance_number = int(number) if digits.isascii() and digits.isdigit() else None
    if instance_number is not None and abs(instance_number) > _LARGEST_IS:
        instance_number = None
    return {
        "kind": staged.kind,
        "derived_from": staged.derived_from,
        "recipe": staged.recipe,
        "sop_instance_uid": header.sop_instance_uid,
        "sop_class_uid": header.sop_class_uid,
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "instance_number": instance_number,
        "sha256": staged.sha256,
        "data_sha256": staged.data_sha256,
        "size_bytes": staged.size_bytes,
        "header": pack_header(header),
        "index_version": INDEX_VERSION,
        "source_kind": staged.source.kind,
        "source_detail": staged.source.detail,
        "calling_ae": staged.source.calling_ae,
        "called_ae": staged.source.called_ae,
    }


def _series_row(connection: Connection, header: InstanceHeader, parents: Parents) -> int:
    identity = {name: text(header, tag) for name, tag in _PATIENT.items()}
    who = tuple(identity.values())
    patient = parents.patients.get(who)
    if patient is None:
        patient = parents.patients[who] = _find_or_insert(connection, patients, identity)
    study_uid = text(header, _STUDY_UID)
    study = parents.studies.get((patient, study_uid))
    if study is None:
        study = parents.studies[patient, study_uid] = _find_or_insert(
            connection,
            studies,
            {"patient": patient, "study_instance_uid": study_uid},
            {name: text(header, tag) for name, tag in _STUDY.items()},
        )
    series_uid = text(header, _SERIES_UID)
    found = parents.series.get((study, series_uid))
    if found is None:
        found = parents.series[study, series_uid] = _find_or_insert(
            connection,
            series,
            {"study": study, "series_instance_uid": series_uid},
            {name: text(header, tag) for name, tag in _SERIES.items()},
        )
    return found


def _find_or_insert(
    connection: Connection,
    table: Table,
    key: dict[str, Any],
    more: dict[str, str] | None = None,
) -> int:
    # The caller holds the write lock, so nobody can insert in between.
    found = select(table.c.id).where(*(table.c[name] == value for name, value in key.items()))
    row = connection.execute(found).scalar()
    if row is None:
        values = {**key, **(more or {})}
        row = connection.execute(insert(table).returning(table.c.id), values).scalar_one()
    return int(row)


def _count(connection: Connection, series_row: int, number: int, size_bytes: int) -> None:
    connection.execute(
        update(series)
        .where(series.c.id == series_row)
        .values(instances=series.c.instances + number, size_bytes=series.c.size_bytes + size_bytes)
    )
