"""What the fuzzer found in the header scan, each as the smallest thing that shows it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from mediastation.dicom.coerce import CannotCoerce, coerce_file
from mediastation.dicom.coerce_check import check_coerced
from mediastation.dicom.header import read_header, read_header_from
from mediastation.dicom.source import BytesSource
from mediastation.importing.reconcile_plan import plan_coercion
from tests.fuzz.oracles import require_findings
from tests.support.coercing import MOMENT, SITE, candidate
from tests.support.file_sets import CT, element, file_meta

EXPLICIT_BE = "1.2.840.10008.1.2.2"
STEERING = "1.2\x1b[2J\x07"


def data_set(*, charset: str = "ISO_IR 100", uid: str = "1.2.3") -> bytes:
    return (
        element(0x00080005, "CS", charset)
        + element(0x00080016, "UI", CT)
        + element(0x00080018, "UI", uid)
    )


class TestWhatIsSaid:
    """A file's own words reach messages bounded, and without what steers a terminal."""

    @pytest.mark.parametrize(
        ("content", "rule"),
        [
            (file_meta(CT, "1.2.3", STEERING) + data_set(), "transfer-syntax-unknown"),
            (file_meta(STEERING, "1.2.3") + data_set(), "meta-disagrees"),
            (file_meta(CT, "1.2.3") + data_set(uid=STEERING), "meta-disagrees"),
            (file_meta(CT, "1.2.3") + data_set(charset=STEERING), "charset-unknown"),
            (file_meta(CT, "7" * 60_000) + data_set(), "meta-disagrees"),
            (file_meta(CT, "1.2.3", "7" * 60_000) + data_set(), "transfer-syntax-unknown"),
        ],
    )
    def test_a_message_is_short_and_harmless(self, content: bytes, rule: str) -> None:
        header = read_header_from(BytesSource(content), "a.dcm")

        assert rule in {one.rule for one in header.findings}
        assert max(len(one.message) for one in header.findings) < 500
        require_findings(header.findings)


def test_a_fault_that_comes_a_hundred_thousand_times_is_told_fifty_times_and_counted() -> None:
    """Eight bytes each: a file of some megabytes gave gigabytes of findings."""
    once = struct.pack("<HH2sH", 0x0008, 0x1140, b"US", 0)
    content = file_meta(CT, "1.2.3") + data_set() + once * 100_000

    header = read_header_from(BytesSource(content), "a.dcm")

    told = [one for one in header.findings if one.rule == "bad-vr"]
    assert len(told) == 51
    assert told[-1].message == "99,950 more findings of this kind"


def test_a_big_endian_value_of_odd_length_comes_out_even() -> None:
    """Half a word is left out when the words are turned round; what is padded is the rest."""
    rows = struct.pack(">HH2sH", 0x0028, 0x0010, b"US", 3) + b"\x00\x10\x00"
    identity = b"".join(
        struct.pack(">HH2sH", tag >> 16, tag & 0xFFFF, b"UI", len(uid)) + uid
        for tag, uid in ((0x00080016, CT.encode() + b"\0"), (0x00080018, b"1.2.3\0"))
    )

    header = read_header_from(
        BytesSource(file_meta(CT, "1.2.3", EXPLICIT_BE) + identity + rows), "a.dcm"
    )

    assert header.elements[0x00280010].value == b"\x10\x00"
    assert "odd-length" in {one.rule for one in header.findings}


def test_a_transfer_syntax_that_is_no_uid_is_no_reason_for_a_copy(tmp_path: Path) -> None:
    """It goes into the copy's file meta, which no letters but those of ASCII can be written to."""
    source = tmp_path / "original"
    source.write_bytes(file_meta(CT, "1.2.3", "1.2.840\xe9") + data_set())
    header = read_header(source)
    coercion = plan_coercion(header, candidate(), SITE, MOMENT)

    with pytest.raises(CannotCoerce) as caught:
        coerce_file(source, tmp_path / "copy", header, coercion)

    assert caught.value.finding.rule == "uid"
    assert "Transfer Syntax" in caught.value.finding.message


def test_a_refusal_to_coerce_names_its_instance_without_what_steers_a_terminal(
    tmp_path: Path,
) -> None:
    source = tmp_path / "original"
    source.write_bytes(file_meta(CT, "1.2.3") + data_set(uid=STEERING))
    header = read_header(source)
    coercion = plan_coercion(header, candidate(), SITE, MOMENT)

    with pytest.raises(CannotCoerce) as caught:
        coerce_file(source, tmp_path / "copy", header, coercion)

    require_findings([caught.value.finding])


def test_the_proof_of_a_copy_reads_old_words_of_a_big_endian_file_as_they_were_written(
    tmp_path: Path,
) -> None:
    """A name under the VR of numbers is kept as it was; held against itself it was another one."""
    elements = [(0x00080016, b"UI", CT.encode() + b"\0"), (0x00080018, b"UI", b"1.2.3\0"),
                (0x00100010, b"AT", b"Doe^Jane")]  # fmt: skip
    source, target = tmp_path / "original", tmp_path / "copy"
    source.write_bytes(
        file_meta(CT, "1.2.3", EXPLICIT_BE)
        + b"".join(
            struct.pack(">HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value
            for tag, vr, value in elements
        )
    )
    header = read_header(source)
    coercion = plan_coercion(header, candidate(), SITE, MOMENT)

    coerce_file(source, target, header, coercion)

    assert check_coerced(source, target, coercion) == []


@pytest.mark.parametrize("head", [b"\x08\0\x05\0CS", b"\x08\0\x50\0SH"], ids=["charset", "emptied"])
def test_the_proof_of_a_copy_sees_a_changed_representation_of_what_stays_or_is_emptied(
    head: bytes, tmp_path: Path
) -> None:
    source, target = tmp_path / "original", tmp_path / "copy"
    content = file_meta(CT, "1.2.3") + data_set(uid="1.2.3") + element(0x00080050, "SH", "OUT1")
    source.write_bytes(content)
    header = read_header(source)
    coercion = plan_coercion(header, candidate(), SITE, MOMENT)
    coerce_file(source, target, header, coercion)
    assert check_coerced(source, target, coercion) == []

    honest = target.read_bytes()
    assert honest.count(head) >= 1
    at = honest.index(head) + 4
    target.write_bytes(honest[:at] + b"AE" + honest[at + 2 :])

    assert check_coerced(source, target, coercion) != []
