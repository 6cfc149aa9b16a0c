"""DICOM MIME entities and e-mails, as Python's parser and 7z see them."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import io
import zipfile
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.errors import CancelledError, MediaError, RefusedError
from mediastation.media.base64_body import Base64Body, encoded_bytes
from mediastation.media.contract import MediumWriter
from mediastation.media.level1 import MediumFile
from mediastation.media.mime import MailMedium, MimeMedium
from mediastation.media.part_file import open_part_file
from tests.media.support import CONTENTS, MOMENT, medium_files
from tests.support.peers import run_peer

UID = "2.25.123456789"
Writer = type[MimeMedium] | type[MailMedium]
both = pytest.mark.parametrize("writer", [MimeMedium, MailMedium])


@pytest.fixture
def files(tmp_path: Path) -> list[MediumFile]:
    return medium_files(tmp_path / "sources", CONTENTS)


def written(writer: Writer, output: Path, files: list[MediumFile], uid: str = UID) -> bytes:
    with (
        writer(files, file_set_uid=uid, moment=MOMENT) as entity,
        entity.write(output) as pending,
    ):
        pending.commit()
        data = output.read_bytes()
        assert entity.size_bytes == len(data) == pending.image.size_bytes
        assert pending.image.sha256 == hashlib.sha256(data).hexdigest()
    return data


def parsed(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert part.defects == []
    return message


class TestMime:
    def test_every_dicom_file_is_a_part_with_its_file_id(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        message = parsed(written(MimeMedium, tmp_path / "a.eml", files))

        assert message.get_content_type() == "multipart/related"
        found = {}
        for part in message.iter_parts():
            if part.get_content_type() == "application/dicom":
                path = str(part.get_param("id"))
                found[path] = part.get_payload(decode=True)
                last = path.rpartition("/")[2]
                assert part.get_param("name") == last + ("" if path == "DICOMDIR" else ".dcm")
                assert part["Content-Transfer-Encoding"] == "base64"
            else:
                assert part.get_param("id") is None
        assert found == {path: data for path, data in CONTENTS.items() if "." not in path}

    def test_start_names_the_dicomdir(self, tmp_path: Path, files: list[MediumFile]) -> None:
        """RFC 3240: the part that is to be looked at first."""
        message = parsed(written(MimeMedium, tmp_path / "a.eml", files))

        (first,) = [
            p for p in message.iter_parts() if p["Content-ID"] == message.get_param("start")
        ]
        ids = [part["Content-ID"] for part in message.iter_parts()]
        assert first.get_param("id") == "DICOMDIR"
        assert len(set(ids)) == len(ids) == len(CONTENTS)
        assert message.get_param("type") == "Application/dicom"

    @pytest.mark.parametrize(
        ("path", "rule"),
        [
            ("A/DICOMDIR", "mime-dicomdir"),
            ("TOOLONGNAME", "mime-name"),
            ('READ"ME.TXT', "mime-name"),
            ("Ä.TXT", "mime-name"),
            ("A\r\nSubject: x", "folder-name"),
        ],
    )
    def test_names_that_may_not_stand_there_are_refused(
        self, tmp_path: Path, path: str, rule: str
    ) -> None:
        files = [MediumFile("DICOMDIR", tmp_path, 1), MediumFile(path, tmp_path, 1)]

        with pytest.raises(RefusedError, match="No MIME entity") as refused:
            MimeMedium(files, file_set_uid=UID, moment=MOMENT)
        assert rule in {finding.rule for finding in refused.value.findings}


class TestMail:
    def test_the_attachment_is_named_as_the_profile_asks(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        """PS3.11 L.3.2, typed."""
        message = parsed(written(MailMedium, tmp_path / "a.eml", files))
        (attached,) = message.iter_attachments()

        assert "DICOM-ZIP" in message["Subject"]
        assert attached.get_content_type() == "application/zip"
        assert (attached.get_param("id"), attached.get_param("name")) == ("DICOM.ZIP", "DICOM.ZIP")
        assert attached.get_content_disposition() == "attachment"
        assert attached.get_filename() == "DICOM.ZIP"
        content = attached.get_payload(decode=True)
        assert isinstance(content, bytes)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            assert {name: archive.read(name) for name in archive.namelist()} == CONTENTS
        (tmp_path / "DICOM.ZIP").write_bytes(content)
        run_peer("unzip", "-tq", tmp_path / "DICOM.ZIP")

    def test_headers_speak_of_nothing_but_the_format(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        message = parsed(written(MailMedium, tmp_path / "a.eml", files))

        assert set(message.keys()) == {"Date", "Subject", "MIME-Version", "Content-Type"}
        assert message["Date"] == "Thu, 29 Feb 2024 23:59:58 +0000"
        assert message["Subject"] == "DICOM-ZIP"


@both
class TestBoth:
    def test_it_is_a_medium_writer_like_the_image(
        self, files: list[MediumFile], writer: Writer
    ) -> None:
        made: MediumWriter = writer(files, file_set_uid=UID, moment=MOMENT)

        assert made.size_bytes > sum(map(len, CONTENTS.values())) * 4 // 3

    def test_no_line_is_longer_than_mail_allows_and_each_ends_in_crlf(
        self, tmp_path: Path, files: list[MediumFile], writer: Writer
    ) -> None:
        """RFC 5322 2.1.1 and RFC 2045 6.8; the longest UID makes the longest lines."""
        data = written(writer, tmp_path / "a.eml", files, "2." + "9" * 62)

        assert data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n")
        assert max(map(len, data.split(b"\r\n"))) <= 998
        assert data.isascii()
        parsed(data)

    def test_the_same_gives_the_same_bytes(
        self, tmp_path: Path, files: list[MediumFile], writer: Writer
    ) -> None:
        one = written(writer, tmp_path / "a.eml", files)

        assert written(writer, tmp_path / "b.eml", files[::-1]) == one
        assert written(writer, tmp_path / "c.eml", files, UID + "1") != one

    def test_progress_ends_with_the_planned_size(
        self, tmp_path: Path, files: list[MediumFile], writer: Writer
    ) -> None:
        told: list[tuple[int, int]] = []
        entity = writer(files, file_set_uid=UID, moment=MOMENT)
        with entity.write(tmp_path / "a.eml", progress=lambda *now: told.append(now)):
            pass

        assert told[-1] == (entity.size_bytes, entity.size_bytes)
        assert told == sorted(told)

    @pytest.mark.parametrize(
        ("uid", "moment"),
        [("1.2\r\nBcc: x", MOMENT), ("", MOMENT), (UID, datetime(2024, 1, 1))],
    )
    def test_what_would_spoil_the_headers_is_refused(
        self, files: list[MediumFile], writer: Writer, uid: str, moment: datetime
    ) -> None:
        with pytest.raises(ValueError, match=r"UID|zone"):
            writer(files, file_set_uid=uid, moment=moment)

    @pytest.mark.parametrize("stop", [CancelledError("stop"), KeyboardInterrupt(), OSError("no")])
    def test_whatever_stops_it_removes_what_was_written(
        self, tmp_path: Path, files: list[MediumFile], writer: Writer, stop: BaseException
    ) -> None:
        def raise_late(done: int, total: int) -> None:
            if done > total // 2:
                raise stop

        entity = writer(files, file_set_uid=UID, moment=MOMENT)
        with (
            pytest.raises(type(stop)),
            entity.write(tmp_path / "a.eml", progress=raise_late),
        ):
            pass

        assert [path.name for path in tmp_path.iterdir()] == ["sources"]

    @pytest.mark.parametrize("change", [-1, 1])
    def test_a_source_of_another_size_stops(
        self, tmp_path: Path, files: list[MediumFile], writer: Writer, change: int
    ) -> None:
        files[6] = replace(files[6], size_bytes=files[6].size_bytes + change)

        with pytest.raises(MediaError, match="planned were"):
            written(writer, tmp_path / "a.eml", files)

        assert [path.name for path in tmp_path.iterdir()] == ["sources"]


Patch = tuple[bytes, int]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.binary(max_size=400), max_size=8),
    st.lists(st.tuples(st.binary(min_size=1, max_size=150), st.integers(0, 3000)), max_size=6),
)
def test_base64_completed_later_decodes_to_what_was_meant(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], patches: list[Patch]
) -> None:
    """Between and after the pieces, as zipfile completes its headers."""
    folder = tmp_path_factory.mktemp("body")
    expected = bytearray()
    with open_part_file(folder / "out", 0) as part:
        part.append(b"head\r\n")
        body = Base64Body(part)
        for number, piece in enumerate(pieces):
            body.append(piece)
            expected += piece
            for data, place in patches[number : number + 1]:
                if expected:
                    start = place % len(expected)
                    fitting = data[: len(expected) - start]
                    body.overwrite(fitting, start)
                    expected[start : start + len(fitting)] = fitting
        body.finish()
        result = part.read(part.written_bytes, 0)

    assert len(result) == 6 + encoded_bytes(len(expected))
    assert base64.b64decode(result[6:]) == expected
