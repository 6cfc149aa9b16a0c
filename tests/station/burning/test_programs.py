"""A burning program that fails as drives do, or is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mediastation.errors import MediaError
from mediastation.station.burning.burn import burn
from mediastation.station.burning.drives import list_drives
from mediastation.station.burning.request import BurnRequest
from mediastation.station.station import Station
from tests.support.burning import rules, state_of
from tests.support.discs import Images
from tests.support.xorriso_double import Script, install, started


class TestDouble:
    """The whole way, with a program that fails as drives do."""

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "bin"
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return folder

    @pytest.mark.parametrize(
        ("disc", "rule", "exit_code"),
        [
            ("no-disc", "no-disc", 3),
            ("dvd-r-blank", "wrong-disc", 3),
            ("bd-r-blank", "wrong-disc", 3),
            ("cd-r-closed", "not-blank", 3),
            ("cd-r-open", "not-blank", 3),
            ("cd-r-damaged", "not-blank", 3),
            ("cd-r-small-blank", "disc-too-small", 3),
            ("busy", "drive-busy", 3),
            ("permission", "drive-permission", 3),
        ],
    )
    def test_a_disc_or_drive_that_will_not_do_is_not_touched(
        self, station: Station, images: Images, folder: Path, disc: str, rule: str, exit_code: int
    ) -> None:
        install(folder, {"/dev/sr7": Script(disc)})

        result = burn(station, BurnRequest(images.first, ("/dev/sr7",)))

        assert result.exit_code == exit_code
        assert rules(result) == [rule]
        assert not any("cdrecord" in words for words in started(folder))

    @pytest.mark.parametrize(
        ("fault", "rule"), [("write-error", "write-failed"), ("pulled", "drive-gone")]
    )
    def test_a_failure_at_37_percent_condemns_the_disc(
        self, station: Station, images: Images, folder: Path, fault: str, rule: str
    ) -> None:
        install(folder, {"/dev/sr7": Script(fails={"0": (fault, 0.37)})})

        result = burn(station, BurnRequest(images.first, ("/dev/sr7",)))

        assert result.exit_code == 3
        assert {rule, "discard-disc"} == set(rules(result))
        assert state_of(station, result.job)[1]["burns"][0]["discs"][0]["state"] == "discard"

    def test_the_speed_of_the_list_is_asked_for(
        self, station: Station, images: Images, folder: Path
    ) -> None:
        install(folder, {"/dev/sr7": Script()})

        result = burn(station, BurnRequest(images.first, ("/dev/sr7",), speed=20, simulate=True))

        (words,) = [words for words in started(folder) if "cdrecord" in words]
        assert "speed=2822k" in words
        assert "-dummy" in words
        assert rules(result) == ["speed"]

    def test_several_drives_report_each_for_itself(
        self, station: Station, images: Images, folder: Path
    ) -> None:
        install(folder, {"/dev/sr7": Script("no-disc"), "/dev/sr8": Script("busy")})

        result = burn(station, BurnRequest(images.first, ("/dev/sr7", "/dev/sr8")))

        assert {(one.rule, one.subject) for one in result.findings} == {
            ("no-disc", "/dev/sr7"),
            ("drive-busy", "/dev/sr8"),
        }

    def test_drives_are_listed(self, folder: Path) -> None:
        install(folder, {"/dev/sr0": Script("cd-r-blank"), "/dev/sr1": Script("permission")})

        first, second = list_drives()[:2]

        assert first.disc is not None
        assert second.trouble


def test_without_the_program_the_package_is_named(
    station: Station, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    result = burn(station, BurnRequest(images.first, (f"stdio:{tmp_path}/disc",)))

    assert rules(result) == ["burner-not-installed"]
    with pytest.raises(MediaError):
        list_drives()
