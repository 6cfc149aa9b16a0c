"""The Jobs screen, key by key, over jobs that a worker really ran."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from rich.text import Text

from mediastation.console.screens.job_list import PAGE, JobLog, in_order
from mediastation.console.screens.job_words import (
    add_findings,
    bar,
    duration_text,
    page_row,
    progress_text,
    title_of,
)
from mediastation.console.screens.jobs import JobsScreen
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.page_table import PageTable
from mediastation.console.widgets.question import QuestionDialog
from mediastation.model.finding import error, note
from mediastation.model.job import JobRecord, JobState, Step, StepState
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.job_facts import facts_of_job, images_to_burn
from mediastation.station.serving.job_kinds import VerifyRequest
from mediastation.station.serving.submitting import submit
from mediastation.station.station import Station
from tests.console.support import Console, line_with, opened, pressed, settled, shown
from tests.support.desk_home import (
    JANE,
    TARO,
    TWIN,
    copy_home,
    make_home,
    study_of,
    work_off,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an export that is done, one that asks, one that was refused, one that failed."""
    home = make_home(tmp_path_factory.mktemp("jobs"))
    taro, jane = study_of(home, TARO), study_of(home, JANE)
    twins = study_of(home, TWIN, "A-1"), study_of(home, TWIN, "A-2")
    out = home / "out"
    out.mkdir()
    with Station(home) as station:
        submit(station, ExportRequest((taro,), "STD-GEN-CD", out / "taro.iso"))
        submit(station, ExportRequest(twins, "STD-GEN-CD", out / "twins.iso"))
        submit(station, ExportRequest((jane,), "STD-US-SC-SF-CDR", out / "jane.iso"))
        submit(station, ExportRequest(("study:1.2.3",), "STD-GEN-CD", out / "none.iso"))
    work_off(home)
    return home


DONE, ASKS, REFUSED, FAILED = 2, 3, 4, 5
"""Numbers of these jobs; the first added the instances."""


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return copy_home(made, tmp_path / "home")


@pytest.fixture(autouse=True)
def no_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediastation.station.exporting.foresight.drives_here", lambda _: [])


def screen_of(pilot: Console) -> JobsScreen:
    screen = pilot.app.get_screen("jobs")
    assert isinstance(screen, JobsScreen)
    return screen


async def on(pilot: Console, job: int) -> None:
    """Put the cursor on a job and wait until all is known of it."""
    screen = screen_of(pilot)
    screen.select(job)
    for _ in range(6000):
        full = screen._full
        if full is not None and full.id == job and screen.facts is not None:
            break
        await pilot.pause(0.01)
    await settled(pilot)
    assert screen.table.cursor_key == job


def job_of(home: Path, number: int) -> JobRecord:
    with Station(home) as station:
        found = station.jobs.get(number, station.clock.now())
    assert found is not None
    return found


def newest(home: Path) -> JobRecord:
    with Station(home) as station:
        return station.jobs.latest(station.clock.now(), 1)[0]


def submitted(home: Path, request: ExportRequest | VerifyRequest) -> int:
    with Station(home) as station:
        return submit(station, request)


def text(pilot: Console) -> str:
    return "\n".join(shown(pilot))


def told(pilot: Console) -> str:
    return "\n".join(str(note.message) for note in pilot.app._notifications)


