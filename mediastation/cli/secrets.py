"""Passwords and keys from people: by file, by environment, by prompt; never by an argument."""

from __future__ import annotations

import getpass
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediastation.cli.app import path_word
from mediastation.cli.environment import environment_password
from mediastation.cli.output import Words, tell
from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Password

if TYPE_CHECKING:
    from mediastation.secure.opening.keys import KeyRing

STDIN = "-"
"""The name of a password file that stands for standard input."""

PASSWORD_FILE = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        parser=path_word,
        metavar="FILE",
        help="File with the password in its first line; - reads standard input.",
    ),
]
KEY = Annotated[
    list[Path] | None,
    typer.Option(
        "--key",
        parser=path_word,
        metavar="KEY.pem",
        help="Private key that envelopes are opened with (PEM, PKCS#8, PKCS#12); repeatable.",
    ),
]


def read_password(words: Words, file: Path | None, prompt: str = "") -> Password | None:
    """Return the password of the file, else of MEDIASTATION_PASSWORD, else of whoever is asked.

    Parameters
    ----------
    prompt : str
        The question, where somebody is at the keyboard; empty to ask nobody.

    Raises
    ------
    SecrecyError
        If the file cannot be read, or what it holds is no password.
    """
    if file is not None:
        return _of_file(words, file)
    if given := environment_password():
        return Password(given)
    return ask_password(prompt) if prompt and can_ask() else None


def read_new_password(words: Words, file: Path | None) -> Password | None:
    """Return a password that is to be used from now on: a typed one is typed twice."""
    password = read_password(words, file)
    if password is not None or not can_ask():
        return password
    password = ask_password("Password for the medium: ")
    if ask_password("The same again: ").octets != password.octets:
        raise SecrecyError("The two are not the same.", "Give the command again.")
    return password


def read_key_ring(
    words: Words,
    file: Path | None,
    keys: list[Path] | None,
    prompt: str = "",
) -> KeyRing:
    """Return everything that was given to open envelopes with; it may be nothing.

    A key that has a password of its own asks for that. `prompt` asks for the
    password of the envelopes where neither password nor key was given.
    """
    from mediastation.secure.opening.keys import KeyRing, read_private_key  # noqa: PLC0415
    from mediastation.secure.passphrase import read_words  # noqa: PLC0415

    opened = []
    for path in keys or ():
        asking = partial(ask_password, f"Password of the key {path}: ")
        opened.append(read_private_key(path, asking))
    password = read_password(words, file, "" if keys else prompt)
    # One of our passphrases may be typed with capitals or other blanks than it was made with.
    to_try = read_words(password).to_try if password else ()
    return KeyRing(passwords=to_try, keys=tuple(opened))


def can_ask() -> bool:
    """Tell whether somebody is at the keyboard."""
    return bool(sys.stdin and sys.stdin.isatty())


def ask_password(prompt: str) -> Password:
    """Ask for a password, which is not shown.

    Raises
    ------
    SecrecyError
        If nobody can be asked, or what was typed is no password.
    """
    if not can_ask():
        raise SecrecyError(
            "A password is needed, and nobody is there to type it.",
            "Give --password-file, or MEDIASTATION_PASSWORD.",
        )
    try:
        return Password(getpass.getpass(prompt))
    except EOFError as fault:
        raise SecrecyError("No password was given.", "Give the command again.") from fault


def _of_file(words: Words, file: Path) -> Password:
    from mediastation.station.sealing.password_file import (  # noqa: PLC0415 - `--help` need not wait
        LONGEST_LINE,
        is_open_to_others,
        password_of_line,
        read_password_file,
    )

    if str(file) == STDIN:
        return password_of_line(sys.stdin.buffer.readline(LONGEST_LINE), "standard input")
    if is_open_to_others(file) and not words.quiet:
        tell(f": others may read {file} as well", mark="warning", colour="33")
        tell(f"  → chmod 600 {file}")
    return read_password_file(file)
