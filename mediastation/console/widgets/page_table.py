"""A table of any length: it has the keys of all rows, and reads only those that are seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mediastation.console.widgets.page_row import Column, Key, PageRow, row_strip, widths_within
from mediastation.console.words import fit

__all__ = ["Column", "Fetch", "Key", "PageRow", "PageTable"]

_AHEAD = 50
"""Rows that are read beyond what is seen, either way."""
_MOST_KEPT = 5_000
_SIGNS_WIDTH = 2


Fetch = Callable[[list[Key]], Awaitable[Mapping[Key, PageRow]]]


class PageTable(ScrollView, can_focus=True, inherit_bindings=False):
    """A table that scrolls over any number of rows.

    `set_keys` gives all rows by key, in order; `fetch` is awaited for the
    content of those in view. The cursor stays on its key when rows come or go.
    Rows below another one (`set_children`) are drawn indented.

    Parameters
    ----------
    columns : sequence of Column
    fetch : callable, optional
        Returns rows by key; a key that is missing is gone. Not needed if all
        rows are handed over by `show_rows`.
    sign : callable, optional
        Returns up to two characters to stand in front of a row.
    empty : str
        What to say where there are no rows: what to do next.
    """

    DEFAULT_CSS = """
    PageTable { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "page-table--header",
        "page-table--cursor",
        "page-table--blurred",
        "page-table--strong",
        "page-table--warning",
        "page-table--error",
        "page-table--faint",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "jump(0)", "First row", show=False),
        Binding("end,G", "jump(-1)", "Last row", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on another row; `key` is None where there are no rows."""

        table: PageTable
        key: Key | None

        @property
        def control(self) -> PageTable:
            """The table."""
            return self.table

    @dataclass
    class Chosen(Message):
        """Enter, or a second click, on a row."""

        table: PageTable
        key: Key

        @property
        def control(self) -> PageTable:
            """The table."""
            return self.table

    @dataclass
    class SignClicked(Message):
        """A click into the signs in front of a row."""

        table: PageTable
        key: Key

        @property
        def control(self) -> PageTable:
            """The table."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        fetch: Fetch | None = None,
        *,
        sign: Callable[[Key], str] | None = None,
        empty: str = "",
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.empty = empty
        self._fetch = fetch
        self._sign = sign
        self._keys: Sequence[Key] = ()
        self._filled = False
        self._children: dict[Key, Sequence[Key]] = {}
        self._lines: list[Key] = []
        self._parents: dict[Key, Key] = {}
        self._rows: dict[Key, PageRow | None] = {}
        self._stale: set[Key] = set()
        self._cursor = 0
        self._fetching = False
        self._told: Key | None = None

    # What is shown

    def set_keys(self, keys: Sequence[Key]) -> None:
        """Show these rows, in this order; the cursor stays on its row."""
        self._filled = True
        self._keys = keys
        self._arrange()

    def show_rows(self, rows: Mapping[Key, PageRow]) -> None:
        """Show exactly these rows; for tables that are short."""
        self._rows = dict(rows)
        self._stale.clear()
        self._filled = True
        self._keys = list(rows)
        self._arrange()

    def set_children(self, key: Key, keys: Sequence[Key]) -> None:
        """Show rows below another one, or none any more."""
        if keys:
            self._children[key] = keys
        else:
            self._children.pop(key, None)
        self._arrange()

    def children_of(self, key: Key) -> Sequence[Key]:
        """Return the rows that are shown below `key`."""
        return self._children.get(key, ())

    @property
    def opened(self) -> list[Key]:
        """The rows that have rows below them."""
        return list(self._children)

    def parent_of(self, key: Key) -> Key | None:
        """Return the row that `key` stands below, if any."""
        return self._parents.get(key)

    def put_rows(self, rows: Mapping[Key, PageRow]) -> None:
        """Set the content of some rows without asking for it."""
        self._rows.update(rows)
        self._stale.difference_update(rows)
        self.refresh()

    def read_again(self) -> None:
        """Ask anew for what is in view; the old content is shown until the new one is here."""
        self._stale.update(self._rows)
        self._want()

    def row_of(self, key: Key) -> PageRow | None:
        """Return the content of a row, if it was read."""
        return self._rows.get(key)

    # Where the cursor is

    @property
    def cursor_key(self) -> Key | None:
        """The row under the cursor."""
        return self._lines[self._cursor] if self._lines else None

    @property
    def cursor_line(self) -> int:
        """The line of the cursor, from 0."""
        return self._cursor

    @property
    def line_count(self) -> int:
        """How many lines there are, rows below others included."""
        return len(self._lines)

    def move_to(self, key: Key) -> bool:
        """Put the cursor on a row; false if it is not here."""
        try:
            self._set_cursor(self._lines.index(key))
        except ValueError:
            return False
        return True

    def action_move(self, by: int) -> None:
        """Move the cursor by lines."""
        self._set_cursor(self._cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by what is seen at once."""
        self._set_cursor(self._cursor + by * max(self.size.height - 2, 1))

    def action_jump(self, line: int) -> None:
        """Move the cursor to the first or the last line."""
        self._set_cursor(line if line >= 0 else len(self._lines) + line)

    def action_choose(self) -> None:
        """Say that the row under the cursor was chosen."""
        if self._lines:
            self.post_message(self.Chosen(self, self._lines[self._cursor]))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse was clicked; a click there chooses, or marks."""
        line = event.y - 1 + self.scroll_offset.y
        if event.y < 1 or not 0 <= line < len(self._lines):
            return
        event.stop()
        was_here = line == self._cursor
        self._set_cursor(line)
        if self._sign is not None and event.x < _SIGNS_WIDTH:
            self.post_message(self.SignClicked(self, self._lines[line]))
        elif was_here:
            self.action_choose()

    def on_focus(self) -> None:
        """Draw the cursor as the one that keys go to."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw the cursor as one that keys do not go to."""
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in view, and read what has come into it."""
        self._set_size()
        self._show_cursor()
        self._want()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Read what has come into view."""
        super().watch_scroll_y(old_value, new_value)
        self._want()

    def _set_cursor(self, line: int) -> None:
        self._cursor = min(max(line, 0), max(len(self._lines) - 1, 0))
        self._show_cursor()
        self.refresh()
        self._want()
        self._tell()

    def _tell(self) -> None:
        key = self.cursor_key
        if key != self._told:
            self._told = key
            self.post_message(self.Moved(self, key))

    def _show_cursor(self) -> None:
        height = max(self.size.height - 1, 1)
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False)

    def _set_size(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines) + 1)

    def _arrange(self) -> None:
        """Work out the lines; the cursor and what is seen of its neighbours stay where they are."""
        key, on_screen = self.cursor_key, self._cursor - self.scroll_offset.y
        lines: list[Key] = []
        parents: dict[Key, Key] = {}
        if self._children:
            for one in self._keys:
                lines.append(one)
                for child in self._children.get(one, ()):
                    lines.append(child)
                    parents[child] = one
        else:
            lines = list(self._keys)
        was_first = self._cursor == 0 and self.scroll_offset.y == 0
        self._lines, self._parents = lines, parents
        moved = False
        if key is not None and not (self._cursor < len(lines) and lines[self._cursor] == key):
            try:
                self._cursor = lines.index(key)
                moved = True
            except ValueError:
                self._cursor = min(self._cursor, max(len(lines) - 1, 0))
        if len(self._rows) > _MOST_KEPT:
            self._rows = {one: self._rows[one] for one in self._seen() if one in self._rows}
            self._stale.intersection_update(self._rows)
        self._set_size()
        if moved and not was_first:
            self.scroll_to(y=max(self._cursor - on_screen, 0), animate=False)
        self._show_cursor()
        self.refresh()
        self._want()
        self._tell()

    # What is read

    def _seen(self) -> list[Key]:
        top = self.scroll_offset.y
        first = max(min(top, self._cursor) - _AHEAD, 0)
        return self._lines[first : top + self.size.height + _AHEAD]

    def _missing(self) -> list[Key]:
        return [key for key in self._seen() if key not in self._rows or key in self._stale]

    def _want(self) -> None:
        if self._fetch is None or self._fetching or not self.is_attached or not self._missing():
            return
        self._fetching = True
        self.run_worker(self._read(), group="page", exit_on_error=True)

    async def _read(self) -> None:
        assert self._fetch is not None  # noqa: S101 - `_want` has looked
        try:
            while wanted := self._missing():
                found = await self._fetch(wanted)
                for key in wanted:
                    self._rows[key] = found.get(key)
                self._stale.difference_update(wanted)
                self.refresh()
        finally:
            self._fetching = False

    # How it looks

    def column_widths(self) -> list[int]:
        """Return the width of each column in cells; 0 for one that has no room."""
        room = self.scrollable_content_region.width - (_SIGNS_WIDTH if self._sign else 0)
        return list(widths_within(self.columns, room, self.size.width))

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        if y == 0:
            style = self.get_component_rich_style("page-table--header")
            front = " " * _SIGNS_WIDTH if self._sign else ""
            return self._strip(front, [c.title for c in self.columns], style)
        line = y - 1 + self.scroll_offset.y
        if self._filled and not self._lines and y == 2 and self.empty:
            faint = self.get_component_rich_style("page-table--faint")
            return Strip([Segment(fit("  " + self.empty, width), faint)], width)
        if line >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        key = self._lines[line]
        row = self._rows.get(key)
        style = self.rich_style
        if row is not None and row.look:
            style += self.get_component_rich_style(f"page-table--{row.look}", partial=True)
        if line == self._cursor:
            name = "page-table--cursor" if self.has_focus else "page-table--blurred"
            style += self.get_component_rich_style(name)
        sign = fit(self._sign(key), _SIGNS_WIDTH) if self._sign else ""
        if row is None:
            word = "gone" if key in self._rows else "…"
            cells = [word] + [""] * (len(self.columns) - 1)
        else:
            cells = list(row.cells)
            if key in self._parents and cells:
                cells[0] = "  " + cells[0]
        return self._strip(sign, cells, style)

    def _strip(self, sign: str, cells: Sequence[str], style: Style) -> Strip:
        widths = self.column_widths()
        return row_strip(sign, cells, self.columns, widths, style, self.size.width)
