"""The one way from the screens to the station: every call runs in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from mediastation.console.memory import change_memory, read_memory
from mediastation.errors import CancelledError
from mediastation.model.event import Event

if TYPE_CHECKING:
    from mediastation.burn.engine import BurnEngine
    from mediastation.config import Settings
    from mediastation.station.station import Station

_Words = ParamSpec("_Words")
_Answer = TypeVar("_Answer")
_QUICK_THREADS = 4
_LONG_THREADS = 4


class Desk:
    """One station, as the screens reach it.

    Parameters
    ----------
    home : Path
        Folder of the station.
    open_station : callable, optional
        Opens it; imported and called in a thread, after the first paint.
    """

    def __init__(self, home: Path, open_station: Callable[[Path], Station] | None = None) -> None:
        self.home = home
        self._open_station = open_station or _open_station
        self._station: Station | None = None
        self._quick = ThreadPoolExecutor(_QUICK_THREADS, "desk")
        self._long = ThreadPoolExecutor(_LONG_THREADS, "desk-work")
        self._writer = ThreadPoolExecutor(1, "desk-memory")
        self._memory = read_memory(home)
        self.under_way: dict[int, str] = {}
        """What this very process is doing, in words; it would be lost on leaving."""
        self._is_closing = False
        self.engine: BurnEngine | None = None
        """Works the drives; None leaves that to the station."""

    @property
    def is_open(self) -> bool:
        """Whether the station can be asked."""
        return self._station is not None

    @property
    def is_closing(self) -> bool:
        """Whether the console is being left; nothing is begun any more then."""
        return self._is_closing

    @property
    def settings(self) -> Settings:
        """The station's settings; the desk has to be open."""
        return self.station.settings

    @property
    def station(self) -> Station:
        """The station itself, for threads only."""
        if self._station is None:
            raise RuntimeError("the desk is not open")
        return self._station

    async def open(self) -> None:
        """Open the station; raises what `Station` raises."""
        loop = asyncio.get_running_loop()
        self._station = await loop.run_in_executor(self._quick, self._open_station, self.home)

    async def close(self) -> None:
        """Stop what can be stopped, wait for the rest, and close the station."""
        self._is_closing = True
        loop = asyncio.get_running_loop()
        for threads in (self._long, self._quick, self._writer):
            await loop.run_in_executor(None, threads.shutdown)
        if self._station is not None:
            self._station.__exit__(None, None, None)
            self._station = None

    async def call(
        self,
        function: Callable[Concatenate[Station, _Words], _Answer],
        *words: _Words.args,
        **named: _Words.kwargs,
    ) -> _Answer:
        """Ask the station something that is quick: ``await desk.call(list_studies, "doe")``.

        Several calls run at the same time, each with its own connection.
        """
        if self._is_closing:
            raise asyncio.CancelledError
        loop = asyncio.get_running_loop()
        asked = partial(function, self.station, *words, **named)
        return await loop.run_in_executor(self._quick, asked)

    def stop_on_leaving(self, event: Event) -> None:  # noqa: ARG002 - a Listener
        """Listen to a use case in `work`, and stop it when the console is left."""
        if self._is_closing:
            raise CancelledError("Stopped: the console was left.")

    async def work(
        self,
        told: str,
        function: Callable[Concatenate[Station, _Words], _Answer],
        *words: _Words.args,
        **named: _Words.kwargs,
    ) -> _Answer:
        """Do something that takes its time, with a station of its own; `told` says what it is.

        Give `stop_on_leaving` to what takes a listener. What can be a job is submitted as
        one, since a job survives the console (`mediastation.station.serving.submitting`).
        """

        def alone() -> _Answer:
            with self._open_station(self.home) as station:
                return function(station, *words, **named)

        token = object()
        self.under_way[id(token)] = told
        try:
            return await asyncio.get_running_loop().run_in_executor(self._long, alone)
        finally:
            del self.under_way[id(token)]

    def recall(self, name: str, default: Any = None) -> Any:
        """Return what was remembered under `name`; it comes from a file, so look at its type."""
        return self._memory.get(name, default)

    def remember(self, name: str, value: Any, *, by_entry: bool = False) -> None:
        """Remember a value that JSON can hold, over the end of this run.

        Another console of this home keeps what it remembers under other names and,
        `by_entry`, other entries of the same dictionary.
        """
        if self._memory.get(name) == value and name in self._memory:
            return
        before = self._memory.get(name)
        self._memory = {**self._memory, name: value}
        self._writer.submit(self._write, name, value, before, by_entry)

    def _write(self, name: str, after: Any, before: Any, by_entry: bool) -> None:
        # A full disk is told where it matters; what is remembered is a convenience.
        try:
            change_memory(self.home, name, after, before, by_entry=by_entry)
        except OSError:
            return


def _open_station(home: Path) -> Station:
    # Takes longer than the first paint may.
    from mediastation.station.station import Station  # noqa: PLC0415

    return Station(home)
