"""The log of what runs for long, on standard error: one harmless line a message."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

from mediastation.cli.output import Words
from mediastation.model.text import harmless


class HarmlessFormatter(logging.Formatter):
    """One line a message, whatever peers put into titles, UIDs and values."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without what steers a terminal or forges another line."""
        return harmless(super().format(record).replace("\n", " "))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return what went wrong and where, in one line."""
        *_, frame = traceback.extract_tb(ei[2])
        return f"{ei[1]!r} in {frame.filename}, line {frame.lineno}"


def log_to_stderr(words: Words, *, name: str = "") -> None:
    """Send the log to standard error; `--quiet` leaves warnings and worse."""
    handler = logging.StreamHandler(sys.stderr)
    named = f"{name} " if name else ""
    handler.setFormatter(HarmlessFormatter(f"%(asctime)s {named}%(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING if words.quiet else logging.INFO)
