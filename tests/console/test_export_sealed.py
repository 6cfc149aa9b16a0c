"""Encrypting on the Export screen: who opens it, its password, the sheet; nothing kept of it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from mediastation.console.screens.export import ExportScreen
from mediastation.console.screens.export_choices import ASK, MAKE, Choices
from mediastation.console.screens.handover_dialog import HandOver, large_words
from mediastation.console.screens.new_password_dialog import AskNewPassword
from mediastation.console.screens.recipients_dialog import Recipients, common_name
from mediastation.console.serving import begin_serving
from mediastation.console.widgets.choose import Choose
from mediastation.console.widgets.dialogs import AskPath, Confirm
from mediastation.console.widgets.page_table import PageTable
from mediastation.model.job import PASSWORD, JobRecord, JobState
from mediastation.model.profile import Security
from mediastation.model.secrecy import Password
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.opener import Opener
from mediastation.station.sealing.choice import judge_password, new_password
from mediastation.station.serving.process import stop_serving
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
    typed,
    until,
)
from tests.support.certificates import MOMENT, issue, key_usage
from tests.support.desk_home import JANE, TARO, copy_home, make_home, study_of, work_off
from tests.support.served_jobs import wait_for_end

STRONG = "Visa-dolphin 44 quartz lantern"
WORDS = re.compile(rb"(?:[a-z]+ ){6}[a-z]+")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("sealed"))


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return copy_home(made, tmp_path / "home")


@pytest.fixture
def served(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home whose `serve`, once the console has begun it, ends with the test."""
    monkeypatch.setenv("MEDIASTATION_DISK_RESERVE_BYTES", "0")
    monkeypatch.setenv("MEDIASTATION_PORT", "0")
    yield home
    stop_serving(home)


@pytest.fixture(autouse=True)
def no_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediastation.station.exporting.foresight.drives_here", lambda _: [])


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    issue("Dr. Anna Example, Cardiology").write(folder, "anna")
    issue("Practice North", number=1).write(folder, "north")
    issue("Authority", number=2, authority=True, usage=key_usage("key_cert_sign")).write(
        folder, "authority"
    )
    return folder


def screen_of(pilot: Console) -> ExportScreen:
    screen = pilot.app.get_screen("export")
    assert isinstance(screen, ExportScreen)
    return screen


async def bring(pilot: Console, *sources: str) -> ExportScreen:
    """Take sources to Export, choose the preset of the encrypted stick, and wait for the plan."""
    await console_of(pilot).go("export", sources=list(sources))
    screen = screen_of(pilot)
    await until(pilot, lambda: screen.is_planned)
    await pressed(pilot, "e")
    await until(pilot, lambda: screen.is_planned)
    return screen


async def row(pilot: Console, name: str) -> None:
    """Open the dialog of one of the choices."""
    table = screen_of(pilot).query_one("#choices", PageTable)
    table.focus()
    assert table.move_to(name)
    await pressed(pilot, "enter")


async def add_certificate(pilot: Console, path: Path) -> None:
    """Add a certificate in the dialog that is open, by its path."""
    await pressed(pilot, "a")
    assert isinstance(pilot.app.screen, AskPath)
    await pressed(pilot, "ctrl+u")
    await pasted(pilot, str(path))
    await pressed(pilot, "enter")


def text(pilot: Console) -> str:
    return "\n".join(shown(pilot))


def told_of(screen: ExportScreen) -> str:
    """Return the words of the plan, however they are broken."""
    return " ".join(str(screen.query_one("#plan", Static).render()).split())


def exports_of(home: Path) -> list[JobRecord]:
    with Station(home) as station:
        found = station.jobs.latest(station.clock.now())
    return [one for one in found if one.kind == "export" and not one.request.get("plan_only")]


def content_of(folder: Path, password: str) -> list[bytes]:
    """Return what the envelopes of a medium hold for who has the password."""
    opener = Opener(KeyRing(passwords=(Password(password),)), moment=MOMENT)
    contents = []
    for path in [folder / "DICOMDIR", *(folder / "DICOM").rglob("IM*")]:
        content = io.BytesIO()
        with path.open("rb") as stream:
            opener.open(stream, path.stat().st_size, content.write, path.name)
        contents.append(content.getvalue())
    return contents


