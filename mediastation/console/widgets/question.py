"""What a job, or the check before an export, asks of a person; identities are shown large."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from mediastation.console.words import date_text, fit, name_text
from mediastation.model.finding import Finding
from mediastation.model.job import Question
from mediastation.model.text import harmless

_ANSWERS = {
    "confirm": ("o", "One person"),
    "several-patients": ("s", "Several people are meant"),
    "drop": ("l", "Leave them out"),
    "go-on": ("g", "Go on"),
}
_REWORDED = {("reconcile", "confirm"): "It is this patient"}
"""What an answer is called where the question is of another kind."""
_SIDES = {"outside": "On the medium", "local": "At this site"}
_FACTS = (
    ("name", "Name"),
    ("birth_date", "Born"),
    ("patient_id", "Patient ID"),
    ("issuer", "Issuer"),
    ("sex", "Sex"),
)
_SAID = frozenset({"people", "number", "copy", "copies", "volume", "volumes", "spoiled"})
"""Facts that stand in the question's own words, or in a form of their own."""
_LABELS = {"file_set_id": "Label"}
_MOST_FINDINGS = 40
_MOST_PEOPLE = 20
_LONGEST = 200
_FACT_WIDTH = 12


class QuestionDialog(ModalScreen[str | None]):
    """Asks what only a person can decide; `Not now` has the focus.

    The answer is one of the question's words, ``cancel`` where the work is to
    be given up, or None. No answer is given by Enter unless somebody went to
    its button.

    Parameters
    ----------
    question : Question
    findings : sequence of Finding
        What led to it.
    patients : sequence of str
        Whose images they are, where the question does not say so itself.
    can_cancel : bool
        Whether the work can be given up here.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "leave", "Not now", show=False),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
        *(
            Binding(key, f"answer('{word}')", told, show=False)
            for word, (key, told) in _ANSWERS.items()
        ),
    ]

    def __init__(
        self,
        question: Question,
        findings: Sequence[Finding] = (),
        patients: Sequence[str] = (),
        *,
        can_cancel: bool = False,
    ) -> None:
        super().__init__()
        self.question = question
        self.findings = tuple(findings)
        self.patients = tuple(patients)
        self.answers = tuple(word for word in question.answers if word in _ANSWERS)
        self._can_cancel = can_cancel

    def compose(self) -> ComposeResult:
        """Give the question, what it is about, and the answers."""
        with Vertical(classes="dialog whole"):
            yield Static(harmless(self.question.text), classes="question", markup=False)
            with VerticalScroll(classes="about", can_focus=False):
                people = people_of(self.question)
                if people:
                    yield Static(id="identities")
                for name in self.patients if not people else ():
                    yield Static(harmless(name), classes="person", markup=False)
                yield Static(self._about(), classes="facts", markup=False)
            if self.question.hint:
                yield Static(harmless(self.question.hint), classes="told", markup=False)
            with Horizontal(classes="answers"):
                yield Button("Not now (n)", id="leave")
                if self._can_cancel:
                    yield Button("End the job", id="answer-cancel")
                for word in self.answers:
                    key, told = _ANSWERS[word]
                    told = _REWORDED.get((self.question.kind, word), told)
                    yield Button(f"{told} ({key})", id=f"answer-{word}", variant="error")

    def on_mount(self) -> None:
        """Let a hasty Enter do no harm."""
        self.query_one("#leave").focus()

    def on_resize(self) -> None:
        """Set the identities as large as there is room for."""
        people = people_of(self.question)
        if people:
            room = self.query_one(".about").size.width or self.size.width - 8
            self.query_one("#identities", Static).update(identities_text(people, room))

    def _about(self) -> str:
        lines = []
        number = self.question.facts.get("number")
        shown = len(people_of(self.question))
        if isinstance(number, int) and number > shown:
            lines.append(f"… and {number - shown:,} people more")
        for name, value in self.question.facts.items():
            if name not in _SAID and isinstance(value, (str, int, float)):
                label = _LABELS.get(name, name.replace("_", " ").capitalize())
                lines.append(harmless(f"{fit(label, 14)} {value}"))
        # Where identities stand above, the findings would only name them once more.
        findings = () if shown else self.findings
        for finding in findings[:_MOST_FINDINGS]:
            lines.append(harmless(f"{finding.severity}: {finding.message}"))
            lines += [harmless(f"  → {finding.hint}")] if finding.hint else []
        if len(findings) > _MOST_FINDINGS:
            lines.append(f"… and {len(findings) - _MOST_FINDINGS:,} findings more")
        return "\n".join(lines)

    @on(Button.Pressed)
    def take(self, event: Button.Pressed) -> None:
        """Take the answer of a button."""
        word = (event.button.id or "").removeprefix("answer-")
        self.dismiss(None if word == "leave" else word)

    def action_answer(self, word: str) -> None:
        """Take the answer of a key, where the question has it."""
        if word in self.answers:
            self.dismiss(word)

    def action_scroll(self, lines: int) -> None:
        """Show more of what it is about."""
        self.query_one(".about").scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        """Decide nothing."""
        self.dismiss(None)


def people_of(question: Question) -> list[dict[str, Any]]:
    """Return the identities that a question is about, whoever wrote the row."""
    people = question.facts.get("people")
    if not isinstance(people, list):
        return []
    return [one for one in people[:_MOST_PEOPLE] if isinstance(one, dict)]


def identities_text(people: Sequence[dict[str, Any]], width: int) -> Text:
    """Return identities for comparing letter by letter: two side by side, more below each other.

    What differs stands reversed, in the pair with a ``▲`` below each letter;
    a fact that nobody gives says so.
    """
    text = Text()
    if len(people) == 2:
        half = max((width - _FACT_WIDTH - 2) // 2, 12)
        heads = [_SIDES.get(str(one.get("side")), f"Person {n}") for n, one in enumerate(people, 1)]
        _add_row(text, "", heads, half)
        for field, label in _FACTS:
            _add_pair(text, label, [_fact(one, field) for one in people], half)
        _add_row(text, "", [_counted(one) for one in people], half)
        return text
    first = people[0]
    for number, one in enumerate(people, start=1):
        text.append(f"Person {number}, {_number(one):,} instances\n", "bold underline")
        for field, label in _FACTS:
            value, against = _fact(one, field), _fact(first, field)
            _, places = differing_letters(against, value)
            text.append(f"  {fit(label, _FACT_WIDTH)}")
            for place, letter in enumerate(value):
                text.append(letter, "bold reverse" if place in places else "bold")
            text.append("   ≠ person 1\n" if value != against else "\n")
        text.append("\n")
    return text


def differing_letters(one: str, other: str) -> tuple[set[int], set[int]]:
    """Return the places of the letters that one text has and the other has not, for each."""
    mine: set[int] = set()
    theirs: set[int] = set()
    for tag, start, end, first, last in SequenceMatcher(
        None, one, other, autojunk=False
    ).get_opcodes():
        if tag != "equal":
            mine.update(range(start, end))
            theirs.update(range(first, last))
    return mine, theirs


def _add_pair(text: Text, label: str, values: list[str], half: int) -> None:
    """Add one fact of both, letters spaced where there is room, marks below those that differ."""
    marked = differing_letters(*values)
    gap = " " if all(cell_len(value) * 2 <= half for value in values) else ""
    lines = [_lines(value, places, half, gap) for value, places in zip(values, marked, strict=True)]
    differs = values[0] != values[1]
    for row, cells in enumerate(zip_longest(*lines, fillvalue=(Text(), ""))):
        _add_row(text, "" if row else label, [cell for cell, _ in cells], half)
        if differs:
            _add_row(text, "" if row else "  ≠ differs", [marks for _, marks in cells], half)
    if not differs:
        text.append("\n")


def _lines(value: str, places: set[int], half: int, gap: str) -> list[tuple[Text, str]]:
    """Return a value in lines of `half` cells, each with the marks that stand below it."""
    lines: list[tuple[Text, str]] = []
    line, marks = Text(), ""
    for place, letter in enumerate(value):
        width = cell_len(letter + gap)
        if line.cell_len + width > half:
            lines.append((line, marks))
            line, marks = Text(), ""
        line.append(letter, "bold reverse" if place in places else "bold")
        line.append(gap)
        marks += fit("▲" if place in places else "", width)
    return [*lines, (line, marks)]


def _add_row(text: Text, label: str, cells: Sequence[Text | str], half: int) -> None:
    text.append(fit(label, _FACT_WIDTH))
    for cell in cells:
        shown = Text(cell) if isinstance(cell, str) else cell
        text.append_text(shown)
        text.append(" " * max(half + 1 - shown.cell_len, 1))
    text.rstrip()
    text.append("\n")


def _fact(person: dict[str, Any], field: str) -> str:
    value = person.get(field)
    told = harmless(value[:_LONGEST]) if isinstance(value, str) else ""
    if field == "name":
        return name_text(told)
    if field == "birth_date":
        return date_text(told) or "not given"
    return told or "not given"


def _counted(person: dict[str, Any]) -> str:
    return "" if person.get("side") == "local" else f"{_number(person):,} instances"


def _number(person: dict[str, Any]) -> int:
    number = person.get("instances")
    return number if isinstance(number, int) else 0