class TestList:
    async def test_without_jobs_it_says_where_to_make_some(self, tmp_path: Path) -> None:
        async with opened(tmp_path / "new", "jobs") as pilot:
            assert "No jobs here. Export (2) makes media" in text(pilot)
            await pressed(pilot, "c", "r", "a", "b", "v", "p", "plus", "minus", "o", "enter")

    async def test_states_stand_in_words_and_what_asks_comes_first(self, home: Path) -> None:
        async with opened(home, "jobs", size=(120, 40)) as pilot:
            table = screen_of(pilot).table

            assert table.cursor_key == ASKS
            assert "Patient CD · ROE, ANN +1" in line_with(pilot, "   3 ? waiting")
            lines = text(pilot)
            assert "✓ done" in lines
            assert "! refused" in lines
            assert "✗ failed" in lines
            assert "山田, 太郎" in lines

    async def test_a_job_is_told_with_steps_findings_remedies_files_and_log(
        self, home: Path
    ) -> None:
        async with opened(home, "jobs", size=(160, 60)) as pilot:
            await on(pilot, DONE)
            lines = text(pilot)
            assert "Patient 山田, 太郎 (99, born 1963-04-12)" in lines
            assert "3 may go out, 0 may not" in lines
            assert "✓ verified" in lines
            assert job_of(home, DONE).result["volumes"][0]["sha256"][:40] in lines
            assert "submitted" in lines

            await on(pilot, REFUSED)
            assert "✗ error (3 ×): " in text(pilot)
            assert "→ " in text(pilot)

    async def test_the_filter_goes_round_and_is_kept(self, home: Path) -> None:
        async with opened(home, "jobs") as pilot:
            await pressed(pilot, "f")
            assert "Open jobs (f)" in text(pilot)
            assert screen_of(pilot).table.line_count == 1
        async with opened(home, "jobs") as pilot:
            assert screen_of(pilot).table.line_count == 1
            await pressed(pilot, "f")
            assert "My jobs (f)" in text(pilot)
            await pressed(pilot, "f")
            assert "All jobs (f)" in text(pilot)

    async def test_plans_are_hidden_until_asked_for(self, home: Path) -> None:
        request = ExportRequest((study_of(home, TARO),), "STD-GEN-CD", home, plan_only=True)
        plan = submitted(home, request)
        async with opened(home, "jobs") as pilot:
            table = screen_of(pilot).table
            assert not table.move_to(plan)
            await pressed(pilot, "t")
            assert table.move_to(plan)
            assert "with checks (t)" in text(pilot)

    async def test_older_jobs_are_read_at_the_end_of_the_list(self, home: Path) -> None:
        with Station(home) as station:
            for _ in range(PAGE):
                station.jobs.create("add", {"sources": []}, "anna", "w", station.clock.now())
        async with opened(home, "jobs") as pilot:
            table = screen_of(pilot).table
            assert "older ones below" in text(pilot)
            await pressed(pilot, "end")
            for _ in range(6000):
                if table.move_to(1):
                    break
                await pilot.pause(0.01)
            assert table.cursor_key == 1

    async def test_a_storm_of_events_is_read_on_from_where_it_was_read_to(self, home: Path) -> None:
        with Station(home) as station:
            log = JobLog(DONE)
            log.read_on(station)
            first = log.after
            for number in range(1000):
                station.queue.note(DONE, station.clock.now(), f"line {number}")
            log.read_on(station)
            assert len(log.lines) == 200
            assert log.after > first
            log.read_on(station)
            assert log.lines[-1].text == "line 999"
            assert len(log.lines) == 200

    async def test_two_readings_at_once_take_each_line_once(self, home: Path) -> None:
        with Station(home) as station:
            for number in range(300):
                station.queue.note(DONE, station.clock.now(), f"line {number}")
            log = JobLog(DONE)
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(log.read_on, [station] * 8))
            numbers = [line.id for line in log.lines]
            assert numbers == sorted(set(numbers))
            assert log.lines[-1].text == "line 299"


