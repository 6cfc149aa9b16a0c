"""The head of every screen: which station, what it is doing, and where the digits go."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult, RenderResult
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from mediastation.console.places import PLACES, Place
from mediastation.console.words import fit, number_text
from mediastation.model.text import harmless
from mediastation.station.status import StationStatus

_LEAST_WIDTH, _LEAST_HEIGHT = 40, 12
_ALL_TITLES_WIDTH = 85
_SHORT_TITLES_WIDTH = 78


class StatusLine(Widget):
    """One line: name, listener, jobs, clock."""

    status: reactive[StationStatus | None] = reactive(None)
    clock: reactive[str] = reactive("")

    def on_mount(self) -> None:
        """Show the time, and what is known already."""
        self.tick()
        self.set_interval(1.0, self.tick)

    def tick(self) -> None:
        """Set the clock; it is drawn only when its minute changes."""
        self.clock = f"{datetime.now().astimezone():%H:%M}"

    def render(self) -> RenderResult:
        """Draw the line, as much of it as there is room for."""
        width = self.size.width
        status = self.status
        if self.app.size.width < _LEAST_WIDTH or self.app.size.height < _LEAST_HEIGHT:
            return fit(f"! Enlarge: {_LEAST_WIDTH}×{_LEAST_HEIGHT}", width)
        if status is None:
            return fit(" Opening the station …", width - 6) + self.clock
        return fit(" " + _words_within(status, width - 8), width - 7) + f" {self.clock} "

    def watch_status(self, status: StationStatus | None) -> None:
        """Stand out while a job waits for a decision."""
        self.set_class(status is not None and status.waiting > 0, "asking")


def _words_within(status: StationStatus, width: int) -> str:
    """Return as much as there is room for; what wants a decision is never left out."""
    number = number_text(status.waiting, "job waits", "jobs wait")
    asks = f"? {number}: press !" if status.waiting else ""
    index = "! index is old: reindex" if status.unindexed else ""
    name, title = harmless(status.institution or "Mediastation"), harmless(status.ae_title)
    listener, jobs = _listener(status), _jobs(status)
    shorter = listener.replace("listening on ", "")
    choices = (
        (asks, index, name, title, listener, jobs),
        (asks, index, name, listener, jobs),
        (asks, index, listener, jobs),
        (asks, index, shorter, jobs),
    )
    lines = [" │ ".join(filter(None, choice)) for choice in choices]
    return next((line for line in lines if cell_len(line) <= width), lines[-1])


def _listener(status: StationStatus) -> str:
    if not status.is_served:
        return "○ not listening"
    if not status.answers:
        return "◌ served, no answer yet"
    connected = f", {status.associations:,} connected" if status.associations else ""
    return f"● listening on {harmless(status.address)}{connected}"


def _jobs(status: StationStatus) -> str:
    words = []
    if status.running:
        words.append(f"▶ {number_text(status.running, 'job')} running")
    if status.queued:
        words.append(f"{status.queued:,} queued")
    return ", ".join(words) or ("" if status.waiting else "no jobs")


class PlaceTab(Static):
    """One place and its digit; a click goes there."""

    room: reactive[str] = reactive("titles", layout=True)
    """What there is room for: ``titles``, ``short`` titles, or ``digits`` alone."""

    def __init__(self, place: Place) -> None:
        super().__init__(id=f"tab-{place.name}")
        self.place = place

    def render(self) -> RenderResult:
        """Draw the digit and the name; where there is no room, the name of what is shown."""
        place = self.place
        if self.room == "digits" and not self.has_class("shown"):
            return Text(place.key)
        title = place.short if self.room == "short" and place.short else place.title
        return Text(f"{place.key} {title}")

    async def on_click(self) -> None:
        """Go there."""
        await self.app.run_action(f"app.go('{self.place.name}')")


class PlaceBar(Horizontal):
    """Where the digits go; the place that is shown stands out."""

    def __init__(self, shown: str) -> None:
        super().__init__()
        self._shown = shown

    def compose(self) -> ComposeResult:
        """Give the tabs."""
        for place in PLACES:
            tab = PlaceTab(place)
            tab.set_class(place.name == self._shown, "shown")
            yield tab

    def on_resize(self, event: events.Resize) -> None:
        """Write out as many names as there is room for."""
        width = event.size.width
        room = "titles" if width >= _ALL_TITLES_WIDTH else "short"
        for tab in self.query(PlaceTab):
            tab.room = room if width >= _SHORT_TITLES_WIDTH else "digits"
