"""Encrypted e-mails without a key: what can be seen of them is, and nothing more."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from asn1crypto import cms

from mediastation.errors import MediaError
from mediastation.model.finding import Severity
from mediastation.model.secrecy import ContentCipher
from mediastation.secure.opening.errors import BadEnvelopeError
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.mail import SecureMailVolume
from mediastation.secure.opening.opener import Opener
from mediastation.secure.opening.shut_mail import ShutMailVolume, open_mail_without_key
from mediastation.secure.opening.trust import read_trust
from mediastation.verify.mail_rules import check_shut_mail
from tests.support.certificates import MOMENT
from tests.support.envelopes import make_envelope
from tests.support.secure_mails import Mailroom

SMALL = {"DICOMDIR": b"directory", "DICOM/IM000001": b"image" * 20}


@pytest.fixture
def room(tmp_path: Path) -> Mailroom:
    return Mailroom.at(tmp_path / "room")


def looked_at(room: Mailroom, mail: Path) -> SecureMailVolume | ShutMailVolume:
    opener = Opener(KeyRing(), trust=read_trust(room.certificate("authority")), moment=MOMENT)
    return open_mail_without_key(mail, opener, room.folder / "scratch")


def shut(room: Mailroom, mail: Path) -> ShutMailVolume:
    volume = looked_at(room, mail)
    assert isinstance(volume, ShutMailVolume)
    return volume


def rules(volume: ShutMailVolume) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in volume.findings}


class TestWhole:
    def test_header_recipients_and_cipher_are_told(self, room: Mailroom) -> None:
        mail = room.sealed()
        with shut(room, mail) as volume:
            assert volume.header.subject == "DICOM-ZIP"
            assert volume.envelope.cipher is ContentCipher.AES_256
            (recipient,) = volume.envelope.recipients
            assert "CN=Authority" in recipient.text
            assert volume.envelope.fault is None
            assert rules(volume) == {"enveloped": Severity.NOTE}
            assert volume.sha256() == hashlib.sha256(mail.read_bytes()).hexdigest()

    def test_it_has_no_files(self, room: Mailroom) -> None:
        with shut(room, room.sealed(contents=SMALL)) as volume:
            assert list(volume.iter_files()) == []
            assert volume.find(["DICOMDIR"]) is None
            with pytest.raises(MediaError, match="not opened"):
                volume.open("DICOMDIR")

    @pytest.mark.parametrize("options", [("-aes128",), ("-aes256", "-stream"), ("-des3",)])
    def test_so_are_those_of_openssl(self, room: Mailroom, options: tuple[str, ...]) -> None:
        mail = room.encrypt(room.sign(room.plain(SMALL)), *options)
        with shut(room, mail) as volume:
            assert volume.envelope.fault is None
            assert volume.envelope.content_bytes > 0
            weak = {one.rule for one in check_shut_mail(volume, strict=True)} - {"mail-subject"}
            assert weak == ({"mail-protection"} if options == ("-des3",) else set())

    def test_a_signature_around_the_envelope_is_proved(self, room: Mailroom) -> None:
        with shut(room, room.sign(room.encrypt(room.plain(SMALL)))) as volume:
            assert [str(one.signature) for one in volume.signatures] == ["trusted"]
            assert "enveloped" in rules(volume)

    def test_an_envelope_that_was_saved_by_itself_has_no_header_to_judge(
        self, room: Mailroom
    ) -> None:
        body = room.sealed(contents=SMALL).read_bytes().partition(b"\r\n\r\n")[2]
        saved = room.folder / "smime.p7m"
        saved.write_bytes(base64.b64decode(body))
        with shut(room, saved) as volume:
            assert list(check_shut_mail(volume, strict=True)) == []

    def test_what_is_signed_alone_is_opened(self, room: Mailroom) -> None:
        with looked_at(room, room.sign(room.plain(SMALL))) as volume:
            assert isinstance(volume, SecureMailVolume)
            assert {file.path for file in volume.iter_files()} == set(SMALL)


class TestDamaged:
    @pytest.mark.parametrize("kind", ["clear", "around"])
    def test_a_broken_signature_opens_nothing(self, room: Mailroom, kind: str) -> None:
        options = ("-nodetach",) if kind == "around" else ()
        mail = room.sign(room.plain(SMALL), *options)
        data = bytearray(mail.read_bytes())
        at = data.index(b"\n\n" if b"\r\n\r\n" not in data else b"\r\n\r\n") + 600
        data[at] = ord("A") if data[at] != ord("A") else ord("B")
        mail.write_bytes(bytes(data))

        with pytest.raises(BadEnvelopeError):
            looked_at(room, mail)

    def test_each_cut_is_told(self, room: Mailroom) -> None:
        """Wherever the text is cut, the envelope no longer ends where it says."""
        mail = room.sealed(contents=SMALL)
        data = mail.read_bytes()
        start = data.index(b"\r\n\r\n") + 4
        end = len(data.rstrip())
        for length in range(start, end - 4, 97):
            mail.write_bytes(data[:length])
            with shut(room, mail) as volume:
                assert rules(volume)["bad-envelope"] is Severity.ERROR

    def test_letters_that_are_no_base64_are_told(self, room: Mailroom) -> None:
        mail = room.sealed(contents=SMALL)
        head, blank, body = mail.read_bytes().partition(b"\r\n\r\n")
        mail.write_bytes(head + blank + b"*" + body)
        with shut(room, mail) as volume:
            assert rules(volume) == {"bad-envelope": Severity.ERROR}
            assert volume.envelope.recipients == ()

    def test_what_lies_behind_the_envelope_is_told(self, room: Mailroom) -> None:
        envelope = make_envelope(b"x" * 30, certificates=[room.recipient.certificate])
        with shut(room, binary(room, envelope + b"behind it")) as volume:
            assert rules(volume)["envelope-trailing"] is Severity.WARNING

    def test_content_of_broken_blocks_is_told(self, room: Mailroom) -> None:
        """One octet less, with every length made right, is no content of the cipher."""
        der = Path(room.encrypt(room.plain(SMALL), "-aes256", "-outform", "DER")).read_bytes()
        message = cms.ContentInfo.load(der)
        info = message["content"]["encrypted_content_info"]
        info["encrypted_content"] = info["encrypted_content"].native[:-1]
        with shut(room, binary(room, message.dump(force=True))) as volume:
            assert rules(volume)["bad-envelope"] is Severity.ERROR
            assert volume.envelope.cipher is ContentCipher.AES_256


def binary(room: Mailroom, envelope: bytes) -> Path:
    """A message whose envelope is not encoded."""
    mail = room.folder / "binary.eml"
    head = b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime\r\n"
    mail.write_bytes(head + b"Content-Transfer-Encoding: binary\r\n\r\n" + envelope)
    return mail
