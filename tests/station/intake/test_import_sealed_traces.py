"""Importing a sealed medium leaves no secret behind, and leaves the disk room."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from mediastation.catalog.listing import list_rows
from mediastation.errors import CancelledError, MediastationError, SecrecyError
from mediastation.station.intake import import_medium as module
from mediastation.station.intake import take as import_take
from mediastation.station.intake.folder import SCRATCH_NAME, survey_path
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.request import ImportRequest
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished
from tests.station.intake.sealed_sticks import (
    CANARY,
    canaries,
    enumerate_files,
    rules,
    secrets_in,
    stick,
    stored,
    take,
)
from tests.support.commands import CommandNursery
from tests.support.sealed_media import WORDS, sealed

pytestmark = pytest.mark.usefixtures("quick")

KILLS = 5


class TestNothingIsLeft:
    def test_neither_password_nor_pixels_after_success_and_failure(
        self, station: Station, tmp_path: Path
    ) -> None:
        medium = stick(tmp_path, canaries(tmp_path, 3))
        with pytest.raises(SecrecyError):
            take(station, medium, WORDS[::-1])
        assert secrets_in(station.home, CANARY, WORDS.encode(), WORDS[::-1].encode()) == []

        assert take(station, medium, WORDS).imported == 4

        assert secrets_in(station.home, CANARY, WORDS.encode(), WORDS[::-1].encode()) == []
        assert len(stored(station)) == 4

    @pytest.mark.parametrize("step", ["examine", "iter_standings", "keep_import_report"])
    def test_nor_after_a_stop_at_any_step(
        self, station: Station, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        medium = stick(tmp_path, canaries(tmp_path, 3))

        def stop(*_: object, **__: object) -> None:
            raise CancelledError("stopped")

        with monkeypatch.context() as patch:
            patch.setattr(module, step, stop, raising=False)
            patch.setattr(import_take, step, stop, raising=False)
            with pytest.raises(CancelledError):
                take(station, medium, WORDS)
        assert secrets_in(station.home, CANARY, WORDS.encode()) == []

        result = take(station, medium, WORDS)

        assert "goes-on" in rules(result)
        assert (result.imported, result.opened) == (4, 4)

    def test_who_goes_on_needs_the_key_again(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first attempt had it; what it looked at may not be taken for damaged now."""
        files = enumerate_files(tmp_path, 3)
        medium = stick(tmp_path, {"IM0": files["IM0"], "IM1": sealed(files["IM1"])})

        def stop(*_: object, **__: object) -> None:
            raise CancelledError("stopped")

        with monkeypatch.context() as patch:
            patch.setattr(module, "examine", stop)
            with pytest.raises(CancelledError):
                take(station, medium, WORDS)

        with pytest.raises(SecrecyError, match="sealed for a password"):
            import_medium(station, ImportRequest(medium))
        assert take(station, medium, WORDS).imported == 2

    def test_what_a_killed_comparison_left_is_removed_at_the_next_start(
        self, station: Station, tmp_path: Path
    ) -> None:
        result = take(station, stick(tmp_path, canaries(tmp_path, 1)), WORDS)
        scratch = survey_path(station, result.job).parent / SCRATCH_NAME
        scratch.mkdir()
        (scratch / "lent-0").write_bytes(CANARY)

        told = settle_unfinished(station)

        assert [one.rule for one in told] == ["left-over"]
        assert not scratch.exists()

    def test_killed_at_any_moment_nothing_is_lost_and_nothing_left(self, tmp_path: Path) -> None:
        home, log, words = tmp_path / "home", tmp_path / "log", tmp_path / "words"
        words.write_text(WORDS)
        words.chmod(0o600)
        number = 40
        medium = stick(tmp_path, canaries(tmp_path, number))
        option = ("--password-file", words)
        chance, killed = random.Random(7), 0
        with CommandNursery() as nursery:
            for again in range(2):  # the first one also fills caches
                begun = time.monotonic()
                nursery.start(log, "--home", tmp_path / f"other{again}", "import", medium, *option)
                assert nursery.end() == 0, log.read_text()
                whole_s = time.monotonic() - begun
            for _ in range(KILLS):
                child = nursery.start(log, "--home", home, "import", medium, *option)
                killer = nursery.signal_later(
                    child, signal.SIGKILL, chance.uniform(0.2, 1.0) * whole_s
                )
                killed += nursery.end() == -signal.SIGKILL
                killer.join()
            nursery.start(log, "--home", home, "import", medium, *option)
            assert nursery.end() == 0, log.read_text()
        assert killed
        with Station(home) as station:
            assert len(list_rows(station.catalog, "instances")) == number + 1
            assert len(stored(station)) == number + 1
        assert secrets_in(home, CANARY, WORDS.encode()) == []


class TestOwnDisk:
    def test_what_is_large_is_not_opened_below_the_reserve(
        self, station: Station, tmp_path: Path
    ) -> None:
        medium = stick(tmp_path, canaries(tmp_path, 2))
        free = shutil.disk_usage(tmp_path).free
        update = {"disk_reserve_bytes": free - (1 << 20)}
        station.settings = station.settings.model_copy(update=update)

        with pytest.raises(MediastationError, match="LARGE would go below the reserve") as told:
            take(station, medium, WORDS)

        assert told.value.exit_code == 3
        assert stored(station) == set()
        station.settings = station.settings.model_copy(update={"disk_reserve_bytes": 0})
        assert take(station, medium, WORDS).imported == 3

    def test_a_full_disk_is_told_and_is_not_the_mediums_fault(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        medium = stick(tmp_path, canaries(tmp_path, 2))

        def full(*_: object, **__: object) -> None:
            raise OSError(28, os.strerror(28))

        with monkeypatch.context() as patch:
            patch.setattr("tempfile.TemporaryFile", full)
            with pytest.raises(MediastationError, match="No space left") as told:
                take(station, medium, WORDS)

        assert told.value.exit_code == 3
        assert take(station, medium, WORDS).imported == 3
