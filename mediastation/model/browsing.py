"""Rows of the catalog as screens show them; keys are the catalog's own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study with its patient, and what its series add up to.

    `patient` is the number of the patient identity; `received_at`, in seconds
    since the epoch, when the last instance arrived.
    """

    id: int
    patient: int
    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    study_instance_uid: str
    study_date: str
    study_time: str
    study_id: str
    accession_number: str
    study_description: str
    received_at: float
    modalities: tuple[str, ...]
    series: int
    instances: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series; `study` is the number of its study."""

    id: int
    study: int
    series_instance_uid: str
    modality: str
    series_number: str
    series_description: str
    instances: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """An original in its series."""

    id: int
    instance_number: int | None
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class PatientRow:
    """A patient identity, as far as it names a person."""

    patient_name: str
    patient_id: str
    patient_birth_date: str


@dataclass(frozen=True, slots=True)
class Totals:
    """What some studies and series add up to, whose they are, and which are gone."""

    instances: int
    size_bytes: int
    gone: tuple[str, ...] = ()
    people: tuple[PatientRow, ...] = ()


class StudyOrder(StrEnum):
    """In what order studies are shown; the newest first, names from A to Z."""

    ARRIVAL = "arrival"
    DATE = "date"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class CatalogState:
    """Differs from an earlier one if studies or instances arrived, or studies went."""

    studies: int
    last_study: int
    received_at: float
