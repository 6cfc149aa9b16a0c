"""The sectors that a drive could not read, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from mediastation.verify.read_ahead import SECTOR, BadRun

MAX_RANGES = 10_000
"""More ranges are counted and not listed: such a disc is beyond reading."""


@dataclass(frozen=True, slots=True)
class InstancePlace:
    """Whose an instance is, by the records that lead to it; empty where nothing tells."""

    sop_instance_uid: str = ""
    series_instance_uid: str = ""
    study_instance_uid: str = ""
    patient_id: str = ""

    def __str__(self) -> str:
        parts = (
            ("instance", self.sop_instance_uid),
            ("series", self.series_instance_uid),
            ("Patient ID", self.patient_id),
        )
        return ", ".join(f"{name} {value}" for name, value in parts if value)


@dataclass(frozen=True, slots=True)
class BadSectors:
    """Neighbouring sectors that were not read, all of one file or structure.

    `region` is the file's path or the name of the structure; `was_asked` is
    false where the drive was spared after too many failures.
    """

    first: int
    count: int
    region: str
    place: InstancePlace = InstancePlace()
    was_asked: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return what the JSON report keeps."""
        return {
            "first": self.first,
            "count": self.count,
            "region": self.region,
            "was_asked": self.was_asked,
            **asdict(self.place),
        }


class BadSectorList:
    """Collects runs in the order of the disc, neighbours joined."""

    def __init__(self) -> None:
        self._ranges: list[BadSectors] = []
        self.count = 0

    def add(self, run: BadRun, region: str, place: InstancePlace) -> None:
        """Take one run; a sector that two regions share is the first one's."""
        first, end = run.offset // SECTOR, -(-run.end // SECTOR)
        last = self._ranges[-1] if self._ranges else None
        behind = last.first + last.count if last else 0
        first = max(first, behind)
        if end <= first:
            return
        self.count += end - first
        if last and first == behind and (last.region, last.was_asked) == (region, run.was_asked):
            self._ranges[-1] = replace(last, count=end - last.first)
        elif len(self._ranges) < MAX_RANGES:
            self._ranges.append(BadSectors(first, end - first, region, place, run.was_asked))

    def __iter__(self) -> Iterator[BadSectors]:
        return iter(self._ranges)
