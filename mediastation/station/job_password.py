"""The password of a job in the queue: given to `serve`, kept in its memory, taken once."""

from __future__ import annotations

from mediastation.errors import DecisionError
from mediastation.model.job import PASSWORD, JobState, Question
from mediastation.model.secrecy import Password
from mediastation.station import submitting
from mediastation.station.serving_process import ask_serving, take_secret
from mediastation.station.station import Station


def take_password(station: Station) -> Password | None:
    """Return the password that was given for the job this process has claimed; None for none."""
    claimed = station.claimed
    given = take_secret(station.home, claimed) if claimed is not None else None
    return Password(given) if given else None


def give_password(station: Station, job: int, password: Password) -> bool:
    """Give the password that a job in the queue needs; False where nobody serves to keep it.

    A job that asks for it goes on. Without a `serve` it stays a question: there
    is no other place where a password may lie.

    Raises
    ------
    ConfigError
        If the job needs none any more.
    """
    secret = password.octets.decode("ascii")
    if ask_serving(station.home, "secret-put", job=job, secret=secret) is None:
        return False
    record = station.jobs.get(job, station.clock.now())
    question = record.question if record and record.state is JobState.WAITING else None
    if question is not None and question.kind == PASSWORD:
        submitting.answer(station, job, PASSWORD)
    return True


def password_needed(text: str, hint: str) -> DecisionError:
    """Return what stops a job until somebody gives a password."""
    return DecisionError(
        text, hint=hint, question=Question(PASSWORD, text, hint, answers=(PASSWORD,))
    )
