"""The job table: the truth about work, written while it goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, case, func, insert, select, update

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.schema import job_findings, job_steps, jobs
from mediastation.model.finding import Finding, Severity
from mediastation.model.job import JobRecord, JobState, Step, StepState
from mediastation.model.text import storable

_HIGHEST_NUMBER = 2**63 - 1

LEASE_S = 120.0
"""A running job whose lease is not renewed for this long has lost its process."""


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
        }
        with self._catalog.writing() as connection:
            statement = insert(jobs).returning(jobs.c.id)
            return int(connection.execute(statement, values).scalar_one())

    def start_step(
        self, job: int, position: int, name: str, total: int, unit: str, now: float
    ) -> None:
        """Insert a running step."""
        values = {
            "job": job,
            "position": position,
            "name": name,
            "state": StepState.RUNNING,
            "total": total,
            "unit": unit,
            "started_at": now,
        }
        with self._catalog.writing() as connection:
            connection.execute(insert(job_steps), values)

    def report(self, job: int, position: int, done: int, total: int, now: float) -> bool:
        """Write the progress of a step, renew the lease, and tell whether to cancel."""
        with self._catalog.writing() as connection:
            connection.execute(
                update(job_steps)
                .where(job_steps.c.job == job, job_steps.c.position == position)
                .values(done=done, total=total)
            )
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job)
                .values(updated_at=now, lease_until=now + LEASE_S)
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
        state: JobState,
        result: dict[str, Any],
        message: str,
        findings: Sequence[Finding],
        now: float,
    ) -> None:
        """Write how a job ended, with its result and its findings."""
        rows = [
            {"job": job, "position": position}
            | {key: storable(value) for key, value in finding.as_dict().items()}
            for position, finding in enumerate(findings)
        ]
        with self._catalog.writing() as connection:
            if rows:
                connection.execute(insert(job_findings), rows)
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job)
                .values(
                    state=state,
                    result=json.dumps(result),
                    message=storable(message),
                    updated_at=now,
                    lease_until=None,
                )
            )

    def save_result(self, job: int, result: dict[str, Any]) -> None:
        """Write what a running job has come to so far."""
        with self._catalog.writing() as connection:
            connection.execute(
                update(jobs).where(jobs.c.id == job).values(result=json.dumps(result))
            )
        self._catalog.checkpoint()

    def request_cancel(self, job: int) -> bool:
        """Ask a running job to stop; false if it does not run."""
        with self._catalog.writing() as connection:
            found = connection.execute(
                update(jobs)
                .where(jobs.c.id == job, jobs.c.state == JobState.RUNNING)
                .values(cancel_requested=True)
            )
            return found.rowcount == 1

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

    def latest(self, now: float, limit: int = 100) -> list[JobRecord]:
        """Return the latest jobs, newest first, without steps and findings."""
        with self._catalog.reading() as connection:
            rows = connection.execute(_jobs(now).order_by(jobs.c.id.desc()).limit(limit))
            return [_record(row) for row in rows]

    def with_result(self, kind: str, text: str) -> list[JobRecord]:
        """Return jobs of `kind` whose result contains `text`, newest first.

        Of one that was killed, too: what it had come to may exist.
        """
        query = (
            select(jobs)
            .where(jobs.c.kind == kind, func.instr(jobs.c.result, text) > 0)
            .order_by(jobs.c.id.desc())
        )
        with self._catalog.reading() as connection:
            return [_record(row) for row in connection.execute(query)]


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
    )


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
