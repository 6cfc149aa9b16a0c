"""The rules of e-mails that are protected as a whole: ours breaks none, and each can be broken."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.conformance.load import find_profile
from mediastation.media.secure_mail import SecureMailMedium
from mediastation.model.finding import Finding, Severity
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.reading.volume import open_volume
from mediastation.secure.opening.keys import KeyRing, read_private_key
from mediastation.secure.opening.mail import SecureMailVolume, open_secure_mail
from mediastation.secure.opening.opener import Opener
from mediastation.secure.opening.trust import read_trust
from mediastation.verify.mail_rules import check_protection, check_secure_mail
from mediastation.verify.verifier import verify_volume
from tests.support.certificates import MOMENT
from tests.support.envelopes import make_envelope
from tests.support.file_sets import good_file_set
from tests.support.secure_mails import UID, Mailroom

FILES = {**good_file_set(), "README.TXT": b"Read me.\r\n"}
SECURE, PLAIN = "STD-GEN-SEC-ZIP-MAIL", "STD-GEN-ZIP-MAIL"


@pytest.fixture
def room(tmp_path: Path) -> Mailroom:
    return Mailroom.at(tmp_path / "room")


def opened(room: Mailroom, mail: Path) -> SecureMailVolume:
    ring = KeyRing(keys=[read_private_key(room.key("recipient"))])
    opener = Opener(ring, trust=read_trust(room.certificate("authority")), moment=MOMENT)
    return open_secure_mail(mail, opener, room.folder / "scratch")


def rules(findings: Iterator[Finding]) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in findings}


def test_what_is_ours_breaks_none(room: Mailroom) -> None:
    with opened(room, room.sealed(contents=FILES)) as volume:
        assert list(check_secure_mail(volume, strict=True)) == []
        assert list(check_protection(volume, find_profile(SECURE))) == []


def test_all_of_it_is_held_against_the_manifest(room: Mailroom) -> None:
    sources = room.files(FILES)
    medium = SecureMailMedium(sources, file_set_uid=UID, moment=MOMENT, sealer=room.sealer())
    with medium.write(room.folder / "made.eml") as pending:
        image, mail = pending.image, pending.commit()
    manifest = Manifest(
        files=tuple(
            ManifestFile(name, len(data), hashlib.sha256(data).hexdigest())
            for name, data in FILES.items()
        ),
        image_sha256=image.sha256,
        image_size_bytes=image.size_bytes,
        format="mail",
    )

    with opened(room, mail) as volume:
        report = verify_volume(volume, manifest)
    assert report.ok, report.findings
    assert report.image_sha256 == image.sha256
    assert (report.envelopes, report.opened) == (1, 1)
    assert report.signatures == {"trusted": 1}

    mail.write_bytes(mail.read_bytes() + b"\r\n")
    with opened(room, mail) as volume:
        report = verify_volume(volume, manifest)
    assert {"image-size", "image-differs"} <= {finding.rule for finding in report.findings}
    assert not report.ok


@pytest.mark.parametrize(
    ("strict", "severity"), [(True, Severity.ERROR), (False, Severity.WARNING)]
)
def test_triple_des_is_given_up(room: Mailroom, strict: bool, severity: Severity) -> None:
    mail = room.encrypt(room.sign(room.plain(FILES)), "-des3")

    with opened(room, mail) as volume:
        assert rules(check_secure_mail(volume, strict=strict))["mail-protection"] is severity


def test_somebody_has_to_sign(room: Mailroom) -> None:
    envelope = make_envelope(
        room.plain(FILES).read_bytes(), certificates=[room.recipient.certificate]
    )
    mail = room.folder / "x.eml"
    head = b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime\r\n"
    mail.write_bytes(head + b"Content-Transfer-Encoding: binary\r\n\r\n" + envelope)

    with opened(room, mail) as volume:
        assert rules(check_secure_mail(volume, strict=False)) == {
            "mail-protection": Severity.WARNING
        }


def test_the_subject_has_to_say_what_it_is(room: Mailroom) -> None:
    mail = room.sealed(contents=FILES)
    mail.write_bytes(mail.read_bytes().replace(b"Subject: DICOM-ZIP", b"Subject: For you"))

    with opened(room, mail) as volume:
        assert rules(check_secure_mail(volume, strict=True)) == {"mail-subject": Severity.ERROR}
        assert "mail-subject" in {finding.rule for finding in volume.findings}


def test_the_mail_inside_keeps_its_own_rules(room: Mailroom) -> None:
    plain = room.plain(FILES)
    plain.write_bytes(plain.read_bytes().replace(b"application/zip", b"application/x-zip"))

    with opened(room, room.encrypt(room.sign(plain))) as volume:
        assert "mail-attachment" in rules(check_secure_mail(volume, strict=False))


def test_mails_from_elsewhere_say_which_mime_they_are_outside_alone(room: Mailroom) -> None:
    plain = room.plain(FILES)
    plain.write_bytes(plain.read_bytes().replace(b"MIME-Version: 1.0\r\n", b""))

    with opened(room, room.encrypt(room.sign(plain))) as volume:
        assert rules(check_secure_mail(volume, strict=False)) == {}


class TestProtection:
    def test_a_plain_mail_is_none(self, room: Mailroom) -> None:
        with open_volume(room.plain(FILES)) as volume:
            (finding,) = check_protection(volume, find_profile(SECURE))
            assert (finding.rule, finding.severity) == ("not-sealed", Severity.ERROR)
            assert SECURE in finding.message

    def test_nor_is_one_that_is_signed_alone(self, room: Mailroom) -> None:
        with opened(room, room.sign(room.plain(FILES))) as volume:
            assert "not-sealed" in rules(check_protection(volume, find_profile(SECURE)))

    @pytest.mark.parametrize("profile", [PLAIN, "STD-GEN-SEC-CD", ""])
    def test_other_profiles_do_not_ask_for_it(self, room: Mailroom, profile: str) -> None:
        chosen = find_profile(profile) if profile else None
        with open_volume(room.plain(FILES)) as volume:
            assert list(check_protection(volume, chosen)) == []
