"""import of a sealed medium by command: words in, exit codes out, and who is asked what."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from mediastation.cli import secrets
from mediastation.cli.app import run
from mediastation.station.station import Station
from tests.support.certificates import issue
from tests.support.commands import Ask
from tests.support.file_sets import write_folder
from tests.support.outside.damage import good_tree
from tests.support.outside.patients import COUNT
from tests.support.sealed_media import WORDS, sealed_tree
from tests.support.served_jobs import Serve, job_of, wait_for_end, wait_until


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    return write_folder(sealed_tree(good_tree()), tmp_path / "stick")


@pytest.fixture
def words(tmp_path: Path) -> Path:
    return _password_file(tmp_path / "words", WORDS)


def _password_file(path: Path, text: str) -> Path:
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    return path


class _Keyboard:
    """Somebody who types `answer` where a password is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
        self.asked: list[str] = []
        monkeypatch.setattr(secrets, "can_ask", lambda: True)
        monkeypatch.setattr("mediastation.cli.import_command.can_ask", lambda: True)

        def type_it(prompt: str) -> str:
            self.asked.append(prompt)
            return answer

        monkeypatch.setattr(getpass, "getpass", type_it)


class TestPassword:
    def test_a_file_opens_it(self, ask: Ask, medium: Path, words: Path) -> None:
        code, told = ask("import", medium, "--password-file", words)

        assert code == 0
        assert (told["imported"], told["opened"]) == (COUNT, COUNT + 1)
        assert WORDS not in str(told)

    def test_the_environment_opens_it(
        self, ask: Ask, medium: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MEDIASTATION_PASSWORD", WORDS)

        assert ask("import", medium)[0] == 0

    def test_a_wrong_one_is_refused_with_4(self, ask: Ask, medium: Path, tmp_path: Path) -> None:
        wrong = _password_file(tmp_path / "wrong", "another one")

        code, told = ask("import", medium, "--password-file", wrong)

        assert code == 4
        assert "sealed for a password" in told["error"]
        assert ask("list", "instances")[1]["rows"] == []

    def test_a_script_without_one_is_told_what_to_give(self, ask: Ask, medium: Path) -> None:
        code, told = ask("import", medium)

        assert code == 4
        assert "--password-file" in told["hint"]
        assert "--key" in told["hint"]

    def test_whoever_is_at_the_keyboard_is_asked(
        self, home: Path, medium: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        keyboard = _Keyboard(monkeypatch, WORDS)

        code = run(["import", str(medium), "--home", str(home)])

        out, err = capsys.readouterr()
        assert code == 0
        assert len(keyboard.asked) == 1
        assert "is sealed for a password" in err
        assert f"{COUNT + 1} files out of envelopes" in out
        assert WORDS not in out + err

    def test_nobody_is_asked_about_a_plain_medium(
        self, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keyboard = _Keyboard(monkeypatch, WORDS)

        code, told = ask("import", write_folder(good_tree(), tmp_path / "plain"))

        assert (code, told["imported"], told["opened"]) == (0, COUNT, 0)
        assert keyboard.asked == []


class TestKey:
    def test_a_key_opens_what_was_sealed_for_its_certificate(
        self, ask: Ask, tmp_path: Path
    ) -> None:
        ann = issue("Ann")
        _, key = ann.write(tmp_path, "ann")
        tree = sealed_tree(good_tree(), certificates=[ann.certificate])
        medium = write_folder(tree, tmp_path / "stick")

        code, told = ask("import", medium, "--key", key)

        assert (code, told["imported"]) == (0, COUNT)
        assert ask("jobs", told["job"])[1]["jobs"][0]["request"]["key"] == [str(key)]

    def test_somebody_elses_key_is_refused_and_it_is_told_for_whom_it_is(
        self, ask: Ask, tmp_path: Path
    ) -> None:
        ann, bob = issue("Ann"), issue("Bob", number=1)
        _, key = bob.write(tmp_path, "bob")
        tree = sealed_tree(good_tree(), certificates=[ann.certificate])
        medium = write_folder(tree, tmp_path / "stick")

        code, told = ask("import", medium, "--key", key)

        assert code == 4
        assert "Ann" in told["error"]

    def test_what_is_no_key_is_refused_before_a_job_begins(
        self, ask: Ask, medium: Path, tmp_path: Path
    ) -> None:
        code, told = ask("import", medium, "--key", issue("Ann").write(tmp_path, "ann")[0])

        assert code == 4
        assert "no private key" in told["error"]
        assert ask("jobs")[1]["jobs"] == []

    def test_nobody_is_asked_for_a_password_that_opens_nothing(
        self, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keyboard = _Keyboard(monkeypatch, WORDS)
        tree = sealed_tree(good_tree(), certificates=[issue("Ann").certificate])

        code, told = ask("import", write_folder(tree, tmp_path / "stick"))

        assert (code, keyboard.asked) == (4, [])
        assert "--key" in told["hint"]


class TestQueue:
    def test_the_password_goes_with_the_job_and_later_with_an_answer(
        self, ask: Ask, home: Path, tmp_path: Path, medium: Path, words: Path
    ) -> None:
        with Serve(home, tmp_path / "log"), Station(home) as station:
            code, told = ask("import", medium, "--queue", "--password-file", words)
            assert code == 0
            record = wait_for_end(station, told["job"])
            assert record.result["imported"] == COUNT, record.message

            _, told = ask("import", medium, "--queue")
            asked = told["job"]
            wait_until(lambda: job_of(station, asked).question is not None, "the question")
            assert ask("jobs", asked, "--answer", "password", "--password-file", words)[0] == 0
            record = wait_for_end(station, asked)

            assert record.result["duplicates"] == COUNT, record.message
            assert WORDS not in str(station.jobs.latest(station.clock.now()))
        assert WORDS.encode() not in (tmp_path / "log").read_bytes()
