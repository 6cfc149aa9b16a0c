"""*Studies*: what arrived, live; to be searched, marked, looked at and taken along."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from mediastation.console.marks import Mark, Marks
from mediastation.console.screens.studies_errands import (
    MEDIA_TO_COMPARE,
    confirm_forgetting,
    marks_text,
    remove,
    take_in,
)
from mediastation.console.screens.studies_keys import KEYS
from mediastation.console.screens.studies_preview import StudyPreview
from mediastation.console.screens.studies_table import NOTHING_HERE, StudiesTable, next_of
from mediastation.console.screens.study_rows import COLUMNS, SeriesKey, patient_text
from mediastation.console.widgets.dialogs import AskPath
from mediastation.console.widgets.page_table import Key, PageTable
from mediastation.model.browsing import Totals
from mediastation.station.browse import add_up, read_series, read_studies_of_patient


class StudiesScreen(StudiesTable):
    """What arrived."""

    PLACE = "studies"
    FIRST_FOCUS = "#studies"
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    def __init__(self) -> None:
        super().__init__()
        self.marks = Marks()
        self._medium = MEDIA_TO_COMPARE[0]
        self._totals: Totals | None = None

    def body(self) -> ComposeResult:
        """Give the search, the table and what is marked."""
        with Horizontal(id="search-line"):
            yield Input(
                placeholder="/ to search: name, ID, date, CT …", classes="search", id="search"
            )
            yield Static("", id="count")
        with Horizontal(id="beside"):
            yield PageTable(
                COLUMNS,
                self._fetch,
                sign=self._sign,
                empty=NOTHING_HERE,
                id="studies",
            )
            yield StudyPreview(id="picture")
        yield Static("", id="marked", markup=False)

    def on_mount(self) -> None:
        """Take up what was marked and chosen before."""
        super().on_mount()
        self.marks = Marks.from_dict(self.desk.recall("studies.marks"))
        medium = self.desk.recall("studies.medium")
        if medium in MEDIA_TO_COMPARE:
            self._medium = medium
        self.preview.display = self.desk.recall("studies.preview") is True
        self._show_marks()

    def unmark(self, sources: Sequence[str], words: str) -> None:
        """Take away the marks of what went out, so that they do not go out with the next."""
        if not self.is_mounted:
            return
        before = self.marks.copy()
        self.marks.drop([source.partition(":")[2] for source in sources])
        if self.marks != before:
            self._marked(before, words)

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
        self.desk.remember("studies.marks", self.marks.as_dict(), by_entry=True)
        self.table.refresh()
        self._show_marks()
        self.read_totals()

    def read_totals(self) -> None:
        """Add up anew what is marked."""
        if self.marks:
            self.run_worker(self._add_up(), group="totals", exclusive=True)

    async def _add_up(self) -> None:
        found = await self.ask(add_up, list(self.marks.studies), list(self.marks.series))
        if found is not None:
            self._totals = found
            self._show_marks()

    def action_medium(self) -> None:
        """Compare the marks with the next medium."""
        self._medium = next_of(MEDIA_TO_COMPARE, self._medium)
        self.desk.remember("studies.medium", self._medium)
        self._show_marks()

    def _show_marks(self) -> None:
        line = self.query_one("#marked", Static)
        if not self.marks:
            line.update("Nothing marked. Space marks a study, p all of a patient.")
            return
        line.update(marks_text(self.marks, self._totals, self._medium))

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

    def action_add(self) -> None:
        """Ask for a folder, file or image to take in."""

        def answered(path: str | None) -> None:
            if path:
                self.run_worker(self._add(path), group="add")

        self.app.push_screen(AskPath("Add which folder, file or image?"), answered)

    async def _add(self, path: str) -> None:
        await take_in(self, path)
        self.look_again()

    async def action_forget(self) -> None:
        """Ask, naming the patients, then remove what is marked or under the cursor."""
        marks = self.marks.copy() or self._mark_at_cursor()
        found = await self.ask(add_up, list(marks.studies), list(marks.series)) if marks else None
        if found is None:
            if not marks:
                self.console.tell("There is nothing to forget.")
            return
        marks.drop(found.gone)
        if not marks:
            self.console.tell("What was marked is gone already.")
            self._restore(marks)
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.run_worker(self._forget(marks), group="forget")

        self.app.push_screen(confirm_forgetting(marks, found), answered)

    async def _forget(self, marks: Marks) -> None:
        if await remove(self, marks):
            self.marks.drop([*marks.studies, *marks.series])
            self._keep_marks()
            await self._read_list()

    def _mark_at_cursor(self) -> Marks:
        marks, study, key = Marks(), self._study_at_cursor(), self.table.cursor_key
        if study is None:
            return marks
        if not isinstance(key, SeriesKey):
            marks.mark_study(study.study_instance_uid, patient_text(study))
        elif key in self._series:
            uid = self._series[key].series_instance_uid
            marks.series[uid] = (study.study_instance_uid, patient_text(study))
        return marks

    # Looking at pictures

    @property
    def preview(self) -> StudyPreview:
        """The picture."""
        return self.query_one(StudyPreview)

    @on(PageTable.Moved)
    def look_at_cursor(self) -> None:
        """Show what the cursor is on, if pictures are shown."""
        if self.preview.display:
            key = self.table.cursor_key
            if isinstance(key, SeriesKey):
                self.preview.look_at(key.study, key.series)
            else:
                self.preview.look_at(cast("int | None", key))

    def action_preview(self) -> None:
        """Show or hide the picture."""
        self.preview.display = not self.preview.display
        self.desk.remember("studies.preview", self.preview.display)
        self.look_at_cursor()
        self.refresh_bindings()

    def action_picture(self, what: str) -> None:
        """Change what is shown of the picture."""
        self.preview.act(what)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the keys of the picture only while there is one."""
        if action == "picture":
            return self.is_mounted and self.preview.display
        return super().check_action(action, parameters)
