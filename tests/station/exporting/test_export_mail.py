"""Secure e-mails from the catalog to their recipient, who has OpenSSL."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediastation.errors import RefusedError, SecrecyError
from mediastation.model.finding import Severity
from mediastation.model.secrecy import Password
from mediastation.secure.opening.keys import KeyRing, read_private_key
from mediastation.secure.sealing.mail import SignedEntity
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.keys import look_for_seal
from mediastation.station.intake.request import ImportRequest
from mediastation.station.recording.ledger import find_medium
from mediastation.station.sealing.drill import DrillRequest, drill
from mediastation.station.sealing.opening import OpenRequest, take_out
from mediastation.station.station import Station
from mediastation.station.verification import verify
from tests.support.objects import write_series
from tests.support.peers import run_peer
from tests.support.profile_objects import object_for, write
from tests.support.secure_mails import Mailroom

PROFILE = "STD-GEN-SEC-ZIP-MAIL"
WORDS = "canary lobster velvet harbor tunnel quartz 7"
_NAMES = b"Doe", b"DOE", b"Jane", b"JANE", b"4711", b"19700101", b"Thorax"


@pytest.fixture
def room(tmp_path: Path) -> Mailroom:
    return Mailroom.at(tmp_path / "room")


@pytest.fixture
def station(tmp_path: Path, room: Mailroom) -> Iterator[Station]:
    with settled(tmp_path, room) as opened:
        yield opened


def settled(tmp_path: Path, room: Mailroom, **rules: str) -> Station:
    """A station that signs as the sender."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    rules = {
        "signing_key": str(room.key("sender")),
        "signing_certificate": str(room.certificate("sender")),
        "trust": str(room.certificate("authority")),
        **rules,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in rules.items() if value]
    lines.append("iterations = 100000")
    (home / "config.toml").write_text("\n".join(["[secure]", *lines, ""]))
    return Station(home)


@pytest.fixture
def source(tmp_path: Path) -> str:
    write_series(tmp_path / "in", 3)
    return str(tmp_path / "in")


def mailed(
    station: Station, source: str, room: Mailroom, output: Path, **more: Any
) -> ExportResult:
    password = more.pop("password", None)
    request = ExportRequest(
        (source,),
        more.pop("profile", PROFILE),
        output,
        recipients=(room.certificate("recipient"),),
        with_password=password is not None,
        **more,
    )
    return export(station, request, password=password)


