"""E-mails signed and encrypted as a whole, as OpenSSL and Python's parsers see them."""

from __future__ import annotations

import email
import email.policy
import hashlib
import io
import itertools
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.errors import CancelledError, MediaError, RefusedError
from mediastation.media.level1 import MediumFile
from mediastation.media.mime import MailMedium
from mediastation.media.secure_mail import SecureMailMedium
from mediastation.media.sizes import RecordBytes, size_model
from mediastation.media.zip_archive import ZipMedium
from mediastation.media.zip_in_order import iter_zip
from mediastation.model.medium import Format
from mediastation.model.secrecy import ContentCipher, Digest, Password
from tests.media.support import SPOILED, sparse_disk
from tests.support.certificates import MOMENT
from tests.support.peers import run_peer
from tests.support.secure_mails import CONTENTS, UID, Mailroom


@pytest.fixture
def room(tmp_path: Path) -> Mailroom:
    return Mailroom.at(tmp_path / "room")


def opened_by_openssl(room: Mailroom, mail: Path, *way: str | Path) -> bytes:
    """What OpenSSL gets out of a mail, its signature verified up to the authority."""
    signed, entity = room.folder / "signed.out", room.folder / "entity.out"
    way = way or ("-recip", room.certificate("recipient"), "-inkey", room.key("recipient"))
    run_peer("openssl", "cms", "-decrypt", "-in", mail, *way, "-out", signed)
    said = run_peer(
        "openssl", "cms", "-verify", "-in", signed, "-CAfile", room.certificate("authority"),
        "-out", entity,
    )  # fmt: skip
    assert "Verification successful" in said.stderr
    return entity.read_bytes()


