"""The command `passphrase`: make one, or tell whether one was typed right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediastation.cli.app import app, path_word
from mediastation.cli.output import Words, print_findings, print_json, say, tell
from mediastation.cli.secrets import can_ask, read_password
from mediastation.errors import ConfigError, SecrecyError
from mediastation.model.secrecy import Password

if TYPE_CHECKING:
    from mediastation.config import Settings
    from mediastation.secure.passphrase import Checked

_STDIN = Path("-")
_APART = "It has to travel apart from the medium: by another way, or by telephone."


@app.command("passphrase")
def passphrase_command(
    context: typer.Context,
    number: Annotated[
        int | None,
        typer.Option(
            "--words",
            min=4,
            max=24,
            help="Words drawn, 11 bits each; 6, or as many as the settings ask for.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            parser=path_word, metavar="FILE", help="New file for it, instead of printing it."
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            parser=path_word,
            metavar="FILE",
            help="New .pdf or .html besides: a sheet that tells it to the recipient.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Make none: tell whether one from prompt or input is typed right."
        ),
    ] = False,
) -> None:
    """Make a passphrase for an encrypted medium: words, and one that proves them."""
    words: Words = context.obj
    if check and (number is not None or output is not None or sheet is not None):
        raise ConfigError("--check makes nothing.", "Leave the other options out.")
    if check:
        _check(words)
    else:
        _make(words, number, output, sheet)


def _make(words: Words, number: int | None, output: Path | None, sheet: Path | None) -> None:
    from mediastation.secure.passphrase import (  # noqa: PLC0415 - `--help` need not wait
        make_passphrase,
        strength_bits,
        words_for,
    )
    from mediastation.station.sealing.private_file import require_new_file  # noqa: PLC0415
    from mediastation.station.sealing.sheet_file import require_sheet_name  # noqa: PLC0415
    from mediastation.station.station import read_settings  # noqa: PLC0415

    settings = read_settings(words.home)
    least_bits = settings.secure.least_bits
    if output is not None:
        require_new_file(output)
    if sheet is not None:
        require_sheet_name(sheet)
    if output is not None and sheet is not None and output.absolute() == sheet.absolute():
        raise ConfigError(f"{sheet} cannot be both.", "Name two files.")
    passphrase = make_passphrase(number or words_for(least_bits))
    password = Password(passphrase)
    drawn, bits = passphrase.count(" "), int(strength_bits(password))
    _write(words, settings, password, output, sheet)
    if words.json:
        told: dict[str, object] = {"words": drawn, "bits": bits}
        told |= {"passphrase": passphrase} if output is None else {"output": str(output)}
        print_json(told | ({} if sheet is None else {"sheet": str(sheet)}))
    elif output is None:
        say(passphrase)
    else:
        say(str(output))
    if bits < least_bits:
        tell(f"warning: this station seals nothing with less than {least_bits} bits")
        tell(f"  → --words {words_for(least_bits)}, or none, for one that it takes")
    if not words.quiet:
        tell(f"{drawn} words drawn by chance, {bits} bits, and one that proves them. {_APART}")
        if sheet is not None:
            tell(f"It is on {sheet}, in clear; only this account may read that file.")


def _write(
    words: Words, settings: Settings, password: Password, output: Path | None, sheet: Path | None
) -> None:
    """Write both files or none."""
    from mediastation.pages.recipient_sheet import RecipientSheetFacts  # noqa: PLC0415
    from mediastation.station.clock import Clock  # noqa: PLC0415
    from mediastation.station.sealing.private_file import write_private_file  # noqa: PLC0415
    from mediastation.station.sealing.sheet_file import write_sheet_file  # noqa: PLC0415

    if output is not None:
        write_private_file(output, password.octets + b"\n")
    if sheet is None:
        return
    facts = RecipientSheetFacts(
        Clock().moment(), password, settings.institution, tuple(settings.contact)
    )
    try:
        findings = write_sheet_file(sheet, facts, words.home / "templates")
    except BaseException:
        if output is not None:
            output.unlink(missing_ok=True)
        raise
    if not words.quiet:
        print_findings(words, findings)


def _check(words: Words) -> None:
    from mediastation.secure.passphrase import (  # noqa: PLC0415 - `--help` need not wait
        Form,
        read_words,
        strength_bits,
    )

    password = read_password(words, None if can_ask() else _STDIN, "Passphrase: ")
    if password is None:
        raise SecrecyError("No passphrase was given.", "Type it, or give it on standard input.")
    checked, bits = read_words(password), int(strength_bits(password))
    fits = checked.form is Form.FITS
    if words.json:
        unknown = [{"place": one.place, "nearest": one.nearest} for one in checked.unknown]
        told = {"fits": fits, "form": checked.form.value, "words": checked.words, "bits": bits}
        print_json(told | {"unknown": unknown})
    elif fits:
        say(f"The words fit each other: {checked.words} words, {bits} bits.")
        if len(checked.to_try) > 1 and not words.quiet:
            tell("It was made in small letters with one blank between the words; type it so.")
    else:
        say(
            checked.trouble
            or f"This is no passphrase of words with one that proves them; about {bits} bits."
        )
        _help(checked)
    if not fits:
        raise typer.Exit(SecrecyError.exit_code)


def _help(checked: Checked) -> None:
    for one in checked.unknown:
        if one.nearest:
            tell(f"  → Word {one.place}: is it “{one.nearest}”?")
    if checked.trouble and not checked.unknown:
        tell("  → Compare each word, and their order, with the sheet.")
