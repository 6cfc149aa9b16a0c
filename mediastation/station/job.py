"""A job while it runs: its steps, progress and findings, in the table and to whoever listens."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from mediastation.catalog.job_queue import LEASE_S, JobQueue
from mediastation.catalog.jobs import JobTable
from mediastation.errors import (
    CancelledError,
    DecisionError,
    MediaError,
    MediastationError,
    RefusedError,
)
from mediastation.model.event import Found, Listener, StepDone, StepProgress, StepStarted
from mediastation.model.finding import Finding
from mediastation.model.job import JobRecord, JobState, StepState
from mediastation.station.clock import Clock
from mediastation.station.lease import Lease

_TABLE_EVERY_S = 1.0
_LISTENER_EVERY_S = 0.05
_KEPT_FINDINGS = 10_000


def worker_name(process: int | None = None) -> str:
    """Return what the job table calls a process of this host, by default this one."""
    return f"{socket.gethostname()}:{os.getpid() if process is None else process}"


class Job:
    """One piece of work. Leaving the context writes how it ended.

    A cancel asked for through the table surfaces as `CancelledError` from the
    next progress report; so does it where another process has taken the job
    over, whose word then counts.

    Parameters
    ----------
    number : int
        Its row, running and leased to this process.
    earlier : JobRecord or None
        The job as it was claimed from the queue; None for one that begins and
        ends with this process.
    is_stopping : callable
        Whether the process was told to end: then an interrupted job from the
        queue goes back to it.
    """

    def __init__(
        self,
        table: JobTable,
        queue: JobQueue,
        clock: Clock,
        number: int,
        listener: Listener,
        earlier: JobRecord | None = None,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._table = table
        self._queue = queue
        self._clock = clock
        self._listener = listener
        self._is_stopping = is_stopping
        self._worker = worker_name()
        # Nobody else takes over what a command runs, or what a drive here does.
        self._may_be_taken = earlier is not None and not earlier.resource
        self._lease = Lease(queue, clock, number, self._worker)
        self._places = (
            {step.name: place for place, step in enumerate(earlier.steps)} if earlier else {}
        )
        self._position = len(self._places)
        self.findings: list[Finding] = []
        self._known: set[Finding] = set()
        self.result: dict[str, Any] = {}
        self.earlier: dict[str, Any] = dict(earlier.result) if earlier else {}
        self.asks = earlier is not None
        self.id = number

    def __enter__(self) -> Job:
        self._lease.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lease.end()
        now = self._clock.now()
        if isinstance(fault, RefusedError):
            self.found(fault.findings)
        if self.asks and isinstance(fault, DecisionError):
            self.save_result()
            self._table.keep_findings(self.id, self.findings[:_KEPT_FINDINGS])
            self._queue.ask(self.id, self._worker, fault.question, now)
            return
        stopped = isinstance(fault, (KeyboardInterrupt, CancelledError))
        if stopped and self.goes_on:
            self.save_result()
            why = "the station stops; queued again"
            self._queue.give_back(self.id, self._worker, why, now)
            return
        state, message = _how_it_ended(fault)
        self._table.end(
            self.id,
            self._worker,
            state,
            {**self.result, "job": self.id},
            message,
            self.findings[:_KEPT_FINDINGS],
            now,
        )

    @property
    def goes_on(self) -> bool:
        """Whether what interrupts the job now puts it back into the queue."""
        return self.asks and self._is_stopping()

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
        position = self._places.pop(name, -1)
        if position < 0:
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
        self._report(step)
        self._table.end_step(self.id, position, StepState.DONE, step.summary, self._clock.now())
        self._listener(StepDone(name, step.summary))

    def _progress(self, step: Step) -> None:
        now = self._clock.now()
        if now - step.told_at >= _LISTENER_EVERY_S or step.done == step.total:
            step.told_at = now
            self._listener(StepProgress(step.name, step.done, step.total))
        if now - step.written_at >= _TABLE_EVERY_S:
            step.written_at = now
            if self._is_to_stop(step):
                raise CancelledError("The job was cancelled.")

    def _is_to_stop(self, step: Step) -> bool:
        """Write the progress; a table that cannot be reached for a while spoils no disc."""
        try:
            return self._report(step)
        except MediaError:
            if self._may_be_taken and self._clock.now() - self._lease.held_at >= LEASE_S:
                raise
            return self._lease.is_lost

    def _report(self, step: Step) -> bool:
        now = self._clock.now()
        place = step.position, step.done, step.total
        stop = self._table.report(self.id, self._worker, *place, now)
        self._lease.held_at = now
        return stop or self._lease.is_lost


def failure_text(fault: MediastationError) -> str:
    """Return why a job failed and what to do next; who reads the list has nothing else."""
    return f"{fault.message} → {fault.hint}" if fault.hint else fault.message


def _how_it_ended(fault: BaseException | None) -> tuple[JobState, str]:
    if isinstance(fault, (KeyboardInterrupt, CancelledError)):
        return JobState.CANCELLED, "cancelled by the operator"
    if isinstance(fault, RefusedError):
        return JobState.REFUSED, fault.message
    if isinstance(fault, MediastationError):
        return JobState.FAILED, failure_text(fault)
    if fault is not None:
        return JobState.FAILED, f"{type(fault).__name__}: {fault}"
    return JobState.DONE, ""


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
