"""Password files: one line, the password, and nobody else who may read it."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from pathlib import Path

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import LONGEST_PASSWORD, Password

_OPEN_TO_OTHERS = 0o077
LONGEST_LINE = len(BOM_UTF8) + LONGEST_PASSWORD + len("\r\n")
"""Bytes to read of a line, so that whatever is longer than a password is seen to be."""


def read_password_file(path: Path) -> Password:
    """Return the password in the first line of a file.

    Raises
    ------
    SecrecyError
        If the file cannot be read, or what it holds is no password.
    """
    try:
        with path.open("rb") as stream:
            line = stream.readline(LONGEST_LINE)
    except OSError as fault:
        raise SecrecyError(
            f"The password file {path} cannot be read: {fault.strerror}.", "Check the path."
        ) from fault
    return password_of_line(line, str(path))


def password_of_line(line: bytes, name: str) -> Password:
    """Return the password that a line of the file `name` holds, without the line's end."""
    # What is no ASCII is refused as a password; here it only has to become text.
    # Editors put a byte order mark in front that nobody sees, and nobody types.
    text = line.removeprefix(BOM_UTF8).decode("latin-1").removesuffix("\n").removesuffix("\r")
    if not text:
        raise SecrecyError(f"The password file {name} is empty.", "Write one line into it.")
    return Password(text)


def is_open_to_others(path: Path) -> bool:
    """Tell whether other accounts of the computer may read a file."""
    try:
        return bool(os.stat(path).st_mode & _OPEN_TO_OTHERS)  # noqa: PTH116 - follows links, as reading does
    except OSError:
        return False
