"""A console whose terminal is gone ends, whatever it had still to write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread

from mediastation.console.app import ConsoleApp
from mediastation.console.driver import LastingFile, TerminalDriver


@pytest.mark.timeout(60)
def test_what_cannot_be_written_any_more_keeps_nothing_from_ending() -> None:
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as terminal:
        os.close(master)
        with pytest.raises(OSError, match="Input/output error"):
            os.write(terminal.fileno(), b"gone")
        thread = WriterThread(LastingFile(terminal))
        thread.start()

        for number in range(3 * MAX_QUEUED_WRITES):
            thread.write(f"{number} " * 1000)
        thread.stop()

        assert not thread.is_alive()


def test_what_is_written_arrives_as_long_as_the_terminal_is_there(tmp_path: Path) -> None:
    with (tmp_path / "terminal").open("w") as file:
        lasting = LastingFile(file)

        assert lasting.write("shown") == 5
        lasting.flush()

        assert (tmp_path / "terminal").read_text() == "shown"
        assert lasting.fileno() == file.fileno()
        assert not lasting.isatty()


def test_the_console_writes_that_way(tmp_path: Path) -> None:
    assert ConsoleApp(tmp_path / "home").driver_class is TerminalDriver
