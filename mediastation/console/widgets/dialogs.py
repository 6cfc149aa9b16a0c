"""Questions that stand before everything else: confirmations and paths."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static

from mediastation.model.text import harmless


class Confirm(ModalScreen[bool]):
    """Asks before something that cannot be taken back; `No` has the focus.

    Parameters
    ----------
    question : str
        Ends with a question mark, and names what would be done.
    people : sequence of str
        The patients concerned, each on a line of its own, large.
    told : str
        What follows from a yes.
    yes, no : str
        What the answers do, such as ``Forget`` and ``Keep``.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape", "answer(False)", "No", show=False),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
    ]

    def __init__(
        self,
        question: str,
        people: Sequence[str] = (),
        told: str = "",
        *,
        yes: str = "Yes",
        no: str = "No",
    ) -> None:
        super().__init__()
        self.question = question
        self.people = tuple(people)
        self.told = told
        self._yes, self._no = yes, no

    def compose(self) -> ComposeResult:
        """Give the question, the people and the two answers."""
        with Vertical(classes="dialog"):
            yield Static(harmless(self.question), classes="question", markup=False)
            with VerticalScroll(classes="people", can_focus=False):
                for name in self.people:
                    yield Static(harmless(name), classes="person", markup=False)
            if self.told:
                yield Static(harmless(self.told), classes="told", markup=False)
            with Horizontal(classes="answers"):
                yield Button(f"{self._no} (n)", id="no")
                yield Button(f"{self._yes} (y)", id="yes", variant="error")

    def on_mount(self) -> None:
        """Let a hasty Enter do no harm."""
        self.query_one("#no").focus()

    @on(Button.Pressed)
    def take(self, event: Button.Pressed) -> None:
        """Take the answer of a button."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Take the answer of a key."""
        self.dismiss(answer)


class PathSuggester(Suggester):
    """Completes paths of this machine; looks into one folder at a time, in a thread."""

    _MOST_NAMES = 20_000

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Return the first name that begins with what was typed."""
        return await asyncio.to_thread(complete_path, value, self._MOST_NAMES)


def complete_path(typed: str, most_names: int = 20_000) -> str | None:
    """Return `typed` with the first name, in order, that completes it; folders end with a slash."""
    head, slash, start = typed.rpartition("/")
    folder = Path(head + slash or ".").expanduser()
    found: list[tuple[str, bool]] = []
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= most_names:
                    break
                hidden = entry.name.startswith(".") and not start.startswith(".")
                if (
                    entry.name.startswith(start)
                    and not hidden
                    and harmless(entry.name) == entry.name
                ):
                    found.append((entry.name, entry.is_dir()))
    except (OSError, RuntimeError, ValueError):
        return None
    if not found:
        return None
    name, is_folder = min(found)
    return head + slash + name + ("/" if is_folder else "")


class AskPath(ModalScreen[str | None]):
    """Asks for a path of this machine; Tab completes it, Escape gives none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("tab", "complete", "Complete", show=False, priority=True),
    ]

    def __init__(self, question: str, start: str = "") -> None:
        super().__init__()
        self.question = question
        self._start = start

    def compose(self) -> ComposeResult:
        """Give the question and a line to type into."""
        with Vertical(classes="dialog"):
            yield Static(self.question, classes="question", markup=False)
            yield Input(self._start, placeholder="/path/to/folder", suggester=PathSuggester())
            yield Static("Tab completes · Enter takes it · Escape leaves", classes="told")

    @on(Input.Submitted)
    def take(self, event: Input.Submitted) -> None:
        """Take what was typed."""
        typed = event.value.strip()
        self.dismiss(str(Path(typed).expanduser()) if typed else None)

    def action_complete(self) -> None:
        """Take the completion that is shown."""
        line = self.query_one(Input)
        line.action_cursor_right() if line.cursor_at_end else line.action_end()

    def action_leave(self) -> None:
        """Give no path."""
        self.dismiss(None)
