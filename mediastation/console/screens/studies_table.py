"""The table of *Studies*: read, searched, put in order, opened to series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeVar, cast

from textual import on
from textual.timer import Timer
from textual.widgets import Input, Static

from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.screens.study_rows import SeriesKey, series_page_row, study_page_row
from mediastation.console.widgets.page_table import Key, PageRow, PageTable
from mediastation.console.words import number_text
from mediastation.model.browsing import SeriesRow, StudyOrder, StudyRow
from mediastation.station.browse import (
    StudyList,
    list_studies,
    read_outside,
    read_series,
    read_studies,
    state_of_studies,
)

_Choice = TypeVar("_Choice", bound=str)
_DEBOUNCE_S = 0.15
_READ_AGAIN_S = 5
NOTHING_HERE = "No studies. Send some by C-STORE, or press a to add a folder from disk."
NOTHING_FOUND = "No study has these words. Escape shows all again."


class StudiesTable(ConsoleScreen):
    """What arrived, as far as it is read and shown; what is done with it is the place's own."""

    def __init__(self) -> None:
        super().__init__()
        self._list: StudyList | None = None
        self._typed = ""
        self._is_new_search = False
        self._order = StudyOrder.ARRIVAL
        self._studies: dict[int, StudyRow] = {}
        self._series: dict[SeriesKey, SeriesRow] = {}
        self._typing: Timer | None = None
        self._since_read = 0
        self._now = 0.0

    def on_mount(self) -> None:
        """Take up the order that was chosen before."""
        super().on_mount()
        order = self.desk.recall("studies.order")
        if order in set(StudyOrder):
            self._order = StudyOrder(order)

    @property
    def table(self) -> PageTable:
        """The table."""
        return self.query_one("#studies", PageTable)

    # Reading

    async def look(self) -> None:
        """Read the list again if it changed, and what is in view every few seconds."""
        state = await self.desk.call(state_of_studies)
        self._since_read += 1
        if self._list is None or state != self._list.state:
            await self._read_list()
        elif self._since_read >= _READ_AGAIN_S:
            self._read_rows()

    async def _read_list(self) -> None:
        self._list = await self.desk.call(list_studies, self._typed, self._order)
        self.table.empty = NOTHING_FOUND if self._typed else NOTHING_HERE
        self.table.set_keys(self._list.keys)
        if self._is_new_search:
            self._is_new_search = False
            self.table.action_jump(0)
        self._read_rows()
        self._show_count()

    def _read_rows(self) -> None:
        self._since_read = 0
        self.table.read_again()
        self.read_totals()

    def read_totals(self) -> None:
        """Read what goes with the rows, whenever these are read."""

    async def _fetch(self, keys: list[Key]) -> Mapping[Key, PageRow]:
        wanted = [key for key in keys if isinstance(key, int)]
        within = {key.study for key in keys if isinstance(key, SeriesKey)}
        rows: dict[Key, PageRow] = {}
        studies = await self.ask(read_studies, wanted) or {}
        self._studies.update(studies)
        self._now = self.desk.station.clock.now()
        growing = self.desk.settings.growing_seconds
        outside = await self.ask(read_outside, wanted) or set()
        rows.update(
            {
                key: study_page_row(row, self._now, growing, is_outside=key in outside)
                for key, row in studies.items()
            }
        )
        if within:
            found = await self.ask(read_series, sorted(within)) or {}
            for study, series in found.items():
                self._set_series(study, series)
                rows.update({SeriesKey(study, row.id): series_page_row(row) for row in series})
        return rows

    def _set_series(self, study: int, series: list[SeriesRow]) -> None:
        keys = [SeriesKey(study, row.id) for row in series]
        self._series.update(dict(zip(keys, series, strict=True)))
        if self.table.children_of(study) and list(self.table.children_of(study)) != keys:
            self.table.set_children(study, keys)

    # Searching and ordering

    @on(Input.Changed, "#search")
    def search_soon(self, event: Input.Changed) -> None:
        """Search when typing pauses."""
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(_DEBOUNCE_S, partial(self._search, event.value))

    @on(Input.Submitted, "#search")
    def search_now(self, event: Input.Submitted) -> None:
        """Go to what was found."""
        self._search(event.value)
        self.table.focus()

    def action_back(self) -> None:
        """End the search: what was typed goes, and can be taken back."""
        line = self.query_one("#search", Input)
        typed = line.value
        if typed:
            line.value = ""
            self._search("")
            self.console.can_take_back(f"search for {typed}", partial(self._type, typed))
        self.table.focus()

    def _type(self, typed: str) -> None:
        self.query_one("#search", Input).value = typed

    def _search(self, typed: str) -> None:
        if typed != self._typed:
            self._typed = typed
            # What is found first is what a hasty key means; at the end of a search the row stays.
            self._is_new_search = bool(typed)
            self._reread()

    def _reread(self) -> None:
        if self.desk.is_open:
            self.run_worker(self._read_list(), group="list", exclusive=True)

    def action_order(self) -> None:
        """Take the next order."""
        self._order = next_of(tuple(StudyOrder), self._order)
        self.desk.remember("studies.order", str(self._order))
        self._reread()

    def _show_count(self) -> None:
        if self._list is not None:
            found = " found" if self._typed else ""
            count = number_text(len(self._list.keys), "study", "studies")
            self.query_one("#count", Static).update(f"{count}{found}, by {self._order}")

    # Opening

    @on(PageTable.Chosen)
    async def open_or_close(self) -> None:
        """Show the series of a study, or hide them."""
        if self.table.children_of(self.table.cursor_key):
            self.action_close()
        else:
            await self.action_open()

    async def action_open(self) -> None:
        """Show the series of the study under the cursor."""
        key = self.table.cursor_key
        if not isinstance(key, int) or self.table.children_of(key):
            return
        found = await self.ask(read_series, [key]) or {}
        rows = found.get(key, [])
        keys = [SeriesKey(key, row.id) for row in rows]
        self._series.update(dict(zip(keys, rows, strict=True)))
        self.table.put_rows(
            {one: series_page_row(row) for one, row in zip(keys, rows, strict=True)}
        )
        self.table.set_children(key, keys)

    def action_close(self) -> None:
        """Hide the series of the study under the cursor."""
        key = self.table.cursor_key
        if isinstance(key, SeriesKey):
            self.table.move_to(key.study)
            key = key.study
        if key is not None:
            self.table.set_children(key, ())

    def _study_at_cursor(self) -> StudyRow | None:
        key = self.table.cursor_key
        number = key.study if isinstance(key, SeriesKey) else key
        return self._studies.get(cast("int", number))


def next_of(choices: Sequence[_Choice], chosen: _Choice) -> _Choice:
    """Return the choice after the one that is chosen, in a circle."""
    return choices[(choices.index(chosen) + 1) % len(choices)]
