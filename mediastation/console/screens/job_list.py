"""What the Jobs screen reads: one bounded look at the table, however much happens there."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mediastation.model.job import JobEvent, JobRecord, JobState, Step

if TYPE_CHECKING:
    from mediastation.station.station import Station

PAGE = 100
_MOST_LINES = 200
_AHEAD = 4
"""Batches of log lines that one look reads at most; the rest is for the next look."""


class Which(StrEnum):
    """Which jobs are shown."""

    ALL = "all"
    OPEN = "open"
    MINE = "mine"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The jobs at one moment: the latest ones and all that are open, and the step of each that
    runs. `last_event` is the end of the log before they were read."""

    records: dict[int, JobRecord]
    steps: dict[int, Step]
    last_event: int
    reached_end: bool


def read_jobs(station: Station, pages: int) -> Snapshot:
    """Read the jobs, `pages` hundreds of them."""
    now = station.clock.now()
    last = station.jobs.last_event()
    records = {record.id: record for record in station.jobs.latest(now, PAGE * pages)}
    reached_end = len(records) < PAGE * pages
    records |= {record.id: record for record in station.jobs.open_jobs(now)}
    return Snapshot(records, station.jobs.active_steps(now), last, reached_end)


def read_steps(station: Station) -> tuple[int, dict[int, Step]]:
    """Return the end of the log, and the step of each job that runs: cheap, for every second."""
    return station.jobs.last_event(), station.jobs.active_steps(station.clock.now())


@dataclass(slots=True)
class JobLog:
    """The end of the log of one job, read on from where it was read to."""

    job: int
    after: int = 0
    lines: list[JobEvent] = field(default_factory=list)
    _reading: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def read_on(self, station: Station) -> JobRecord | None:
        """Read what was added since, and the job itself with its steps and findings.

        May be called by several threads: a line is taken once.
        """
        with self._reading:
            for _ in range(_AHEAD):
                more = station.jobs.events(self.after, self.job)
                if not more:
                    break
                self.after = more[-1].id
                self.lines = [*self.lines, *more][-_MOST_LINES:]
        return station.jobs.get(self.job, station.clock.now())


def in_order(records: Iterable[JobRecord]) -> list[JobRecord]:
    """Return jobs as they are shown: what wants an answer, what runs, what waits, what ended."""
    places = {JobState.WAITING: 0, JobState.RUNNING: 1, JobState.QUEUED: 2}

    def place(record: JobRecord) -> tuple[int, int, int]:
        group = places.get(record.state, 3)
        if group == 2:
            return group, -record.priority, record.id
        return group, 0, -record.id if group == 3 else record.id

    return sorted(records, key=place)
