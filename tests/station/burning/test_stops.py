"""Burns that are stopped, cancelled or killed leave an honest state."""

from __future__ import annotations

import _thread
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mediastation.burn.trouble import Cause, DriveError
from mediastation.catalog.ledger import Ledger
from mediastation.errors import CancelledError
from mediastation.model.event import Event, StepStarted
from mediastation.model.job import JobState
from mediastation.station.burning.burn import burn
from mediastation.station.burning.drive_lock import hold_drive
from mediastation.station.burning.request import BurnRequest
from mediastation.station.station import Station
from tests.support.burners import MemoryDrive, MemoryEngine
from tests.support.burning import SR0, rules, wait_for
from tests.support.discs import Images
from tests.support.peers import peer
from tests.support.xorriso_double import Script, install


class TestStops:
    """Cancelled, killed, or two at once."""

    def test_ctrl_c_in_the_middle_leaves_an_honest_state(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        drive.on_write = interrupt

        with pytest.raises(CancelledError) as caught:
            burn(station, BurnRequest(images.first, (SR0,)), engine=engine)

        assert "destroy it" in caught.value.hint
        (record,) = [one for one in station.jobs.latest(station.clock.now()) if one.kind == "burn"]
        assert record.state is JobState.CANCELLED
        assert record.result["burns"][0]["discs"][0]["state"] == "discard"
        assert record.result["verified"] is False

    def test_ctrl_c_during_the_reread_leaves_a_disc_that_may_still_be_verified(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        def interrupt(event: Event) -> None:
            if isinstance(event, StepStarted) and event.step == "reread":
                raise KeyboardInterrupt

        with pytest.raises(CancelledError) as caught:
            burn(station, BurnRequest(images.first, (SR0,)), interrupt, engine=engine)

        assert "being read back" in caught.value.message
        assert "spoiled" not in caught.value.hint
        assert f"mediastation verify {SR0}" in caught.value.hint
        assert "or destroy it" in caught.value.hint
        (record,) = [one for one in station.jobs.latest(station.clock.now()) if one.kind == "burn"]
        assert record.state is JobState.CANCELLED
        assert record.result["burns"][0]["discs"][0]["state"] == "unproved"
        assert record.result["verified"] is False
        whole = station.jobs.get(record.id, station.clock.now())
        assert whole is not None
        assert [one.rule for one in whole.findings] == ["unproved-disc"]
        (entry,) = Ledger(station.catalog).entries(containing=f'"job":{record.id},')
        assert entry.facts["burn"]["reread"] == "not reread"
        assert drive.path.read_bytes().startswith(images.first.read_bytes())

    def test_ctrl_c_reaches_every_drive(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        meeting = threading.Barrier(2, action=_thread.interrupt_main, timeout=30)
        drives = {
            f"/dev/sr{number}": MemoryDrive(
                tmp_path / f"disc{number}", on_write=meeting.wait, endless=True
            )
            for number in range(2)
        }

        with pytest.raises(CancelledError) as caught:
            burn(station, BurnRequest(images.first, tuple(drives)), engine=MemoryEngine(drives))

        assert "destroy it" in caught.value.hint
        assert "the discs in /dev/sr0 and /dev/sr1" in caught.value.message
        (record,) = [one for one in station.jobs.latest(station.clock.now()) if one.kind == "burn"]
        assert record.state is JobState.CANCELLED
        states = [one["discs"][0]["state"] for one in record.result["burns"]]
        assert states == ["discard", "discard"]

    def test_a_cancel_through_the_job_table_is_heard(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        station.clock.now = iter(range(10**9, 10**9 + 10**6)).__next__  # type: ignore[method-assign]

        def cancel() -> None:
            (job,) = [one.id for one in station.jobs.latest(0) if one.kind == "burn"]
            station.queue.cancel(job, "somebody", 0.0)

        drive.on_write = cancel

        with pytest.raises(CancelledError):
            burn(station, BurnRequest(images.first, (SR0,)), engine=engine)

    def test_two_burns_never_share_a_drive(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        with hold_drive(station.home, SR0):
            result = burn(station, BurnRequest(images.first, (SR0,)), engine=engine)

        assert result.exit_code == 3
        assert rules(result) == [Cause.BUSY]
        assert str(os.getpid()) in result.stopped
        assert drive.discs == 0

    def test_a_link_to_a_drive_is_that_drive(self, station: Station, tmp_path: Path) -> None:
        (tmp_path / "disc").touch()
        (tmp_path / "link").symlink_to(tmp_path / "disc")

        with (
            hold_drive(station.home, f"stdio:{tmp_path}/disc"),
            pytest.raises(DriveError),
            hold_drive(station.home, f"stdio:{tmp_path}/link"),
        ):
            pass

    def test_a_kill_while_writing_leaves_neither_a_writer_nor_a_claim(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        """The drive hangs on purpose: so the kill falls into the writing, whenever it comes."""
        folder = tmp_path / "bin"
        install(folder, {"/dev/sr7": Script(fails={"0": ("hang", 0.37)})})
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        words = ["--home", str(station.home), "burn", str(images.first), "--drive", "/dev/sr7"]
        process = subprocess.Popen(
            [sys.executable, "-m", "mediastation", *words],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            double = wait_for(lambda: _writing_process(process.pid, folder))
            handle = os.pidfd_open(double)
            wait_for(lambda: _bytes_written(folder) > 0)
            process.send_signal(signal.SIGKILL)
            process.wait(20)
            assert select.select([handle], [], [], 20)[0], "the writer outlived us"
            os.close(handle)
        finally:
            process.kill()
            process.wait()

        (record,) = [one for one in station.jobs.latest(station.clock.now()) if one.kind == "burn"]
        assert record.state is JobState.RUNNING
        later = station.jobs.get(record.id, station.clock.now() + 3600)
        assert later is not None
        assert later.state is JobState.ABANDONED
        assert later.result["verified"] is False
        assert later.result["burns"][0]["discs"][0]["state"] == "writing"
        with hold_drive(station.home, "/dev/sr7"):
            pass  # nobody holds the drive any more

    @pytest.mark.parametrize(
        ("step", "state"), [("image", None), ("write", "writing"), ("reread", "rereading")]
    )
    def test_a_kill_at_any_step_counts_nothing_as_done(
        self, station: Station, images: Images, tmp_path: Path, step: str, state: str | None
    ) -> None:
        peer("xorriso")
        code = f"""
import os, signal
from pathlib import Path
from mediastation.station.burning.request import BurnRequest
from mediastation.station.burning.burn import burn
from mediastation.station.station import Station
def die(event):
    if getattr(event, "step", "") == {step!r}:
        os.kill(os.getpid(), signal.SIGKILL)
with Station(Path({str(station.home)!r})) as station:
    burn(station, BurnRequest(Path({str(images.first)!r}), ("stdio:{tmp_path}/disc",)), die)
"""
        killed = subprocess.run([sys.executable, "-c", code], check=False, timeout=120)

        assert killed.returncode == -signal.SIGKILL
        (record,) = [one for one in station.jobs.latest(station.clock.now()) if one.kind == "burn"]
        later = station.jobs.get(record.id, station.clock.now() + 3600)
        assert later is not None
        assert later.state is JobState.ABANDONED
        assert not later.result.get("verified")
        discs = [disc for one in later.result.get("burns", []) for disc in one["discs"]]
        assert [disc["state"] for disc in discs] == ([state] if state else [])
        again = burn(station, BurnRequest(images.first, (f"stdio:{tmp_path}/disc",)))
        assert again.verified is (state != "rereading"), "what was begun is not blank any more"


def _bytes_written(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.written"))


def _writing_process(parent: int, folder: Path) -> int:
    """Return the number of the child of `parent` that plays the burner."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, ancestor = int(path.parent.name), path.read_text().rsplit(")", 1)[1].split()[1]
            words = (path.parent / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if int(ancestor) == parent and b"cdrecord" in words and str(folder).encode() in words:
            return number
    return 0
