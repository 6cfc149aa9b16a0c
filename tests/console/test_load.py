"""Two hundred events of jobs a second: the keys go on, and no query is made where keys are read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from benchmarks.job_events import job_events
from mediastation.console.app import ConsoleApp
from mediastation.console.screens.jobs import JobsScreen
from tests.console.support import console_of, opened, settled

KEYS = 40
EVENTS = 300
PER_LOOK, PER_KEY = 25, 8
"""Statements at most: what a look or a key reads does not grow with the events between them."""


class Counts:
    """Statements and looks, and who made the statements."""

    def __init__(self) -> None:
        self.statements = 0
        self.looks = 0
        self.in_loop: list[str] = []

    def executed(self, _: Any, __: Any, statement: str, *___: Any) -> None:
        """Count a statement."""
        self.statements += 1
        if threading.current_thread() is threading.main_thread():
            self.in_loop.append(statement)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counts]:
    """Counts of what the console of this process does from now on."""
    counts = Counts()
    look, status = JobsScreen.look, ConsoleApp._read_status

    async def counted_look(self: JobsScreen) -> None:
        counts.looks += 1
        await look(self)

    async def counted_status(self: ConsoleApp) -> None:
        counts.looks += 1
        await status(self)

    monkeypatch.setattr(JobsScreen, "look", counted_look)
    monkeypatch.setattr(ConsoleApp, "_read_status", counted_status)
    event.listen(Engine, "before_cursor_execute", counts.executed)
    yield counts
    event.remove(Engine, "before_cursor_execute", counts.executed)


async def test_events_neither_stop_the_keys_nor_multiply_the_reading(
    tmp_path: Path, counts: Counts
) -> None:
    home = tmp_path / "home"
    with job_events(home):
        async with opened(home, "jobs") as pilot:
            station = console_of(pilot).desk.station
            first = await console_of(pilot).desk.call(lambda _: station.jobs.last_event())
            counts.statements = counts.looks = 0
            table = pilot.app.screen.query_one("#jobs")
            pressed, written = 0, 0
            while pressed < KEYS or written < EVENTS:
                line = table.cursor_line  # type: ignore[attr-defined]
                await pilot.press("down" if pressed % 20 < 10 else "up")
                pressed += 1
                assert table.cursor_line != line, "the key did nothing"  # type: ignore[attr-defined]
                last = await console_of(pilot).desk.call(lambda _: station.jobs.last_event())
                counts.statements -= 1
                written = last - first
            await settled(pilot)
            made, looks = counts.statements, counts.looks

    assert counts.in_loop == []
    assert looks >= 2
    assert made <= PER_LOOK * (looks + 1) + PER_KEY * pressed
    assert written >= EVENTS
