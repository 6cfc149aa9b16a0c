"""Sealed media opened again with the escrow key: what is proved, and what is wrong by then."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET  # of our own messages
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.errors import CancelledError, SecrecyError
from mediastation.model.event import Event, StepProgress
from mediastation.model.finding import Severity
from mediastation.model.job import JobState
from mediastation.model.ledger import LedgerEvent
from mediastation.model.secrecy import Password
from mediastation.secure.opening.keys import KeyRing, read_private_key
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.recording.audit_messages import audit_message
from mediastation.station.sealing.drill import DrillRequest, DrillResult, drill
from mediastation.station.station import Station
from tests.support.certificates import issue
from tests.support.file_sets import good_file_set, write_folder
from tests.support.objects import write_series
from tests.support.sealed_media import WORDS, sealed_tree
from tests.support.secure_mails import Mailroom

ESCROW = issue("Safe of the hospital", number=2)
OTHER = issue("Somebody else", number=3)
COUNT = 3
"""Instances that are exported; the DICOMDIR is one more envelope."""


def settled(tmp_path: Path, **rules: object) -> Station:
    """A station with `rules` in [secure], whose passwords are stretched as little as may be."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    lines = [f"{name} = {json.dumps(str(value))}" for name, value in rules.items()]
    lines.append("iterations = 100000")
    (home / "config.toml").write_text("\n".join(["[secure]", *lines, ""]))
    return Station(home)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    certificate, _ = ESCROW.write(tmp_path, "escrow")
    with settled(tmp_path, escrow=certificate) as opened:
        yield opened


@pytest.fixture
def escrow_key(tmp_path: Path) -> KeyRing:
    _, key = ESCROW.write(tmp_path, "escrow")
    return KeyRing(keys=(read_private_key(key),))


def made(
    station: Station, tmp_path: Path, name: str = "stick", profile: str = "STD-GEN-SEC-USB-JPEG"
) -> Path:
    """A medium that the station sealed."""
    if not (tmp_path / "in").exists():
        write_series(tmp_path / "in", COUNT)
    request = ExportRequest((str(tmp_path / "in"),), profile, tmp_path / name, with_password=True)
    result = export(station, request, password=Password(WORDS))
    assert not result.stopped, result.findings
    return tmp_path / name


def images_of(stick: Path) -> list[Path]:
    """The envelopes of instances on a stick."""
    clear = {"DICOMDIR", "README.TXT", "OPEN.HTM", "SHA256.TXT"}
    return sorted(p for p in stick.rglob("*") if p.is_file() and p.name not in clear)


def rules(result: DrillResult) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in result.findings}


