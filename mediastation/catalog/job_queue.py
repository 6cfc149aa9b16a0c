"""The way of jobs through the queue: who may run one, who lost one, who waits for whom.

The rows are the truth. Whatever carries a job's number to a worker may carry it
twice or lose it: a claim is one statement, and only one process wins it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.job_numbers import insert_job
from mediastation.catalog.schema import job_events, job_findings, job_steps, jobs
from mediastation.model.job import JobState, Question, StepState
from mediastation.model.text import storable

LEASE_S = 60.0
"""A running job whose lease is not renewed for this long has lost its process."""

MOST_ATTEMPTS = 5
"""Times that a job may lose its process before it is taken for what kills them."""


class JobQueue:
    """Submits, claims and returns jobs. Times are seconds since the epoch."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def submit(
        self,
        kind: str,
        request: dict[str, Any],
        operator: str,
        now: float,
        *,
        moment: str,
        seed: str,
        priority: int = 0,
        place: str = "",
        resource: str = "",
    ) -> int:
        """Insert a queued job and return its number."""
        values = {
            "kind": kind,
            "state": JobState.QUEUED,
            "operator": operator,
            "request": json.dumps(request),
            "result": "{}",
            "created_at": now,
            "updated_at": now,
            "moment": moment,
            "seed": seed,
            "priority": priority,
            "place": place,
            "resource": resource,
        }
        with self._catalog.writing() as connection:
            job = insert_job(connection, self._catalog.home, values)
            tell(connection, job, now, operator, "submitted")
        return job

    def claimable(
        self, place: str, now: float, *, on_drives: bool | None = None, limit: int = 1
    ) -> list[int]:
        """Return the numbers of queued jobs that could run at `place`, the next one first.

        With `on_drives`, only those that need a drive, or only those that need none.
        """
        query = select(jobs.c.id).where(*_may_run(place, now, on_drives))
        query = query.order_by(jobs.c.priority.desc(), jobs.c.id).limit(limit)
        with self._catalog.reading() as connection:
            return [row.id for row in connection.execute(query)]

    def free_drives(self, place: str, now: float, limit: int) -> list[str]:
        """Return the drives at `place` that queued jobs wait for and none works on."""
        query = select(jobs.c.resource).where(*_may_run(place, now, on_drives=True))
        with self._catalog.reading() as connection:
            return [row.resource for row in connection.execute(query.distinct().limit(limit))]

    def busy_workers(self) -> dict[str, int]:
        """Return the jobs that run by the queue, by the name of their worker."""
        query = select(jobs.c.worker, jobs.c.id).where(
            jobs.c.state == JobState.RUNNING, jobs.c.seed != ""
        )
        with self._catalog.reading() as connection:
            return {row.worker: row.id for row in connection.execute(query)}

    def claim(
        self, job: int, worker: str, place: str, now: float, *, on_drives: bool | None = None
    ) -> bool:
        """Take a queued job for `worker`; false where it is not to be had (any more)."""
        with self._catalog.writing() as connection:
            found = connection.execute(
                update(jobs)
                .where(jobs.c.id == job, *_may_run(place, now, on_drives))
                .values(
                    state=JobState.RUNNING,
                    worker=worker,
                    lease_until=now + LEASE_S,
                    updated_at=now,
                    attempts=jobs.c.attempts + 1,
                    cancel_requested=False,
                    question="",
                    message="",
                )
            )
            if found.rowcount != 1:
                return False
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job, jobs.c.started_at.is_(None))
                .values(started_at=now)
            )
            connection.execute(
                update(job_steps)
                .where(job_steps.c.job == job, job_steps.c.state == StepState.RUNNING)
                .values(state=StepState.STOPPED, ended_at=now, summary="its process ended")
            )
            connection.execute(job_findings.delete().where(job_findings.c.job == job))
            tell(connection, job, now, worker, "started")
        return True

    def renew(self, job: int, worker: str, now: float) -> bool:
        """Renew the lease; false where the job is not this worker's any more."""
        with self._catalog.writing() as connection:
            found = connection.execute(
                update(jobs).where(*_held(job, worker)).values(lease_until=now + LEASE_S)
            )
            return found.rowcount == 1

    def ask(self, job: int, worker: str, question: Question, now: float) -> None:
        """Let a running job wait for an answer."""
        with self._catalog.writing() as connection:
            found = connection.execute(
                update(jobs)
                .where(*_held(job, worker))
                .values(
                    state=JobState.WAITING,
                    question=json.dumps(question.as_dict()),
                    message=storable(question.text),
                    lease_until=None,
                    updated_at=now,
                )
            )
            if found.rowcount == 1:
                tell(connection, job, now, worker, f"asks: {question.text}")

    def give_back(self, job: int, worker: str, why: str, now: float) -> bool:
        """Put a running job back among those that wait; false where it was not this worker's.

        One that the operator had asked to stop is cancelled by that.
        """
        with self._catalog.writing() as connection:
            wanted = select(jobs.c.cancel_requested).where(*_held(job, worker))
            is_cancelled = connection.execute(wanted).scalar()
            if is_cancelled is None:
                return False
            values = _queued(now)
            if is_cancelled:
                why = "cancelled by the operator"
                values |= {"state": JobState.CANCELLED, "message": why, "ended_at": now}
            found = connection.execute(update(jobs).where(*_held(job, worker)).values(**values))
            if found.rowcount == 1:
                tell(connection, job, now, worker, why)
            return found.rowcount == 1

    def take_back(
        self, job: int, states: Sequence[JobState], who: str, why: str, now: float,
        request: dict[str, Any] | None = None,
    ) -> bool:  # fmt: skip
        """Queue an ended or waiting job again, its request amended; false where it is in no such
        state."""
        values = _queued(now) | {"ended_at": None, "cancel_requested": False, "attempts": 0}
        if request is not None:
            values["request"] = json.dumps(request)
        lapsed = (jobs.c.state == JobState.RUNNING) & (jobs.c.lease_until < now)
        among: ColumnElement[bool] = jobs.c.state.in_(states)
        if JobState.ABANDONED in states:
            among = or_(among, lapsed)
        with self._catalog.writing() as connection:
            found = connection.execute(
                update(jobs).where(jobs.c.id == job, jobs.c.seed != "", among).values(**values)
            )
            if found.rowcount == 1:
                tell(connection, job, now, who, why)
            return found.rowcount == 1

    def cancel(self, job: int, who: str, now: float) -> bool:
        """End a job that does not run, or ask one that does to stop; false where it has ended."""
        waits = jobs.c.state.in_((JobState.QUEUED, JobState.WAITING))
        ended = {
            "state": JobState.CANCELLED,
            "message": "cancelled by the operator",
            "question": "",
            "updated_at": now,
            "ended_at": now,
        }
        with self._catalog.writing() as connection:
            found = connection.execute(update(jobs).where(jobs.c.id == job, waits).values(**ended))
            if found.rowcount != 1:
                found = connection.execute(
                    update(jobs)
                    .where(jobs.c.id == job, jobs.c.state == JobState.RUNNING)
                    .values(cancel_requested=True)
                )
            if found.rowcount == 1:
                tell(connection, job, now, who, "cancel asked for")
            return found.rowcount == 1

    def prioritise(self, job: int, priority: int, who: str, now: float) -> bool:
        """Give a queued job another priority; false where it is not queued."""
        with self._catalog.writing() as connection:
            found = connection.execute(
                update(jobs)
                .where(jobs.c.id == job, jobs.c.state == JobState.QUEUED)
                .values(priority=priority, updated_at=now)
            )
            if found.rowcount == 1:
                tell(connection, job, now, who, f"priority {priority}")
            return found.rowcount == 1

    def note(self, job: int, now: float, text: str) -> None:
        """Add a line to the log of jobs."""
        with self._catalog.writing() as connection:
            tell(connection, job, now, "", text)

    def requeue_lost(
        self,
        now: float,
        worker: str | None = None,
        *,
        living: Collection[str] = (),
        place: str = "",
    ) -> list[int]:
        """Queue the jobs again whose process is gone; return their numbers.

        Parameters
        ----------
        worker : str, optional
            A worker known to be dead: its jobs need not wait for the lease.
        living : collection of str
            Workers known to be alive: a computer that slept, or a clock that
            was set, lets a lease run out under them.
        place : str
            Where this is asked. The disc in a drive elsewhere is left to that
            host, unless the operator gave it up: nobody else could go on with it.
        """
        lost = jobs.c.worker == worker
        if worker is None:
            is_ours = or_(
                jobs.c.resource == "", jobs.c.place.in_(("", place)), jobs.c.cancel_requested
            )
            lost = and_(jobs.c.lease_until < now, jobs.c.worker.not_in(living), is_ours)
        query = select(jobs.c.id, jobs.c.attempts, jobs.c.cancel_requested).where(
            jobs.c.state == JobState.RUNNING, jobs.c.seed != "", lost
        )
        back: list[int] = []
        with self._catalog.reading() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return back
        with self._catalog.writing() as connection:
            for row in connection.execute(query.order_by(jobs.c.id)).all():
                values, why = _queued(now), "its process ended; queued again"
                if row.cancel_requested:
                    why = "cancelled by the operator"
                    values |= {"state": JobState.CANCELLED, "message": why, "ended_at": now}
                elif row.attempts >= MOST_ATTEMPTS:
                    why = f"its process ended {row.attempts} times; it is not begun again"
                    values |= {"state": JobState.FAILED, "message": why, "ended_at": now}
                else:
                    back.append(row.id)
                connection.execute(update(jobs).where(jobs.c.id == row.id).values(**values))
                tell(connection, row.id, now, "", why)
        return back


