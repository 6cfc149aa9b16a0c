"""What the catalog holds, as rows for people and programs; keys are the keywords in snake case."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Select, func, or_, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.current import is_current
from mediastation.catalog.schema import PATIENT_ORDER, instances, patients, series, studies
from mediastation.model.name_order import name_order
from mediastation.model.search_text import without_direction

LEVELS = ("patients", "studies", "series", "instances")

_PATIENT = (
    patients.c.patient_id,
    patients.c.issuer_of_patient_id,
    patients.c.patient_name,
    patients.c.patient_birth_date,
    patients.c.patient_sex,
)
_STUDY = (
    studies.c.study_instance_uid,
    studies.c.study_date,
    studies.c.study_time,
    studies.c.study_id,
    studies.c.accession_number,
    studies.c.study_description,
)
_SERIES = (
    series.c.series_instance_uid,
    series.c.modality,
    series.c.series_number,
    series.c.series_description,
)


def list_rows(
    catalog: Catalog, level: str, words: str = "", limit: int | None = None
) -> list[dict[str, Any]]:
    """Return the rows of `level`, those only that match every word of `words`.

    A word matches where it occurs in a text column of the patient, study or
    series, regardless of case, and in a name regardless of accents as well; an
    instance also by its whole SOP Instance UID.
    The instances themselves are never searched through: there may be a million.
    Patients stand in the order of `mediastation.model.name_order`.

    Parameters
    ----------
    level : str
        One of `LEVELS`.
    limit : int, optional
        At most so many rows.
    """
    query = _query(level)
    matches = [_matches(level, word) for word in without_direction(words).split()]
    query = query.where(*matches)
    if level == "patients" and limit is not None:
        # Counting what belongs to a patient costs more than finding the first ones.
        first = select(patients.c.id).where(*matches).order_by(*PATIENT_ORDER).limit(limit)
        query = query.where(patients.c.id.in_(first))
    elif limit is not None:
        query = query.limit(limit)
    with catalog.reading() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        if "modalities" in row:
            row["modalities"] = sorted(set(row["modalities"].split(",")) - {""})
    return rows


def _matches(level: str, word: str) -> ColumnElement[bool]:
    searched: tuple[Column[Any], ...] = _PATIENT
    if level != "patients":
        searched += _STUDY
    if level in {"series", "instances"}:
        searched += _SERIES
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    found = or_(
        patients.c.name_key.contains(name_order(word), autoescape=True),
        *(column.ilike(f"%{escaped}%", escape="\\") for column in searched),
    )
    if level != "instances":
        return found
    within = (
        select(series.c.id)
        .join(studies, studies.c.id == series.c.study)
        .join(patients, patients.c.id == studies.c.patient)
        .where(found)
    )
    return or_(instances.c.series.in_(within), instances.c.sop_instance_uid == word)


def _query(level: str) -> Select[*tuple[Any, ...]]:
    counted = (
        func.coalesce(func.sum(series.c.instances), 0).label("instances"),
        func.coalesce(func.sum(series.c.size_bytes), 0).label("size_bytes"),
    )
    query: Select[*tuple[Any, ...]]
    if level == "patients":
        query = (
            select(*_PATIENT, func.count(studies.c.id.distinct()).label("studies"), *counted)
            .select_from(patients)
            .join(studies, studies.c.patient == patients.c.id)
            .join(series, series.c.study == studies.c.id)
            .group_by(patients.c.id)
            .order_by(*PATIENT_ORDER)
        )
        return query
    if level == "studies":
        modalities = func.aggregate_strings(series.c.modality, ",").label("modalities")
        query = (
            select(*_PATIENT, *_STUDY, modalities,
                   func.count(series.c.id).label("series"), *counted)
            .select_from(studies)
            .join(patients, patients.c.id == studies.c.patient)
            .join(series, series.c.study == studies.c.id)
            .group_by(studies.c.id, patients.c.id)
            .order_by(studies.c.study_date.desc(), studies.c.study_time.desc(), studies.c.id)
        )  # fmt: skip
        return query
    if level == "series":
        query = (
            select(*_PATIENT, *_STUDY, *_SERIES, series.c.instances, series.c.size_bytes)
            .select_from(series)
            .join(studies, studies.c.id == series.c.study)
            .join(patients, patients.c.id == studies.c.patient)
            .order_by(studies.c.study_date.desc(), studies.c.id, series.c.id)
        )
        return query
    own = (
        instances.c.sop_instance_uid,
        instances.c.sop_class_uid,
        instances.c.transfer_syntax_uid,
        instances.c.instance_number,
        instances.c.sha256,
        instances.c.size_bytes,
        instances.c.source_kind,
        instances.c.source_detail,
        instances.c.calling_ae,
        instances.c.received_at,
    )
    query = (
        select(
            patients.c.patient_id,
            patients.c.patient_name,
            studies.c.study_instance_uid,
            series.c.series_instance_uid,
            *own,
        )
        .select_from(instances)
        .join(series, series.c.id == instances.c.series)
        .join(studies, studies.c.id == series.c.study)
        .join(patients, patients.c.id == studies.c.patient)
        .where(is_current())
        .order_by(series.c.id, instances.c.instance_number.nulls_first(), instances.c.id)
    )
    return query
