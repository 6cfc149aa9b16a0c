"""What goes into the catalog, what it holds, what leaves it: add, list, forget, reindex."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

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
from mediastation.errors import RefusedError
from mediastation.model.finding import has_errors

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
            help="patient:ID, study:UID, series:UID, instance:UID, import:JOB or sha256:DIGEST.",
        ),
    ],
) -> None:
    """Remove instances from the store. The job table keeps what was removed."""
    from mediastation.station.keeping import forget_sources  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    with Station(words.home) as station, StepDisplay(words) as display:
        gone = forget_sources(station, sources, display)
    if words.json:
        findings = [finding.as_dict() for finding in gone.findings]
        print_json({"removed": gone.removed, "findings": findings})
    else:
        print_findings(words, gone.findings)
        say(f"{gone.removed:,} instances removed")


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
