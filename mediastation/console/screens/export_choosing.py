"""What goes out and how, as it is kept: taken, remembered, drawn, and taken back again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.widgets import Static

from mediastation.console.screens.drive_choice import typed_drives
from mediastation.console.screens.export_choices import Choices
from mediastation.console.screens.export_planning import ExportPlanning
from mediastation.console.screens.export_words import choice_rows, selection_line, source_rows
from mediastation.console.widgets.page_table import PageTable
from mediastation.station.exporting.chosen import rows_of_sources

if TYPE_CHECKING:
    from mediastation.station.exporting.presets import ReadyPreset

NO_DRIVE = "none"


class ExportChoosing(ExportPlanning):
    """The selection and the choices of the Export screen."""

    def __init__(self) -> None:
        super().__init__()
        self.growing = 0
        """How many studies still receive images."""

    # The selection

    def set_sources(self, sources: tuple[str, ...], words: str) -> None:
        """Take a selection in the place of the one before; `words` tell what is taken back."""
        before, choices = self.sources, self.choices
        self._put(sources, choices.for_others(self.preset_of(choices)))
        open_again = replace(choices, confirmed=False, several=False, drop=False)
        self.console.can_take_back(words, partial(self._put, before, open_again))

    def preset_of(self, choices: Choices) -> ReadyPreset | None:
        """Return the preset that was chosen, as it is now."""
        return next((one for one in self.presets if one.name == choices.preset), None)

    def _put(self, sources: tuple[str, ...], choices: Choices) -> None:
        """Take a selection, and how it goes out."""
        self.sources, self.rows = sources, ()
        self.desk.remember("export.sources", list(sources))
        self.keep(choices)
        self.in_background(self.read_sources, "sources", exclusive=True)

    async def read_sources(self) -> None:
        """Read what goes out; what was decided about people falls where others have come."""
        sources = self.sources
        rows = await self.ask(rows_of_sources, sources)
        if rows is not None and sources == self.sources:
            known, self.rows = {row.patient for row in self.rows}, rows
            if known and not {row.patient for row in rows} <= known:
                self._reopen_decisions()
            self.show_sources()
            self.plan_soon()

    def _reopen_decisions(self) -> None:
        """Forget what was decided about people: somebody else has come among them."""
        if self.choices.confirmed or self.choices.several:
            self.keep(replace(self.choices, confirmed=False, several=False))
            self.console.tell(
                "Another patient has come among what goes out: decide anew.", grave=True
            )

    def show_sources(self) -> None:
        """Draw what goes out; what is still growing is told."""
        if not self.query("#goes-out"):
            return  # what was read when the console was left
        now, growing_s = self.desk.station.clock.now(), self.desk.settings.growing_seconds
        studies = {row.study.id: row.study for row in self.rows if row.study is not None}
        self.growing = sum(now - one.received_at < growing_s for one in studies.values())
        self.query_one("#goes-out", Static).update(selection_line(self.rows, self.growing))
        self.query_one("#sources", PageTable).show_rows(source_rows(self.rows))

    # The choices

    def choose(self, choices: Choices, words: str) -> None:
        """Take choices, remember them, and plan anew where they change the plan."""
        if choices == self.choices:
            return
        self.console.can_take_back(words, partial(self._restore, self.choices, self.sources))
        if choices.drive != self.choices.drive and choices.form.is_disc:
            self.desk.remember("export.drive", choices.drive or NO_DRIVE)
        self.keep(choices)

    def _restore(self, choices: Choices, sources: tuple[str, ...]) -> None:
        # What was decided about some people is never taken for a decision about others.
        ready = self.preset_of(choices)
        self.keep(choices if sources == self.sources else choices.for_others(ready))

    def keep(self, choices: Choices) -> None:
        """Take choices, remember and draw them, and plan anew; nothing of it is taken back."""
        self.choices = choices
        kept = choices.for_others(self.preset_of(choices))
        self.desk.remember("export.choices", kept.as_dict())
        self.show_choices()
        self.plan_soon()

    def show_choices(self) -> None:
        """Draw what was chosen."""
        if not self.is_ready:
            return
        escrow = self.desk.settings.secure.escrow
        rows = choice_rows(
            self.choices, self.presets, self.letters, self.known_drives,
            has_escrow=escrow is not None,
        )  # fmt: skip
        self.query_one("#choices", PageTable).show_rows(rows)

    @property
    def known_drives(self) -> set[str]:
        """The drives of this computer, and those that somebody typed."""
        return {drive.device for drive in self.drives} | set(typed_drives(self.desk))
