"""*Ledger*: media found, made again and proved, with media that were really made and burned."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.catalog.ledger_check import LedgerReport
from mediastation.console.screens.ledger_words import (
    medium_row,
    patient_text,
    story_text,
    verdict_on,
)
from mediastation.console.widgets.choose import AskWords
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.verdict import VerdictDialog
from mediastation.model.finding import error
from mediastation.model.job import JobState
from mediastation.model.ledger import (
    Disclosure,
    LedgerEvent,
    LedgerHead,
    LedgerPatient,
    MediumFacts,
)
from mediastation.station.burning.burn import burn
from mediastation.station.burning.request import BurnRequest
from mediastation.station.recording.ledger import record_withdrawn
from mediastation.station.recording.media_made import MadeMedium, page_of_media, story_of
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
from tests.support.ledgers import draft, lines_of, write_lines

FACTS = MediumFacts(
    "CD-80", "iso9660", "STD-GEN-CD", "/out/cd.iso", "DOE_JANE", "1.2.3", 3, 75_776, "a" * 64,
    "b" * 64, verified=True, patients=(LedgerPatient("P1", "Doe^Jane", "19700101"),),
)  # fmt: skip
MADE = MadeMedium(
    7, "2026-11-23T09:30:00+00:00", LedgerEvent.MADE, "roe", 3, FACTS,
    Disclosure("Dr. Roe", "Ms. Doe", "second opinion"),
)  # fmt: skip


@pytest.fixture(scope="module")
def made_here(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """An export, its update, and a burned copy of the export."""
    folder = tmp_path_factory.mktemp("ledger")
    images = make_images(folder)
    engine = MemoryEngine({"/dev/sr0": MemoryDrive(folder / "disc")})
    with Station(images.home) as station:
        request = BurnRequest(
            images.first, ("/dev/sr0",), eject=False,
            disclosure=Disclosure("Dr. Roe", "Ms. Pickup", "referral"),
        )  # fmt: skip
        assert burn(station, request, engine=engine).verified
    return images


@pytest.fixture
def home(made_here: Images, tmp_path: Path) -> Path:
    """A copy of that home, to be changed."""
    return Path(shutil.copytree(made_here.home, tmp_path / "home"))


def filled(home: Path, entries: int) -> Path:
    """Record media that were never made, quickly."""
    with Station(home) as station:
        log = Ledger(station.catalog)
        for number in range(entries):
            facts = replace(
                FACTS,
                image_sha256=f"{number:064x}",
                patients=(LedgerPatient(str(number), f"Person{number:04}^"),),
            )
            one = replace(draft(), event=LedgerEvent.MADE, job=None)
            log.append(replace(one, facts={"medium": asdict(facts), "disclosure": {}}))
    return home


def head_of(home: Path) -> LedgerHead:
    with Station(home) as station:
        return Ledger(station.catalog).head()


def media_on(pilot: Console) -> list[str]:
    return [line for line in shown(pilot) if " CD-80 " in line and "Entry" not in line]


class TestSearch:
    async def test_the_newest_stands_first_with_patient_recipient_and_state(
        self, made_here: Images
    ) -> None:
        async with opened(made_here.home, "ledger") as pilot:
            burned, *_, exported = media_on(pilot)
            assert "◉ burned" in burned
            assert "Ms. Pickup" in burned
            assert "+ made" in exported
            assert all("Doe, Jane" in line and "✓ verified" in line for line in media_on(pilot))

    async def test_one_is_told_whole_with_its_copies(self, made_here: Images) -> None:
        async with opened(made_here.home, "ledger", size=(120, 50)) as pilot:
            await pressed(pilot, "end")
            text = "\n".join(shown(pilot))
            assert made_here.manifest.image_sha256 in text
            assert made_here.manifest.file_set_uid in text
            assert "The same image in the ledger:" in text
            assert "reread identical" in line_with(pilot, ": burned, ")
            await pressed(pilot, "enter")
            assert pilot.app.screen.query_one("#medium-pane").has_focus
            await pressed(pilot, "escape")
            assert pilot.app.screen.query_one("#media").has_focus

    async def test_words_and_hashes_are_searched_and_escape_ends_it(
        self, made_here: Images
    ) -> None:
        async with opened(made_here.home, "ledger") as pilot:
            everything = len(media_on(pilot))
            await pressed(pilot, "slash", *"pickup", "enter")
            assert len(media_on(pilot)) == 1
            await pressed(pilot, "slash", *"nobody", "enter")
            assert media_on(pilot) == []
            assert any("No medium has these words" in line for line in shown(pilot))
            await pressed(pilot, "escape")
            assert len(media_on(pilot)) == everything

    async def test_what_is_recorded_meanwhile_comes_up_and_the_cursor_stays(
        self, home: Path
    ) -> None:
        async with opened(home, "ledger") as pilot:
            table = pilot.app.screen.query_one("#media")
            await pressed(pilot, "down")
            before = table.cursor_key  # type: ignore[attr-defined]
            filled(home, 1)
            pilot.app.screen.look_again()  # type: ignore[attr-defined]
            await settled(pilot)
            assert "Person0000" in media_on(pilot)[0]
            assert table.cursor_key == before  # type: ignore[attr-defined]

    async def test_a_withdrawn_one_says_so(self, home: Path) -> None:
        with Station(home) as station:
            page = page_of_media(station)
            number = page.media[-1].number
            head = LedgerHead(number, "0" * 64)
            record_withdrawn(station, 1, head, "the disk was full")
        async with opened(home, "ledger") as pilot:
            assert "– withdrawn" in media_on(pilot)[-1]
            await pressed(pilot, "end")
            assert any("withdrawn: the disk was full" in line for line in shown(pilot))

    async def test_an_empty_ledger_says_where_media_come_from(self, tmp_path: Path) -> None:
        async with opened(tmp_path / "home", "ledger") as pilot:
            assert any("Export (2) makes one" in line for line in shown(pilot))
            await pressed(pilot, "r", "o", "enter")
            assert "no medium here" in told(pilot)

    async def test_a_long_ledger_is_read_on_where_somebody_goes(self, tmp_path: Path) -> None:
        home = filled(tmp_path / "home", 250)
        async with opened(home, "ledger") as pilot:
            table = pilot.app.screen.query_one("#media")
            assert table.line_count == 100  # type: ignore[attr-defined]
            assert any("100+ media" in line for line in shown(pilot))
            await pressed(pilot, "end")
            assert table.line_count == 200  # type: ignore[attr-defined]
            await pressed(pilot, "end")
            await pressed(pilot, "end")
            assert table.line_count == 250  # type: ignore[attr-defined]
            assert "Person0000" in media_on(pilot)[-1]
            assert any(" 250 media" in line for line in shown(pilot))


class TestReprint:
    async def test_it_names_the_patient_and_is_queued_and_taken_back(self, home: Path) -> None:
        async with opened(home, "ledger") as pilot:
            await pressed(pilot, "r")
            assert isinstance(pilot.app.screen, AskWords)
            output = pilot.app.screen.query_one("#field-output").value  # type: ignore[attr-defined]
            assert output.endswith("first-2.iso")
            await pressed(pilot, "enter", "enter", "enter", "enter")
            asked = pilot.app.screen
            assert isinstance(asked, Confirm)
            assert asked.people[0].startswith("Doe, Jane (")
            assert "for Ms. Pickup" in asked.question
            await pressed(pilot, "y")
            station = console_of(pilot).desk.station
            (record,) = station.jobs.open_jobs(station.clock.now())
            assert record.kind == "reprint"
            made_by = station.jobs.get(record.request["of"], station.clock.now())
            assert made_by is not None
            assert made_by.kind == "export"
            assert record.request["output"] == output
            assert record.request["disclosure"]["given_to"] == "Ms. Pickup"
            await pressed(pilot, "u")
            assert station.jobs.open_jobs(station.clock.now()) == []

    async def test_no_is_no(self, home: Path) -> None:
        async with opened(home, "ledger") as pilot:
            await pressed(pilot, "r", "enter", "enter", "enter", "enter", "enter")
            station = console_of(pilot).desk.station
            assert station.jobs.open_jobs(station.clock.now()) == []

    async def test_a_medium_whose_job_is_gone_is_not_made_again(self, tmp_path: Path) -> None:
        home = filled(tmp_path / "home", 1)
        async with opened(home, "ledger") as pilot:
            await pressed(pilot, "r")
            assert "Copy a medium that is there" in told(pilot)

    async def test_the_job_of_a_medium_is_a_key_away(self, home: Path) -> None:
        async with opened(home, "ledger") as pilot:
            await pressed(pilot, "o")
            assert pilot.app.screen.PLACE == "jobs"  # type: ignore[attr-defined]


class TestChain:
    async def test_a_whole_one_is_called_whole(self, home: Path) -> None:
        async with opened(home, "ledger") as pilot:
            await pressed(pilot, "v")
            assert isinstance(pilot.app.screen, VerdictDialog)
            assert any("✓ THE LEDGER IS WHOLE" in line for line in shown(pilot))
            await pressed(pilot, "enter")
            assert "✓ whole" in shown(pilot)[2]

    async def test_a_changed_one_is_called_changed_and_from_where(self, home: Path) -> None:
        lines = lines_of(home)
        lines[1] = lines[1].replace(b"Doe^Jane", b"Doe^John")
        write_lines(home, lines)
        async with opened(home, "ledger", size=(120, 40)) as pilot:
            await pressed(pilot, "v")
            assert any("✗ THE LEDGER WAS CHANGED" in line for line in shown(pilot))
            assert any("From entry 2 on" in line for line in shown(pilot))
            assert any("Its copy in the index is whole" in line for line in shown(pilot))
            await pressed(pilot, "escape")
            assert "✗ NOT whole" in shown(pilot)[2]

    async def test_a_cut_one_is_called_cut(self, home: Path) -> None:
        write_lines(home, lines_of(home)[:-1])
        async with opened(home, "ledger", size=(120, 40)) as pilot:
            await pressed(pilot, "v")
            assert any("✗ THE LEDGER WAS CUT" in line for line in shown(pilot))

    async def test_a_head_of_a_label_is_checked(self, home: Path) -> None:
        head = head_of(home)
        async with opened(home, "ledger", size=(120, 40)) as pilot:
            await pressed(pilot, "h")
            line = pilot.app.screen.query_one("#field-head")
            line.value = "17:xyz"  # type: ignore[attr-defined]
            await pressed(pilot, "enter")
            assert any("That is no head" in text for text in shown(pilot))
            line.value = f"{head.count}:{head.sha256[:8]} {head.sha256[8:24]}"  # type: ignore[attr-defined]
            await pressed(pilot, "enter")
            assert any("THE HEAD IS RIGHT" in text for text in shown(pilot))
            assert any(f"entry {head.count} was the last" in text for text in shown(pilot))

            await pressed(pilot, "enter", "h")
            line = pilot.app.screen.query_one("#field-head")
            line.value = "2:" + "0" * 24  # type: ignore[attr-defined]
            await pressed(pilot, "enter")
            assert any("THIS HEAD IS NOT OF THIS LEDGER" in text for text in shown(pilot))
            assert head_of(home) == head

    async def test_the_head_is_copied_in_full(self, home: Path) -> None:
        async with opened(home, "ledger") as pilot:
            await pressed(pilot, "c")
            assert pilot.app.clipboard == str(head_of(home))


class TestWords:
    def test_what_is_not_verified_is_in_words(self) -> None:
        row = medium_row(replace(MADE, reread="differs"), None)
        assert "✗ not verified" in row.cells
        assert row.look == "error"

    def test_a_job_that_failed_after_the_entry_is_told(self, home: Path) -> None:
        with Station(home) as station:
            story = story_of(station, MADE)
        text = story_text(MADE, replace(story, state=JobState.ABANDONED), None).plain
        assert "its job was killed" in text
        assert "Given to Ms. Doe" in text

    def test_a_patient_is_named_by_name_id_and_birth_date(self) -> None:
        assert patient_text(FACTS.patients[0]) == "Doe, Jane (P1, born 1970-01-01)"
        assert patient_text(LedgerPatient("", "X^Y")) == "X, Y (no ID)"

    def test_text_of_strangers_steers_no_terminal(self) -> None:
        made = replace(MADE, disclosure=Disclosure(given_to="\x1b[31mred"))
        assert "\x1b" not in story_text(made, None, None).plain

    def test_trouble_with_the_key_is_no_change(self) -> None:
        report = LedgerReport(entries=3, findings=[error("ledger-key", "x", "gone")])
        assert verdict_on(report).title == "THE LEDGER COULD NOT BE PROVED"


def test_pages_lead_on_without_a_gap_and_end(tmp_path: Path) -> None:
    with Station(filled(tmp_path / "home", 25)) as station:
        numbers: list[int] = []
        before: int | None = None
        for _ in range(100):
            page = page_of_media(station, "", before, most=4, most_looked_at=3)
            numbers += [made.number for made in page.media]
            before = page.before
            if before is None:
                break
        assert numbers == list(range(25, 0, -1))
