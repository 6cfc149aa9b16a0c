"""DICOM MIME entities and e-mails as media: what Python's email makes is read."""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import random
import zipfile
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError
from mediastation.media.level1 import MediumFile
from mediastation.media.mime import MailMedium, MimeMedium
from mediastation.reading.contract import ContainerVolume
from mediastation.reading.mime_body import open_body
from mediastation.reading.volume import MailVolume, MimeVolume, ZipVolume, open_volume
from mediastation.verify.verifier import verify_medium
from tests.media.support import MOMENT
from tests.support.file_sets import good_file_set

UID = "2.25.123456789"
LARGE = random.Random(3).randbytes(900_001)
VIEWER = {"VIEWER/A B%20/RUN.EXE": b"run", "INDEX.HTM": b"<p>"}
FILES = {**good_file_set(), **VIEWER, "LARGE": LARGE, "EMPTY": b"", "README.TXT": b"Read me.\r\n"}
DICOM = {path: data for path, data in FILES.items() if "." not in path}


def sources(folder: Path, files: dict[str, bytes]) -> list[MediumFile]:
    made = []
    for number, (path, data) in enumerate(files.items()):
        folder.mkdir(exist_ok=True)
        source = folder / str(number)
        source.write_bytes(data)
        made.append(MediumFile(path, source, len(data)))
    return made


def written(path: Path, kind: type[MimeMedium] | type[MailMedium]) -> Path:
    files = sources(path.parent / "sources", FILES)
    with (
        kind(files, file_set_uid=UID, moment=MOMENT) as medium,
        medium.write(path) as pending,
    ):
        pending.commit()
    return path


def contents(path: Path) -> dict[str, bytes]:
    with open_volume(path) as volume:
        found = {}
        for file in volume.iter_files():
            with volume.open(file.path) as stream:
                found[file.path] = stream.read()
            assert len(found[file.path]) == file.size_bytes
        return found


def part(path: str, data: bytes, encoding: str = "base64") -> Message:
    made = MIMENonMultipart("Application", "dicom")
    if path:
        made.set_param("id", path)
    made["Content-Transfer-Encoding"] = encoding
    if encoding == "base64":
        made.set_payload(base64.encodebytes(data).decode("ascii"))
    elif encoding == "quoted-printable":
        made.set_payload(binascii.b2a_qp(data, istext=False).decode("ascii"))
    else:
        made.set_payload(data.decode("ascii", "surrogateescape"))
    return made


def entity(*parts: Message, kind: str = "related") -> bytes:
    message = MIMEMultipart(kind)
    for one in parts:
        message.attach(one)
    return message.as_bytes(policy=email.policy.SMTP.clone(max_line_length=None))


def raw_entity(*parts: tuple[str, bytes], end: bytes = b"\r\n--b--\r\n") -> bytes:
    """An entity put together by hand: headers of each part, and its body."""
    made = b'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="b"\r\n'
    for headers, body in parts:
        made += b"\r\n--b\r\n" + headers.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body
    return made + end


def dicom(path: str, encoding: str = "base64") -> str:
    return f'Content-Type: Application/dicom; id="{path}"\nContent-Transfer-Encoding: {encoding}'


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def rules(path: Path) -> set[str]:
    with open_volume(path) as volume:
        return {finding.rule for finding in volume.findings}


def zipped(files: dict[str, bytes] = FILES) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def mail(attachments: dict[str, bytes], subject: str = "Re: DICOM-ZIP") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content("See what is attached.")
    message.add_alternative("<p>See what is attached.</p>", subtype="html")
    for name, data in attachments.items():
        message.add_attachment(data, maintype="application", subtype="zip", filename=name)
    return message


