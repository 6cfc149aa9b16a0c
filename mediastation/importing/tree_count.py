"""Count patients, studies and series, and keep the first few hundred for showing."""

from __future__ import annotations

from collections.abc import Iterator

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
        """Count instances under a series; without a patient they belong to nobody.

        With 0 instances, the levels that are given are there and empty.
        """
        self._instances += instances
        if patient is None:
            return
        # Spellings that differ in nothing are one patient, shown as the first one has it.
        name = "=".join("^".join(group) for group in normalise_name(patient.name))
        who = f"{normalise_text(patient.patient_id)}\n{name}"
        place = (who, study_uid, series_uid)
        for depth in range(1 + bool(study_uid) + bool(study_uid and series_uid)):
            self._seen[depth].add(hash(place[: depth + 1]))
        if place in self._names:
            self._names[place] += instances
        elif len(self._names) < self._limit:
            self._names[place] = instances
            self._spelt.setdefault(
                who, f"{shown(patient.name) or 'no name'} ({shown(patient.patient_id) or 'no ID'})"
            )

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
            patients + studies + series - len(lines),
        )

    def _lines(self) -> Iterator[TreeLine]:
        sums: dict[tuple[str, ...], int] = {}
        for place, count in self._names.items():
            known = 1 + bool(place[1]) + bool(place[1] and place[2])
            for depth in range(known):
                above = place[: depth + 1]
                sums[above] = sums.get(above, 0) + count
        for node in sorted(sums):
            text = self._spelt[node[0]] if len(node) == 1 else shown(node[-1])
            yield TreeLine(len(node) - 1, text, sums[node])
