"""What the operator has marked: whole studies, and single series of others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_MOST = 100_000
_LONGEST = 400


class Mark(StrEnum):
    """How much of something is marked; the values are the signs that are drawn."""

    NONE = " "
    PART = "▪"
    WHOLE = "■"


@dataclass(slots=True)
class Marks:
    """Marked studies and series by UID, with the words that name them.

    A series is here only if its study is not: marking the study takes its
    series in, and whatever arrives for it later.

    Parameters
    ----------
    studies : dict of str to str
        Study Instance UID to what names the patient.
    series : dict of str to tuple of str
        Series Instance UID to Study Instance UID and what names the patient.
    """

    studies: dict[str, str] = field(default_factory=dict)
    series: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is marked."""
        return bool(self.studies or self.series)

    def copy(self) -> Marks:
        """Return marks of their own."""
        return Marks(dict(self.studies), dict(self.series))

    def of_study(self, uid: str) -> Mark:
        """Tell how much of a study is marked."""
        if uid in self.studies:
            return Mark.WHOLE
        return Mark.PART if any(study == uid for study, _ in self.series.values()) else Mark.NONE

    def of_series(self, uid: str, study: str) -> Mark:
        """Tell whether a series is marked, by itself or with its study."""
        return Mark.WHOLE if study in self.studies or uid in self.series else Mark.NONE

    def mark_study(self, uid: str, name: str) -> None:
        """Mark a study whole."""
        self._drop_series(uid)
        self.studies[uid] = name

    def unmark_study(self, uid: str) -> None:
        """Take the marks of a study and of its series away."""
        self.studies.pop(uid, None)
        self._drop_series(uid)

    def toggle_study(self, uid: str, name: str) -> bool:
        """Mark a study whole, or not at all; tell whether it is marked now."""
        if uid in self.studies:
            self.unmark_study(uid)
            return False
        self.mark_study(uid, name)
        return True

    def toggle_series(self, uid: str, study: str, name: str, siblings: Iterable[str]) -> bool:
        """Mark a series or take its mark away; tell whether it is marked now.

        `siblings` are all series of the study, this one included. Where the
        whole study was marked, the others stay marked; where all are marked
        now, the study is.
        """
        every = set(siblings) | {uid}
        if study in self.studies:
            name = self.studies.pop(study)
            self.series.update(dict.fromkeys(every - {uid}, (study, name)))
            return False
        if uid in self.series:
            del self.series[uid]
            return False
        self.series[uid] = (study, name)
        if every <= self.series.keys():
            self.mark_study(study, name)
        return True

    def drop(self, uids: Iterable[str]) -> None:
        """Forget marks of what is gone from the catalog."""
        for uid in uids:
            self.studies.pop(uid, None)
            self.series.pop(uid, None)

    @property
    def sources(self) -> list[str]:
        """What a command would be given: ``study:UID`` and ``series:UID``."""
        return [f"study:{uid}" for uid in self.studies] + [f"series:{uid}" for uid in self.series]

    @property
    def names(self) -> list[str]:
        """What names the patients, each once."""
        named = [*self.studies.values(), *(name for _, name in self.series.values())]
        return list(dict.fromkeys(named))

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "studies": dict(self.studies),
            "series": {uid: list(of) for uid, of in self.series.items()},
        }

    @classmethod
    def from_dict(cls, kept: Any) -> Marks:
        """Return what `as_dict` gave; whatever else stands in the file is left out."""
        marks = cls()
        if not isinstance(kept, dict):
            return marks
        studies, series = kept.get("studies"), kept.get("series")
        if isinstance(studies, dict):
            for uid, name in list(studies.items())[:_MOST]:
                if _is_text(uid) and _is_text(name):
                    marks.studies[uid] = name
        if isinstance(series, dict):
            for uid, of in list(series.items())[:_MOST]:
                if (
                    _is_text(uid)
                    and isinstance(of, list)
                    and len(of) == 2
                    and all(map(_is_text, of))
                    and of[0] not in marks.studies
                ):
                    marks.series[uid] = (of[0], of[1])
        return marks

    def _drop_series(self, study: str) -> None:
        self.series = {uid: of for uid, of in self.series.items() if of[0] != study}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST
