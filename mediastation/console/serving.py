"""The station behind the console: attached to where somebody serves it, else begun to be served."""

from __future__ import annotations

import asyncio
import shlex
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.errors import MediastationError

if TYPE_CHECKING:
    from mediastation.console.app import ConsoleApp

BeginServing = Callable[[Path], tuple[str, int]]
"""Serves a home in a process that stays, and returns the address; raises why it cannot."""

_PATIENCE_S = 20
_WITHOUT = "The console works on, but nothing is received and jobs wait until then."


def begin_serving(home: Path) -> tuple[str, int]:
    """Serve `home` in a process of its own, that stays when the console goes."""
    from mediastation.station.serving.process import start_serving  # noqa: PLC0415 - not for the paint

    return start_serving(home)


async def attach(console: ConsoleApp) -> None:
    """See to it that the station is served, and say so where this console began it.

    What keeps it from being served is told with what to do; the console goes
    on without.
    """
    status = console.status
    if status is None or console.begin is None or not console.desk.settings.serve_with_console:
        return
    if status.is_served:
        await _wait_for_answer(console)
    else:
        await see_to_serving(console)


async def see_to_serving(console: ConsoleApp) -> bool:
    """Begin to serve the station, as this console does; tell whether it is served now."""
    begin = console.begin
    if begin is None or not console.desk.settings.serve_with_console:
        return False
    console.tell("Nobody serves this station yet: starting …")
    console.goes_on = True
    try:
        address, port = await _alone(begin, console.desk.home)
    except MediastationError as fault:
        console.goes_on = False
        hint = " ".join(part for part in (fault.hint, _WITHOUT) if part)
        console.tell_fault(type(fault)(fault.message, f"{hint} s in Network (5) tries again."))
        return False
    console.tell(
        f"Listening on {address}:{port} and working on jobs, also when you leave the console."
    )
    return True


async def _wait_for_answer(console: ConsoleApp) -> None:
    """Say so where whoever serves the station does not answer: it may be just starting."""
    for _ in range(_PATIENCE_S):
        status = console.status
        if status is None or status.answers or not status.is_served:
            return
        await asyncio.sleep(1)
    console.tell(
        "The station is served by a process that does not answer: of another account, or stuck. "
        f"End it, then press s in Network (5). {_WITHOUT}",
        grave=True,
    )


async def _alone(begin: BeginServing, home: Path) -> tuple[str, int]:
    """Call `begin` in a thread that nobody waits for who leaves meanwhile."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[str, int]] = loop.create_future()

    def tell(found: tuple[str, int] | None, fault: Exception | None) -> None:
        if answer.done():
            return
        if fault is not None:
            answer.set_exception(fault)
        elif found is not None:
            answer.set_result(found)

    def run() -> None:
        found, fault = None, None
        try:
            found = begin(home)
        except Exception as raised:
            fault = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, found, fault)

    threading.Thread(target=run, name="begin-serving", daemon=True).start()
    return await answer


def farewell(home: Path, is_default: bool, address: str) -> str:
    """Return what to know on leaving a station that goes on being served."""
    words = ["mediastation", *([] if is_default else ["--home", str(home)]), "serve", "--stop"]
    return (
        f"The station goes on: it listens on {address} and works on jobs.\n"
        f"To end that as well: {shlex.join(words)}"
    )
