"""Encrypting in a real terminal: the words on the screen open the stick, and lie nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.station.gather import add
from mediastation.station.own_process import own_environment, own_words
from mediastation.station.serving.process import stop_serving
from mediastation.station.station import Station
from tests.console.support import files_with
from tests.support.objects import write_series
from tests.support.terminal import Terminal

_WORD = re.compile(r"\b([1-7])  +((?:[a-z] )+[a-z])\b")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home with one patient; its `serve` ends with the test."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "config.toml").write_text("port = 0\ndisk_reserve_bytes = 0\ngrowing_seconds = 0\n")
    write_series(tmp_path / "own", 2, StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1")
    with Station(folder) as station:
        add(station, [str(tmp_path / "own")])
    yield folder
    stop_serving(folder)


def words_on(screen: str) -> str:
    """Return the passphrase that is shown, as somebody copies it down."""
    found = {int(number): word.replace(" ", "") for number, word in _WORD.findall(screen)}
    return " ".join(found[number] for number in sorted(found))


def test_what_the_screen_shows_opens_the_stick_that_it_made(home: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": own_environment().get("PYTHONPATH", "")}
    stick = tmp_path / "stick"
    with Terminal(tmp_path, own_words(home), environment=environment) as one:
        one.wait_for("1 study, by arrival", "● listening on 127.0.0.1:")
        one.press("Space")
        one.wait_for("1 study")
        one.press("e")
        one.wait_for("1 study, 2 images", "▶ Start")
        one.press("e")
        one.wait_for("▣ encrypted", "✓ 1 folder for USB", "made up, shown once")
        one.press("x")
        one.wait_for("▣ ENCRYPTED", "Doe, Jane", "Start (y)")
        one.press("y")
        screen = one.wait_for("It is shown only now", "I have it (d)")
        password = words_on(screen)
        one.press("p")
        one.wait_for("Write the sheet to which new")
        one.press("Enter")
        one.wait_for("Print it, and delete the file")
        one.press("d")
        one.wait_for("Encrypted stick", "1 volume, verified")
        one.press("9")
        one.wait_for("Nothing was imported yet.")
        one.press("q")
        code, _ = one.wait_for_end()

    assert code == 0
    assert len(password.split()) == 7
    (output,) = [path for path in (home / "images").iterdir() if path.is_dir()]
    output.rename(stick)
    (sheet,) = (home / "images").glob("job-*-password.pdf")
    sheet.unlink()
    assert files_with(home, password) == []
    assert files_with(stick, password) == []
    content = b"".join(path.read_bytes() for path in stick.rglob("*") if path.is_file())
    assert b"Doe" not in content
    assert b"4711" not in content
    with Terminal(tmp_path, own_words(home), environment=environment) as one:
        one.wait_for("1 study, by arrival")
        one.press("9")
        one.wait_for("Nothing was imported yet.")
        one.press("o")
        one.wait_for("Import which image, folder")
        one.type(str(stick))
        one.press("Enter")
        one.wait_for("? waiting", "It asks:")
        one.press("a")
        one.wait_for("or a key file")
        one.type(password.upper())
        one.press("Enter")
        one.wait_for("✓ done", "here before 2", "▣ opened 3")
        one.press("q")
        one.wait_for_end()
    assert files_with(home, password) == []
