"""*Studies*: every key does what the footer says, and no wrong key loses work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from textual.widgets import Input

from mediastation.console.desk import Desk
from mediastation.console.screens.studies import StudiesScreen
from mediastation.console.widgets.dialogs import AskPath, Confirm, complete_path
from mediastation.station.clock import Clock
from mediastation.station.gather import add
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.request import ImportRequest, ReconcileRequest
from mediastation.station.reconciling.reconcile import reconcile
from mediastation.station.station import Station
from tests.console.support import Console, console_of, line_with, opened, pressed, settled, shown
from tests.support.objects import write_ct

HOSTILE = "Evil\x1b[2J\x1b]0;x\x07^Name"


class Later(Clock):
    """A clock that runs ahead."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def now(self) -> float:
        return super().now() + self.by


def arrive(home: Path, folder: Path, uid: str, **facts: Any) -> None:
    path = write_ct(folder / f"{uid}.dcm", SOPInstanceUID=uid, **facts)
    with Station(home) as station:
        add(station, [str(path)])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Doe with two studies, one of them of two series; Müller with one."""
    home, folder = tmp_path / "home", tmp_path / "in"
    doe = {"PatientName": "Doe^Jane", "PatientID": "4711"}
    arrive(home, folder, "1.1.1.1", StudyInstanceUID="1.1", SeriesInstanceUID="1.1.1", **doe)
    arrive(home, folder, "1.1.1.2", StudyInstanceUID="1.1", SeriesInstanceUID="1.1.1",
           InstanceNumber="2", **doe)  # fmt: skip
    arrive(home, folder, "1.1.2.1", StudyInstanceUID="1.1", SeriesInstanceUID="1.1.2",
           SeriesDescription="Scout", SeriesNumber="2", **doe)  # fmt: skip
    arrive(home, folder, "1.2.1.1", StudyInstanceUID="1.2", SeriesInstanceUID="1.2.1",
           StudyDescription="Control", StudyDate="20250505", **doe)  # fmt: skip
    arrive(home, folder, "2.1.1.1", StudyInstanceUID="2.1", SeriesInstanceUID="2.1.1",
           PatientName="Müller^Zoë", PatientID="99", Modality="MR", StudyDate="20240404",
           StudyDescription="Knee")  # fmt: skip
    return home


def studies(pilot: Console) -> StudiesScreen:
    return cast("StudiesScreen", pilot.app.screen)


def patients(pilot: Console) -> list[str]:
    """The first column of the table, signs included, without what is empty."""
    return [line[:16].rstrip() for line in shown(pilot)[4:21] if line[:16].strip()]


async def test_what_came_last_stands_first(home: Path) -> None:
    async with opened(home) as pilot:
        assert patients(pilot) == ["  Müller, Zoë", "  Doe, Jane", "  Doe, Jane"]
        assert "3 studies, by arrival" in shown(pilot)[2]


async def test_what_arrives_is_seen_and_the_cursor_stays(home: Path, tmp_path: Path) -> None:
    async with opened(home) as pilot:
        before = studies(pilot).table.cursor_key
        arrive(home, tmp_path, "3.1.1.1", StudyInstanceUID="3.1", SeriesInstanceUID="3.1.1",
               PatientName="New^One", PatientID="5")  # fmt: skip

        studies(pilot).look_again()
        await settled(pilot)

        assert patients(pilot)[0] == "  New, One"
        assert studies(pilot).table.cursor_key == before


async def test_a_study_that_still_grows_says_so_in_words(home: Path) -> None:
    async with opened(home) as pilot:
        assert line_with(pilot, "Müller").rstrip().endswith("growing")

    later = Desk(home, lambda place: Station(place, Later(3600)))
    async with opened(home, desk=later) as pilot:
        assert line_with(pilot, "Müller").rstrip().endswith("1 h")


class TestSearch:
    async def test_while_letters_are_typed_only_keys_that_still_work_are_offered(
        self, home: Path
    ) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "slash")
            offered = shown(pilot)[-1].split()
            assert set(zip(offered[::2], offered[1::2], strict=True)) == {
                ("^z", "Undo"),
                ("F1", "Help"),
                ("^q", "Quit"),
                ("^p", "Find"),
            }
            await pressed(pilot, "escape")
            assert "/ Search" in shown(pilot)[-1]
            assert "q Quit  u Undo  ? Help" in shown(pilot)[-1]

    async def test_a_search_that_finds_nothing_does_not_say_that_nothing_is_here(
        self, home: Path
    ) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "slash", *"zzz", "enter")
            assert any("No study has these words" in line for line in shown(pilot))

    async def test_it_finds_as_one_types(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pilot.press("slash", *"muller")
            await pilot.pause(0.3)
            await settled(pilot)

            assert patients(pilot) == ["  Müller, Zoë"]
            assert "1 study found" in shown(pilot)[2]

    async def test_a_new_search_begins_at_what_is_found_first(self, home: Path) -> None:
        """Whoever types a name, Enter and space means the first line, wherever the cursor was."""
        async with opened(home) as pilot:
            await pressed(pilot, "end", "slash", *"jane", "enter", "space")

            assert shown(pilot)[4].startswith("■")

    async def test_enter_goes_to_what_was_found_and_escape_back(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "slash", *"control", "enter")
            assert patients(pilot) == ["  Doe, Jane"]
            assert studies(pilot).table.has_focus

            await pressed(pilot, "escape")
            assert len(patients(pilot)) == 3

            await pressed(pilot, "u")
            assert studies(pilot).query_one("#search", Input).value == "control"


class TestMarks:
    async def test_space_marks_counts_and_goes_on(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "space", "space")

            assert patients(pilot) == ["■ Müller, Zoë", "■ Doe, Jane", "  Doe, Jane"]
            assert "2 studies, ! 2 patients, 2 images" in shown(pilot)[22]
            assert "about 1 CD-80" in shown(pilot)[22]

    async def test_p_marks_all_of_a_patient_and_then_none(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "down", "p")
            assert patients(pilot) == ["  Müller, Zoë", "■ Doe, Jane", "■ Doe, Jane"]

            await pressed(pilot, "p")
            assert "Nothing marked" in shown(pilot)[22]

    async def test_a_series_is_marked_within_its_study(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "end", "right", "down", "space")

            assert patients(pilot)[2:] == ["▪ Doe, Jane", "■   Series 1", "    Series 2"]
            assert studies(pilot).marks.sources == ["series:1.1.1"]

            await pressed(pilot, "space")
            assert studies(pilot).marks.sources == ["study:1.1"]

    async def test_left_closes_from_within(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "end", "enter", "down", "left")

            assert len(patients(pilot)) == 3
            assert studies(pilot).table.cursor_line == 2

    @pytest.mark.parametrize("key", ["u", "ctrl+z"])
    async def test_marks_are_taken_back_one_by_one(self, home: Path, key: str) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "space", "space", "x")
            assert not studies(pilot).marks

            await pressed(pilot, key)
            assert studies(pilot).marks.sources == ["study:2.1", "study:1.2"]
            await pressed(pilot, key)
            assert studies(pilot).marks.sources == ["study:2.1"]

    async def test_marks_survive_a_restart_in_a_private_file(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "space")

        kept = home / "console.json"
        assert list(json.loads(kept.read_text())["values"]["studies.marks"]["studies"]) == ["2.1"]
        assert kept.stat().st_mode & 0o777 == 0o600
        async with opened(home) as pilot:
            assert patients(pilot)[0] == "■ Müller, Zoë"
            assert "1 study, 1 image" in shown(pilot)[22]

    async def test_the_mouse_marks_on_the_sign(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pilot.click("#studies", offset=(0, 2))
            await settled(pilot)

            assert studies(pilot).marks.sources == ["study:1.2"]

    async def test_m_compares_with_another_medium_and_keeps_it(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "space", "m")
            assert "about 1 DVD-R" in shown(pilot)[22]

        async with opened(home) as pilot:
            assert "about 1 DVD-R" in shown(pilot)[22]


async def test_o_takes_the_next_order(home: Path) -> None:
    async with opened(home) as pilot:
        await pressed(pilot, "o", "o")

        assert "by name" in shown(pilot)[2]
        assert patients(pilot) == ["  Doe, Jane", "  Doe, Jane", "  Müller, Zoë"]


class TestExport:
    async def test_marks_are_taken_along(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        gone: list[tuple[str, object]] = []

        async def go(name: str, **words: object) -> None:
            gone.append((name, words["sources"]))

        async with opened(home) as pilot:
            monkeypatch.setattr(console_of(pilot), "go", go)
            await pressed(pilot, "e", "space", "space", "e")

        assert gone == [("export", ["study:2.1"]), ("export", ["study:2.1", "study:1.2"])]

    async def test_what_went_out_is_marked_no_more_until_that_is_taken_back(
        self, home: Path
    ) -> None:
        """The next patient's medium must not begin with the one before."""
        async with opened(home) as pilot:
            await pressed(pilot, "space", "space")
            console_of(pilot).unmark(["study:2.1"], "marks of what went to job 1")
            assert studies(pilot).marks.sources == ["study:1.2"]

            await pressed(pilot, "u")
            assert studies(pilot).marks.sources == ["study:2.1", "study:1.2"]


