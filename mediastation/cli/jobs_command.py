"""jobs: what was done, what goes on, what waits, and what is said to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mediastation.cli.app import app
from mediastation.cli.output import Words, print_findings, print_json, print_table, say, tell
from mediastation.cli.secrets import KEY, PASSWORD_FILE, read_new_password, read_password
from mediastation.errors import ConfigError, SecrecyError
from mediastation.model.job import PASSWORD, JobEvent, JobRecord, JobState, Step

if TYPE_CHECKING:
    from mediastation.model.secrecy import Password
    from mediastation.station.station import Station

_COLUMNS = {
    "id": "Job",
    "kind": "What",
    "state": "State",
    "at": "At",
    "created_at": "Asked for",
    "operator": "Operator",
    "message": "Message",
}
_SHOWN_EVENTS = 200
_SEALS = "export"
"""The kind of jobs whose password is a new one."""


@app.command("jobs")
def jobs_command(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(metavar="ID", help="One job in full.")] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Ask the job to stop.")] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Begin it again; what it finished stays finished.")
    ] = False,
    answer: Annotated[
        str, typer.Option(metavar="WORD", help="Answer what the job asks; it shows the words.")
    ] = "",
    password_file: PASSWORD_FILE = None,
    key: KEY = None,
    priority: Annotated[
        int | None,
        typer.Option(metavar="N", help="Before others (up to 9) or after them (down to -9)."),
    ] = None,
) -> None:
    """Show what was done, what goes on and what waits; steer one job."""
    from mediastation.station.station import Station  # noqa: PLC0415 - `--help` need not wait

    words: Words = context.obj
    asked = [
        name
        for name, is_given in (
            ("--cancel", cancel),
            ("--retry", retry),
            ("--answer", bool(answer)),
            ("--priority", priority is not None),
        )
        if is_given
    ]
    if len(asked) > 1:
        raise ConfigError(f"{' and '.join(asked)} do not go together.", "Give one at a time.")
    if asked and number is None:
        raise ConfigError(f"{asked[0]} needs the number of a job.", "`mediastation jobs` has them.")
    with Station(words.home) as station:
        if number is not None and asked:
            record = station.jobs.get(number, station.clock.now())
            if record is not None and answer == PASSWORD and _asks_for_password(record):
                _give_password(words, station, record, password_file, key or [])
            else:
                _steer(station, number, asked[0], answer, priority or 0)
        now = station.clock.now()
        if number is None:
            _show_all(words, station.jobs.latest(now), station.jobs.active_steps(now))
            return
        record = station.jobs.get(number, now)
        if record is None:
            raise ConfigError(f"There is no job {number}.", "`mediastation jobs` lists them.")
        _show_one(words, record, station.jobs.events(job=number, limit=_SHOWN_EVENTS))


def _asks_for_password(record: JobRecord) -> bool:
    asked = record.question if record.state is JobState.WAITING else None
    return asked is not None and asked.kind == PASSWORD


def _give_password(
    words: Words, station: Station, record: JobRecord, file: Path | None, keys: Sequence[Path]
) -> None:
    from mediastation.station.serving.job_password import give_password  # noqa: PLC0415

    number = record.id
    if record.kind == _SEALS:
        password = _password_to_seal_with(words, file)
    else:
        password = read_password(words, file, "" if keys else f"Password for job {number}: ")
    if password is None and not keys:
        raise SecrecyError(
            f"Job {number} needs a password or key.",
            "Give --password-file, MEDIASTATION_PASSWORD or --key.",
        )
    if not give_password(station, number, password, keys=keys):
        raise ConfigError(
            "Nobody serves this station: a password is kept in the memory of `serve` alone.",
            "Start `mediastation serve`, then give it again.",
        )


def _password_to_seal_with(words: Words, file: Path | None) -> Password | None:
    """Return a password that nothing proves: a slip of the hand would be on the medium."""
    from mediastation.secure.passphrase import require_typed_right  # noqa: PLC0415

    password = read_new_password(words, file)
    return require_typed_right(password) if password is not None else None


def _steer(station: Station, number: int, option: str, answer: str, priority: int) -> None:
    from mediastation.station.serving import submitting  # noqa: PLC0415
    from mediastation.station.serving.process import ask_serving  # noqa: PLC0415

    match option:
        case "--cancel":
            submitting.cancel(station, number)
        case "--retry":
            submitting.retry(station, number)
        case "--answer":
            submitting.answer(station, number, answer)
        case _:
            submitting.prioritise(station, number, priority)
    ask_serving(station.home, "wake")


def _show_all(words: Words, records: Sequence[JobRecord], steps: dict[int, Step]) -> None:
    if words.json:
        print_json({"jobs": [_job_dict(record) for record in records]})
        return
    rows = [_job_dict(record) | {"at": _at(steps.get(record.id))} for record in records]
    print_table(rows, _COLUMNS)
    for record in records:
        _say_question(record, f"Job {record.id} asks: ")


def _show_one(words: Words, record: JobRecord, events: Sequence[JobEvent]) -> None:
    if words.json:
        print_json({"jobs": [_job_dict(record) | _details(record, events)]})
        return
    said = f", priority {record.priority}" if record.priority else ""
    said += f", begun {record.attempts} times" if record.attempts > 1 else ""
    said += ", told to stop" if record.cancel_requested and record.state.is_open else ""
    by = record.operator or "nobody named"
    say(f"Job {record.id}: {record.kind}, {record.state}, by {by}{said}")
    if record.message and record.question is None:
        say(record.message)
    _say_question(record)
    for step in record.steps:
        say(f"  {step.name:<10} {step.state:<8} {step.done:,} of {step.total:,} {step.unit}"
            f"  {step.summary}")  # fmt: skip
    print_findings(words, record.findings)
    for event in events:
        say(f"  {_time_text(event.at)}  {event.text}{f' ({event.who})' if event.who else ''}")


def _say_question(record: JobRecord, before: str = "") -> None:
    """Say what a waiting job asks, and what to type."""
    question = record.question
    if record.state is not JobState.WAITING or question is None:
        return
    say(before + question.text)
    if question.hint:
        tell(f"  → {question.hint}")
    people = question.facts.get("people")
    for person in people if isinstance(people, list) else []:
        if isinstance(person, dict):
            say(f"    {' | '.join(str(value) for value in person.values() if value)}")
    for word in (*question.answers, "cancel"):
        tell(f"  → mediastation jobs {record.id} --answer {word}")


def _at(step: Step | None) -> str:
    """Say how far a running job is."""
    if step is None:
        return ""
    return f"{step.name} {step.done * 100 // step.total} %" if step.total else step.name


def _job_dict(record: JobRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "kind": record.kind,
        "state": str(record.state),
        "operator": record.operator,
        "created_at": _time_text(record.created_at),
        "updated_at": _time_text(record.updated_at),
        "started_at": _time_text(record.started_at),
        "ended_at": _time_text(record.ended_at),
        "message": record.message,
        "priority": record.priority,
        "attempts": record.attempts,
        "place": record.place,
        "worker": record.worker,
        "cancel_requested": record.cancel_requested,
        "question": None if record.question is None else record.question.as_dict(),
        "request": record.request,
        "result": record.result,
    }


def _details(record: JobRecord, events: Sequence[JobEvent]) -> dict[str, Any]:
    return {
        "steps": [
            {
                "name": step.name,
                "state": str(step.state),
                "done": step.done,
                "total": step.total,
                "unit": step.unit,
                "summary": step.summary,
                "started_at": _time_text(step.started_at),
                "ended_at": _time_text(step.ended_at),
            }
            for step in record.steps
        ],
        "findings": [finding.as_dict() for finding in record.findings],
        "events": [
            {"at": _time_text(event.at), "who": event.who, "text": event.text} for event in events
        ],
    }


def _time_text(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
