"""What the sources of an export stand for, as a person has to see it before it goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediastation.model.browsing import SeriesRow, StudyRow

if TYPE_CHECKING:
    from mediastation.station.station import Station

_LONGEST_NUMBER = 10
"""Digits that the number of a job has fewer than."""


@dataclass(frozen=True, slots=True)
class ChosenRow:
    """A study that a source names, or one series of it.

    `study` is None where the source names nothing of the catalog (any more),
    or what is not shown one by one: a path, an instance.
    """

    source: str
    study: StudyRow | None = None
    series: SeriesRow | None = None

    @property
    def patient(self) -> int:
        """Number of the patient identity; 0 where nothing is known."""
        return self.study.patient if self.study else 0

    @property
    def instances(self) -> int:
        """How many there are."""
        row = self.series or self.study
        return row.instances if row else 0

    @property
    def size_bytes(self) -> int:
        """What they take."""
        row = self.series or self.study
        return row.size_bytes if row else 0


def rows_of_sources(station: Station, sources: Sequence[str]) -> list[ChosenRow]:
    """Return what `sources` stand for, in their order.

    A study UID that came under several patient identities gives a row for
    each: all of them would go out.
    """
    from mediastation.catalog.browsing import study_rows  # noqa: PLC0415 - not for the paint
    from mediastation.catalog.choosing import (  # noqa: PLC0415
        series_named,
        studies_named,
        studies_of_import,
        studies_of_patient_ids,
    )

    wanted: dict[str, list[str]] = {"study": [], "series": [], "patient": [], "import": []}
    for source in sources:
        head, _, rest = source.partition(":")
        if head in wanted:
            wanted[head].append(rest)
    series = series_named(station.catalog, wanted["series"])
    numbers = {
        "study": studies_named(station.catalog, wanted["study"]),
        "patient": studies_of_patient_ids(station.catalog, wanted["patient"]),
        "import": {
            one: studies_of_import(station.catalog, int(one))
            for one in wanted["import"]
            if one.isascii() and one.isdecimal() and len(one) < _LONGEST_NUMBER
        },
    }
    keys = {key for found in numbers.values() for some in found.values() for key in some}
    keys |= {row.study for rows in series.values() for row in rows}
    studies = study_rows(station.catalog, sorted(keys))
    chosen: list[ChosenRow] = []
    for source in sources:
        head, _, rest = source.partition(":")
        if head == "series":
            found = [
                ChosenRow(source, studies[row.study], row)
                for row in series.get(rest, [])
                if row.study in studies
            ]
        else:
            found = [
                ChosenRow(source, studies[key])
                for key in numbers.get(head, {}).get(rest, [])
                if key in studies
            ]
        # Of a study that was reconciled, only the coerced copies would go out.
        chosen += [row for row in found if row.instances] or found or [ChosenRow(source)]
    return chosen
