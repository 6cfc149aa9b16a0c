"""settings: what this station is set to, and what each setting means."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from mediastation.cli.app import app
from mediastation.cli.output import Words, print_json, print_table, say


@app.command("settings")
def settings_command(
    context: typer.Context,
    reference: Annotated[
        bool, typer.Option("--reference", help="Every key of config.toml, as Markdown.")
    ] = False,
) -> None:
    """Show the settings in force, and where each comes from."""
    from mediastation.station.settings_view import (  # noqa: PLC0415 - `--help` need not wait
        settings_in_force,
        settings_reference,
    )
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    if reference:
        for line in settings_reference().splitlines():
            say(line)
        return
    with Station(words.home) as station:
        rows = [asdict(row) for row in settings_in_force(station)]
    if words.json:
        print_json({"settings": rows})
        return
    print_table(rows, {"name": "Setting", "value": "Value", "origin": "From", "meaning": "Meaning"})
