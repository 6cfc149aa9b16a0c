"""Signed and encrypted e-mails as media: ours, OpenSSL's, damaged and hostile ones."""

from __future__ import annotations

import base64
import functools
import io
import os
import re
import threading
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError, SecrecyError
from mediastation.model.secrecy import Password, Signature
from mediastation.reading.mime_volume import MailVolume
from mediastation.secure.opening.errors import BadEnvelopeError, WrongKeyError
from mediastation.secure.opening.keys import KeyRing, read_private_key
from mediastation.secure.opening.mail import (
    SecureMailVolume,
    is_secure_mail,
    mail_recipients,
    open_secure_mail,
)
from mediastation.secure.opening.mail_layers import MAX_LAYERS
from mediastation.secure.opening.opener import Opener
from mediastation.secure.opening.trust import read_trust
from mediastation.secure.sealing.sealer import Sealed, Sealer
from tests.support.certificates import MOMENT
from tests.support.envelopes import make_envelope
from tests.support.secure_mails import CONTENTS, Mailroom

PHRASE = "seven wet dogs"
SMALL = {"DICOMDIR": b"directory", "DICOM/IM000001": b"image" * 20}


@pytest.fixture
def room(tmp_path: Path) -> Mailroom:
    return Mailroom.at(tmp_path / "room")


def opener(room: Mailroom, *keys: str, password: str = "", trusts: str = "authority") -> Opener:
    ring = KeyRing(
        passwords=[Password(password)] if password else [],
        keys=[read_private_key(room.key(name)) for name in keys],
    )
    return Opener(ring, trust=read_trust(room.certificate(trusts)), moment=MOMENT)


def opened(room: Mailroom, mail: Path, by: Opener | None = None) -> SecureMailVolume:
    return open_secure_mail(mail, by or opener(room, "recipient"), room.folder / "scratch")


def contents(volume: SecureMailVolume) -> dict[str, bytes]:
    found = {}
    for file in volume.iter_files():
        with volume.open(file.path) as stream:
            found[file.path] = stream.read()
    return found


def rules(volume: SecureMailVolume) -> set[str]:
    return {finding.rule for finding in volume.findings}


