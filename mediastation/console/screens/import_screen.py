"""*Import*: media that somebody brought: taken in, looked at, decided about, sent on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from mediastation.console.screens.import_decisions import ImportDecisions
from mediastation.console.screens.import_identity import WHO_SECTION, patient_key
from mediastation.console.screens.import_list import ImportList
from mediastation.console.screens.import_onward import ONWARD_SECTIONS
from mediastation.console.screens.import_sections import MEDIUM_SECTIONS, Shown
from mediastation.console.screens.import_words import (
    IMPORT_COLUMNS,
    MEDIA_COLUMNS,
    medium_name,
    state_text,
)
from mediastation.console.widgets.page_table import Key, PageTable
from mediastation.console.widgets.section_bar import SectionBar
from mediastation.model.job import JobRecord, JobState

if TYPE_CHECKING:
    from mediastation.station.job_facts import JobFacts

SECTIONS = (*MEDIUM_SECTIONS, WHO_SECTION, *ONWARD_SECTIONS)
_PLACES = {section.name: number for number, section in enumerate(SECTIONS)}
_IN_LIST = frozenset({"other", "reread"})
_IN_ONE = frozenset({"section", "back"})
_OF_SECTION = {"keep": "held", "leave_held": "held", "number": "who", "type": "who"}
_RETRIED = (JobState.FAILED, JobState.CANCELLED, JobState.ABANDONED)
_EVERY_LOOKS = 3
"""Looks, one a second, after which an import is read again though no job said anything."""


class SectionTable(PageTable, inherit_bindings=False):
    """A table whose letters are free for decisions: the arrows move."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "jump(0)", "First row", show=False),
        Binding("end", "jump(-1)", "Last row", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]