class TestWhoOpens:
    async def test_a_secure_profile_is_encrypted_unless_somebody_says_otherwise(
        self, home: Path
    ) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            await row(pilot, "profile")
            await typed(pilot, "gen-sec-cd")
            assert "▣ encrypted · CD-80" in text(pilot)
            await pressed(pilot, "enter")
            await until(pilot, lambda: screen.is_planned)

            assert screen.choices.is_sealed
            assert screen.choices.password == MAKE
            assert "▣ encrypted: opened with" in text(pilot)
            assert screen.foresight is not None
            assert len(screen.foresight.volumes) == 1, "it is planned without the password"

    async def test_it_is_left_unsealed_only_after_a_yes_and_sealed_again(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            await row(pilot, "sealed")
            await pressed(pilot, "end", "enter", "enter")
            assert screen.choices.is_sealed, "Enter says no"

            await row(pilot, "sealed")
            await pressed(pilot, "end", "enter", "y")
            await until(pilot, lambda: screen.is_planned)
            assert screen.choices.unsealed
            assert not screen.choices.has_password
            assert "must not leave the house" in text(pilot)
            assert "▣" not in text(pilot)

            await row(pilot, "sealed")
            await pressed(pilot, "home", "enter")
            assert screen.choices.is_sealed

    async def test_certificates_are_shown_with_name_key_and_end_and_taken(
        self, home: Path, certificates: Path
    ) -> None:
        (home / "config.toml").write_text(f'[secure]\nescrow = "{certificates}/north.pem"\n')
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            await row(pilot, "recipients")
            assert isinstance(pilot.app.screen, Recipients)
            assert "escrow, always · Practice North" in text(pilot)
            await add_certificate(pilot, certificates / "anna.pem")
            (line,) = [one for one in shown(pilot) if "Dr. Anna Example, Cardiology  " in one]
            assert "RSA 2048 2049-12-31" in line
            assert "SHA-256 " in text(pilot)
            await pressed(pilot, "enter")
            await until(pilot, lambda: screen.is_planned)

            assert screen.choices.recipients == (str(certificates / "anna.pem"),)
            assert "or the key of 1 recipient" in told_of(screen)
            await pressed(pilot, "ctrl+z")
            assert screen.choices.recipients == ()

    async def test_what_is_no_recipient_s_certificate_is_refused_with_the_reason(
        self, home: Path, certificates: Path
    ) -> None:
        (home / "config.toml").write_text(f'[secure]\nescrow = "{certificates}/north.pem"\n')
        async with opened(home, "export", size=(120, 40)) as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            await row(pilot, "recipients")
            for name, said in (
                ("anna.key.pem", "private key"),
                ("authority.pem", "authority"),
                ("none.pem", "none.pem"),
                ("north.pem", "the same certificate as"),
            ):
                await add_certificate(pilot, certificates / name)
                assert said in "".join(text(pilot).split("!")[1:]), name
            await pressed(pilot, "home", "delete")
            assert "The escrow of the site opens everything" in text(pilot)
            await pressed(pilot, "enter")

            assert screen.choices.recipients == ()

    async def test_escape_leaves_the_recipients_as_they_were(
        self, home: Path, certificates: Path
    ) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            await row(pilot, "recipients")
            await add_certificate(pilot, certificates / "anna.pem")
            await pressed(pilot, "escape")

            assert screen.choices.recipients == ()
            assert screen.choices.preset == "usb-encrypted"

    async def test_there_is_always_somebody_who_opens_it(
        self, home: Path, certificates: Path
    ) -> None:
        """No password without a recipient, and no last recipient without a password."""
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            await row(pilot, "password")
            await pressed(pilot, "end", "enter")
            assert isinstance(pilot.app.screen, Choose), "it cannot be taken"
            assert "name recipients first" in text(pilot)
            await pressed(pilot, "escape")

            await row(pilot, "recipients")
            await add_certificate(pilot, certificates / "anna.pem")
            await pressed(pilot, "enter")
            await row(pilot, "password")
            await pressed(pilot, "end", "enter")
            assert screen.choices.password == ""
            assert not screen.choices.has_password

            await row(pilot, "recipients")
            await pressed(pilot, "home", "delete", "enter")
            assert (screen.choices.recipients, screen.choices.password) == ((), MAKE)
            assert "a password is made" in told(pilot)

    async def test_a_mail_needs_a_recipient_and_takes_no_password(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            await row(pilot, "profile")
            await typed(pilot, "gen-sec-zip-mail")
            await pressed(pilot, "enter")
            await until(pilot, lambda: screen.is_planned)
            assert screen.choices.security is Security.MAIL
            assert "Password" not in text(pilot)
            await pressed(pilot, "x")

            assert isinstance(pilot.app.screen, Recipients)
            assert "Nobody could open it" in told(pilot)

    async def test_recipients_of_one_patient_are_not_those_of_the_next(
        self, home: Path, certificates: Path
    ) -> None:
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            screen.choose(screen.choices.with_recipients([str(certificates / "anna.pem")]), "test")
            screen.choose(screen.choices.with_password(""), "test")
            await console_of(pilot).go("export", sources=[study_of(home, JANE)])
            await settled(pilot)

            assert (screen.choices.recipients, screen.choices.password) == ((), MAKE)

    async def test_recipients_of_a_preset_stay(self, home: Path, certificates: Path) -> None:
        anna = certificates / "anna.pem"
        (home / "config.toml").write_text(
            f'[presets.heart]\nkey = "e"\nprofile = "STD-GEN-SEC-USB-JPEG"\n'
            f'recipients = ["{anna}"]\nburn = false\n'
        )
        async with opened(home, "export") as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            assert (screen.choices.recipients, screen.choices.password) == ((str(anna),), "")
            await console_of(pilot).go("export", sources=[study_of(home, JANE)])
            await settled(pilot)

            assert screen.choices.recipients == (str(anna),)

    def test_a_way_that_was_kept_is_as_secret_as_its_profile(self, home: Path) -> None:
        """A file that says otherwise, or has no password, does not unseal anything."""
        with Station(home) as station:
            profiles = station.profiles
        kept = Choices().with_profile(profiles["STD-GEN-SEC-CD"]).as_dict()
        assert json.loads(json.dumps(kept))["password"] == MAKE

        again = Choices.from_dict(json.loads(json.dumps(kept)) | {"security": "none"}, profiles)
        assert again is not None
        assert again.is_sealed
        bare = Choices.from_dict(kept | {"password": ""}, profiles)
        assert bare is not None
        assert bare.has_password

    def test_a_certificate_is_called_by_its_common_name(self) -> None:
        assert common_name(r"CN=Dr. Example\, Cardiology,O=House,C=DE") == "Dr. Example, Cardiology"
        assert common_name("O=House,CN=Two") == "Two"
        assert common_name("O=House") == "O=House"


class TestTyping:
    async def begin(self, pilot: Console) -> ExportScreen:
        screen = await bring(pilot, study_of(pilot.app.desk.home, TARO))  # type: ignore[attr-defined]
        screen.choose(screen.choices.with_password(ASK), "test")
        await until(pilot, lambda: screen.is_planned)
        await pressed(pilot, "x")
        assert isinstance(pilot.app.screen, Confirm)
        assert "▣ ENCRYPTED" in pilot.app.screen.told
        await pressed(pilot, "y")
        assert isinstance(pilot.app.screen, AskNewPassword)
        return screen

    async def test_what_may_not_protect_it_is_refused_as_it_is_typed(self, home: Path) -> None:
        async with opened(home, "export", size=(110, 30)) as pilot:
            await self.begin(pilot)
            for password, said in (
                ("sunshine1", "too easy to guess"),
                ("TARO-1963-04-12-xyzzy-plugh", "the birth date of a patient"),
                ("Gr\u00fc\u00dfe aus Wien 17 Uhr!", "letters without accents"),
                ("abandon ability able about above absent zoo", "The last word"),
            ):
                await pasted(pilot, password)
                assert said in " ".join(text(pilot).replace("┃", " ").split())
                await pressed(pilot, "enter")
                await pasted(pilot, password)
                await pressed(pilot, "enter")
                assert isinstance(pilot.app.screen, AskNewPassword), "it is not taken"
                assert password not in text(pilot)
                for line in pilot.app.screen.query(Input):
                    line.value = ""
                pilot.app.screen.query_one("#password").focus()
                await settled(pilot)

            assert exports_of(home) == []

    async def test_how_strong_it_is_shows_while_it_is_typed(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            await self.begin(pilot)
            assert "How hard it is to guess" in text(pilot)
            await pasted(pilot, STRONG[:8])
            assert re.search(r"[0-9]+ of 60 bits", text(pilot))
            assert "✗ " in text(pilot)
            await pasted(pilot, STRONG[8:])

            assert "✓ strong enough" in text(pilot)
            assert STRONG not in text(pilot)

    async def test_two_that_differ_are_not_taken_and_escape_starts_nothing(
        self, home: Path
    ) -> None:
        async with opened(home, "export") as pilot:
            screen = await self.begin(pilot)
            await pasted(pilot, STRONG)
            await pressed(pilot, "enter")
            await pasted(pilot, STRONG + "x")
            await pressed(pilot, "enter")
            assert "The two are not the same" in text(pilot)
            await pressed(pilot, "escape")

            assert exports_of(home) == []
            assert screen.sources, "nothing was started"

    async def test_one_of_ours_may_be_typed_in_capitals_or_by_its_first_letters(
        self, home: Path
    ) -> None:
        """What is sealed with is the passphrase as the sheet has it."""
        with Station(home) as station:
            password = new_password(station, ())
            words = password.octets.decode().split()
            again = Password(" ".join(word[:4].upper() for word in words))
            found = judge_password(station, again)

        assert found.password.octets == password.octets
        assert (found.words, found.trouble) == (6, "")
        assert found.bits >= found.least_bits


class TestHandingOver:
    async def test_a_made_password_is_shown_once_and_stays_nowhere(self, home: Path) -> None:
        async with opened(home, "export") as pilot:
            await bring(pilot, study_of(home, TARO))
            await pressed(pilot, "x", "y")
            dialog = pilot.app.screen
            assert isinstance(dialog, HandOver)
            password = dialog._password.octets
            words = password.decode().split()
            assert all(" ".join(word) in text(pilot) for word in words)
            assert "It must travel apart from the medium" in text(pilot)
            assert WORDS.fullmatch(password)

            await pressed(pilot, "escape")
            assert "It is not shown again" in text(pilot)
            assert isinstance(pilot.app.screen, HandOver), "Escape does not lose it"
            await pressed(pilot, "d")
            assert not isinstance(pilot.app.screen, HandOver)
            assert words[0] not in told(pilot)
            assert not hasattr(dialog, "_password")

        (job,) = exports_of(home)
        assert job.request["with_password"] is True
        assert files_with(home, password.decode()) == []
        assert files_with(home, " ".join(words[:3])) == []

    async def test_without_a_serve_the_job_waits_for_it_and_the_operator_knows(
        self, home: Path
    ) -> None:
        async with opened(home, "export") as pilot:
            await bring(pilot, study_of(home, TARO))
            await pressed(pilot, "x", "y")

            assert "a password is kept by who serves it" in told(pilot)
        work_off(home)

        (job,) = exports_of(home)
        assert job.state is JobState.WAITING
        assert job.question is not None
        assert job.question.kind == PASSWORD

    async def test_the_sheet_lies_beside_the_images_for_nobody_else_and_not_on_the_medium(
        self, home: Path
    ) -> None:
        async with opened(home, "export", size=(120, 40)) as pilot:
            await bring(pilot, study_of(home, TARO))
            await pressed(pilot, "x", "y")
            (job,) = exports_of(home)
            output = Path(job.request["output"])
            await pressed(pilot, "p", "ctrl+u")
            await pasted(pilot, str(output / "sheet.pdf"))
            await pressed(pilot, "enter")
            said = " ".join(text(pilot).replace("┃", " ").split())
            assert "would lie on the medium" in said
            assert not list(output.iterdir())

            await pressed(pilot, "p", "enter")
            sheet = home / "images" / f"job-{job.id}-password.pdf"
            await until(pilot, sheet.exists)
            assert "Print it, and delete the file" in text(pilot)
            await pressed(pilot, "escape")
            assert not isinstance(pilot.app.screen, HandOver)

        assert sheet.stat().st_mode & 0o777 == 0o600
        assert sheet.read_bytes().startswith(b"%PDF")
        assert output not in sheet.parents

    async def test_what_was_typed_seals_the_stick_and_stands_nowhere(self, served: Path) -> None:
        home = served
        async with opened(home, "export", begin=begin_serving) as pilot:
            screen = await bring(pilot, study_of(home, TARO))
            screen.choose(screen.choices.with_password(ASK), "test")
            await until(pilot, lambda: screen.is_planned)
            await pressed(pilot, "x", "y")
            await pasted(pilot, STRONG)
            await pressed(pilot, "enter")
            await pasted(pilot, STRONG)
            await pressed(pilot, "enter")
            dialog = pilot.app.screen
            assert isinstance(dialog, HandOver)
            assert STRONG not in text(pilot), "who typed it knows it"
            await pressed(pilot, "escape")
            (job,) = exports_of(home)
            with Station(home) as station:
                done = wait_for_end(station, job.id)
            notices = told(pilot)

        assert done.state is JobState.DONE, done.message
        assert STRONG not in notices
        assert files_with(home, STRONG) == []
        (volume,) = done.result["volumes"]
        assert volume["verified"]
        content = content_of(Path(volume["path"]), STRONG)
        assert len(content) == 4, "three images and the directory"
        assert all(data[128:132] == b"DICM" for data in content)


def test_a_long_passphrase_stands_in_two_columns_that_line_up() -> None:
    words = "abandon ability able about above absent absorb abstract absurd abuse access zoo"
    lines = [line for line in large_words(Password(words)).plain.splitlines() if line]

    assert len(lines) == 6
    assert len({line.index(f"{number:>2}  ") for number, line in enumerate(lines, start=7)}) == 1
    assert sum(line.count(" ".join(word)) for line in lines for word in words.split()) >= 12
