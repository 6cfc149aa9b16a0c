"""Without a command the console opens on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mediastation.__main__ import wants_console


@pytest.mark.parametrize(
    "words", [[], ["--home", "x"], ["--home=x"]], ids=["nothing", "two words", "one word"]
)
def test_no_command_wants_the_console(words: list[str]) -> None:
    assert wants_console(words)


@pytest.mark.parametrize(
    "words",
    [["list"], ["--help"], ["--home"], ["--home="], ["--home", ""], ["--home", "x", "list"]],
)
def test_anything_else_is_a_command(words: list[str]) -> None:
    assert not wants_console(words)


def test_without_a_terminal_the_commands_are_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mediastation", "--home", tmp_path / "home"],
        check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip

    assert done.returncode == 2
    assert "mediastation --help" in done.stderr
    assert not (tmp_path / "home").exists()


class Terminal:
    """A command on a terminal of its own; `until` waits for what it draws."""

    def __init__(self, home: Path, **more: str) -> None:
        self.master, slave = pty.openpty()
        os.set_blocking(self.master, False)
        self.drawn = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mediastation", "--home", str(home)],
            stdin=slave, stdout=slave, stderr=slave, close_fds=True,
            env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24",
                              "MEDIASTATION_SERVE_WITH_CONSOLE": "false"} | more,
        )  # fmt: skip
        os.close(slave)

    def until(self, words: bytes, timeout_s: float = 60) -> bool:
        deadline = time.monotonic() + timeout_s
        while words not in self.drawn and time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    data = os.read(self.master, 1 << 16)
                except OSError:
                    break
                if not data:
                    break
                self.drawn += data
        return words in self.drawn

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        os.close(self.master)


class TestOnATerminal:
    def test_it_draws_opens_the_station_and_leaves(self, tmp_path: Path) -> None:
        terminal = Terminal(tmp_path / "home")
        try:
            assert terminal.until(b"Studies")
            assert terminal.until(b"not listening")
            os.write(terminal.master, b"q")
            terminal.until(b"\x1b[?1049l")

            assert terminal.process.wait(60) == 0
            assert b"Traceback" not in terminal.drawn
        finally:
            terminal.close()

    def test_a_terminal_that_is_gone_without_a_word_ends_it(self, tmp_path: Path) -> None:
        terminal = Terminal(tmp_path / "home")
        try:
            assert terminal.until(b"not listening")
            os.close(terminal.master)
            assert terminal.process.wait(60) == 0
        finally:
            terminal.master = os.open(os.devnull, os.O_RDONLY)
            terminal.close()

    def test_wrong_settings_are_told_as_a_command_would(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text("aet = 5\n")
        terminal = Terminal(home)
        try:
            assert terminal.until(b"The settings are wrong")
            assert terminal.process.wait(60) == 2
            assert b"Traceback" not in terminal.drawn
        finally:
            terminal.close()
