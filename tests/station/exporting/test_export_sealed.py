"""Sealed media: every DICOM file in an envelope, proved, and nothing in clear names anybody."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID

from mediastation.errors import ConfigError, MediaError, SecrecyError
from mediastation.model.manifest import Manifest
from mediastation.model.secrecy import Content, Password
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.volume import open_volume
from mediastation.secure.opening.certificates import read_certificate
from mediastation.secure.opening.keys import KeyRing, read_private_key
from mediastation.secure.opening.opener import Opened, Opener
from mediastation.station.clock import Clock
from mediastation.station.exporting.export import export
from mediastation.station.exporting.reprint import reprint
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.recording.ledger import find_medium
from mediastation.station.sealing import volume as sealed_volume
from mediastation.station.station import Station
from mediastation.station.verification import verify
from tests.support.certificates import (
    MOMENT,
    VALID_FROM,
    VALID_UNTIL,
    Identity,
    issue,
    rsa_key,
    to_pem,
)
from tests.support.objects import write_series
from tests.support.pdf import pdf_text

USB, CD = "STD-GEN-SEC-USB-JPEG", "STD-GEN-SEC-CD"
WORDS = "canary lobster velvet harbor tunnel quartz 7"
PASSWORD = Password(WORDS)
CLEAR = {"README.TXT", "OPEN.HTM", "SHA256.TXT"}
_NAMES = b"Doe", b"DOE", b"Jane", b"JANE", b"4711", b"19700101", b"Thorax"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with settled(tmp_path) as opened:
        yield opened


def settled(tmp_path: Path, **rules: object) -> Station:
    """A station whose passwords are stretched as little as may be; `rules` stand in [secure]."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [f"{name} = {json.dumps(str(value))}" for name, value in rules.items()]
    lines.append("iterations = 100000")
    (home / "config.toml").write_text("\n".join(["[secure]", *lines, ""]))
    return Station(home)


@pytest.fixture
def source(tmp_path: Path) -> str:
    write_series(tmp_path / "in", 3)
    return str(tmp_path / "in")


@pytest.fixture(scope="module")
def doctor() -> Identity:
    return issue("Dr. Who")


def sealed(
    station: Station, source: str, output: Path, profile: str = USB, **more: Any
) -> ExportResult:
    password = more.pop("password", PASSWORD)
    request = ExportRequest((source,), profile, output, with_password=password is not None, **more)
    return export(station, request, password=password)


def ring(password: Password = PASSWORD) -> KeyRing:
    return KeyRing(passwords=(password,))


def opened(medium: Path, keys: KeyRing) -> dict[str, tuple[bytes, Opened]]:
    """What is in each envelope of a medium, by path."""
    found = {}
    with open_volume(medium) as volume:
        opener = Opener(keys, moment=MOMENT)
        for file in volume.iter_files():
            if file.path in CLEAR:
                continue
            content = io.BytesIO()
            with volume.open(file.path) as stream:
                told = opener.open(stream, file.size_bytes, content.write, file.path)
            found[file.path] = content.getvalue(), told
    return found


def manifest_of(station: Station, result: ExportResult) -> Manifest:
    path = station.jobs_folder / str(result.job) / MANIFEST_NAME
    return Manifest.from_json(path.read_text())


def without_serial(identity: Identity) -> bytes:
    """The certificate with the serial number 0, which the library writes none with; in DER."""
    certificate = asn1_x509.Certificate.load(identity.der)
    body = certificate["tbs_certificate"]
    body["serial_number"] = 0
    signature = identity.key.sign(body.dump(force=True), PKCS1v15(), hashes.SHA256())
    made: bytes = asn1_x509.Certificate(
        {
            "tbs_certificate": body,
            "signature_algorithm": certificate["signature_algorithm"],
            "signature_value": signature,
        }
    ).dump()
    return made


def rules_of(result: ExportResult) -> set[str]:
    return {finding.rule for finding in result.findings}


