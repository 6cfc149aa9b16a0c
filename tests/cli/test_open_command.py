"""`open`, `verify` and `drill` with passwords and keys: words, exit codes, JSON keys, no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mediastation.cli.app import run
from tests.support.certificates import issue
from tests.support.commands import Ask
from tests.support.file_sets import PATHS, good_file_set, write_folder
from tests.support.objects import write_series
from tests.support.sealed_media import WORDS, sealed_tree

FILES = good_file_set()


@pytest.fixture
def password(tmp_path: Path) -> Path:
    return secret(tmp_path / "password.txt", WORDS)


def secret(path: Path, words: str) -> Path:
    path.touch(0o600)
    path.write_text(f"{words}\n")
    return path


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    return write_folder(sealed_tree(FILES), tmp_path / "stick")


class TestOpen:
    def test_it_prints_what_the_contract_says(
        self, ask: Ask, stick: Path, password: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"

        code, told = ask("open", stick, "--output", out, "--password-file", password)

        assert code == 0
        assert told.keys() == {
            "job", "path", "files", "bytes", "envelopes", "damaged", "signatures", "findings",
        }  # fmt: skip
        assert (told["files"], told["envelopes"]) == (7, 7)
        assert (out / PATHS[0]).read_bytes() == FILES[PATHS[0]]
        assert ask("verify", out)[1]["ok"]

    def test_a_wrong_password_is_exit_code_4_and_leaves_nothing(
        self, ask: Ask, stick: Path, tmp_path: Path
    ) -> None:
        wrong = secret(tmp_path / "wrong.txt", "wrong")
        before = sorted(tmp_path.iterdir())

        code, told = ask("open", stick, "--output", tmp_path / "out", "--password-file", wrong)

        assert code == 4
        assert "the password or key is wrong" in told["error"]
        assert told["findings"] == []
        assert [path for path in sorted(tmp_path.iterdir()) if path.name != "home"] == before

    def test_a_wrong_key_is_exit_code_4(self, ask: Ask, tmp_path: Path) -> None:
        tree = sealed_tree(FILES, certificates=[issue("Ann").certificate])
        _, key = issue("Bob", number=1).write(tmp_path, "bob")
        words = ("--output", tmp_path / "out", "--key", key)

        code, told = ask("open", write_folder(tree, tmp_path / "stick"), *words)

        assert (code, (tmp_path / "out").exists()) == (4, False)
        assert "sealed for certificate" in told["error"]

    def test_a_damaged_file_is_exit_code_1(
        self, ask: Ask, stick: Path, password: Path, tmp_path: Path
    ) -> None:
        (stick / PATHS[0]).write_bytes((stick / PATHS[0]).read_bytes()[:-50])

        code, told = ask("open", stick, "--output", tmp_path / "o", "--password-file", password)

        assert (code, told["damaged"], told["files"]) == (1, 1, 6)

    def test_without_anything_to_open_it_with_it_is_exit_code_4(
        self, ask: Ask, stick: Path, tmp_path: Path
    ) -> None:
        """Nobody is at the keyboard here."""
        code, told = ask("open", stick, "--output", tmp_path / "out")

        assert (code, "--password-file" in told["hint"]) == (4, True)

    def test_the_password_may_stand_in_the_environment(
        self, ask: Ask, stick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MEDIASTATION_PASSWORD", WORDS)

        assert ask("open", stick, "--output", tmp_path / "out")[0] == 0

    def test_the_password_stands_nowhere_afterwards(
        self, ask: Ask, stick: Path, password: Path, home: Path, tmp_path: Path
    ) -> None:
        ask("open", stick, "--output", tmp_path / "out", "--password-file", password)
        ask("verify", stick, "--password-file", password)
        ask("drill", stick, "--password-file", password)

        kept = [path for path in home.rglob("*") if path.is_file()]
        assert kept
        assert [path for path in kept if WORDS.encode() in path.read_bytes()] == []

    def test_people_are_told_in_words(
        self,
        stick: Path,
        password: Path,
        home: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        words = ["open", stick, "--output", tmp_path / "out", "--password-file", password]

        assert run([*map(str, words), "--home", str(home)]) == 0
        assert "7 files" in capsys.readouterr().out


class TestVerify:
    @pytest.fixture
    def disc(self, ask: Ask, password: Path, home: Path, tmp_path: Path) -> Path:
        """A sealed CD that was made here."""
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text("[secure]\niterations = 100000\n")
        write_series(tmp_path / "in", 3)
        code, told = ask(
            "export", tmp_path / "in", "--profile", "STD-GEN-SEC-CD",
            "--output", tmp_path / "disc.iso", "--password-file", password,
        )  # fmt: skip
        assert code == 0, told
        return tmp_path / "disc.iso"

    def test_without_the_password_every_byte_is_proved_and_nothing_inside(
        self, ask: Ask, disc: Path
    ) -> None:
        code, told = ask("verify", disc)

        assert (code, told["ok"], told["manifest"]) == (0, True, "job")
        assert (told["envelopes"], told["opened"]) == (4, 0)

    def test_with_the_password_what_is_inside_is_proved_as_well(
        self, ask: Ask, disc: Path, password: Path, home: Path
    ) -> None:
        code, told = ask("verify", disc, "--password-file", password)

        assert (code, told["ok"], told["manifest"]) == (0, True, "job")
        assert (told["envelopes"], told["opened"]) == (4, 4)
        kept = json.loads(max(home.rglob("report.json")).read_text())
        assert "Every byte" in kept["proved"]
        assert "holds what was sealed" in kept["proved"]

    def test_against_its_manifest_it_is_the_right_disc(
        self, ask: Ask, disc: Path, password: Path, home: Path
    ) -> None:
        (manifest,) = home.rglob("manifest.json")

        for words in ((), ("--password-file", password)):
            code, told = ask("verify", disc, "--manifest", manifest, *words)
            assert (code, told["ok"]) == (0, True), told["findings"]

    def test_a_wrong_password_is_exit_code_4(self, ask: Ask, disc: Path, tmp_path: Path) -> None:
        wrong = secret(tmp_path / "wrong.txt", "wrong")

        code, told = ask("verify", disc, "--password-file", wrong)

        assert (code, "sealed for a password" in told["error"]) == (4, True)

    def test_recipients_without_a_key_are_asked_as_always(
        self, ask: Ask, disc: Path, password: Path
    ) -> None:
        """That we can look inside does not help a viewer that cannot."""
        _, told = ask("verify", disc, "--as-recipient", "--password-file", password)

        by_directory = [row for row in told["compatibility"] if "secure envelopes" in row["detail"]]
        assert by_directory
        assert {row["verdict"] for row in by_directory} == {"not applicable"}


class TestDrill:
    def test_it_prints_what_the_contract_says(self, ask: Ask, stick: Path, password: Path) -> None:
        code, told = ask("drill", stick, "--password-file", password, "--sample", 3)

        assert code == 0
        assert told.keys() == {
            "job", "media", "gone", "envelopes", "tried", "opened", "equal", "findings",
        }  # fmt: skip
        assert (told["media"], told["envelopes"], told["tried"], told["opened"]) == (1, 7, 3, 3)

    def test_a_wrong_password_is_exit_code_4(self, ask: Ask, stick: Path, tmp_path: Path) -> None:
        wrong = secret(tmp_path / "wrong.txt", "wrong")

        code, told = ask("drill", stick, "--password-file", wrong)

        assert (code, "No envelope opened, of 7 that were tried" in told["error"]) == (4, True)

    def test_a_medium_that_is_not_there_is_a_wrong_word(self, ask: Ask, password: Path) -> None:
        assert ask("drill", "/no/such", "--password-file", password)[0] == 2

    def test_its_jobs_say_what_they_were_about(
        self, ask: Ask, stick: Path, password: Path, tmp_path: Path
    ) -> None:
        ask("open", stick, "--output", tmp_path / "out", "--password-file", password)
        ask("drill", stick, "--password-file", password)

        _, told = ask("jobs")

        assert [(job["kind"], job["state"]) for job in told["jobs"]] == [
            ("drill", "done"), ("open", "done"),
        ]  # fmt: skip