def unpacked(entity: bytes) -> dict[str, bytes]:
    message = email.message_from_bytes(entity, policy=email.policy.default)
    (attachment,) = [part for part in message.walk() if part.get_filename() == "DICOM.ZIP"]
    with zipfile.ZipFile(io.BytesIO(attachment.get_content())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


class TestOpenSsl:
    def test_gets_the_plain_mail_back_byte_for_byte(self, room: Mailroom) -> None:
        entity = opened_by_openssl(room, room.sealed())

        assert entity == room.plain().read_bytes()
        assert unpacked(entity) == CONTENTS

    @pytest.mark.parametrize("cipher", [ContentCipher.AES_128, ContentCipher.AES_192])
    @pytest.mark.parametrize("digest", [Digest.SHA_384, Digest.SHA_512])
    def test_knows_every_cipher_and_digest(
        self, room: Mailroom, cipher: ContentCipher, digest: Digest
    ) -> None:
        sealer = room.sealer(cipher=cipher, digest=digest)

        assert unpacked(opened_by_openssl(room, room.sealed(sealer))) == CONTENTS

    def test_opens_it_with_a_password_too(self, room: Mailroom) -> None:
        sealer = room.sealer(password=Password("seven wet dogs"))

        mail = room.sealed(sealer)

        entity = opened_by_openssl(room, mail, "-pwri_password", "seven wet dogs")
        assert unpacked(entity) == CONTENTS

    def test_the_older_command_for_mail_opens_it(self, room: Mailroom) -> None:
        mail, signed = room.sealed(), room.folder / "signed.out"
        run_peer(
            "openssl", "smime", "-decrypt", "-in", mail, "-recip", room.certificate("recipient"),
            "-inkey", room.key("recipient"), "-out", signed,
        )  # fmt: skip
        entity = room.folder / "entity.out"
        run_peer(
            "openssl", "smime", "-verify", "-in", signed, "-CAfile",
            room.certificate("authority"), "-purpose", "any", "-out", entity,
        )  # fmt: skip

        assert entity.read_bytes() == room.plain().read_bytes()

    def test_a_changed_file_breaks_the_signature(self, room: Mailroom) -> None:
        signed = room.folder / "signed.out"
        run_peer(
            "openssl", "cms", "-decrypt", "-in", room.sealed(), "-recip",
            room.certificate("recipient"), "-inkey", room.key("recipient"), "-out", signed,
        )  # fmt: skip
        data = signed.read_bytes()
        assert data.count(b"Unpack it") == 1
        signed.write_bytes(data.replace(b"Unpack it", b"Unpack IT"))

        said = run_peer(
            "openssl", "cms", "-verify", "-in", signed, "-noverify", "-out", "/dev/null",
            check=False,
        )  # fmt: skip

        assert said.returncode


class TestMessage:
    def test_tells_nothing_but_that_it_is_encrypted(self, room: Mailroom) -> None:
        message = email.message_from_bytes(room.sealed().read_bytes(), policy=email.policy.default)

        assert message.defects == []
        assert message["Subject"] == "DICOM-ZIP"
        assert message.get_content_type() == "application/pkcs7-mime"
        assert dict(message["Content-Type"].params) == {
            "smime-type": "enveloped-data",
            "name": "smime.p7m",
        }
        assert message.get_filename() == "smime.p7m"
        assert set(message.keys()) == {
            "Date", "Subject", "MIME-Version", "Content-Type", "Content-Disposition",
            "Content-Transfer-Encoding",
        }  # fmt: skip
        assert UID.encode() not in room.sealed().read_bytes()

    def test_what_is_encrypted_is_signed_in_clear(self, room: Mailroom) -> None:
        signed = room.folder / "signed.out"
        run_peer(
            "openssl", "cms", "-decrypt", "-in", room.sealed(), "-recip",
            room.certificate("recipient"), "-inkey", room.key("recipient"), "-out", signed,
        )  # fmt: skip

        message = email.message_from_bytes(signed.read_bytes(), policy=email.policy.default)

        assert message.get_content_type() == "multipart/signed"
        assert message["Content-Type"].params["protocol"] == "application/pkcs7-signature"
        assert message["Content-Type"].params["micalg"] == "sha-256"
        first, second = message.iter_parts()
        assert first.get_content_type() == "multipart/mixed"
        assert second.get_content_type() == "application/pkcs7-signature"
        assert max(map(len, signed.read_bytes().split(b"\r\n"))) <= 998

    def test_lines_are_those_of_a_mail(self, room: Mailroom) -> None:
        lines = room.sealed().read_bytes().split(b"\r\n")

        assert max(map(len, lines)) <= 76
        assert lines[-1] == b""
        assert not any(b"\n" in line or b"\r" in line for line in lines)

    def test_no_two_are_the_same(self, room: Mailroom) -> None:
        assert room.sealed().read_bytes() != room.sealed().read_bytes()


class TestWriting:
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.integers(0, 3000), max_size=6))
    def test_size_and_digest_are_told_exactly(
        self, tmp_path_factory: pytest.TempPathFactory, lengths: list[int]
    ) -> None:
        room = Mailroom.at(tmp_path_factory.mktemp("room"))
        contents = {"DICOMDIR": b"d"}
        contents |= {f"IM{number}": bytes(length) for number, length in enumerate(lengths)}
        medium = SecureMailMedium(
            room.files(contents), file_set_uid=UID, moment=MOMENT, sealer=room.sealer()
        )

        with medium.write(room.folder / "x.eml") as pending:
            data = pending.path.read_bytes()

        assert medium.size_bytes == len(data) == pending.image.size_bytes
        assert pending.image.sha256 == hashlib.sha256(data).hexdigest()

    def test_progress_only_grows_and_reaches_its_end(self, room: Mailroom) -> None:
        contents = {"DICOMDIR": b"d" * 100, "IM1": bytes(5 << 20), "IM2": bytes(3 << 20)}
        medium = SecureMailMedium(
            room.files(contents), file_set_uid=UID, moment=MOMENT, sealer=room.sealer()
        )
        told: list[tuple[int, int]] = []

        with medium.write(room.folder / "x.eml", progress=lambda *both: told.append(both)):
            pass

        assert told == sorted(told)
        assert told[-1] == (medium.size_bytes, medium.size_bytes)
        assert {total for _, total in told} == {medium.size_bytes}
        assert any(0 < done < medium.size_bytes // 2 for done, _ in told)

    @pytest.mark.parametrize("at", [0.2, 0.8])
    def test_whoever_stops_it_leaves_nothing(self, room: Mailroom, at: float) -> None:
        contents = {"DICOMDIR": b"d" * 100, "IM1": bytes(5 << 20)}
        files = room.files(contents)
        medium = SecureMailMedium(files, file_set_uid=UID, moment=MOMENT, sealer=room.sealer())
        before = set(room.folder.iterdir())

        def stop(done: int, total: int) -> None:
            if done > total * at:
                raise CancelledError("stop")

        with (
            pytest.raises(CancelledError),
            medium.write(room.folder / "x.eml", progress=stop),
        ):
            pytest.fail("it was written")

        assert set(room.folder.iterdir()) == before

    @pytest.mark.parametrize("spoil", SPOILED)
    def test_a_source_that_is_not_as_planned_stops_it(
        self, room: Mailroom, spoil: Callable[[Path], None]
    ) -> None:
        files = room.files()
        medium = SecureMailMedium(files, file_set_uid=UID, moment=MOMENT, sealer=room.sealer())
        spoil(files[2].source)

        with pytest.raises(MediaError), medium.write(room.folder / "x.eml"):
            pytest.fail("it was written")

    def test_names_are_those_of_a_zip_file(self, room: Mailroom) -> None:
        files = [MediumFile("NODIR", Path("unopened"), 1)]
        with pytest.raises(RefusedError):
            SecureMailMedium(files, file_set_uid=UID, moment=MOMENT, sealer=room.sealer())

    def test_memory_does_not_grow_with_the_files(self, room: Mailroom) -> None:
        large = room.folder / "large"
        with large.open("wb") as file:
            file.truncate(60 << 20)
        files = [*room.files({"DICOMDIR": b"d"}), MediumFile("IM1", large, 60 << 20)]
        medium = SecureMailMedium(files, file_set_uid=UID, moment=MOMENT, sealer=room.sealer())
        tracemalloc.start()
        try:
            with sparse_disk(), medium.write(room.folder / "x.eml"):
                peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert peak < 20 << 20


class TestZipInOrder:
    def test_is_what_the_writer_with_a_file_writes(self, room: Mailroom) -> None:
        files = room.files(CONTENTS | {"DICOM/LARGE": bytes((3 << 20) + 1)})
        archive = ZipMedium(files, moment=MOMENT)

        with archive.write(room.folder / "x.zip") as pending:
            assert b"".join(iter_zip(archive)) == pending.path.read_bytes()

    def test_a_source_that_changes_between_the_readings_is_noticed(self, room: Mailroom) -> None:
        files = room.files({"DICOMDIR": b"d", "IM1": bytes(5 << 20)})
        numbers = itertools.count(1)

        def change_when_read(_done: int, _total: int) -> None:
            if next(numbers) == 1 + 5:  # the DICOMDIR and five pieces: all was read once
                files[1].source.write_bytes(b"!" * (5 << 20))

        with pytest.raises(MediaError, match="changed while it was packed"):
            for _ in iter_zip(ZipMedium(files, moment=MOMENT), change_when_read):
                pass

        assert next(numbers) == 1 + 5 + 1


class TestSizes:
    @settings(max_examples=12, deadline=None)
    @given(st.integers(3000, 3_000_000))
    def test_the_largest_zip_file_that_fits_is_told(
        self, tmp_path_factory: pytest.TempPathFactory, capacity: int
    ) -> None:
        sealer = Mailroom.at(tmp_path_factory.getbasetemp() / "sizes").sealer()
        sizes = size_model(
            Format.MAIL, RecordBytes(0, 0, 0, 0, 0), uid_bytes=len(UID), mail_sealer=sealer
        )

        blocks = sizes.capacity_blocks(capacity)

        if blocks >= 0:
            assert sizes.size_bytes(blocks) <= capacity
        assert blocks < 0 or sizes.size_bytes(blocks + 120) > capacity

    def test_the_size_of_a_mail_is_told_beforehand(self, room: Mailroom) -> None:
        sealer = room.sealer()
        sizes = size_model(
            Format.MAIL, RecordBytes(0, 0, 0, 0, 0), uid_bytes=len(UID), mail_sealer=sealer
        )
        files = room.files({"DICOMDIR": b"d" * 1234})
        archive = ZipMedium(files, moment=MOMENT)
        medium = SecureMailMedium(files, file_set_uid=UID, moment=MOMENT, sealer=sealer)
        plain = MailMedium(files, file_set_uid=UID, moment=MOMENT)

        assert sizes.size_bytes(archive.size_bytes) == medium.size_bytes > plain.size_bytes
