"""How studies and series read as rows of the table."""

from __future__ import annotations

from dataclasses import dataclass

from mediastation.console.widgets.page_table import Column, PageRow
from mediastation.console.words import age_text, date_text, name_text
from mediastation.model.browsing import PatientRow, SeriesRow, StudyRow
from mediastation.model.text import size_text


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """A row that is a series; studies are rows by number alone."""

    study: int
    series: int


COLUMNS = (
    Column("Patient", 12, flex=3),
    Column("Patient ID", 10, flex=1, from_width=64),
    Column("Born", 10, from_width=110),
    Column("Date", 10),
    Column("Study", 8, flex=3, from_width=60),
    Column("Mod", 5),
    Column("Accession", 12, from_width=140),
    Column("Series", 6, right=True, from_width=120),
    Column("Images", 7, right=True, from_width=100),
    Column("Size", 9, right=True),
    Column("Came", 7, right=True, from_width=54),
)


def study_page_row(
    row: StudyRow, now: float, growing_s: float, *, is_outside: bool = False
) -> PageRow:
    """Return a study as a row; one that an instance came for just now says ``growing``.

    One that `is_outside` came on a medium that somebody brought, and bears the
    identity that it came with; where copies under another identity stand for
    all of it, it says ``reconciled``.
    """
    growing = now - row.received_at < growing_s
    state = "" if row.instances else "reconciled"
    if is_outside and not state:
        state = "outside"
    study = row.study_description or row.study_id
    return PageRow(
        (
            name_text(row.patient_name),
            row.patient_id,
            date_text(row.patient_birth_date),
            date_text(row.study_date),
            " · ".join(filter(None, (state, study))),
            ",".join(row.modalities),
            row.accession_number,
            f"{row.series:,}",
            f"{row.instances:,}" if row.instances else "–",
            size_text(row.size_bytes) if row.instances else "–",
            "growing" if growing else age_text(row.received_at, now),
        ),
        "warning" if growing else "" if row.instances else "faint",
    )


def series_page_row(row: SeriesRow) -> PageRow:
    """Return a series as a row, to stand below its study."""
    number = f"Series {row.series_number}" if row.series_number else "Series"
    return PageRow(
        (
            number,
            "",
            "",
            "",
            row.series_description,
            row.modality,
            "",
            "",
            f"{row.instances:,}",
            size_text(row.size_bytes),
            "",
        ),
        "faint",
    )


def patient_text(row: StudyRow | PatientRow) -> str:
    """Return what names a patient where it matters: name, ID and birth date."""
    born = f", born {date_text(row.patient_birth_date)}" if row.patient_birth_date else ""
    return f"{name_text(row.patient_name)} ({row.patient_id or 'no ID'}{born})"