class TestOurs:
    def test_gives_the_files_once_everything_is_proved(self, room: Mailroom) -> None:
        with opened(room, room.sealed()) as volume:
            assert contents(volume) == CONTENTS
            assert isinstance(volume.mail, MailVolume)
            (signature,) = volume.signatures
            assert signature.signature is Signature.TRUSTED
            assert "CN=Sender" in signature.text
            assert rules(volume) == {"signature"}
            found = volume.find(["DICOM", "IM000001"])
            assert found is not None
            assert found.file.path == "DICOM/IM000001"

    def test_as_a_whole_it_is_the_message_that_was_sent(self, room: Mailroom) -> None:
        mail = room.sealed()
        with opened(room, mail) as volume:
            assert volume.read_at(0, volume.size_bytes) == mail.read_bytes()
            assert volume.name == os.fspath(mail)

    def test_a_password_opens_it(self, room: Mailroom) -> None:
        mail = room.sealed(room.sealer(password=Password(PHRASE)))

        with opened(room, mail, opener(room, password=PHRASE)) as volume:
            assert contents(volume) == CONTENTS
            assert volume.opened is not None
            assert volume.opened.opened_by == "password"

    def test_the_key_it_was_sealed_with_proves_it(self, room: Mailroom) -> None:
        kept: list[Sealed] = []

        class Keeping(Sealer):
            def seal(self, *arguments: Any) -> Sealed:
                kept.append(super().seal(*arguments))
                return kept[-1]

        sealer = room.sealer()
        sealer.__class__ = Keeping
        mail = room.sealed(sealer)
        ring = KeyRing(content_keys={os.fspath(mail): kept[0].content_key.octets})

        with opened(room, mail, Opener(ring, moment=MOMENT)) as volume:
            assert volume.entity_sha256 == kept[0].content_sha256
            assert contents(volume) == CONTENTS
            assert volume.opened is not None
            assert volume.opened.opened_by == "content key"

    def test_an_unknown_signer_is_told_of(self, room: Mailroom) -> None:
        with opened(room, room.sealed(), opener(room, "recipient", trusts="stranger")) as volume:
            assert contents(volume) == CONTENTS
            assert volume.signatures[0].signature is Signature.UNKNOWN_SIGNER
            assert "signature-unknown" in rules(volume)

    def test_leaves_nothing_in_the_folder_while_it_is_open_or_afterwards(
        self, room: Mailroom
    ) -> None:
        large = CONTENTS | {"DICOM/LARGE": os.urandom(9 << 20)}
        with opened(room, room.sealed(contents=large)) as volume:
            scratch = room.folder / "scratch"
            assert scratch.stat().st_mode & 0o777 == 0o700
            assert list(scratch.iterdir()) == []
            assert contents(volume) == large

    def test_threads_may_read_it_together(self, room: Mailroom) -> None:
        results: list[dict[str, bytes]] = []
        with opened(room, room.sealed()) as volume:
            threads = [
                threading.Thread(target=lambda: results.append(contents(volume))) for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert results == [CONTENTS] * 4

    def test_memory_does_not_grow_with_it(self, room: Mailroom) -> None:
        mail = room.sealed(contents={"DICOMDIR": b"d", "IM1": os.urandom(40 << 20)})
        tracemalloc.start()
        try:
            with opened(room, mail) as volume, volume.open("IM1") as stream:
                while stream.read(1 << 20):
                    pass
                peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert peak < 20 << 20


OPENSSL: dict[str, Callable[[Mailroom, Path], Path]] = {
    "signed in clear": lambda room, mail: room.sign(mail),
    "signed opaquely": lambda room, mail: room.sign(mail, "-nodetach"),
    "signed by smime": lambda room, mail: room.sign(mail, program="smime"),
    "signed, then encrypted": lambda room, mail: room.encrypt(room.sign(mail)),
    "signed opaquely, then encrypted": lambda room, mail: room.encrypt(
        room.sign(mail, "-nodetach")
    ),
    "streamed": lambda room, mail: room.encrypt(
        room.sign(mail, "-nodetach", "-stream"), "-aes128", "-stream"
    ),
    "by smime with Triple-DES": lambda room, mail: room.encrypt(
        room.sign(mail, program="smime"), "-des3", program="smime"
    ),
    "encrypted, then signed": lambda room, mail: room.sign(room.encrypt(mail)),
    "encrypted, then signed opaquely": lambda room, mail: room.sign(
        room.encrypt(mail), "-nodetach"
    ),
    "signed, encrypted, signed": lambda room, mail: room.sign(room.encrypt(room.sign(mail))),
    "SHA-512": lambda room, mail: room.encrypt(room.sign(mail, "-md", "sha512")),
    "by key identifier": lambda room, mail: room.encrypt(
        room.sign(mail, "-keyid"), "-aes256", "-keyid"
    ),
    "without signed attributes": lambda room, mail: room.encrypt(room.sign(mail, "-noattr")),
}


class TestOpenSsl:
    @pytest.mark.parametrize("way", OPENSSL)
    def test_what_it_makes_is_opened(self, room: Mailroom, way: str) -> None:
        mail = OPENSSL[way](room, room.plain())
        assert is_secure_mail(mail)

        with opened(room, mail) as volume:
            assert contents(volume) == CONTENTS
            assert {one.signature for one in volume.signatures} == {Signature.TRUSTED}
            assert ("mail-unencrypted" in rules(volume)) == ("crypt" not in mail.name)

    def test_what_is_encrypted_alone_is_not_believed(self, room: Mailroom) -> None:
        """Somebody on the way may change what is in CBC, without a key."""
        with pytest.raises(BadEnvelopeError, match="not signed") as caught:
            opened(room, room.encrypt(room.plain()))

        assert "sign" in caught.value.hint
        assert caught.value.exit_code == 4

    def test_signed_by_nobody_known(self, room: Mailroom) -> None:
        with opened(room, room.sign(room.plain(), by="stranger")) as volume:
            assert contents(volume) == CONTENTS
            assert "signature-unknown" in rules(volume)

    def test_one_of_two_signers_unknown(self, room: Mailroom) -> None:
        more = ("-signer", str(room.certificate("stranger")), "-inkey", str(room.key("stranger")))
        with opened(room, room.sign(room.plain(), *more)) as volume:
            found = {one.signature for one in volume.signatures}

        assert found == {Signature.TRUSTED, Signature.UNKNOWN_SIGNER}

    @pytest.mark.parametrize("options", [(), ("-nodetach",)])
    def test_saved_with_the_line_ends_of_unix(
        self, room: Mailroom, options: tuple[str, ...]
    ) -> None:
        mail = room.sign(room.plain(), *options)
        data = mail.read_bytes().replace(b"\r\n", b"\n")
        mail.write_bytes(data)

        with opened(room, mail) as volume:
            assert contents(volume) == CONTENTS

    def test_compressed_inside_is_told(self, room: Mailroom) -> None:
        mail = room.folder / "compressed.eml"
        # ContentInfo of id-ct-compressedData; there is nothing to unpack in it.
        data = bytes.fromhex("300f060b2a864886f70d0109100109a000")
        mail.write_bytes(_message(data))

        with pytest.raises(BadEnvelopeError, match="compressed data"):
            opened(room, mail)


def _message(data: bytes, kind: str = "application/pkcs7-mime") -> bytes:
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + base64.encodebytes(data).replace(b"\n", b"\r\n")


class TestVariants:
    """What other mail programs write differently; only the message around it is rewritten."""

    @pytest.mark.parametrize(
        ("found", "instead"),
        [
            (b"application/pkcs7-mime; smime-type=enveloped-data;", b"application/x-pkcs7-mime;"),
            (
                b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n name=",
                b"content-type: Application/PKCS7-MIME;\r\n\tsmime-type=enveloped-data;\r\n\tname=",
            ),
            (b"application/pkcs7-mime; smime-type=enveloped-data;", b"application/octet-stream;"),
            (b"Date: ", b"From - Mon Nov 23 12:00:00 2026\r\nX-Mozilla-Status: 0001\r\nDate: "),
            (b"Subject: DICOM-ZIP", b"Subject: Re: dicom-zip for you"),
        ],
    )
    def test_header(self, room: Mailroom, found: bytes, instead: bytes) -> None:
        mail = room.sealed()
        data = mail.read_bytes()
        assert data.count(found) == 1
        mail.write_bytes(data.replace(found, instead))

        assert is_secure_mail(mail)
        with opened(room, mail) as volume:
            assert contents(volume) == CONTENTS

    def test_in_binary(self, room: Mailroom) -> None:
        mail = room.sealed()
        head, _, body = mail.read_bytes().partition(b"\r\n\r\n")
        head = head.replace(b"Encoding: base64", b"Encoding: binary")
        mail.write_bytes(head + b"\r\n\r\n" + base64.b64decode(body))

        with opened(room, mail) as volume:
            assert contents(volume) == CONTENTS

    @pytest.mark.parametrize("name", ["smime.p7m", "SMIME.P7M"])
    def test_the_envelope_saved_by_itself(self, room: Mailroom, name: str) -> None:
        """What people save who open a mail in a program without the key."""
        body = room.sealed().read_bytes().partition(b"\r\n\r\n")[2]
        attachment = room.folder / name
        attachment.write_bytes(base64.b64decode(body))

        assert is_secure_mail(attachment)
        with opened(room, attachment) as volume:
            assert contents(volume) == CONTENTS
            assert rules(volume) == {"signature"}
        # A secure DICOM file has no suffix, and is opened as such.
        assert not is_secure_mail(attachment.rename(room.folder / "IM000001"))

    def test_a_digest_in_the_envelope_proves_it_and_names_nobody(self, room: Mailroom) -> None:
        envelope = make_envelope(
            room.plain().read_bytes(), certificates=[room.recipient.certificate]
        )
        mail = room.folder / "digested.eml"
        mail.write_bytes(_message(envelope))

        with opened(room, mail) as volume:
            assert contents(volume) == CONTENTS
            assert "mail-unsigned" in rules(volume)

    def test_the_protected_mail_is_a_message_in_a_message(self, room: Mailroom) -> None:
        wrapped = room.folder / "wrapped.eml"
        head = b"Content-Type: message/rfc822\r\n\r\n"
        wrapped.write_bytes(head + room.plain().read_bytes())

        with opened(room, room.encrypt(room.sign(wrapped))) as volume:
            assert contents(volume) == CONTENTS


class TestKeys:
    def test_without_any_it_says_for_whom_it_is(self, room: Mailroom) -> None:
        with pytest.raises(WrongKeyError, match="sealed for certificate") as caught:
            opened(room, room.sealed(), opener(room))

        assert caught.value.exit_code == 4
        assert "Authority" in caught.value.message

    @pytest.mark.parametrize("key", ["stranger", "sender"])
    def test_another_one_opens_nothing(self, room: Mailroom, key: str) -> None:
        with pytest.raises(SecrecyError):
            opened(room, room.sealed(), opener(room, key))

    def test_another_password_opens_nothing(self, room: Mailroom) -> None:
        mail = room.sealed(room.sealer(password=Password(PHRASE)))

        with pytest.raises(WrongKeyError):
            opened(room, mail, opener(room, password=PHRASE[::-1]))

    @pytest.mark.parametrize("others", [0, 3])
    def test_for_whom_it_is_can_be_told_without_one(self, room: Mailroom, others: int) -> None:
        mail = room.sealed(room.sealer(password=Password(PHRASE)), SMALL)
        mail.write_bytes(mail.read_bytes()[: -others or None])

        told = mail_recipients(mail)

        assert [one.is_password for one in told].count(True) == 1
        assert any("Authority" in one.text for one in told)

    def test_a_long_one_is_not_read_for_that(self, room: Mailroom) -> None:
        mail = room.sealed(contents={"DICOMDIR": b"d", "IM1": os.urandom(3 << 20)})
        damaged = bytearray(mail.read_bytes())
        damaged[-1000:] = b"?" * 1000
        mail.write_bytes(bytes(damaged))

        assert len(mail_recipients(mail)) == 1

    def test_of_others_nobody_is_told(self, room: Mailroom) -> None:
        assert mail_recipients(room.plain(SMALL)) == ()
        assert mail_recipients(room.sign(room.plain(SMALL))) == ()
        assert mail_recipients(room.folder / "nothing") == ()
        assert mail_recipients(room.folder) == ()


class TestWhatItIs:
    def test_a_plain_mail_is_none(self, room: Mailroom) -> None:
        assert not is_secure_mail(room.plain())
        with pytest.raises(BadEnvelopeError, match="neither signed nor encrypted"):
            opened(room, room.plain())

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x30\x82",
            b"PK\x03\x04",
            b"Content-Type: multipart/signed; protocol=application/pgp-signature\r\n\r\n",
            b"Subject: x\r\n\r\nContent-Type: application/pkcs7-mime\r\n\r\n",
            b"A" * 100_000,
        ],
    )
    def test_nor_is_anything_else(self, tmp_path: Path, data: bytes) -> None:
        path = tmp_path / "x"
        path.write_bytes(data)
        assert not is_secure_mail(path)

    def test_nor_a_folder_or_what_is_not_there(self, tmp_path: Path) -> None:
        assert not is_secure_mail(tmp_path)
        assert not is_secure_mail(tmp_path / "nothing")

    def test_one_without_dicom_files_is_told(self, room: Mailroom) -> None:
        note = room.folder / "note.eml"
        note.write_bytes(b"Content-Type: text/plain\r\n\r\nHello\r\n")

        with pytest.raises(MediaError, match="without DICOM files"):
            opened(room, room.encrypt(room.sign(note)))


