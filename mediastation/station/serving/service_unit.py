"""The unit with which systemd runs `mediastation serve` of this installation."""

from __future__ import annotations

import shutil
import string
import sys
from collections.abc import Iterable
from pathlib import Path

from mediastation.config import account_name
from mediastation.errors import ConfigError
from mediastation.resources import resource_folder
from mediastation.station.station import read_settings

_TEMPLATE = "mediastation.service"
_ENDING_S = 420
"""Beside the time for a disc: for its last write to be cut off cleanly, and everything else."""


def service_unit(home: Path) -> str:
    """Return the unit for `home`, run by the program and the account that ask.

    Raises
    ------
    ConfigError
        If the settings are wrong, or a path cannot stand in a unit.
    """
    home = home.expanduser().absolute()
    settings = read_settings(home)
    folders = [home]
    folders += [home / path.expanduser() for path in (settings.images, settings.store) if path]
    writable = [one for place, one in enumerate(folders) if one not in folders[:place]]
    template = (resource_folder("templates") / _TEMPLATE).read_text(encoding="utf-8")
    return string.Template(template).substitute(
        home=_quoted(home),
        home_plain=_checked(str(home)),
        user=_checked(account_name() or "mediastation"),
        command=" ".join(_command_word(word) for word in _command(home)),
        # A minus: what does not exist yet is no reason not to start.
        writable=" ".join(_quoted(f"-{folder}") for folder in writable),
        timeout_s=settings.finish_disc_seconds + _ENDING_S,
    )


def _command(home: Path) -> Iterable[str]:
    script = Path(sys.executable).with_name("mediastation")
    program = [str(script)] if shutil.which(script) else [sys.executable, "-m", "mediastation"]
    return [*program, "--home", str(home), "serve"]


def _checked(text: str) -> str:
    if not text.isprintable():
        raise ConfigError(f"{text!r} cannot stand in a unit of systemd.", "Use another path.")
    return text


def _quoted(word: str | Path) -> str:
    """Quote a word as systemd.syntax(7) has it; ``%`` begins its specifiers."""
    text = _checked(str(word)).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if set(text) & set(" '\"\\;") else text


def _command_word(word: str) -> str:
    # In a command line, and there only, a dollar names a variable.
    return _quoted(word).replace("$", "$$")
