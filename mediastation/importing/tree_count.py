"""Count patients, studies and series, and keep the first few hundred for showing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from mediastation.importing.diagnosis import TreeLine, TreeSummary
from mediastation.model.identity import PatientIdentity, normalise_name, normalise_text, shown

MAX_LINES = 400


class TreeCount:
    """Counts of one tree; a series is remembered by a number, not by what it is called."""

    def __init__(self, limit: int = MAX_LINES) -> None:
        self._limit = limit
        self._seen: tuple[set[int], set[int], set[int]] = (set(), set(), set())
        self._names: dict[tuple[str, str, str], int] = {}
        self._spelt: dict[str, str] = {}
        self._instances = 0

    def add(
        self,
        patient: PatientIdentity | None,
        study_uid: str = "",
        series_uid: str = "",
        instances: int = 1,
    ) -> None:
        """Count instances under a series; levels that are not given are not counted.

        With 0 instances, the levels that are given are there and empty.
        """
        self._instances += instances
        who, shown_as = _patient(patient)
        place = (who, study_uid, series_uid)
        for depth, name in enumerate(place):
            if name:
                self._seen[depth].add(hash(place[: depth + 1]))
        if not any(place):
            return
        if place in self._names:
            self._names[place] += instances
        elif len(self._names) < self._limit:
            self._names[place] = instances
            self._spelt.setdefault(who, shown_as)

    def summary(self) -> TreeSummary:
        """Return the counts and the lines."""
        patients, studies, series = map(len, self._seen)
        lines = tuple(self._lines())[: self._limit]
        return TreeSummary(
            patients,
            studies,
            series,
            self._instances,
            lines,
            max(patients + studies + series - len(lines), 0),
        )

    def _lines(self) -> Iterator[TreeLine]:
        sums: dict[tuple[str, ...], int] = {}
        for place, count in self._names.items():
            known = max(depth for depth, name in enumerate(place) if name)
            for above in (place[: depth + 1] for depth in range(known + 1)):
                sums[above] = sums.get(above, 0) + count
        for node in sorted(sums):
            text = self._spelt[node[0]] if len(node) == 1 else shown(node[-1]) or "not given"
            yield TreeLine(len(node) - 1, text, sums[node])


@lru_cache(maxsize=1024)
def _patient(patient: PatientIdentity | None) -> tuple[str, str]:
    """Return what a patient is known by, the same for spellings that differ in nothing, and how."""
    if patient is None:
        return "", "no patient"
    name = "=".join("^".join(group) for group in normalise_name(patient.name))
    return (
        f"{normalise_text(patient.patient_id)}\n{name}",
        f"{shown(patient.name) or 'no name'} ({shown(patient.patient_id) or 'no ID'})",
    )
