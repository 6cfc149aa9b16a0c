"""Which keys there are at this moment, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from mediastation.console.words import fit

_KEY_WIDTH = 14


class HelpScreen(ModalScreen[None]):
    """The keys of the screen below, and those that work everywhere."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter", "leave", "Close", show=False)
    ]

    def __init__(self, title: str, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._heading = title
        self.keys = tuple(keys)

    def compose(self) -> ComposeResult:
        """Give one line a key."""
        with Vertical(classes="dialog wide"):
            yield Static(f"Keys in {self._heading}", classes="question", markup=False)
            with VerticalScroll():
                for key, told in self.keys:
                    yield Static(f"{fit(key, _KEY_WIDTH)} {told}", markup=False)
            yield Static("Escape closes", classes="told")

    def action_leave(self) -> None:
        """Close."""
        self.dismiss()
