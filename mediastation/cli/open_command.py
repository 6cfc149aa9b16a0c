"""Commands about what is sealed: open it, and see that it still can be opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediastation.cli.app import app, path_word
from mediastation.cli.output import StepDisplay, Words, print_findings, print_json, say
from mediastation.cli.secrets import KEY, PASSWORD_FILE, read_key_ring
from mediastation.errors import SecrecyError
from mediastation.model.text import size_text

if TYPE_CHECKING:
    from mediastation.secure.opening.keys import KeyRing

_PROMPT = "Password of the medium: "
_HINT = "Give --password-file FILE or --key KEY.pem."


@app.command("open")
def open_command(
    context: typer.Context,
    medium: Annotated[
        Path,
        typer.Argument(
            parser=path_word,
            metavar="MEDIUM",
            help="Drive, image, folder, ZIP file, e-mail, or one sealed file; it is only read.",
        ),
    ],
    output: Annotated[
        Path, typer.Option(parser=path_word, metavar="DIR", help="New folder for the plain files.")
    ],
    key: KEY = None,
    password_file: PASSWORD_FILE = None,
) -> None:
    """Take the files of a medium out of their secure envelopes.

    A wrong password or key leaves nothing, and exit code 4.
    """
    from mediastation.station.sealing.opening import OpenRequest, take_out  # noqa: PLC0415 - for `--help`
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    keys = _required_keys(words, password_file, key)
    with Station(words.home) as station, StepDisplay(words) as display:
        result = take_out(station, OpenRequest(medium, output), keys, display)
    if words.json:
        print_json(result.as_dict())
    else:
        print_findings(words, result.findings)
        say(
            f"{result.path}: {result.files:,} files, {size_text(result.bytes)}, out of "
            f"{result.envelopes:,} envelopes"
        )
        if result.damaged:
            say(f"{result.damaged:,} could not be opened; the findings name them.")
    if result.exit_code:
        raise typer.Exit(result.exit_code)


@app.command("drill")
def drill_command(
    context: typer.Context,
    media: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=path_word,
            metavar="[MEDIUM…]",
            help="Sealed media; by default all that were made here and still lie there.",
        ),
    ] = None,
    key: KEY = None,
    password_file: PASSWORD_FILE = None,
    sample: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Try so many envelopes of each, spread over it; 0 for all."
        ),
    ] = 0,
) -> None:
    """Prove that sealed media still open, with the escrow key; nothing is written.

    What comes out is held against what was sealed, and thrown away.
    """
    from mediastation.station.sealing.drill import DrillRequest, drill  # noqa: PLC0415 - for `--help`
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    keys = _required_keys(words, password_file, key)
    with Station(words.home) as station, StepDisplay(words) as display:
        result = drill(station, DrillRequest(tuple(media or ()), sample), keys, display)
    if words.json:
        print_json(result.as_dict())
    else:
        print_findings(words, result.findings)
        say(
            f"job {result.job}: {result.opened:,} of {result.tried:,} envelopes opened, on "
            f"{result.media:,} media; {result.equal:,} hold what was sealed"
        )
        if result.gone:
            say(f"{result.gone:,} media do not lie where they were made.")
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _required_keys(words: Words, file: Path | None, key: list[Path] | None) -> KeyRing:
    keys = read_key_ring(words, file, key, _PROMPT)
    if keys.is_empty:
        raise SecrecyError("Neither a password nor a key was given.", _HINT)
    return keys
