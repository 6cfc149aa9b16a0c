"""Sources are read as they were planned, whatever the system was asked to read ahead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.errors import MediaError
from mediastation.media.level1 import MediumFile
from mediastation.media.source_reader import SourceReader


def planned(folder: Path, number: int, size_bytes: int = 3) -> list[MediumFile]:
    """Return `number` files that exist, each filled with its own byte."""
    files = []
    for n in range(number):
        source = folder / f"{n}"
        source.write_bytes(bytes([n]) * size_bytes)
        files.append(MediumFile(f"DICOM/IM{n}", source, size_bytes))
    return files


class TestSourceReader:
    @pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [0], []])
    def test_what_is_read_does_not_depend_on_the_order_that_was_told(
        self, tmp_path: Path, order: list[int]
    ) -> None:
        files = planned(tmp_path, 3)
        reader = SourceReader(files[n] for n in order)

        for n, file in enumerate(files):
            reader.open(file)
            assert reader.read(file.size_bytes) == bytes([n]) * 3

    def test_a_file_that_is_gone_stops_the_reading_when_its_turn_comes_and_not_before(
        self, tmp_path: Path
    ) -> None:
        files = planned(tmp_path, 3)
        files[1].source.unlink()
        reader = SourceReader(files)

        reader.open(files[0])
        assert reader.read(3) == b"\0\0\0"
        with pytest.raises(MediaError, match=r"cannot read .*1 for DICOM/IM1"):
            reader.open(files[1])

    def test_a_pipe_ahead_is_not_waited_for_and_refused_in_its_turn(self, tmp_path: Path) -> None:
        files = planned(tmp_path, 2)
        files[1].source.unlink()
        os.mkfifo(files[1].source)
        reader = SourceReader(files)

        reader.open(files[0])
        assert reader.read(3) == b"\0\0\0"
        with pytest.raises(MediaError, match="is not a file"):
            reader.open(files[1])
        reader.close()

    def test_only_some_megabytes_are_asked_for_ahead(self, tmp_path: Path) -> None:
        """Whoever asks for all of 16 GB has the first ones thrown out again by the last ones."""
        files = planned(tmp_path, 40, size_bytes=1 << 20)
        asked = 0

        def order() -> Iterator[MediumFile]:
            nonlocal asked
            for file in files:
                asked += 1
                yield file

        reader = SourceReader(order())
        reader.open(files[0])
        first = asked
        reader.open(files[1])

        assert 1 < first <= 16
        assert asked == first + 1
        reader.close()

    def test_no_file_stays_open_for_what_was_asked_for(self, tmp_path: Path) -> None:
        files = planned(tmp_path, 20)
        before = len(list(Path("/proc/self/fd").iterdir()))
        reader = SourceReader(files)

        reader.open(files[0])
        reader.close()

        assert len(list(Path("/proc/self/fd").iterdir())) == before
