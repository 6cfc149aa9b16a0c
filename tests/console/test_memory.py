"""What the console remembers is private, and never keeps it from starting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mediastation.console.memory import NAME, read_memory, write_memory


def test_what_was_written_is_read_and_private(tmp_path: Path) -> None:
    write_memory(tmp_path, {"theme": "light"})

    assert read_memory(tmp_path) == {"theme": "light"}
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 2, "values": {"theme": "x"}}',
        b'{"version": 1, "values": []}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_file_that_makes_no_sense_is_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)

    assert read_memory(tmp_path) == {}


def test_a_pipe_in_its_place_stops_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)

    assert read_memory(tmp_path) == {}
