"""Planning an export while it is chosen: what would come of it is checked in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.timer import Timer
from textual.widgets import Static

from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.screens.export_choices import Choices
from mediastation.console.screens.export_words import plan_text
from mediastation.errors import CancelledError
from mediastation.model.event import Event
from mediastation.model.profile import ApplicationProfile

if TYPE_CHECKING:
    from mediastation.burn.drive import Drive
    from mediastation.station.exporting.chosen import ChosenRow
    from mediastation.station.exporting.foresight import Foresight
    from mediastation.station.exporting.presets import ReadyPreset

_DEBOUNCE_S = 0.4


class ExportPlanning(ConsoleScreen):
    """What is chosen on the Export screen, and the plan of it."""

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
        self.is_ready = False
        """Whether the ways to export have been read."""
        self._is_planning = False
        self._planned: object = None
        self._soon: Timer | None = None

    @property
    def plan_of(self) -> object:
        """What a plan is made of; another one is needed where it changes."""
        seen = tuple((row.source, row.instances) for row in self.rows)
        return self.sources, seen, self.choices.planned_by

    @property
    def is_planned(self) -> bool:
        """Whether the plan that is shown is that of what is chosen now."""
        return self.foresight is not None and self._planned == self.plan_of

    def plan_soon(self) -> None:
        """Plan once nothing has changed for a moment."""
        if self._soon is not None:
            self._soon.stop()
        self._soon = self.set_timer(_DEBOUNCE_S, self._plan_now)
        self._show_plan()

    def _plan_now(self) -> None:
        if self.is_ready and self.rows and not self.is_planned and not self._is_planning:
            self._is_planning = True
            self.in_background(self._plan, "plan")

    async def _plan(self) -> None:
        from mediastation.station.exporting.foresight import foresee  # noqa: PLC0415

        try:
            while self.rows and not self.is_planned and not self.desk.is_closing:
                wanted, home = self.plan_of, self.desk.home.absolute()
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
        if wanted != self.plan_of:
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

    def is_still(self, asked: object) -> bool:
        """Tell whether what was confirmed is what goes out now; say so where it is not."""
        if asked != self.plan_of:
            self.console.tell("What goes out has changed meanwhile; look at it again.", grave=True)
            return False
        return True
