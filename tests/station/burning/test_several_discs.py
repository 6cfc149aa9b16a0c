"""Several discs, several drives: each by itself, and none for nothing."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from mediastation.burn.drive import DiscStatus
from mediastation.burn.trouble import Cause
from mediastation.errors import ConfigError
from mediastation.model.event import Event, StepStarted
from mediastation.station.burning.burn import burn
from mediastation.station.burning.request import BurnRequest
from mediastation.station.station import Station
from tests.support.burners import MemoryDrive, MemoryEngine, fail_at, flip_bit
from tests.support.burning import SR0
from tests.support.discs import Images


class TestSeveralDiscs:
    """Copies, new blanks for spoiled ones, and drives side by side."""

    def test_each_copy_takes_a_blank_of_its_own(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        result = burn(station, BurnRequest(images.first, (SR0,), copies=3), engine=engine)

        assert result.verified
        assert drive.discs == 3
        discs = result.as_dict()["burns"][0]["discs"]
        assert [disc["copy"] for disc in discs] == [1, 2, 3]

    def test_a_spoiled_disc_is_made_again_on_a_new_blank(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.faults = {0: fail_at(0.5), 2: flip_bit(60_000)}

        result = burn(
            station, BurnRequest(images.first, (SR0,), copies=2, retries=2), engine=engine
        )

        assert result.verified
        assert result.exit_code == 0
        discs = result.as_dict()["burns"][0]["discs"]
        assert [(disc["copy"], disc["attempt"], disc["state"]) for disc in discs] == [
            (1, 1, "discard"),
            (1, 2, "verified"),
            (2, 1, "discard"),
            (2, 2, "verified"),
        ]
        told = [finding.message for finding in result.findings if finding.rule == "discard-disc"]
        assert len(told) == 2

    def test_no_more_blanks_are_spent_than_were_granted(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.faults = dict.fromkeys(range(9), fail_at(0.5))

        result = burn(station, BurnRequest(images.first, (SR0,), retries=2), engine=engine)

        assert drive.discs == 3
        assert result.exit_code == 3

    def test_a_drive_that_is_gone_gets_no_second_blank(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.faults = dict.fromkeys(range(9), fail_at(0.5, Cause.GONE))

        burn(station, BurnRequest(images.first, (SR0,), retries=5), engine=engine)

        assert drive.discs == 1

    def test_a_blank_that_nobody_puts_in_ends_the_waiting(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.pile = 0

        result = burn(station, BurnRequest(images.first, (SR0,), copies=2, wait_s=0), engine=engine)

        assert result.exit_code == 3
        assert not result.verified
        discs = result.as_dict()["burns"][0]["discs"]
        assert [disc["state"] for disc in discs] == ["verified"]
        assert "blank 2 of 2" in result.stopped

    def test_a_blank_is_waited_for(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.pile = 0

        def put_one_in(event: Event) -> None:
            if isinstance(event, StepStarted) and "insert blank" in event.step:
                drive.lies = DiscStatus.BLANK

        result = burn(
            station, BurnRequest(images.first, (SR0,), copies=2), put_one_in, engine=engine
        )

        assert result.verified

    def test_drives_work_side_by_side_and_one_failure_stops_no_other(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        meeting = threading.Barrier(3, timeout=30)
        met = threading.local()

        def meet() -> None:
            # Passed once by each only if all of them write at the same time.
            if not getattr(met, "done", False):
                met.done = True
                meeting.wait()

        drives = {
            f"/dev/sr{number}": MemoryDrive(tmp_path / f"disc{number}", on_write=meet)
            for number in range(3)
        }
        drives["/dev/sr1"].faults = {0: fail_at(0.5)}
        engine = MemoryEngine(drives)

        result = burn(station, BurnRequest(images.first, tuple(drives)), engine=engine)

        assert [one.verified for one in result.drives] == [True, False, True]
        assert result.exit_code == 3
        assert "2 of 3" in result.stopped
        assert len(result.as_dict()["burns"]) == 3

    @pytest.mark.parametrize(
        "wrong",
        [
            {"drives": ()},
            {"drives": (SR0, SR0)},
            {"copies": 0},
            {"append": True, "copies": 2},
            {"append": True, "drives": (SR0, "/dev/sr1")},
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, station: Station, images: Images, engine: MemoryEngine, wrong: dict[str, Any]
    ) -> None:
        words: dict[str, Any] = {"drives": (SR0,), **wrong}
        with pytest.raises(ConfigError):
            burn(station, BurnRequest(images.first, **words), engine=engine)
