"""*Studies*: what arrived, live; to be searched, marked, looked at and taken along."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Input, Static

from mediastation.console.marks import Mark, Marks
from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.screens.study_rows import (
    COLUMNS,
    SeriesKey,
    patient_text,
    series_page_row,
    study_page_row,
)
from mediastation.console.widgets.dialogs import AskPath, Confirm
from mediastation.console.widgets.page_table import Key, PageRow, PageTable
from mediastation.console.words import number_text
from mediastation.errors import MediastationError
from mediastation.model.browsing import SeriesRow, StudyOrder, StudyRow, Totals
from mediastation.model.medium import MEDIA
from mediastation.model.text import size_text
from mediastation.station.browse import (
    StudyList,
    add_up,
    list_studies,
    media_needed,
    read_series,
    read_studies,
    read_studies_of_patient,
    state_of_studies,
)

_DEBOUNCE_S = 0.15
_READ_AGAIN_S = 5
_MEDIA = ("CD-80", "DVD-R", "DVD+R-DL", "BD-R-25", "BD-R-50", "BD-R-100", "USB")
_MOST_NAMES = 20


class StudiesScreen(ConsoleScreen):
    """What arrived."""

    PLACE = "studies"
    FIRST_FOCUS = "#studies"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", tooltip="Mark the study or series, or take the mark away"),
        Binding("p", "mark_patient", "Patient", tooltip="Mark all studies of this patient"),
        Binding("e", "export", "Export", tooltip="Take the marks to Export"),
        Binding("v", "preview", "View", tooltip="Show or hide the picture"),
        Binding("a", "add", "Add", tooltip="Add a folder, file or image from disk"),
        Binding("f", "forget", "Forget", tooltip="Remove from the store what is marked"),
        Binding("right", "open", "Open", show=False, tooltip="Show the series of the study"),
        Binding("left", "close", "Close", show=False, tooltip="Hide the series of the study"),
        Binding("o", "order", "Order", show=False, tooltip="By arrival, date or name"),
        Binding(
            "m", "medium", "Medium", show=False, tooltip="Compare the marks with another medium"
        ),
        Binding("x", "clear", "Unmark", show=False, tooltip="Take all marks away"),
        Binding("escape", "back", "Back", show=False, tooltip="End the search"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.marks = Marks()
        self._list: StudyList | None = None
        self._typed = ""
        self._order = StudyOrder.ARRIVAL
        self._medium = _MEDIA[0]
        self._studies: dict[int, StudyRow] = {}
        self._series: dict[SeriesKey, SeriesRow] = {}
        self._typing: Timer | None = None
        self._since_read = 0
        self._totals: Totals | None = None
        self._now = 0.0

    def body(self) -> ComposeResult:
        """Give the search, the table and what is marked."""
        with Horizontal(id="search-line"):
            yield Input(
                placeholder="/ to search: name, ID, date, CT …", classes="search", id="search"
            )
            yield Static("", id="count")
        yield PageTable(
            COLUMNS,
            self._fetch,
            sign=self._sign,
            empty="No studies. Send some by C-STORE, or press a to add a folder from disk.",
            id="studies",
        )
        yield Static("", id="marked", markup=False)

    def on_mount(self) -> None:
        """Take up what was marked and chosen before."""
        super().on_mount()
        self.marks = Marks.from_dict(self.desk.recall("studies.marks"))
        order, medium = self.desk.recall("studies.order"), self.desk.recall("studies.medium")
        if order in set(StudyOrder):
            self._order = StudyOrder(order)
        if medium in _MEDIA:
            self._medium = medium
        self._show_marks()

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
        self.table.set_keys(self._list.keys)
        self._read_rows()
        self._show_count()

    def _read_rows(self) -> None:
        self._since_read = 0
        self.table.read_again()
        if self.marks:
            self.run_worker(self._add_up(), group="totals", exclusive=True)

    async def _fetch(self, keys: list[Key]) -> Mapping[Key, PageRow]:
        wanted = [key for key in keys if isinstance(key, int)]
        within = {key.study for key in keys if isinstance(key, SeriesKey)}
        rows: dict[Key, PageRow] = {}
        studies = await self.ask(read_studies, wanted) or {}
        self._studies.update(studies)
        self._now = self.desk.station.clock.now()
        growing = self.desk.settings.growing_seconds
        rows.update({key: study_page_row(row, self._now, growing) for key, row in studies.items()})
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
            self._reread()

    def _reread(self) -> None:
        if self.desk.is_open:
            self.run_worker(self._read_list(), group="list", exclusive=True)

    def action_order(self) -> None:
        """Take the next order."""
        orders = list(StudyOrder)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
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

    # Marking

    def _sign(self, key: Key) -> str:
        if isinstance(key, SeriesKey):
            series, study = self._series.get(key), self._studies.get(key.study)
            if series is None or study is None:
                return ""
            return self.marks.of_series(series.series_instance_uid, study.study_instance_uid)
        found = self._studies.get(cast("int", key))
        return self.marks.of_study(found.study_instance_uid) if found else ""

    @on(PageTable.SignClicked)
    async def mark_clicked(self) -> None:
        """Mark what was clicked."""
        await self.action_mark()

    async def action_mark(self) -> None:
        """Mark what is under the cursor, or take its mark away; go on to the next row."""
        key = self.table.cursor_key
        before = self.marks.copy()
        if isinstance(key, SeriesKey):
            series, study = self._series.get(key), self._studies.get(key.study)
            if series is None or study is None:
                return
            found = await self.ask(read_series, [key.study]) or {}
            siblings = [row.series_instance_uid for row in found.get(key.study, [])]
            self.marks.toggle_series(
                series.series_instance_uid, study.study_instance_uid, patient_text(study), siblings
            )
            self._marked(before, f"mark of a series of {patient_text(study)}")
        elif isinstance(key, int) and key in self._studies:
            study = self._studies[key]
            self.marks.toggle_study(study.study_instance_uid, patient_text(study))
            self._marked(before, f"mark of {patient_text(study)}")
        else:
            return
        self.table.action_move(1)

    async def action_mark_patient(self) -> None:
        """Mark all studies of the patient under the cursor, or none if all are marked."""
        study = self._study_at_cursor()
        if study is None:
            return
        rows = await self.ask(read_studies_of_patient, study.patient) or []
        before = self.marks.copy()
        all_marked = all(self.marks.of_study(row.study_instance_uid) is Mark.WHOLE for row in rows)
        for row in rows:
            if all_marked:
                self.marks.unmark_study(row.study_instance_uid)
            else:
                self.marks.mark_study(row.study_instance_uid, patient_text(row))
        self._marked(before, f"marks of {patient_text(study)}")

    def action_clear(self) -> None:
        """Take all marks away."""
        if self.marks:
            before, self.marks = self.marks, Marks()
            self._marked(before, "taking all marks away")

    def _marked(self, before: Marks, words: str) -> None:
        self.console.can_take_back(words, partial(self._restore, before))
        self._keep_marks()

    def _restore(self, marks: Marks) -> None:
        self.marks = marks.copy()
        self._keep_marks()

    def _keep_marks(self) -> None:
        self.desk.remember("studies.marks", self.marks.as_dict())
        self.table.refresh()
        self._show_marks()
        if self.marks:
            self.run_worker(self._add_up(), group="totals", exclusive=True)

    async def _add_up(self) -> None:
        found = await self.ask(add_up, list(self.marks.studies), list(self.marks.series))
        if found is not None:
            self._totals = found
            self._show_marks()

    def action_medium(self) -> None:
        """Compare the marks with the next medium."""
        self._medium = _MEDIA[(_MEDIA.index(self._medium) + 1) % len(_MEDIA)]
        self.desk.remember("studies.medium", self._medium)
        self._show_marks()

    def _show_marks(self) -> None:
        line = self.query_one("#marked", Static)
        if not self.marks:
            line.update("Nothing marked. Space marks a study, p all of a patient.")
            return
        parts = []
        if self.marks.studies:
            parts.append(number_text(len(self.marks.studies), "study", "studies"))
        if self.marks.series:
            parts.append(f"{len(self.marks.series):,} series")
        if (people := len(self.marks.names)) > 1:
            parts.append(f"! {people} patients")
        if self._totals is not None:
            parts += [
                number_text(self._totals.instances, "instance"),
                size_text(self._totals.size_bytes),
                f"about {media_words(self._totals, self._medium)}",
            ]
            if self._totals.gone:
                parts.append(f"! {len(self._totals.gone)} gone")
        line.update("■ " + ", ".join(parts))

    # Taking along, adding, forgetting

    async def action_export(self) -> None:
        """Take what is marked to Export; where nothing is, the study under the cursor."""
        sources = self.marks.sources
        if not sources and (study := self._study_at_cursor()) is not None:
            sources = [f"study:{study.study_instance_uid}"]
        if sources:
            await self.console.go("export", sources=sources)
        else:
            self.console.tell("There is nothing to export: mark a study with space.")

    def _study_at_cursor(self) -> StudyRow | None:
        key = self.table.cursor_key
        number = key.study if isinstance(key, SeriesKey) else key
        return self._studies.get(cast("int", number))

    def action_add(self) -> None:
        """Ask for a folder, file or image to take in."""
        self.app.push_screen(AskPath("Add which folder, file or image?"), self._add)

    def _add(self, path: str | None) -> None:
        if path:
            self.run_worker(self._take_in(path), group="add")

    async def _take_in(self, path: str) -> None:
        from mediastation.station.gather import add  # noqa: PLC0415 - not for the first paint

        self.console.tell(f"Adding {path} …")
        try:
            report = await self.desk.work(f"adding {path}", add, [path])
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return
        self.console.tell(
            f"{path}: {report.added:,} added, {report.duplicates:,} here already, "
            f"{report.refused:,} refused",
            grave=bool(report.refused),
        )
        self.look_again()

    def action_forget(self) -> None:
        """Ask, naming the patients, then remove what is marked or under the cursor."""
        marks = self.marks.copy()
        study = self._study_at_cursor()
        if not marks and study is not None:
            key = self.table.cursor_key
            if isinstance(key, SeriesKey) and key in self._series:
                uid = self._series[key].series_instance_uid
                marks.series[uid] = (study.study_instance_uid, patient_text(study))
            else:
                marks.mark_study(study.study_instance_uid, patient_text(study))
        if not marks:
            self.console.tell("There is nothing to forget.")
            return
        names = marks.names
        people = [*names[:_MOST_NAMES]]
        if len(names) > _MOST_NAMES:
            people.append(f"and {len(names) - _MOST_NAMES} more")
        parts = [number_text(len(marks.studies), "study", "studies")] if marks.studies else []
        parts += [f"{len(marks.series):,} series"] if marks.series else []
        self.app.push_screen(
            Confirm(
                f"Remove {' and '.join(parts)} from the store?",
                people,
                "The images are deleted; the ledger keeps that they were. "
                "This cannot be taken back.",
                yes="Forget",
                no="Keep",
            ),
            partial(self._forget, marks),
        )

    def _forget(self, marks: Marks, sure: bool | None) -> None:
        if sure:
            self.run_worker(self._remove(marks), group="forget")

    async def _remove(self, marks: Marks) -> None:
        from mediastation.station.keeping import forget_sources  # noqa: PLC0415 - rarely needed

        try:
            removed = await self.desk.work("forgetting", forget_sources, marks.sources)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return
        self.marks.drop([*marks.studies, *marks.series])
        self._keep_marks()
        self.console.tell(f"{number_text(removed, 'instance')} removed.")
        self._reread()


def media_words(marked: Totals, chosen: str) -> str:
    """Return how many media hold what is marked: ``2 CD-80 or 1 DVD-R``."""
    number = media_needed(marked, MEDIA[chosen].capacity_bytes)
    words = f"{number} {chosen}"
    if number > 1:
        for larger in _MEDIA[_MEDIA.index(chosen) + 1 :]:
            fewer = media_needed(marked, MEDIA[larger].capacity_bytes)
            if fewer < number:
                return f"{words} or {fewer} {larger}"
    return words