class TestErrands:
    async def test_cancel_names_the_patient_and_is_taken_back(self, home: Path) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, ASKS)
            await pressed(pilot, "c")
            assert isinstance(pilot.app.screen, Confirm)
            assert "ROE, ANN (A-1, born 1970-02-03)" in pilot.app.screen.people
            await pressed(pilot, "enter")
            assert job_of(home, ASKS).state is JobState.WAITING, "Enter says no"

            await pressed(pilot, "c", "y")
            assert job_of(home, ASKS).state is JobState.CANCELLED
            await pressed(pilot, "u")
            assert job_of(home, ASKS).state is JobState.QUEUED

    async def test_retry_asks_and_begins_the_job_again(self, home: Path) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, FAILED)
            await pressed(pilot, "r", "y")
            assert job_of(home, FAILED).state is JobState.QUEUED

    async def test_priority_goes_up_and_down_and_is_taken_back(self, home: Path) -> None:
        job = submitted(home, VerifyRequest(home / "out" / "taro.iso"))
        async with opened(home, "jobs") as pilot:
            await on(pilot, job)
            await pressed(pilot, "plus", "plus", "minus")
            assert job_of(home, job).priority == 1
            await pressed(pilot, "u")
            assert job_of(home, job).priority == 2

    async def test_an_answer_is_given_after_both_identities_were_shown(self, home: Path) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, ASKS)
            await pressed(pilot, "enter")
            assert isinstance(pilot.app.screen, QuestionDialog)
            assert "A - 1" in text(pilot)
            assert "End the job" in text(pilot)
            await pressed(pilot, "enter")
            assert job_of(home, ASKS).state is JobState.WAITING, "Enter decides nothing"
            await pressed(pilot, "a", "o")
            assert job_of(home, ASKS).state is JobState.QUEUED
        work_off(home)
        assert job_of(home, ASKS).state is JobState.DONE

    async def test_a_question_may_end_the_job_after_one_more_question(self, home: Path) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, ASKS)
            await pressed(pilot, "a", "right", "enter")
            assert isinstance(pilot.app.screen, Confirm)
            await pressed(pilot, "y")
            assert job_of(home, ASKS).state is JobState.CANCELLED

    async def test_an_image_is_burned_on_the_drive_that_was_chosen(
        self, home: Path, tmp_path: Path
    ) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, DONE)
            await pressed(pilot, "b", "enter")
            await pilot.press(*f"stdio:{tmp_path}/disc")
            await pressed(pilot, "enter", "enter")
            assert isinstance(pilot.app.screen, Confirm)
            assert pilot.app.screen.people == ("山田, 太郎 (99, born 1963-04-12)",)
            await pressed(pilot, "y")
            burn = newest(home)
            assert screen_of(pilot).table.cursor_key == burn.id
            made = job_of(home, DONE).result["volumes"][0]["sha256"]
            assert burn.request["image_sha256"] == made, "and no other that has its name by then"
        work_off(home)
        assert job_of(home, burn.id).state is JobState.DONE
        async with opened(home, "jobs", size=(160, 50)) as pilot:
            await on(pilot, burn.id)
            assert "verified, identical" in text(pilot)
            assert "Patient 山田" in text(pilot), "the burn is known by the export before it"
            await pressed(pilot, "v")
            assert newest(home).request["medium"] == str(tmp_path / "disc")

    async def test_what_was_made_is_verified_again(self, home: Path) -> None:
        image = job_of(home, DONE).result["volumes"][0]["path"]
        async with opened(home, "jobs") as pilot:
            await on(pilot, DONE)
            await pressed(pilot, "v")
        work_off(home)
        verified = newest(home)
        assert (verified.kind, verified.request["medium"]) == ("verify", image)
        assert verified.result["ok"]

    async def test_a_reprint_has_the_same_bytes(self, home: Path) -> None:
        again = home / "again.iso"
        async with opened(home, "jobs") as pilot:
            await on(pilot, DONE)
            await pressed(pilot, "p", "enter")
            assert "Name the image file" in text(pilot)
            await pilot.press(*str(again))
            await pressed(pilot, "enter")
            assert isinstance(pilot.app.screen, Confirm)
            await pressed(pilot, "y")
        work_off(home)
        first = job_of(home, DONE).result["volumes"][0]["sha256"]
        assert hashlib.sha256(again.read_bytes()).hexdigest() == first

    async def test_the_footer_offers_only_what_can_be_done(self, home: Path) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, DONE)
            footer = shown(pilot)[-1]
            assert "b Burn" in footer
            assert "p Reprint" in footer
            assert "Retry" not in footer
            await on(pilot, FAILED)
            footer = shown(pilot)[-1]
            assert "r Retry" in footer
            assert "Burn" not in footer

    async def test_the_files_of_a_job_are_named(self, home: Path) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, DONE)
            await pressed(pilot, "o")
            assert f"{home}/jobs/{DONE}" in told(pilot)

    async def test_enter_goes_to_the_description_and_escape_back(self, home: Path) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, DONE)
            await pressed(pilot, "enter")
            assert screen_of(pilot).query_one("#job-pane").has_focus
            await pressed(pilot, "escape")
            assert screen_of(pilot).query_one("#jobs", PageTable).has_focus


def record(state: JobState = JobState.RUNNING, **words: object) -> JobRecord:
    base = JobRecord(
        7, "export", state, "anna", {"profile": "STD-GEN-CD", "medium": "CD-80"}, {}, "", 0, 0
    )
    return replace(base, **words)  # type: ignore[arg-type]


def step(done: int, total: int, unit: str = "bytes") -> Step:
    return Step("master", StepState.RUNNING, done, total, unit, "", 100.0, None)


