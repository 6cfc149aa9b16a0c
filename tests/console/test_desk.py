"""The desk asks in threads, remembers, and stops what is under way when it is closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediastation.console.desk import Desk
from mediastation.errors import CancelledError
from mediastation.model.event import StepStarted
from mediastation.station.station import Station


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "home")
    await desk.open()
    yield desk
    await desk.close()


async def test_calls_run_elsewhere_and_beside_each_other(desk: Desk) -> None:
    both_are_here = threading.Barrier(2, timeout=20)

    def asked(station: Station) -> bool:
        both_are_here.wait()
        return station is desk.station and threading.current_thread() is threading.main_thread()

    assert await asyncio.gather(desk.call(asked), desk.call(asked)) == [False, False]


async def test_work_has_a_station_of_its_own_and_is_told_of(desk: Desk) -> None:
    def work(station: Station) -> tuple[bool, list[str]]:
        return station is desk.station, list(desk.under_way.values())

    assert await desk.work("adding", work) == (False, ["adding"])
    assert desk.under_way == {}


async def test_leaving_stops_what_listens(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    await desk.open()
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def endless(_: Station) -> None:
        loop.call_soon_threadsafe(begun.set)
        while True:
            desk.stop_on_leaving(StepStarted("collect", 0, ""))

    work = asyncio.ensure_future(desk.work("adding", endless))
    await begun.wait()
    await desk.close()

    with pytest.raises(CancelledError):
        await work


async def test_who_asks_while_it_closes_is_cancelled(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    await desk.open()
    await desk.close()

    with pytest.raises(asyncio.CancelledError):
        await desk.call(lambda station: station)


async def test_what_is_remembered_is_there_next_time(tmp_path: Path) -> None:
    home = tmp_path / "home"
    desk = Desk(home)
    await desk.open()
    desk.remember("a", [1])
    desk.remember("a", None)
    await desk.close()

    assert Desk(home).recall("a", 5) is None
    assert Desk(home).recall("b", 5) == 5
