"""Hebrew and Arabic in the cells of a table: kept from turning the rest of the row round.

A terminal that reorders text (UAX #9) takes a line for one paragraph. A name of
Arabic letters in it would pull the numbers of the next columns to its left, and
in the first column the whole row. Each line of such a cell is an isolate of its
own between two left-to-right marks; terminals that do not reorder show nothing
of that, since these characters have no width.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rich.measure import Measurement
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

# Hebrew, Arabic, Syriac, Thaana, N'Ko and their kin, presentation forms, and the old scripts.
_RIGHT_TO_LEFT: Final = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_MARK, _ISOLATE, _END = "\u200e", "\u2068", "\u2069"


def runs_right_to_left(text: str) -> bool:
    """Tell whether a text has letters that run from right to left."""
    return _RIGHT_TO_LEFT.search(text) is not None


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
            yield Text(f"{_MARK}{_ISOLATE}{line.plain}{_END}{_MARK}", no_wrap=True)
