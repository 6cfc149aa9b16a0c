"""`profiles`: the list fits a terminal, one profile is told in words, retired ones are flagged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mediastation.cli.app import run
from tests.support.site_profiles import private_profile

LIST_KEYS = {
    "name",
    "annex",
    "title",
    "clinical_use",
    "media",
    "medium_format",
    "security",
    "retired",
}
Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `profiles` with these words; give its exit code's output."""

    def run_profiles(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(["profiles", *words, "--home", str(tmp_path / "home")]) == code
        captured = capsys.readouterr()
        return captured.out if code == 0 else captured.err

    return run_profiles


def rows(say: Say, *words: str) -> list[dict[str, Any]]:
    answer = json.loads(say(*words, "--json"))
    assert set(answer) == {"profiles"}
    return list(answer["profiles"])


def test_the_list_has_all_that_may_be_written_and_fits_80_columns(say: Say) -> None:
    lines = say().splitlines()

    assert max(map(len, lines)) <= 80
    named = [line.split()[0] for line in lines if "STD-" in line]
    assert len(named) == 82
    assert "Clinical use" in lines[1]
    (cd,) = [line for line in lines if " STD-GEN-CD " in line]
    assert cd.split() == ["STD-GEN-CD", "CD-80", "Any", "kind,", "uncompressed"]


def test_retired_ones_are_listed_on_demand_and_flagged(say: Say) -> None:
    lines = say("--retired").splitlines()

    assert max(map(len, lines)) <= 80
    assert sum("STD-" in line for line in lines) == 82 + 53
    assert sum(" retired " in line for line in lines) == 53
    (flop,) = [line for line in lines if "STD-US-ID-SF-FLOP" in line]
    assert flop.split()[1] == "retired"


def test_rows_of_the_list_have_the_promised_keys(say: Say) -> None:
    plain, all_of_them = rows(say), rows(say, "--retired")

    assert [set(row) for row in all_of_them] == [LIST_KEYS] * 135
    assert [row for row in all_of_them if not row["retired"]] == plain
    (flop,) = [row for row in all_of_them if row["name"] == "STD-US-CC-MF-MOD650"]
    assert "2004" in flop["retired"]
    assert flop["media"] == []


def test_one_profile_is_told_in_words(say: Say) -> None:
    told = say("std-xa1k-dvd")

    assert max(map(len, told.splitlines())) <= 80
    for words in (
        "STD-XA1K-DVD",
        "creator and reader of File-sets",
        "DVD-R (DVD-R), DVD+R (DVD+R)",
        "no file on the medium may be in an envelope",
        "X-Ray Angiographic Image in JPEG Lossless SV1: creator must, reader must\n",
        "Rows (0028,0010) is 1 to 1024",
        "OverlayRows (60xx,0010) is not there",
        "PatientBirthDate (0010,0030), though it may be empty",
        "IMAGE records have one of 128 x 128, 8 bits, MONOCHROME2 (PS3.11 B.3.3.2)",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("STD-CTMR-CD", "HighBit (0028,0102) is BitsStored minus 1"),
        ("STD-CTMR-CD", "SERIES and IMAGE records may have one of 64 x 64"),
        ("STD-US-CC-SF-CDR", "each item: PhysicalDeltaX (0018,602C) has a value"),
        ("STD-DEN-CD", "DetectorID (0018,700A) is there, even if empty"),
        ("STD-GEN-SEC-CD", "every file is in an encrypted envelope"),
        ("STD-GEN-SEC-ZIP-MAIL", "the e-mail is encrypted and signed as a whole"),
        ("STD-GEN-MIME", "Any kind of object in any encoding: creator as declared"),
        ("STD-GEN-MIME", "DICOMDIR:  optional"),
        ("STD-DVD-MPEG2-MPML", "Multi-frame objects in MPEG2 Main Profile / Main Level"),
        ("STD-GEN-USB-J2K", "if any object below the record has it"),
        ("STD-GEN-USB-J2K", "in itself or its shared"),
        ("STD-CTMR-MOD12", "Retired:   last in PS3.11-2004"),
        ("STD-CTMR-MOD12", "reader of File-sets"),
    ],
)
def test_every_kind_of_rule_has_its_words(say: Say, name: str, words: str) -> None:
    assert words in say(name)


@pytest.mark.parametrize("name", ["STD-XABC-CD", "STD-GEN-SD-JPEG"])
def test_json_of_one_is_the_whole_of_it(say: Say, name: str) -> None:
    (profile,) = rows(say, name)

    assert profile["name"] == name
    assert profile.keys() >= LIST_KEYS | {"objects", "attributes", "keys", "icons", "sessions"}


def test_a_sites_own_profiles_are_read_from_its_home(say: Say, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "profiles"
    folder.mkdir(parents=True)
    own = private_profile("PRI-OWN-USB", medium="USB", annex="R")
    (folder / "own.toml").write_text(own)

    assert any("PRI-OWN-USB" in line and "CT of our own" in line for line in say().splitlines())
    assert "CT Image in Explicit VR Little Endian" in say("pri-own-usb")

    (folder / "own.toml").write_text("[class]")
    other = tmp_path / "other"
    other.mkdir()
    folder.rename(other / "profiles")
    assert run(["profiles", "--home", str(other)]) == 2


def test_a_name_that_is_none_is_answered_with_the_nearest(say: Say) -> None:
    assert "STD-GEN-CD" in say("STD-GEN-DC", code=2)


@pytest.mark.parametrize("name", ["STD-CTMR-MOD12", "STD-US-ID-SF-FLOP", "STD-WVFM-ECG-FD"])
def test_nothing_is_written_under_a_retired_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    image = tmp_path / "out.iso"
    words = ["export", str(tmp_path), "--profile", name, "--output", str(image)]

    assert run([*words, "--home", str(tmp_path / "home")]) == 2

    assert "retired" in capsys.readouterr().err
    assert not image.exists()