class TestDamage:
    @settings(max_examples=80, deadline=None)
    @given(st.data())
    def test_no_changed_byte_of_ours_gives_anything_else(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        folder = tmp_path_factory.getbasetemp() / "damage"
        if not folder.exists():
            Mailroom.at(folder).sealed(contents=SMALL)
        room = Mailroom.at(folder)
        whole = (folder / "sealed.eml").read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        spoiled = bytearray(whole)
        spoiled[at] ^= 1 << data.draw(st.integers(0, 7))
        mail = folder / "spoiled.eml"
        mail.write_bytes(bytes(spoiled))

        _require_nothing_else(room, mail)

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_nor_does_one_of_a_mail_signed_in_clear(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        folder = tmp_path_factory.getbasetemp() / "clear"
        room = Mailroom(folder)
        if not folder.exists():
            room = Mailroom.at(folder)
            room.sign(room.plain(SMALL))
        whole = (folder / "plain-signed.eml").read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        spoiled = bytearray(whole)
        spoiled[at] ^= 1 << data.draw(st.integers(0, 7))
        mail = folder / "spoiled.eml"
        mail.write_bytes(bytes(spoiled))

        _require_nothing_else(room, mail)

    def test_a_cut_mail_gives_nothing(self, room: Mailroom) -> None:
        mail = room.sealed(contents=SMALL)
        whole = mail.read_bytes()
        body = whole.index(b"\r\n\r\n") + 4

        letters = whole.rstrip(b"=\r\n")  # what fills up the last of them may be missing

        for length in [*range(body, len(letters), 199), len(letters) - 1]:
            mail.write_bytes(letters[:length])
            with pytest.raises(SecrecyError):
                opened(room, mail, _recipient(room))

    def test_a_swapped_attachment_is_no_longer_what_was_signed(self, room: Mailroom) -> None:
        other = room.plain(SMALL).read_bytes()
        signed = room.sign(room.plain())
        data = signed.read_bytes()
        genuine = room.plain().read_bytes()
        assert genuine in data
        signed.write_bytes(data.replace(genuine, other))

        with pytest.raises(BadEnvelopeError, match="broken") as caught:
            opened(room, signed)

        assert {finding.rule for finding in caught.value.findings} == {"signature-broken"}

    def test_a_part_beside_what_was_signed_is_not_looked_at(self, room: Mailroom) -> None:
        """Nobody signed it, wherever it was put."""
        evil = io.BytesIO()
        with zipfile.ZipFile(evil, "w") as archive:
            archive.writestr("DICOMDIR", b"evil")
        part = (
            b'Content-Type: application/zip; name="DICOM.ZIP"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(evil.getvalue())
        )
        signed = room.sign(room.plain())
        data = signed.read_bytes()
        found = re.search(rb'boundary="([^"]+)"', data)
        assert found is not None
        delimiter = b"--" + found[1]
        first = data.index(delimiter)
        for place in (
            first,
            data.rindex(delimiter, 0, data.index(b"pkcs7-signature", first)),
            data.rindex(delimiter),
        ):
            signed.write_bytes(data[:place] + delimiter + b"\r\n" + part + b"\r\n" + data[place:])
            with pytest.raises(BadEnvelopeError):
                opened(room, signed)
        # Behind the end and in front of the beginning nothing is a part.
        for text in (data + part, data[:first] + part + b"\r\n" + data[first:]):
            signed.write_bytes(text)
            with opened(room, signed) as volume:
                assert contents(volume) == CONTENTS


def _require_nothing_else(room: Mailroom, mail: Path) -> None:
    """Require an error, or exactly what was sealed: some bytes of a message say nothing."""
    if not is_secure_mail(mail):
        return  # it is another kind of mail, which its header decides
    with (
        suppress(SecrecyError, MediaError),
        opened(room, mail, _recipient(room)) as volume,
    ):
        assert contents(volume) == SMALL


@functools.cache
def _recipient(room: Mailroom) -> Opener:
    return opener(room, "recipient")


class TestHostile:
    def test_layers_around_layers_end(self, room: Mailroom) -> None:
        mail = room.plain(SMALL)
        for number in range(MAX_LAYERS + 1):
            mail = room.sign(mail, "-nodetach")
            if number + 1 == MAX_LAYERS:
                with opened(room, mail) as volume:
                    assert contents(volume) == SMALL

        with pytest.raises(BadEnvelopeError, match=f"more than {MAX_LAYERS} layers"):
            opened(room, mail)

    def test_messages_around_messages_end(self, room: Mailroom) -> None:
        nested = room.folder / "nested.eml"
        nested.write_bytes(
            b"Content-Type: message/rfc822\r\n\r\n" * 100 + room.plain(SMALL).read_bytes()
        )

        with pytest.raises(BadEnvelopeError, match="layers"):
            opened(room, room.sign(nested))

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x30",
            b"\x30\x80",
            bytes.fromhex("30 89 ffffffffffffffffff"),
            bytes.fromhex("30 84 7fffffff 06 09 2a864886f70d010703 a0 84 7ffffff0 30 80"),
            bytes.fromhex("30 80 06 09 2a864886f70d010702 a0 80 30 80 02 01 01 31 80"),
            bytes.fromhex("30 0d 06 09 2a864886f70d010701 a0 00"),
            bytes.fromhex("30 80") * 5000,
        ],
    )
    def test_envelopes_that_are_none(self, room: Mailroom, data: bytes) -> None:
        mail = room.folder / "x.eml"
        mail.write_bytes(_message(data))

        with pytest.raises(BadEnvelopeError) as caught:
            opened(room, mail)

        assert caught.value.hint

    @pytest.mark.parametrize(
        "text",
        [
            'boundary="b"\r\n\r\n',
            "\r\n\r\n",
            'boundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n',
            'boundary="b"\r\n\r\n--b\r\n--b\r\n--b--\r\n',
            'boundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\r\nno signature\r\n--b--\r\n',
            'boundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature'
            "\r\n\r\n\r\n--b--\r\n",
            'boundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature'
            "\r\nContent-Transfer-Encoding: morse\r\n\r\n...\r\n--b--\r\n",
            'boundary="b"\r\n\r\n' + "--b\r\n\r\nx\r\n" * 5000 + "--b--\r\n",
            'boundary="' + "b" * 5000 + '"\r\n\r\n',
        ],
    )
    def test_signed_mails_that_are_none(self, room: Mailroom, text: str) -> None:
        mail = room.folder / "x.eml"
        head = "Content-Type: multipart/signed; protocol=application/pkcs7-signature; "
        mail.write_bytes((head + text).encode())

        assert is_secure_mail(mail)
        with pytest.raises(BadEnvelopeError):
            opened(room, mail)

    def test_a_signature_without_end_is_not_read(self, room: Mailroom) -> None:
        mail = room.folder / "x.eml"
        head = (
            "Content-Type: multipart/signed; protocol=application/pkcs7-signature; boundary=b"
            "\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n"
        )
        mail.write_bytes(head.encode() + b"MIIA" * (1 << 20) + b"\r\n--b--\r\n")

        with pytest.raises(BadEnvelopeError, match="too long"):
            opened(room, mail)

    def test_certificates_alone_are_no_signature(self, room: Mailroom) -> None:
        data = bytes.fromhex(
            "3023 0609 2a864886f70d010702 a016 3014 020101 3100 300b 0609 2a864886f70d010701 3100"
        )
        mail = room.folder / "x.eml"
        mail.write_bytes(_message(data))

        with pytest.raises(BadEnvelopeError):
            opened(room, mail)

    def test_nothing_beside_the_content_proves_nothing(self, room: Mailroom) -> None:
        envelope = make_envelope(
            room.plain(SMALL).read_bytes(),
            certificates=[room.recipient.certificate],
            form="id_data_bare",
        )
        mail = room.folder / "x.eml"
        mail.write_bytes(_message(envelope))

        with pytest.raises(BadEnvelopeError, match="not signed"):
            opened(room, mail)

    def test_a_full_disk_is_not_the_mails_fault(
        self, room: Mailroom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mail = room.sealed(contents={"DICOMDIR": b"d", "IM1": os.urandom(9 << 20)})

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("mediastation.secure.opening.spool.tempfile.TemporaryFile", full)
        with pytest.raises(MediaError, match="No space left"):
            opened(room, mail)
