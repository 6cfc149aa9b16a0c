"""Burning: written, read back, and honest about what it left."""

from __future__ import annotations

import _thread
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mediastation.burn.drive import Disc, DiscStatus
from mediastation.burn.trouble import Cause, DriveError
from mediastation.catalog.ledger import Ledger
from mediastation.errors import CancelledError, ConfigError, MediaError, RefusedError
from mediastation.model.event import Event, StepProgress, StepStarted
from mediastation.model.job import JobState
from mediastation.model.ledger import LedgerEvent
from mediastation.reading.volume import open_volume
from mediastation.station.burn_request import BurnRecord, BurnRequest, BurnResult
from mediastation.station.burning import burn
from mediastation.station.drive_lock import hold_drive
from mediastation.station.drives import blank, list_drives
from mediastation.station.export import export
from mediastation.station.export_request import ExportRequest
from mediastation.station.ledger import facts_of
from mediastation.station.station import Station
from mediastation.station.update import update
from mediastation.station.update_request import UpdateRequest
from mediastation.station.verification import verify
from tests.support.burners import MemoryDrive, MemoryEngine, fail_at, flip_bit
from tests.support.discs import Images, make_images
from tests.support.objects import write_ct
from tests.support.peers import peer, run_peer
from tests.support.xorriso_double import Script, install, started

SR0 = "/dev/sr0"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return make_images(tmp_path_factory.mktemp("images"))