class TestForget:
    async def test_it_names_the_patient_and_a_hasty_enter_keeps_all(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "f")
            assert isinstance(pilot.app.screen, Confirm)
            assert any("Müller, Zoë (99, born 1970-01-01)" in line for line in shown(pilot))

            await pressed(pilot, "enter")
            assert len(patients(pilot)) == 3

    async def test_everyone_is_named_whose_images_would_go(
        self, home: Path, tmp_path: Path
    ) -> None:
        """A Study Instance UID may have come under two identities."""
        arrive(home, tmp_path, "9.9", StudyInstanceUID="2.1", SeriesInstanceUID="9.9.1",
               PatientName="Other^Person", PatientID="12", PatientBirthDate="")  # fmt: skip
        async with opened(home) as pilot:
            await pressed(pilot, "slash", *"muller", "enter", "space", "f")

            assert isinstance(pilot.app.screen, Confirm)
            assert sorted(pilot.app.screen.people) == [
                "Müller, Zoë (99, born 1970-01-01)",
                "Other, Person (12)",
            ]
            assert "2 images" in pilot.app.screen.question

    async def test_a_yes_removes_what_was_named_and_no_more(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "end", "right", "down", "space", "f", "y")
            await settled(pilot)

            assert not studies(pilot).marks
            assert patients(pilot)[2:] == ["  Doe, Jane", "    Series 2"]

    @pytest.mark.parametrize("key", ["n", "escape"])
    async def test_a_no_removes_nothing(self, home: Path, key: str) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "space", "space", "f", key)

            assert len(patients(pilot)) == 3
            assert len(studies(pilot).marks.sources) == 2


