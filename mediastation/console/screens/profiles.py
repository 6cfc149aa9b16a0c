"""*Profiles*: every Application Profile in words, and why one fits what is marked, or does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Static

from mediastation.console.marks import Marks
from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.widgets.page_table import Column, Key, PageRow, PageTable
from mediastation.errors import MediastationError
from mediastation.model.text import harmless

if TYPE_CHECKING:
    from mediastation.conformance.fits import ProfileFit
    from mediastation.station.station import Station

COLUMNS = (
    Column("Profile", 24, flex=1),
    Column("Annex", 5),
    Column("Medium", 9),
    Column("Marks", 8),
    Column("For", 20, flex=3, from_width=64),
)
_MOST_FINDINGS = 50
_AFTER = {
    "file-meta": "new File Meta Information",
    "vr": "explicit VRs",
    "decode": "decoding of pixels",
    "encode": "encoding of pixels",
    "icon": "icons in the directory",
}


class ProfilesScreen(ConsoleScreen):
    """The profiles in force here: the standard's, and the site's own."""

    PLACE = "profiles"
    FIRST_FOCUS = "#profiles"
    CSS_PATH = "profiles.tcss"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it so
        (0, "-narrow"),
        (120, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fit", "Fit marks", tooltip="Ask every profile about what is marked"),
        Binding("enter", "read", "Read", show=False, tooltip="Go to the description"),
        Binding("escape", "back", "Back", show=False, tooltip="Back to the list"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._words: dict[str, tuple[PageRow, str]] = {}
        self._fits: dict[str, ProfileFit] = {}
        self._asked_about = 0
        self._typed = ""

    def body(self) -> ComposeResult:
        """Give the search, the list and the description."""
        with Horizontal(id="profile-search-line"):
            yield Input(
                placeholder="/ to search: cardiac, DVD, JPEG …",
                classes="search",
                id="profile-search",
            )
            yield Static("", id="profile-count", markup=False)
        with Horizontal(id="profile-panes"):
            yield PageTable(COLUMNS, empty="No profile has these words.", id="profiles")
            with VerticalScroll(id="profile-pane"):
                yield Static("", id="profile-words", markup=False)

    @property
    def table(self) -> PageTable:
        """The list."""
        return self.query_one("#profiles", PageTable)

    async def look(self) -> None:
        """Read the profiles once; they change with a restart only."""
        if not self._words:
            self._words = await self.desk.call(_read_profiles)
            self._show()

    def _show(self) -> None:
        wanted = self._typed.casefold().split()
        rows: dict[Key, PageRow] = {}
        for name, (row, words) in self._words.items():
            text = f"{' '.join(row.cells)} {words}".casefold()
            if all(word in text for word in wanted):
                rows[name] = self._with_fit(name, row)
        self.table.show_rows(rows)
        count = f"{len(rows)} of {len(self._words)}"
        if self._fits:
            fitting = sum(fit.fits for fit in self._fits.values())
            count += f" · {fitting} fit the {self._asked_about} marked"
        self.query_one("#profile-count", Static).update(count)
        self._describe(self.table.cursor_key)

    def _with_fit(self, name: str, row: PageRow) -> PageRow:
        fit = self._fits.get(name)
        if fit is None:
            return row
        told = "✗ no" if not fit.fits else ("✓ after" if fit.after else "✓ yes")
        cells = (*row.cells[:3], told, *row.cells[4:])
        return PageRow(cells, "strong" if fit.fits else "faint")

    def _describe(self, key: object) -> None:
        told = ""
        if isinstance(key, str) and key in self._words:
            told = self._words[key][1]
            if key in self._fits:
                told = "\n".join([*_fit_lines(self._fits[key]), "", told])
        self.query_one("#profile-words", Static).update("\n".join(map(harmless, told.splitlines())))
        self.query_one("#profile-pane", VerticalScroll).scroll_home(animate=False)

    @on(PageTable.Moved)
    def show_words(self, event: PageTable.Moved) -> None:
        """Describe the profile under the cursor."""
        self._describe(event.key)

    @on(PageTable.Chosen)
    def read_chosen(self) -> None:
        """Go to the description."""
        self.action_read()

    @on(Input.Changed, "#profile-search")
    def search_for(self, event: Input.Changed) -> None:
        """Search as one types: the list is short."""
        self._typed = event.value
        if self._words:
            self._show()

    @on(Input.Submitted, "#profile-search")
    def end_search(self) -> None:
        """Go to what was found."""
        self.table.focus()

    def action_read(self) -> None:
        """Go to the description, to scroll in it."""
        self.query_one("#profile-pane").focus()

    def action_back(self) -> None:
        """Go back to the list; there, end the search."""
        if self.table.has_focus:
            self.query_one("#profile-search", Input).value = ""
        self.table.focus()

    def action_fit(self) -> None:
        """Ask every profile about the marks of Studies."""
        sources = Marks.from_dict(self.desk.recall("studies.marks")).sources
        if not sources:
            self.console.tell("Nothing is marked. Mark studies (1, space), then press f here.")
            return
        self.console.tell("Asking every profile …")
        self.run_worker(self._ask_fits(sources), group="fits", exclusive=True)

    async def _ask_fits(self, sources: Sequence[str]) -> None:
        try:
            fits = await self.desk.work("asking every profile", _choose, tuple(sources))
        except MediastationError as fault:
            self.console.tell_fault(fault)
            return
        self._fits = {fit.name: fit for fit in fits}
        self._asked_about = len(sources)
        self._show()


def _fit_lines(fit: ProfileFit) -> list[str]:
    if fit.fits and not fit.after:
        return ["✓ What is marked fits as it is."]
    if fit.fits:
        what = ", ".join(_AFTER.get(word, word) for word in fit.after)
        return [f"✓ What is marked fits, after {what}; the station sees to that."]
    lines = ["✗ What is marked does not fit:"]
    for finding in fit.findings[:_MOST_FINDINGS]:
        lines.append(f"  • {finding.message}")
        lines += [f"    → {finding.hint}"] * bool(finding.hint)
        lines += [f"    {finding.reference} · {finding.subject}"]
    return lines


def _read_profiles(station: Station) -> dict[str, tuple[PageRow, str]]:
    from mediastation.station.profile_words import profile_lines  # noqa: PLC0415 - for threads

    rows = {}
    for name, profile in station.profiles.items():
        cells = (name, profile.annex, profile.media[0], "", profile.clinical_use)
        rows[name] = PageRow(cells), "\n".join(profile_lines(profile))
    return rows


def _choose(station: Station, sources: tuple[str, ...]) -> list[ProfileFit]:
    from mediastation.station.check import CheckRequest, choose_profiles  # noqa: PLC0415

    fits, _ = choose_profiles(station, CheckRequest(sources))
    return fits
