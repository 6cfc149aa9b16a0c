"""Hebrew and Arabic in the cells of a table: kept from turning the rest of the row round.

A terminal that reorders text (UAX #9) takes a line for one paragraph. A name of
Arabic letters in it would pull the numbers of the next columns to its left, and
in the first column the whole row. Each line of such a cell is an isolate of its
own between two left-to-right marks; terminals that do not reorder show nothing
of that, since these characters have no width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.measure import Measurement
from rich.text import Text

from mediastation.model.text import isolated

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


class IsolatedCell:
    """A cell that is wrapped as any other, each of its lines isolated."""

    def __init__(self, text: str) -> None:
        self._text = Text(text)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the width of the text: what surrounds it has none."""
        return Measurement.get(console, options, self._text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        for line in self._text.wrap(console, options.max_width, overflow="fold"):
            yield Text(isolated(line.plain), no_wrap=True)