class TestMadeHere:
    def test_every_sealed_medium_opens_with_the_escrow_key(
        self, station: Station, tmp_path: Path, escrow_key: KeyRing
    ) -> None:
        made(station, tmp_path)
        made(station, tmp_path, "disc.iso", "STD-GEN-SEC-CD")

        result = drill(station, DrillRequest(), escrow_key)

        assert (result.media, result.tried, result.opened) == (2, 8, 8)
        assert result.equal == result.envelopes == 8
        assert rules(result) == {"drilled": Severity.NOTE}
        assert result.exit_code == 0
        record = station.jobs.get(result.job, station.clock.now())
        assert record is not None
        assert (record.kind, record.state, record.result["opened"]) == ("drill", JobState.DONE, 8)
        assert [step.name for step in record.steps] == ["drill 1/2", "drill 2/2"]

    def test_the_ledger_says_when_it_was_done_and_with_whose_key(
        self, station: Station, tmp_path: Path, escrow_key: KeyRing
    ) -> None:
        made(station, tmp_path)

        result = drill(station, DrillRequest(), escrow_key)

        entry = next(Ledger(station.catalog).entries(newest_first=True))
        assert (entry.event, entry.job) == (LedgerEvent.DRILLED, result.job)
        assert entry.facts["counts"] == {"media": 1, "tried": 4, "opened": 4, "errors": 0}
        assert entry.facts["media"] == [str(tmp_path / "stick")]
        message = ET.fromstring(audit_message(entry))  # noqa: S314
        told = message.find("EventIdentification/EventTypeCode")
        assert told is not None
        assert told.get("csd-code") == "110132"

    def test_nothing_of_it_lies_anywhere_afterwards(
        self, station: Station, tmp_path: Path, escrow_key: KeyRing
    ) -> None:
        made(station, tmp_path)

        result = drill(station, DrillRequest(), escrow_key)

        assert not list((station.jobs_folder / str(result.job)).glob("*"))

    def test_what_is_not_there_any_more_is_noted(
        self, station: Station, tmp_path: Path, escrow_key: KeyRing
    ) -> None:
        """A stick that was given out is nobody's fault; one that is another now is not it."""
        shutil.rmtree(made(station, tmp_path))
        other = made(station, tmp_path, "other")
        shutil.rmtree(other)
        write_folder(sealed_tree(good_file_set()), other)

        result = drill(station, DrillRequest(), escrow_key)

        assert (result.media, result.gone, result.exit_code) == (0, 2, 0)
        assert [finding.rule for finding in result.findings] == ["medium-gone"] * 2

    def test_without_any_there_is_nothing_to_do(
        self, station: Station, escrow_key: KeyRing
    ) -> None:
        result = drill(station, DrillRequest(), escrow_key)

        assert (rules(result), result.exit_code) == ({"nothing-sealed": Severity.NOTE}, 0)

    def test_content_that_is_not_what_was_sealed_is_an_error(
        self, station: Station, tmp_path: Path, escrow_key: KeyRing
    ) -> None:
        stick = made(station, tmp_path)
        one, two, _ = images_of(stick)
        one.write_bytes(two.read_bytes())

        result = drill(station, DrillRequest(), escrow_key)

        (told,) = [one for one in result.findings if one.severity is Severity.ERROR]
        assert (told.rule, told.subject) == ("differs", one.relative_to(stick).as_posix())
        assert (result.opened, result.equal, result.exit_code) == (4, 3, 1)

    def test_a_damaged_envelope_is_named(
        self, station: Station, tmp_path: Path, escrow_key: KeyRing
    ) -> None:
        victim = images_of(made(station, tmp_path))[0]
        victim.write_bytes(victim.read_bytes()[:-100])

        result = drill(station, DrillRequest(), escrow_key)

        assert rules(result)["bad-envelope"] is Severity.ERROR
        assert result.exit_code == 1

    @pytest.mark.parametrize("sample", [0, 1])
    def test_an_envelope_that_is_gone_is_missed(
        self, station: Station, tmp_path: Path, escrow_key: KeyRing, sample: int
    ) -> None:
        """That all that are left open says nothing of it."""
        images_of(made(station, tmp_path))[1].unlink()

        result = drill(station, DrillRequest(sample=sample), escrow_key)

        assert rules(result)["missing-file"] is Severity.ERROR
        assert (result.envelopes, result.exit_code) == (3, 1)

    def test_a_medium_whose_directory_is_damaged_is_not_called_another(
        self, station: Station, tmp_path: Path, escrow_key: KeyRing
    ) -> None:
        directory = made(station, tmp_path) / "DICOMDIR"
        directory.write_bytes(directory.read_bytes()[:-100])

        result = drill(station, DrillRequest(), escrow_key)

        assert (result.gone, result.tried, result.opened, result.exit_code) == (0, 4, 3, 1)
        errors = [(f.rule, f.subject) for f in result.findings if f.severity is Severity.ERROR]
        assert errors == [("bad-envelope", "DICOMDIR")]

    def test_a_sample_is_spread_over_the_medium(
        self, station: Station, tmp_path: Path, escrow_key: KeyRing
    ) -> None:
        made(station, tmp_path)

        result = drill(station, DrillRequest(sample=2), escrow_key)

        assert (result.envelopes, result.tried, result.opened) == (4, 2, 2)
        (told,) = result.findings
        assert "2 of 2 envelopes that were tried of 4 on it opened" in told.message


