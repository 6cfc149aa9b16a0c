"""Patients in words, as every page tells of them."""

from __future__ import annotations

from collections.abc import Sequence

from mediastation.pages.facts import IndexPatient
from mediastation.pages.text import LONGEST, name_groups, one_line, readable_date

PARTED = " \N{MIDDLE DOT} "
SEXES = {"M": "male", "F": "female", "O": "other"}
"""Patient's Sex (0010,0040) in words."""


def spoken_identity(patient: IndexPatient) -> str:
    """Return what tells a patient from others of that name."""
    return PARTED.join(
        filter(
            None,
            (
                f"ID {one_line(patient.patient_id, LONGEST)}" if patient.patient_id else "",
                f"born {readable_date(patient.birth_date)}" if patient.birth_date else "",
                SEXES.get(patient.sex, ""),
            ),
        )
    )


def patient_lines(patients: Sequence[IndexPatient], most: int) -> list[str]:
    """Return one line for each patient, and how many more there are."""
    lines = []
    for patient in patients[:most]:
        groups = name_groups(patient.name)
        lines.append(PARTED.join(filter(None, (*groups, spoken_identity(patient)))))
    if len(patients) > most:
        lines.append(f"and {len(patients) - most:,} more patients")
    return lines
