"""Jobs: what the catalog's job table says about a piece of work."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mediastation.model.finding import Finding


class JobState(StrEnum):
    """Where a job stands.

    ``waiting`` asks something that a person has to answer. ``refused`` ended
    because of the data, ``failed`` because of a medium, drive, network or
    disk. ``abandoned`` is what a running job is called whose lease ran out:
    its process is gone.
    """

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"

    @property
    def is_open(self) -> bool:
        """Whether something is still to come of the job by itself, or by an answer."""
        return self in (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)


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


PASSWORD = "password"  # noqa: S105 - the kind of a question, and the word that answers it


@dataclass(frozen=True, slots=True)
class Question:
    """What a waiting job has to be told before it goes on.

    Parameters
    ----------
    kind : str
        ``identity``, ``several-patients``, ``refused``, ``blank`` or ``password``.
    text, hint : str
        The question, and what to look at before it is answered.
    facts : dict
        What a screen shows beside it; for identities, one dict for each person.
    answers : tuple of str
        Words that `mediastation.station.serving.submitting.answer` takes.
    """

    kind: str
    text: str
    hint: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    answers: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {
            "kind": self.kind,
            "text": self.text,
            "hint": self.hint,
            "facts": self.facts,
            "answers": list(self.answers),
        }


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One line of the log of jobs: what happened to `job` and through whom."""

    id: int
    job: int
    at: float
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job as the table has it.

    `message` is the sentence that ended it. `place` is the host whose drive it
    needs, `resource` what only one running job may use, `attempts` how often
    it was begun. `moment` and `seed` stand for clock and chance on its media;
    without a seed no other process may take it over.
    """

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
    priority: int = 0
    place: str = ""
    resource: str = ""
    attempts: int = 0
    question: Question | None = None
    cancel_requested: bool = False
    started_at: float | None = None
    ended_at: float | None = None
    worker: str = ""
    moment: str = ""
    seed: str = ""
