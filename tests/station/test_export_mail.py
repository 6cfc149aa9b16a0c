"""Secure e-mails from the catalog to their recipient, who has OpenSSL."""

from __future__ import annotations

import email
import email.policy
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Password
from mediastation.secure.sealing.mail import SignedEntity
from mediastation.station.export import export
from mediastation.station.export_request import ExportRequest, ExportResult
from mediastation.station.ledger import find_medium
from mediastation.station.station import Station
from tests.support.objects import write_series
from tests.support.peers import run_peer
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
        "-purpose", "any", "-out", entity,
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
        assert {"sealed-for", "signature", "keys-not-here"} <= rules_of(result)
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