class TestWhatIsWrittenHere:
    def test_every_file_of_a_mime_entity_is_given_back(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a", MimeMedium)

        assert contents(path) == FILES
        with open_volume(path) as volume:
            assert isinstance(volume, MimeVolume)
            assert isinstance(volume, ContainerVolume)
            assert volume.findings == ()
            assert volume.size_bytes == path.stat().st_size
            assert volume.read_at(0, 5) == path.read_bytes()[:5]
            found = volume.find(["dicomdir"])
            assert found is not None
            assert found.tolerated

    def test_every_file_of_the_zip_file_in_an_e_mail_is_given_back(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a", MailMedium)

        assert contents(path) == FILES
        with open_volume(path) as volume:
            assert isinstance(volume, MailVolume)
            assert isinstance(volume, ContainerVolume)
            assert volume.findings == ()
            assert volume.size_bytes == path.stat().st_size

    @pytest.mark.parametrize("kind", [MimeMedium, MailMedium])
    def test_they_verify(self, tmp_path: Path, kind: type[MimeMedium] | type[MailMedium]) -> None:
        report = verify_medium(written(tmp_path / "a", kind))

        assert report.ok, report.findings

    def test_content_is_read_at_any_position(self, tmp_path: Path) -> None:
        chooser = random.Random(1)
        path = written(tmp_path / "a", MimeMedium)
        with open_volume(path) as volume, volume.open("LARGE") as stream:
            for _ in range(200):
                at, length = chooser.randrange(len(LARGE)), chooser.randrange(200_000)
                stream.seek(at)
                assert stream.read(length) == LARGE[at : at + length]


class TestWhatOthersWrite:
    @pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
    @pytest.mark.parametrize("kind", ["related", "mixed"])
    def test_every_encoding_is_undone(self, tmp_path: Path, encoding: str, kind: str) -> None:
        parts = [part(path, data, encoding) for path, data in DICOM.items()]

        assert contents(put(tmp_path / "a", entity(*parts, kind=kind))) == DICOM

    @pytest.mark.parametrize("encoding", ["binary", "8bit", "BINARY"])
    def test_content_that_is_not_encoded_is_taken_as_it_is(
        self, tmp_path: Path, encoding: str
    ) -> None:
        parts = [(dicom(path, encoding), data) for path, data in DICOM.items()]

        assert contents(put(tmp_path / "a", raw_entity(*parts))) == DICOM

    @pytest.mark.parametrize("line", [4, 60, 77, 1 << 30])
    @pytest.mark.parametrize("end", [b"\r\n", b"\n", b" \t\r\n \r\n"])
    def test_base64_in_lines_of_any_length(self, tmp_path: Path, line: int, end: bytes) -> None:
        letters = base64.b64encode(LARGE[:300_001])
        lines = end.join(letters[at : at + line] for at in range(0, len(letters), line))
        path = put(tmp_path / "a", raw_entity((dicom("A"), lines)))

        assert contents(path) == {"A": LARGE[:300_001]}
        assert rules(path) == set()

    def test_parts_without_id_are_numbered(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a", entity(part("", b"one"), part("", b"two"), kind="mixed"))

        assert contents(path) == {"PART0001": b"one", "PART0002": b"two"}

    def test_a_single_part_needs_no_multipart(self, tmp_path: Path) -> None:
        data = b"MIME-Version: 1.0\r\n" + part("IMAGE1", b"one").as_bytes()

        assert contents(put(tmp_path / "a", data)) == {"IMAGE1": b"one"}

    def test_folded_and_encoded_parameters_are_put_together(self, tmp_path: Path) -> None:
        """RFC 2231; bare line feeds, a mailbox's line in front, and no text behind the end."""
        data = (
            b"From jane Mon Jan  1 00:00:00 2024\n"
            b'Content-Type: multipart/mixed;\n boundary*0="one";\n boundary*1=" two"\n\n'
            b"preamble\n--one two\n"
            b"content-type: APPLICATION/DICOM;\n\tid*0*=us-ascii'en'SUB%44IRA;\n\tid*1=/IMAGE1\n\n"
            b"content\n--one two--"
        )

        assert contents(put(tmp_path / "a", data)) == {"SUBDIRA/IMAGE1": b"content"}

    def test_a_zip_file_lies_in_an_e_mail(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a", mail({"DICOM.ZIP": zipped()}).as_bytes())

        assert contents(path) == FILES
        assert rules(path) == set()

    def test_a_zip_file_is_known_by_its_content_whatever_encodes_it(self, tmp_path: Path) -> None:
        head = (
            'Content-Type: application/octet-stream; name="dicom.zip"\n'
            "Content-Transfer-Encoding: quoted-printable"
        )
        body = binascii.b2a_qp(zipped(), istext=False)
        path = put(tmp_path / "a", b"Subject: =?utf-8?q?DICOM-ZIP?=\r\n" + raw_entity((head, body)))

        assert contents(path) == FILES
        assert rules(path) == set()

    def test_a_forwarded_e_mail_is_entered(self, tmp_path: Path) -> None:
        outer = EmailMessage()
        outer["Subject"] = "Fwd: DICOM-ZIP"
        outer.set_content("Look.")
        outer.add_attachment(mail({"DICOM.ZIP": zipped()}))

        assert contents(put(tmp_path / "a", outer.as_bytes())) == FILES

    def test_of_several_zip_files_the_one_with_the_name_is_meant(self, tmp_path: Path) -> None:
        data = mail({"other.zip": zipped({"A": b"1"}), "dicom.zip": zipped()}).as_bytes()

        assert contents(put(tmp_path / "a", data)) == FILES

    def test_another_subject_and_name_are_noted(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a", mail({"images.zip": zipped()}, "Images").as_bytes())

        assert contents(path) == FILES
        assert rules(path) == {"mail-subject", "mail-attachment"}

    def test_attachments_that_are_no_dicom_parts_have_their_names(self, tmp_path: Path) -> None:
        message = mail({})
        message.add_attachment(b"one", maintype="image", subtype="x", filename="../C:\\IM 1.dcm")
        path = put(tmp_path / "a", message.as_bytes())

        assert contents(path) == {"IM 1.dcm": b"one"}


class TestRefused:
    @pytest.mark.parametrize(
        ("header", "said"),
        [
            ("Content-Type: message/partial; id=x; number=2; total=3", "pieces"),
            ("Content-Type: application/pkcs7-mime; smime-type=enveloped-data", "S/MIME"),
            ("Content-Type: text/plain", "without DICOM"),
            ("Content-Type: multipart/mixed; boundary=b", "without DICOM"),
            ("Content-Type: multipart/mixed", "without DICOM"),
            ("Content-Type: multipart/mixed; boundary=" + "b" * 300, "without DICOM"),
        ],
    )
    def test_what_cannot_be_entered_says_what_it_is(
        self, tmp_path: Path, header: str, said: str
    ) -> None:
        path = put(tmp_path / "a", f"{header}\r\n\r\nsomething\r\n".encode())

        with pytest.raises(MediaError, match=said) as refused:
            open_volume(path)
        assert refused.value.hint

    def test_two_zip_files_are_one_too_many(self, tmp_path: Path) -> None:
        data = mail({"a.zip": zipped(), "b.zip": zipped()}).as_bytes()

        with pytest.raises(MediaError, match="2 ZIP files"):
            open_volume(put(tmp_path / "a", data))

    def test_a_cut_zip_file_is_named_as_such(self, tmp_path: Path) -> None:
        data = mail({"DICOM.ZIP": zipped()}).as_bytes()

        with pytest.raises(MediaError):
            open_volume(put(tmp_path / "a", data[: len(data) // 8 * 4]))

    @pytest.mark.parametrize("start", [b"Dear: Jane,", b"Content-Type", b": x"])
    def test_what_only_looks_like_a_header_is_no_e_mail(self, tmp_path: Path, start: bytes) -> None:
        with pytest.raises(MediaError) as refused:
            open_volume(put(tmp_path / "a", start + b"\r\n\r\n" + bytes(5000)))
        assert "e-mail" not in str(refused.value)


class TestDamage:
    @pytest.mark.parametrize(
        "body", [b"QUJD!QUJD", b"QUJDQ", b"QQ==QUJD", b"QQ=QUJD", b"QUJD" + b" " * 400_000 + b"Q"]
    )
    def test_damaged_base64_is_not_opened(self, tmp_path: Path, body: bytes) -> None:
        path = put(tmp_path / "a", raw_entity((dicom("A"), body), (dicom("B"), b"QUJD")))

        assert rules(path) == {"mime-encoding"}
        with open_volume(path) as volume:
            with volume.open("B") as stream:
                assert stream.read() == b"ABC"
            with pytest.raises(MediaError):
                volume.open("A")

    def test_missing_padding_is_forgiven_and_told(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a", raw_entity((dicom("A"), b"QUJDRA")))

        assert contents(path) == {"A": b"ABCD"}
        assert rules(path) == {"mime-encoding"}

    @pytest.mark.parametrize("body", [b"a=4", b"a=zz", b"=", b"a=\r\nb"])
    def test_broken_escapes_are_not_opened(self, tmp_path: Path, body: bytes) -> None:
        path = put(tmp_path / "a", raw_entity((dicom("A", "quoted-printable"), body)))

        assert ("mime-encoding" in rules(path)) == (b"=4" in body or b"=z" in body)

    def test_an_unknown_encoding_is_not_opened(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a", raw_entity((dicom("A", "x-uuencode"), b"QUJD")))

        assert rules(path) == {"mime-encoding"}
        with open_volume(path) as volume, pytest.raises(MediaError, match="uuencode"):
            volume.open("A")

    def test_a_missing_end_is_an_error(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a", raw_entity((dicom("A"), b"QUJD"), end=b"\r\n"))

        assert contents(path) == {"A": b"ABC"}
        assert rules(path) == {"mime-end"}

    def test_two_parts_of_one_id_are_both_there(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a", raw_entity((dicom("A"), b"QUJD"), (dicom("A"), b"REVG")))

        assert contents(path) == {"A": b"ABC", "A%2": b"DEF"}
        assert rules(path) == {"duplicate-name"}

    @pytest.mark.parametrize("name", ["../../etc/passwd", "A/../../B", "C:/A", "/../A"])
    def test_no_id_climbs(self, tmp_path: Path, name: str) -> None:
        path = put(tmp_path / "a", raw_entity((dicom(name), b"QUJD")))

        assert rules(path) == {"climbing-name"}
        (found,) = contents(path)
        assert ".." not in found.split("/")
        assert not found.startswith(("/", "C:"))

    @pytest.mark.parametrize("place", ["http://x/A.EXE", "/etc/A.EXE", "../A.EXE", "C%3A/A.EXE"])
    def test_no_location_leads_out(self, tmp_path: Path, place: str) -> None:
        head = f"Content-Type: application/octet-stream; name=B.EXE\nContent-Location: {place}"
        (found,) = contents(put(tmp_path / "a", raw_entity((head, b"x"))))

        assert found in {"B.EXE", "%2E%2E/A.EXE", "C%3A/A.EXE"}

    def test_names_of_any_length_are_cut_off(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a", raw_entity((dicom("A" * 20_000), b"QUJD")))

        assert contents(path) == {"PART0001": b"ABC"}
        assert rules(path) == {"too-long-name"}

    def test_a_header_without_end_costs_that_part_only(self, tmp_path: Path) -> None:
        long = dicom("A") + "\nX: " + "x" * 70_000
        path = put(tmp_path / "a", raw_entity((long, b"QUJD"), (dicom("B"), b"QUJD")))

        assert contents(path) == {"B": b"ABC"}
        assert rules(path) == {"mime-header"}

    def test_entities_inside_each_other_end_somewhere(self, tmp_path: Path) -> None:
        inner = raw_entity((dicom("DEEP"), b"QUJD")).replace(b'"b"', b"q").replace(b"--b", b"--q")
        for number in range(30):
            head = f"Content-Type: multipart/mixed; boundary=c{number}\r\n\r\n--c{number}\r\n"
            inner = head.encode() + inner + f"\r\n--c{number}--\r\n".encode()
        both = raw_entity((dicom("A"), b"QUJD"), (inner.decode().replace("\r\n", "\n"), b""))
        path = put(tmp_path / "a", both)

        assert set(contents(path)) == {"A"}
        assert "too-deep" in rules(path)

    def test_many_parameters_that_never_close_cost_nothing(self, tmp_path: Path) -> None:
        """Read over and over, sixty thousand of them would take minutes."""
        hostile = "Content-Type: application/dicom; id=A" + ';a="' * 15_000
        path = put(tmp_path / "a", raw_entity((hostile, b"ABC")))

        assert contents(path) == {"A": b"ABC"}


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300) | st.integers(0, 400_000),
    st.sampled_from(["base64", "quoted-printable", "binary"]),
    st.integers(0, 400_000),
    st.integers(0, 300_000),
)
def test_a_body_gives_back_what_was_encoded(
    of: bytes | int, encoding: str, at: int, length: int
) -> None:
    data = of if isinstance(of, bytes) else LARGE[:of]
    raw = {
        "base64": lambda: base64.encodebytes(data),
        "quoted-printable": lambda: binascii.b2a_qp(data, istext=False),
        "binary": lambda: data,
    }[encoding]()
    body = open_body(lambda offset, size: raw[offset : offset + size], 0, len(raw), encoding)

    assert body is not None
    assert not body.fault
    assert body.size_bytes == len(data)
    assert body.read_at(at, length) == data[at : at + length]
    assert body.read_at(0, len(data)) == data


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_spoiled_messages_raise_what_is_expected_and_nothing_else(
    tmp_path: Path, data: st.DataObject
) -> None:
    small = {path: content for path, content in FILES.items() if path != "LARGE"}
    good = data.draw(
        st.sampled_from(
            [
                mail({"DICOM.ZIP": zipped(small)}).as_bytes(),
                raw_entity(*((dicom(path, "binary"), content) for path, content in small.items())),
                entity(*(part(path, content) for path, content in small.items())),
            ]
        )
    )
    spoiled = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(spoiled) - 1, 3000)))
        match data.draw(st.integers(0, 2)):
            case 0:
                spoiled[at] ^= 1 << data.draw(st.integers(0, 7))
            case 1:
                del spoiled[at : at + data.draw(st.integers(1, 300))]
            case _:
                spoiled[at:at] = data.draw(
                    st.sampled_from(
                        [b"\r\n", b"--", b'"', b";", b"=", b"\r\n--b\r\n", b"\0", b"\r\n\r\n"]
                    )
                )
    path = put(tmp_path / "a", bytes(spoiled))
    try:
        volume = open_volume(path)
    except MediaError:
        return
    with volume:
        for file in volume.iter_files():
            assert ".." not in file.path.split("/")
            try:
                with volume.open(file.path) as stream:
                    stream.read()
            except (MediaError, OSError):
                continue


def test_a_plain_zip_file_stays_one(tmp_path: Path) -> None:
    with open_volume(put(tmp_path / "a", zipped())) as volume:
        assert isinstance(volume, ZipVolume)
