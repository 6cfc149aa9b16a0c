"""Jobs: what the catalog's job table says about a piece of work."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mediastation.model.finding import Finding


class JobState(StrEnum):
    """Where a job stands.

    ``refused`` ended because of the data, ``failed`` because of a medium,
    drive, network or disk. ``abandoned`` is what a running job is called whose
    lease ran out: its process is gone.
    """

    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


class StepState(StrEnum):
    """Where a step of a job stands."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job; `done` and `total` count `unit`, times are seconds since the epoch."""

    name: str
    state: StepState
    done: int
    total: int
    unit: str
    summary: str
    started_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job as the table has it. `message` is the sentence that ended it."""

    id: int
    kind: str
    state: JobState
    operator: str
    request: dict[str, Any]
    result: dict[str, Any]
    message: str
    created_at: float
    updated_at: float
    steps: tuple[Step, ...] = field(default=())
    findings: tuple[Finding, ...] = field(default=())
