"""What the console needs of a terminal."""

from __future__ import annotations

import codecs
import os
import sys

from mediastation.errors import ConfigError

_WITHOUT_SCREEN = frozenset({"dumb", "unknown"})
"""What ``TERM`` says where nothing can be put in its place on the screen."""


def require_terminal() -> None:
    """Raise `ConfigError` where the screen would be unreadable; the commands work there."""
    term = os.environ.get("TERM", "")
    if term in _WITHOUT_SCREEN:
        raise ConfigError(
            f"The console cannot draw on this terminal: TERM is {term}.",
            "Open another terminal, or work with commands: mediastation --help",
        )
    encoding = getattr(sys.__stderr__, "encoding", None) or "unknown"
    if not _is_unicode(encoding):
        raise ConfigError(
            f"The console needs a terminal with UTF-8; this one is set to {encoding}.",
            "If the terminal can show UTF-8, start with: LC_ALL=C.UTF-8 mediastation. "
            "Commands work as it is: mediastation --help",
        )


def _is_unicode(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name.startswith("utf")
    except LookupError:
        return False
