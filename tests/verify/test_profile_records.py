"""A directory that a profile accepts, spoiled in one thing at a time.

The profiles are typed from Tables A.3-2, B.3-2, D.3-2 and E.3-2 of PS3.11, not
loaded: what is written and what is read have to agree with the standard both.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.finding import Finding
from mediastation.model.profile import (
    ApplicationProfile,
    IconRule,
    ObjectRule,
    Requirement,
    Role,
    Security,
)
from mediastation.model.record import AdditionalKey, Condition, Key
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.volume import MemoryVolume
from mediastation.verify import verify_volume
from mediastation.verify.profile_records import check_profile_records
from tests.support.file_sets import (
    CT,
    EXPLICIT_LE,
    Record,
    dicomdir,
    element,
    good_file_set,
    patient,
    series,
    study,
)

XA = "1.2.840.10008.5.1.4.1.1.12.1"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
REFERENCE = (
    Key(0x00081150, "ReferencedSOPClassUID", "UI", "1"),
    Key(0x00081155, "ReferencedSOPInstanceUID", "UI", "1"),
)
PROFILE = ApplicationProfile(
    name="STD-XA1K-CD",
    profile_class="STD-XA1K",
    annex="B",
    title="",
    clinical_use="",
    roles=(Role.CREATOR, Role.READER),
    media=("CD-80",),
    medium_format="PS3.12 Annex F",
    objects=(
        ObjectRule(
            frozenset({XA}),
            (JPEG_LOSSLESS,),
            Requirement.MANDATORY,
            Requirement.MANDATORY,
            Requirement.NONE,
        ),
        ObjectRule(
            frozenset({CT}),
            (EXPLICIT_LE,),
            Requirement.NONE,
            Requirement.OPTIONAL,
            Requirement.NONE,
        ),
    ),
    keys=(
        AdditionalKey("PATIENT", 0x00100030, "DA", "2", keyword="PatientBirthDate"),
        AdditionalKey("IMAGE", 0x00880200, "SQ", "1", keyword="IconImageSequence"),
        AdditionalKey(
            "IMAGE", 0x00080008, "CS", "1", keyword="ImageType", sop_classes=frozenset({XA})
        ),
        AdditionalKey("IMAGE", 0x00280010, "US", "1", keyword="Rows"),
        AdditionalKey("IMAGE", 0x00500004, "CS", "2", keyword="CalibrationImage"),
        AdditionalKey("IMAGE", 0x00200052, "UI", "1C", keyword="FrameOfReferenceUID"),
        AdditionalKey(
            "IMAGE",
            0x00081140,
            "SQ",
            "1C",
            Condition.BIPLANE,
            nested=REFERENCE,
            keyword="ReferencedImageSequence",
        ),
    ),
    security=Security.NONE,
    edition="2024c",
    source="PS3.11 B",
    objects_table="PS3.11 Table B.3-1",
    keys_table="PS3.11 Table B.3-2",
    icons=(IconRule(("IMAGE",), True, 128, 128, 8, ("MONOCHROME2",), "PS3.11 B.3.3.2"),),
)


def us(number: int) -> bytes:
    return struct.pack("<H", number)


def item(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body


ICON = {
    0x00280002: ("US", us(1)),
    0x00280004: ("CS", b"MONOCHROME2"),
    0x00280010: ("US", us(128)),
    0x00280011: ("US", us(128)),
    0x00280100: ("US", us(8)),
    0x00280101: ("US", us(8)),
    0x00280102: ("US", us(7)),
    0x00280103: ("US", us(0)),
    0x7FE00010: ("OB", bytes(128 * 128)),
}
Elements = dict[int, tuple[str, bytes] | None]


def encoded(elements: Elements) -> bytes:
    return b"".join(
        element(tag, *value) for tag, value in sorted(elements.items()) if value is not None
    )


def icon(changes: Elements | None = None) -> bytes:
    return item(encoded({**ICON, **(changes or {})}))


REFERENCED = encoded({0x00081150: ("UI", XA.encode()), 0x00081155: ("UI", b"1.2.3")})
IMAGE: Elements = {
    0x00080008: ("CS", b"ORIGINAL\\PRIMARY\\BIPLANE A"),
    0x00081140: ("SQ", item(REFERENCED)),
    0x00200013: ("IS", b"1"),
    0x00280010: ("US", us(512)),
    0x00500004: ("CS", b""),
    0x00880200: ("SQ", icon()),
}


def checked(
    changes: Elements | None = None,
    *,
    profile: ApplicationProfile = PROFILE,
    role: Role = Role.CREATOR,
    birth_date: bool = True,
    undefined: bool = False,
    **facts: str,
) -> list[Finding]:
    """What is found of a directory of one XA image, whose record has `changes`."""
    record = Record("IMAGE", encoded({**IMAGE, **(changes or {})}), [], "DICOM\\I1", "1.2.3.1")
    record.sop_class, record.syntax = XA, JPEG_LOSSLESS
    for name, value in facts.items():
        setattr(record, name, value)
    top = patient("PID1", study("1.2.3", series("1.2.3.1", record)))
    if birth_date:
        top.keys += element(0x00100030, "DA", b"")
    source = dicomdir([top], undefined=undefined)
    directory = read_dicomdir(source)
    assert directory.findings == ()
    return list(check_profile_records(directory, profile, role))


@pytest.mark.parametrize("undefined", [False, True])
def test_nothing_is_said_of_what_the_profile_accepts(undefined: bool) -> None:
    assert checked(undefined=undefined) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({0x00280010: None}, "Rows (0028,0010) is missing"),
        ({0x00280010: ("US", b"")}, "Rows (0028,0010) is empty"),
        ({0x00280010: ("SS", us(512))}, "Rows (0028,0010) has VR SS"),
        ({0x00080008: None}, "ImageType (0008,0008) is missing"),
        ({0x00080008: ("CS", b"  ")}, "ImageType (0008,0008) is empty"),
        ({0x00500004: None}, "CalibrationImage (0050,0004) is missing"),
        ({0x00200052: ("UI", b"")}, "FrameOfReferenceUID (0020,0052) is empty"),
        ({0x00081140: None}, "ReferencedImageSequence (0008,1140) is missing"),
        ({0x00081140: ("SQ", b"")}, "ReferencedImageSequence (0008,1140) is empty"),
        (
            {0x00081140: ("SQ", item(REFERENCED) + item(REFERENCED[:-14]))},
            "ReferencedSOPInstanceUID (0008,1155) in an item of (0008,1140) is missing",
        ),
        ({0x00081140: ("SQ", b"\1\2\3\4\5\6\7\10")}, "is not well-formed"),
    ],
)
def test_a_key_that_the_table_demands_is_named(changes: Elements, told: str) -> None:
    (finding,) = checked(changes)

    assert (finding.rule, finding.subject) == ("profile-key", "DICOM/I1")
    assert told in finding.message
    assert "IMAGE record" in finding.message
    assert finding.reference == "PS3.11 Table B.3-2"


def test_a_type_2_key_of_the_patient_has_to_be_there() -> None:
    (finding,) = checked(birth_date=False)

    assert "PatientBirthDate" in finding.message


def test_without_two_planes_nothing_need_be_referenced() -> None:
    assert checked({0x00081140: None, 0x00080008: ("CS", b"ORIGINAL\\PRIMARY\\SINGLE PLANE")}) == []


@pytest.mark.parametrize(
    ("sequence", "told"),
    [
        (None, "is missing"),
        (b"", "no item"),
        (icon() + icon(), "more than one item"),
        (icon({0x00280002: ("US", us(3))}), "1 sample per pixel"),
        (icon({0x00280004: ("CS", b"RGB")}), "Photometric Interpretation RGB"),
        (icon({0x00280006: ("US", us(0))}), "Planar Configuration"),
        (icon({0x00280010: None}), "no Rows or no Columns"),
        (icon({0x00280100: ("US", us(16))}), "Bits Allocated 16"),
        (icon({0x00280101: ("US", us(7))}), "Bits Stored or a High Bit"),
        (icon({0x00280102: ("US", us(8))}), "Bits Stored or a High Bit"),
        (icon({0x00280103: ("US", us(1))}), "signed"),
        (icon({0x00280034: ("IS", b"2\\1")}), "Pixel Aspect Ratio"),
        (icon({0x7FE00010: ("OB", bytes(128 * 127))}), "16256 bytes of pixels, 16384"),
        (icon({0x7FE00010: None}), "0 bytes of pixels"),
        (icon({0x00280004: ("CS", b"PALETTE COLOR")}), "no whole palette"),
        (icon()[:-2], "not well-formed"),
    ],
)
def test_an_icon_that_breaks_f7_is_told(sequence: bytes | None, told: str) -> None:
    findings = checked({0x00880200: None if sequence is None else ("SQ", sequence)})

    assert {finding.rule for finding in findings} == {"profile-icon"}
    assert any(told in finding.message for finding in findings)


def test_an_icon_of_another_size_breaks_the_profile_alone() -> None:
    small: Elements = {
        0x00280010: ("US", us(64)),
        0x00280011: ("US", us(64)),
        0x7FE00010: ("OB", bytes(64 * 64)),
    }
    (finding,) = checked({0x00880200: ("SQ", icon(small))})

    assert "64 x 64 pixels, not 128 x 128" in finding.message
    assert finding.reference == "PS3.11 B.3.3.2"


def test_the_aspect_ratio_1_1_may_be_written() -> None:
    assert checked({0x00880200: ("SQ", icon({0x00280034: ("IS", b"1\\1")}))}) == []


def test_where_icons_are_free_none_is_needed_and_f7_holds() -> None:
    free = replace(PROFILE, icons=(), keys=())

    assert checked({0x00880200: None}, profile=free) == []
    assert checked({0x00880200: ("SQ", icon() + icon())}, profile=free)[0].rule == "profile-icon"


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.4"}, "profile-sop-class"),
        ({"syntax": EXPLICIT_LE}, "profile-transfer-syntax"),
        ({"sop_class": CT, "syntax": EXPLICIT_LE}, "profile-sop-class"),
    ],
)
def test_what_the_profile_does_not_carry_is_told(facts: dict[str, str], rule: str) -> None:
    (finding,) = [one for one in checked(**facts) if one.rule != "profile-key"]

    assert (finding.rule, finding.reference) == (rule, "PS3.11 Table B.3-1")


def test_a_reader_is_held_to_its_own_column() -> None:
    assert checked(sop_class=CT, syntax=EXPLICIT_LE, role=Role.READER) == []


def test_an_empty_directory_is_none() -> None:
    directory = read_dicomdir(dicomdir([]))
    (finding,) = check_profile_records(directory, PROFILE)

    assert finding.rule == "empty-directory"


def test_verification_holds_a_medium_against_the_profile_it_is_given() -> None:
    files = good_file_set()
    plain = verify_volume(MemoryVolume(files))
    held = verify_volume(MemoryVolume(files), profile=PROFILE)

    assert plain.ok
    assert not held.ok
    assert {finding.rule for finding in held.findings} == {"profile-key", "profile-icon"}


def test_a_profile_that_goes_without_a_directory_does_not_miss_it() -> None:
    """PS3.11 G.3.3: STD-GEN-MIME."""
    files = {path: data for path, data in good_file_set().items() if path != "DICOMDIR"}
    mime = replace(PROFILE, directory_required=False)

    severities = [
        next(one.severity for one in report.findings if one.rule == "no-dicomdir")
        for report in (
            verify_volume(MemoryVolume(files), profile=PROFILE),
            verify_volume(MemoryVolume(files), profile=mime),
        )
    ]
    assert [str(severity) for severity in severities] == ["error", "note"]


@given(st.binary(max_size=300), st.sampled_from([0x00081140, 0x00880200]))
def test_any_bytes_in_a_sequence_are_judged(value: bytes, tag: int) -> None:
    for finding in checked({tag: ("SQ", value)}):
        assert finding.rule in {"profile-key", "profile-icon"}
