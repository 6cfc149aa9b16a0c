"""What dialogs about passwords share: masked lines that are emptied before they close.

A password stands in a dialog for as long as that is open; what a dialog gives
back hides itself (`mediastation.model.secrecy.Password`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mediastation.model.secrecy import LONGEST_PASSWORD
from mediastation.model.text import harmless

_Given = TypeVar("_Given")


class PasswordDialog(ModalScreen[_Given | None]):
    """A question with masked lines; they are emptied before it closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
        Binding("down", "app.focus_next", "Next", show=False),
    ]

    def __init__(self, question: str, people: Sequence[str] = (), told: str = "") -> None:
        super().__init__()
        self.question, self.people, self.told = question, tuple(people), told

    def head(self) -> ComposeResult:
        """Give the question and whom it concerns."""
        yield Static(harmless(self.question), classes="question", markup=False)
        for name in self.people:
            yield Static(harmless(name), classes="person", markup=False)

    def masked_line(self, label: str, name: str) -> Horizontal:
        """Return a line whose letters are not shown, with its label."""
        line = Input(password=True, max_length=LONGEST_PASSWORD, id=name)
        return Horizontal(Static(label, classes="field-label"), line, classes="field")

    def on_mount(self) -> None:
        """Begin with the first line."""
        self.query(Input).first().focus()

    def say_wrong(self, wrong: str) -> None:
        """Show what is wrong with what was typed; empty takes it back."""
        self.query_one(".wrong", Static).update(harmless(f"! {wrong}") if wrong else "")

    def typed(self, name: str) -> str:
        """Return what stands in a line."""
        return self.query_one(f"#{name}", Input).value

    def forget_typed(self) -> None:
        """Empty every line, and let nobody hear of it."""
        for line in self.query(Input):
            with line.prevent(Input.Changed):
                line.value = ""

    def action_leave(self) -> None:
        """Give nothing."""
        self.forget_typed()
        self.dismiss(None)
