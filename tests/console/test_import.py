"""*Import*: from the medium to the peer, decided by keys, against real imports of small media."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mediastation.burn.drive import Disc, DiscStatus, Drive
from mediastation.catalog.listing import list_rows
from mediastation.console.screens.import_held import HeldDialog
from mediastation.console.screens.import_screen import SECTIONS, ImportScreen
from mediastation.console.widgets.choose import AskWords
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.question import QuestionDialog
from mediastation.errors import MediastationError
from mediastation.model.importing import Verdict
from mediastation.model.job import JobRecord, JobState
from mediastation.station.burning import drive_view
from mediastation.station.burning.drive_view import DriveView
from mediastation.station.burning.drives import DiscContent
from mediastation.station.gather import add
from mediastation.station.intake import media_here
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.quarantine_desk import decide, held_files
from mediastation.station.intake.report_copy import copy_import_report
from mediastation.station.intake.request import ImportRequest
from mediastation.station.intake.view import read_import
from mediastation.station.reconciling.reconcile import find_candidates
from mediastation.station.serving.submitting import submit
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
from tests.support.desk_home import work_off
from tests.support.objects import write_ct, write_series
from tests.support.outside.damage import good_tree
from tests.support.pacs import archive, write_peer

OUTSIDE: dict[str, Any] = {"PatientID": "EXT-1", "InstitutionName": "Elsewhere"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one patient of this site: Jane Doe, 4711."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('operator = "a.holm"\n', encoding="utf-8")
    write_series(tmp_path / "own", 2, StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1")
    with Station(home) as station:
        add(station, [str(tmp_path / "own")])
    return home


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    write_series(folder / "IMAGES", 3, **OUTSIDE)
    return folder


def take(home: Path, medium: Path, **words: object) -> int:
    with Station(home) as station:
        return import_medium(station, ImportRequest(medium, **words)).job  # type: ignore[arg-type]


def job_of(home: Path, number: int) -> JobRecord:
    with Station(home) as station:
        record = station.jobs.get(number, station.clock.now())
    assert record is not None
    return record


def last_job(home: Path, kind: str) -> JobRecord:
    with Station(home) as station:
        return station.jobs.latest(station.clock.now(), 1, kind=kind)[0]


async def looked(pilot: Console) -> None:
    """Let the screen read anew."""
    await settled(pilot)
    screen = pilot.app.screen
    if isinstance(screen, ImportScreen):
        screen._last_event = -1
    pilot.app.screen.look_again()  # type: ignore[attr-defined]
    await settled(pilot)


async def at(pilot: Console, job: int, part: str) -> ImportScreen:
    """Show a part of an import."""
    await console_of(pilot).go("import", job=job)
    await settled(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, ImportScreen)
    for _ in SECTIONS:
        if SECTIONS[screen._section].name == part:
            break
        await pressed(pilot, "right")
    return screen


def text(pilot: Console) -> str:
    return "\n".join(shown(pilot))


class TestTakingIn:
    async def test_a_path_becomes_a_job_that_is_followed_to_its_end(
        self, home: Path, stick: Path
    ) -> None:
        async with opened(home, "import") as pilot:
            assert "Nothing was imported yet" in text(pilot)
            await pressed(pilot, "o")
            pilot.app.screen.query_one("Input").value = str(stick)  # type: ignore[attr-defined]
            await pressed(pilot, "enter")
            await looked(pilot)
            job = last_job(home, "import")
            assert job.state is JobState.QUEUED
            assert "· queued" in line_with(pilot, f"Import {job.id} ·")

            work_off(home)
            await looked(pilot)

            assert "✓ done" in line_with(pilot, f"Import {job.id} ·")
            assert "found 3 · imported 3 · here before 0" in text(pilot)
            assert "keep" in text(pilot)
            await pressed(pilot, "escape")
            await looked(pilot)
            assert "3 of 3 not reconciled" in line_with(pilot, "✓ done")

    async def test_what_is_not_there_is_told_and_queues_nothing(self, home: Path) -> None:
        async with opened(home, "import") as pilot:
            await pressed(pilot, "o")
            pilot.app.screen.query_one("Input").value = "/nowhere"  # type: ignore[attr-defined]
            await pressed(pilot, "enter")
            assert "/nowhere does not exist" in told(pilot)
            with Station(home) as station:
                assert station.jobs.latest(station.clock.now(), 9, kind="import") == []

    async def test_it_is_cancelled_after_a_yes_and_begun_again(
        self, home: Path, stick: Path
    ) -> None:
        with Station(home) as station:
            job = submit(station, ImportRequest(stick))
        async with opened(home, "import") as pilot:
            await at(pilot, job, "steps")
            await pressed(pilot, "c")
            question = pilot.app.screen
            assert isinstance(question, Confirm)
            assert str(job) in question.question
            await pressed(pilot, "y")
            await looked(pilot)
            assert job_of(home, job).state is JobState.CANCELLED
            assert "– cancelled" in line_with(pilot, f"Import {job} ·")
            await pressed(pilot, "b", "y")
            assert job_of(home, job).state is JobState.QUEUED

    async def test_a_medium_that_is_gone_fails_with_what_to_do(
        self, home: Path, stick: Path
    ) -> None:
        with Station(home) as station:
            job = submit(station, ImportRequest(stick))
        shutil.rmtree(stick)
        work_off(home)
        async with opened(home, "import") as pilot:
            await at(pilot, job, "steps")
            assert job_of(home, job).state is JobState.FAILED
            # Where the sentence breaks hangs on how long the path is.
            assert "does not exist" in " ".join(text(pilot).split())
            await at(pilot, job, "contents")
            assert "is not known" in text(pilot)

    async def test_mounted_media_are_offered(
        self, home: Path, stick: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (stick / "dicomdir").write_bytes(b"")
        find = partial(media_here.mounted_media, folders=(stick.parent,))
        monkeypatch.setattr(media_here, "mounted_media", find)
        # As wide as the longest temporary folder: a path that does not fit is cut.
        async with opened(home, "import", size=(300, 30)) as pilot:
            assert "a DICOMDIR lies there" in line_with(pilot, str(stick))
            await pressed(pilot, "enter")
            assert last_job(home, "import").request["medium"] == str(stick)

    async def test_a_drive_without_a_disc_queues_nothing(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        empty = DriveView(Drive("/dev/sr7", "A", "B", "1", Disc()))
        full = DriveView(
            Drive("/dev/sr8", "A", "B", "1", Disc("CD-R", DiscStatus.CLOSED)),
            DiscContent(("X",), "X", "2.25.1", (("Roe^Ann", "7"),), 3),
        )
        views = {view.drive.device: view for view in (empty, full)}
        monkeypatch.setattr(drive_view, "look_at_drives", lambda *_: views)
        async with opened(home, "import") as pilot:
            assert "Roe, Ann" in line_with(pilot, "/dev/sr8")
            await pressed(pilot, "enter")
            assert "/dev/sr7: " in told(pilot)
            with Station(home) as station:
                assert station.jobs.latest(station.clock.now(), 9, kind="import") == []


class TestWhatCame:
    async def test_contents_stand_as_the_files_say(self, home: Path, stick: Path) -> None:
        job = take(home, stick)
        async with opened(home, "import") as pilot:
            await at(pilot, job, "contents")
            assert "EXT-1" in line_with(pilot, "Doe, Jane, 1970-01-01")
            assert "3 taken in" in line_with(pilot, "2026-01-02 Thorax")
            await pressed(pilot, "end")
            assert "Series Instance UID 1.2.3.1" in text(pilot)

    async def test_a_damaged_directory_is_shown_before_and_after(
        self, home: Path, tmp_path: Path
    ) -> None:
        tree = good_tree()
        gone = next(path for path in sorted(tree) if path != "DICOMDIR")
        for path, content in tree.items():
            if path != gone:
                target = tmp_path / "disc" / (path if path == "DICOMDIR" else path.lower())
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        job = take(home, tmp_path / "disc")
        async with opened(home, "import", size=(160, 50)) as pilot:
            await at(pilot, job, "defects")
            assert "✗ error" in shown(pilot)[7]
            assert any("missing file" in line for line in shown(pilot))
            assert "missing 1" in text(pilot)
            await pressed(pilot, "end")
            both = line_with(pilot, "Before: by the directory")
            assert "12 images" in both
            assert "After: by the files" in both
            assert "11 images" in both
            await pressed(pilot, "up")
            assert "✓ repaired" in text(pilot)
            assert "what stood there → what is taken instead" in text(pilot)

    async def test_it_can_be_worked_in_forty_columns(self, home: Path, stick: Path) -> None:
        job = take(home, stick)
        async with opened(home, "import", size=(40, 12)) as pilot:
            await at(pilot, job, SECTIONS[0].name)
            for part in SECTIONS:
                assert any(part.title in line or part.short in line for line in shown(pilot))
                assert shown(pilot)[2].startswith(f" Import {job}")
                await pressed(pilot, "right")


class TestHeld:
    @pytest.fixture
    def held(self, home: Path, stick: Path, tmp_path: Path) -> int:
        """An import with an instance that has other pixels under a UID that is here."""
        take(home, stick)
        other = tmp_path / "other"
        write_ct(other / "A.DCM", SOPInstanceUID="1.2.3.1.2", PixelData=bytes(32), **OUTSIDE)
        return take(home, other)

    async def test_both_sides_are_shown_and_it_is_kept_after_a_yes(
        self, home: Path, held: int
    ) -> None:
        async with opened(home, "import", size=(120, 40)) as pilot:
            await at(pilot, held, "held")
            assert "other pixels" in line_with(pilot, "? waits")
            await pressed(pilot, "enter")
            dialog = pilot.app.screen
            assert isinstance(dialog, HeldDialog)
            assert "Pixels: other pixels" in text(pilot)
            assert "EXT-1" in line_with(pilot, "  Patient ID ")
            assert dialog.query_one("#picture-held").picture is not None  # type: ignore[attr-defined]

            await pressed(pilot, "k")
            assert isinstance(pilot.app.screen, AskWords)
            await pressed(pilot, *"seen", "enter")
            assert isinstance(pilot.app.screen, Confirm)
            await pressed(pilot, "enter")
            with Station(home) as station:
                assert [one.verdict for one in held_files(station)] == [None]

            await pressed(pilot, "k", "enter", "y")
            await looked(pilot)
            with Station(home) as station:
                assert list(held_files(station)) == []
                assert len(list_rows(station.catalog, "instances")) == 2 + 3 + 1
            assert "taken into the catalog" in told(pilot)
            assert "Nothing is held" in text(pilot)

    async def test_it_is_left_for_good(self, home: Path, held: int) -> None:
        async with opened(home, "import") as pilot:
            await at(pilot, held, "held")
            await pressed(pilot, "l", *"no", "enter", "y")
            await looked(pilot)
            with Station(home) as station:
                (file,) = held_files(station)
            assert file.verdict is Verdict.LEAVE
            assert "A.DCM" in line_with(pilot, "left, a.holm")
            await pressed(pilot, "k")
            assert not isinstance(pilot.app.screen, AskWords)


class TestWhose:
    async def test_a_patient_of_the_catalog_is_confirmed_and_the_state_tells(
        self, home: Path, stick: Path
    ) -> None:
        job = take(home, stick)
        async with opened(home, "import") as pilot:
            await at(pilot, job, "who")
            assert "agree · this catalog" in line_with(pilot, "= Doe, Jane")
            await pressed(pilot, "down", "enter")
            question = pilot.app.screen
            assert isinstance(question, QuestionDialog)
            people = question.question.facts["people"]
            assert [one["patient_id"] for one in people] == ["EXT-1", "4711"]
            assert "On the medium" in text(pilot)
            await pressed(pilot, "enter")
            with Station(home) as station:
                assert station.jobs.latest(station.clock.now(), 9, kind="reconcile") == []

            await pressed(pilot, "enter", "o")
            work_off(home)
            await looked(pilot)

            record = last_job(home, "reconcile")
            assert record.state is JobState.DONE
            assert record.request["confirm_identity"] is False
            assert record.result["reconciled"] == 3
            assert "✓ as Doe, Jane (4711" in shown(pilot)[4]

    async def test_what_differs_is_asked_and_only_that_is_confirmed(
        self, home: Path, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "stick", 2, PatientBirthDate="19700110", **OUTSIDE)
        job = take(home, tmp_path / "stick")
        async with opened(home, "import", size=(120, 40)) as pilot:
            await at(pilot, job, "who")
            await pressed(pilot, "n", *"4711", "enter", "enter")
            await pressed(pilot, "down")
            assert "birth date differs" in line_with(pilot, "= Doe, Jane")
            assert "DIFFERS" in line_with(pilot, "Birth date")
            await pressed(pilot, "enter", "o")
            work_off(home)
            await looked(pilot)
            record = last_job(home, "reconcile")
            assert record.request["confirm_identity"] is True
            assert len(record.request["people"]) == 2
            assert record.state is JobState.DONE

    async def test_several_patients_are_decided_one_by_one(
        self, home: Path, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "disc" / "A", 2, **OUTSIDE)
        write_series(
            tmp_path / "disc" / "B", 3, PatientID="X-9", PatientName="Poe^Bob", PatientSex="M",
            PatientBirthDate="19600606", StudyInstanceUID="1.7", SeriesInstanceUID="1.7.1",
        )  # fmt: skip
        job = take(home, tmp_path / "disc")
        async with opened(home, "import", size=(120, 40)) as pilot:
            await at(pilot, job, "who")
            assert "X-9" in line_with(pilot, "Poe, Bob  ")
            await pressed(pilot, "down", "enter", "down", "enter", "o")
            work_off(home)
            await looked(pilot)
            assert "✓ as Doe, Jane (4711" in line_with(pilot, "EXT-1 ")
            assert "? Enter asks" in line_with(pilot, "Poe, Bob  ")
            assert "! 3 images not" in shown(pilot)[4]
            assert last_job(home, "reconcile").request["sources"] == ["study:1.2.3"]

    async def test_two_patients_of_one_series_are_told_apart(
        self, home: Path, tmp_path: Path
    ) -> None:
        """Nothing larger than a file names only one of them."""
        write_ct(tmp_path / "disc" / "A", SOPInstanceUID="1.2.3.1.1", **OUTSIDE)
        write_ct(tmp_path / "disc" / "B", SOPInstanceUID="1.2.3.1.2", PatientID="X-9",
                 PatientName="Poe^Bob", PatientSex="M", PatientBirthDate="19600606")  # fmt: skip
        job = take(home, tmp_path / "disc")
        with Station(home) as station:
            if list(held_files(station)):
                decide(station, [f"import:{job}"], Verdict.KEEP)

            view = read_import(station, job)
            assert view is not None
            assert len(view.patients) == 2
            for patient in view.patients:
                assert [one.partition(":")[0] for one in patient.sources] == ["sha256"]
                outside, _ = find_candidates(station, patient.sources)
                assert outside.identity == patient.identity

    async def test_nobody_found_leads_to_the_number(self, home: Path, tmp_path: Path) -> None:
        write_series(tmp_path / "disc", 1, PatientName="Poe^Bob", PatientID="Q",
                     PatientBirthDate="19600606")  # fmt: skip
        job = take(home, tmp_path / "disc")
        async with opened(home, "import") as pilot:
            await at(pilot, job, "who")
            assert "? nobody found: n" in line_with(pilot, "Poe, Bob  ")
            assert "t Type" not in shown(pilot)[-1]

    async def test_values_are_typed_only_where_the_site_allows_it(
        self, home: Path, tmp_path: Path
    ) -> None:
        with (home / "config.toml").open("a") as file:
            file.write("[reconcile]\ntyped = true\n")
        write_series(tmp_path / "disc", 1, PatientName="Poe^Bob", PatientID="Q",
                     PatientBirthDate="19600606")  # fmt: skip
        job = take(home, tmp_path / "disc")
        async with opened(home, "import") as pilot:
            await at(pilot, job, "who")
            await pressed(pilot, "t", *"9001", "enter", *"Poe", "circumflex_accent", *"Bob",
                          "enter", *"19600606", "enter", "enter")  # fmt: skip
            assert isinstance(pilot.app.screen, QuestionDialog)
            assert "nobody: typed here" in str(pilot.app.screen.question.facts)
            await pressed(pilot, "o")
            work_off(home)
            await looked(pilot)
            assert last_job(home, "reconcile").state is JobState.DONE
            assert "✓ as Poe, Bob (9001" in shown(pilot)[4]


class TestQuestions:
    async def test_a_waiting_import_is_answered_here_and_in_jobs(
        self, home: Path, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "stick", 2, PatientBirthDate="19700110", **OUTSIDE)
        with Station(home) as station:
            job = submit(station, ImportRequest(tmp_path / "stick", patient_id="4711"))
        work_off(home)
        async with opened(home, "import", size=(120, 40)) as pilot:
            await at(pilot, job, "steps")
            assert "? waiting" in line_with(pilot, f"Import {job} ·")
            await pressed(pilot, "a")
            assert "On the medium" in text(pilot)
            assert "It is this patient" in text(pilot)
            await pressed(pilot, "n")
            await console_of(pilot).go("jobs", job=job)
            await settled(pilot)
            assert "Import stick" in line_with(pilot, "? waiting  ")
            await pressed(pilot, "a")
            assert "At this site" in text(pilot)
            await pressed(pilot, "o")
            assert job_of(home, job).state is JobState.QUEUED
            work_off(home)
            assert job_of(home, job).result["reconciled"] == 2


class TestSendingOn:
    async def test_without_a_peer_it_says_how_to_make_one(self, home: Path, stick: Path) -> None:
        job = take(home, stick)
        async with opened(home, "import") as pilot:
            await at(pilot, job, "send")
            assert "No peer takes images" in text(pilot)

    async def test_only_what_is_reconciled_goes_out_and_only_after_a_yes(
        self, home: Path, stick: Path
    ) -> None:
        with archive() as peer:
            write_peer(home, peer.port, title="Archive")
            job = take(home, stick)
            async with opened(home, "import") as pilot:
                await at(pilot, job, "send")
                assert "not now" in line_with(pilot, "Archive")
                await pressed(pilot, "enter")
                assert "Nobody is reconciled" in told(pilot)
                assert not isinstance(pilot.app.screen, Confirm)

                await at(pilot, job, "who")
                await pressed(pilot, "down", "enter", "o")
                work_off(home)
                await looked(pilot)
                await at(pilot, job, "send")
                await pressed(pilot, "enter")
                question = pilot.app.screen
                assert isinstance(question, Confirm)
                assert question.people == ("Doe, Jane (4711, born 1970-01-01)",)
                assert "3 images to Archive" in question.question
                await pressed(pilot, "y")
                work_off(home)
                await looked(pilot)
                assert "Archive: ✓ 3 confirmed" in shown(pilot)[4]
                assert len(peer.stored) == 3
                await pressed(pilot, "escape")
                await looked(pilot)
                assert "nothing open" in line_with(pilot, "✓ done")


class TestReport:
    async def test_it_is_copied_and_what_came_is_exported_again(
        self, home: Path, stick: Path, tmp_path: Path
    ) -> None:
        job = take(home, stick)
        (tmp_path / "out").mkdir()
        async with opened(home, "import") as pilot:
            await at(pilot, job, "report")
            await pressed(pilot, "enter")
            assert pilot.app.clipboard.endswith("report.htm")
            await pressed(pilot, "down", "down", "enter")
            pilot.app.screen.query_one("Input").value = str(tmp_path / "out")  # type: ignore[attr-defined]
            await pressed(pilot, "enter")
            names = sorted(path.name for path in (tmp_path / "out").iterdir())
            assert names == [f"import-{job}-report.htm", f"import-{job}-report.pdf"]
            await pressed(pilot, "down", "enter")
            await settled(pilot)
            assert any("Doe, Jane" in line and "EXT-1" in line for line in shown(pilot))

    def test_nothing_is_written_over(self, home: Path, stick: Path, tmp_path: Path) -> None:
        job = take(home, stick)
        page = Path(job_of(home, job).result["report"])
        (tmp_path / "mine.pdf").write_bytes(b"mine")
        refused: list[tuple[Path, str]] = [
            (tmp_path / "mine.pdf", "there already"),
            (tmp_path / "mine.doc", "says not what"),
        ]
        copy: Callable[[Path], object]
        with Station(home) as station:
            copy = partial(copy_import_report, station, page)
            for target, words in refused:
                with pytest.raises(MediastationError, match=words):
                    copy(target)
        assert (tmp_path / "mine.pdf").read_bytes() == b"mine"
