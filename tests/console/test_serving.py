"""Whoever opens the console is served: attached to what there is, or begun; and told so."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mediastation.console.app import ConsoleApp
from mediastation.console.serving import BeginServing, begin_serving, farewell
from mediastation.errors import NetworkError
from mediastation.model.job import Question
from mediastation.network.storage_scu import echo
from mediastation.station.process_lock import SERVE_LOCK, hold_lock
from mediastation.station.serving.process import ask_serving, start_serving, stop_serving
from mediastation.station.station import Station
from tests.console.support import Console, console_of, pressed, settled, shown, told
from tests.support.network import RawPeer
from tests.support.served_jobs import wait_until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home whose `serve`, if any is begun, ends with the test."""
    monkeypatch.setenv("MEDIASTATION_DISK_RESERVE_BYTES", "0")
    monkeypatch.setenv("MEDIASTATION_PORT", "0")
    folder = tmp_path / "home"
    yield folder
    stop_serving(folder)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All notices from the beginning on; on the screen they go after a while."""
    notices: list[str] = []
    real = ConsoleApp.notify

    def notify(self: ConsoleApp, message: str, **words: Any) -> None:
        notices.append(message)
        real(self, message, **words)

    monkeypatch.setattr(ConsoleApp, "notify", notify)
    return notices


def refuse(_: Path) -> tuple[str, int]:
    raise NetworkError("cannot listen on 127.0.0.1:11112", "Choose another port.")


@asynccontextmanager
async def console(home: Path, begin: BeginServing, width: int = 80) -> AsyncIterator[Console]:
    async with ConsoleApp(home, begin=begin).run_test(size=(width, 24)) as pilot:
        await settled(pilot)
        yield pilot


async def reread(pilot: Console) -> str:
    """Read the head again and return it."""
    await console_of(pilot)._read_status()
    await settled(pilot)
    return shown(pilot)[0]


class TestBeginning:
    async def test_what_nobody_serves_is_served_and_goes_on(self, home: Path) -> None:
        async with console(home, begin_serving) as pilot:
            said = told(pilot)
            who = ask_serving(home, "ping")
            assert who is not None
            assert f"Listening on 127.0.0.1:{who['port']}" in said
            assert f"● listening on 127.0.0.1:{who['port']}" in await reread(pilot)

        echo("127.0.0.1", who["port"], calling_ae="CT", called_ae="MEDIASTATION")
        assert ask_serving(home, "ping") == who | {"associations": 0}

    async def test_what_is_served_is_left_as_it_is(self, home: Path) -> None:
        address, port = start_serving(home)

        async with console(home, refuse) as pilot:
            assert "rror" not in told(pilot)
            assert f"● listening on {address}:{port}" in shown(pilot)[0]

    async def test_a_taken_port_is_told_and_the_console_works_on(self, home: Path) -> None:
        home.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            (home / "config.toml").write_text(f"port = {port}\n")
            with pytest.MonkeyPatch.context() as patch:
                patch.delenv("MEDIASTATION_PORT")
                async with console(home, begin_serving) as pilot:
                    said = told(pilot)
                    await pressed(pilot, "8")
                    assert pilot.app.screen.PLACE == "settings"  # type: ignore[attr-defined]

        assert f"cannot listen on 127.0.0.1:{port}" in said
        assert "s in Network (5) tries again" in said

    async def test_a_site_may_want_none(self, home: Path) -> None:
        home.mkdir()
        (home / "config.toml").write_text("serve_with_console = false\n")

        async with console(home, refuse) as pilot:
            assert told(pilot) == ""
            assert "○ not listening" in shown(pilot)[0]

    async def test_leaving_does_not_wait_for_it(self, home: Path) -> None:
        begun, may_end = threading.Event(), threading.Event()

        def slow(_: Path) -> tuple[str, int]:
            begun.set()
            may_end.wait(60)
            raise NetworkError("too late")

        try:
            app = ConsoleApp(home, begin=slow)
            async with app.run_test() as pilot:
                while not begun.is_set():
                    await pilot.pause(0.01)
                await pilot.press("q")
            assert app.return_value is None
            assert app.goes_on, "what was begun is told on leaving"
        finally:
            may_end.set()

    async def test_one_that_does_not_answer_is_told(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mediastation.console.serving._PATIENCE_S", 1)
        with hold_lock(home / SERVE_LOCK, RuntimeError):
            async with console(home, refuse) as pilot:
                assert "◌ served, no answer yet" in shown(pilot)[0]
                assert "a process that does not answer" in told(pilot)

    @pytest.mark.parametrize(
        ("is_default", "words"),
        [
            (True, "mediastation serve --stop"),
            (False, "mediastation --home '/srv/ct room' serve --stop"),
        ],
    )
    def test_leaving_says_how_to_end_it(self, is_default: bool, words: str) -> None:
        said = farewell(Path("/srv/ct room"), is_default, "127.0.0.1:11112")

        assert said.endswith(f": {words}")
        assert "listens on 127.0.0.1:11112" in said


class TestHead:
    async def test_it_counts_who_is_connected(self, home: Path) -> None:
        address = start_serving(home)
        async with console(home, refuse, width=120) as pilot:
            with RawPeer(address) as peer:
                peer.associate()
                assert f"{address[1]}, 1 connected" in await reread(pilot)
            wait_until(lambda: (ask_serving(home, "ping") or {})["associations"] == 0, "its end")
            assert "connected" not in await reread(pilot)

    @pytest.mark.parametrize("width", [40, 80])
    async def test_what_waits_for_a_decision_is_seen_from_every_place(
        self, home: Path, width: int, said: list[str]
    ) -> None:
        jobs = [waiting(home) for _ in range(2)]
        async with console(home, refuse, width) as pilot:
            for place in "21578":
                await pressed(pilot, place)
                assert "? 2 jobs wait: press !" in shown(pilot)[0], place
            await reread(pilot)
            third = waiting(home)
            await reread(pilot)
            assert [words for words in said if "decision" in words] == [
                "2 jobs wait for your decision. ! goes there.",
                f"Job {third} waits for your decision. ! goes there.",
            ]

            seen = []
            for _ in range(4):
                await pressed(pilot, "exclamation_mark")
                seen.append(pilot.app.screen.query_one("#jobs").cursor_key)  # type: ignore[attr-defined]
            assert seen == [*jobs, third, jobs[0]]

    async def test_without_one_the_key_says_so(self, home: Path) -> None:
        async with console(home, refuse) as pilot:
            await pressed(pilot, "exclamation_mark")

            assert "No job waits for a decision." in told(pilot)


def waiting(home: Path) -> int:
    """A job that asks something."""
    question = Question("blank", "The disc is not empty.", "Erase it?", {}, ("yes", "no"))
    with Station(home) as station:
        now, here = station.clock.now(), "here"
        job = station.queue.submit("burn", {}, "tester", now, moment="", seed="s", place=here)
        assert station.queue.claim(job, "worker", here, now)
        station.queue.ask(job, "worker", question, now)
    return job
