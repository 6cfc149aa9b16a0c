"""A job while it runs: its steps, progress and findings, in the table and to whoever listens."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from mediastation.catalog.jobs import JobTable
from mediastation.errors import CancelledError, MediastationError, RefusedError
from mediastation.model.event import Found, Listener, StepDone, StepProgress, StepStarted
from mediastation.model.finding import Finding
from mediastation.model.job import JobState, StepState
from mediastation.station.clock import Clock

_TABLE_EVERY_S = 1.0
_LISTENER_EVERY_S = 0.05
_KEPT_FINDINGS = 10_000


class Job:
    """One piece of work. Leaving the context writes how it ended.

    A cancel asked for through the table surfaces as `CancelledError` from the
    next progress report.
    """

    def __init__(
        self,
        table: JobTable,
        clock: Clock,
        kind: str,
        request: dict[str, Any],
        operator: str,
        listener: Listener,
    ) -> None:
        self._table = table
        self._clock = clock
        self._listener = listener
        self._position = 0
        self.findings: list[Finding] = []
        self._known: set[Finding] = set()
        self.result: dict[str, Any] = {}
        worker = f"{socket.gethostname()}:{os.getpid()}"
        self.id = table.create(kind, request, operator, worker, clock.now())

    def __enter__(self) -> Job:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        state, message = JobState.DONE, ""
        if isinstance(fault, (KeyboardInterrupt, CancelledError)):
            state, message = JobState.CANCELLED, "cancelled by the operator"
        elif isinstance(fault, RefusedError):
            state, message = JobState.REFUSED, fault.message
            self.found(fault.findings)
        elif isinstance(fault, MediastationError):
            state, message = JobState.FAILED, fault.message
        elif fault is not None:
            state, message = JobState.FAILED, f"{type(fault).__name__}: {fault}"
        self._table.end(
            self.id,
            state,
            {**self.result, "job": self.id},
            message,
            self.findings[:_KEPT_FINDINGS],
            self._clock.now(),
        )

    def save_result(self) -> None:
        """Write `result` already now: what follows makes it true."""
        self._table.save_result(self.id, {**self.result, "job": self.id})

    def found(self, findings: Iterable[Finding]) -> None:
        """Take findings into the job and tell them; what was said already is not said again."""
        for finding in findings:
            if finding not in self._known:
                self._known.add(finding)
                self.findings.append(finding)
                self._listener(Found(finding))

    @contextmanager
    def step(self, name: str, total: int = 0, unit: str = "") -> Iterator[Step]:
        """Run a step; its `report` counts, its `summary` says what came of it."""
        position, self._position = self._position, self._position + 1
        self._table.start_step(self.id, position, name, total, unit, self._clock.now())
        self._listener(StepStarted(name, total, unit))
        step = Step(self, name, position, total)
        try:
            yield step
        except BaseException as fault:
            ended = StepState.STOPPED
            self._table.end_step(self.id, position, ended, str(fault)[:500], self._clock.now())
            raise
        self._table.report(self.id, position, step.done, step.total, self._clock.now())
        self._table.end_step(self.id, position, StepState.DONE, step.summary, self._clock.now())
        self._listener(StepDone(name, step.summary))

    def _progress(self, step: Step) -> None:
        now = self._clock.now()
        if now - step.told_at >= _LISTENER_EVERY_S or step.done == step.total:
            step.told_at = now
            self._listener(StepProgress(step.name, step.done, step.total))
        if now - step.written_at >= _TABLE_EVERY_S:
            step.written_at = now
            if self._table.report(self.id, step.position, step.done, step.total, now):
                raise CancelledError("The job was cancelled.")


class Step:
    """A step while it runs. Give `report` to whatever does the work."""

    def __init__(self, job: Job, name: str, position: int, total: int) -> None:
        self._job = job
        self.name = name
        self.position = position
        self.done = 0
        self.total = total
        self.summary = ""
        self.told_at = 0.0
        self.written_at = 0.0

    def report(self, done: int, total: int) -> None:
        """Say how far the step is."""
        self.done, self.total = done, total
        self._job._progress(self)

    def alive(self) -> None:
        """Say that the step goes on, where nothing can be counted; a cancel surfaces here too."""
        self._job._progress(self)
