"""The job table: the truth about work, written while it goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, Row, case, delete, func, insert, select, update

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.functions import position_in
from mediastation.catalog.job_numbers import insert_job
from mediastation.catalog.job_queue import LEASE_S, tell
from mediastation.catalog.schema import job_events, job_findings, job_steps, jobs
from mediastation.model.finding import Finding, Severity
from mediastation.model.job import JobEvent, JobRecord, JobState, Question, Step, StepState
from mediastation.model.text import storable

_HIGHEST_NUMBER = 2**63 - 1


class JobTable:
    """Reads and writes the jobs of one catalog. Times are seconds since the epoch."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def create(
        self, kind: str, request: dict[str, Any], operator: str, worker: str, now: float
    ) -> int:
        """Insert a running job with a fresh lease and return its number."""
        values = {
            "kind": kind,
            "state": JobState.RUNNING,
            "operator": operator,
            "request": json.dumps(request),
            "result": "{}",
            "created_at": now,
            "updated_at": now,
            "worker": worker,
            "lease_until": now + LEASE_S,
            "attempts": 1,
            "started_at": now,
        }
        with self._catalog.writing() as connection:
            job = insert_job(connection, self._catalog.home, values)
            tell(connection, job, now, operator, "started")
        return job

    def start_step(
        self, job: int, position: int, name: str, total: int, unit: str, now: float
    ) -> None:
        """Insert a running step, in the place of one that an earlier attempt left there."""
        values = {
            "job": job,
            "position": position,
            "name": name,
            "state": StepState.RUNNING,
            "total": total,
            "unit": unit,
            "started_at": now,
        }
        place = job_steps.c.job == job, job_steps.c.position == position
        with self._catalog.writing() as connection:
            connection.execute(delete(job_steps).where(*place))
            connection.execute(insert(job_steps), values)

    def report(
        self, job: int, worker: str, position: int, done: int, total: int, now: float
    ) -> bool:
        """Write the progress of a step, renew the lease, and tell whether to stop.

        To stop is what the operator asked for, or what is left to do where
        another process has taken the job over.
        """
        with self._catalog.writing() as connection:
            held = connection.execute(
                update(jobs)
                .where(jobs.c.id == job, jobs.c.worker == worker)
                .values(updated_at=now, lease_until=now + LEASE_S)
            )
            if held.rowcount != 1:
                return True
            connection.execute(
                update(job_steps)
                .where(job_steps.c.job == job, job_steps.c.position == position)
                .values(done=done, total=total)
            )
            wanted = select(jobs.c.cancel_requested).where(jobs.c.id == job)
            return bool(connection.execute(wanted).scalar_one())

    def end_step(self, job: int, position: int, state: StepState, summary: str, now: float) -> None:
        """Write how a step ended; one that is done has done all it had to."""
        done = job_steps.c.total if state is StepState.DONE else job_steps.c.done
        with self._catalog.writing() as connection:
            connection.execute(
                update(job_steps)
                .where(job_steps.c.job == job, job_steps.c.position == position)
                .values(state=state, summary=storable(summary), ended_at=now, done=done)
            )

    def end(
        self,
        job: int,
        worker: str,
        state: JobState,
        result: dict[str, Any],
        message: str,
        findings: Sequence[Finding],
        now: float,
    ) -> bool:
        """Write how a job ended, with its result and its findings.

        False where another process has taken the job over: then it says how.
        """
        with self._catalog.writing() as connection:
            held = connection.execute(
                update(jobs)
                .where(jobs.c.id == job, jobs.c.worker == worker)
                .values(
                    state=state,
                    result=json.dumps(result),
                    message=storable(message),
                    updated_at=now,
                    lease_until=None,
                    ended_at=now,
                )
            )
            if held.rowcount != 1:
                return False
            _replace_findings(connection, job, findings)
            tell(connection, job, now, worker, f"{state}: {message}" if message else str(state))
        return True

    def keep_findings(self, job: int, findings: Sequence[Finding]) -> None:
        """Write what was found so far, in place of what an earlier attempt found."""
        with self._catalog.writing() as connection:
            _replace_findings(connection, job, findings)

    def save_result(self, job: int, result: dict[str, Any]) -> None:
        """Write what a running job has come to so far."""
        with self._catalog.writing() as connection:
            connection.execute(
                update(jobs).where(jobs.c.id == job).values(result=json.dumps(result))
            )
        self._catalog.checkpoint()

    def get(self, job: int, now: float) -> JobRecord | None:
        """Return one job with its steps and findings; None if there is none of this number."""
        if abs(job) > _HIGHEST_NUMBER:
            return None
        with self._catalog.reading() as connection:
            row = connection.execute(_jobs(now).where(jobs.c.id == job)).first()
            if row is None:
                return None
            steps = connection.execute(
                select(job_steps).where(job_steps.c.job == job).order_by(job_steps.c.position)
            )
            found = connection.execute(
                select(job_findings)
                .where(job_findings.c.job == job)
                .order_by(job_findings.c.position)
            )
            return _record(row, tuple(map(_step, steps)), tuple(map(_finding, found)))

    def latest(
        self, now: float, limit: int = 100, before: int | None = None, kind: str = ""
    ) -> list[JobRecord]:
        """Return the latest jobs below number `before`, newest first, without steps or findings.

        Only those of one `kind` where it is named.
        """
        query = _jobs(now).order_by(jobs.c.id.desc()).limit(limit)
        if kind:
            query = query.where(jobs.c.kind == kind)
        if before is not None:
            query = query.where(jobs.c.id < before)
        with self._catalog.reading() as connection:
            return [_record(row) for row in connection.execute(query)]

    def open_jobs(self, now: float) -> list[JobRecord]:
        """Return the jobs that are queued, running or waiting, the oldest first."""
        states = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)
        query = _jobs(now).where(jobs.c.state.in_(states)).order_by(jobs.c.id)
        with self._catalog.reading() as connection:
            found = [_record(row) for row in connection.execute(query)]
        return [record for record in found if record.state.is_open]

    def active_steps(self, now: float) -> dict[int, Step]:
        """Return the step that each running job is at, by job."""
        query = (
            select(job_steps)
            .join(jobs, jobs.c.id == job_steps.c.job)
            .where(
                jobs.c.state == JobState.RUNNING,
                jobs.c.lease_until >= now,
                job_steps.c.state == StepState.RUNNING,
            )
            .order_by(job_steps.c.position)
        )
        with self._catalog.reading() as connection:
            return {row.job: _step(row) for row in connection.execute(query)}

    def events(self, after: int = 0, job: int | None = None, limit: int = 200) -> list[JobEvent]:
        """Return lines of the log beyond number `after`, the oldest first."""
        query = select(job_events).where(job_events.c.id > after)
        if job is not None:
            query = query.where(job_events.c.job == job)
        with self._catalog.reading() as connection:
            rows = connection.execute(query.order_by(job_events.c.id).limit(limit))
            return [JobEvent(row.id, row.job, row.at, row.who, row.text) for row in rows]

    def last_event(self) -> int:
        """Return the number of the last line of the log, 0 where there is none."""
        with self._catalog.reading() as connection:
            return int(connection.execute(select(func.max(job_events.c.id))).scalar() or 0)

    def stopped(self, kind: str, *, before: float) -> list[JobRecord]:
        """Return jobs of `kind` that failed, were cancelled or killed before a moment.

        Of one that was killed, the last sign of life counts.
        """
        states = (JobState.FAILED, JobState.CANCELLED, JobState.ABANDONED, JobState.RUNNING)
        query = (
            _jobs(before)
            .where(jobs.c.kind == kind, jobs.c.updated_at < before, jobs.c.state.in_(states))
            .order_by(jobs.c.id)
        )
        with self._catalog.reading() as connection:
            found = [_record(row) for row in connection.execute(query)]
        return [record for record in found if not record.state.is_open]

    def with_result(self, kind: str, text: str) -> list[JobRecord]:
        """Return jobs of `kind` whose result contains `text`, newest first.

        Of one that was killed, too: what it had come to may exist.
        """
        return self._containing(kind, jobs.c.result, text)

    def with_request(self, kind: str, text: str) -> list[JobRecord]:
        """Return jobs of `kind` whose request contains `text`, newest first."""
        return self._containing(kind, jobs.c.request, text)

    def _containing(self, kind: str, column: Column[str], text: str) -> list[JobRecord]:
        query = (
            select(jobs)
            .where(jobs.c.kind == kind, position_in(column, text) > 0)
            .order_by(jobs.c.id.desc())
        )
        with self._catalog.reading() as connection:
            return [_record(row) for row in connection.execute(query)]


