"""Looking at every file of a medium: alike in one process and in several, and gone on with."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mediastation.dicom.header import read_header
from mediastation.errors import CancelledError
from mediastation.importing import look_worker
from mediastation.importing.look import FileKind, look
from mediastation.importing.scan import scan
from mediastation.importing.survey import Survey
from mediastation.importing.survey_rows import Row
from mediastation.reading.memory import MemoryVolume
from mediastation.reading.volume import open_volume
from tests.support.objects import write_ct, write_series

FILES = 150
LARGE = {"Rows": 1024, "Columns": 1024, "PixelData": bytes(range(256)) * (2 * 4096)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Instances small and large, and what is none: more than the processes are told at once."""
    root = tmp_path_factory.mktemp("medium")
    write_series(root / "A", FILES)
    for number in range(3):
        write_ct(root / "B" / f"LARGE{number}", SOPInstanceUID=f"1.2.3.9.{number}", **LARGE)
    (root / "README.TXT").write_bytes(b"Made elsewhere.\r\n")
    (root / "EMPTY").touch()
    (root / "BAD.DCM").write_bytes(b"\xff\xd8\xff\xe0 a picture" * 9)
    return root


@pytest.fixture(scope="module")
def archive(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "medium.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for one in sorted(folder.rglob("*")):
            if one.is_file():
                file.write(one, one.relative_to(folder))
    return path


@pytest.fixture
def survey(tmp_path: Path) -> Iterator[Survey]:
    with Survey(tmp_path / "survey.sqlite") as opened:
        yield opened


def quiet(done: int, total: int) -> None:
    """Nobody listens."""


def rows_of(survey: Survey) -> list[tuple[object, ...]]:
    kinds = [(path, kind) for path, kind, _, _ in survey.kinds()]
    return [*survey, *kinds]


def look_through(medium: Path, survey: Survey, workers: int) -> list[tuple[object, ...]]:
    with open_volume(medium) as volume:
        scan(volume, survey, medium, quiet, workers)
    return rows_of(survey)


class TestProcesses:
    @pytest.mark.parametrize("medium", ["folder", "archive"])
    def test_several_processes_find_what_one_finds(
        self, tmp_path: Path, medium: str, request: pytest.FixtureRequest
    ) -> None:
        path = request.getfixturevalue(medium)
        with Survey(tmp_path / "one") as one, Survey(tmp_path / "two") as two:
            alone = look_through(path, one, 0)
            together = look_through(path, two, 2)

            assert together == alone
            assert len(one) == FILES + 3
            assert one.count(FileKind.OTHER) == 2
            assert one.count(FileKind.EMPTY) == 1

    def test_a_process_that_is_killed_loses_no_file(
        self, folder: Path, survey: Survey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = look_worker._Worker.ask
        asked = []

        def ask(self: look_worker._Worker, start: int, count: int) -> list[Row]:
            asked.append(start)
            if len(asked) == 2:
                self.process.kill()
                self.process.wait()
            return real(self, start, count)

        monkeypatch.setattr(look_worker._Worker, "ask", ask)
        look_through(folder, survey, 2)

        assert len(asked) >= 2
        assert len(survey) == FILES + 3

    def test_where_no_process_can_be_started_this_one_looks(
        self, folder: Path, survey: Survey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError("no more processes")

        monkeypatch.setattr(look_worker, "_Worker", refuse)
        look_through(folder, survey, 2)

        assert len(survey) == FILES + 3

    def test_a_process_that_sees_another_list_is_not_believed(
        self, folder: Path, tmp_path: Path, survey: Survey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The folder changed between its being listed here and there."""
        other = tmp_path / "other"
        write_series(other, FILES + 6, SeriesInstanceUID="1.2.99.1")
        real = look_worker._Worker

        monkeypatch.setattr(look_worker, "_Worker", lambda _: real(other))
        look_through(folder, survey, 2)

        assert {one.series_instance_uid for one in survey} == {"1.2.3.1"}

    def test_whoever_stops_leaves_no_process_behind(
        self, folder: Path, survey: Survey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        started: list[look_worker._Worker] = []
        real = look_worker._Worker

        def start(path: Path) -> look_worker._Worker:
            started.append(real(path))
            return started[-1]

        def stop(done: int, total: int) -> None:
            if done:
                raise CancelledError("stopped")

        monkeypatch.setattr(look_worker, "_Worker", start)
        with open_volume(folder) as volume, pytest.raises(CancelledError):
            scan(volume, survey, folder, stop, 2)

        assert started
        assert all(worker.process.poll() is not None for worker in started)


class TestGoingOn:
    def test_what_was_looked_at_is_not_looked_at_again(
        self, folder: Path, survey: Survey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(done: int, total: int) -> None:
            if done > 0:
                raise CancelledError("stopped")

        with open_volume(folder) as volume, pytest.raises(CancelledError):
            scan(volume, survey, folder, stop, 0)
        known = survey.count()
        assert 0 < known < FILES

        looked = _counted(monkeypatch)
        look_through(folder, survey, 0)

        assert len(survey) == FILES + 3
        assert len(looked) == FILES + 6 - known

    def test_what_changed_or_went_is_forgotten(self, tmp_path: Path, survey: Survey) -> None:
        medium = tmp_path / "stick"
        first, second, _ = write_series(medium, 3)
        look_through(medium, survey, 0)
        first.unlink()
        write_ct(second, SOPInstanceUID="1.2.3.7", PatientID="OTHER")
        os.utime(second, ns=(1, 1))

        look_through(medium, survey, 0)

        assert len(survey) == 2
        assert {one.sop_instance_uid for one in survey} == {"1.2.3.7", "1.2.3.1.3"}

    def test_progress_ends_with_all_bytes(self, folder: Path, survey: Survey) -> None:
        told: list[tuple[int, int]] = []
        with open_volume(folder) as volume:
            scan(volume, survey, folder, lambda done, total: told.append((done, total)), 0)

        total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        assert told[0] == (0, total)
        assert told[-1] == (total, total)
        assert [done for done, _ in told] == sorted(done for done, _ in told)


class TestLook:
    def test_a_large_file_is_read_like_a_small_one(self, folder: Path) -> None:
        path = folder / "B" / "LARGE0"
        with open_volume(folder) as volume:
            (file,) = (one for one in volume.iter_files() if one.path == "B/LARGE0")
            looked = look(volume, file)

        assert looked.header == read_header(path)
        assert looked.kind is FileKind.INSTANCE
        assert looked.size_bytes == path.stat().st_size > 1 << 20

    def test_a_file_that_fails_while_it_is_read_is_told_and_the_rest_is_not_lost(
        self, folder: Path
    ) -> None:
        class Failing(MemoryVolume):
            def open(self, path: str):  # type: ignore[no-untyped-def]
                stream = super().open(path)
                if path == "BAD":
                    stream.read = _fail
                return stream

        good = (folder / "A" / "image00001.dcm").read_bytes()
        volume = Failing({"BAD": good, "GOOD": good})
        looked = {file.path: look(volume, file) for file in volume.iter_files()}

        assert looked["GOOD"].kind is FileKind.INSTANCE
        assert looked["BAD"].kind is FileKind.UNREADABLE
        (told,) = looked["BAD"].findings
        assert told.rule == "unreadable"
        assert told.subject == "BAD"


def _fail(*_: object) -> bytes:
    raise OSError(5, "Input/output error")


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    looked: list[str] = []
    real: Callable[..., object] = look_worker.look

    def counting(volume: object, file: object) -> object:
        looked.append(file.path)  # type: ignore[attr-defined]
        return real(volume, file)

    monkeypatch.setattr(look_worker, "look", counting)
    return looked