class TestForWhom:
    def test_what_was_sealed_before_there_was_an_escrow_is_an_error(
        self, tmp_path: Path, escrow_key: KeyRing
    ) -> None:
        """The password opens it today; when that is forgotten, nothing will."""
        with settled(tmp_path) as station:
            made(station, tmp_path)
        certificate, _ = ESCROW.write(tmp_path, "escrow")
        with settled(tmp_path, escrow=certificate) as station:
            opened = drill(station, DrillRequest(), KeyRing((Password(WORDS),)))
            with pytest.raises(SecrecyError) as told:
                drill(station, DrillRequest(), escrow_key)

        assert (opened.opened, opened.exit_code) == (4, 1)
        assert rules(opened)["not-for-escrow"] is Severity.ERROR
        assert told.value.exit_code == 4
        found = {finding.rule for finding in told.value.findings}  # type: ignore[attr-defined]
        assert found == {"drilled", "not-for-this-key", "not-for-escrow"}

    def test_a_key_that_is_for_nothing_here_opens_nothing(
        self, station: Station, tmp_path: Path
    ) -> None:
        made(station, tmp_path)
        _, key = OTHER.write(tmp_path, "other")

        with pytest.raises(SecrecyError, match="of 4 that were tried"):
            drill(station, DrillRequest(), KeyRing(keys=(read_private_key(key),)))

        (record,) = station.jobs.latest(station.clock.now(), 1)
        assert record.state is JobState.FAILED
        assert record.result["tried"] == 4

    def test_media_from_elsewhere_are_held_against_the_keys_own_certificate(
        self, tmp_path: Path
    ) -> None:
        """Two of them: for the key, and for somebody else."""
        (tmp_path / "both.pem").write_bytes(ESCROW.key_pem() + ESCROW.chain_pem)
        ring = KeyRing(keys=(read_private_key(tmp_path / "both.pem"),))
        mine = sealed_tree(good_file_set(), certificates=[ESCROW.certificate])
        theirs = sealed_tree(good_file_set(), certificates=[OTHER.certificate])
        media = (write_folder(mine, tmp_path / "a"), write_folder(theirs, tmp_path / "b"))

        with Station(tmp_path / "home") as station:
            result = drill(station, DrillRequest(media), ring)

        assert (result.media, result.tried, result.opened, result.equal) == (2, 14, 7, 0)
        errors = [(f.rule, f.subject) for f in result.findings if f.severity is Severity.ERROR]
        assert errors == [
            ("not-for-this-key", str(tmp_path / "b")), ("not-for-escrow", str(tmp_path / "b")),
        ]  # fmt: skip

    @pytest.mark.parametrize(("days", "is_told"), [(91, False), (89, True)])
    def test_a_certificate_that_expires_soon_is_told(
        self, tmp_path: Path, days: int, is_told: bool
    ) -> None:
        ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
        certificate, key = issue("Old", number=2, valid_until=ends).write(tmp_path, "old")
        with settled(tmp_path, escrow=certificate) as station:
            result = drill(station, DrillRequest(), KeyRing(keys=(read_private_key(key),)))

        assert ("certificate-expires" in rules(result)) is is_told

    def test_an_escrow_certificate_that_is_of_no_use_is_an_error(
        self, tmp_path: Path, escrow_key: KeyRing
    ) -> None:
        with settled(tmp_path, escrow=tmp_path / "nowhere.pem") as station:
            result = drill(station, DrillRequest(), escrow_key)

        assert rules(result)["escrow-certificate"] is Severity.ERROR
        assert result.exit_code == 1


