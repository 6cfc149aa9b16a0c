"""How the console writes to its terminal: so that it ends where the terminal went first."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver


class LastingFile:
    """A terminal to write to that refuses nothing: what nobody is there to see is lost to nobody.

    Textual writes in a thread of its own, which a fault would end. What is to be
    written then heaps up until there is room for no more, and the console, told
    to end since its terminal was closed, waits for that thread for ever.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write `text`, or drop it."""
        with suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Bring what was written to the terminal, if there is one."""
        with suppress(OSError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class TerminalDriver(LinuxDriver):
    """Textual's driver, over a `LastingFile`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # There is one: a console without a terminal is not begun.
        lasting: Any = LastingFile(cast("TextIO", self._file))
        self._file = lasting
