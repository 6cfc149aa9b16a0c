"""Into the queue, and what may be said to a job there: cancel, answer, retry, hurry."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from mediastation.errors import ConfigError, MediaError
from mediastation.model.job import JobRecord, JobState
from mediastation.station.exporting.questions import PEOPLE
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.serving.job_kinds import (
    KINDS,
    Request,
    as_row,
    drive_of,
    kind_of,
    placed,
    resource_of,
)
from mediastation.station.serving.queue import JobTransport, channel
from mediastation.station.station import Station

LOWEST, HIGHEST = -9, 9
_SEED_BYTES = 16

AMENDMENTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "confirm": MappingProxyType({"confirm_identity": True}),
        "several-patients": MappingProxyType({"several_patients": True}),
        "drop": MappingProxyType({"drop_refused": True}),
        "go-on": MappingProxyType({}),
        "password": MappingProxyType({}),
    }
)
"""What each answer changes in the request of the job that asked."""

CANCEL = "cancel"
"""The answer that ends a job; every question takes it."""

_RETRIED = (JobState.FAILED, JobState.REFUSED, JobState.CANCELLED, JobState.ABANDONED)


def submit(station: Station, request: Request, *, priority: int = 0) -> int:
    """Put work into the queue and return its number in the job table.

    Raises
    ------
    ConfigError
        If the request cannot be run from the queue.
    SecrecyError
        If nothing can be sealed for somebody it names.
    """
    request = placed(request)
    if isinstance(request, ExportRequest) and request.recipients:
        from mediastation.station.sealing.plan import with_digests  # noqa: PLC0415 - loads ciphers

        request = with_digests(station, request)
    drive = drive_of(request)
    _require_priority(priority)
    # Only where stations share the table may another host take the job; a drive is here.
    is_here = station.catalog.is_shared and (bool(drive) or not station.settings.share_jobs)
    place = socket.gethostname() if is_here else ""
    number = station.queue.submit(
        kind_of(request),
        as_row(request),
        station.settings.operator,
        station.clock.now(),
        moment=station.clock.moment().isoformat(),
        seed=secrets.token_hex(_SEED_BYTES),
        priority=priority,
        place=place,
        resource=resource_of(drive),
    )
    _announce(station, number, priority)
    return number


def cancel(station: Station, job: int) -> None:
    """End a job that waits, ask a running one to stop; `ConfigError` where it has ended."""
    if not station.queue.cancel(job, station.settings.operator, station.clock.now()):
        raise _not_so(station, job, "cannot be cancelled")


def retry(station: Station, job: int) -> None:
    """Begin an ended job again, or take back that it was cancelled; what it finished stays.

    Raises
    ------
    ConfigError
        If it is done, runs, or was no job of the queue's.
    """
    record = _get(station, job)
    now = station.clock.now()
    if not station.queue.take_back(job, _RETRIED, station.settings.operator, "retried", now):
        raise _not_so(station, job, "cannot be retried")
    _announce(station, job, record.priority)


def answer(
    station: Station, job: int, word: str, more: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Answer what a waiting job asks; it goes on with the answer, or ends.

    Parameters
    ----------
    more : mapping
        What the answer changes in the request besides, as its row has it.

    Raises
    ------
    ConfigError
        If it asks nothing, or takes no such answer.
    """
    record = _get(station, job)
    question = record.question
    if record.state is not JobState.WAITING or question is None:
        raise _not_so(station, job, "asks nothing")
    if word == CANCEL:
        cancel(station, job)
        return
    if word not in question.answers or word not in AMENDMENTS:
        raise ConfigError(
            f"Job {job} takes no answer {word!r}.",
            f"It takes {', '.join((*question.answers, CANCEL))}.",
        )
    known = {field.name for field in fields(KINDS[record.kind].request)}
    amended = {**AMENDMENTS[word], **more}
    changes = {name: value for name, value in amended.items() if name in known}
    if PEOPLE in question.facts and "people" in known:
        changes["people"] = question.facts[PEOPLE]
    request = {**record.request, **changes}
    why = f"answered: {word}"
    who, now = station.settings.operator, station.clock.now()
    if not station.queue.take_back(job, (JobState.WAITING,), who, why, now, request):
        raise _not_so(station, job, "was answered meanwhile")
    _announce(station, job, record.priority)


def prioritise(station: Station, job: int, priority: int) -> None:
    """Give a queued job another priority, -9 to 9; `ConfigError` where it is not queued."""
    _require_priority(priority)
    who, now = station.settings.operator, station.clock.now()
    if not station.queue.prioritise(job, priority, who, now):
        raise _not_so(station, job, "is not queued")
    _announce(station, job, priority)


def _announce(station: Station, job: int, priority: int) -> None:
    record = _get(station, job)
    with JobTransport(station.home, station.settings.queue) as transport:
        try:
            transport.put(job, channel(record.place, on_drive=bool(record.resource)), priority)
        except MediaError:
            # It stays queued in the table, where every worker looks now and then.
            station.queue.note(job, station.clock.now(), "the queue cannot be reached just now")


def _require_priority(priority: int) -> None:
    if not LOWEST <= priority <= HIGHEST:
        raise ConfigError(f"{priority} is no priority.", f"It is {LOWEST} to {HIGHEST}.")


def _get(station: Station, job: int) -> JobRecord:
    record = station.jobs.get(job, station.clock.now())
    if record is None:
        raise ConfigError(f"There is no job {job}.", "`mediastation jobs` lists them.")
    return record


def _not_so(station: Station, job: int, what: str) -> ConfigError:
    record = _get(station, job)
    by_hand = "" if record.seed else " It was run by a command; give the command again."
    return ConfigError(f"Job {job} {what}: it is {record.state}.{by_hand}".strip())
