"""The password of a job in the queue: given to `serve`, kept in its memory, taken once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mediastation.errors import ConfigError
from mediastation.model.job import PASSWORD, JobRecord, JobState
from mediastation.model.secrecy import Password
from mediastation.station.serving import submitting
from mediastation.station.serving.process import ask_serving, take_secret
from mediastation.station.station import Station

_PATIENCE_S = 10.0
_LOOK_EVERY_S = 0.05


def take_password(station: Station) -> Password | None:
    """Return the password that was given for the job this process has claimed; None for none."""
    claimed = station.claimed
    given = take_secret(station.home, claimed) if claimed is not None else None
    return Password(given) if given else None


def give_password(
    station: Station, job: int, password: Password | None, *, keys: Sequence[Path] = ()
) -> bool:
    """Give the password that a job in the queue needs; False where nobody serves to keep it.

    A job that asks for it goes on. Without a `serve` it stays a question: there
    is no other place where a password may lie.

    Parameters
    ----------
    password : Password or None
        None where `keys` alone open what the job reads.
    keys : sequence of Path
        Private keys that a job which asks is to use; their files stay where they are.

    Raises
    ------
    ConfigError
        If the job needs none any more.
    """
    came_late = False
    if password is not None:
        secret = password.octets.decode("ascii")
        told = ask_serving(station.home, "secret-put", job=job, secret=secret)
        if told is None:
            return False
        came_late = bool(told.get("missed"))
    record = _settled(station, job) if came_late else station.jobs.get(job, station.clock.now())
    question = record.question if record and record.state is JobState.WAITING else None
    if question is not None and question.kind == PASSWORD:
        changes = {"key": [str(path.absolute()) for path in keys]} if keys else {}
        submitting.answer(station, job, PASSWORD, changes)
    return True


def keep_for_later(station: Station, job: int, password: Password) -> None:
    """Give back the password of a job that waits for another answer, and needs it again then.

    Whoever gave it is not to be asked twice: they may have printed it by now, or type
    another one.
    """
    with suppress(ConfigError):  # it was cancelled meanwhile
        give_password(station, job, password)


def _settled(station: Station, job: int) -> JobRecord | None:
    """Return a job whose worker came for its password too early, once it has asked for it."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        record = station.jobs.get(job, station.clock.now())
        if record is None or record.state is not JobState.RUNNING or time.monotonic() > deadline:
            return record
        time.sleep(_LOOK_EVERY_S)
