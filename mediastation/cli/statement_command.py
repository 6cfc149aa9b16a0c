"""conformance-statement: what this station claims, as PS3.2 asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mediastation.cli.app import app, path_word
from mediastation.cli.output import Words, print_json, say, tell
from mediastation.model.document import Form


@app.command("conformance-statement")
def statement_command(
    context: typer.Context,
    form: Annotated[
        Form, typer.Option("--format", help="What the statement is written as.")
    ] = Form.MARKDOWN,
    output: Annotated[
        Path | None,
        typer.Option(
            parser=path_word,
            metavar="FILE",
            help="File to write; standard output without it. A file there is replaced.",
        ),
    ] = None,
    timestamp: Annotated[
        str | None, typer.Option(metavar="ISO8601", help="Moment that the statement bears.")
    ] = None,
) -> None:
    """Write the DICOM Conformance Statement (PS3.2) of this station as it is configured."""
    from mediastation.station.clock import Clock, read_timestamp  # noqa: PLC0415 - `--help` is fast
    from mediastation.station.statement import gather_facts, write_statement  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    clock = Clock(read_timestamp(timestamp) if timestamp else None)
    with Station(words.home, clock) as station:
        facts = gather_facts(station)
        text = write_statement(facts, form, output)
    if words.json:
        print_json({**facts.as_dict(), "output": str(output) if output else None})
    elif output is not None:
        tell(f"The statement is in {output}.")
    else:
        for line in text.splitlines():
            say(line)
