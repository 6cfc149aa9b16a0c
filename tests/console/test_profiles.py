"""*Profiles*: all of them in words, searched as one types, and asked about the marks."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.generate import write_series
from mediastation.console.marks import Marks
from mediastation.station.gather import add
from mediastation.station.station import Station
from tests.conformance.test_site_profiles import AUGMENTED
from tests.console.support import console_of, line_with, opened, pressed, settled, shown, told


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_series(tmp_path / "series", 2, 16)
    with Station(tmp_path / "home") as station:
        add(station, [str(tmp_path / "series")])
    return tmp_path / "home"


async def test_the_cursor_s_profile_is_described(home: Path) -> None:
    async with opened(home, "profiles") as pilot:
        assert any("STD-CTMR-CD" in line for line in shown(pilot))
        assert "PS3.12 Annex F" in line_with(pilot, "Format:")
        await pressed(pilot, "down")
        assert "DVD" in line_with(pilot, "Medium:  ")


async def test_searching_narrows_the_list_and_escape_widens_it(home: Path) -> None:
    async with opened(home, "profiles") as pilot:
        await pressed(pilot, "slash", *"dental")
        assert "2 of 82" in "".join(shown(pilot))
        await pressed(pilot, "enter", "escape")
        assert "82 of 82" in "".join(shown(pilot))
        await pressed(pilot, "slash", *"no such thing", "enter")
        assert any("No profile has these words" in line for line in shown(pilot))


async def test_a_site_s_own_profile_stands_among_them(home: Path) -> None:
    (home / "profiles").mkdir()
    (home / "profiles" / "ours.toml").write_text(AUGMENTED, encoding="utf-8")
    async with opened(home, "profiles") as pilot:
        await pressed(pilot, "slash", *"house", "enter")
        assert any("AUG-XABC-HOUSE-CD" in line for line in shown(pilot))


async def test_marks_are_held_against_every_profile(home: Path) -> None:
    async with opened(home, "studies", size=(160, 50)) as pilot:
        await pressed(pilot, "space", "7", "f")
        await settled(pilot)
        assert "fit the 1 marked" in "".join(shown(pilot))
        assert "✓ yes" in line_with(pilot, "STD-GEN-CD  ")
        await pressed(pilot, "slash", *"dental", "enter", "enter")
        assert any("✗ What is marked does not fit" in line for line in shown(pilot))
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "profile-pane"
        await pressed(pilot, "escape")
        assert pilot.app.focused.id == "profiles"


async def test_without_marks_it_says_how_to_mark(home: Path) -> None:
    async with opened(home, "profiles") as pilot:
        assert not Marks.from_dict(console_of(pilot).desk.recall("studies.marks"))
        await pressed(pilot, "f")
        assert "Nothing is marked" in told(pilot)
