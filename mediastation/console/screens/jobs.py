"""*Jobs*: what is being done, what wants a decision, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from mediastation.console.screens.job_errands import MAKING, RETRIED, JobErrands, media_of
from mediastation.console.screens.job_list import (
    JobLog,
    Snapshot,
    Which,
    in_order,
    read_jobs,
    read_steps,
)
from mediastation.console.screens.job_words import COLUMNS, detail_text, page_row
from mediastation.console.widgets.page_table import Key, PageRow, PageTable
from mediastation.console.words import number_text
from mediastation.model.job import JobRecord, JobState, Step

if TYPE_CHECKING:
    from mediastation.station.job_facts import JobFacts

_READ_AGAIN_S = 5
_FACTS_AT_ONCE = 20
_MOST_PAGES = 50
_PROGRESS = 3


@final
class JobsScreen(JobErrands):
    """The jobs of this station."""

    PLACE = "jobs"
    FIRST_FOCUS = "#jobs"
    CSS_PATH = "jobs.tcss"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it so
        (0, "-narrow"),
        (130, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "answer", "Answer", tooltip="Answer what the job asks"),
        Binding("c", "cancel", "Cancel", tooltip="Cancel the job"),
        Binding("r", "retry", "Retry", tooltip="Begin the job again"),
        Binding("b", "burn", "Burn", tooltip="Burn the images that the job made"),
        Binding("v", "verify", "Verify", tooltip="Reread what the job made"),
        Binding("p", "reprint", "Reprint", tooltip="Make the medium again, the same bytes"),
        Binding("f", "filter", "Filter", tooltip="All jobs, those open, or mine"),
        Binding("t", "checks", "Checks", show=False, tooltip="Show or hide plans and checks"),
        Binding("plus", "hurry(1)", "Sooner", show=False, key_display="+",
                tooltip="Let a queued job run sooner"),
        Binding("minus", "hurry(-1)", "Later", show=False, key_display="-",
                tooltip="Let a queued job run later"),
        Binding("o", "report", "Path", show=False, tooltip="Where report and files of the job lie"),
        Binding("escape", "back", "Back", show=False, tooltip="Back to the list"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._jobs: Snapshot | None = None
        self._facts: dict[int, tuple[JobState, JobFacts]] = {}
        self._steps: Mapping[int, Step] = {}
        self._full: JobRecord | None = None
        self._log = JobLog(0)
        self._which = Which.ALL
        self._with_checks = False
        self._pages = 1
        self._since_read = 0
        self._wanted: int | None = None
        self._shown_detail = (0, "")
        self._now = 0.0

    def body(self) -> ComposeResult:
        """Give the list, and all about the job under the cursor."""
        yield Static("", id="jobs-which", markup=False)
        with Container(id="job-panes"):
            yield PageTable(
                COLUMNS, empty="No jobs here. Export (2) makes media; f shows others.", id="jobs"
            )
            with VerticalScroll(id="job-pane"):
                yield Static("", id="job-words", markup=False)

    def on_mount(self) -> None:
        """Take up the filter that was chosen before."""
        super().on_mount()
        which = self.desk.recall("jobs.which")
        if which in set(Which):
            self._which = Which(which)
        self._with_checks = self.desk.recall("jobs.checks") is True

    def receive(self, **words: Any) -> None:
        """Put the cursor on the job that another screen has submitted."""
        job = words.get("job")
        if isinstance(job, int):
            self.select(job)

    def select(self, job: int) -> None:
        """Put the cursor on a job, as soon as it is there."""
        self._wanted = job
        self._which = Which.ALL
        self._jobs = None
        self.table.focus()
        self.look_again()

    @property
    def table(self) -> PageTable:
        """The list."""
        return self.query_one("#jobs", PageTable)

    @property
    def current(self) -> JobRecord | None:
        """The job under the cursor, in full as soon as it has been read."""
        key = self.table.cursor_key
        if self._full is not None and self._full.id == key:
            return self._full
        return self._jobs.records.get(key) if self._jobs and isinstance(key, int) else None

    @property
    def facts(self) -> JobFacts | None:
        """What the job under the cursor is about."""
        key = self.table.cursor_key
        return self._facts_of(key) if isinstance(key, int) else None

    def _facts_of(self, job: int) -> JobFacts | None:
        known = self._facts.get(job)
        return known[1] if known else None

    # Reading

    async def look(self) -> None:
        """Read what changed: steps every second, the list where the log of jobs has grown."""
        last, steps = await self.desk.call(read_steps)
        self._steps = steps
        self._now = self.desk.station.clock.now()
        self._since_read += 1
        known = self._jobs
        if known is None or last != known.last_event or self._since_read >= _READ_AGAIN_S:
            self._since_read = 0
            self._jobs = await self.desk.call(read_jobs, self._pages)
        self._show()
        await self._read_detail()
        await self._read_facts()

    async def _read_facts(self) -> None:
        """Read what jobs are about, those in sight first; what is known is not read again."""
        from mediastation.station.job_facts import facts_of_jobs  # noqa: PLC0415

        while missing := [one for one in self._shown() if self._is_new(one)][:_FACTS_AT_ONCE]:
            found = await self.desk.call(facts_of_jobs, missing)
            for record in missing:
                self._facts[record.id] = record.state, found[record.id]
            self._show()
            self._show_detail()

    def _is_new(self, record: JobRecord) -> bool:
        known = self._facts.get(record.id)
        return known is None or known[0] is not record.state

    def _shown(self) -> list[JobRecord]:
        if self._jobs is None:
            return []
        from mediastation.station.job_facts import is_about_checking  # noqa: PLC0415

        operator = self.desk.settings.operator
        return in_order(
            record
            for record in self._jobs.records.values()
            if (self._with_checks or not is_about_checking(record) or record.id == self._wanted)
            and (self._which is not Which.OPEN or record.state.is_open)
            and (self._which is not Which.MINE or record.operator == operator)
        )

    def _show(self) -> None:
        if self._jobs is None:
            return
        records = self._shown()
        width = self.table.column_widths()[_PROGRESS]
        rows: dict[Key, PageRow] = {
            one.id: page_row(one, self._facts_of(one.id), self._steps.get(one.id), self._now, width)
            for one in records
        }
        self.table.show_rows(rows)
        if self._wanted is not None and self.table.move_to(self._wanted):
            self._wanted = None
        told = {
            Which.ALL: "All jobs",
            Which.OPEN: "Open jobs",
            Which.MINE: "My jobs",
        }
        checks = "with checks" if self._with_checks else "checks hidden"
        more = "" if self._jobs.reached_end else ", older ones below"
        count = number_text(len(records), "job")
        status = self.console.status
        is_idle = status is not None and not status.is_served
        waits = any(one.state is JobState.QUEUED for one in records)
        nobody = " · ! nobody works: 5, then s" if is_idle and waits else ""
        self.query_one("#jobs-which", Static).update(
            f"{told[self._which]} (f) · {checks} (t) · {count}{more}{nobody}"
        )

    # The job under the cursor

    @on(PageTable.Moved)
    def show_job(self, event: PageTable.Moved) -> None:
        """Show all about the job under the cursor; read older ones at the end of the list."""
        self.refresh_bindings()
        self.query_one("#job-pane", VerticalScroll).scroll_home(animate=False)
        self.in_background(self._read_detail, "detail", exclusive=True)
        at_end = event.table.line_count and event.table.cursor_line == event.table.line_count - 1
        if at_end and self._jobs and not self._jobs.reached_end and self._pages < _MOST_PAGES:
            self._pages += 1
            self._since_read = _READ_AGAIN_S
            self.look_again()

    async def _read_detail(self) -> None:
        key = self.table.cursor_key
        if not isinstance(key, int) or not self.desk.is_open:
            self._full = None
            self.query_one("#job-words", Static).update("")
            return
        if self._log.job != key:
            self._log = JobLog(key)
        log = self._log
        record = await self.ask(log.read_on)
        if log is self._log and record is not None:
            changed = self._full is None or self._full.state is not record.state
            self._full = record
            self._show_detail()
            if changed:
                self.refresh_bindings()

    def _show_detail(self) -> None:
        record = self._full
        if record is None or record.id != self.table.cursor_key:
            return
        facts = self._facts_of(record.id)
        if facts is not None:
            from mediastation.station.job_facts import outputs_of_job  # noqa: PLC0415

            facts = replace(facts, outputs=tuple(outputs_of_job(record)))
        width = self.query_one("#job-pane").content_region.width - 1
        text = detail_text(record, facts, self._log.lines, self._now, width)
        if (record.id, text.plain) != self._shown_detail:
            self._shown_detail = record.id, text.plain
            self.query_one("#job-words", Static).update(text)

    @on(PageTable.Chosen)
    def open_job(self) -> None:
        """Answer a job that asks; go to the description of any other."""
        record = self.current
        if record is not None and record.state is JobState.WAITING and record.question:
            self.action_answer()
        else:
            self.query_one("#job-pane").focus()

    def action_back(self) -> None:
        """Go back to the list."""
        self.table.focus()

    # What can be done now

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done with the job under the cursor."""
        if not self.is_mounted or action not in _OFFERED:
            return super().check_action(action, parameters)
        record = self.current
        return record is not None and _OFFERED[action](record)

    def action_filter(self) -> None:
        """Show all jobs, those that have not ended, or mine."""
        before = self._which
        kinds = list(Which)
        self._set_which(kinds[(kinds.index(before) + 1) % len(kinds)])

    def _set_which(self, which: Which) -> None:
        self._which = which
        self.desk.remember("jobs.which", str(which))
        self._show()
        self.look_again()

    def action_checks(self) -> None:
        """Show plans and checks, or hide them."""
        self._with_checks = not self._with_checks
        self.desk.remember("jobs.checks", self._with_checks)
        self._show()
        self.look_again()


def _may_verify(record: JobRecord) -> bool:
    if record.kind in MAKING:
        return record.state is JobState.DONE and not record.request.get("plan_only")
    return bool(media_of(record, None))


def _may_burn(record: JobRecord) -> bool:
    from mediastation.station.job_facts import images_to_burn  # noqa: PLC0415

    return bool(images_to_burn(record))


_OFFERED: dict[str, Callable[[JobRecord], bool]] = {
    "answer": lambda record: record.state is JobState.WAITING and record.question is not None,
    "cancel": lambda record: record.state.is_open,
    "retry": lambda record: record.state in RETRIED and bool(record.seed),
    "burn": _may_burn,
    "verify": _may_verify,
    "reprint": lambda record: record.kind in MAKING and _may_verify(record),
    "hurry": lambda record: record.state is JobState.QUEUED,
}
