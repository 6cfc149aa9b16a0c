"""The rules of MIME entities and e-mails: what is ours breaks none, and each can be broken."""

from __future__ import annotations

import email.policy
import hashlib
from email.message import EmailMessage
from pathlib import Path

import pytest

from mediastation.media.mime import MailMedium, MimeMedium
from mediastation.model.finding import Finding
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.reading.volume import MailVolume, MimeVolume, open_volume
from mediastation.verify import mime_rules
from mediastation.verify.mime_rules import check_mime
from mediastation.verify.verifier import verify_medium
from tests.media.support import MOMENT, medium_files
from tests.support.file_sets import good_file_set

UID = "2.25.123456789"
FILES = {**good_file_set(), "VIEWER/RUN.EXE": bytes(range(256)) * 9, "README.TXT": b"Read me.\r\n"}
ONE = next(path for path in FILES if path.startswith("DICOM/"))
NAME = ONE.rpartition("/")[2]


def made(folder: Path, kind: type[MimeMedium] | type[MailMedium]) -> bytes:
    sources = medium_files(folder / "sources", FILES)
    with (
        kind(sources, file_set_uid=UID, moment=MOMENT) as medium,
        medium.write(folder / "whole") as pending,
    ):
        pending.commit()
    return (folder / "whole").read_bytes()


@pytest.fixture(scope="module")
def entity(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return made(tmp_path_factory.mktemp("mime"), MimeMedium)


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return made(tmp_path_factory.mktemp("mail"), MailMedium)


def found(path: Path, data: bytes, *, strict: bool = True) -> list[Finding]:
    path.write_bytes(data)
    with open_volume(path) as volume:
        assert isinstance(volume, MimeVolume | MailVolume)
        return list(check_mime(volume, strict=strict))


def spoiled(data: bytes, old: str | bytes, new: str | bytes) -> bytes:
    old, new = (one.encode() if isinstance(one, str) else one for one in (old, new))
    assert old in data
    return data.replace(old, new, 1)


def told(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.rule, finding.subject) for finding in findings}


def test_what_is_ours_breaks_none(entity: bytes, mail: bytes, tmp_path: Path) -> None:
    assert found(tmp_path / "a", entity) == []
    assert found(tmp_path / "b", mail) == []


def part_of(data: bytes, path: str) -> bytes:
    """One part of an entity, its separator in front."""
    separator = f"--_{UID}_\r\n".encode()
    (one,) = [one for one in data.split(separator) if f'id="{path}"'.encode() in one]
    return separator + one


