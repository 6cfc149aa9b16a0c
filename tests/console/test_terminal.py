"""The console in a real terminal: an operator's keys, from what is received to a disc that is read.

What comes of it is judged by programs nobody here wrote.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.generate import write_series
from mediastation.station.own_process import own_environment, own_words
from mediastation.station.serving.process import ask_serving, stop_serving
from tests.support.peers import run_peer
from tests.support.served_jobs import Handle
from tests.support.terminal import Terminal

IMAGES = 3


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home that listens wherever there is a port; its `serve` ends with the test."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "config.toml").write_text("port = 0\ndisk_reserve_bytes = 0\n")
    yield folder
    stop_serving(folder)


def console(folder: Path, home: Path, **words: object) -> Terminal:
    """The console as `mediastation` starts it."""
    environment = {"PYTHONPATH": own_environment().get("PYTHONPATH", "")}
    environment |= words.pop("environment", {})  # type: ignore[call-overload]
    return Terminal(folder, own_words(home), environment=environment, **words)  # type: ignore[arg-type]


def command(home: Path, *words: object) -> dict[str, object]:
    """Run a command of the same station and return what it tells."""
    done = subprocess.run(
        own_words(home, *map(str, words), "--json"),
        env=own_environment(), check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def port_of(home: Path) -> str:
    told = ask_serving(home, "ping")
    assert told is not None
    return str(told["port"])


def test_what_is_sent_is_marked_exported_burned_and_read_again(home: Path, tmp_path: Path) -> None:
    sent, disc = tmp_path / "sent", tmp_path / "disc.iso"
    sent.mkdir()
    write_series(sent, IMAGES, 64)
    with console(tmp_path, home) as terminal:
        terminal.wait_for("0 studies", "No studies. Send some", "● listening on 127.0.0.1:")
        files = sorted(sent.iterdir())
        run_peer("storescu", "-aec", "MEDIASTATION", "127.0.0.1", port_of(home), *files)

        terminal.wait_for("1 study, by arrival", "Bench, Mark", "BENCH-0001")
        terminal.press("Space")
        terminal.wait_for(f"■ 1 study, {IMAGES} images", "about 1 CD-80")
        terminal.press("e")
        terminal.wait_for(f"1 study, {IMAGES} images", "1 patient", "✓ 1 × CD-80")
        terminal.press("c")
        terminal.wait_for("Preset    Patient CD", "Profile   STD-GEN-CD")
        terminal.press("End", "Up", "Enter")
        terminal.wait_for("Burn on which drive?", "type /dev/")
        terminal.press("Down", "Enter")
        terminal.wait_for("Which drive?", "stdio:")
        terminal.type(f"stdio:{disc}")
        terminal.press("Enter")
        terminal.wait_without("Which drive?")
        terminal.wait_for("Copies    1 disc of each")
        terminal.press("x")
        terminal.wait_for("images of this patient?", "Bench, Mark (BENCH-0001", "Start (y)")
        terminal.press("y")
        terminal.wait_for("✓ done      Burn a disc", "✓ done      Patient CD", "burned, verified")
        terminal.press("q")
        code, last = terminal.wait_for_end()

    assert code == 0
    assert "The station goes on" in last
    assert "serve --stop" in last
    assert ask_serving(home, "ping") is not None
    assert_holds(disc, files, tmp_path)
    told = command(home, "verify", disc)
    assert told["ok"] is True
    assert told["manifest"] != "structure only"
    assert command(home, "serve", "--stop") == {"stopped": True}


def assert_holds(disc: Path, sent: list[Path], folder: Path) -> None:
    """Let xorriso take the files out and DCMTK read them: the same images, one patient."""
    out = folder / "out"
    run_peer("xorriso", "-osirrox", "on", "-indev", disc, "-extract", "/", out)
    directory = run_peer("dcmdump", out / "DICOMDIR").stdout
    assert re.findall(r"\(0010,0020\) LO \[(.*?)\]", directory) == ["BENCH-0001"]
    file_ids = re.findall(r"\(0004,1500\) CS \[(.*?)\]", directory)
    found = [pixels_of(out.joinpath(*one.split("\\")), folder) for one in file_ids]
    assert sorted(found) == sorted(pixels_of(one, folder) for one in sent)


def pixels_of(path: Path, folder: Path) -> str:
    """Return a digest of the pixels, as DCMTK takes them out."""
    raw = folder / "raw"
    raw.mkdir(exist_ok=True)
    run_peer("dcmdump", "+W", raw, "+P", "PixelData", path)
    (made,) = raw.iterdir()
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    made.unlink()
    return digest


class TestOtherTerminals:
    @pytest.mark.parametrize("term", ["dumb", "unknown"])
    def test_what_cannot_draw_is_told_what_to_do(
        self, home: Path, tmp_path: Path, term: str
    ) -> None:
        with console(tmp_path, home, term=term) as terminal:
            code, said = terminal.wait_for_end()

        assert code == 2
        assert f"TERM is {term}" in said
        assert "Traceback" not in said
        assert "mediastation --help" in said
        assert ask_serving(home, "ping") is None

    def test_what_is_not_set_to_utf_8_is_told_how_to(self, home: Path, tmp_path: Path) -> None:
        environment = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "POSIX"}
        with console(tmp_path, home, environment=environment) as terminal:
            code, said = terminal.wait_for_end()

        assert code == 2
        assert "Traceback" not in said
        assert "LC_ALL=C.UTF-8 mediastation" in said

    @pytest.mark.parametrize(
        ("size", "words"),
        [
            ((40, 12), ("○ not listening", "1 Studies 2 3 4 5 6 7 8 9", "to search")),
            ((20, 5), ("! Enlarge: 40×12",)),
        ],
    )
    def test_without_a_locale_a_small_window_is_readable(
        self, home: Path, tmp_path: Path, size: tuple[int, int], words: tuple[str, ...]
    ) -> None:
        (home / "config.toml").write_text("serve_with_console = false\n")
        environment = {"LC_ALL": "C", "LANG": "", "PYTHONUTF8": "", "PYTHONIOENCODING": ""}
        # What a shell has exported of an earlier size is not believed.
        environment |= {"COLUMNS": "80", "LINES": "24"}
        with console(tmp_path, home, environment=environment, term="linux", size=size) as terminal:
            terminal.wait_for(*words)
            terminal.press("q")
            code, said = terminal.wait_for_end()

        assert code == 0
        assert "Traceback" not in said

    def test_a_suspended_console_comes_back(self, home: Path, tmp_path: Path) -> None:
        (home / "config.toml").write_text("serve_with_console = false\n")
        with console(tmp_path, home) as terminal:
            terminal.wait_for("Mediastation │", "8 Setup")
            terminal.press("C-z")
            terminal.wait_for("Nothing to take back.")

            program = Handle(terminal.program)
            try:
                program.send(signal.SIGTSTP)
                terminal.wait_without("Mediastation │")
                program.send(signal.SIGCONT)
                terminal.wait_for("Mediastation │", "8 Setup")
            finally:
                program.close(kill=False)
            terminal.press("q")
            code, said = terminal.wait_for_end()

        assert code == 0
        assert "Traceback" not in said


def test_a_terminal_that_is_closed_ends_its_console_without_a_fault(
    home: Path, tmp_path: Path
) -> None:
    with console(tmp_path, home) as terminal:
        terminal.wait_for("No studies. Send some", "● listening on 127.0.0.1:")
        program = Handle(terminal.program)
    try:
        program.wait()
    finally:
        program.close()

    assert list(home.glob("fault-*")) == []
    assert ask_serving(home, "ping") is not None, "what it has begun goes on"
