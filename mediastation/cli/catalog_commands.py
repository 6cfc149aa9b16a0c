"""What goes into the catalog, what it holds, what leaves it: add, list, forget, reindex, jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from mediastation.cli.app import app, no_empty_words
from mediastation.cli.output import (
    StepDisplay,
    Words,
    print_findings,
    print_json,
    print_table,
    say,
    tell,
)
from mediastation.errors import ConfigError, RefusedError
from mediastation.model.finding import has_errors
from mediastation.model.job import JobRecord

_SHOWN_ROWS = 200


class Level(StrEnum):
    """What `list` lists."""

    PATIENTS = "patients"
    STUDIES = "studies"
    SERIES = "series"
    INSTANCES = "instances"


_COLUMNS = {
    Level.PATIENTS: {
        "patient_name": "Name",
        "patient_id": "Patient ID",
        "issuer_of_patient_id": "Issuer",
        "patient_birth_date": "Born",
        "patient_sex": "Sex",
        "studies": "Studies",
        "instances": "Instances",
        "size_bytes": "Size",
    },
    Level.STUDIES: {
        "patient_name": "Name",
        "patient_id": "Patient ID",
        "study_date": "Date",
        "study_description": "Study",
        "modalities": "Modalities",
        "series": "Series",
        "instances": "Instances",
        "size_bytes": "Size",
        "study_instance_uid": "Study Instance UID",
    },
    Level.SERIES: {
        "patient_name": "Name",
        "study_date": "Date",
        "modality": "Modality",
        "series_number": "No.",
        "series_description": "Series",
        "instances": "Instances",
        "size_bytes": "Size",
        "series_instance_uid": "Series Instance UID",
    },
    Level.INSTANCES: {
        "patient_name": "Name",
        "instance_number": "No.",
        "sop_instance_uid": "SOP Instance UID",
        "size_bytes": "Size",
        "source_detail": "From",
    },
}


@app.command("add")
def add_command(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…", callback=no_empty_words, help="Files, folders or images."
        ),
    ],
) -> None:
    """Take DICOM instances into the catalog, as they are."""
    from mediastation.station.gather import add  # noqa: PLC0415 - `--help` need not wait for it
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    with Station(words.home) as station, StepDisplay(words) as display:
        report = add(station, sources, display)
    if words.json:
        print_json(
            {
                "added": report.added,
                "duplicates": report.duplicates,
                "refused": report.refused,
                "findings": [finding.as_dict() for finding in report.findings],
            }
        )
    else:
        print_findings(words, report.findings)
        say(
            f"{report.added:,} added, {report.duplicates:,} here already, "
            f"{report.refused:,} refused, {report.ignored:,} other files left alone"
        )
    if report.refused:
        raise typer.Exit(RefusedError.exit_code)


@app.command("list")
def list_command(
    context: typer.Context,
    level: Annotated[Level, typer.Argument(help="What to list.")] = Level.STUDIES,
    text: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT…", help="Words that a row must contain.")
    ] = None,
) -> None:
    """List what the catalog holds."""
    from mediastation.catalog.listing import list_rows  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    limit = None if words.json else _SHOWN_ROWS + 1
    with Station(words.home) as station:
        rows = list_rows(station.catalog, level, " ".join(text or []), limit)
        is_whole = station.catalog.index_is_current
    if not is_whole:
        tell("The index is older than what is stored: run `mediastation reindex` to see it all.")
    if words.json:
        print_json({"rows": rows})
        return
    print_table(rows[:_SHOWN_ROWS], _COLUMNS[level])
    if len(rows) > _SHOWN_ROWS:
        tell(f"Only the first {_SHOWN_ROWS} are shown: add words to search for, or --json.")


@app.command("forget")
def forget_command(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…",
            help="patient:ID, study:UID, series:UID, instance:UID or sha256:DIGEST.",
        ),
    ],
) -> None:
    """Remove instances from the store. The job table keeps what was removed."""
    from mediastation.station.keeping import forget_sources  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    with Station(words.home) as station, StepDisplay(words) as display:
        removed = forget_sources(station, sources, display)
    if words.json:
        print_json({"removed": removed})
    else:
        say(f"{removed:,} instances removed")


@app.command("reindex")
def reindex_command(context: typer.Context) -> None:
    """Rebuild the index from the stored files."""
    from mediastation.station.keeping import rebuild_index  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    with Station(words.home) as station, StepDisplay(words) as display:
        indexed, findings = rebuild_index(station, display)
    if words.json:
        print_json({"indexed": indexed, "findings": [finding.as_dict() for finding in findings]})
    else:
        print_findings(words, findings)
        say(f"{indexed:,} instances indexed")
    if has_errors(findings):
        raise typer.Exit(RefusedError.exit_code)


@app.command("jobs")
def jobs_command(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(metavar="ID", help="One job in full.")] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Ask the job to stop.")] = False,
) -> None:
    """Show what was done, and what is going on."""
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    with Station(words.home) as station:
        now = station.clock.now()
        if number is None:
            if cancel:
                raise ConfigError("--cancel needs the number of a job.")
            records = station.jobs.latest(now)
        else:
            if cancel and not station.queue.cancel(number, station.settings.operator, now):
                raise ConfigError(f"Job {number} is not running.", "`mediastation jobs` lists all.")
            record = station.jobs.get(number, now)
            if record is None:
                raise ConfigError(f"There is no job {number}.", "`mediastation jobs` lists all.")
            records = [record]
    if words.json:
        print_json({"jobs": [_job_dict(record, whole=number is not None) for record in records]})
    elif number is None:
        rows = [_job_dict(record, whole=False) for record in records]
        print_table(
            rows,
            {"id": "Job", "kind": "What", "state": "State", "created_at": "Started",
             "operator": "Operator", "message": "Message"},
        )  # fmt: skip
    else:
        _show_job(words, records[0])


def _job_dict(record: JobRecord, *, whole: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": record.id,
        "kind": record.kind,
        "state": str(record.state),
        "operator": record.operator,
        "created_at": _time_text(record.created_at),
        "updated_at": _time_text(record.updated_at),
        "message": record.message,
        "request": record.request,
        "result": record.result,
    }
    if whole:
        facts["steps"] = [
            {
                "name": step.name,
                "state": str(step.state),
                "done": step.done,
                "total": step.total,
                "unit": step.unit,
                "summary": step.summary,
                "started_at": _time_text(step.started_at),
                "ended_at": _time_text(step.ended_at) if step.ended_at else None,
            }
            for step in record.steps
        ]
        facts["findings"] = [finding.as_dict() for finding in record.findings]
    return facts


def _show_job(words: Words, record: JobRecord) -> None:
    say(f"Job {record.id}: {record.kind}, {record.state}, by {record.operator or 'nobody named'}")
    if record.message:
        say(record.message)
    for step in record.steps:
        say(f"  {step.name:<10} {step.state:<8} {step.done:,} of {step.total:,} {step.unit}"
            f"  {step.summary}")  # fmt: skip
    print_findings(words, record.findings)


def _time_text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