ENTITY = {
    "no version": ("MIME-Version: 1.0\r\n", "", ("mime-version", "")),
    "other version": ("MIME-Version: 1.0", "MIME-Version: 2.0", ("mime-version", "")),
    "alternative": ("multipart/related", "multipart/alternative", ("mime-entity", "")),
    "no type": (' type="Application/dicom";\r\n', "", ("mime-related", "")),
    "other type": (' type="Application/dicom"', ' type="text/html"', ("mime-related", "")),
    "start of nobody": (f'start="<0@{UID}>"', 'start="<x@y>"', ("mime-related", "")),
    "start of another": (f'start="<0@{UID}>"', f'start="<1@{UID}>"', ("mime-related", "")),
    "same Content-ID": (
        f"Content-ID: <2@{UID}>", f"Content-ID: <1@{UID}>", ("mime-content-id", f"<1@{UID}>"),
    ),
    "long component": (f'id="{ONE}"', f'id="{ONE}MUCHLONGER"', ("mime-id", f"{ONE}MUCHLONGER")),
    "lower case": (f'id="{ONE}"', f'id="{ONE.lower()}"', ("mime-id", ONE.lower())),
    "leading slash": (f'id="{ONE}"', f'id="/{ONE}"', ("mime-id", f"%/{ONE}")),
    "extension": (f'id="{ONE}"', f'id="{ONE[:-4]}.DCM"', ("mime-id", f"{ONE[:-4]}.DCM")),
    "72 characters": (f'id="{ONE}"', f'id="{"A/" * 35}AB"', ("mime-id", "A/" * 35 + "AB")),
    "no id": (f' id="{ONE}";\r\n', "", ("mime-id", f"{NAME}.dcm")),
    "no name": (f'id="{ONE}";\r\n name="{NAME}.dcm"', f'id="{ONE}"', ("mime-name", ONE)),
    "name without dcm": (f'name="{NAME}.dcm"', f'name="{NAME}"', ("mime-name", ONE)),
    "name of the directory": ('name="DICOMDIR"', 'name="DICOMDIR.dcm"', ("mime-name", "DICOMDIR")),
    "directory of another type": (
        'Application/dicom;\r\n id="DICOMDIR"', 'application/octet-stream;\r\n id="DICOMDIR"',
        ("mime-dicomdir", "DICOMDIR"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTITY)
def test_each_rule_of_an_entity_can_be_broken(entity: bytes, tmp_path: Path, name: str) -> None:
    old, new, expected = ENTITY[name]

    findings = found(tmp_path / "entity", spoiled(entity, old, new))

    assert expected in told(findings), findings
    assert {finding.severity for finding in findings} == {"error"}
    assert all(finding.reference for finding in findings)


def test_a_second_directory_is_told(entity: bytes, tmp_path: Path) -> None:
    directory = part_of(entity, "DICOMDIR")

    findings = found(tmp_path / "entity", spoiled(entity, directory, directory * 2))

    assert ("mime-dicomdir", "DICOMDIR") in told(findings)


def test_a_directory_need_not_come_first_where_start_names_it(
    entity: bytes, tmp_path: Path
) -> None:
    """RFC 3240, 4: then `start` should."""
    directory, other = part_of(entity, "DICOMDIR"), part_of(entity, ONE)
    moved = spoiled(spoiled(entity, directory, b""), other, other + directory)

    assert found(tmp_path / "a", moved) == []
    findings = found(tmp_path / "b", spoiled(moved, f' start="<0@{UID}>";\r\n', ""))
    assert told(findings) == {("mime-related", "")}


def test_multipart_mixed_asks_for_neither_type_nor_start(entity: bytes, tmp_path: Path) -> None:
    mixed = spoiled(entity, 'multipart/related;\r\n type="Application/dicom";', "multipart/mixed;")

    assert found(tmp_path / "entity", mixed) == []


def test_a_file_set_spread_over_entities_is_told(entity: bytes, tmp_path: Path) -> None:
    other = part_of(entity, ONE)
    inner = (
        f'--_{UID}_\r\nContent-Type: multipart/mixed; boundary="in"\r\n\r\n'.encode()
        + other.replace(f"--_{UID}_\r\n".encode(), b"--in\r\n")
        + b"\r\n--in--\r\n"
    )

    findings = found(tmp_path / "entity", spoiled(entity, other, inner))

    assert ("mime-entity", "") in told(findings)


def test_one_file_may_go_by_itself(tmp_path: Path) -> None:
    """RFC 3240: without a File-set there is neither an id nor an entity of several parts."""
    message = EmailMessage(policy=email.policy.SMTP)
    message.set_content(FILES[ONE], maintype="application", subtype="dicom")

    assert found(tmp_path / "one", bytes(message)) == []


@pytest.mark.parametrize("encoding", ["7bit", "8bit", ""])
def test_an_encoding_that_does_not_carry_every_byte_is_told(
    entity: bytes, tmp_path: Path, encoding: str
) -> None:
    before = part_of(entity, ONE)
    line = b"Content-Transfer-Encoding: base64\r\n"
    new = f"Content-Transfer-Encoding: {encoding}\r\n".encode() if encoding else b""

    findings = found(tmp_path / "x", spoiled(entity, before, spoiled(before, line, new)))

    assert ("mime-encoding", ONE) in told(findings)


class TestLines:
    def test_base64_has_76_characters_a_line(self, entity: bytes, tmp_path: Path) -> None:
        """RFC 2045 6.8."""
        before = part_of(entity, ONE)
        head, _, body = before.partition(b"\r\n\r\n")
        joined = head + b"\r\n\r\n" + body.replace(b"\r\n", b"", 1)

        findings = found(tmp_path / "x", spoiled(entity, before, joined))

        assert told(findings) == {("mime-lines", ONE)}
        assert "152 characters" in findings[0].message

    @pytest.mark.parametrize(("length", "fits"), [(998, True), (999, False)])
    def test_headers_have_998(self, entity: bytes, tmp_path: Path, length: int, fits: bool) -> None:
        """RFC 5322 2.1.1."""
        line = b"X-Long: ".ljust(length, b"x") + b"\r\n"

        findings = found(tmp_path / "x", line + entity)

        assert told(findings) == (set() if fits else {("mime-lines", "")})

    def test_lines_are_measured_across_the_pieces_that_are_read(
        self, entity: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = b"X-Long: ".ljust(999, b"x") + b"\r\n"
        for size in (1, 2, 7, 500, 4096):
            monkeypatch.setattr(mime_rules, "_CHUNK_BYTES", size)
            assert found(tmp_path / "a", entity) == []
            assert told(found(tmp_path / "b", line + entity)) == {("mime-lines", "")}

    @pytest.mark.parametrize("end", [b"\n", b"\r"])
    def test_a_line_end_that_stands_alone_is_told_of_ours_alone(
        self, entity: bytes, tmp_path: Path, end: bytes
    ) -> None:
        """Mail programs save lines as their system ends them."""
        before = part_of(entity, ONE)
        body = before.rindex(b"\r\n", 0, -2)
        changed = spoiled(entity, before, before[:body] + end + before[body + 2 :])

        alone = ("mime-lines", ONE, "has a CR or LF that stands alone")
        for strict in (True, False):
            findings = found(tmp_path / "x", changed, strict=strict)
            lines = {(one.rule, one.subject, one.message) for one in findings}
            assert (alone in lines) is strict


MAIL = {
    "type": ("application/zip", "application/octet-stream", ("mail-attachment", "DICOM.ZIP")),
    "id": (' id="DICOM.ZIP";\r\n', "", ("mail-attachment", "DICOM.ZIP")),
    "name": (' name="DICOM.ZIP"', ' name="PICTURES.ZIP"', ("mail-attachment", "DICOM.ZIP")),
    "inline": (": attachment;", ": inline;", ("mail-attachment", "DICOM.ZIP")),
    "filename": ('filename="DICOM.ZIP"', 'filename="A.ZIP"', ("mail-attachment", "DICOM.ZIP")),
    "subject": ("Subject: DICOM-ZIP", "Subject: Pictures", ("mail-subject", "")),
    "version": ("MIME-Version: 1.0\r\n", "", ("mime-version", "")),
}  # fmt: skip


@pytest.mark.parametrize("name", MAIL)
def test_each_rule_of_an_email_can_be_broken(mail: bytes, tmp_path: Path, name: str) -> None:
    """PS3.11 L.3.2."""
    old, new, expected = MAIL[name]

    findings = found(tmp_path / "mail", spoiled(mail, old, new))

    assert told(findings) == {expected}
    assert findings[0].severity == "error"


class TestVerified:
    def manifest(self, form: str) -> Manifest:
        return Manifest(
            files=tuple(
                ManifestFile(path, len(data), hashlib.sha256(data).hexdigest())
                for path, data in FILES.items()
            ),
            profile="STD-GEN-MIME",
            medium="MIME",
            format=form,
        )

    def test_broken_rules_of_ours_are_errors_and_of_others_warnings(
        self, entity: bytes, tmp_path: Path
    ) -> None:
        path = tmp_path / "entity.mim"
        path.write_bytes(spoiled(entity, f'name="{NAME}.dcm"', f'name="{NAME}"'))

        ours = verify_medium(path, self.manifest("mime"))
        theirs = verify_medium(path, None)

        named = [
            [one.severity for one in report.findings if one.rule == "mime-name"]
            for report in (ours, theirs)
        ]
        assert named == [["error"], ["warning"]]
        assert (ours.ok, theirs.ok) == (False, True)
