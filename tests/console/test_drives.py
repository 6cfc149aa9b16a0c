"""*Drives*: what lies in them, and every key, with drives of the imagination."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.burn.drive import Disc, DiscStatus, Drive, Session, Speed
from mediastation.burn.explain import trouble
from mediastation.burn.trouble import Cause
from mediastation.console.desk import Desk
from mediastation.console.screens.drive_errands import wrong_speed
from mediastation.console.screens.drive_words import drive_row, drive_text
from mediastation.console.widgets.choose import AskWords, Choose
from mediastation.console.widgets.dialogs import AskPath, Confirm
from mediastation.model.job import JobRecord, JobState
from mediastation.station.burning.burn import burn
from mediastation.station.burning.drive_view import DriveJob, DriveView, look_at_drives, medium_like
from mediastation.station.burning.drives import DiscContent
from mediastation.station.burning.request import BurnRequest
from mediastation.station.station import Station
from tests.console.support import (
    Console,
    console_of,
    line_with,
    opened,
    pressed,
    settled,
    shown,
    told,
)
from tests.support.burners import MemoryDrive, MemoryEngine
from tests.support.discs import Images, make_images

SR0, SR1 = "/dev/sr0", "/dev/sr1"
REWRITABLE = Disc("DVD+RW", DiscStatus.BLANK, 2_295_104, 2_295_104, medium_id="RICOH W11")


class LookedInto(MemoryEngine):
    """Remembers who was asked, and by a scan of all drives or alone."""

    def __init__(self, drives: dict[str, MemoryDrive]) -> None:
        super().__init__(drives)
        self.scans = 0
        self.asked: list[str] = []
        self.fault: Exception | None = None

    def list_drives(self) -> list[Drive]:
        self.scans += 1
        if self.fault is not None:
            raise self.fault
        return super().list_drives()

    def inspect(self, device: str) -> Drive:
        self.asked.append(device)
        if device.startswith("stdio:"):
            return Drive(device, disc=Disc("file", DiscStatus.BLANK, 1000, 1000))
        return super().inspect(device)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return make_images(tmp_path_factory.mktemp("drives"))


@pytest.fixture
def engine(tmp_path: Path, images: Images) -> LookedInto:
    """A burned disc that may be written again in the first drive, a blank one in the second."""
    burned = tmp_path / "disc0"
    burned.write_bytes(images.first.read_bytes())
    return LookedInto(
        {
            SR0: MemoryDrive(burned, REWRITABLE, lies=DiscStatus.CLOSED),
            SR1: MemoryDrive(tmp_path / "disc1"),
        }
    )


@pytest.fixture
def desk(images: Images, engine: LookedInto) -> Iterator[Desk]:
    """The home that made the image; its jobs are removed from the queue at the end."""
    (images.home / "console.json").unlink(missing_ok=True)
    desk = Desk(images.home)
    desk.engine = engine
    yield desk
    with Station(images.home) as station:
        for record in open_jobs(station):
            station.queue.cancel(record.id, "tester", station.clock.now())


def open_jobs(station: Station) -> list[JobRecord]:
    return station.jobs.open_jobs(station.clock.now())


def newest(pilot: Console) -> JobRecord:
    station = console_of(pilot).desk.station
    return station.jobs.latest(station.clock.now(), 1)[0]


def question(pilot: Console) -> Confirm:
    assert isinstance(pilot.app.screen, Confirm)
    return pilot.app.screen


class TestWhatLies:
    async def test_disc_patient_and_job_of_each_drive_are_shown(
        self, images: Images, desk: Desk
    ) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            assert "DVD+RW with data, closed" in line_with(pilot, "/dev/sr0   ")
            assert "Doe, Jane" in line_with(pilot, "/dev/sr0   ")
            assert "blank CD-R" in line_with(pilot, "/dev/sr1   ")
            assert images.manifest.file_set_uid in line_with(pilot, "File-set ")
            assert "made here by job " in line_with(pilot, "files; ")

            await pressed(pilot, "down")
            assert "all free (size of CD-80)" in "".join(shown(pilot))
            assert any("b burns an image onto it" in line for line in shown(pilot))

    async def test_a_key_looks_again_and_time_does(self, images: Images, desk: Desk) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            engine = desk.engine
            assert isinstance(engine, LookedInto)
            before = engine.scans
            engine.drives[SR1].lies = DiscStatus.NONE
            await pressed(pilot, "r")
            assert engine.scans == before + 1
            assert "no disc" in line_with(pilot, "/dev/sr1   ")
            for _ in range(10):
                pilot.app.screen.look_again()  # type: ignore[attr-defined]
                await settled(pilot)
            assert engine.scans > before + 1
            assert engine.ejected == []

    async def test_who_comes_back_sees_the_discs_of_now(self, images: Images, desk: Desk) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            assert isinstance(desk.engine, LookedInto)
            desk.engine.drives[SR1].lies = DiscStatus.NONE
            await pressed(pilot, "1", "4")
            await settled(pilot)
            assert "no disc" in line_with(pilot, "/dev/sr1   ")

    async def test_a_drive_that_a_job_is_on_is_left_in_peace(
        self, images: Images, desk: Desk, engine: LookedInto
    ) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await settled(pilot)
            with Station(images.home) as station:
                held = threading.Event()
                go_on = threading.Event()

                def hold() -> None:
                    held.set()
                    assert go_on.wait(60)

                engine.drives[SR1].on_write = hold
                request = BurnRequest(images.first, (SR1,), eject=False)
                burner = threading.Thread(
                    target=burn, args=(station, request), kwargs={"engine": engine}
                )
                burner.start()
                try:
                    assert held.wait(60)
                    engine.asked.clear()
                    scans = engine.scans
                    pilot.app.screen.look_again()  # type: ignore[attr-defined]
                    await settled(pilot)
                    await pressed(pilot, "r")
                    assert SR0 in engine.asked
                    assert SR1 not in engine.asked
                    assert engine.scans == scans
                    assert "in use" in line_with(pilot, "/dev/sr1   ")
                    assert "▶ " in line_with(pilot, "/dev/sr1   ")
                    await pressed(pilot, "down", "e")
                    assert "is busy with job" in told(pilot)
                    assert engine.ejected == []
                finally:
                    go_on.set()
                    burner.join(60)
            pilot.app.screen.look_again()  # type: ignore[attr-defined]
            await settled(pilot)
            await settled(pilot)
            assert "CD-R with data, closed" in line_with(pilot, "/dev/sr1   ")

    async def test_a_failing_scan_is_told_and_what_was_known_stays(
        self, images: Images, desk: Desk, engine: LookedInto
    ) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            engine.fault = trouble(Cause.NOT_INSTALLED, "")
            await pressed(pilot, "r")
            assert told(pilot)
            assert any("/dev/sr0" in line for line in shown(pilot))

    async def test_enter_goes_to_the_description_and_back(self, images: Images, desk: Desk) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "enter")
            assert pilot.app.screen.query_one("#drive-pane").has_focus
            await pressed(pilot, "escape")
            assert pilot.app.screen.query_one("#drives").has_focus


class TestVerifyAndEject:
    async def test_verify_is_queued_and_taken_back(self, images: Images, desk: Desk) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "v")
            record = newest(pilot)
            assert (record.kind, record.request["medium"]) == ("verify", SR0)
            assert "nobody works on jobs now" in told(pilot)
            await pressed(pilot, "u")
            assert newest(pilot).state is JobState.CANCELLED

    async def test_a_blank_disc_is_not_verified(self, images: Images, desk: Desk) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            before = newest(pilot).id
            await pressed(pilot, "down", "v")
            assert "nothing to verify" in told(pilot)
            assert newest(pilot).id == before

    async def test_eject_opens_the_tray(
        self, images: Images, desk: Desk, engine: LookedInto
    ) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "down", "e")
            assert engine.ejected == [SR1]
            assert "/dev/sr1 is open" in told(pilot)


class TestWipe:
    async def test_it_names_the_patient_and_hands_over_what_was_shown(
        self, images: Images, desk: Desk
    ) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "w")
            asked = question(pilot)
            assert asked.people == ("Doe, Jane (P1)",) or "Doe, Jane" in asked.people[0]
            assert "DVD+RW in /dev/sr0" in asked.question
            before = newest(pilot).id
            await pressed(pilot, "enter")
            assert newest(pilot).id == before

            await pressed(pilot, "w", "y")
            record = newest(pilot)
            assert record.kind == "blank"
            assert record.request["drive"] == SR0
            assert record.request["whole"] is False
            content = record.request["content"]
            assert any(line.startswith("patient Doe^Jane") for line in content)
            assert all(line in asked.told for line in content)

    async def test_what_lies_there_is_read_anew_before_it_is_asked(
        self, images: Images, desk: Desk, engine: LookedInto
    ) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            engine.drives[SR0].path.write_bytes(images.updated.read_bytes())
            await pressed(pilot, "w")
            assert images.updated_manifest.file_set_uid in question(pilot).told
            assert "8 files" in question(pilot).told

    async def test_wholly_is_another_key(self, images: Images, desk: Desk) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "W", "y")
            assert newest(pilot).request["whole"] is True

    async def test_a_disc_that_is_written_once_stays(self, images: Images, desk: Desk) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "down", "w")
            assert "can be written only once" in told(pilot)

    async def test_a_running_one_is_not_taken_back_by_u(self, images: Images, desk: Desk) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "w", "y")
            number = newest(pilot).id
            with Station(images.home) as station:
                now = station.clock.now()
                assert station.queue.claim(number, "host:1", socket.gethostname(), now)
            await pressed(pilot, "u")
            assert "to stop it spoils the disc" in told(pilot)
            assert "Taken back" not in told(pilot)
            assert not newest(pilot).cancel_requested
            with Station(images.home) as station:
                now = station.clock.now()
                station.jobs.end(number, "host:1", JobState.FAILED, {}, "", (), now)


class TestBurn:
    async def test_a_recent_image_is_chosen_and_its_patient_confirmed(
        self, images: Images, desk: Desk
    ) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "down", "b")
            assert isinstance(pilot.app.screen, Choose)
            assert any("first.iso" in line and "Doe, Jane" in line for line in shown(pilot))
            await pressed(pilot, "down", "enter")
            assert isinstance(pilot.app.screen, AskWords)
            await pressed(pilot, "backspace", "2", "enter", "8", "x", "enter")
            asked = question(pilot)
            assert asked.question == "Burn 2 discs on /dev/sr1?"
            assert "Doe, Jane" in asked.people[0]
            assert "A blank CD-R lies in the drive" in asked.told
            await pressed(pilot, "y")
            record = newest(pilot)
            assert record.kind == "burn"
            assert record.request["drives"] == [SR1]
            assert record.request["image"] == str(images.first)
            digest = hashlib.sha256(images.first.read_bytes()).hexdigest()
            assert record.request["image_sha256"] == digest
            assert (record.request["copies"], record.request["speed"]) == (2, 8)
            assert "· " in line_with(pilot, "/dev/sr1   ")

    async def test_any_other_image_is_typed(self, images: Images, desk: Desk) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "b", "end", "enter")
            assert isinstance(pilot.app.screen, AskPath)
            pilot.app.screen.query_one("Input").value = str(images.updated)  # type: ignore[attr-defined]
            await pressed(pilot, "enter", "enter", "enter")
            asked = question(pilot)
            assert "! A DVD+RW with data, closed lies in the drive" in asked.told
            await pressed(pilot, "escape")

    async def test_what_is_no_image_is_told(
        self, images: Images, desk: Desk, tmp_path: Path
    ) -> None:
        (tmp_path / "letter.txt").write_text("Dear colleague")
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "b", "end", "enter")
            pilot.app.screen.query_one("Input").value = str(tmp_path / "letter.txt")  # type: ignore[attr-defined]
            await pressed(pilot, "enter")
            assert "cannot be read as an image" in told(pilot)

    @pytest.mark.parametrize("speed", ["", "8", "8x", "2.4X"])
    def test_speeds_are_as_on_the_box(self, speed: str) -> None:
        assert wrong_speed(speed) == ""

    @pytest.mark.parametrize("speed", ["fast", "-1", "nan", "inf", "8xx8"])
    def test_others_are_none(self, speed: str) -> None:
        assert "as on the box" in wrong_speed(speed)


class TestTrainingDrives:
    async def test_one_is_added_kept_removed_and_taken_back(
        self, images: Images, desk: Desk, engine: LookedInto, tmp_path: Path
    ) -> None:
        device = f"stdio:{tmp_path / 'disc.iso'}"
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "a")
            pilot.app.screen.query_one("Input").value = str(tmp_path / "disc.iso")  # type: ignore[attr-defined]
            await pressed(pilot, "enter")
            assert "blank file" in line_with(pilot, "stdio:disc.iso")
        again = Desk(images.home)
        again.engine = engine
        async with opened(images.home, "drives", desk=again) as pilot:
            await pressed(pilot, "end")
            assert pilot.app.screen.query_one("#drives").cursor_key == device  # type: ignore[attr-defined]
            await pressed(pilot, "e")
            assert "A file has no tray" in told(pilot)
            await pressed(pilot, "d")
            assert not any("stdio:disc.iso  " in line for line in shown(pilot))
            await pressed(pilot, "r")
            assert not any("stdio:disc.iso  " in line for line in shown(pilot))
            await pressed(pilot, "u")
            assert any("stdio:disc.iso  " in line for line in shown(pilot))

    async def test_a_folder_is_none(self, images: Images, desk: Desk, tmp_path: Path) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "a")
            pilot.app.screen.query_one("Input").value = str(tmp_path)  # type: ignore[attr-defined]
            await pressed(pilot, "enter")
            assert "is a folder" in told(pilot)

    async def test_a_real_drive_is_not_taken_off_the_list(self, images: Images, desk: Desk) -> None:
        async with opened(images.home, "drives", desk=desk) as pilot:
            await pressed(pilot, "d")
            assert any("/dev/sr0   " in line for line in shown(pilot))


class TestWords:
    def test_a_drive_in_trouble_says_what_and_what_to_do(self) -> None:
        view = DriveView(Drive(SR0, trouble="It may not be used by this account."))
        assert drive_row(view, None, 0, 20).look == "error"
        text = drive_text(view, None, "", 0, 80).plain
        assert "✗ It may not be used by this account." in text
        assert "→ Mend that" in text

    def test_a_burn_that_was_broken_off_is_to_be_destroyed(self) -> None:
        disc = Disc("CD-R", DiscStatus.APPENDABLE, 1000, 10, damaged=True)
        view = DriveView(Drive(SR0, disc=disc), DiscContent())
        assert drive_row(view, None, 0, 20).cells[2] == "! never finished"
        assert "destroy it" in drive_text(view, None, "", 0, 80).plain

    def test_a_disc_that_a_job_may_have_changed_is_nobodys(self) -> None:
        content = DiscContent((), "X", "1.2", (("Doe^Jane", "A-1"),), 9)
        view = DriveView(Drive(SR0, disc=Disc("CD-RW", DiscStatus.CLOSED, 9, 0)), content, 5)
        record = JobRecord(
            id=7, kind="burn", state=JobState.RUNNING, operator="ann",
            request={}, result={}, message="", created_at=0.0, updated_at=0.0,
        )  # fmt: skip
        job = DriveJob(record)
        assert "Doe" not in "".join(drive_row(view, job, 0, 20).cells)
        text = drive_text(view, job, "", 0, 80).plain
        assert "Doe" not in text
        assert "job 5" not in text
        assert "looked at again when the job lets it go" in text
        asking = DriveJob(replace(record, state=JobState.WAITING))
        assert "Doe, Jane" in drive_row(view, asking, 0, 20).cells

    def test_many_patients_are_counted(self) -> None:
        content = DiscContent((), "X", "1.2", tuple((f"P{n}^", str(n)) for n in range(40)), 9)
        view = DriveView(Drive(SR0, disc=Disc("CD-R", DiscStatus.CLOSED, 9, 0)), content)
        assert "P0 +39" in drive_row(view, None, 0, 20).cells
        text = drive_text(view, None, "", 0, 80).plain
        assert "and 28 more" in text
        assert "not made here" in text

    def test_sessions_and_speeds_are_told_and_steer_no_terminal(self) -> None:
        disc = Disc(
            "CD-R", DiscStatus.APPENDABLE, 1000, 500,
            sessions=(Session(1, 0, 400, "A\x1b[2J"),), speeds=(Speed(1411, 8), Speed(2822, 16)),
        )  # fmt: skip
        text = drive_text(DriveView(Drive(SR0, disc=disc)), None, "", 0, 80).plain
        assert "\x1b" not in text
        assert "Session 1: A" in text
        assert "speeds 8x, 16x" in text
        assert "of 2.0 MiB free" in text

    @pytest.mark.parametrize(
        ("kind", "sectors", "like"),
        [
            ("CD-R", 359_844, "CD-80"),
            ("CD-R", 333_000, "CD-74"),
            ("CD-R", 90_000, ""),
            ("DVD+RW", 2_295_104, "DVD+RW"),
            ("DVD-R", 2_298_496, "DVD-R"),
            ("DVD+R-DL", 4_173_824, "DVD+R-DL"),
            ("BD-RE", 12_219_392, "BD-RE-25"),
            ("BD-R", 24_438_784, "BD-R-50"),
            ("file", 10**9, ""),
        ],
    )
    def test_a_disc_is_called_by_the_medium_that_it_is_as_large_as(
        self, kind: str, sectors: int, like: str
    ) -> None:
        assert medium_like(Disc(kind, DiscStatus.BLANK, sectors, sectors)) == like


def test_a_drive_that_cannot_be_asked_is_shown_with_its_trouble(
    tmp_path: Path, engine: LookedInto
) -> None:
    with Station(tmp_path / "home") as station:
        missing = MemoryEngine({SR1: engine.drives[SR1]})
        found = look_at_drives(station, ["/dev/sr9"], {}, missing)
    assert list(found) == [SR1, "/dev/sr9"]
    assert found["/dev/sr9"].drive.trouble
    assert replace(found["/dev/sr9"]).content is None
