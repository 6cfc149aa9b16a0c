"""*Ledger*: what was made, taken in and sent, found again; media made again; all of it proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.widgets import Input, Static

from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.screens.job_words import add_findings
from mediastation.console.screens.ledger_list import LedgerList
from mediastation.console.screens.ledger_words import COLUMNS, people_of, verdict_on
from mediastation.console.widgets.choose import AskWords, Field
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.page_table import Key, PageRow, PageTable
from mediastation.console.widgets.verdict import VerdictDialog
from mediastation.errors import MediastationError
from mediastation.model.ledger import Disclosure, LedgerHead

if TYPE_CHECKING:
    from mediastation.station.recording.media_made import MadeMedium, MediaPage, MediumStory

_PAGE = 100
_AHEAD = 20
"""Lines before the end at which the next page is read."""


class LedgerScreen(ConsoleScreen):
    """What the ledger tells of media, imports and transfers, the newest first."""

    PLACE = "ledger"
    FIRST_FOCUS = "#media"
    CSS_PATH = "ledger.tcss"
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it so
        (0, "-low"),
        (36, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reprint", "Reprint", tooltip="Make the medium again, the same bytes"),
        Binding("v", "prove", "Prove", tooltip="Prove that nothing was changed or removed"),
        Binding("h", "head", "Head", tooltip="Hold the head on a label against the ledger"),
        Binding("c", "copy", "Copy", tooltip="Copy the head of the ledger as it is now"),
        Binding("o", "job", "Job", show=False, tooltip="Go to the job of the medium"),
        Binding("escape", "back", "Back", show=False, tooltip="Back to the list"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._list = LedgerList()
        self._story: MediumStory | None = None
        self._head: LedgerHead | None = None
        self._seen = 0
        self._before: int | None = None
        self._typed = ""
        self._is_loading = False
        self._proving = ""

    def body(self) -> ComposeResult:
        """Give the search, the list, and all about the medium under the cursor."""
        with Horizontal(id="ledger-search-line"):
            yield Input(
                placeholder="/ to search: name, ID, UID, hash, recipient, 2026-11 …",
                classes="search",
                id="ledger-search",
            )
            yield Static("", id="ledger-count", markup=False)
        with Container(id="ledger-panes"):
            yield PageTable(COLUMNS, self._fetch, empty="Reading …", id="media")
            with VerticalScroll(id="medium-pane"):
                yield Static("", id="medium-words", markup=False)

    @property
    def table(self) -> PageTable:
        """The list."""
        return self.query_one("#media", PageTable)

    @property
    def current(self) -> MadeMedium | None:
        """The medium under the cursor; None where there is none, or something else."""
        return self._list.medium(self.table.cursor_key)

    # Reading

    async def look(self) -> None:
        """Read what was added to the ledger since."""
        from mediastation.station.recording.media_made import ledger_head, page_of_media  # noqa: PLC0415

        head = await self.desk.call(ledger_head)
        if self._head is None:
            self._head = head
            self._begin()
        elif head != self._head and not self._is_loading:
            self._head, after, self._seen = head, self._seen, head.count
            typed = self._typed
            found: list[MediaPage] = []
            before: int | None = head.count + 1
            while before is not None:
                page = await self.desk.call(page_of_media, typed, before, after=after)
                found.append(page)
                before = page.before
            if typed == self._typed:
                for page in found:
                    self._list.take(page)
                self._show()
                self._read_story()
            else:
                self._begin()

    def _begin(self) -> None:
        """Search anew, from the end of the ledger."""
        self._list = LedgerList()
        self._seen = self._head.count if self._head else 0
        self._before = self._seen + 1
        self._load()

    def _load(self) -> None:
        """Read one more screenful, in the background."""
        self._is_loading = True
        self.run_worker(self._read_on(), group="ledger-read", exclusive=True)

    async def _read_on(self) -> None:
        from mediastation.station.recording.media_made import page_of_media  # noqa: PLC0415

        wanted = len(self._list.told) + _PAGE
        try:
            while self._before is not None and len(self._list.told) < wanted:
                page = await self.desk.call(page_of_media, self._typed, self._before)
                self._list.take(page)
                self._before = page.before
                self._show()
        except MediastationError as fault:
            self.console.tell_fault(fault)
        self._is_loading = False
        self._show()

    async def _fetch(self, keys: Sequence[Key]) -> Mapping[Key, PageRow]:
        rows: dict[Key, PageRow] = {}
        for key in keys:
            row = self._list.row(key)
            if row is not None:
                rows[key] = row
        return rows

    def _show(self) -> None:
        table = self.table
        table.empty = (
            "Searching …"
            if self._is_loading
            else "No medium has these words."
            if self._typed
            else "No medium was made yet. Export (2) makes one; it stands here then."
        )
        table.set_keys(self._list.numbers)
        table.read_again()
        more = "+" if self._before is not None else ""
        words = self._list.counted(more)
        if self._head is not None:
            words.append(f"head {self._head.count}:{self._head.sha256[:8]}…")
        if self._proving:
            words.append(self._proving)
        self.query_one("#ledger-count", Static).update(" · ".join(words))
        self._describe()

    def _describe(self) -> None:
        words = self._list.words(self.table.cursor_key, self._story)
        self.query_one("#medium-words", Static).update(words)

    def _read_story(self) -> None:
        made = self.current
        if made is not None:
            self.run_worker(self._tell_story(made), group="ledger-story", exclusive=True)

    async def _tell_story(self, made: MadeMedium) -> None:
        from mediastation.station.recording.media_made import story_of  # noqa: PLC0415

        story = await self.ask(story_of, made)
        if story is not None and self.is_attached:
            self._story = story
            self._list.withdrawn |= story.withdrawn
            self._describe()

    @on(PageTable.Moved)
    def show_words(self) -> None:
        """Tell all about the medium under the cursor, and read on near the end."""
        self.query_one("#medium-pane", VerticalScroll).scroll_home(animate=False)
        self._describe()
        self._read_story()
        table = self.table
        near = table.cursor_line >= table.line_count - _AHEAD
        if near and self._before is not None and not self._is_loading:
            self._load()

    @on(PageTable.Chosen)
    def read_chosen(self) -> None:
        """Go to the description, to scroll in it."""
        self.query_one("#medium-pane").focus()

    @on(Input.Changed, "#ledger-search")
    def search_for(self, event: Input.Changed) -> None:
        """Search as one types."""
        if event.value.split() != self._typed.split() and self._head is not None:
            self._typed = event.value
            self._begin()

    @on(Input.Submitted, "#ledger-search")
    def end_search(self) -> None:
        """Go to what was found."""
        self.table.focus()

    def action_back(self) -> None:
        """Go back to the list; there, end the search."""
        if self.table.has_focus:
            self.query_one("#ledger-search", Input).value = ""
        self.table.focus()

    async def action_job(self) -> None:
        """Go to the job that recorded the medium."""
        job = self._list.job(self.table.cursor_key)
        if job is None:
            self.console.tell("No job stands with this entry.")
            return
        await self.console.go("jobs", job=job)

    # Reprint

    def action_reprint(self) -> None:
        """Make the medium again: asks where to and for whom, then for a yes."""
        made = self.current
        if made is None:
            self.console.tell("There is no medium here to make again.")
            return
        self.run_worker(self._ask_output(made), group="errand", exclusive=True)

    async def _ask_output(self, made: MadeMedium) -> None:
        from mediastation.station.recording.media_made import again_path, story_of  # noqa: PLC0415

        story = await self.ask(story_of, made)
        if story is None:
            return
        if story.job is None:
            self.console.tell(
                "The job that made it is not here any more. Copy a medium that is there, or "
                "export the studies anew: that is a File-set of its own.",
                grave=True,
            )
            return
        output = await self.ask(again_path, made)
        why = made.disclosure
        fields = [
            Field("output", "Write to", str(output or ""), "/path/again.iso", _wrong_output,
                  is_path=True),
            Field("requested_by", "Asked for by", why.requested_by, "who asked for it"),
            Field("given_to", "Given to", why.given_to, "who gets it"),
            Field("reason", "Because of", why.reason, "why it goes out"),
        ]  # fmt: skip
        self.app.push_screen(
            AskWords(
                f"Make the medium of entry {made.number} again",
                fields,
                "The same bytes as before, or the reason why not.",
            ),
            partial(self._confirm_reprint, made, story.job),
        )

    def _confirm_reprint(self, made: MadeMedium, job: int, words: dict[str, str] | None) -> None:
        if words is None:
            return
        output = Path(words["output"]).expanduser()
        why = Disclosure(words["requested_by"], words["given_to"], words["reason"])
        whom = f" for {why.given_to}" if why.given_to else ""
        self.app.push_screen(
            Confirm(
                f"Make the {made.medium.medium} of job {job} again{whom}?",
                people_of(made),
                f"It is written to {output}, as a job, and stands in the ledger.",
                yes="Reprint",
                no="Not now",
            ),
            partial(self._reprint, made, job, output, why),
        )

    def _reprint(
        self, made: MadeMedium, job: int, output: Path, why: Disclosure, sure: bool | None
    ) -> None:
        if sure:
            self.run_worker(self._submit(made, job, output, why), group="errand")

    async def _submit(self, made: MadeMedium, job: int, output: Path, why: Disclosure) -> None:
        from mediastation.station.serving.job_kinds import ReprintRequest  # noqa: PLC0415
        from mediastation.station.serving.submitting import cancel, submit  # noqa: PLC0415

        request = ReprintRequest(job, output, made.medium.volume, why)
        number = await self.ask(submit, request)
        if number is None:
            return

        async def take_back() -> bool:
            try:
                await self.desk.call(cancel, number)
            except MediastationError as fault:
                self.console.tell_fault(fault)
                return False
            return True

        self.console.can_take_back(f"reprint, job {number}", take_back)
        self.console.tell(f"Job {number} makes it again. 3 shows it; u takes it back.")

    # The chain

    def action_prove(self) -> None:
        """Prove the whole ledger."""
        self._begin_proof(None)

    def action_head(self) -> None:
        """Ask for a head that was printed, and hold it against the ledger."""
        if self._head is None:
            return
        self.app.push_screen(
            AskWords(
                "Type the head from a label or a report",
                [Field("head", "Head", told="17:0f3c 82aa …, blanks do not matter",
                       check=_wrong_head)],
                f"The head of the ledger now is {self._head.short}, in full {self._head}.",
            ),
            lambda words: self._begin_proof(LedgerHead.parse(words["head"])) if words else None,
        )  # fmt: skip

    def _begin_proof(self, wanted: LedgerHead | None) -> None:
        if self._proving.endswith("…"):
            self.console.tell("The ledger is being proved; wait until that is done.")
            return
        count = self._head.count if self._head else 0
        self._proving = f"proving {count:,} entries …"
        self._show()
        self.run_worker(self._prove(wanted), group="prove")

    async def _prove(self, wanted: LedgerHead | None) -> None:
        from mediastation.station.recording.ledger_audit import audit_ledger  # noqa: PLC0415

        try:
            report = await self.desk.work("proving the ledger", audit_ledger, wanted)
        except MediastationError as fault:
            self._proving = ""
            self.console.tell_fault(fault)
            return
        verdict = verdict_on(report, wanted)
        self._proving = "✓ whole" if verdict.is_good else "✗ NOT whole, v tells"
        if report.ok or {one.rule for one in report.findings} == {"ledger-head"}:
            self._proving = "✓ whole"
        findings = Text()
        add_findings(findings, report.findings)
        self._show()
        self.app.push_screen(
            VerdictDialog(verdict.title, verdict.lines, is_good=verdict.is_good, findings=findings)
        )

    def action_copy(self) -> None:
        """Copy the head, to be kept where nobody changes it."""
        if self._head is not None:
            self.app.copy_to_clipboard(str(self._head))
            self.console.tell(f"Copied: the head {self._head.short}…")


def _wrong_head(typed: str) -> str:
    try:
        LedgerHead.parse(typed)
    except ValueError as fault:
        return f"That is no head: {fault}."
    return ""


def _wrong_output(typed: str) -> str:
    return "" if typed else "Name the image file, or a folder that does not exist yet."
