"""The command that changes what a File-set holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mediastation.cli.app import app, no_empty_words, path_word
from mediastation.cli.disclosure_options import GIVEN_TO, REASON, REQUESTED_BY
from mediastation.cli.export_commands import show_export
from mediastation.cli.output import StepDisplay, Words
from mediastation.model.ledger import Disclosure


def _no_empty_words(words: list[str] | None) -> list[str]:
    return no_empty_words(words or [])


@app.command("update")
def update_command(
    context: typer.Context,
    medium: Annotated[
        Path,
        typer.Argument(
            parser=path_word, metavar="MEDIUM", help="Image, device or folder; it is only read."
        ),
    ],
    output: Annotated[
        Path, typer.Option(parser=path_word, metavar="PATH", help="The new image file or folder.")
    ],
    add: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE", callback=_no_empty_words, help="What comes; may be given repeatedly."
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            metavar="UID",
            callback=_no_empty_words,
            help="Study, Series or SOP Instance UID of what goes; may be given repeatedly.",
        ),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Application Profile; known for media that were made here.")
    ] = "",
    medium_name: Annotated[
        str, typer.Option("--medium", help="Medium, such as CD-80; by default the profile's.")
    ] = "",
    timestamp: Annotated[
        str | None,
        typer.Option(metavar="ISO8601", help="Moment that the medium bears; fixes every byte."),
    ] = None,
    drop_refused: Annotated[
        bool, typer.Option("--drop-refused", help="Write without what may not come.")
    ] = False,
    several_patients: Annotated[
        bool, typer.Option("--several-patients", help="A collection of several people is meant.")
    ] = False,
    confirm_identity: Annotated[
        bool,
        typer.Option("--confirm-identity", help="People who look like one are known to be one."),
    ] = False,
    requested_by: REQUESTED_BY = "",
    given_to: GIVEN_TO = "",
    reason: REASON = "",
) -> None:
    """Write a File-set anew with instances added or removed; its UID stays."""
    from mediastation.station.clock import Clock, read_timestamp  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.updating.request import UpdateRequest  # noqa: PLC0415
    from mediastation.station.updating.update import update  # noqa: PLC0415

    words: Words = context.obj
    request = UpdateRequest(
        source=medium,
        output=output,
        add=tuple(add or ()),
        remove=tuple(remove or ()),
        profile=profile,
        medium=medium_name,
        drop_refused=drop_refused,
        several_patients=several_patients,
        confirm_identity=confirm_identity,
        disclosure=Disclosure(requested_by, given_to, reason),
    )
    clock = Clock(read_timestamp(timestamp) if timestamp else None)
    with Station(words.home, clock) as station, StepDisplay(words) as display:
        result = update(station, request, display)
    show_export(words, result)