def tell(connection: Connection, job: int, now: float, who: str, text: str) -> None:
    """Add a line to the log of jobs."""
    values = {"job": job, "at": now, "who": who, "text": storable(text)}
    connection.execute(insert(job_events), values)


def _held(job: int, worker: str) -> tuple[ColumnElement[bool], ...]:
    return jobs.c.id == job, jobs.c.state == JobState.RUNNING, jobs.c.worker == worker


def _queued(now: float) -> dict[str, Any]:
    return {
        "state": JobState.QUEUED,
        "worker": "",
        "lease_until": None,
        "question": "",
        "message": "",
        "updated_at": now,
    }


def _may_run(
    place: str, now: float, on_drives: bool | None = None
) -> tuple[ColumnElement[bool], ...]:
    other = jobs.alias()
    busy = (
        select(other.c.id)
        .where(
            other.c.state == JobState.RUNNING,
            other.c.resource == jobs.c.resource,
            other.c.lease_until >= now,
        )
        .exists()
    )
    needs_none = jobs.c.resource == ""
    where = (
        jobs.c.state == JobState.QUEUED,
        jobs.c.place.in_(("", place)),
        or_(needs_none, ~busy),
    )
    if on_drives is None:
        return where
    return *where, ~needs_none if on_drives else needs_none
