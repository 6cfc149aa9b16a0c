"""`check` in every role, with compression, on media and on a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediastation.cli.app import run
from tests.support.commands import Ask
from tests.support.objects import write_ct, write_series
from tests.support.peers import peer


@pytest.fixture
def medium(ask: Ask, tmp_path: Path) -> Path:
    """Return an image that was made under STD-GEN-CD."""
    write_series(tmp_path / "in", 3)
    image = tmp_path / "cd.iso"
    code, _ = ask("export", tmp_path / "in", "--profile", "STD-GEN-CD", "--output", image)
    assert code == 0
    return image


def rules(answer: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in answer["findings"]}


class TestRoles:
    def test_a_reader_takes_the_medium_that_was_made_for_it(self, ask: Ask, medium: Path) -> None:
        code, answer = ask("check", medium, "--profile", "STD-GEN-CD", "--role", "reader")

        assert code == 0
        assert (answer["role"], answer["accepted"], answer["refused"]) == ("reader", 3, 0)

    def test_the_directory_of_a_medium_is_held_against_the_profile(
        self, ask: Ask, tmp_path: Path
    ) -> None:
        """Table B.3-2 wants an icon for captures, which Table D.3-2 does not."""
        capture = "1.2.840.10008.5.1.4.1.1.7"
        write_series(tmp_path / "in", 2, SOPClassUID=capture)
        image = tmp_path / "cd.iso"
        ask("export", tmp_path / "in", "--profile", "STD-GEN-CD", "--output", image)

        code, answer = ask("check", image, "--profile", "STD-XA1K-CD", "--role", "reader")

        assert code == 1
        assert "profile-icon" in rules(answer) or "profile-key" in rules(answer)

    def test_records_of_other_profiles_are_passed_over(self, ask: Ask, medium: Path) -> None:
        code, answer = ask("check", medium, "--profile", "STD-XA1K-CD", "--role", "reader")

        assert (code, answer["ignored"]) == (0, 3)
        assert not {rule for rule in rules(answer) if rule.startswith("profile-")}

    def test_a_folder_without_directory_is_no_medium(self, ask: Ask, tmp_path: Path) -> None:
        write_series(tmp_path / "loose", 2)

        code, answer = ask(
            "check", tmp_path / "loose", "--profile", "STD-GEN-CD", "--role", "reader"
        )

        assert code == 0
        assert rules(answer) == {"no-dicomdir"}

    def test_a_single_file_is_asked_for_no_directory(self, ask: Ask, tmp_path: Path) -> None:
        image = write_ct(tmp_path / "one")

        _, answer = ask("check", image, "--profile", "STD-GEN-CD", "--role", "reader")

        assert rules(answer) == set()

    def test_a_role_that_the_profile_lacks_is_wrong_usage(self, ask: Ask, tmp_path: Path) -> None:
        image = write_ct(tmp_path / "one")

        code, answer = ask("check", image, "--profile", "STD-DEN-CD", "--role", "updater")

        assert code == 2
        assert "Updater" in answer["error"]

    def test_a_retired_profile_may_be_read(self, ask: Ask, tmp_path: Path) -> None:
        image = write_ct(tmp_path / "one")
        words = ("check", image, "--profile", "STD-WVFM-ECG-FD")

        assert ask(*words)[0] == 2
        code, answer = ask(*words, "--role", "reader")
        assert (code, answer["ignored"]) == (0, 1)


class TestCompression:
    def test_what_would_be_encoded_is_told(self, ask: Ask, tmp_path: Path) -> None:
        image = write_ct(tmp_path / "one")

        code, answer = ask(
            "check", image, "--profile", "STD-CTMR-CD", "--compress", "jpeg-lossless"
        )

        assert code == 0
        (told,) = [one for one in answer["findings"] if one["rule"] == "transfer-syntax"]
        assert "JPEG Lossless SV1" in told["message"]

    def test_a_compression_that_the_profile_lacks_is_wrong_usage(
        self, ask: Ask, tmp_path: Path
    ) -> None:
        image = write_ct(tmp_path / "one")

        code, answer = ask("check", image, "--profile", "STD-CTMR-CD", "--compress", "j2k")

        assert code == 2
        assert "jpeg-lossless" in answer["hint"]

    def test_all_profiles_can_be_asked_for_it(self, ask: Ask, tmp_path: Path) -> None:
        image = write_ct(tmp_path / "one")

        _, answer = ask("check", image, "--compress", "j2k")

        after = {one["name"]: one["after"] for one in answer["profiles"]}
        assert len(after) == 82
        assert "encode" in after["STD-GEN-USB-J2K"]
        assert after["STD-GEN-USB-JPEG"] == []


def test_eighty_answers_fit_a_screen(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(tmp_path / "in", 2)

    code = run(["check", str(tmp_path / "in"), "--home", str(home)])

    told = capsys.readouterr().out
    assert code == 0
    assert len(told.splitlines()) <= 24
    assert "It may go out under:" in told
    assert "STD-GEN-[SEC-]{BD,CD,DVD-RAM}" in told
    assert "the profile does not carry CT Image" in told


class TestIod:
    def test_files_inside_an_image_are_validated_and_nothing_stays_behind(
        self, ask: Ask, medium: Path, home: Path
    ) -> None:
        peer("dciodvfy")
        before = {path for path in home.rglob("*") if path.is_file()}

        code, answer = ask("check", medium, "--profile", "STD-GEN-CD", "--iod")

        assert code == 0
        subjects = {one["subject"] for one in answer["findings"] if one["rule"] == "iod"}
        assert len(subjects) >= 3
        assert {path for path in home.rglob("*") if path.is_file()} - before == set()

    def test_without_a_profile_it_is_told_beside_the_answers(
        self, ask: Ask, tmp_path: Path
    ) -> None:
        peer("dciodvfy")
        image = write_ct(tmp_path / "one", ImageType=None)

        _, answer = ask("check", image, "--iod")

        assert "iod" in rules(answer)
        assert len(answer["profiles"]) == 82