class TestMails:
    """An e-mail that is encrypted as a whole (PS3.15 B.8) is one envelope with many files."""

    @pytest.fixture
    def mail(self, tmp_path: Path) -> Path:
        room = Mailroom.at(tmp_path / "room")
        certificate, _ = ESCROW.write(tmp_path, "escrow")
        write_series(tmp_path / "in", COUNT)
        rules = {
            "escrow": certificate,
            "signing_key": room.key("sender"),
            "signing_certificate": room.certificate("sender"),
        }
        with settled(tmp_path, **rules) as station:
            request = ExportRequest(
                (str(tmp_path / "in"),), "STD-GEN-SEC-ZIP-MAIL", tmp_path / "out.eml",
                recipients=(room.certificate("recipient"),),
            )  # fmt: skip
            result = export(station, request)
        assert not result.stopped, result.findings
        return tmp_path / "out.eml"

    @pytest.mark.parametrize("is_named", [True, False])
    def test_what_it_carries_is_held_against_the_manifest(
        self, tmp_path: Path, mail: Path, escrow_key: KeyRing, is_named: bool
    ) -> None:
        with Station(tmp_path / "home") as station:
            result = drill(station, DrillRequest((mail,) if is_named else ()), escrow_key)

        assert (result.media, result.tried, result.opened, result.equal) == (1, 1, 1, 1)
        assert rules(result) == {"drilled": Severity.NOTE}
        assert result.exit_code == 0

    def test_another_key_does_not_open_it(self, tmp_path: Path, mail: Path) -> None:
        _, key = OTHER.write(tmp_path, "other")

        with (
            Station(tmp_path / "home") as station,
            pytest.raises(SecrecyError, match="of 1 that were tried") as told,
        ):
            drill(station, DrillRequest((mail,)), KeyRing(keys=(read_private_key(key),)))

        assert told.value.findings[0].rule == "not-for-this-key"  # type: ignore[attr-defined]

    def test_a_mail_that_was_changed_is_damaged(
        self, tmp_path: Path, mail: Path, escrow_key: KeyRing
    ) -> None:
        mail.write_bytes(mail.read_bytes()[:-4000])

        with Station(tmp_path / "home") as station, pytest.raises(SecrecyError) as told:
            drill(station, DrillRequest((mail,)), escrow_key)

        assert told.value.findings[0].rule == "bad-envelope"  # type: ignore[attr-defined]


def test_weak_choices_are_told_once_for_a_medium(tmp_path: Path) -> None:
    tree = sealed_tree(good_file_set(), cipher="3des", digest="sha1")
    stick = write_folder(tree, tmp_path / "stick")

    with Station(tmp_path / "home") as station:
        result = drill(station, DrillRequest((stick,)), KeyRing((Password(WORDS),)))

    told = [finding.message for finding in result.findings if finding.rule == "weak-envelope"]
    assert len(told) == 3
    assert all(message.startswith("7 of its envelopes") for message in told)
    assert any("1,000 times" in message for message in told)
    assert result.exit_code == 0


def test_a_plain_medium_has_nothing_to_drill(tmp_path: Path) -> None:
    stick = write_folder(good_file_set(), tmp_path / "stick")

    with Station(tmp_path / "home") as station:
        result = drill(station, DrillRequest((stick,)), KeyRing((Password(WORDS),)))

    assert (rules(result), result.exit_code) == ({"no-envelope": Severity.NOTE}, 0)


def test_it_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediastation.station.job._LISTENER_EVERY_S", 0)
    stick = write_folder(sealed_tree(good_file_set()), tmp_path / "stick")

    def listen(event: Event) -> None:
        if isinstance(event, StepProgress) and event.done:
            raise CancelledError("The job was cancelled.")

    with Station(tmp_path / "home") as station, pytest.raises(CancelledError):
        drill(station, DrillRequest((stick,)), KeyRing((Password(WORDS),)), listen)
