"""What was put right in something that came from elsewhere, as a person may compare it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

REPAIRS_PER_RULE = 50


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that was wrong, and what was taken instead.

    Parameters
    ----------
    what : str
        Stable short name in kebab case; programs match on it.
    subject : str
        The record or file that it is about; empty for a line that stands for
        the rest of a kind.
    before, after : str
        What was there, and what is taken instead, each in a few words.
    count : int
        How many it stands for.
    """

    what: str
    subject: str
    before: str
    after: str
    count: int = 1


class RepairLog:
    """Repairs in the order they came: the first fifty of each kind, then their number."""

    def __init__(self, limit: int = REPAIRS_PER_RULE) -> None:
        self._limit = limit
        self._kept: list[Repair] = []
        self.counts: dict[str, int] = {}

    def wants(self, what: str) -> bool:
        """Count one repair of this kind; tell whether it has to be given to `keep`."""
        count = self.counts.get(what, 0) + 1
        self.counts[what] = count
        return count <= self._limit

    def keep(self, what: str, subject: str, before: str, after: str) -> None:
        """Keep a repair that `wants` has counted."""
        self._kept.append(Repair(what, subject, before, after))

    def add(self, what: str, subject: str, before: str, after: str) -> None:
        """Keep or count one repair."""
        if self.wants(what):
            self.keep(what, subject, before, after)

    def merge(self, other: RepairLog, subjects: Mapping[str, str] | None = None) -> None:
        """Take over what another log has, counted ones included; `subjects` are called anew."""
        names = subjects or {}
        room = {what: max(self._limit - count, 0) for what, count in self.counts.items()}
        for repair in other._kept:
            left = room.get(repair.what, self._limit)
            if left > 0:
                subject = names.get(repair.subject, repair.subject)
                self._kept.append(replace(repair, subject=subject))
                room[repair.what] = left - 1
        for what, count in other.counts.items():
            self.counts[what] = self.counts.get(what, 0) + count

    @property
    def total(self) -> int:
        """How many repairs there were, counted ones included."""
        return sum(self.counts.values())

    def __iter__(self) -> Iterator[Repair]:
        yield from self._kept
        kept: dict[str, int] = {}
        for repair in self._kept:
            kept[repair.what] = kept.get(repair.what, 0) + 1
        for what, count in self.counts.items():
            rest = count - kept.get(what, 0)
            if rest > 0:
                yield Repair(what, "", "", f"{rest:,} more of this kind", rest)
