"""*Export*: what goes out, how, onto what, to whom; checked and planned before anything is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.timer import Timer
from textual.widgets import Static

from mediastation.console.screens.export_choices import Choices
from mediastation.console.screens.export_editing import NO_DRIVE
from mediastation.console.screens.export_sealing import ExportSealing
from mediastation.console.screens.export_ways import read_ways
from mediastation.console.screens.export_words import (
    CHOICE_COLUMNS,
    SOURCE_COLUMNS,
    START,
    choice_rows,
    confirmation,
    patients_of,
    plan_text,
    selection_line,
    shortened,
    source_rows,
)
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.page_table import PageTable
from mediastation.console.widgets.question import QuestionDialog, people_of
from mediastation.errors import CancelledError
from mediastation.model.browsing import CatalogState
from mediastation.model.event import Event
from mediastation.model.profile import ApplicationProfile
from mediastation.station.browse import state_of_studies
from mediastation.station.exporting.chosen import rows_of_sources

if TYPE_CHECKING:
    from mediastation.burn.drive import Drive
    from mediastation.station.exporting.chosen import ChosenRow
    from mediastation.station.exporting.foresight import Foresight
    from mediastation.station.exporting.presets import ReadyPreset

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
        self.choices = Choices()
        self.presets: Sequence[ReadyPreset] = ()
        self.faulty: Mapping[str, str] = {}
        self.profiles: Mapping[str, ApplicationProfile] = {}
        self.drives: Sequence[Drive] = ()
        self.letters: Mapping[str, str] = {}
        self.sources: tuple[str, ...] = ()
        self.rows: Sequence[ChosenRow] = ()
        self.foresight: Foresight | None = None
        self._is_ready = False
        self._catalog: CatalogState | None = None
        self._is_planning = False
        self._planned: object = None
        self._soon: Timer | None = None
        self._are_drives_read = False
        self._growing = 0

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

    def set_sources(self, sources: tuple[str, ...], words: str) -> None:
        """Take a selection in the place of the one before; `words` tell what is taken back."""
        before, choices = self.sources, self.choices
        self._put(sources, choices.for_others(self._preset_of(choices)))
        open_again = replace(choices, confirmed=False, several=False, drop=False)
        self.console.can_take_back(words, partial(self._put, before, open_again))

    def _preset_of(self, choices: Choices) -> ReadyPreset | None:
        return next((one for one in self.presets if one.name == choices.preset), None)

    def _put(self, sources: tuple[str, ...], choices: Choices) -> None:
        """Take a selection, and how it goes out."""
        self.sources, self.rows = sources, ()
        self.desk.remember("export.sources", list(sources))
        self._keep(choices)
        self.in_background(self._read_sources, "sources", exclusive=True)

    # Reading

    async def look(self) -> None:
        """Read what goes out again where the catalog changed; the rest once."""
        if not self._is_ready:
            await self._read_ways()
        if not self._are_drives_read:
            self._are_drives_read = True
            self.action_drives()
        state = await self.desk.call(state_of_studies)
        if state != self._catalog:
            self._catalog = state
            await self._read_sources()
        elif self._growing:
            self._show_sources()

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
        self._is_ready = True
        self.show_choices()
        self.refresh_bindings()

    async def _read_sources(self) -> None:
        sources = self.sources
        rows = await self.ask(rows_of_sources, sources)
        if rows is not None and sources == self.sources:
            known, self.rows = {row.patient for row in self.rows}, rows
            if known and not {row.patient for row in rows} <= known:
                self._reopen_decisions()
            self._show_sources()
            self._plan_soon()

    def _reopen_decisions(self) -> None:
        """Forget what was decided about people: somebody else has come among them."""
        if self.choices.confirmed or self.choices.several:
            self._keep(replace(self.choices, confirmed=False, several=False))
            self.console.tell(
                "Another patient has come among what goes out: decide anew.", grave=True
            )

    def _show_sources(self) -> None:
        if not self.query("#goes-out"):
            return  # what was read when the console was left
        now, growing_s = self.desk.station.clock.now(), self.desk.settings.growing_seconds
        studies = {row.study.id: row.study for row in self.rows if row.study is not None}
        self._growing = sum(now - one.received_at < growing_s for one in studies.values())
        self.query_one("#goes-out", Static).update(selection_line(self.rows, self._growing))
        self.query_one("#sources", PageTable).show_rows(source_rows(self.rows))

    # Choosing

    def choose(self, choices: Choices, words: str) -> None:
        """Take choices, remember them, and plan anew where they change the plan."""
        if choices == self.choices:
            return
        self.console.can_take_back(words, partial(self._restore, self.choices, self.sources))
        if choices.drive != self.choices.drive and choices.form.is_disc:
            self.desk.remember("export.drive", choices.drive or NO_DRIVE)
        self._keep(choices)

    def _restore(self, choices: Choices, sources: tuple[str, ...]) -> None:
        # What was decided about some people is never taken for a decision about others.
        ready = self._preset_of(choices)
        self._keep(choices if sources == self.sources else choices.for_others(ready))

    def _keep(self, choices: Choices) -> None:
        self.choices = choices
        kept = choices.for_others(self._preset_of(choices))
        self.desk.remember("export.choices", kept.as_dict())
        self.show_choices()
        self._plan_soon()

    def show_choices(self) -> None:
        """Draw what was chosen."""
        if not self._is_ready:
            return
        escrow = self.desk.settings.secure.escrow
        rows = choice_rows(
            self.choices, self.presets, self.letters, self.known_drives,
            has_escrow=escrow is not None,
        )  # fmt: skip
        self.query_one("#choices", PageTable).show_rows(rows)

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

    # Planning

    @property
    def _plan_of(self) -> object:
        seen = tuple((row.source, row.instances) for row in self.rows)
        return self.sources, seen, self.choices.planned_by

    @property
    def is_planned(self) -> bool:
        """Whether the plan that is shown is that of what is chosen now."""
        return self.foresight is not None and self._planned == self._plan_of

    def _plan_soon(self) -> None:
        if self._soon is not None:
            self._soon.stop()
        self._soon = self.set_timer(_DEBOUNCE_S, self._plan_now)
        self._show_plan()

    def _plan_now(self) -> None:
        if self._is_ready and self.rows and not self.is_planned and not self._is_planning:
            self._is_planning = True
            self.in_background(self._plan, "plan")

    async def _plan(self) -> None:
        from mediastation.station.exporting.foresight import foresee  # noqa: PLC0415

        try:
            while self.rows and not self.is_planned and not self.desk.is_closing:
                wanted, home = self._plan_of, self.desk.home.absolute()
                output = Path(self.choices.output) if self.choices.output else home
                request = self.choices.request(self.sources, output)
                self._show_plan()
                found = await self.desk.work(
                    "checking what goes out", foresee, request,
                    partial(self._stop_if_changed, wanted),
                )  # fmt: skip
                self.foresight, self._planned = found, wanted
        finally:
            self._is_planning = False
            self._show_plan()

    def _stop_if_changed(self, wanted: object, event: Event) -> None:
        """Stop a plan that nobody waits for any more; called in its thread."""
        self.desk.stop_on_leaving(event)
        if wanted != self._plan_of:
            raise CancelledError("Something else is to go out.")

    @property
    def is_shown(self) -> bool:
        """Whether there is anything to draw on: what ran in the background ends while leaving."""
        return bool(self.app.screen_stack) and bool(self.query("#plan"))

    def _show_plan(self) -> None:
        if not self.is_shown:
            return
        shown = self.foresight if self.is_planned else None
        is_planning = bool(self.rows) and not self.is_planned
        text = plan_text(shown, self.choices, is_planning=is_planning, is_empty=not self.sources)
        self.query_one("#plan", Static).update(text)
        self.refresh_bindings()

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
            partial(self._decided, self._plan_of, tuple(question.facts.get("keys", ()))),
        )

    def _decided(self, asked: object, people: tuple[str, ...], word: str | None) -> None:
        if word not in _DECISIONS:
            return
        if asked != self._plan_of:
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
                    confirmation(self.choices, self.rows, found, self._growing),
                    yes="Start",
                ),
                partial(self._start, self._plan_of),
            )

    def _start(self, asked: object, sure: bool | None) -> None:
        if sure and self.is_still(asked):
            self.start(asked)

    def is_still(self, asked: object) -> bool:
        """Tell whether what was confirmed is what goes out now; say so where it is not."""
        if asked != self._plan_of:
            self.console.tell("What goes out has changed meanwhile; look at it again.", grave=True)
            return False
        return True
