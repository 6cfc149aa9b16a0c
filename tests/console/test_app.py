"""The frame around every place: going, finding, taking back, leaving."""

from __future__ import annotations

import asyncio
import errno
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette

from mediastation.console.app import ConsoleApp, is_end_of_terminal
from mediastation.console.desk import Desk
from mediastation.console.places import PLACES
from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.screens.help import HelpScreen
from mediastation.console.screens.studies import StudiesScreen
from mediastation.console.widgets.dialogs import Confirm
from mediastation.errors import ConfigError, MediaError
from mediastation.station.process_lock import SERVE_LOCK, hold_lock
from mediastation.station.station import Station
from tests.console.support import Console, console_of, opened, pressed, settled, shown


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def place_of(pilot: Console) -> str:
    screen = pilot.app.screen
    assert isinstance(screen, ConsoleScreen)
    return screen.PLACE


class TestHead:
    async def test_it_says_whether_anybody_listens(self, home: Path) -> None:
        async with opened(home) as pilot:
            assert "○ not listening" in shown(pilot)[0]
            assert "no jobs" in shown(pilot)[0]

            with hold_lock(home / SERVE_LOCK, RuntimeError):
                await console_of(pilot)._read_status()
                await settled(pilot)
                assert "◌ served, no answer yet" in shown(pilot)[0]

    async def test_it_counts_jobs(self, home: Path) -> None:
        with Station(home) as station:
            station.jobs.create("export", {}, "tester", "host:1", station.clock.now())

        async with opened(home) as pilot:
            assert "▶ 1 job running" in shown(pilot)[0]

    async def test_asking_whether_somebody_listens_keeps_nobody_from_it(self, home: Path) -> None:
        async with opened(home) as pilot:
            await console_of(pilot)._read_status()
            with hold_lock(home / SERVE_LOCK, RuntimeError):
                pass


class TestPlaces:
    @pytest.mark.parametrize("size", [(80, 24), (160, 50)])
    async def test_every_digit_is_shown(self, home: Path, size: tuple[int, int]) -> None:
        async with opened(home, size=size) as pilot:
            for place in PLACES:
                title = place.title if size[0] > 80 else place.short or place.title
                assert f"{place.key} {title}" in shown(pilot)[1]

    async def test_digits_are_typed_where_one_types(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "slash", "2", "1")

            assert place_of(pilot) == "studies"
            assert pilot.app.screen.query_one("#search").value == "21"  # type: ignore[attr-defined]

    async def test_a_click_goes_there_and_a_place_keeps_its_state(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "slash", *"doe")
            await pilot.click("#tab-settings")
            await settled(pilot)
            assert place_of(pilot) == "settings"

            await pressed(pilot, "1")

            assert place_of(pilot) == "studies"
            assert "doe" in shown(pilot)[2]


class TestHelp:
    @pytest.mark.parametrize("key", ["question_mark", "f1"])
    async def test_it_tells_the_keys_of_the_place_first(self, home: Path, key: str) -> None:
        async with opened(home, size=(80, 60)) as pilot:
            await pressed(pilot, key)
            assert isinstance(pilot.app.screen, HelpScreen)
            told = {words: keys for keys, words in pilot.app.screen.keys}

            assert told["Mark the study or series, or take the mark away"] == "space"
            assert "Page up" in told
            assert pilot.app.screen.keys[0][1].startswith("Search") or "/" in told.values()

            await pressed(pilot, "escape")
            assert place_of(pilot) == "studies"


