"""Imports that were stopped or killed: what they leave, and how they go on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from mediastation.catalog.listing import list_rows
from mediastation.catalog.selection import find_entries
from mediastation.catalog.upkeep import forget
from mediastation.errors import CancelledError, ConfigError, MediaError
from mediastation.importing import keep as keep_module
from mediastation.importing.survey import Survey
from mediastation.model.entry import Source
from mediastation.model.event import Event, StepProgress
from mediastation.model.job import JobState
from mediastation.station.intake import import_medium as module
from mediastation.station.intake import reading_place
from mediastation.station.intake.folder import clear_stopped, survey_path
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.quarantine_desk import held_files
from mediastation.station.intake.request import ImportRequest
from mediastation.station.station import Station
from tests.station.intake.plain_stick import no_answer, rules, take, write_stick
from tests.support.commands import CommandNursery
from tests.support.objects import write_ct, write_series
from tests.support.small_iso import small_iso

KILLS = 8


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    return write_stick(tmp_path / "stick")


def stop_while_keeping(station: Station, medium: Path, at: int = 3000) -> None:
    """Begin an import that ends once something is kept; with `at` 0, before anything is."""

    def listener(event: Event) -> None:
        if isinstance(event, StepProgress) and event.step == "keep" and event.done >= at:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keep_module, "_BATCH_FILES", 2)
        with pytest.raises(KeyboardInterrupt):
            import_medium(station, ImportRequest(medium), listener)


def copied(path: Path, station: Station) -> Path:
    """Lay a file into the folder that the door takes files from."""
    target = station.intake.new_path()
    shutil.copyfile(path, target)
    return target


class TestStopped:
    def test_a_cancelled_import_goes_on_where_it_was(self, station: Station, medium: Path) -> None:
        def listener(event: Event) -> None:
            if isinstance(event, StepProgress) and event.step == "keep" and event.done:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            import_medium(station, ImportRequest(medium), listener)

        result = take(station, medium)

        assert (result.found, result.imported, result.duplicates) == (6, 6, 0)
        assert "goes-on" in rules(result)
        assert len(list_rows(station.catalog, "instances")) == 6

    def test_files_that_changed_meanwhile_are_looked_at_again(
        self, station: Station, medium: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The stick was taken out, and came back with other files on it."""

        def stop(*_: object, **__: object) -> None:
            raise CancelledError("stopped")

        with monkeypatch.context() as patch:
            patch.setattr(module, "examine", stop)
            with pytest.raises(CancelledError):
                take(station, medium)
        shutil.rmtree(medium / "IMAGES")
        write_series(medium / "IMAGES", 4, PatientID="EXT-2", SeriesInstanceUID="1.2.9.1")

        result = take(station, medium)

        assert (result.found, result.imported) == (4, 4)
        assert [row["patient_id"] for row in list_rows(station.catalog, "patients")] == ["EXT-2"]

    def test_another_stick_whose_files_look_alike_is_another_stick(
        self, station: Station, medium: Path
    ) -> None:
        """Some burners date every file alike, and images of one kind are all of one size."""

        def dated() -> None:
            for path in (medium / "IMAGES").iterdir():
                os.utime(path, (1_000_000_000, 1_000_000_000))

        dated()
        stop_while_keeping(station, medium)
        shutil.rmtree(medium / "IMAGES")
        write_series(medium / "IMAGES", 6, PatientID="EXT-2", InstitutionName="Elsewhere",
                     SeriesInstanceUID="1.2.3.9", StudyInstanceUID="1.2.9")  # fmt: skip
        dated()

        result = take(station, medium)

        assert (result.found, result.imported, result.refused) == (6, 6, 0)
        assert [row["patient_id"] for row in result.patients] == ["EXT-2"]
        assert len(find_entries(station.catalog, f"import:{result.job}")) == 6
        assert len(find_entries(station.catalog, "patient:EXT-2")) == 6

    def test_what_was_forgotten_since_is_taken_in_again(
        self, station: Station, medium: Path
    ) -> None:
        stop_while_keeping(station, medium)
        forget(station.catalog, find_entries(station.catalog, "patient:EXT-1"))

        result = take(station, medium)

        assert (result.found, result.imported) == (6, 6)
        assert len(list_rows(station.catalog, "instances")) == 6

    def test_what_came_in_since_by_another_way_is_compared_too(
        self, station: Station, medium: Path, tmp_path: Path
    ) -> None:
        """Each was judged when nothing like it was here."""
        stop_while_keeping(station, medium, at=0)
        path = write_ct(tmp_path / "sent.dcm", SOPInstanceUID="1.2.3.1.4", PatientID="EXT-1",
                        InstanceNumber="4", PixelData=bytes(32))  # fmt: skip
        station.intake.keep(copied(path, station), Source("network", "MR1"))

        result = take(station, medium)

        assert (result.imported, result.held) == (5, 1)
        assert "other-pixels" in rules(result)

    def test_what_was_kept_before_it_could_be_noted_came_with_the_medium_however_often_it_stops(
        self, station: Station, medium: Path
    ) -> None:
        def stop(*_: object, **__: object) -> None:
            raise CancelledError("stopped")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "take_up", lambda *_: None)
            patch.setattr(Survey, "set_fates", stop)
            with pytest.raises(CancelledError):
                take(station, medium)
        for _ in range(2):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(module, "compare_instances", stop)
                with pytest.raises(CancelledError):
                    take(station, medium)

        assert take(station, medium).imported == 6

    def test_what_comes_in_by_another_way_between_comparing_and_keeping_is_told(
        self, station: Station, medium: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = module.compare_instances

        def overtaken(*words: Any) -> None:
            real(*words)
            path = write_ct(tmp_path / "sent.dcm", SOPInstanceUID="1.2.3.1.4", PatientID="EXT-1",
                            InstanceNumber="4", PixelData=bytes(32))  # fmt: skip
            station.intake.keep(copied(path, station), Source("network", "MR1"))

        monkeypatch.setattr(module, "compare_instances", overtaken)
        result = take(station, medium)

        assert result.imported == 6
        assert [one.subject for one in result.findings if one.rule == "conflict"] == ["1.2.3.1.4"]

    def test_the_run_that_goes_on_tells_what_is_held_as_well(
        self, station: Station, medium: Path
    ) -> None:
        write_ct(medium / "RIVAL", SOPInstanceUID="1.2.3.1.4", PatientID="EXT-1",
                 PixelData=bytes(32))  # fmt: skip

        def stop(*_: object, **__: object) -> None:
            raise CancelledError("stopped")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "count", stop)
            with pytest.raises(CancelledError):
                take(station, medium)

        result = take(station, medium)

        assert (result.imported, result.held) == (6, 1)
        assert "other-pixels" in rules(result)
        assert "/stick:RIVAL; it differs in" in Path(result.report).read_text(encoding="utf-8")

    def test_a_file_that_changes_between_look_and_keeping_is_refused(
        self, station: Station, medium: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = module.examine

        def changing(*words: object, **more: object) -> object:
            path = sorted((medium / "IMAGES").iterdir())[0]
            data = bytearray(path.read_bytes())
            data[-1] ^= 1
            path.write_bytes(data)
            return real(*words, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(module, "examine", changing)
        result = take(station, medium)

        assert (result.found, result.imported, result.refused) == (6, 5, 1)
        assert "changed" in rules(result)

    def test_a_full_disk_keeps_what_is_whole_and_the_next_run_the_rest(
        self, station: Station, medium: Path
    ) -> None:
        station.settings = station.settings.model_copy(update={"disk_reserve_bytes": 1 << 62})
        with pytest.raises(MediaError, match="reserve"):
            take(station, medium)
        station.settings = station.settings.model_copy(update={"disk_reserve_bytes": 0})

        assert take(station, medium).imported == 6

    def test_one_process_imports_a_medium_at_a_time(self, station: Station, medium: Path) -> None:
        with (
            module.hold_medium(station, medium.absolute()),
            pytest.raises(ConfigError, match="being imported"),
        ):
            take(station, medium)

    def test_what_is_not_there_is_told_before_a_job_begins(self, station: Station) -> None:
        with pytest.raises(ConfigError, match="does not exist"):
            take(station, Path("/nowhere/at/all"))
        assert station.jobs.latest(0) == []

    @pytest.mark.parametrize("seed", range(2))
    def test_killed_at_any_moment_nothing_is_lost_and_nothing_twice(
        self, tmp_path: Path, seed: int
    ) -> None:
        source, home, log = tmp_path / "stick", tmp_path / "home", tmp_path / "log"
        pixels = {"Rows": 64, "Columns": 64, "PixelData": bytes(64 * 64 * 2)}
        for number in range(4):
            write_series(source / f"S{number}", 60, SeriesInstanceUID=f"1.2.3.{number}",
                         StudyInstanceUID="1.2.3", **pixels)  # fmt: skip
        chance, killed = random.Random(seed), 0
        with CommandNursery() as nursery:
            for number in range(2):  # the first one also fills caches
                begun = time.monotonic()
                nursery.start(log, "--home", tmp_path / f"other{number}", "import", source)
                assert nursery.end() == 0
                whole_s = time.monotonic() - begun
            for _ in range(KILLS):
                child = nursery.start(log, "--home", home, "import", source)
                at = chance.uniform(0.1, 1.0) * whole_s
                killer = nursery.signal_later(child, signal.SIGKILL, at)
                killed += nursery.end() == -signal.SIGKILL
                killer.join()
            nursery.start(log, "--home", home, "import", source)
            assert nursery.end() == 0
        assert killed
        with Station(home) as station:
            rows = list_rows(station.catalog, "instances")
            assert len(rows) == 240
            assert {row["source_kind"] for row in rows} == {"medium"}
            done = [one for one in station.jobs.latest(station.clock.now())
                    if one.state is JobState.DONE]  # fmt: skip
            for job in done:
                assert job.result["found"] == 240
                assert job.result["imported"] + job.result["duplicates"] == 240
            # The one that had taken them in may have been killed at its very end: the medium is
            # known as finished then, and the next run finds everything here.
            assert sum(job.result["imported"] for job in done) in (0, 240)
            assert list(held_files(station)) == []
            assert list(station.home.glob("incoming/*/*")) == []


class TestWhatIsLeft:
    def test_what_was_stopped_long_ago_is_removed(
        self, station: Station, medium: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(*_: object, **__: object) -> None:
            raise CancelledError("stopped")

        with monkeypatch.context() as patch:
            patch.setattr(module, "examine", stop)
            with pytest.raises(CancelledError):
                take(station, medium)
        job = station.jobs.latest(station.clock.now())[0].id
        copy = survey_path(station, job).with_name(".disc.img.part")
        copy.write_bytes(bytes(100))
        now = station.clock.now()

        assert list(clear_stopped(station, now + 6 * 86_400)) == []
        assert survey_path(station, job).exists()
        (told,) = clear_stopped(station, now + 8 * 86_400)

        assert told.rule == "left-over"
        assert not copy.exists()
        assert not survey_path(station, job).exists()
        assert list(clear_stopped(station, now + 8 * 86_400)) == []

    def test_what_was_finished_stays_to_be_looked_at(self, station: Station, medium: Path) -> None:
        job = take(station, medium).job

        assert list(clear_stopped(station, station.clock.now() + 1e9)) == []
        assert survey_path(station, job).exists()


@pytest.mark.parametrize("stopped_at", ["copying", "looking"])
def test_another_disc_in_the_drive_is_not_taken_for_the_one_that_was_stopped(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: str
) -> None:
    """Neither is the copy of the first one passed off as the second, nor is the drive blocked."""
    discs = []
    for number in (1, 2):
        pixels = {"Rows": 100, "Columns": 100, "PixelData": bytes([number]) * 20_000}
        paths = write_series(tmp_path / f"in{number}", 4, PatientID=f"EXT-{number}",
                             PatientName=f"Roe^{'ABC'[number]}", StudyInstanceUID=f"1.2.{number}",
                             SeriesInstanceUID=f"1.2.{number}.1", **pixels)  # fmt: skip
        discs.append(
            small_iso({f"I{place}": path.read_bytes() for place, path in enumerate(paths)})
        )
    drive = tmp_path / "drive"

    def put_in(disc: bytes) -> None:
        drive.write_bytes(disc)
        os.utime(drive, (1_000_000_000, 1_000_000_000))

    put_in(discs[0])
    is_device = Path.is_block_device
    monkeypatch.setattr(Path, "is_block_device", lambda path: path == drive or is_device(path))
    monkeypatch.setattr(reading_place.XorrisoEngine, "inspect", no_answer)
    step = {"copying": "copy", "looking": "scan"}[stopped_at]

    def listener(event: Event) -> None:
        if isinstance(event, StepProgress) and event.step == step and event.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_medium(station, ImportRequest(drive), listener)

    put_in(discs[1])
    second = take(station, drive)
    put_in(discs[0])
    first = take(station, drive)

    for result, number in ((second, 2), (first, 1)):
        assert (result.imported, result.exit_code) == (4, 0)
        assert [row["patient_id"] for row in result.patients] == [f"EXT-{number}"]
        told = {one.rule: one.subject for one in result.findings}
        assert told["no-dicomdir"] == str(drive)
    assert "goes-on" not in rules(second)
    assert "goes-on" in rules(first)
