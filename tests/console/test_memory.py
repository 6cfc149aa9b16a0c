"""What the console remembers is private, and never keeps it from starting."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from mediastation.console.memory import NAME, change_memory, read_memory, write_memory


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


class TestTwoConsoles:
    def test_what_the_other_remembers_stays(self, tmp_path: Path) -> None:
        write_memory(tmp_path, {"theme": "light"})

        change_memory(tmp_path, "jobs.which", "open")

        assert read_memory(tmp_path) == {"theme": "light", "jobs.which": "open"}

    def test_whole_values_are_not_mixed(self, tmp_path: Path) -> None:
        """Choices belong together: half of each would be nobody's."""
        change_memory(tmp_path, "export.choices", {"profile": "A", "medium": "B"})

        change_memory(tmp_path, "export.choices", {"profile": "C"}, {})

        assert read_memory(tmp_path)["export.choices"] == {"profile": "C"}

    def test_entries_of_both_are_kept(self, tmp_path: Path) -> None:
        start = {"studies": {"1": "Doe", "2": "Roe"}, "series": {}}
        change_memory(tmp_path, "marks", start)
        one = {"studies": {"1": "Doe", "2": "Roe", "3": "Poe"}, "series": {}}
        other = {"studies": {"2": "Roe"}, "series": {"9": ["4", "Moe"]}}

        change_memory(tmp_path, "marks", one, start, by_entry=True)
        change_memory(tmp_path, "marks", other, start, by_entry=True)

        assert read_memory(tmp_path)["marks"] == {
            "studies": {"2": "Roe", "3": "Poe"},
            "series": {"9": ["4", "Moe"]},
        }

    @pytest.mark.parametrize("there", [None, 5, "x", [1], {"a": 1}])
    def test_whatever_stands_there_the_own_change_is_written(
        self, tmp_path: Path, there: object
    ) -> None:
        write_memory(tmp_path, {"marks": there})

        change_memory(tmp_path, "marks", {"a": {"b": 2}}, {"a": {}}, by_entry=True)

        assert read_memory(tmp_path)["marks"] == {"a": {"b": 2}}

    def test_many_writers_at_once_lose_nothing(self, tmp_path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        writers = [context.Process(target=_write_ten, args=(tmp_path, n)) for n in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(60)
            assert writer.exitcode == 0

        values = read_memory(tmp_path)
        assert values["marks"] == {f"{n}.{k}": "" for n in range(3) for k in range(10)}
        assert {f"own {n}" for n in range(3)} <= values.keys()


def _write_ten(home: Path, number: int) -> None:
    known: dict[str, str] = {}
    for k in range(10):
        more = {**known, f"{number}.{k}": ""}
        change_memory(home, "marks", more, known, by_entry=True)
        change_memory(home, f"own {number}", k)
        known = more
