"""A disc that lay in the drive when the process was killed is recorded, once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.model.ledger import LedgerEntry, LedgerEvent
from mediastation.station.burning.burn import burn
from mediastation.station.burning.drive_lock import hold_drive
from mediastation.station.burning.request import BurnRequest
from mediastation.station.clock import Clock
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.recording.ledger_audit import audit_ledger
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished
from tests.support.objects import write_series
from tests.support.peers import peer

KILLED = """
import os, signal, sys
from pathlib import Path
from mediastation.model.ledger import Disclosure
from mediastation.station.burning import entries as burn_ledger
from mediastation.station.burning.request import BurnRequest
from mediastation.station.burning.burn import burn
from mediastation.station.station import Station
home, image, drive, point = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def listen(event):
    if getattr(event, "step", "") == point:
        die()

if point == "recorded":
    plain = burn_ledger.record_burned
    def recorded(*words):
        plain(*words)
        die()
    burn_ledger.record_burned = recorded
with Station(Path(home)) as station:
    why = Disclosure("Dr. Roe", "Ms. Doe", "second opinion")
    burn(station, BurnRequest(Path(image), (drive,), disclosure=why), listen)
"""


class LateClock(Clock):
    def now(self) -> float:
        return time.time() + 3600


@pytest.fixture
def image(tmp_path: Path) -> Path:
    peer("xorriso")
    write_series(tmp_path / "in", 2)
    with Station(tmp_path / "home") as station:
        request = ExportRequest((str(tmp_path / "in"),), "STD-GEN-CD", tmp_path / "x.iso")
        assert export(station, request).volumes
    return tmp_path / "x.iso"


def kill(image: Path, drive: str, point: str) -> None:
    words = [str(image.parent / "home"), str(image), drive, point]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *words],
        check=False, timeout=120, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def burned(station: Station) -> list[LedgerEntry]:
    return [one for one in Ledger(station.catalog).entries() if one.event is LedgerEvent.BURNED]


@pytest.mark.parametrize("point", ["write", "reread"])
def test_a_disc_of_a_killed_burn_is_in_the_ledger_once_and_to_be_destroyed(
    image: Path, point: str
) -> None:
    drive = f"stdio:{image.parent}/disc"
    kill(image, drive, point)

    with Station(image.parent / "home", LateClock()) as station:
        (finding,) = settle_unfinished(station)
        assert settle_unfinished(station) == []
        (entry,) = burned(station)
        (job,) = [one for one in station.jobs.latest(station.clock.now()) if one.kind == "burn"]
        assert audit_ledger(station).ok

    assert (finding.rule, finding.subject) == ("disc-recorded", drive)
    assert "must not go out" in finding.message
    assert entry.job == job.id
    assert entry.facts["disclosure"]["given_to"] == "Ms. Doe"
    assert entry.facts["medium"]["patients"][0]["patient_id"] == "4711"
    assert entry.facts["burn"]["reread"] == "not reread"
    assert [disc["state"] for disc in job.result["burns"][0]["discs"]] == ["discard"]


def test_a_burn_that_was_only_stopped_holds_its_drive_and_is_left_alone(image: Path) -> None:
    """Ctrl-Z lets the lease run out, and `fg` goes on: its disc may yet be a good one."""
    drive = f"stdio:{image.parent}/disc"
    kill(image, drive, "write")

    with Station(image.parent / "home", LateClock()) as station:
        with hold_drive(station.home, drive):
            assert settle_unfinished(station) == []
            assert burned(station) == []
        (finding,) = settle_unfinished(station)
        assert len(burned(station)) == 1

    assert finding.rule == "disc-recorded"


def test_a_disc_that_was_read_back_and_recorded_is_a_good_one(image: Path) -> None:
    """The kill came when everything was done but for the last word in the job table."""
    kill(image, f"stdio:{image.parent}/disc", "recorded")

    with Station(image.parent / "home", LateClock()) as station:
        assert settle_unfinished(station) == []
        (entry,) = burned(station)
        (job,) = [one for one in station.jobs.latest(station.clock.now()) if one.kind == "burn"]

    assert entry.facts["burn"]["reread"] == "identical"
    assert [disc["state"] for disc in job.result["burns"][0]["discs"]] == ["verified"]


def test_an_image_from_elsewhere_is_recorded_with_whose_data_it_holds(
    image: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "home"
    other.parent.mkdir()
    moved = image.rename(other.parent / "x.iso")
    kill(moved, f"stdio:{tmp_path}/disc", "write")

    with Station(other, LateClock()) as station:
        settle_unfinished(station)
        (entry,) = burned(station)

    assert entry.facts["medium"]["patients"][0]["patient_id"] == "4711"
    assert entry.facts["medium"]["instances"] == 2


def test_a_burn_that_was_killed_before_it_touched_a_disc_leaves_nothing(image: Path) -> None:
    kill(image, f"stdio:{image.parent}/disc", "image")

    with Station(image.parent / "home", LateClock()) as station:
        assert settle_unfinished(station) == []
        assert burned(station) == []


def test_a_burn_that_ended_well_is_left_as_it_is(image: Path) -> None:
    with Station(image.parent / "home") as station:
        assert burn(station, BurnRequest(image, (f"stdio:{image.parent}/disc",))).verified
        before = [one.number for one in Ledger(station.catalog).entries()]

    with Station(image.parent / "home", LateClock()) as station:
        assert settle_unfinished(station) == []
        assert [one.number for one in Ledger(station.catalog).entries()] == before