@final
class ImportScreen(ImportDecisions):
    """Media that somebody brought."""

    PLACE = "import"
    FIRST_FOCUS = "#media-here"
    CSS_PATH = "import.tcss"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it so
        (0, "-narrow"),
        (130, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it so
        (0, "-low"),
        (18, "-middle"),
        (36, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "other", "Other", tooltip="Import an image, folder or ZIP file by its path"),
        Binding("r", "reread", "Look", tooltip="Look at drives and mounted media now"),
        Binding("left", "section(-1)", "Part", key_display="←",
                tooltip="The part of the import before"),
        Binding("right", "section(1)", "Part", key_display="→", tooltip="The next part of it"),
        Binding("k", "keep", "Keep", tooltip="Take the held file in beside the other; asks first"),
        Binding("l", "leave_held", "Leave",
                tooltip="Leave the held file in quarantine for good; asks first"),
        Binding("n", "number", "Number", tooltip="Ask for a Patient ID or accession number"),
        Binding("t", "type", "Type", tooltip="Type the patient in, where the site allows it"),
        Binding("a", "answer", "Answer", tooltip="Answer what the import asks"),
        Binding("c", "cancel", "Cancel", tooltip="Cancel the import"),
        Binding("b", "retry", "Again", tooltip="Begin an import again that did not end well"),
        Binding("escape", "back", "Back", show=False, tooltip="Back to the list of imports"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.list = ImportList()
        self._job: int | None = None
        self._one: Shown | None = None
        self._section = 0
        self._last_event = -1
        self._looks = 0
        self._read_contents: tuple[int, JobState] | None = None

    def body(self) -> ComposeResult:
        """Give the media that are here, the imports, and one import."""
        with Vertical(id="import-list"):
            yield Static("", id="media-which", markup=False)
            yield PageTable(MEDIA_COLUMNS, empty="Looking …", id="media-here")
            yield Static("", id="imports-which", markup=False)
            yield PageTable(IMPORT_COLUMNS, empty="Nothing was imported yet.", id="imports")
        with Vertical(id="import-one"):
            yield Static("", id="import-state", markup=False)
            yield SectionBar([(one.name, one.title, one.short) for one in SECTIONS])
            yield SectionTable((), id="import-rows")
            with VerticalScroll(id="import-pane"):
                yield Static("", id="import-words", markup=False)

    def on_mount(self) -> None:
        """Begin with the list."""
        super().on_mount()
        self.query_one("#import-one").display = False

    def receive(self, **words: Any) -> None:
        """Show the import, or take in the medium, that another screen has named."""
        job, medium = words.get("job"), words.get("medium")
        if isinstance(job, int):
            self.open_import(job)
        elif isinstance(medium, str):
            self.take_in(Path(medium))

    # What it is about

    @property
    def one(self) -> Shown | None:
        """The import that is shown; None in the list."""
        return self._one if self._job is not None else None

    @property
    def rows(self) -> PageTable:
        """The rows of the part that is shown."""
        return self.query_one("#import-rows", PageTable)

    @property
    def row(self) -> Key | None:
        """The row under the cursor of the part that is shown."""
        return self.rows.cursor_key

    @property
    def current(self) -> JobRecord | None:
        """The import that is shown, or the one under the cursor of the list."""
        if self._job is not None:
            return self._one.view.record if self._one is not None else None
        table = self.query_one("#imports", PageTable)
        found = self.list.views.get(table.cursor_key) if table.has_focus else None
        return found.record if found is not None else None

    @property
    def facts(self) -> JobFacts | None:
        """Nothing beyond the job itself."""
        return None

    def select(self, job: int) -> None:
        """Show an import."""
        self.open_import(job)

    # Reading

    async def look(self) -> None:
        """Read what changed in the log of jobs; a job that runs, every second."""
        from mediastation.console.screens.job_list import read_steps  # noqa: PLC0415

        last, steps = await self.desk.call(read_steps)
        now = self.desk.station.clock.now()
        self._looks += 1
        changed = last != self._last_event or self._looks % _EVERY_LOOKS == 0
        if self._job is None:
            await self.list.read(self, now, steps, changed=changed)
            self._show_list()
        else:
            runs = self._one is None or self._one.view.record.state is JobState.RUNNING
            if changed or runs:
                await self._read_one(self._job, now)
        self._last_event = last

    def on_screen_resume(self) -> None:
        """Look at the drives at once: discs were changed while nobody looked."""
        self.list.look_at_media(self)
        self._last_event = -1
        super().on_screen_resume()

    async def _read_one(self, job: int, now: float) -> None:
        from mediastation.station.intake.view import read_contents, read_import  # noqa: PLC0415
        from mediastation.station.traffic.peers import peers  # noqa: PLC0415

        view = await self.desk.call(read_import, job)
        if view is None or job != self._job:
            return
        told = view.record.id, view.record.state
        known = self._one if self._read_contents == told else None
        contents = known.contents if known else await self.desk.call(read_contents, view.record)
        if job != self._job:
            return
        is_new = self._one is None
        if self._one is None:
            self._one = Shown(view, contents)
        self._read_contents = told
        one = self._one
        one.view, one.contents, one.now = view, contents, now
        one.peers = await self.desk.call(peers)
        one.typed = self.desk.settings.reconcile.typed
        if is_new:
            self._section = 0 if view.record.state.is_open else _PLACES["contents"]
            self._begin_section()
        self.show_one()

    # The list

    def show_media(self) -> None:
        """Draw the media that are here anew."""
        if self._job is None:
            self._show_list()

    @property
    def _is_shown(self) -> bool:
        """Whether there is something to draw on: work may end after the place was left."""
        return self.is_mounted and self.console.is_running and self.is_current

    def _show_list(self) -> None:
        if not self._is_shown:
            return
        table = self.query_one("#imports", PageTable)
        media = self.query_one("#media-here", PageTable)
        media.empty = self.list.media_empty
        media.show_rows(self.list.media_rows())
        table.show_rows(self.list.import_rows(table.column_widths()[4]))
        self.query_one("#media-which", Static).update(self.list.media_words())
        self.query_one("#imports-which", Static).update(self.list.imports_words(self.size.width))
        self.refresh_bindings()

    @on(PageTable.Chosen, "#media-here")
    def take_chosen(self, event: PageTable.Chosen) -> None:
        """Import the medium under the cursor."""
        if why_not := self.list.why_not(event.key):
            self.console.tell(why_not)
            return
        self.take_in(Path(str(event.key)))

    @on(PageTable.Chosen, "#imports")
    def open_chosen(self, event: PageTable.Chosen) -> None:
        """Show the import under the cursor."""
        if isinstance(event.key, int):
            self.open_import(event.key)

    def action_reread(self) -> None:
        """Look at drives and mounted media now."""
        self.list.look_at_media(self)

    # One import

    def open_import(self, job: int) -> None:
        """Show one import."""
        self._job, self._one, self._read_contents = job, None, None
        self.query_one("#import-list").display = False
        self.query_one("#import-one").display = True
        self.query_one("#import-state", Static).update(f"Import {job} …")
        self.rows.show_rows({})
        self.rows.focus()
        self.look_again()

    def action_back(self) -> None:
        """Go back: from the words to the rows, from there to the list."""
        if self.query_one("#import-pane").has_focus:
            self.rows.focus()
            return
        if self._job is None:
            return
        job, self._job, self._one = self._job, None, None
        self.query_one("#import-one").display = False
        self.query_one("#import-list").display = True
        table = self.query_one("#imports", PageTable)
        table.focus()
        table.move_to(job)
        self._last_event = -1
        self.look_again()

    def action_section(self, by: int) -> None:
        """Show the next part of the import, or the one before."""
        self._section = (self._section + by) % len(SECTIONS)
        self._begin_section()
        self.show_one()

    @on(SectionBar.Chosen)
    def show_section(self, event: SectionBar.Chosen) -> None:
        """Show the part that was clicked."""
        self._section = _PLACES[event.name]
        self._begin_section()
        self.show_one()

    def _begin_section(self) -> None:
        section = SECTIONS[self._section]
        table = self.rows
        table.columns = section.columns
        table.show_rows({})
        table.action_jump(0)
        table.focus()
        one = self._one
        if section.name == "who" and one is not None and len(one.view.patients) == 1:
            (patient,) = one.view.patients
            if not patient.reconciled and patient_key(patient) not in one.looked_up:
                self.ask_who(patient)

    def show_one(self) -> None:
        """Draw anew what is shown of one import."""
        one = self.one
        if one is None or not self._is_shown:
            return
        section, table = SECTIONS[self._section], self.rows
        one.width = max(self.query_one("#import-words").size.width, 20)
        titles = {str(row["name"]): str(row["title"]) for row in one.peers}
        room = max(self.size.width - 2, 20)
        self.query_one("#import-state", Static).update(state_text(one.view, titles, room))
        numbers = {place.name: place.number(one) for place in SECTIONS}
        self.query_one(SectionBar).show(section.name, numbers)
        self.query_one("#import-pane").set_class(section.name == "who", "sides")
        table.empty = section.empty(one)
        table.show_rows(section.rows(one))
        self._describe()
        self.refresh_bindings()

    def _describe(self) -> None:
        one = self.one
        if one is not None:
            text = SECTIONS[self._section].words(one, self.row)
            self.query_one("#import-words", Static).update(text)

    @on(PageTable.Moved, "#import-rows")
    def show_words(self) -> None:
        """Tell all about the row under the cursor."""
        self.query_one("#import-pane", VerticalScroll).scroll_home(animate=False)
        self._describe()
        self.refresh_bindings()

    @on(PageTable.Chosen, "#import-rows")
    async def act_on_chosen(self) -> None:
        """Do what Enter means in this part."""
        one = self.one
        match SECTIONS[self._section].name:
            case "held":
                self.in_background(self.show_held, "errand", exclusive=True)
            case "who":
                self.choose_who()
            case "send":
                self.send_on()
            case "report":
                await self.use_report()
            case "steps" if one is not None and one.view.record.question is not None:
                self.action_answer()
            case _:
                self.query_one("#import-pane").focus()

    # What can be done now

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done with what is shown."""
        if not self.is_mounted:
            return super().check_action(action, parameters)
        in_one = self._job is not None
        if action in _IN_LIST:
            return not in_one
        if action in _IN_ONE:
            return in_one
        if action in _OF_SECTION:
            if action == "type" and not (self.desk.is_open and self.desk.settings.reconcile.typed):
                return False
            return in_one and SECTIONS[self._section].name == _OF_SECTION[action]
        record = self.current
        match action:
            case "answer":
                return record is not None and record.state is JobState.WAITING
            case "cancel":
                return record is not None and record.state.is_open
            case "retry":
                return record is not None and record.state in _RETRIED and bool(record.seed)
        return super().check_action(action, parameters)

    def _title(self, record: JobRecord) -> str:
        return f"import {record.id} ({medium_name(record)})"