class TestWords:
    def test_progress_says_share_rate_and_time_left(self) -> None:
        told = progress_text(step(50 << 20, 200 << 20), 110.0, 60)

        assert "master  25%" in told
        assert "5.0 MiB/s" in told
        assert told.endswith("0:30 left")
        assert told.startswith("█████")

    @pytest.mark.parametrize("width", range(12, 70))
    def test_the_share_is_there_however_narrow(self, width: int) -> None:
        assert " 25%" in progress_text(step(50, 200, "instances"), 110.0, width)

    @pytest.mark.parametrize(
        ("now", "of", "expected"),
        [
            (100.5, step(10, 100), ""),
            (110.0, step(0, 100), ""),
            (110.0, step(5, 0), ""),
        ],
    )
    def test_nothing_is_foretold_before_it_can_be(
        self, now: float, of: Step, expected: str
    ) -> None:
        assert ("left" in progress_text(of, now, 60)) == bool(expected)

    def test_a_bar_is_as_wide_as_it_should_be_and_never_overflows(self) -> None:
        for share in (-1, 0, 0.001, 0.333, 0.5, 0.999, 1, 7):
            assert len(bar(share, 10)) == 10

    def test_durations_are_read_as_clocks(self) -> None:
        assert [duration_text(one) for one in (0, 7, 750, 3723)] == [
            "0:00", "0:07", "12:30", "1:02:03",
        ]  # fmt: skip

    def test_jobs_that_ask_come_before_those_that_run_wait_and_ended(self) -> None:
        jobs = [
            replace(record(state), id=number, priority=priority)
            for number, (state, priority) in enumerate(
                [
                    (JobState.DONE, 0),
                    (JobState.QUEUED, 0),
                    (JobState.QUEUED, 5),
                    (JobState.RUNNING, 0),
                    (JobState.WAITING, 0),
                    (JobState.FAILED, 0),
                ]
            )
        ]
        assert [one.id for one in in_order(jobs)] == [4, 3, 2, 1, 5, 0]

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (JobState.ABANDONED, "its process is gone"),
            (JobState.QUEUED, "waits its turn"),
            (JobState.DONE, "done"),
        ],
    )
    def test_every_state_says_how_far(self, state: JobState, words: str) -> None:
        row = page_row(record(state), None, None, 100.0, 30)
        assert row.cells[3] == words
        assert str(state) in row.cells[1]

    def test_findings_that_are_alike_stand_once_with_their_number(self) -> None:
        text = Text()
        alike = [note("icon", f"1.2.{number}", "No icon was made.") for number in range(5000)]
        add_findings(text, [*alike, error("odd", "9", "It is odd. | a | b", "Look.", "PS3.3")])

        lines = text.plain.splitlines()
        assert lines[0] == "✗ error: It is odd."
        assert lines[1:5] == ["    a", "    b", "  → Look.", "  9 · PS3.3"]
        assert lines[5] == "· note (5,000 ×): No icon was made."
        assert lines[6] == "  1.2.0 and 4,999 more"


class TestFacts:
    def test_an_export_is_told_by_preset_patient_and_study(self, home: Path) -> None:
        job = job_of(home, DONE)
        with Station(home) as station:
            facts = facts_of_job(station, job)
        assert title_of(job, facts) == "Patient CD · 山田, 太郎 · CT 2024-02-29"
        assert [one.path for one in images_to_burn(job)] == [Path(job.result["volumes"][0]["path"])]

    @pytest.mark.parametrize(
        ("words", "title"),
        [
            ({"medium": "USB", "with_password": True}, "Encrypted stick"),
            ({"medium": "USB", "unsealed": True}, "USB, unsealed"),
            (
                {"profile": "STD-GEN-SEC-CD", "medium": "CD-80", "recipients": ["/a.pem"]},
                "CD-80, encrypted",
            ),
        ],
    )
    def test_whether_it_is_encrypted_is_in_its_name(
        self, home: Path, words: dict[str, object], title: str
    ) -> None:
        request = {"profile": "STD-GEN-SEC-USB-JPEG", "compress": "", **words}
        job = replace(job_of(home, DONE), request=request)
        with Station(home) as station:
            assert facts_of_job(station, job).what == title

    def test_what_is_gone_from_the_catalog_is_told_by_its_label(self, home: Path) -> None:
        job = replace(job_of(home, DONE), request={"sources": ["study:1.2.3"]})
        with Station(home) as station:
            assert "· " in title_of(job, facts_of_job(station, job))
            assert facts_of_job(station, job).patients == ()

    @pytest.mark.parametrize(
        "request_",
        [{"sources": 7}, {"sources": [1, None]}, {}, {"drives": "x"}, {"image": 3}, {"of": "x"}],
    )
    @pytest.mark.parametrize("kind", ["export", "burn", "verify", "reprint", "update", "odd"])
    def test_a_request_of_another_version_is_no_accident(
        self, home: Path, kind: str, request_: dict[str, object]
    ) -> None:
        with Station(home) as station:
            job = record(JobState.DONE, kind=kind, request=request_, result={"volumes": [3]})
            assert title_of(job, facts_of_job(station, job))
