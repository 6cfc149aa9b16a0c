"""Options of what seals media: the password goes apart from the medium, and is not lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.catalog.jobs import JobTable
from mediastation.errors import MediaError
from tests.support.commands import Ask
from tests.support.objects import write_series

WORDS = "canary lobster velvet harbor tunnel quartz 7"


@pytest.fixture
def words(home: Path, tmp_path: Path) -> tuple[object, ...]:
    """An export of two objects, sealed."""
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("[secure]\niterations = 100000\n")
    write_series(tmp_path / "in", 2)
    return (
        *("export", tmp_path / "in", "--profile", "STD-GEN-SEC-USB-JPEG"),
        *("--output", tmp_path / "stick"),
    )


def write_private(path: Path, text: str = WORDS) -> Path:
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    return path


class TestApart:
    """What the site adds lies on the medium in clear; a password in there would open it."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "INFO").mkdir()
        (tmp_path / "INFO" / "READ.TXT").write_text("Ward 4\n")
        return tmp_path / "INFO"

    @pytest.mark.parametrize("queue", [(), ("--queue",)], ids=["now", "queued"])
    def test_a_sheet_in_a_folder_that_goes_onto_the_medium_is_refused(
        self, ask: Ask, words: tuple[object, ...], folder: Path, tmp_path: Path, queue: tuple[str]
    ) -> None:
        code, told = ask(
            *words, *queue, "--include", folder, "--make-password", "--sheet", folder / "s.html"
        )

        assert code == 2
        assert "would lie on the medium" in told["error"]
        assert [path.name for path in folder.iterdir()] == ["READ.TXT"]
        assert not (tmp_path / "stick").exists()
        assert ask("jobs")[1]["jobs"] == []

    def test_so_is_a_password_file(
        self, ask: Ask, words: tuple[object, ...], folder: Path, tmp_path: Path
    ) -> None:
        file = write_private(folder / "secret")

        code, told = ask(*words, "--include", folder, "--password-file", file)

        assert code == 2
        assert "would lie on the medium" in told["error"]
        assert not (tmp_path / "stick").exists()

    def test_elsewhere_both_are_taken(
        self, ask: Ask, words: tuple[object, ...], folder: Path, tmp_path: Path
    ) -> None:
        file = write_private(tmp_path / "secret")

        code, _ = ask(
            *words, "--include", folder, "--password-file", file, "--sheet", tmp_path / "s.html"
        )

        assert code == 0
        assert WORDS.replace(" ", "␣") in (tmp_path / "s.html").read_text()
        for path in (tmp_path / "stick").rglob("*"):
            assert path.is_dir() or WORDS.encode() not in path.read_bytes()


class TestSheet:
    def test_it_stays_where_the_home_fails_when_the_medium_stands(
        self,
        ask: Ask,
        words: tuple[object, ...],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Nobody else knows the password; the command only failed to write how it ended."""

        def full(*_words: object) -> None:
            raise MediaError("The disk is full.")

        monkeypatch.setattr(JobTable, "end", full)
        code, told = ask(*words, "--make-password", "--sheet", tmp_path / "sheet.html")

        assert (code, told["error"]) == (3, "The disk is full.")
        assert (tmp_path / "stick" / "DICOMDIR").exists()
        assert (tmp_path / "sheet.html").exists()