class TestPalette:
    async def test_it_finds_places_and_actions(self, home: Path) -> None:
        async with opened(home) as pilot:
            commands = {
                command.title: command.help
                for command in console_of(pilot).get_system_commands(pilot.app.screen)
            }

            assert {f"Go to {place.title}" for place in PLACES} <= commands.keys()
            assert {"Mark", "Forget", "Add", "Order", "Medium", "Undo", "Quit"} <= commands.keys()
            assert commands["Forget"].startswith("f · ")
            assert "Theme: high contrast" in commands

    async def test_what_is_chosen_in_it_is_done(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pilot.press("ctrl+p")
            await pilot.pause()
            assert isinstance(pilot.app.screen, CommandPalette)
            await pilot.press(*"light")
            await settled(pilot)
            await pressed(pilot, "enter")
            await settled(pilot)

            assert pilot.app.theme == "light"
            await pressed(pilot, "u")
            assert pilot.app.theme == "dark"


class TestTheme:
    async def test_it_is_remembered_outside_the_configuration(self, home: Path) -> None:
        async with opened(home) as pilot:
            console_of(pilot).choose_theme("high contrast")

        kept = home / "console.json"
        assert json.loads(kept.read_text())["values"]["theme"] == "high contrast"
        assert kept.stat().st_mode & 0o777 == 0o600
        assert not (home / "config.toml").exists()
        async with opened(home) as pilot:
            assert pilot.app.theme == "high contrast"

    async def test_an_unknown_one_is_not_taken(self, home: Path) -> None:
        home.mkdir(mode=0o700)
        (home / "console.json").write_text('{"version": 1, "values": {"theme": "pink"}}')

        async with opened(home) as pilot:
            assert pilot.app.theme == "dark"


class TestTakingBack:
    @pytest.mark.parametrize("key", ["u", "ctrl+z"])
    async def test_the_last_comes_first(self, home: Path, key: str) -> None:
        done: list[str] = []

        async def later() -> None:
            done.append("second")

        async with opened(home) as pilot:
            console_of(pilot).can_take_back("first", lambda: done.append("first"))
            console_of(pilot).can_take_back("second", later)
            await pressed(pilot, key, key, key)

        assert done == ["second", "first"]


class TestFaults:
    async def test_a_fault_is_told_once_with_what_to_do(self, home: Path) -> None:
        async with opened(home) as pilot:
            app = console_of(pilot)
            for _ in range(3):
                app.tell_fault(MediaError("The disk is full.", "Free some space."))
            await settled(pilot)

            (told,) = list(app._notifications)
            assert "The disk is full. → Free some space." in told.message

    async def test_a_station_that_cannot_be_opened_ends_the_console(self, tmp_path: Path) -> None:
        def refuse(_: Path) -> Station:
            raise ConfigError("no", "do this")

        app = ConsoleApp(tmp_path, Desk(tmp_path, refuse))
        async with app.run_test():
            for _ in range(100):
                if app._exit:
                    break
                await asyncio.sleep(0.01)

        assert isinstance(app.return_value, ConfigError)
        assert app.return_code == ConfigError.exit_code


class TestLeaving:
    @pytest.mark.parametrize("key", ["q", "ctrl+q"])
    async def test_nothing_asks_where_nothing_is_lost(self, home: Path, key: str) -> None:
        async with opened(home) as pilot:
            await pilot.press(key)

            assert pilot.app._exit

    async def test_it_asks_while_something_is_under_way(self, home: Path) -> None:
        may_end = threading.Event()

        def wait(_: Any) -> None:
            may_end.wait(30)

        async with opened(home) as pilot:
            app = console_of(pilot)
            try:
                work = asyncio.ensure_future(app.desk.work("adding /mnt", wait))
                await pilot.press("q")
                await pilot.pause()
                assert isinstance(app.screen, Confirm)
                assert "adding /mnt" in app.screen.question
                await pilot.press("enter")
                await pilot.pause()
                assert not app._exit
                await pilot.press("q")
                await pilot.pause()
                may_end.set()  # leaving waits for it
                await pilot.press("y")
                await pilot.pause()
                assert app._exit
            finally:
                may_end.set()
            await work

    async def test_a_look_that_is_still_read_does_not_stumble_over_what_is_gone(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        may_end = asyncio.Event()
        begun = asyncio.Event()

        async def slow(self: StudiesScreen) -> None:
            begun.set()
            await asyncio.shield(may_end.wait())
            self.query_one("#studies")

        async with opened(home) as pilot:
            monkeypatch.setattr(StudiesScreen, "look", slow)
            screen = pilot.app.screen
            assert isinstance(screen, StudiesScreen)
            look = asyncio.ensure_future(screen._look())
            await begun.wait()
            await pilot.press("q")
        may_end.set()
        await look


class TestCutLine:
    def test_drawing_for_nobody_is_no_fault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cut = OSError(errno.EIO, "Input/output error")
        monkeypatch.setattr("mediastation.console.app._has_terminal", lambda: False)
        assert is_end_of_terminal(cut)
        assert not is_end_of_terminal(OSError(errno.ENOSPC, "No space left on device"))
        assert not is_end_of_terminal(ValueError("ours to mend"))
        monkeypatch.setattr("mediastation.console.app._has_terminal", lambda: True)
        assert not is_end_of_terminal(cut), "a disk that fails is told of"
