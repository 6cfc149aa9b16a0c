"""Presets: what a site wrote is looked up before an operator relies on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.errors import ConfigError
from mediastation.station.exporting.presets import export_of, output_for, ready_presets
from mediastation.station.station import Station


def station_with(tmp_path: Path, toml: str = "") -> Station:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(toml, encoding="utf-8")
    return Station(home)


def test_the_standard_ones_all_work_and_their_keys_differ(tmp_path: Path) -> None:
    ready, faulty = ready_presets(station_with(tmp_path))

    assert faulty == {}
    assert len({one.preset.key for one in ready}) == len(ready) >= 3
    assert [one.name for one in ready if one.is_burned] == ["patient-cd", "referral-dvd"]


def test_a_site_s_own_stand_in_their_place(tmp_path: Path) -> None:
    toml = """
    [presets.heart]
    title = "Herz-CD"
    key = "h"
    profile = "STD-XABC-CD"
    copies = 2
    include = ["/srv/viewer"]
    given_to = "Cardiology"
    """
    [heart], faulty = ready_presets(station_with(tmp_path, toml))

    request = export_of(heart, ["study:1.2"], tmp_path / "out")
    assert faulty == {}
    assert (heart.title, heart.preset.copies, heart.is_burned) == ("Herz-CD", 2, True)
    assert request.profile == "STD-XABC-CD"
    assert request.include == (Path("/srv/viewer"),)
    assert request.disclosure.given_to == "Cardiology"


@pytest.mark.parametrize(
    ("line", "recipients", "password"),
    [
        ("", (), True),
        ('password = "ask"', (), True),
        ('recipients = ["/srv/a.pem"]', (Path("/srv/a.pem"),), False),
        ('recipients = ["/srv/a.pem"]\npassword = "make"', (Path("/srv/a.pem"),), True),
    ],
)
def test_one_that_seals_is_never_without_anybody_who_could_open_it(
    line: str, recipients: tuple[Path, ...], password: bool, tmp_path: Path
) -> None:
    toml = f'[presets.safe]\nprofile = "STD-GEN-SEC-CD"\n{line}\n'
    [safe], faulty = ready_presets(station_with(tmp_path, toml))
    request = export_of(safe, ["study:1.2"], tmp_path / "out")

    assert faulty == {}
    assert (request.recipients, request.with_password) == (recipients, password)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('profile = "STD-GEN-CD"\npassword = "make"', "STD-GEN-CD seals nothing"),
        ('profile = "STD-GEN-CD"\nrecipients = ["/a.pem"]', "STD-GEN-CD seals nothing"),
        ('profile = "STD-GEN-SEC-ZIP-MAIL"\npassword = "ask"', "mail programs take none"),
        ('profile = "STD-GEN-CDD"', "STD-GEN-CDD"),
        ('profile = "STD-GEN-CD"\nmedium = "USB"', "wants USB; STD-GEN-CD goes onto CD-80"),
        ('profile = "STD-GEN-CD"\nformat = "zip"', "wants the format zip"),
        ('profile = "STD-GEN-CD"\ncompress = "gif"', "compression 'gif'"),
    ],
)
def test_a_faulty_one_is_named_and_keeps_no_other_from_work(
    line: str, said: str, tmp_path: Path
) -> None:
    toml = f'[presets.bad]\n{line}\n[presets.good]\nprofile = "STD-GEN-CD"\n'
    ready, faulty = ready_presets(station_with(tmp_path, toml))

    assert [one.name for one in ready] == ["good"]
    assert said in faulty["bad"]


def test_an_unknown_word_in_a_preset_is_an_error_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"presets\.x\.medum"):
        station_with(tmp_path, '[presets.x]\nprofile = "STD-GEN-CD"\nmedum = "CD-80"\n')


def test_each_export_gets_a_private_folder_of_its_own(tmp_path: Path) -> None:
    station = station_with(tmp_path)
    [first, *_], _ = ready_presets(station)

    places = [output_for(station, first, "Çelik^Ünal ../../etc") for _ in range(3)]

    assert len(set(places)) == 3
    assert all(place.parent == station.home / "images" for place in places)
    assert all(place.stat().st_mode & 0o777 == 0o700 for place in places)
