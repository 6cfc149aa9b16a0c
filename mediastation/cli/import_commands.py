"""Commands about media that somebody brought."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mediastation.cli.app import app, path_word
from mediastation.cli.output import StepDisplay, Words, print_findings, print_json, say, tell
from mediastation.cli.queueing import QUEUE, put_into_queue

_PATIENT_ID = typer.Option(
    "--patient-id",
    metavar="ID",
    help="Patient ID at this site: the images are reconciled with that patient.",
)
_ACCESSION = typer.Option(
    "--accession", metavar="NUMBER", help="Accession number of the order, where there are several."
)
_CONFIRM = typer.Option(
    "--confirm-identity", help="Both are known to be one person although they differ."
)
_TO = typer.Option(
    "--to", metavar="PEER", help="Send on what was reconciled to this peer of the settings."
)


@app.command("import")
def import_command(
    context: typer.Context,
    medium: Annotated[
        Path,
        typer.Argument(
            parser=path_word,
            metavar="MEDIUM",
            help="Drive, image, folder, ZIP file or e-mail; it is only read.",
        ),
    ],
    patient_id: Annotated[str, _PATIENT_ID] = "",
    accession: Annotated[str, _ACCESSION] = "",
    confirm_identity: Annotated[bool, _CONFIRM] = False,
    to: Annotated[str, _TO] = "",
    report: Annotated[
        Path | None,
        typer.Option(
            parser=path_word, metavar="FILE", help="Write the report here as well: .htm or .pdf."
        ),
    ] = None,
    queue: QUEUE = False,
) -> None:
    """Take in what an outside medium holds, whatever state it is in."""
    from mediastation.station.import_medium import import_medium  # noqa: PLC0415 - for `--help`
    from mediastation.station.import_request import ImportRequest  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    request = ImportRequest(
        medium,
        patient_id=patient_id,
        accession_number=accession,
        confirm_identity=confirm_identity,
        to=to,
        report_file=report,
    )
    if queue:
        put_into_queue(words, request)
        return
    with Station(words.home) as station, StepDisplay(words) as display:
        result = import_medium(station, request, display)
    _show(
        words,
        result,
        f"{result.imported:,} of {result.found:,} instances imported, "
        f"{result.duplicates:,} here before, {result.refused:,} refused",
    )


def _show(words: Words, result: Any, headline: str) -> None:
    """Print what came of a job, and exit as its result asks."""
    if words.json:
        print_json(result.as_dict())
    else:
        print_findings(words, result.findings)
        if result.stopped:
            tell(f": {result.stopped}", mark="error", colour="31")
            if result.hint:
                tell(f"  → {result.hint}")
        say(f"job {result.job}: {headline}")
    if result.exit_code:
        raise typer.Exit(result.exit_code)