class TestAdd:
    async def test_a_folder_is_taken_in(self, home: Path, tmp_path: Path) -> None:
        write_ct(tmp_path / "disc" / "a.dcm", SOPInstanceUID="7.1", StudyInstanceUID="7",
                 SeriesInstanceUID="7.0", PatientName="From^Disk", PatientID="7")  # fmt: skip
        async with opened(home) as pilot:
            await pressed(pilot, "a")
            assert isinstance(pilot.app.screen, AskPath)
            pilot.app.screen.query_one(Input).value = str(tmp_path / "disc")
            await pressed(pilot, "enter")

            assert patients(pilot)[0] == "  From, Disk"
            assert not console_of(pilot).desk.under_way

    async def test_what_is_not_there_is_told(self, home: Path, tmp_path: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "a")
            pilot.app.screen.query_one(Input).value = str(tmp_path / "nothing")
            await pressed(pilot, "enter")

            assert any(note.severity == "error" for note in console_of(pilot)._notifications)

    async def test_escape_adds_nothing(self, home: Path) -> None:
        async with opened(home) as pilot:
            await pressed(pilot, "a", "escape")

            assert len(patients(pilot)) == 3

    def test_paths_are_completed(self, tmp_path: Path) -> None:
        (tmp_path / "images").mkdir()
        (tmp_path / "imagination.txt").touch()
        (tmp_path / ".hidden").touch()
        (tmp_path / "bad\x1b[0m").touch()

        assert complete_path(f"{tmp_path}/im") == f"{tmp_path}/images/"
        assert complete_path(f"{tmp_path}/imagin") == f"{tmp_path}/imagination.txt"
        assert complete_path(f"{tmp_path}/bad") is None
        assert complete_path(f"{tmp_path}/.h") == f"{tmp_path}/.hidden"
        assert complete_path(f"{tmp_path}/none/x") is None