@pytest.fixture
def station(tmp_path: Path, images: Images) -> Iterator[Station]:
    """A station of its own that has made the images."""
    shutil.copytree(images.home, tmp_path / "home")
    with Station(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def drive(tmp_path: Path) -> MemoryDrive:
    return MemoryDrive(tmp_path / "disc")


@pytest.fixture
def engine(drive: MemoryDrive) -> MemoryEngine:
    return MemoryEngine({SR0: drive})


def rules(result: BurnResult) -> list[str]:
    return [finding.rule for finding in result.findings]


def state_of(station: Station, job: int) -> tuple[JobState, dict[str, Any]]:
    record = station.jobs.get(job, station.clock.now())
    assert record is not None
    return record.state, record.result


class TestOneDisc:
    """A drive of the imagination."""

    def test_a_disc_is_written_read_back_and_put_out(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        records: list[BurnRecord] = []

        result = burn(
            station, BurnRequest(images.first, (SR0,)), engine=engine, on_burned=records.append
        )

        assert result.verified
        assert result.exit_code == 0
        assert result.image_sha256 == images.manifest.image_sha256
        assert drive.path.read_bytes().startswith(images.first.read_bytes())
        assert drive.reloads == 1
        assert engine.ejected == [SR0]
        assert state_of(station, result.job)[0] is JobState.DONE
        (record,) = records
        assert record == BurnRecord(
            job=result.job,
            drive="/dev/sr0 (TSSTcorp CDDVDW)",
            medium_id="Taiyo Yuden",
            image=str(images.first),
            image_sha256=images.manifest.image_sha256,
            manifest=images.manifest,
            copy=1,
            copies=1,
            reread="identical",
            bad_sectors=0,
        )

    @pytest.mark.parametrize("made_here", [True, False])
    def test_each_disc_is_in_the_ledger_a_spoiled_one_too(
        self,
        station: Station,
        images: Images,
        drive: MemoryDrive,
        engine: MemoryEngine,
        tmp_path: Path,
        made_here: bool,
    ) -> None:
        drive.faults = {0: fail_at(0.5)}
        request = BurnRequest(images.first, (SR0,), retries=1)
        with Station(tmp_path / "other") as other:
            where = station if made_here else other
            burn(where, request, engine=engine)

            entries = [
                entry
                for entry in Ledger(where.catalog).entries()
                if entry.event is LedgerEvent.BURNED
            ]

        assert [entry.facts["burn"]["reread"] for entry in entries] == ["not reread", "identical"]
        for entry in entries:
            medium = facts_of(entry)
            assert medium is not None
            assert medium.image_sha256 == images.manifest.image_sha256
            assert [one.name for one in medium.patients] == ["Doe^Jane"]

    def test_a_simulation_is_no_entry_of_the_ledger(
        self, station: Station, images: Images, engine: MemoryEngine
    ) -> None:
        burn(station, BurnRequest(images.first, (SR0,), simulate=True), engine=engine)

        events = [entry.event for entry in Ledger(station.catalog).entries()]
        assert LedgerEvent.BURNED not in events

    def test_the_json_has_the_promised_keys(
        self, station: Station, images: Images, engine: MemoryEngine
    ) -> None:
        result = burn(station, BurnRequest(images.first, (SR0,)), engine=engine).as_dict()

        assert {"job", "drive", "image_sha256", "verified", "bad_sectors", "findings"} <= set(
            result
        )
        assert result["drive"] == SR0
        assert result["bad_sectors"] == 0
        json.dumps(result)

    def test_a_report_is_kept(self, station: Station, images: Images, engine: MemoryEngine) -> None:
        result = burn(station, BurnRequest(images.first, (SR0,)), engine=engine)

        report = json.loads((station.job_folder(result.job) / "report.json").read_text())
        assert report["ok"] is True
        assert report["drive"] == SR0

    def test_steps_count_bytes(
        self, station: Station, images: Images, engine: MemoryEngine
    ) -> None:
        events: list[Event] = []

        burn(station, BurnRequest(images.first, (SR0,)), events.append, engine=engine)

        names = [event.step for event in events if isinstance(event, StepStarted)]
        assert names == ["image", "drive", "write", "reread"]
        size = images.first.stat().st_size
        assert StepProgress("write", size, size) in events

    def test_it_may_stay_in_the_drive(
        self, station: Station, images: Images, engine: MemoryEngine
    ) -> None:
        burn(station, BurnRequest(images.first, (SR0,), eject=False), engine=engine)

        assert engine.ejected == []

    def test_it_may_be_left_open(
        self, station: Station, images: Images, engine: MemoryEngine
    ) -> None:
        burn(station, BurnRequest(images.first, (SR0,), keep_open=True), engine=engine)

        assert engine.options[0].keep_open

    @pytest.mark.parametrize(
        ("lies", "cause"),
        [
            (DiscStatus.NONE, Cause.NO_DISC),
            (DiscStatus.CLOSED, Cause.NOT_BLANK),
            (DiscStatus.APPENDABLE, Cause.NOT_BLANK),
            (DiscStatus.UNKNOWN, Cause.WRONG_DISC),
        ],
    )
    def test_a_disc_that_may_not_be_written_is_not_touched(
        self,
        station: Station,
        images: Images,
        drive: MemoryDrive,
        engine: MemoryEngine,
        lies: DiscStatus,
        cause: Cause,
    ) -> None:
        drive.lies = lies
        records: list[BurnRecord] = []

        result = burn(
            station, BurnRequest(images.first, (SR0,)), engine=engine, on_burned=records.append
        )

        assert result.exit_code == 3
        assert rules(result) == [cause]
        assert not drive.path.exists()
        assert not records
        assert state_of(station, result.job)[0] is JobState.FAILED
        assert result.as_dict()["burns"][0]["discs"] == []

    def test_the_disc_of_another_kind_is_refused(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.blank = Disc("DVD-R", DiscStatus.BLANK, 2_298_496, 2_298_496)

        result = burn(station, BurnRequest(images.first, (SR0,)), engine=engine)

        assert (result.exit_code, rules(result)) == (3, ["wrong-disc"])
        assert drive.discs == 0

    def test_one_flipped_bit_on_the_disc_condemns_it(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.faults = {0: flip_bit(60_000)}
        records: list[BurnRecord] = []

        result = burn(
            station, BurnRequest(images.first, (SR0,)), engine=engine, on_burned=records.append
        )

        assert not result.verified
        assert result.exit_code == 1
        assert "discard-disc" in rules(result)
        assert [record.reread for record in records] == ["differs"]
        state, kept = state_of(station, result.job)
        assert state is JobState.REFUSED
        assert kept["burns"][0]["discs"][0]["state"] == "discard"

    def test_a_write_failure_condemns_the_disc(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.faults = {0: fail_at(0.37)}
        records: list[BurnRecord] = []

        result = burn(
            station, BurnRequest(images.first, (SR0,)), engine=engine, on_burned=records.append
        )

        assert result.exit_code == 3
        assert {"write-failed", "discard-disc"} <= set(rules(result))
        assert [record.reread for record in records] == ["not reread"]
        assert "destroy" in result.hint

    def test_a_dvd_ram_that_is_larger_than_its_image_gets_anchors_at_its_end(
        self, station: Station, drive: MemoryDrive, engine: MemoryEngine, tmp_path: Path
    ) -> None:
        image = tmp_path / "ram.iso"
        made = export(station, ExportRequest(("patient:4711",), "STD-GEN-DVD-RAM", image))
        assert made.volumes, made.stopped
        drive.blank = Disc("DVD-RAM", DiscStatus.BLANK, 10_000, 10_000, is_random_access=True)

        result = burn(station, BurnRequest(image, (SR0,)), engine=engine)

        assert result.verified, result.findings
        assert drive.path.stat().st_size == 10_000 * 2048
        assert "anchors" not in rules(result)

    def test_another_disc_in_the_reread_is_named(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        """The updated state of the same patient's set lies there instead."""

        def swap(disc: bytearray) -> None:
            disc[:] = images.updated.read_bytes()

        drive.faults = {0: swap}

        result = burn(station, BurnRequest(images.first, (SR0,)), engine=engine)

        assert not result.verified
        assert "wrong-disc" in rules(result)


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


class TestImages:
    """What may be burned at all."""

    def test_an_image_that_changed_since_it_was_made_costs_no_blank(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        raw = bytearray(images.first.read_bytes())
        raw[70_000] ^= 1
        spoiled = tmp_path / "spoiled.iso"
        spoiled.write_bytes(raw)

        with pytest.raises(RefusedError) as caught:
            burn(station, BurnRequest(spoiled, (SR0,)), engine=engine)

        assert caught.value.exit_code == 1
        assert drive.discs == 0

    def test_an_image_from_elsewhere_is_burned_and_told_as_such(
        self, tmp_path: Path, images: Images, engine: MemoryEngine, drive: MemoryDrive
    ) -> None:
        with Station(tmp_path / "other") as other:
            result = burn(other, BurnRequest(images.first, (SR0,)), engine=engine)

        assert result.verified
        assert "not-made-here" in rules(result)
        assert drive.path.read_bytes().startswith(images.first.read_bytes())

    def test_and_its_disc_is_held_against_every_byte_of_it(
        self, tmp_path: Path, images: Images, engine: MemoryEngine, drive: MemoryDrive
    ) -> None:
        drive.faults = {0: flip_bit(60_000)}
        with Station(tmp_path / "other") as other:
            result = burn(other, BurnRequest(images.first, (SR0,)), engine=engine)

        assert not result.verified

    def test_an_image_that_changes_while_it_is_burned_condemns_the_disc(
        self, station: Station, images: Images, engine: MemoryEngine, tmp_path: Path
    ) -> None:
        path = tmp_path / "copy.iso"
        path.write_bytes(images.first.read_bytes())

        def change(event: Event) -> None:
            if isinstance(event, StepStarted) and event.step == "write":
                raw = bytearray(path.read_bytes())
                raw[70_000] ^= 1
                path.write_bytes(raw)

        result = burn(station, BurnRequest(path, (SR0,)), change, engine=engine)

        assert not result.verified
        assert "discard-disc" in rules(result)
        assert "changed while it was burned" in result.stopped

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("set.zip", b"PK\x05\x06" + bytes(18)),
            ("mail.eml", b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\n"),
            ("folder", None),
        ],
    )
    def test_what_is_no_disc_says_what_to_do_with_it(
        self, station: Station, engine: MemoryEngine, tmp_path: Path, name: str,
        content: bytes | None,
    ) -> None:  # fmt: skip
        path = tmp_path / name
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)

        with pytest.raises(ConfigError) as caught:
            burn(station, BurnRequest(path, (SR0,)), engine=engine)

        assert caught.value.hint
        assert engine.options == []

    def test_an_image_for_a_stick_says_so(
        self, station: Station, engine: MemoryEngine, tmp_path: Path
    ) -> None:
        path = tmp_path / "stick.img"
        run_peer("mkfs.fat", "-C", path, "8192")

        with pytest.raises(ConfigError, match="for a stick or a card"):
            burn(station, BurnRequest(path, (SR0,)), engine=engine)

    def test_what_does_not_exist_is_told(self, station: Station, engine: MemoryEngine) -> None:
        with pytest.raises(ConfigError, match="does not exist"):
            burn(station, BurnRequest(Path("/nowhere/at/all.iso"), (SR0,)), engine=engine)


class TestSimulation:
    """Nothing is written, and nothing is claimed."""

    def test_a_simulation_leaves_the_disc_alone(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        records: list[BurnRecord] = []

        result = burn(
            station,
            BurnRequest(images.first, (SR0,), simulate=True),
            engine=engine,
            on_burned=records.append,
        )

        assert engine.options[0].simulate
        assert not drive.path.exists()
        assert result.exit_code == 0
        assert not result.verified
        assert not records
        assert result.as_dict()["burns"][0]["discs"][0]["state"] == "simulated"

    def test_a_disc_that_knows_none_is_not_even_tried(
        self, tmp_path: Path, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.blank = Disc("DVD+R", DiscStatus.BLANK, 2_295_104, 2_295_104)
        with Station(tmp_path / "other") as other:
            result = burn(other, BurnRequest(images.first, (SR0,), simulate=True), engine=engine)

        assert engine.options == []
        assert "no-simulation" in rules(result)


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
from mediastation.station.burn_request import BurnRequest
from mediastation.station.burning import burn
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


def wait_for(found: Callable[[], Any], timeout_s: float = 60) -> Any:
    """Look until something is there; nobody tells when another process is so far."""
    ticks = threading.Event()
    for _ in range(round(timeout_s / 0.02)):
        if result := found():
            return result
        ticks.wait(0.02)
    raise AssertionError("it did not come")


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


class TestFiles:
    """Real xorriso, with files that stand for discs."""

    @pytest.fixture(autouse=True)
    def _needs_xorriso(self) -> None:
        peer("xorriso")

    def test_a_disc_is_burned_and_verified(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        result = burn(station, BurnRequest(images.first, (f"stdio:{tmp_path}/disc",)))

        assert result.verified
        assert result.exit_code == 0
        assert (tmp_path / "disc").read_bytes().startswith(images.first.read_bytes())
        assert set(rules(result)) <= {"padding"}

    def test_what_was_kept_open_takes_the_update_as_a_further_session(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,), keep_open=True))

        result = burn(station, BurnRequest(images.updated, (drive,), append=True))

        assert result.verified, result.findings
        (disc,) = result.drives[0].discs
        assert disc.first_sector > 0
        assert disc.reread == "identical"
        before = images.first.read_bytes()
        assert (tmp_path / "disc").read_bytes().startswith(before)

    def test_a_burned_disc_is_verified_later_as_what_it_is(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        """Padding behind it is the burner's; a second session has sectors of its own."""
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,), keep_open=True))

        report = verify(station, tmp_path / "disc")
        assert report.ok, report.findings
        assert report.image_sha256 == images.manifest.image_sha256

        result = burn(station, BurnRequest(images.updated, (drive,), append=True))
        report = verify(station, tmp_path / "disc")
        assert report.ok, report.findings
        assert report.image_sha256 == result.drives[0].discs[0].sha256
        assert report.proved.startswith("Every byte")

    def test_a_disc_is_updated_from_session_to_session(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        """As an operator does: the disc itself is what is updated, each time."""
        drive, disc = f"stdio:{tmp_path}/disc", tmp_path / "disc"
        burn(station, BurnRequest(images.first, (drive,), keep_open=True))

        for number in (4, 5):
            more = write_ct(
                tmp_path / f"ct{number}",
                SOPInstanceUID=f"1.2.3.1.{number}",
                InstanceNumber=str(number),
            )
            image = tmp_path / f"updated{number}.iso"
            made = update(station, UpdateRequest(source=disc, output=image, add=(str(more),)))
            assert made.volumes, (made.stopped, made.findings)
            result = burn(station, BurnRequest(image, (drive,), append=True, keep_open=number == 4))
            assert result.verified, result.findings

        with open_volume(disc) as volume:
            found = {file.path for file in volume.iter_files() if file.path.startswith("DICOM/")}
        assert len(found) == 5

    def test_a_session_of_another_station_is_verified_by_its_files(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        shutil.copytree(station.home, tmp_path / "other")
        with Station(tmp_path / "other") as other:
            burn(other, BurnRequest(images.first, (drive,), keep_open=True))
            burn(other, BurnRequest(images.updated, (drive,), append=True))

        report = verify(station, tmp_path / "disc")

        assert report.ok, report.findings
        assert report.manifest == "job"

    def test_what_is_there_already_is_not_appended(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,), keep_open=True))
        before = (tmp_path / "disc").read_bytes()

        result = burn(station, BurnRequest(images.first, (drive,), append=True))

        assert result.exit_code == 1
        assert "nothing is new" in result.stopped
        assert (tmp_path / "disc").read_bytes() == before

    def test_the_disc_of_another_file_set_is_not_appended_to(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        other = make_images(tmp_path / "other")
        drive = f"stdio:{tmp_path}/disc"
        result = burn(station, BurnRequest(other.first, (drive,), keep_open=True))
        assert result.verified
        assert "not-made-here" in rules(result)
        before = (tmp_path / "disc").read_bytes()

        result = burn(station, BurnRequest(images.updated, (drive,), append=True))

        assert result.exit_code == 1
        assert "other-file-set" in rules(result)
        assert (tmp_path / "disc").read_bytes() == before

    def test_a_disc_that_holds_data_is_never_written_over(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        disc = tmp_path / "thesis.odt"
        disc.write_bytes(b"years of work")

        result = burn(station, BurnRequest(images.first, (f"stdio:{disc}",)))

        assert result.exit_code == 3
        assert disc.read_bytes() == b"years of work"

    def test_blanked_it_can_be_burned_again(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,)))
        shown: list[str] = []

        def confirm(_: object, content: list[str]) -> bool:
            shown.extend(content)
            return True

        done = blank(station, drive, confirm)

        assert done.disc is not None
        assert done.disc.status is DiscStatus.BLANK
        assert any("Doe^Jane" in line for line in shown)
        assert burn(station, BurnRequest(images.updated, (drive,))).verified

    def test_nothing_is_erased_unconfirmed(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,)))
        before = (tmp_path / "disc").read_bytes()

        with pytest.raises(ConfigError):
            blank(station, drive, lambda *_: False)

        assert (tmp_path / "disc").read_bytes() == before

    def test_two_drives_at_once(self, station: Station, images: Images, tmp_path: Path) -> None:
        drives = (f"stdio:{tmp_path}/one", f"stdio:{tmp_path}/two")

        result = burn(station, BurnRequest(images.first, drives))

        assert result.verified
        image = images.first.read_bytes()
        assert all((tmp_path / name).read_bytes().startswith(image) for name in ("one", "two"))


class TestDouble:
    """The whole way, with a program that fails as drives do."""

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "bin"
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return folder

    @pytest.mark.parametrize(
        ("disc", "rule", "exit_code"),
        [
            ("no-disc", "no-disc", 3),
            ("dvd-r-blank", "wrong-disc", 3),
            ("bd-r-blank", "wrong-disc", 3),
            ("cd-r-closed", "not-blank", 3),
            ("cd-r-open", "not-blank", 3),
            ("cd-r-damaged", "not-blank", 3),
            ("cd-r-small-blank", "disc-too-small", 3),
            ("busy", "drive-busy", 3),
            ("permission", "drive-permission", 3),
        ],
    )
    def test_a_disc_or_drive_that_will_not_do_is_not_touched(
        self, station: Station, images: Images, folder: Path, disc: str, rule: str, exit_code: int
    ) -> None:
        install(folder, {"/dev/sr7": Script(disc)})

        result = burn(station, BurnRequest(images.first, ("/dev/sr7",)))

        assert result.exit_code == exit_code
        assert rules(result) == [rule]
        assert not any("cdrecord" in words for words in started(folder))

    @pytest.mark.parametrize(
        ("fault", "rule"), [("write-error", "write-failed"), ("pulled", "drive-gone")]
    )
    def test_a_failure_at_37_percent_condemns_the_disc(
        self, station: Station, images: Images, folder: Path, fault: str, rule: str
    ) -> None:
        install(folder, {"/dev/sr7": Script(fails={"0": (fault, 0.37)})})

        result = burn(station, BurnRequest(images.first, ("/dev/sr7",)))

        assert result.exit_code == 3
        assert {rule, "discard-disc"} == set(rules(result))
        assert state_of(station, result.job)[1]["burns"][0]["discs"][0]["state"] == "discard"

    def test_the_speed_of_the_list_is_asked_for(
        self, station: Station, images: Images, folder: Path
    ) -> None:
        install(folder, {"/dev/sr7": Script()})

        result = burn(station, BurnRequest(images.first, ("/dev/sr7",), speed=20, simulate=True))

        (words,) = [words for words in started(folder) if "cdrecord" in words]
        assert "speed=2822k" in words
        assert "-dummy" in words
        assert rules(result) == ["speed"]

    def test_several_drives_report_each_for_itself(
        self, station: Station, images: Images, folder: Path
    ) -> None:
        install(folder, {"/dev/sr7": Script("no-disc"), "/dev/sr8": Script("busy")})

        result = burn(station, BurnRequest(images.first, ("/dev/sr7", "/dev/sr8")))

        assert {(one.rule, one.subject) for one in result.findings} == {
            ("no-disc", "/dev/sr7"),
            ("drive-busy", "/dev/sr8"),
        }

    def test_drives_are_listed(self, folder: Path) -> None:
        install(folder, {"/dev/sr0": Script("cd-r-blank"), "/dev/sr1": Script("permission")})

        first, second = list_drives()[:2]

        assert first.disc is not None
        assert second.trouble


def test_without_the_program_the_package_is_named(
    station: Station, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    result = burn(station, BurnRequest(images.first, (f"stdio:{tmp_path}/disc",)))

    assert rules(result) == ["burner-not-installed"]
    with pytest.raises(MediaError):
        list_drives()
