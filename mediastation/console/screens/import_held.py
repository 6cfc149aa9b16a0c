"""Both sides of a held instance beside each other, with pictures where there is room."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from mediastation.console.screens.import_sections import WHY, in_words
from mediastation.console.widgets.picture_pane import PicturePane
from mediastation.console.words import fit
from mediastation.errors import MediastationError
from mediastation.model.finding import Finding
from mediastation.model.text import harmless

if TYPE_CHECKING:
    from mediastation.console.app import ConsoleApp
    from mediastation.dicom.attribute_differences import Differences
    from mediastation.importing.side_by_side import FactRow
    from mediastation.station.intake.held_view import HeldView

_LABEL = 22
_PICTURES_FROM = (100, 30)
"""Columns and rows of the terminal from which pictures are shown."""


class HeldDialog(ModalScreen[str | None]):
    """Shows a held file and what it contradicts; gives ``keep``, ``leave`` or None.

    Parameters
    ----------
    view : HeldView
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "answer('')", "Close", show=False),
        Binding("k", "answer('keep')", "Keep", show=False),
        Binding("l", "answer('leave')", "Leave", show=False),
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("pagedown,space", "scroll(10)", "Page down", show=False),
    ]

    def __init__(self, view: HeldView) -> None:
        super().__init__()
        self.view = view

    def compose(self) -> ComposeResult:
        """Give both sides, their pictures, and the keys."""
        with Vertical(classes="dialog whole"):
            yield Static(harmless(f"Held: {self.view.file.path}"), classes="question", markup=False)
            with Horizontal(id="held-pictures"):
                yield PicturePane(id="picture-here")
                yield PicturePane(id="picture-held")
            with VerticalScroll(classes="about", can_focus=False):
                yield Static(id="held-sides")
            decided = self.view.file.verdict is not None
            keys = "" if decided else "k keeps it beside the other · l leaves it here · "
            yield Static(f"{keys}↑ ↓ scrolls · Escape closes", classes="told")

    def on_mount(self) -> None:
        """Show pictures where there is room."""
        columns, rows = _PICTURES_FROM
        size = self.app.size
        pictures = self.query_one("#held-pictures")
        pictures.display = size.width >= columns and size.height >= rows
        if pictures.display:
            self.call_after_refresh(self._render_pictures)

    def on_resize(self) -> None:
        """Set both sides as wide as there is room for."""
        width = self.query_one(".about").size.width or self.size.width - 8
        self.query_one("#held-sides", Static).update(held_text(self.view, width))

    @work(group="held-pictures", exclusive=True)
    async def _render_pictures(self) -> None:
        from mediastation.station.intake.held_view import SidePictures  # noqa: PLC0415 - not for the paint

        desk = cast("ConsoleApp", self.app).desk
        pictures = SidePictures()
        try:
            for name, side in (("here", self.view.here), ("held", self.view.held)):
                pane = self.query_one(f"#picture-{name}", PicturePane)
                title = "here" if name == "here" else "held"
                if side is None:
                    pane.show(None, "not in the catalog", (title,))
                    continue
                pane.show(None, "rendering …", (title,))
                rows, columns = pane.picture_size
                try:
                    found = await desk.call(pictures.picture, side, rows, columns)
                except MediastationError as fault:
                    pane.show(None, fault.message, (title,))
                    continue
                if found is None or isinstance(found, Finding):
                    pane.show(None, found.message if found else "no picture", (title,))
                else:
                    pane.show(found, "", (title,))
        finally:
            await asyncio.get_running_loop().run_in_executor(None, pictures.close)

    def action_scroll(self, lines: int) -> None:
        """Show more of both sides."""
        self.query_one(".about").scroll_relative(y=lines, animate=False)

    def action_answer(self, word: str) -> None:
        """Take the answer of a key; what is decided already is not decided here again."""
        if word and self.view.file.verdict is not None:
            return
        self.dismiss(word or None)


def held_text(view: HeldView, width: int) -> Text:
    """Return both sides fact by fact in `width` cells; what differs stands reversed, with a ≠."""
    text = Text()
    file = view.file
    text.append(f"{harmless(WHY.get(file.rule, in_words(file.rule)))}\n", "bold")
    laid = view.laid
    if laid is None:
        where = "is not in the catalog: it came on the same medium, or was removed"
        text.append(f"What it contradicts {where}.\n" if file.other or file.subject else "")
        text.append(f"{harmless(str(view.held.title))}\n")
        return text
    text.append(f"Pixels: {harmless(laid.pixels)}\n\n", "bold")
    half = max((width - _LABEL - 3) // 2, 8)
    _row(text, "", "Here", "Held", half, head=True)
    _rows(text, laid.people, half)
    _rows(text, [row for row in laid.facts if row.differs], half)
    _add_differences(text, laid.differences, half)
    text.append("\nThe same on both sides\n", "underline")
    _rows(text, [row for row in laid.facts if not row.differs], half)
    return text


def _add_differences(text: Text, differences: Differences, half: int) -> None:
    if differences.unread:
        text.append(f"\nAttributes are not compared: {harmless(differences.unread)}\n")
    elif differences.number:
        text.append(f"\nAttributes that differ: {differences.number:,}\n", "bold")
        for one in differences.shown:
            here = "(absent)" if one.one is None else one.one or "(empty)"
            held = "(absent)" if one.other is None else one.other or "(empty)"
            _row(text, one.name or f"{one.tag:08X}", here, held, half)
        if (more := differences.number - len(differences.shown)) > 0:
            text.append(f"… and {more:,} more\n")


def _rows(text: Text, rows: Sequence[FactRow], half: int) -> None:
    for row in rows:
        if row.one or row.other:
            _row(text, row.label, row.one, row.other, half)


def _row(text: Text, label: str, one: str, other: str, half: int, *, head: bool = False) -> None:
    """Add one fact; a value that is longer than its half goes on below."""
    differs = one != other and not head
    style = "bold underline" if head else "bold reverse" if differs else ""
    lines = max(_lines_of(one, half), _lines_of(other, half))
    for number in range(lines):
        mark = "≠" if differs and not number else " "
        text.append(f"{mark} {fit(label if not number else '', _LABEL - 2)} ")
        for value in (one, other):
            part = harmless(value)[number * half : (number + 1) * half]
            text.append(part or (" " if number or head else "·"), style if part else "")
            text.append(" " * max(half - len(part or " "), 0) + " ")
        text.rstrip()
        text.append("\n")


def _lines_of(value: str, half: int) -> int:
    return min(max(-(-len(harmless(value)) // half), 1), 4)
