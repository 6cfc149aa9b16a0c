"""The Export screen, key by key, on a home with generated patients; a worker makes the media."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.burn.drive import Disc, DiscStatus, Drive
from mediastation.console.screens.export import ExportScreen
from mediastation.console.screens.export_choices import Choices
from mediastation.console.widgets.choose import AskWords, Choose
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.widgets.page_table import PageTable
from mediastation.console.widgets.question import (
    QuestionDialog,
    differing_letters,
    identities_text,
)
from mediastation.model.job import JobRecord, JobState
from mediastation.station.station import Station
from tests.console.support import (
    Console,
    console_of,
    opened,
    pressed,
    shown,
    typed,
    until,
)
from tests.support.desk_home import (
    JANE,
    JAYNE,
    TARO,
    TWIN,
    copy_home,
    make_home,
    study_of,
    work_off,
)

_SR0 = Drive("/dev/sr0", "HL-DT-ST", "BD-RE", disc=Disc("CD-R", DiscStatus.BLANK))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("export"))


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return copy_home(made, tmp_path / "home")


@pytest.fixture(autouse=True)
def drives(monkeypatch: pytest.MonkeyPatch) -> list[Drive]:
    """The drives that this computer seems to have; none unless a test adds some."""
    found: list[Drive] = []
    monkeypatch.setattr(
        "mediastation.station.exporting.foresight.drives_here", lambda _: list(found)
    )
    return found


def screen_of(pilot: Console) -> ExportScreen:
    screen = pilot.app.get_screen("export")
    assert isinstance(screen, ExportScreen)
    return screen


async def bring(pilot: Console, *sources: str) -> ExportScreen:
    """Take sources to Export, as Studies does, and wait for the plan."""
    await console_of(pilot).go("export", sources=list(sources))
    screen = screen_of(pilot)
    await until(pilot, lambda: screen.is_planned)
    return screen


async def row(pilot: Console, name: str) -> None:
    """Open the dialog of one of the choices."""
    table = screen_of(pilot).query_one("#choices", PageTable)
    table.focus()
    assert table.move_to(name)
    await pressed(pilot, "enter")


def text(pilot: Console) -> str:
    return "\n".join(shown(pilot))


def told(pilot: Console) -> str:
    return "\n".join(str(note.message) for note in pilot.app._notifications)


def jobs_of(home: Path) -> list[JobRecord]:
    with Station(home) as station:
        found = station.jobs.latest(station.clock.now())
    return [one for one in found if not one.request.get("plan_only") and one.kind != "add"]


class TestSelection:
    async def test_the_keys_of_the_moment_have_room(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            assert shown(pilot)[-1].rstrip().endswith("^p Find")

    async def test_without_one_it_says_where_to_get_it(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            await pressed(pilot, "x")
            await row(pilot, "start")

            assert "Mark studies in Studies (1)" in text(pilot)
            assert "Nothing goes out yet" in told(pilot)
            assert jobs_of(home) == []

    async def test_patients_studies_and_sizes_are_shown_and_planned_without_writing(
        self, home: Path
    ) -> None:
        async with opened(home, "export") as pilot:
            await bring(pilot, study_of(home, JANE), study_of(home, JAYNE))

            lines = text(pilot)
            assert "2 studies, 6 images" in lines
            assert "! 2 patients" in lines
            assert "DOE, JANE " in lines
            assert "DOE, JAYNE" in lines
            assert jobs_of(home) == []
            assert not (home / "images").exists()

    async def test_media_of_the_profile_stand_side_by_side(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            await bring(pilot, study_of(home, TARO))

            lines = text(pilot)
            assert "● 1 × CD-80" in lines
            assert "1 × CD-74" in lines

    async def test_it_is_kept_over_restarts_and_so_is_the_way(self, home: Path) -> None:
        source = study_of(home, TARO)
        async with opened(home, "export") as pilot:
            await bring(pilot, source)
            await pressed(pilot, "d")

        async with opened(home, "export") as pilot:
            screen = screen_of(pilot)
            await until(pilot, lambda: screen.is_planned)

            assert screen.sources == (source,)
            assert screen.choices.profile == "STD-GEN-DVD-JPEG"

    async def test_one_is_left_out_by_key_and_comes_back(self, home: Path) -> None:
        one, other = study_of(home, JANE), study_of(home, TARO)
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, one, other)
            await pressed(pilot, "delete")
            assert screen.sources == (one, other), "the cursor is on the choices"

            screen.query_one("#sources").focus()
            await pressed(pilot, "delete")
            assert screen.sources == (other,)

            await pressed(pilot, "ctrl+z")
            assert screen.sources == (one, other)

    async def test_all_are_left_out_by_key_and_come_back(self, home: Path) -> None:
        source = study_of(home, TARO)
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, source)
            await pressed(pilot, "C")
            assert screen.sources == ()
            await pressed(pilot, "ctrl+z")
            assert screen.sources == (source,)

    async def test_what_is_gone_from_the_catalog_is_named(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            await bring(pilot, "study:1.2.3")
            await pressed(pilot, "x")

            assert "! 1 gone" in text(pilot)
            assert any(line.startswith("! gone") for line in shown(pilot))
            assert isinstance(pilot.app.screen, ExportScreen)

    async def test_what_was_for_one_patient_is_not_taken_over_for_the_next(
        self, home: Path
    ) -> None:
        """A label, a recipient or a path of the last patient would be a mix-up."""
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, JANE))
            screen.choose(
                replace(screen.choices, label="JANE", given_to="Dr A", output="/x/a.iso"), "test"
            )
            await bring(pilot, study_of(home, TARO))

            assert screen.choices.label == ""
            assert screen.choices.given_to == ""
            assert screen.choices.output == ""


class TestChoices:
    async def test_presets_have_their_letters_and_are_taken_back(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            assert screen.choices.preset == "patient-cd"

            await pressed(pilot, "s")
            assert (screen.choices.profile, screen.choices.medium) == ("STD-GEN-USB-JPEG", "USB")
            await pressed(pilot, "z")
            assert screen.choices.medium == "ZIP"
            await pressed(pilot, "ctrl+z", "ctrl+z")
            assert screen.choices.preset == "patient-cd"

    async def test_a_faulty_preset_is_shown_with_why(self, home: Path) -> None:
        (home / "config.toml").write_text('[presets.odd]\nprofile = "STD-NONE"\nkey = "o"\n')
        async with opened(home, "export", size=(110, 40)) as pilot:
            await row(pilot, "preset")

            assert "odd" in text(pilot)
            assert "not now: " in text(pilot)
            await pressed(pilot, "end", "enter")
            assert isinstance(pilot.app.screen, Choose), "it cannot be taken"

    @pytest.mark.parametrize(
        "name",
        ["preset", "profile", "medium", "format", "compress", "label", "requested_by",
         "given_to", "reason", "output", "drive"],
    )  # fmt: skip
    async def test_escape_leaves_every_choice_as_it_was(self, home: Path, name: str) -> None:
        async with opened(home, "export") as pilot:
            screen = screen_of(pilot)
            before = screen.choices
            await row(pilot, name)
            assert isinstance(pilot.app.screen, (Choose, AskWords))
            await pressed(pilot, "escape")

            assert screen.choices == before

    async def test_a_profile_is_found_by_typing_and_brings_its_medium(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            await row(pilot, "profile")
            await typed(pilot, "gen-bd-jpeg")
            await pressed(pilot, "enter")

            choices = screen_of(pilot).choices
            assert (choices.profile, choices.medium, choices.preset) == (
                "STD-GEN-BD-JPEG", "BD-R-25", "",
            )  # fmt: skip

    async def test_words_for_the_ledger_and_a_label_that_cannot_be(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            screen = screen_of(pilot)
            await row(pilot, "given_to")
            await typed(pilot, "Dr A")
            await pressed(pilot, "enter", "enter", "enter")
            assert screen.choices.given_to == "Dr A"

            await row(pilot, "label")
            await typed(pilot, "so long a label that")
            await pressed(pilot, "enter")
            assert "at most 16" in text(pilot)
            assert screen.choices.label == ""

    async def test_the_only_drive_burns_what_the_preset_burns(
        self, home: Path, drives: list[Drive]
    ) -> None:
        drives.append(_SR0)
        async with opened(home, "export") as pilot:
            screen = screen_of(pilot)
            assert screen.choices.drive == "/dev/sr0"
            await row(pilot, "drive")
            assert "HL-DT-ST BD-RE" in text(pilot)
            await pressed(pilot, "home", "enter")
            assert screen.choices.drive == ""
            await pressed(pilot, "c", "R")
            assert screen.choices.drive == "", "no drive was said"

    async def test_a_drive_for_training_is_typed_with_its_copies(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            screen = screen_of(pilot)
            await row(pilot, "drive")
            await pressed(pilot, "end", "enter")
            await typed(pilot, "stdio:/training/disc")
            await pressed(pilot, "enter")
            assert screen.choices.drive == "stdio:/training/disc"

            await row(pilot, "copies")
            await pressed(pilot, "backspace")
            await typed(pilot, "0")
            await pressed(pilot, "enter")
            assert "from 1 to 99" in text(pilot)
            await pressed(pilot, "backspace", "3", "enter")
            assert screen.choices.copies == 3

    def test_what_was_kept_and_does_not_fit_any_more_is_not_taken(self, home: Path) -> None:
        with Station(home) as station:
            profiles = station.profiles
        good = replace(Choices(), profile="STD-GEN-CD", medium="CD-80", format="iso9660").as_dict()

        assert Choices.from_dict(good, profiles) is not None
        for spoiled in (
            {"profile": "STD-NONE"}, {"medium": "DVD-R"}, {"copies": 0}, {"copies": "2"},
            {"copies": True}, {"include": [1]}, {"format": "fat16"}, {"label": "x" * 2000},
            {"password": "hunter2"}, {"recipients": "a.pem"}, {"unsealed": True},
        ):  # fmt: skip
            assert Choices.from_dict(good | spoiled, profiles) is None


class TestDecisions:
    async def test_two_identities_stand_side_by_side_and_enter_decides_nothing(
        self, home: Path
    ) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TWIN, "A-1"), study_of(home, TWIN, "A-2"))
            await pressed(pilot, "i")

            lines = shown(pilot)
            assert any("A - 1" in line and "A - 2" in line for line in lines)
            assert any("R O E" in line for line in lines)
            assert any(line.count("▲") == 2 and "≠ differs" in line for line in lines)
            assert "One person (o)" in text(pilot), "the answers are in view at 80 x 24"
            await pressed(pilot, "enter")
            assert not screen.choices.confirmed

    async def test_one_person_is_said_by_its_own_key(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TWIN, "A-1"), study_of(home, TWIN, "A-2"))
            assert "? To be decided: press i" in text(pilot)
            await pressed(pilot, "i", "o")
            await until(pilot, lambda: screen.is_planned)

            assert screen.choices.confirmed
            assert screen.foresight is not None
            assert len(screen.foresight.volumes) == 1
            await pressed(pilot, "i")
            assert not screen.choices.confirmed, "and is open again"

    async def test_several_patients_are_meant_only_when_somebody_says_so(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, JANE), study_of(home, TARO))
            await pressed(pilot, "x")
            assert isinstance(pilot.app.screen, QuestionDialog)
            await pressed(pilot, "o")
            assert isinstance(pilot.app.screen, QuestionDialog), "they are not one person"
            await pressed(pilot, "s")
            await until(pilot, lambda: screen.is_planned)
            await pressed(pilot, "x")

            assert "2 DIFFERENT patients" in text(pilot)

    async def test_a_decision_is_never_taken_over_to_others(self, home: Path) -> None:
        one, other = study_of(home, TWIN, "A-1"), study_of(home, TWIN, "A-2")
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, one, other)
            await pressed(pilot, "i", "o")
            await until(pilot, lambda: screen.is_planned)
            await pressed(pilot, "d")
            await bring(pilot, study_of(home, JANE), study_of(home, JAYNE))
            assert not screen.choices.confirmed

            await pressed(pilot, "ctrl+z")
            assert screen.sources == (one, other)
            assert not screen.choices.confirmed

    async def test_a_patient_who_comes_among_them_opens_the_decision_again(
        self, home: Path
    ) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TWIN, "A-1"), study_of(home, TWIN, "A-2"))
            await pressed(pilot, "i", "o")
            screen.rows = screen.rows[:1]
            await screen.read_sources()

            assert not screen.choices.confirmed

    async def test_what_cannot_go_out_is_told_with_its_remedy_and_not_started(
        self, home: Path
    ) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            await row(pilot, "profile")
            await typed(pilot, "us-sc-sf-cdr")
            await pressed(pilot, "enter")
            await until(pilot, lambda: screen.is_planned)
            await pressed(pilot, "x")

            assert "3 images may not go out" in text(pilot)
            assert "It cannot go out" in told(pilot)
            assert isinstance(pilot.app.screen, ExportScreen)

    def test_letters_that_differ_are_found_past_one_that_was_put_in(self) -> None:
        assert differing_letters("JANE", "JAYNE") == (set(), {2})
        assert differing_letters("Meyer", "Meier") == ({2}, {2})

    def test_identities_line_up_in_every_script(self) -> None:
        people = [
            {"name": "山田^太郎", "patient_id": "1", "instances": 1},
            {"name": "山本^太郎", "patient_id": "1", "instances": 2},
        ]
        lines = identities_text(people, 70).plain.splitlines()
        names = next(line for line in lines if line.startswith("Name"))
        marks = next(line for line in lines if "≠ differs" in line)

        assert names.index("田") < names.index("本")
        assert marks.count("▲") == 2

    def test_three_identities_stand_below_each_other(self) -> None:
        people = [{"name": name, "instances": 1} for name in ("A", "B", "A")]
        told = identities_text(people, 70).plain

        assert told.count("≠ person 1") == 1
        assert "Person 3" in told


class TestStarting:
    async def test_it_asks_with_the_patients_name_and_enter_says_no(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            await bring(pilot, study_of(home, TARO))
            await pressed(pilot, "x")

            assert isinstance(pilot.app.screen, Confirm)
            assert pilot.app.screen.people == ("山田, 太郎 (99, born 1963-04-12)",)
            assert "STD-GEN-CD" in pilot.app.screen.told
            await pressed(pilot, "enter")
            assert jobs_of(home) == []

    async def test_the_job_is_shown_and_the_selection_is_empty_but_comes_back(
        self, home: Path
    ) -> None:
        source = study_of(home, TARO)
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, source)
            await row(pilot, "start")
            await pressed(pilot, "y")

            (job,) = jobs_of(home)
            assert pilot.app.screen.id == "jobs" or type(pilot.app.screen).__name__ == "JobsScreen"
            assert pilot.app.screen.query_one(PageTable).cursor_key == job.id
            assert screen.sources == ()
            await pressed(pilot, "u")
            assert screen.sources == (source,)

    async def test_what_was_chosen_is_made_verified_and_burned(self, home: Path) -> None:
        disc = home.parent / "disc"
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            screen.choose(
                replace(screen.choices, drive=f"stdio:{disc}", given_to="Dr A", label="TARO"),
                "test",
            )
            await until(pilot, lambda: screen.is_planned)
            await pressed(pilot, "x", "y")
        work_off(home)
        work_off(home)

        burn, export = jobs_of(home)
        assert export.state is JobState.DONE
        (volume,) = export.result["volumes"]
        assert (volume["verified"], volume["file_set_id"]) == (True, "TARO")
        assert export.request["disclosure"]["given_to"] == "Dr A"
        assert (burn.kind, burn.state) == ("burn", JobState.DONE)
        assert disc.read_bytes().startswith(Path(volume["path"]).read_bytes())

    async def test_it_is_not_started_before_it_is_planned(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            await bring(pilot, study_of(home, TARO))
            await pressed(pilot, "d", "x")

            assert "Wait until" in told(pilot)
            assert jobs_of(home) == []
