"""The head of every screen: which station, what it is doing, and where the digits go."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text
from textual.app import ComposeResult, RenderResult
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from mediastation.console.places import PLACES, Place
from mediastation.console.words import fit, number_text
from mediastation.model.text import harmless
from mediastation.station.status import StationStatus


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
        if status is None:
            return fit(" Opening the station …", width - 6) + self.clock
        name = status.institution or "Mediastation"
        words = [harmless(name), status.ae_title, _listener(status)]
        words += [_jobs(status)]
        if status.unindexed:
            words.append("! index is old: reindex")
        return fit(" " + " │ ".join(word for word in words if word), width - 7) + f" {self.clock} "


def _listener(status: StationStatus) -> str:
    if status.is_served:
        return f"● listening on {status.address}"
    return "○ not listening"


def _jobs(status: StationStatus) -> str:
    words = []
    if status.running:
        words.append(f"▶ {number_text(status.running, 'job')} running")
    if status.queued:
        words.append(f"{status.queued:,} queued")
    if status.waiting:
        words.append(f"? {status.waiting:,} waiting for you")
    return ", ".join(words) or "no jobs"


class PlaceTab(Static):
    """One place and its digit; a click goes there."""

    def __init__(self, place: Place) -> None:
        super().__init__(id=f"tab-{place.name}")
        self.place = place

    def render(self) -> RenderResult:
        """Draw the digit and the name; brackets tell which one is shown."""
        return Text(f"{self.place.key} {self.place.title}")

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
