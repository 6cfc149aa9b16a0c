"""Jobs that wait for a password, in the console: to seal what they make, to open what they read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.widgets import Input

from mediastation.console.screens.import_screen import SECTIONS, ImportScreen
from mediastation.console.screens.jobs import JobsScreen
from mediastation.console.screens.new_password_dialog import AskNewPassword
from mediastation.console.screens.opening_dialog import AskOpening
from mediastation.model.job import PASSWORD, JobRecord, JobState
from mediastation.model.secrecy import Password
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.intake.request import ImportRequest
from mediastation.station.serving.job_password import give_password
from mediastation.station.serving.submitting import submit
from mediastation.station.station import Station
from tests.console.support import (
    Console,
    console_of,
    files_with,
    opened,
    pasted,
    pressed,
    settled,
    shown,
    told,
    until,
)
from tests.support.certificates import issue
from tests.support.desk_home import TARO, copy_home, make_home, study_of, work_off
from tests.support.kept_secrets import KeptSecrets

STRONG = "Visa-dolphin 44 quartz lantern"
PROFILE = "STD-GEN-SEC-USB-JPEG"
IN_ORDER = "abandon ability able about above absent absorb"
"""Seven words of the list whose last one is no checksum of the others."""


@dataclass(frozen=True)
class Sticks:
    """Sealed media of one patient: for a password, for a key, for a password and signed."""

    home: Path
    password: Path
    key: Path
    signed: Path
    certificates: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Sticks:
    folder = tmp_path_factory.mktemp("passwords")
    home = make_home(folder)
    source = study_of(home, TARO)
    certificates = folder / "certificates"
    certificates.mkdir()
    anna, _ = issue("Anna").write(certificates, "anna")
    issue("Other", number=1).write(certificates, "other")
    issue("Practice North", number=2).write(certificates, "north")
    sticks = Sticks(home, folder / "one", folder / "two", folder / "three", certificates)
    for output, config, recipients in (
        (sticks.password, "", ()),
        (sticks.key, "", (anna,)),
        (
            sticks.signed,
            f'signing_key = "{certificates}/north.key.pem"\n'
            f'signing_certificate = "{certificates}/north.pem"\n',
            (),
        ),
    ):
        (home / "config.toml").write_text(f"[secure]\niterations = 100000\n{config}")
        request = ExportRequest(
            (source,), PROFILE, output, recipients=recipients, with_password=not recipients
        )
        with Station(home) as station:
            result = export(station, request, password=None if recipients else Password(STRONG))
        assert result.volumes, result.stopped
    (home / "config.toml").unlink()
    return sticks


@pytest.fixture
def home(made: Sticks, tmp_path: Path) -> Path:
    return copy_home(made.home, tmp_path / "home")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """An empty home, to import into."""
    folder = tmp_path / "here"
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text("disk_reserve_bytes = 0\n")
    return folder


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> KeptSecrets:
    """A `serve` in name only, that keeps passwords."""
    secrets = KeptSecrets()
    secrets.put_in_place(monkeypatch)
    monkeypatch.setattr("mediastation.station.exporting.foresight.drives_here", lambda _: [])
    return secrets


def asked(home: Path, output: Path, password: str = "") -> int:
    """Submit a sealed export, and let it run until it waits for its password."""
    request = ExportRequest((study_of(home, TARO),), PROFILE, output, with_password=True)
    with Station(home) as station:
        job = submit(station, request)
        if password:
            assert give_password(station, job, Password(password))
    return job


def job_of(home: Path, number: int) -> JobRecord:
    with Station(home) as station:
        record = station.jobs.get(number, station.clock.now())
    assert record is not None
    return record


def text(pilot: Console) -> str:
    return "\n".join(shown(pilot))


def said(pilot: Console) -> str:
    """Return the screen without frames and line ends."""
    return " ".join(text(pilot).replace("┃", " ").split())


async def on(pilot: Console, job: int) -> JobsScreen:
    """Put the cursor on a job and wait until all is known of it."""
    await console_of(pilot).go("jobs", job=job)
    screen = pilot.app.screen
    assert isinstance(screen, JobsScreen)
    await until(pilot, lambda: screen._full is not None and screen._full.id == job)
    await until(pilot, lambda: screen.facts is not None)
    return screen


async def give_twice(pilot: Console, password: str) -> None:
    for _ in range(2):
        await pasted(pilot, password)
        await pressed(pilot, "enter")


class TestNewPassword:
    async def test_a_waiting_export_gets_its_password_and_no_weak_one(
        self, home: Path, tmp_path: Path, kept: KeptSecrets
    ) -> None:
        job = asked(home, tmp_path / "out")
        work_off(home)
        assert job_of(home, job).state is JobState.WAITING
        async with opened(home, "jobs") as pilot:
            await on(pilot, job)
            assert "What password is the medium to be sealed with?" in said(pilot)
            await pressed(pilot, "a")
            assert isinstance(pilot.app.screen, AskNewPassword)
            assert "山田, 太郎" in text(pilot), "whose medium it is"
            await give_twice(pilot, "99-taro")
            assert isinstance(pilot.app.screen, AskNewPassword)
            assert kept.secrets == {}
            for line in pilot.app.screen.query(Input):
                line.value = ""
            pilot.app.screen.query_one("#password").focus()
            await give_twice(pilot, STRONG)

            assert f"Job {job} goes on" in told(pilot)
            assert STRONG not in told(pilot)
            assert kept.secrets == {job: STRONG}
        work_off(home)

        done = job_of(home, job)
        assert done.state is JobState.DONE, done.message
        assert files_with(home, STRONG) == []

    async def test_a_job_whose_password_went_with_a_restart_asks_for_it_and_says_why(
        self, home: Path, tmp_path: Path, kept: KeptSecrets
    ) -> None:
        job = asked(home, tmp_path / "out", STRONG)
        kept.restart()
        work_off(home)
        async with opened(home, "jobs", size=(120, 40)) as pilot:
            await on(pilot, job)
            assert "has to be given again after a restart" in said(pilot)
            await pressed(pilot, "enter")
            await give_twice(pilot, STRONG)
        work_off(home)

        assert job_of(home, job).state is JobState.DONE

    async def test_where_nobody_serves_the_job_goes_on_waiting(
        self, home: Path, tmp_path: Path, kept: KeptSecrets
    ) -> None:
        job = asked(home, tmp_path / "out")
        work_off(home)
        kept.is_there = False
        async with opened(home, "jobs") as pilot:
            await on(pilot, job)
            await pressed(pilot, "a")
            await give_twice(pilot, STRONG)

            assert "Press s in Network (5)" in told(pilot)
            assert "goes on" not in told(pilot)
        assert job_of(home, job).state is JobState.WAITING

    async def test_where_nobody_serves_the_console_begins_to(
        self, home: Path, tmp_path: Path, kept: KeptSecrets
    ) -> None:
        """As when it is opened; it may have been stopped since."""
        job = asked(home, tmp_path / "out")
        work_off(home)
        kept.is_there = False
        begun: list[Path] = []

        def begin(served: Path) -> tuple[str, int]:
            begun.append(served)
            kept.is_there = len(begun) > 1
            return "127.0.0.1", 11112

        async with opened(home, "jobs", begin=begin) as pilot:
            assert begun == [home]
            await on(pilot, job)
            await pressed(pilot, "a")
            await give_twice(pilot, STRONG)
            await until(pilot, lambda: kept.secrets == {job: STRONG})

            assert begun == [home, home]
            assert f"Job {job} goes on" in told(pilot)

    async def test_not_now_leaves_it_waiting(self, home: Path, tmp_path: Path) -> None:
        job = asked(home, tmp_path / "out")
        work_off(home)
        async with opened(home, "jobs") as pilot:
            await on(pilot, job)
            await pressed(pilot, "a", "escape")
            assert isinstance(pilot.app.screen, JobsScreen)
        assert job_of(home, job).state is JobState.WAITING


async def at_import(pilot: Console, job: int, part: str = "steps") -> ImportScreen:
    """Show a part of an import as it stands now."""
    await console_of(pilot).go("import", job=job)
    await settled(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, ImportScreen)
    for _ in SECTIONS:
        if SECTIONS[screen._section].name == part:
            break
        await pressed(pilot, "right")
    return screen


def taken(here: Path, medium: Path) -> int:
    """Submit an import, and let it run."""
    with Station(here) as station:
        job = submit(station, ImportRequest(medium))
    work_off(here)
    return job


class TestOpening:
    async def test_a_wrong_password_is_told_and_the_right_one_opens_it(
        self, here: Path, made: Sticks
    ) -> None:
        job = taken(here, made.password)
        async with opened(here, "import") as pilot:
            await at_import(pilot, job)
            assert "It asks:" in text(pilot)
            await pressed(pilot, "a")
            assert isinstance(pilot.app.screen, AskOpening)
            assert "sealed for a" in said(pilot)
            await pasted(pilot, "wrong " + STRONG)
            assert "wrong" not in text(pilot), "it is masked"
            await pressed(pilot, "enter")
            work_off(here)

            await at_import(pilot, job)
            assert job_of(here, job).state is JobState.WAITING
            await pressed(pilot, "a")
            assert "What was given opens nothing on it" in said(pilot)
            await pasted(pilot, STRONG)
            await pressed(pilot, "enter")
            work_off(here)

            await at_import(pilot, job, "defects")
            assert "found 3 · imported 3" in text(pilot)
            assert "▣ opened 4" in text(pilot)
            assert "opened with password" in text(pilot)
            await pressed(pilot, "end", "up")
            assert "Proved by its digest" in said(pilot)
        assert job_of(here, job).state is JobState.DONE
        assert files_with(here, STRONG) == []

    async def test_a_key_opens_it_and_stays_where_it_is(self, here: Path, made: Sticks) -> None:
        """What takes no password waits for a key."""
        job = taken(here, made.key)
        assert job_of(here, job).state is JobState.WAITING
        async with opened(here, "import") as pilot:
            await at_import(pilot, job)
            await pressed(pilot, "a")
            assert isinstance(pilot.app.screen, AskOpening)
            assert "No password opens it" in said(pilot)
            await pressed(pilot, "enter")
            await pasted(pilot, str(made.certificates / "anna.key.pem"))
            await pressed(pilot, "enter")
            work_off(here)
            await at_import(pilot, job, "defects")

            assert "opened with private key" in text(pilot)
        done = job_of(here, job)
        assert done.state is JobState.DONE, done.message
        assert done.request["key"] == [str(made.certificates / "anna.key.pem")]

    async def test_a_job_that_asks_takes_a_key_instead_of_the_password(
        self, here: Path, made: Sticks
    ) -> None:
        """It goes on with the key; that it does not fit is told as for a password."""
        job = taken(here, made.password)
        async with opened(here, "import") as pilot:
            await at_import(pilot, job)
            await pressed(pilot, "a", "enter")
            await pasted(pilot, str(made.certificates / "other.key.pem"))
            await pressed(pilot, "enter")
            work_off(here)
            await at_import(pilot, job)

            assert "What was given opens nothing on it" in said(pilot)
        record = job_of(here, job)
        assert record.request["key"] == [str(made.certificates / "other.key.pem")]
        assert record.question is not None
        assert record.question.kind == PASSWORD

    async def test_a_mistyped_passphrase_is_told_before_it_is_tried(
        self, here: Path, made: Sticks, kept: KeptSecrets
    ) -> None:
        job = taken(here, made.password)
        async with opened(here, "import") as pilot:
            await at_import(pilot, job)
            await pressed(pilot, "a")
            await pasted(pilot, IN_ORDER)
            await pressed(pilot, "enter")
            assert "does not fit the others" in said(pilot)
            assert kept.secrets == {}
            await pressed(pilot, "enter")

            assert kept.secrets == {job: IN_ORDER}, "a second Enter tries it all the same"

    @pytest.mark.parametrize("is_trusted", [True, False])
    async def test_who_signed_stands_among_the_findings_and_whether_he_is_trusted(
        self, here: Path, made: Sticks, is_trusted: bool
    ) -> None:
        trusted = made.certificates / ("north.pem" if is_trusted else "other.pem")
        (here / "config.toml").write_text(
            f'disk_reserve_bytes = 0\n[secure]\ntrust = "{trusted}"\n'
        )
        with Station(here) as station:
            job = submit(station, ImportRequest(made.signed))
            give_password(station, job, Password(STRONG))
        work_off(here)
        async with opened(here, "import", size=(120, 40)) as pilot:
            await at_import(pilot, job, "defects")
            weight = "· note" if is_trusted else "! warning"
            (line,) = [
                one for one in shown(pilot) if one.startswith(f"{weight}  ") and "signed" in one
            ]
            assert "intact and signed by" in line
            (line,) = [one for one in shown(pilot) if "▣ sealed" in one]
            assert "opened with password" in line
            findings = job_of(here, job).findings
        (signature,) = [one for one in findings if "Practice North" in one.message]
        assert signature.rule == ("signature" if is_trusted else "signature-unknown")


def verified(home: Path) -> list[JobRecord]:
    with Station(home) as station:
        found = station.jobs.latest(station.clock.now())
    return [record for record in found if record.kind == "verify"]


def job_that_made(home: Path, medium: Path) -> int:
    with Station(home) as station:
        found = station.jobs.with_result("export", str(medium))
    return found[0].id


class TestVerify:
    async def test_who_gives_the_password_has_what_is_in_it_proved(
        self, home: Path, made: Sticks, kept: KeptSecrets
    ) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, job_that_made(home, made.password))
            await pressed(pilot, "v")
            await until(pilot, lambda: isinstance(pilot.app.screen, AskOpening))
            assert "sealed for a password" in said(pilot)
            await pasted(pilot, STRONG)
            await pressed(pilot, "enter")
            await until(pilot, lambda: len(kept.secrets) == 1)
        work_off(home)

        (record,) = verified(home)
        assert record.state is JobState.DONE, record.message
        assert record.result["opened"] == 4
        assert files_with(home, STRONG) == []

    async def test_a_key_does_as_well(self, home: Path, made: Sticks) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, job_that_made(home, made.key))
            await pressed(pilot, "v")
            await until(pilot, lambda: isinstance(pilot.app.screen, AskOpening))
            await settled(pilot)
            assert not pilot.app.screen.query("#password"), "none opens it"
            await pasted(pilot, str(made.certificates / "anna.key.pem"))
            await pressed(pilot, "enter")
            await until(pilot, lambda: len(verified(home)) == 1)
        work_off(home)

        assert verified(home)[0].result["opened"] == 4

    async def test_empty_lines_prove_the_sealed_files_alone(
        self, home: Path, made: Sticks, kept: KeptSecrets
    ) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, job_that_made(home, made.password))
            await pressed(pilot, "v")
            await until(pilot, lambda: isinstance(pilot.app.screen, AskOpening))
            await pressed(pilot, "enter", "enter")
            await until(pilot, lambda: len(verified(home)) == 1)
        work_off(home)

        (record,) = verified(home)
        assert (record.state, record.result["opened"]) == (JobState.DONE, 0)
        assert kept.secrets == {}

    async def test_escape_verifies_nothing(self, home: Path, made: Sticks) -> None:
        async with opened(home, "jobs") as pilot:
            await on(pilot, job_that_made(home, made.password))
            await pressed(pilot, "v")
            await until(pilot, lambda: isinstance(pilot.app.screen, AskOpening))
            await pressed(pilot, "escape")
            await settled(pilot)
        assert verified(home) == []
