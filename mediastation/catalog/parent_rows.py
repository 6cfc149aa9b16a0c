"""Index rows of patients, studies and series: what instances belong to, and are found by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, update

from mediastation.catalog.current import is_current
from mediastation.catalog.schema import instances, patients, series, studies
from mediastation.dicom.values import text
from mediastation.model.instance import InstanceHeader
from mediastation.model.name_order import name_order
from mediastation.model.search_text import search_text

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
_STUDY_UID, _SERIES_UID = 0x0020000D, 0x0020000E

# Built once: putting the expressions together costs more than running them.
_COUNT = (
    update(series)
    .where(series.c.id == bindparam("row"))
    .values(
        instances=series.c.instances + bindparam("number"),
        size_bytes=series.c.size_bytes + bindparam("bytes"),
    )
)
_ARRIVED = (
    update(studies)
    .where(
        studies.c.id
        == select(series.c.study).where(series.c.id == bindparam("row")).scalar_subquery(),
        studies.c.received_at < bindparam("at"),
    )
    .values(received_at=bindparam("at"))
)


@dataclass(slots=True)
class Parents:
    """Row numbers of patients, studies and series met within one transaction, and their counts."""

    patients: dict[tuple[str, ...], int] = field(default_factory=dict)
    studies: dict[tuple[int, str], int] = field(default_factory=dict)
    series: dict[tuple[int, str], int] = field(default_factory=dict)
    counts: dict[int, tuple[int, int]] = field(default_factory=dict)
    arrivals: dict[int, float] = field(default_factory=dict)

    def count(self, series_row: int, number: int, size_bytes: int) -> None:
        """Note that a series has `number` more instances of `size_bytes` in all."""
        before, bytes_before = self.counts.get(series_row, (0, 0))
        self.counts[series_row] = before + number, bytes_before + size_bytes

    def arrive(self, series_row: int, received_at: float) -> None:
        """Note that an instance of a series arrived."""
        self.arrivals[series_row] = max(received_at, self.arrivals.get(series_row, 0.0))

    def write_counts(self, connection: Connection) -> None:
        """Bring what was noted into the rows of series and studies."""
        rows = [
            {"row": row, "number": number, "bytes": size_bytes}
            for row, (number, size_bytes) in self.counts.items()
        ]
        if rows:
            connection.execute(_COUNT, rows)
        self.counts.clear()
        arrived = [{"row": row, "at": moment} for row, moment in self.arrivals.items()]
        if arrived:
            connection.execute(_ARRIVED, arrived)
        self.arrivals.clear()


def series_row(connection: Connection, header: InstanceHeader, parents: Parents) -> int:
    """Return the row of the series of an instance; insert it, and those above, where missing."""
    identity = {name: text(header, tag) for name, tag in _PATIENT.items()}
    who = tuple(identity.values())
    patient = parents.patients.get(who)
    if patient is None:
        patient = parents.patients[who] = _find_or_insert(
            connection, patients, identity, {"name_key": name_order(identity["patient_name"])}
        )
    study_uid = text(header, _STUDY_UID)
    study = parents.studies.get((patient, study_uid))
    if study is None:
        study = parents.studies[patient, study_uid] = _find_or_insert(
            connection,
            studies,
            {"patient": patient, "study_instance_uid": study_uid},
            study_values(
                identity | {"study_instance_uid": study_uid},
                {name: text(header, tag) for name, tag in _STUDY.items()},
            ),
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


def study_values(identity: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of a study, with what it is found by.

    Parameters
    ----------
    identity : mapping of str to str
        The columns of its patient, and its UID.
    values : mapping of str to str
        Its own columns.
    """
    both = {**identity, **values}
    dates = [both.pop("patient_birth_date"), both.pop("study_date")]
    return {**values, "search_text": search_text(both.values(), dates)}


def fill_studies(connection: Connection) -> None:
    """Work out when the studies' last instances arrived, and what each study is found by.

    For an index of which an older version kept neither.
    """
    # The number of a series' last instance lies in an index, unlike the time of each.
    last = select(func.max(instances.c.id).label("id")).group_by(instances.c.series).subquery()
    arrived = (
        select(series.c.study, func.max(instances.c.received_at).label("at"))
        .join(instances, instances.c.series == series.c.id)
        .join(last, last.c.id == instances.c.id)
        .group_by(series.c.study)
    )
    when = {row.study: row.at for row in connection.execute(arrived)}
    names = [*_PATIENT, "study_instance_uid"]
    query = select(
        studies.c.id,
        *(patients.c[name] for name in _PATIENT),
        studies.c.study_instance_uid,
        *(studies.c[name] for name in _STUDY),
    ).join(patients, patients.c.id == studies.c.patient)
    rows = [
        {
            "row": row["id"],
            "at": when.get(row["id"], 0.0),
            "text": study_values(
                {name: row[name] for name in names}, {name: row[name] for name in _STUDY}
            )["search_text"],
        }
        for row in connection.execute(query).mappings()
    ]
    if rows:
        statement = (
            update(studies)
            .where(studies.c.id == bindparam("row"))
            .values(received_at=bindparam("at"), search_text=bindparam("text"))
        )
        connection.execute(statement, rows)


def delete_empty_parents(connection: Connection) -> None:
    """Delete series without instances, studies without series, patients without studies."""
    for table, column in ((series, instances.c.series), (studies, series.c.study),
                          (patients, studies.c.patient)):  # fmt: skip
        used = select(column).where(column == table.c.id).exists()
        connection.execute(delete(table).where(~used))


def count_series_anew(connection: Connection) -> None:
    """Set the counters of every series from its rows."""
    own = (instances.c.series == series.c.id) & is_current()
    counted = select(func.count()).where(own).scalar_subquery()
    summed = select(func.coalesce(func.sum(instances.c.size_bytes), 0)).where(own).scalar_subquery()
    connection.execute(update(series).values(instances=counted, size_bytes=summed))
