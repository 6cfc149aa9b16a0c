"""Two consoles, one `serve` and a command on one home at once: nothing is lost of anybody's."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.generate import write_series
from mediastation.console.app import ConsoleApp
from mediastation.console.serving import begin_serving
from mediastation.station.own_process import own_environment, own_words
from mediastation.station.serving.process import ask_serving, stop_serving
from tests.console.support import Console, opened, pressed, settled, shown
from tests.support.served_jobs import wait_until
from tests.support.terminal import Terminal


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home that listens wherever there is a port; its `serve` ends with the test."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "config.toml").write_text("port = 0\ndisk_reserve_bytes = 0\n")
    yield folder
    stop_serving(folder)


def study(folder: Path, number: int) -> Path:
    """A study of two images, another one for each number."""
    write_series(folder, 2, 16)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"2.25.", b"2.%02d." % (30 + number)))
    return folder


def adding(home: Path, folder: Path) -> subprocess.Popen[bytes]:
    words = own_words(home, "add", str(folder), "--quiet")
    return subprocess.Popen(words, env=own_environment(), stdout=subprocess.DEVNULL)


async def until(pilot: Console, words: str) -> None:
    """Wait until the console of this process shows the words."""
    for _ in range(900):
        await settled(pilot)
        if any(words in line for line in shown(pilot)):
            return
        await pilot.pause(0.1)
    pytest.fail(f"in vain: {words}")


async def test_each_keeps_its_own_and_the_catalog_is_whole(home: Path, tmp_path: Path) -> None:
    assert adding(home, study(tmp_path / "one", 0)).wait(120) == 0
    environment = {"PYTHONPATH": own_environment().get("PYTHONPATH", "")}
    with Terminal(tmp_path, own_words(home), environment=environment, size=(120, 30)) as other:
        async with ConsoleApp(home, begin=begin_serving).run_test(size=(120, 30)) as pilot:
            other.wait_for("1 study, by arrival", "● listening on")
            await until(pilot, "● listening on")
            who = ask_serving(home, "ping")
            other.press("Space", "m")
            other.wait_for("■ 1 study, 2 images", "1 DVD-R")

            add = adding(home, study(tmp_path / "two", 1))
            await pressed(pilot, "o", "o", "o", "o")
            assert add.wait(120) == 0
            await until(pilot, "2 studies, by date")
            await pressed(pilot, "home", "space")
            await until(pilot, "■ 1 study, 2 images")
            other.wait_for("2 studies, by arrival", "■ 1 study, 2 images")
            other.press("q")
            assert other.wait_for_end()[0] == 0
    assert ask_serving(home, "ping") == who

    kept = json.loads((home / "console.json").read_text())["values"]
    assert kept["studies.order"] == "date"
    assert kept["studies.medium"] == "DVD-R"
    async with opened(home, size=(120, 30)) as pilot:
        await until(pilot, "■ 2 studies, 4 images")
    stop_serving(home)
    with closing(sqlite3.connect(home / "catalog.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    wait_until(lambda: ask_serving(home, "ping") is None, "its end")