class TestMedium:
    @pytest.mark.parametrize(
        ("profile", "output", "medium", "form"),
        [
            (USB, "stick", "", ""),
            (USB, "stick.img", "", "fat16"),
            (CD, "disc.iso", "", ""),
            ("STD-GEN-SEC-BD", "disc.iso", "", ""),
            ("STD-GEN-SEC-DVD-RAM", "disc.iso", "", ""),
        ],
    )
    def test_every_dicom_file_is_in_an_envelope_the_directory_too(
        self, station: Station, source: str, tmp_path: Path, profile: str, output: str,
        medium: str, form: str,
    ) -> None:  # fmt: skip
        result = sealed(station, source, tmp_path / output, profile, medium=medium, format=form)

        assert result.stopped == "", result.findings
        (volume,) = result.volumes
        assert (volume.verified, volume.instances) == (True, 3)
        contents = opened(tmp_path / output, ring())
        assert len(contents) == 4
        originals = {path.read_bytes()[132:] for path in Path(source).iterdir()}
        instances = {path: content for path, (content, _) in contents.items() if "/" in path}
        assert {content[132:] for content in instances.values()} == originals
        directory = read_dicomdir(io.BytesIO(contents["DICOMDIR"][0]))
        assert directory.file_set_uid == volume.file_set_uid
        # In the directory they are under the names that they have on the medium.
        named = {"/".join(record.file_id) for record in directory.records if record.file_id}
        assert named == set(instances)
        assert {told.content for _, told in contents.values()} == {Content.DIGESTED}
        assert not any(told.findings for _, told in contents.values())

    def test_nothing_in_clear_names_the_patient(
        self, station: Station, source: str, tmp_path: Path
    ) -> None:
        sealed(station, source, tmp_path / "disc.iso", CD)
        sealed(station, source, tmp_path / "stick")

        for data in (
            (tmp_path / "disc.iso").read_bytes(),
            *(path.read_bytes() for path in (tmp_path / "stick").rglob("*") if path.is_file()),
        ):
            assert not [name for name in _NAMES if name in data]
        names = {part for path in (tmp_path / "stick").rglob("*") for part in path.parts}
        assert not {name for name in names if "DOE" in name.upper() or "4711" in name}

    def test_the_label_of_a_disc_is_neutral(
        self, station: Station, source: str, tmp_path: Path
    ) -> None:
        result = sealed(station, source, tmp_path / "disc.iso", CD)

        (volume,) = result.volumes
        assert volume.file_set_id == f"SECURE_{result.job}"
        text = pdf_text(Path(volume.label))
        assert "Doe" not in text
        assert "4711" not in text
        with open_volume(tmp_path / "disc.iso") as disc, disc.open("README.TXT") as readme:
            assert b"encrypted" in readme.read()

    @pytest.mark.parametrize("label", ["DOE", "J_DOE_CT", "CT_4711", "19700101", "JANE"])
    def test_a_label_that_names_the_patient_is_refused(
        self, station: Station, source: str, tmp_path: Path, label: str
    ) -> None:
        result = sealed(station, source, tmp_path / "stick", label=label)

        assert "label-names-patient" in rules_of(result)
        assert result.stopped
        assert not (tmp_path / "stick").exists()

    def test_what_the_site_adds_is_told_to_lie_in_clear(
        self, station: Station, source: str, tmp_path: Path
    ) -> None:
        (tmp_path / "DOCS").mkdir()
        (tmp_path / "DOCS" / "NOTE.TXT").write_text("how to reach us")

        result = sealed(station, source, tmp_path / "stick", include=(tmp_path / "DOCS",))

        (told,) = (one for one in result.findings if one.rule == "included-in-clear")
        assert told.subject == "DOCS"
        assert (tmp_path / "stick" / "DOCS" / "NOTE.TXT").read_text() == "how to reach us"

    def test_a_label_of_the_operators_stays(
        self, station: Station, source: str, tmp_path: Path
    ) -> None:
        result = sealed(station, source, tmp_path / "stick", label="REFERRAL_7")

        assert result.volumes[0].file_set_id == "REFERRAL_7"

    def test_it_is_known_when_it_is_verified_and_no_key_is_needed_for_that(
        self, station: Station, source: str, tmp_path: Path
    ) -> None:
        sealed(station, source, tmp_path / "disc.iso", CD)

        report = verify(station, tmp_path / "disc.iso")

        assert (report.manifest, report.ok) == ("job", True)
        data = bytearray((tmp_path / "disc.iso").read_bytes())
        place = data.index(bytes.fromhex("06092a864886f70d010703"))
        data[place + 600] ^= 1
        (tmp_path / "changed.iso").write_bytes(data)
        shutil.copy(tmp_path / "changed.iso", tmp_path / "disc.iso")
        assert not verify(station, tmp_path / "disc.iso").ok

    def test_ledger_and_audit_say_that_it_is_encrypted(
        self, station: Station, source: str, tmp_path: Path
    ) -> None:
        result = sealed(station, source, tmp_path / "disc.iso", CD)

        told = "".join(
            path.read_text() for path in (tmp_path / "home").rglob("*.xml") if path.is_file()
        )
        assert "<Encrypted>true</Encrypted>" in told
        digest = result.volumes[0].sha256
        medium = find_medium(station, digest)
        assert medium is not None
        assert (medium.encrypted, medium.opened_by) == (True, ("password",))

    def test_the_manifest_has_both_digests(
        self, station: Station, source: str, tmp_path: Path
    ) -> None:
        result = sealed(station, source, tmp_path / "stick")

        contents = opened(tmp_path / "stick", ring())
        files = {file.path: file for file in manifest_of(station, result).files}
        for path, (content, _) in contents.items():
            envelope = (tmp_path / "stick" / path).read_bytes()
            assert files[path].sha256 == hashlib.sha256(envelope).hexdigest()
            assert files[path].content_sha256 == hashlib.sha256(content).hexdigest()
            assert files[path].size_bytes == len(envelope)
        assert all(files[name].content_sha256 == "" for name in CLEAR)

    def test_several_volumes_fit_with_their_envelopes(
        self, station: Station, tmp_path: Path
    ) -> None:
        pixels = bytes(200 * 200 * 2)
        write_series(tmp_path / "in", 12, Rows=200, Columns=200, PixelData=pixels)
        capacity = 600_000

        result = sealed(
            station, str(tmp_path / "in"), tmp_path / "out", CD, capacity_bytes=capacity
        )

        assert result.stopped == "", result.findings
        assert len(result.volumes) == 3
        assert all(volume.size_bytes <= capacity for volume in result.volumes)
        assert sum(volume.instances for volume in result.volumes) == 12
        for number, volume in enumerate(result.volumes, 1):
            assert volume.file_set_id == f"SECURE_{result.job}_{number}"[:16]
            assert len(opened(Path(volume.path), ring())) == volume.instances + 1


