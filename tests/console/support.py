"""The console on a home of its own: opened, settled, and read as lines of text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from textual import events
from textual.pilot import Pilot

from mediastation.console.app import ConsoleApp
from mediastation.console.desk import Desk
from mediastation.console.serving import BeginServing

Console = Pilot[Any]


@asynccontextmanager
async def opened(
    home: Path,
    place: str = "studies",
    *,
    size: tuple[int, int] = (80, 24),
    desk: Desk | None = None,
    begin: BeginServing | None = None,
) -> AsyncIterator[Console]:
    """Give a pilot of a console whose station is open and whose first place has been read.

    With `begin`, the home is served by a process that stays; whoever gives it ends it.
    """
    app = ConsoleApp(home, desk, place, begin)
    try:
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            assert app.desk.is_open
            app.screen.look_again()  # type: ignore[attr-defined]
            await settled(pilot)
            yield pilot
    finally:
        let_go(app.desk)


def let_go(desk: Desk) -> None:
    """Close what a desk holds, which leaving the console does: hundreds are opened in one process.

    Whatever a test has left waiting in a thread is not waited for.
    """
    for threads in (desk._long, desk._quick, desk._writer):
        threads.shutdown(wait=False)
    if desk._station is not None:
        desk._station.__exit__(None, None, None)


async def settled(pilot: Console) -> None:
    """Wait until nothing is being read and everything is drawn."""
    for _ in range(3):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def pressed(pilot: Console, *keys: str) -> None:
    """Press keys one after the other, each after the one before has done its work."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def console_of(pilot: Console) -> ConsoleApp:
    """Return the app."""
    return cast("ConsoleApp", pilot.app)


def shown(pilot: Console) -> list[str]:
    """Return what is on the screen, line by line."""
    # What a terminal would get; Textual has no public name for it.
    strips = pilot.app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


def line_with(pilot: Console, words: str) -> str:
    """Return the one line that has `words`."""
    (line,) = [line for line in shown(pilot) if words in line]
    return line


def told(pilot: Console) -> str:
    """Return what the console has said in passing, all of it."""
    # The notices themselves: on the screen they are wrapped, and gone after a while.
    return "\n".join(notice.message for notice in pilot.app._notifications)


async def until(pilot: Console, is_so: Callable[[], bool]) -> None:
    """Let the console go on until something is so."""
    for _ in range(6000):
        if is_so():
            break
        await pilot.pause(0.01)
    assert is_so()
    await settled(pilot)


async def typed(pilot: Console, words: str) -> None:
    """Type words, letter by letter."""
    await pilot.press(*("space" if letter == " " else letter for letter in words))
    await settled(pilot)


async def pasted(pilot: Console, words: str) -> None:
    """Paste words where the cursor is, as a terminal hands them over."""
    focused = pilot.app.screen.focused
    assert focused is not None
    focused.post_message(events.Paste(words))
    await settled(pilot)


def files_with(folder: Path, secret: str) -> list[Path]:
    """Return the files below `folder` that have `secret` in them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if secret.encode() in path.read_bytes()]
