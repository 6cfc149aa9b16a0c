"""*Export*: what goes out, how, onto what, to whom; checked and planned before anything is made."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from mediastation.console.screens.export_choices import Choices
from mediastation.console.screens.export_sealing import ExportSealing
from mediastation.console.screens.export_ways import read_ways
from mediastation.console.screens.export_words import (
    CHOICE_COLUMNS,
    SOURCE_COLUMNS,
    START,
    confirmation,
    patients_of,
    shortened,
)
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.page_table import PageTable
from mediastation.console.widgets.question import QuestionDialog, people_of
from mediastation.model.browsing import CatalogState
from mediastation.station.browse import state_of_studies

_DEBOUNCE_S = 0.4
_MOST_SOURCES = 100_000
_TAKEN = frozenset("gijkqux")
"""Letters of keys that no preset may take away here."""
_DECISIONS = {"confirm": "confirmed", "several-patients": "several", "drop": "drop"}


class ExportScreen(ExportSealing):
    """What is to go out."""

    PLACE = "export"
    FIRST_FOCUS = "#choices"
    CSS_PATH = "export.tcss"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it so
        (0, "-narrow"),
        (130, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "start", "Start", tooltip="Start the export, after one more question"),
        Binding("i", "settle", "Decide", tooltip="Decide who is who, and what is left out"),
        Binding("delete,backspace", "remove", "Remove", key_display="del",
                tooltip="Leave out what is under the cursor"),
        Binding("C", "clear", "Clear", tooltip="Leave everything out"),
        Binding("R", "drives", "Drives", show=False, tooltip="Look at the drives again"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._catalog: CatalogState | None = None
        self._are_drives_read = False

    def body(self) -> ComposeResult:
        """Give the selection, the choices and the plan."""
        yield Static("", id="goes-out", markup=False)
        yield PageTable(SOURCE_COLUMNS, empty="Mark studies in Studies (1), and press e there.",
                        id="sources")  # fmt: skip
        with Container(id="export-panes"):
            yield PageTable(CHOICE_COLUMNS, empty="Reading the presets …", id="choices")
            with VerticalScroll(id="plan-pane"):
                yield Static("", id="plan", markup=False)

    def on_mount(self) -> None:
        """Take up what was chosen before."""
        super().on_mount()
        kept = self.desk.recall("export.sources")
        if isinstance(kept, list):
            self.sources = tuple(one for one in kept[:_MOST_SOURCES] if isinstance(one, str))

    def receive(self, **words: Any) -> None:
        """Take what was marked in Studies in place of what was here."""
        sources = words.get("sources")
        if isinstance(sources, (list, tuple)) and tuple(sources) != self.sources:
            self.set_sources(tuple(map(str, sources)), "what was to go out")

    # Reading

    async def look(self) -> None:
        """Read what goes out again where the catalog changed; the rest once."""
        if not self.is_ready:
            await self._read_ways()
        if not self._are_drives_read:
            self._are_drives_read = True
            self.action_drives()
        state = await self.desk.call(state_of_studies)
        if state != self._catalog:
            self._catalog = state
            await self.read_sources()
        elif self.growing:
            self.show_sources()

    async def _read_ways(self) -> None:
        presets, faulty, profiles = await self.desk.call(read_ways)
        self.presets, self.faulty, self.profiles = presets, faulty, profiles
        letters: dict[str, str] = {}
        for place, ready in enumerate(presets):
            letter = ready.preset.key
            if letter and letter not in _TAKEN and letter not in letters.values():
                letters[ready.name] = letter
                self._bindings.bind(letter, f"preset({place})", ready.title, show=False)
        self.letters = letters
        kept = Choices.from_dict(self.desk.recall("export.choices"), profiles)
        if kept is not None:
            self.choices = kept
        elif presets:
            self.choices = Choices().with_preset(presets[0], "")
        else:
            self.choices = Choices().with_profile(profiles["STD-GEN-CD"])
        self.is_ready = True
        self.show_choices()
        self.refresh_bindings()

    # Choosing

    def action_preset(self, place: int) -> None:
        """Choose a preset by its letter."""
        self.take_preset(self.presets[place].name)

    @on(PageTable.Chosen, "#choices")
    def change(self, event: PageTable.Chosen) -> None:
        """Change what is under the cursor, or start."""
        if event.key == START:
            self.action_start()
        else:
            self.edit(str(event.key))

    @on(PageTable.Chosen, "#sources")
    def to_choices(self) -> None:
        """Go on to the choices."""
        self.query_one("#choices").focus()

    # The selection

    def action_remove(self) -> None:
        """Leave out what is under the cursor."""
        table = self.query_one("#sources", PageTable)
        key = table.cursor_key
        if not isinstance(key, tuple) or not table.has_focus:
            self.console.tell("Go to what is to be left out first (tab), then press del.")
            return
        rest = tuple(one for one in self.sources if one != key[0])
        self.set_sources(rest, "what was left out")

    def action_clear(self) -> None:
        """Leave everything out."""
        if self.sources:
            self.set_sources((), "clearing what goes out")

    # Deciding and starting

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to decide where there is something to decide, to remove where something is."""
        if action == "settle":
            found = self.foresight if self.is_planned else None
            asks = found is not None and found.question is not None
            return asks or any(getattr(self.choices, name) for name in _DECISIONS.values())
        if action in {"start", "remove", "clear"} and not self.sources:
            return None
        return super().check_action(action, parameters)

    def action_settle(self) -> None:
        """Show what has to be decided: identities large, or what may not go out."""
        question = self.foresight.question if self.is_planned and self.foresight else None
        if question is None or self.foresight is None:
            if any(getattr(self.choices, name) for name in _DECISIONS.values()):
                self.choose(
                    replace(self.choices, confirmed=False, several=False, drop=False, people=()),
                    "decision",
                )
                self.console.tell("The decision is open again.")
            else:
                self.console.tell("There is nothing to decide.")
            return
        people = [] if people_of(question) else shortened(patients_of(self.rows))
        self.app.push_screen(
            QuestionDialog(question, self.foresight.findings, people),
            partial(self._decided, self.plan_of, tuple(question.facts.get("keys", ()))),
        )

    def _decided(self, asked: object, people: tuple[str, ...], word: str | None) -> None:
        if word not in _DECISIONS:
            return
        if asked != self.plan_of:
            self.console.tell("What goes out has changed meanwhile; it is checked anew.")
            return
        decided = replace(self.choices, people=people or self.choices.people)
        self.choose(replace(decided, **{_DECISIONS[word]: True}), "decision")  # type: ignore[arg-type]

    def action_start(self) -> None:
        """Ask, naming the patients and what goes where, then submit the export."""
        found = self.foresight
        if not self.sources:
            self.console.tell("Nothing goes out yet: mark studies in Studies (1), and press e.")
        elif found is None or not self.is_planned:
            self.console.tell("Wait until it is checked and planned.")
        elif found.question is not None:
            self.action_settle()
        elif self.nobody_opens:
            self.console.tell("Nobody could open it: say whose keys do.", grave=True)
            self.edit_recipients()
        elif found.stopped or not found.volumes:
            self.console.tell(f"It cannot go out: {found.stopped} {found.hint}", grave=True)
        else:
            people = shortened(patients_of(self.rows))
            number = len(patients_of(self.rows))
            whose = "this patient" if number == 1 else f"{number} DIFFERENT patients"
            self.app.push_screen(
                Confirm(
                    f"Make {len(found.volumes)} × {self.choices.medium} with images of {whose}?",
                    people,
                    confirmation(self.choices, self.rows, found, self.growing),
                    yes="Start",
                ),
                partial(self._start, self.plan_of),
            )

    def _start(self, asked: object, sure: bool | None) -> None:
        if sure and self.is_still(asked):
            self.start(asked)
