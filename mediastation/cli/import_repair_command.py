"""The command that writes a brought medium anew with a right directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mediastation.cli.app import app, path_word
from mediastation.cli.export_commands import show_export
from mediastation.cli.output import StepDisplay, Words, print_findings, show_result, tell


@app.command("repair")
def repair_command(
    context: typer.Context,
    medium: Annotated[
        Path,
        typer.Argument(
            parser=path_word,
            metavar="MEDIUM",
            help="Drive, image, folder or ZIP file with a bad directory, or none.",
        ),
    ],
    output: Annotated[
        Path, typer.Option(parser=path_word, metavar="PATH", help="The new image file or folder.")
    ],
    profile: Annotated[
        str,
        typer.Option(help="Application Profile; by default the first that takes all as it is."),
    ] = "",
    several_patients: Annotated[
        bool, typer.Option("--several-patients", help="A collection of several people is meant.")
    ] = False,
    confirm_identity: Annotated[
        bool,
        typer.Option("--confirm-identity", help="People who look like one are known to be one."),
    ] = False,
) -> None:
    """Write a medium anew with a right DICOMDIR; its instances and their names stay."""
    from mediastation.station.intake.repair import RepairRequest, repair  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    request = RepairRequest(medium, output, profile, several_patients, confirm_identity)
    with Station(words.home) as station, StepDisplay(words) as display:
        taken, made = repair(station, request, display)
    if made is None:
        show_result(words, taken, "nothing was written")
        return
    if not words.json and taken.stopped:
        print_findings(words, taken.findings)
        tell(f": {taken.stopped}", mark="warning", colour="33")
    show_export(words, made)
    if taken.exit_code:
        raise typer.Exit(taken.exit_code)