class TestPicture:
    async def test_v_shows_the_image_and_the_keys_change_it(self, home: Path) -> None:
        async with opened(home, size=(120, 30)) as pilot:
            await pressed(pilot, "end", "v")
            await pilot.pause(0.3)
            await settled(pilot)
            pane = studies(pilot).preview
            assert "image 1 of 2" in "".join(shown(pilot))
            assert pane.picture is not None
            first = pane.picture

            await pressed(pilot, "w")
            assert pane.picture.width == pytest.approx((first.width or 0) * 1.25, rel=0.2)
            await pressed(pilot, "W", "l")
            assert pane.picture.center is not None
            assert pane.picture.center > (first.center or 0)
            await pressed(pilot, "L", "r")
            assert pane.picture == first

            await pressed(pilot, "n")
            assert "image 2 of 2" in "".join(shown(pilot))
            await pressed(pilot, "n")
            assert "Series 2 CT Scout" in "".join(shown(pilot))
            await pressed(pilot, "b")
            assert "image 2 of 2" in "".join(shown(pilot))

            await pressed(pilot, "v")
            assert not pane.display

    async def test_its_keys_do_nothing_while_it_is_hidden(self, home: Path) -> None:
        async with opened(home) as pilot:
            assert studies(pilot).check_action("picture", ("next",)) is False
            await pressed(pilot, *"nbwWlLr")
            assert studies(pilot).preview.picture is None


async def test_names_do_not_steer_the_terminal(home: Path, tmp_path: Path) -> None:
    arrive(home, tmp_path, "6.6.6", StudyInstanceUID="6", SeriesInstanceUID="6.6",
           PatientName=HOSTILE, PatientID="\x1b[5m", StudyDescription="[red]x[/red]")  # fmt: skip
    async with opened(home, size=(160, 50)) as pilot:
        await pressed(pilot, "space", "home", "f")
        text = "\n".join(shown(pilot))

        assert "\x1b" not in text
        assert "\x07" not in text
        assert "Evil" in text


async def test_nothing_yet_says_what_to_do(tmp_path: Path) -> None:
    async with opened(tmp_path / "empty") as pilot:
        assert any("press a to add a folder" in line for line in shown(pilot))
        await pressed(pilot, "space", "p", "right", "left", "enter", "f", "e", "v", "x", "u")
        assert studies(pilot).PLACE == "studies"


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_nothing_runs_over_the_edge(home: Path, size: tuple[int, int]) -> None:
    async with opened(home, size=size) as pilot:
        await pressed(pilot, "space")

        head = shown(pilot)[3].split()
        assert head[0] == "Patient"
        assert head[-1] == "Came"
        assert "? Help" in shown(pilot)[-1]
        assert "u Undo" in shown(pilot)[-1]


async def test_what_came_from_outside_is_told_until_it_is_reconciled(tmp_path: Path) -> None:
    home, stick = tmp_path / "home", tmp_path / "stick"
    write_ct(stick / "A", PatientID="EXT-1", StudyDescription="Thorax")
    with Station(home) as station:
        import_medium(station, ImportRequest(stick))
    async with opened(home, size=(150, 30)) as pilot:
        assert "outside · Thorax" in line_with(pilot, "EXT-1")
        with Station(home) as station:
            own = write_ct(tmp_path / "own" / "B", StudyInstanceUID="9.1", SeriesInstanceUID="9.2",
                           SOPInstanceUID="9.3", StudyDescription="Knee")  # fmt: skip
            add(station, [str(own)])
            result = reconcile(station, ReconcileRequest(("study:1.2.3",), "4711"))
            assert result.reconciled == 1
    async with opened(home, size=(150, 30)) as pilot:
        assert "reconciled · Thorax" in line_with(pilot, "EXT-1")
        mine = [line for line in shown(pilot) if " 4711 " in line]
        assert len(mine) == 2
        assert not any("outside" in line or "reconciled" in line for line in mine)
