"""Dialogs that ask for one of a list, or for a few words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mediastation.console.widgets.dialogs import PathSuggester
from mediastation.console.widgets.page_table import Column, Key, PageRow, PageTable
from mediastation.model.text import harmless

_SEARCHED_FROM = 9
_MOST_LINES = 20
_AROUND = 12
"""Lines of the dialog besides its list."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen; `why_not` says why not now, where it cannot."""

    name: str
    title: str
    told: str = ""
    why_not: str = ""


class Choose(ModalScreen[str | None]):
    """Asks for one of `choices`; typing searches a long list, Escape gives none.

    Parameters
    ----------
    question : str
    choices : sequence of Choice
    chosen : str
        Name of what is chosen now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
    ]

    def __init__(self, question: str, choices: Sequence[Choice], chosen: str = "") -> None:
        super().__init__()
        self.question = question
        self.choices = {choice.name: choice for choice in choices}
        self.chosen = chosen

    def compose(self) -> ComposeResult:
        """Give the question, a line to search with where the list is long, and the list."""
        widest = max((len(choice.title) for choice in self.choices.values()), default=10)
        with Vertical(classes="dialog wide"):
            yield Static(harmless(self.question), classes="question", markup=False)
            if len(self.choices) >= _SEARCHED_FROM:
                yield Input(placeholder="type to search", id="choose-search")
            yield PageTable(
                (Column("", min(widest, 34) + 2), Column("", 10, flex=1)),
                empty="Nothing has these words.",
                id="choose-list",
            )
            yield Static("Enter takes it · Escape leaves", classes="told", id="choose-told")

    def on_mount(self) -> None:
        """Show all; the one that is chosen is under the cursor."""
        table = self.query_one("#choose-list", PageTable)
        room = max(self.app.size.height - _AROUND, 3)
        table.styles.height = min(len(self.choices), _MOST_LINES, room) + 1
        self._show("")
        table.move_to(self.chosen)
        self.query_one("#choose-search" if self._is_searched else "#choose-list").focus()

    @property
    def _is_searched(self) -> bool:
        return bool(self.query("#choose-search"))

    def _show(self, typed: str) -> None:
        words = typed.casefold().split()
        rows: dict[Key, PageRow] = {}
        for choice in self.choices.values():
            text = f"{choice.name} {choice.title} {choice.told}".casefold()
            if all(word in text for word in words):
                sign = "● " if choice.name == self.chosen else "  "
                told = f"not now: {choice.why_not}" if choice.why_not else choice.told
                rows[choice.name] = PageRow(
                    (sign + choice.title, told), "faint" if choice.why_not else ""
                )
        self.query_one("#choose-list", PageTable).show_rows(rows)

    @on(Input.Changed)
    def search(self, event: Input.Changed) -> None:
        """Show what has the words."""
        self._show(event.value)

    @on(Input.Submitted)
    def take_found(self) -> None:
        """Take what is under the cursor."""
        self.query_one("#choose-list", PageTable).action_choose()

    def on_key(self, event: object) -> None:
        """Let the arrows move the cursor while something is typed."""
        key = getattr(event, "key", "")
        if self._is_searched and self.query_one("#choose-search").has_focus:
            step = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}.get(key)
            if step is not None:
                self.query_one("#choose-list", PageTable).action_move(step)

    @on(PageTable.Chosen)
    def take(self, event: PageTable.Chosen) -> None:
        """Take what was chosen, unless it cannot be."""
        choice = self.choices[str(event.key)]
        if choice.why_not:
            self.query_one("#choose-told", Static).update(harmless(f"! {choice.why_not}"))
            return
        self.dismiss(choice.name)

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)


@dataclass(frozen=True, slots=True)
class Field:
    """A line of a form.

    Parameters
    ----------
    name, label : str
    value : str
        What stands there already.
    told : str
        What is meant, shown where nothing is typed.
    check : callable, optional
        Returns what is wrong with a value, empty if nothing is.
    is_path : bool
        Whether paths of this machine are suggested.
    """

    name: str
    label: str
    value: str = ""
    told: str = ""
    check: Callable[[str], str] | None = None
    is_path: bool = False


class AskWords(ModalScreen[dict[str, str] | None]):
    """Asks for a few words; Enter goes on and ends with the last line, Escape gives none.

    Parameters
    ----------
    question : str
    fields : sequence of Field
    told : str
        What follows from it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
        Binding("down", "app.focus_next", "Next", show=False),
    ]

    def __init__(self, question: str, fields: Sequence[Field], told: str = "") -> None:
        super().__init__()
        self.question = question
        self.fields = tuple(fields)
        self.told = told

    def compose(self) -> ComposeResult:
        """Give one line for each."""
        with Vertical(classes="dialog wide"):
            yield Static(harmless(self.question), classes="question", markup=False)
            for field in self.fields:
                with Horizontal(classes="field"):
                    yield Static(field.label, classes="field-label", markup=False)
                    yield Input(
                        field.value,
                        placeholder=field.told,
                        suggester=PathSuggester() if field.is_path else None,
                        id=f"field-{field.name}",
                    )
            yield Static("", classes="wrong", markup=False)
            if self.told:
                yield Static(harmless(self.told), classes="told", markup=False)
            completes = "→ completes a path · " if any(f.is_path for f in self.fields) else ""
            yield Static(f"{completes}Enter takes it · Escape leaves", classes="told")

    def on_mount(self) -> None:
        """Begin with the first line."""
        self.query(Input).first().focus()

    @on(Input.Submitted)
    def go_on(self, event: Input.Submitted) -> None:
        """Go to the next line, or end."""
        lines = list(self.query(Input))
        place = lines.index(event.input)
        if place + 1 < len(lines):
            lines[place + 1].focus()
            return
        values = {
            field.name: line.value.strip() for field, line in zip(self.fields, lines, strict=True)
        }
        for field, line in zip(self.fields, lines, strict=True):
            if field.check is not None and (wrong := field.check(values[field.name])):
                self.query_one(".wrong", Static).update(harmless(f"! {wrong}"))
                line.focus()
                return
        self.dismiss(values)

    def action_leave(self) -> None:
        """Give nothing."""
        self.dismiss(None)