def _replace_findings(connection: Connection, job: int, findings: Sequence[Finding]) -> None:
    rows = [
        {"job": job, "position": position}
        | {key: storable(value) for key, value in finding.as_dict().items()}
        for position, finding in enumerate(findings)
    ]
    connection.execute(delete(job_findings).where(job_findings.c.job == job))
    if rows:
        connection.execute(insert(job_findings), rows)


def _jobs(now: float) -> Any:
    lapsed = (jobs.c.state == JobState.RUNNING) & (jobs.c.lease_until < now)
    state = case((lapsed, JobState.ABANDONED), else_=jobs.c.state).label("state")
    return select(*(column for column in jobs.c if column.name != "state"), state)


def _record(
    row: Row[Any], steps: tuple[Step, ...] = (), findings: tuple[Finding, ...] = ()
) -> JobRecord:
    return JobRecord(
        id=row.id,
        kind=row.kind,
        state=JobState(row.state),
        operator=row.operator,
        request=json.loads(row.request),
        result=json.loads(row.result),
        message=row.message,
        created_at=row.created_at,
        updated_at=row.updated_at,
        steps=steps,
        findings=findings,
        priority=row.priority,
        place=row.place,
        resource=row.resource,
        attempts=row.attempts,
        question=_question(row.question),
        cancel_requested=row.cancel_requested,
        started_at=row.started_at,
        ended_at=row.ended_at,
        worker=row.worker,
        moment=row.moment,
        seed=row.seed,
    )


def _question(text: str) -> Question | None:
    if not text:
        return None
    told = json.loads(text)
    return Question(**{**told, "answers": tuple(told["answers"])})


def _step(row: Row[Any]) -> Step:
    return Step(
        row.name,
        StepState(row.state),
        row.done,
        row.total,
        row.unit,
        row.summary,
        row.started_at,
        row.ended_at,
    )


def _finding(row: Row[Any]) -> Finding:
    return Finding(
        row.rule, Severity(row.severity), row.subject, row.message, row.hint, row.reference
    )