class TestRecipients:
    def test_key_password_and_escrow_each_open_it_alone(
        self, tmp_path: Path, source: str, doctor: Identity
    ) -> None:
        certificate, key = doctor.write(tmp_path, "doctor")
        escrow, escrow_key = issue("Escrow", number=1).write(tmp_path, "escrow")
        with settled(tmp_path, escrow=escrow) as station:
            result = sealed(station, source, tmp_path / "stick", recipients=(certificate,))
        assert result.stopped == ""

        keys = [KeyRing(keys=(read_private_key(path),)) for path in (key, escrow_key)]
        contents = [opened(tmp_path / "stick", one) for one in (ring(), *keys)]
        told = [{path: content for path, (content, _) in one.items()} for one in contents]
        assert told[0] == told[1] == told[2]
        assert "keys-not-here" in rules_of(result)

    def test_certificates_alone_do_and_are_proved_with_the_key_of_the_content(
        self, station: Station, tmp_path: Path, source: str, doctor: Identity
    ) -> None:
        certificate, key = doctor.write(tmp_path, "doctor")

        result = sealed(
            station, source, tmp_path / "stick", recipients=(certificate,), password=None
        )

        assert result.stopped == "", result.findings
        assert len(opened(tmp_path / "stick", KeyRing(keys=(read_private_key(key),)))) == 4
        with pytest.raises(SecrecyError):
            opened(tmp_path / "stick", ring())
        # Without a password there is nothing that a page could open.
        assert not (tmp_path / "stick" / "OPEN.HTM").exists()

    def test_two_who_made_their_certificates_alike_each_open_it(
        self, station: Station, tmp_path: Path, source: str
    ) -> None:
        """Home-made ones may share issuer and serial number: entries then name the keys."""
        made = [issue("Practice", number=number, serial=1) for number in (3, 4)]
        paths = [one.write(tmp_path, f"practice{number}") for number, one in enumerate(made)]

        result = sealed(
            station, source, tmp_path / "stick", recipients=tuple(path for path, _ in paths)
        )

        assert result.stopped == "", result.findings
        for _, key in paths:
            keys = KeyRing(keys=(read_private_key(key),))
            assert len(opened(tmp_path / "stick", keys)) == 4

    def test_an_issuer_of_many_words_is_told_from_others(
        self, station: Station, tmp_path: Path, source: str
    ) -> None:
        """What people are shown of a name ends where they would not read on."""
        authority = x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Terms of use " + "x" * 50)] * 6
        )
        key = rsa_key(5)
        builder = (
            x509.CertificateBuilder()
            .subject_name(authority)
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(77)
            .not_valid_before(VALID_FROM)
            .not_valid_after(VALID_UNTIL)
        )
        certificate = tmp_path / "long.pem"
        certificate.write_bytes(to_pem([builder.sign(key, hashes.SHA256())]))

        result = sealed(station, source, tmp_path / "stick", recipients=(certificate,))

        assert result.stopped == "", result.findings

    def test_content_is_signed_where_the_site_has_a_key(self, tmp_path: Path, source: str) -> None:
        certificate, key = issue("File Room", number=2).write(tmp_path, "signer", b"open sesame")
        (tmp_path / "secret").write_text("open sesame\n")
        with settled(
            tmp_path,
            signing_key=key,
            signing_certificate=certificate,
            signing_key_password_file=tmp_path / "secret",
        ) as station:
            result = sealed(station, source, tmp_path / "stick")

        assert result.stopped == "", result.findings
        for _, told in opened(tmp_path / "stick", ring()).values():
            assert told.content is Content.SIGNED
            (signature,) = told.signatures
            assert "File Room" in str(signature.signer)

    @pytest.mark.parametrize("profile", [USB, "STD-GEN-SEC-ZIP-MAIL"])
    def test_a_certificate_that_no_signature_could_be_proved_with_signs_nothing(
        self, tmp_path: Path, source: str, doctor: Identity, profile: str
    ) -> None:
        """Home-made ones may have the serial number 0; of those no reader here believes any."""
        signer = issue("File Room", number=2)
        signer.write(tmp_path, "signer")
        (tmp_path / "signer.pem").write_bytes(without_serial(signer))
        certificate, _ = doctor.write(tmp_path, "doctor")
        with (
            settled(
                tmp_path,
                signing_key=tmp_path / "signer.key.pem",
                signing_certificate=tmp_path / "signer.pem",
            ) as station,
            pytest.raises(SecrecyError, match="serial number is none"),
        ):
            sealed(
                station, source, tmp_path / "out", profile, recipients=(certificate,), password=None
            )

        assert not (tmp_path / "out").exists()

    def test_a_signature_that_is_not_the_stations_is_no_proof(
        self, tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        certificate, key = issue("File Room", number=2).write(tmp_path, "signer")
        stranger = read_certificate(issue("Stranger", number=3).der)
        monkeypatch.setattr(sealed_volume, "read_certificate", lambda _der: stranger)
        with settled(tmp_path, signing_key=key, signing_certificate=certificate) as station:
            result = sealed(station, source, tmp_path / "stick")

        assert "not-proved" in rules_of(result)
        assert not (tmp_path / "stick").exists()

    @pytest.mark.parametrize("cipher", ["aes128", "aes192", "aes256"])
    def test_the_cipher_is_the_sites(self, tmp_path: Path, source: str, cipher: str) -> None:
        with settled(tmp_path, cipher=cipher) as station:
            sealed(station, source, tmp_path / "stick")

        assert {str(told.cipher) for _, told in opened(tmp_path / "stick", ring()).values()} == {
            cipher
        }
        # No browser knows AES-192, so no page promises to open it.
        assert (tmp_path / "stick" / "OPEN.HTM").exists() == (cipher != "aes192")

    def test_a_certificate_that_cannot_be_used_stops_before_anything_is_read(
        self, station: Station, tmp_path: Path, source: str
    ) -> None:
        (tmp_path / "bad.pem").write_text("no certificate\n")

        with pytest.raises(SecrecyError, match=r"bad\.pem"):
            sealed(station, source, tmp_path / "stick", recipients=(tmp_path / "bad.pem",))
        assert not (tmp_path / "stick").exists()

    def test_nobody_named_is_refused(self, station: Station, tmp_path: Path, source: str) -> None:
        with pytest.raises(SecrecyError, match="nobody was named"):
            sealed(station, source, tmp_path / "stick", password=None)

    def test_what_is_not_sealed_takes_no_password(
        self, station: Station, tmp_path: Path, source: str
    ) -> None:
        with pytest.raises(ConfigError, match="seals nothing"):
            sealed(station, source, tmp_path / "stick", "STD-GEN-USB-JPEG")


class TestPassword:
    @pytest.mark.parametrize("text", ["12345678", "letmein1", "Sommer2026", "a" * 22])
    def test_a_weak_one_is_refused(
        self, station: Station, tmp_path: Path, source: str, text: str
    ) -> None:
        with pytest.raises(SecrecyError) as refused:
            sealed(station, source, tmp_path / "stick", password=Password(text))
        assert text not in str(refused.value) + refused.value.hint
        assert not (tmp_path / "stick").exists()

    @pytest.mark.parametrize(
        "text",
        ["jane vase rotor quench limit zebra", "x7 Qpr-4711-Lmvz-19 wuz", "Wq7.01.01.1970.zRtkP"],
    )
    def test_one_of_the_patients_data_is_refused_however_long(
        self, station: Station, tmp_path: Path, source: str, text: str
    ) -> None:
        with pytest.raises(SecrecyError, match=r"patient|person"):
            sealed(station, source, tmp_path / "stick", password=Password(text))

    @pytest.mark.parametrize("text", ["pässword", "a\tb", "", "naïve café"])
    def test_other_characters_are_stopped(self, text: str) -> None:
        with pytest.raises(SecrecyError):
            Password(text)

    def test_one_of_ours_seals_as_it_was_made_however_it_was_typed(
        self, station: Station, tmp_path: Path, source: str
    ) -> None:
        """The sheet that was printed before tells it so, and the page on the medium takes it so."""
        typed = Password("Zoo-Zone-Zero Youth Young You PARK")

        assert sealed(station, source, tmp_path / "stick", password=typed).stopped == ""

        made = Password("zoo zone zero youth young you park")
        assert len(opened(tmp_path / "stick", ring(made))) == 4

    def test_one_of_ours_that_was_mistyped_is_asked_for_again(
        self, station: Station, tmp_path: Path, source: str
    ) -> None:
        mistyped = Password("zoo zone zero youth young park you")

        result = sealed(station, source, tmp_path / "stick", password=mistyped)

        assert "does not fit the others" in result.stopped
        assert result.question is not None
        assert "sheet" in result.hint
        assert not (tmp_path / "stick").exists()

    def test_it_is_told_that_it_travels_apart(
        self, station: Station, tmp_path: Path, source: str
    ) -> None:
        assert "password-apart" in rules_of(sealed(station, source, tmp_path / "stick"))

    def test_no_trace_of_it_stays_anywhere(
        self, station: Station, tmp_path: Path, source: str
    ) -> None:
        sealed(station, source, tmp_path / "stick")

        for path in tmp_path.rglob("*"):
            if path.is_file():
                assert WORDS.encode() not in path.read_bytes(), path
        assert "lobster" not in repr(PASSWORD)


class TestPlan:
    def test_it_needs_nobody_named_and_knows_the_size(
        self, station: Station, tmp_path: Path, source: str
    ) -> None:
        planned = sealed(station, source, tmp_path / "disc.iso", CD, password=None, plan_only=True)
        made = sealed(station, source, tmp_path / "disc.iso", CD)

        assert planned.stopped == ""
        assert planned.volumes[0].size_bytes == made.volumes[0].size_bytes


class TestFaults:
    def test_an_envelope_that_was_spoiled_in_the_making_never_gets_a_name(
        self, station: Station, tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A bit that falls over in memory or on the disk after sealing."""
        honest = sealed_volume.seal_files

        def spoiling(*words: Any, **more: Any) -> Iterator[Any]:
            for task, made in honest(*words, **more):
                data = bytearray(task.target.read_bytes())
                data[-40] ^= 4
                task.target.write_bytes(data)
                yield task, made

        monkeypatch.setattr(sealed_volume, "seal_files", spoiling)

        result = sealed(station, source, tmp_path / "stick")

        assert "not-proved" in rules_of(result)
        assert "sealed" in result.stopped
        assert not (tmp_path / "stick").exists()
        assert _left(station, result) == []

    def test_another_content_than_was_to_be_sealed_is_found(
        self, station: Station, tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two files exchanged, each in a sound envelope."""
        honest = sealed_volume.seal_files

        def swapping(sealer: Any, tasks: Sequence[Any], **more: Any) -> Iterator[Any]:
            first, second, *rest = tasks
            swapped = [
                replace(first, source=second.source, sha256=second.sha256),
                replace(second, source=first.source, sha256=first.sha256),
                *rest,
            ]
            yield from honest(sealer, swapped, **more)

        monkeypatch.setattr(sealed_volume, "seal_files", swapping)

        result = sealed(station, source, tmp_path / "stick")

        assert "not-proved" in rules_of(result)
        assert not (tmp_path / "stick").exists()

    def test_no_room_for_envelopes_is_told_before_they_are_made(
        self, station: Station, tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = shutil.disk_usage

        def filled(path: Path) -> Any:
            return real(path)._replace(free=100)

        disk = SimpleNamespace(disk_usage=filled, rmtree=shutil.rmtree)
        monkeypatch.setattr(sealed_volume, "shutil", disk)

        with pytest.raises(MediaError, match="envelopes take"):
            sealed(station, source, tmp_path / "stick")
        assert not (tmp_path / "stick").exists()

    def test_nothing_but_the_medium_is_left(
        self, station: Station, tmp_path: Path, source: str
    ) -> None:
        assert _left(station, sealed(station, source, tmp_path / "stick")) == []


def _left(station: Station, result: ExportResult) -> list[Path]:
    """Envelopes, or parts of any, that lie in the job's folder."""
    folder = station.jobs_folder / str(result.job)
    return [path for path in folder.rglob("*") if path.parent.name == "sealed"]


def test_an_image_of_ours_may_be_written_over_and_no_other(
    station: Station, tmp_path: Path, source: str
) -> None:
    image = tmp_path / "disc.iso"
    sealed(station, source, image, CD)
    first = image.read_bytes()

    again = sealed(station, source, image, CD)

    assert again.stopped == ""
    assert image.read_bytes() != first
    with (
        settled(tmp_path / "elsewhere") as other,
        pytest.raises(ConfigError, match="not made here"),
    ):
        sealed(other, source, image, CD)


@pytest.mark.parametrize(("profile", "medium"), [(CD, "CD-80"), ("STD-GEN-SEC-DVD-JPEG", "DVD-R")])
def test_other_readers_get_every_envelope_of_a_disc(
    station: Station, source: str, tmp_path: Path, profile: str, medium: str
) -> None:
    """A burned disc is looked at like this: one that loses nothing must not be destroyed."""
    result = sealed(station, source, tmp_path / "x.img", profile, medium=medium)
    assert result.stopped == ""

    report = verify(station, tmp_path / "x.img", as_recipient=True)

    assert report.ok, report.findings
    assert not [one for one in report.findings if one.rule == "reader-loses"]
    complete = [row for row in report.compatibility if row.verdict == "complete"]
    assert complete
    assert all(row.instances == row.expected == 3 for row in complete)


def test_it_cannot_be_reprinted_and_is_told_why(
    station: Station, tmp_path: Path, source: str
) -> None:
    made = sealed(station, source, tmp_path / "disc.iso", CD)

    again = reprint(station, made.job, tmp_path / "again.iso")

    assert "reprint-sealed" in rules_of(again)
    assert not (tmp_path / "again.iso").exists()


def test_the_same_moment_gives_the_same_file_set_and_other_envelopes(
    tmp_path: Path, source: str
) -> None:
    """Keys that were the same would tell who knows one medium the content of the other."""
    with settled(tmp_path):
        pass
    data = []
    for name in ("one", "two"):
        with Station(tmp_path / "home", Clock(MOMENT)) as fixed:
            sealed(fixed, source, tmp_path / name, label="SAME")
        contents = opened(tmp_path / name, ring())
        data.append({path: content for path, (content, _) in contents.items()})
    assert data[0] == data[1]
    for path in data[0]:
        assert (tmp_path / "one" / path).read_bytes() != (tmp_path / "two" / path).read_bytes()