def by_openssl(room: Mailroom, mail: Path) -> dict[str, bytes]:
    """What the recipient gets out of the ZIP file with OpenSSL alone."""
    signed, entity = room.folder / "signed.out", room.folder / "entity.out"
    run_peer(
        "openssl", "cms", "-decrypt", "-in", mail, "-recip", room.certificate("recipient"),
        "-inkey", room.key("recipient"), "-out", signed,
    )  # fmt: skip
    run_peer(
        "openssl", "cms", "-verify", "-in", signed, "-CAfile", room.certificate("authority"),
        "-out", entity,
    )  # fmt: skip
    message = email.message_from_bytes(entity.read_bytes(), policy=email.policy.default)
    (attachment,) = [part for part in message.walk() if part.get_filename() == "DICOM.ZIP"]
    with zipfile.ZipFile(io.BytesIO(attachment.get_content())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rules_of(result: ExportResult) -> set[str]:
    return {finding.rule for finding in result.findings}


class TestExport:
    def test_the_recipient_gets_the_files_as_they_came(
        self, station: Station, source: str, room: Mailroom, tmp_path: Path
    ) -> None:
        output = tmp_path / "out.eml"

        result = mailed(station, source, room, output)

        assert not result.stopped
        (volume,) = result.volumes
        assert volume.verified
        assert volume.size_bytes == output.stat().st_size
        found = by_openssl(room, output)
        originals = {path.read_bytes() for path in Path(source).iterdir()}
        kept = {data for name, data in found.items() if name.startswith("DICOM/")}
        assert kept == originals
        assert {"DICOMDIR", "README.TXT", "SHA256.TXT"} <= set(found)
        assert found["DICOMDIR"][128:132] == b"DICM"

    @pytest.mark.parametrize("profile", [PROFILE, "STD-DTL-SEC-ZIP-MAIL"])
    def test_both_profiles_are_served(
        self, station: Station, room: Mailroom, tmp_path: Path, profile: str
    ) -> None:
        maker, written_in = object_for(profile)
        source = write(maker(), tmp_path / "in" / "object.dcm", written_in)
        output = tmp_path / "out.eml"

        result = mailed(station, str(source), room, output, profile=profile)

        assert result.volumes[0].verified
        assert source.read_bytes() in by_openssl(room, output).values()
        report = verify(station, output, profile=profile, keys=ring(room, "recipient"))
        assert report.ok

    def test_nothing_in_clear_tells_whose_it_is(
        self, station: Station, source: str, room: Mailroom, tmp_path: Path
    ) -> None:
        output = tmp_path / "out.eml"
        result = mailed(station, source, room, output)

        data = output.read_bytes()
        head = data[: data.index(b"\r\n\r\n")]
        assert not any(name in head for name in _NAMES)
        assert result.volumes[0].file_set_uid.encode() not in data
        assert not any(path.suffix == ".zip" for path in tmp_path.rglob("*"))

    def test_ledger_and_findings_say_who_opens_it(
        self, station: Station, source: str, room: Mailroom, tmp_path: Path
    ) -> None:
        result = mailed(station, source, room, tmp_path / "out.eml")

        facts = find_medium(station, result.volumes[0].sha256)
        assert facts is not None
        assert facts.encrypted
        assert "CN=Recipient" in facts.opened_by[0]
        assert {"sealed-for", "keys-not-here"} <= rules_of(result)
        assert not any(finding.severity == "error" for finding in result.findings)

    def test_a_password_opens_it_besides(
        self, station: Station, source: str, room: Mailroom, tmp_path: Path
    ) -> None:
        output = tmp_path / "out.eml"

        result = mailed(station, source, room, output, password=Password(WORDS))

        assert result.volumes[0].verified
        signed = room.folder / "signed.out"
        run_peer(
            "openssl", "cms", "-decrypt", "-in", output, "-pwri_password", WORDS, "-out", signed
        )
        assert b"multipart/signed" in signed.read_bytes()[:200]

    def test_without_a_recipient_nothing_is_written(
        self, station: Station, source: str, tmp_path: Path
    ) -> None:
        request = ExportRequest((source,), PROFILE, tmp_path / "x.eml", with_password=True)
        with pytest.raises(SecrecyError, match="certificates"):
            export(station, request, password=Password(WORDS))

        assert not (tmp_path / "x.eml").exists()

    def test_without_a_key_to_sign_with_nothing_is_written(
        self, source: str, room: Mailroom, tmp_path: Path
    ) -> None:
        rules = {"signing_key": "", "signing_certificate": ""}
        with (
            settled(tmp_path, room, **rules) as unsigned,
            pytest.raises(SecrecyError, match="signed by its sender"),
        ):
            mailed(unsigned, source, room, tmp_path / "x.eml")

        assert not (tmp_path / "x.eml").exists()

    def test_what_does_not_open_again_is_not_handed_out(
        self,
        station: Station,
        source: str,
        room: Mailroom,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        genuine = SignedEntity.tail
        monkeypatch.setattr(
            SignedEntity,
            "tail",
            lambda self, digest: genuine(self, bytes([digest[0] ^ 1]) + digest[1:]),
        )

        result = mailed(station, source, room, tmp_path / "x.eml")

        assert result.stopped
        assert not result.volumes
        assert "not-proved" in rules_of(result)
        assert not list(tmp_path.glob("*.eml*"))
        assert not list(tmp_path.glob(".x.eml*"))

    def test_nothing_is_left_in_the_home(
        self, station: Station, source: str, room: Mailroom, tmp_path: Path
    ) -> None:
        result = mailed(station, source, room, tmp_path / "x.eml")

        folder = station.job_folder(result.job)
        assert not [path for path in folder.rglob("*") if path.name == "sealed"]
        archives = [path for path in folder.rglob("*.*") if path.read_bytes()[:4] == b"PK\x03\x04"]
        assert not archives


@pytest.fixture
def mail(station: Station, source: str, room: Mailroom, tmp_path: Path) -> Path:
    """A secure e-mail that was made here."""
    return Path(mailed(station, source, room, tmp_path / "made.eml").volumes[0].path)


def ring(room: Mailroom, *names: str) -> KeyRing:
    return KeyRing(keys=[read_private_key(room.key(name)) for name in names])


class TestVerify:
    def test_with_the_key_everything_is_proved(
        self, station: Station, room: Mailroom, mail: Path
    ) -> None:
        report = verify(station, mail, keys=ring(room, "recipient"))

        assert report.ok
        assert report.image_sha256 == hashlib.sha256(mail.read_bytes()).hexdigest()
        assert (report.instances, report.opened) == (3, 1)
        assert report.signatures == {"trusted": 1}
        assert report.manifest_job
        assert "opened" in report.proved

    def test_with_another_one_nothing_is(
        self, station: Station, room: Mailroom, mail: Path
    ) -> None:
        with pytest.raises(SecrecyError, match="sealed for") as caught:
            verify(station, mail, keys=ring(room, "stranger"))

        assert caught.value.exit_code == 4
        assert "key" in caught.value.hint

    def test_a_plain_mail_is_not_what_the_profile_wants(
        self, station: Station, source: str, tmp_path: Path
    ) -> None:
        plain = tmp_path / "plain.eml"
        export(station, ExportRequest((source,), "STD-GEN-ZIP-MAIL", plain, medium="MAIL"))

        report = verify(station, plain, profile=PROFILE)

        assert "not-sealed" in {finding.rule for finding in report.findings}
        assert not report.ok

    def test_a_mail_that_is_signed_alone_needs_no_key(
        self, station: Station, source: str, room: Mailroom
    ) -> None:
        plain = room.folder / "plain.eml"
        export(station, ExportRequest((source,), "STD-GEN-ZIP-MAIL", plain, medium="MAIL"))

        report = verify(station, room.sign(plain))

        assert report.signatures == {"trusted": 1}
        assert "mail-unencrypted" in {finding.rule for finding in report.findings}
        # The files are those that were made here; the message around them is another one.
        errors = {one.rule for one in report.findings if one.severity is Severity.ERROR}
        assert errors == {"image-size", "image-differs", "mail-subject"}

    def test_leaves_no_content_behind(self, station: Station, room: Mailroom, mail: Path) -> None:
        verify(station, mail, keys=ring(room, "recipient"))

        assert not _with_content(station.home / "jobs")


class TestVerifyWithoutKey:
    @pytest.mark.parametrize("keys", [None, KeyRing()])
    def test_every_byte_of_it_is_proved_and_nothing_inside(
        self, station: Station, mail: Path, keys: KeyRing | None
    ) -> None:
        report = verify(station, mail, keys=keys)

        assert report.ok, report.findings
        assert (report.envelopes, report.opened) == (1, 0)
        assert (report.files, report.instances) == (0, 0)
        assert report.bytes == mail.stat().st_size
        assert report.image_sha256 == hashlib.sha256(mail.read_bytes()).hexdigest()
        assert (report.manifest, report.manifest_job) == ("job", 1)
        assert "equals what was written" in report.proved
        assert "not looked at" in report.proved
        (told,) = (one for one in report.findings if one.rule == "enveloped")
        assert "CN=Authority" in told.message

    def test_it_is_known_wherever_it_was_put(
        self, station: Station, mail: Path, tmp_path: Path
    ) -> None:
        moved = mail.rename(tmp_path / "moved.eml")

        assert verify(station, moved).manifest == "job"

    def test_one_from_elsewhere_has_its_structure_proved(
        self, station: Station, room: Mailroom
    ) -> None:
        report = verify(station, room.sealed())

        assert report.ok
        assert report.manifest == "structure only"
        assert report.manifest_job == 0
        assert report.proved.startswith("Structure only")

    def test_one_changed_letter_is_seen(self, station: Station, mail: Path) -> None:
        data = bytearray(mail.read_bytes())
        at = len(data) // 2
        data[at] = ord("A") if data[at] != ord("A") else ord("B")
        mail.write_bytes(bytes(data))

        report = verify(station, mail)

        assert not report.ok
        assert "image-differs" in {one.rule for one in report.findings}
        assert report.proved.startswith("Not proved")

    def test_a_cut_one_is_told_as_damaged(self, station: Station, mail: Path) -> None:
        mail.write_bytes(mail.read_bytes()[:-5000])

        rules = {one.rule for one in verify(station, mail).findings}

        assert {"bad-envelope", "truncated-image", "image-differs"} <= rules

    def test_another_subject_is_an_error_of_ours_alone(
        self, station: Station, room: Mailroom, mail: Path
    ) -> None:
        severities = {}
        for one in (mail, room.sealed()):
            one.write_bytes(one.read_bytes().replace(b"Subject: DICOM-ZIP", b"Subject: For you"))
            found = {told.rule: told.severity for told in verify(station, one).findings}
            severities[one.name] = found["mail-subject"]

        assert severities == {"made.eml": Severity.ERROR, "sealed.eml": Severity.NOTE}

    def test_another_mail_than_the_named_manifests_is_named(
        self, station: Station, source: str, room: Mailroom, mail: Path, tmp_path: Path
    ) -> None:
        other = Path(mailed(station, source, room, tmp_path / "other.eml").volumes[0].path)
        manifest = station.home / "jobs" / "1" / "manifest.json"

        right, wrong = verify(station, mail, manifest), verify(station, other, manifest)

        assert right.ok
        assert right.manifest == str(manifest)
        assert {one.rule for one in wrong.findings} == {"wrong-disc"}
        assert "job 2" in wrong.findings[0].message

    def test_a_list_of_what_is_inside_proves_nothing(
        self, station: Station, mail: Path, tmp_path: Path
    ) -> None:
        listed = tmp_path / "SHA256.TXT"
        listed.write_text(f"{'0' * 64}  DICOMDIR\n")

        report = verify(station, mail, listed)

        assert report.ok
        assert report.manifest == "structure only"
        assert "manifest" in {one.rule for one in report.findings}

    def test_nobody_else_sees_anything_of_it(self, station: Station, mail: Path) -> None:
        report = verify(station, mail, as_recipient=True)

        assert report.ok
        assert {row.verdict for row in report.compatibility} == {"not applicable"}

    def test_the_report_says_what_was_not_looked_at(
        self, station: Station, mail: Path, tmp_path: Path
    ) -> None:
        page = tmp_path / "report.html"

        verify(station, mail, report_file=page)

        assert "not looked at" in page.read_text()
        (job,) = (one for one in station.jobs.latest(0) if one.kind == "verify")
        kept = json.loads((station.job_folder(job.id) / "report.json").read_text())
        assert (kept["envelopes"], kept["opened"]) == (1, 0)

    def test_a_broken_signature_around_it_opens_nothing(
        self, station: Station, room: Mailroom
    ) -> None:
        signed = room.sign(room.sealed())
        assert verify(station, signed).signatures == {"trusted": 1}

        signed.write_bytes(signed.read_bytes().replace(b"smime.p7m", b"smile.p7m"))
        with pytest.raises(SecrecyError, match="signature"):
            verify(station, signed)


class TestOpen:
    def test_gives_everything_that_was_inside(
        self, station: Station, source: str, room: Mailroom, mail: Path, tmp_path: Path
    ) -> None:
        output = tmp_path / "opened"

        result = take_out(station, OpenRequest(mail, output), ring(room, "recipient"))

        assert (result.envelopes, result.damaged) == (1, 0)
        assert result.signatures == {"trusted": 1}
        assert result.exit_code == 0
        found = {path.read_bytes() for path in (output / "DICOM").rglob("*") if path.is_file()}
        assert found == {path.read_bytes() for path in Path(source).iterdir()}
        assert (output / "README.TXT").exists()
        assert (output / "DICOMDIR").exists()
        assert "not-sealed" not in {finding.rule for finding in result.findings}

    @pytest.mark.parametrize("names", [(), ("stranger",), ("sender",)])
    def test_the_wrong_key_leaves_nothing(
        self, station: Station, room: Mailroom, mail: Path, tmp_path: Path, names: tuple[str, ...]
    ) -> None:
        output = tmp_path / "opened"

        with pytest.raises(SecrecyError):
            take_out(station, OpenRequest(mail, output), ring(room, *names))

        assert not output.exists()
        assert not list(tmp_path.glob(".opened*"))

    def test_a_changed_mail_leaves_nothing(
        self, station: Station, room: Mailroom, mail: Path, tmp_path: Path
    ) -> None:
        data = bytearray(mail.read_bytes())
        at = len(data) // 2
        data[at] = ord("A") if data[at] != ord("A") else ord("B")
        mail.write_bytes(bytes(data))

        with pytest.raises(SecrecyError):
            take_out(station, OpenRequest(mail, tmp_path / "opened"), ring(room, "recipient"))

        assert not (tmp_path / "opened").exists()
        assert not _with_content(station.home / "jobs")

    def test_a_mail_that_is_only_signed_has_nothing_to_open(
        self, station: Station, source: str, room: Mailroom, tmp_path: Path
    ) -> None:
        plain = room.folder / "plain.eml"
        export(station, ExportRequest((source,), "STD-GEN-ZIP-MAIL", plain, medium="MAIL"))

        with pytest.raises(RefusedError, match="No secure envelope"):
            take_out(station, OpenRequest(room.sign(plain), tmp_path / "out"), KeyRing())


def _with_content(folder: Path) -> list[Path]:
    """Files below that hold an instance or an archive; the DICOMDIR of an export is there."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name != "DICOMDIR"
        and (path.read_bytes()[128:132] == b"DICM" or path.read_bytes()[:4] == b"PK\x03\x04")
    ]


class TestImport:
    def test_an_attachment_that_was_saved_by_itself_comes_in(
        self, station: Station, room: Mailroom, mail: Path, tmp_path: Path
    ) -> None:
        body = mail.read_bytes().partition(b"\r\n\r\n")[2]
        attachment = tmp_path / "smime.p7m"
        attachment.write_bytes(base64.b64decode(body))

        result = import_medium(station, ImportRequest(attachment), keys=ring(room, "recipient"))

        assert (result.found, result.duplicates, result.refused) == (3, 3, 0)

    def test_whoever_asks_is_told_for_whom_it_is(self, station: Station, mail: Path) -> None:
        del station
        sealed = look_for_seal(mail)

        assert sealed is not None
        assert "CN=Authority" in sealed.told
        assert not sealed.takes_password

    def test_of_a_mail_that_anybody_can_read_nothing_is_asked(self, room: Mailroom) -> None:
        plain = room.plain()
        assert look_for_seal(plain) is None
        assert look_for_seal(room.sign(plain)) is None


class TestDrill:
    def test_it_still_opens(self, station: Station, room: Mailroom, mail: Path) -> None:
        del mail

        result = drill(station, DrillRequest(), ring(room, "recipient"))

        assert (result.media, result.opened, result.equal) == (1, 1, 1)
        assert result.exit_code == 0

    def test_with_another_key_it_does_not(
        self, station: Station, room: Mailroom, mail: Path
    ) -> None:
        with pytest.raises(SecrecyError):
            drill(station, DrillRequest((mail,)), ring(room, "stranger"))
