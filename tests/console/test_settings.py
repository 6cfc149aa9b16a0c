"""*Settings*: what is in force, where it stands, changed in the file and read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.console.support import console_of, line_with, opened, pressed, shown, told


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('aet = "FILEROOM"\n', encoding="utf-8")
    return home


async def test_each_setting_shows_value_origin_and_meaning(home: Path) -> None:
    async with opened(home, "settings") as pilot:
        assert '"FILEROOM"' in line_with(pilot, "aet      ")
        assert "file" in line_with(pilot, "aet      ")
        assert any("Application Entity Title" in line for line in shown(pilot))
        await pressed(pilot, "down", "down")
        assert any("MEDIASTATION_BIND" in line for line in shown(pilot))


async def test_a_changed_file_is_taken_and_can_be_taken_back(home: Path) -> None:
    async with opened(home, "settings") as pilot:
        (home / "config.toml").write_text('aet = "OTHER"\n', encoding="utf-8")
        await pressed(pilot, "r")
        assert console_of(pilot).desk.settings.aet == "OTHER"
        assert '"OTHER"' in line_with(pilot, "aet      ")
        await pressed(pilot, "u")
        assert console_of(pilot).desk.settings.aet == "FILEROOM"


async def test_a_faulty_file_changes_nothing_and_is_told(home: Path) -> None:
    async with opened(home, "settings", size=(120, 40)) as pilot:
        (home / "config.toml").write_text('aet = "FAR TOO LONG A TITLE"\n', encoding="utf-8")
        await pressed(pilot, "r")
        assert console_of(pilot).desk.settings.aet == "FILEROOM"
        assert "settings are wrong" in told(pilot)


async def test_without_a_terminal_of_its_own_the_editor_is_left_to_another(home: Path) -> None:
    async with opened(home, "settings", size=(120, 40)) as pilot:
        await pressed(pilot, "e")
        assert "in another terminal" in told(pilot)


async def test_themes_go_round_and_back(home: Path) -> None:
    async with opened(home, "settings") as pilot:
        seen = [pilot.app.theme]
        for _ in range(3):
            await pressed(pilot, "t")
            seen.append(pilot.app.theme)
        assert len(set(seen)) == 3
        assert seen[0] == seen[3]
        await pressed(pilot, "u")
        assert pilot.app.theme == seen[2]
