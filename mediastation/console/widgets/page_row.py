"""A row of a table as it is drawn: its columns, how wide they are, and the line they make."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mediastation.console.words import fit

Key = Hashable


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Parameters
    ----------
    title : str
    width : int
        In cells; with `flex`, the least.
    flex : int
        Its share of the room that is left.
    right : bool
        Whether it is aligned to the right.
    from_width : int
        It is left out where the table is narrower.
    """

    title: str
    width: int
    flex: int = 0
    right: bool = False
    from_width: int = 0


@dataclass(frozen=True, slots=True)
class PageRow:
    """What a row shows: one text a column, as it came; the table makes it harmless.

    `look` is ``""``, ``"strong"``, ``"warning"``, ``"error"`` or ``"faint"``;
    what it means has to stand in the words as well.
    """

    cells: tuple[str, ...]
    look: str = ""


@lru_cache(maxsize=256)
def widths_within(columns: tuple[Column, ...], room: int, width: int) -> tuple[int, ...]:
    """Return the width of each column in cells; 0 for one that has no room.

    Parameters
    ----------
    room : int
        Cells for all columns, with one between any two.
    width : int
        Of the whole table, which `Column.from_width` is compared with.
    """
    shown = [column for column in columns if column.from_width <= width]
    while (spare := room - sum(column.width + 1 for column in shown) + 1) < 0 and shown:
        shown.pop()
    flex = sum(column.flex for column in shown) or 1
    widths = []
    for column in columns:
        if column not in shown:
            widths.append(0)
            continue
        share = max(spare, 0) * column.flex // flex
        widths.append(column.width + share)
    return tuple(widths)


def row_strip(
    sign: str,
    cells: Sequence[str],
    columns: Sequence[Column],
    widths: Sequence[int],
    style: Style,
    width: int,
) -> Strip:
    """Return one line: the sign, and each cell in the width of its column."""
    shown = [
        fit(cell, size, right=column.right)
        for cell, size, column in zip(cells, widths, columns, strict=False)
        if size
    ]
    text = Strip([Segment(sign + " ".join(shown), style)])
    return text.adjust_cell_length(width, style)
