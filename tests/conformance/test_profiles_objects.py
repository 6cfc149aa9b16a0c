"""Which SOP Classes go with which Transfer Syntaxes, typed from PS3.11 2024c, tables X.3-1."""

from __future__ import annotations

import pytest

from mediastation.conformance.load import find_profile, load_profiles, load_retired_profiles
from mediastation.model.profile import ApplicationProfile, Role

STORAGE = "1.2.840.10008.5.1.4.1.1."
XA, SC, PR = STORAGE + "12.1", STORAGE + "7", STORAGE + "11.1"
US, US_MF = STORAGE + "6.1", STORAGE + "3.1"
CT, MR, DOSE = STORAGE + "2", STORAGE + "4", STORAGE + "88.67"
IO, DX, BSD = STORAGE + "1.3", STORAGE + "1.1", STORAGE + "131"

ELE, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"
DOT = "1.2.840.10008.1.2.4."
SV1, BASELINE, EXTENDED = DOT + "70", DOT + "50", DOT + "51"

Row = tuple[str, str, str, str, str, str]
"""SOP Class, Transfer Syntax, label, and what is asked of FSC, FSR, FSU."""


def rows_of(profile: ApplicationProfile) -> list[Row]:
    return sorted(
        (uid, syntax, rule.label, rule.creator, rule.reader, rule.updater)
        for rule in profile.objects
        for uid in rule.sop_classes
        for syntax in rule.transfer_syntaxes
    )


XABC = [(XA, SV1, "", "M", "M", "O")]

XA1K_CD = [
    (XA, SV1, "", "M", "M", "O"),
    (SC, ELE, "", "O", "M", "O"),
    (PR, ELE, "", "O", "O", "O"),
]
XA1K_DVD = [
    (XA, SV1, "", "M", "M", "-"),
    (XA, BASELINE, "", "O", "M", "-"),
    (XA, EXTENDED, "", "O", "M", "-"),
    (SC, ELE, "", "O", "M", "-"),
    (PR, ELE, "", "O", "O", "-"),
]

# Mandatory in any one of the three syntaxes for whom writes, in all for whom reads.
US_SF = [(US, syntax, "", "M", "M", "M") for syntax in (ELE, RLE, BASELINE)]
US_BOTH = US_SF + [(US_MF, syntax, "", "M", "M", "M") for syntax in (ELE, RLE, BASELINE)]

CTMR = [
    (CT, SV1, "", "O", "M", "O"),
    (CT, ELE, "", "O", "M", "O"),
    (MR, SV1, "", "O", "M", "O"),
    (MR, ELE, "", "O", "M", "O"),
    (SC, SV1, "grayscale", "O", "M", "O"),
    (SC, ELE, "grayscale", "O", "M", "O"),
    (SC, SV1, "palette color", "O", "O", "O"),
    (SC, ELE, "palette color", "O", "O", "O"),
    (PR, ELE, "", "O", "O", "O"),
    (DOSE, ELE, "", "O", "O", "O"),
]

DENTAL_IMAGES = [(IO, ELE, "", "O", "M", "-"), (DX, ELE, "", "O", "M", "-")]
DEN = [*DENTAL_IMAGES, (BSD, ELE, "", "O", "O", "-"), (PR, ELE, "", "O", "O", "-")]


def without_updater(rows: list[Row]) -> list[Row]:
    return [(*row[:5], "-") for row in rows]


NAMED: dict[str, list[Row]] = {
    "STD-XABC-CD": XABC,
    "STD-XA1K-CD": XA1K_CD,
    "STD-XA1K-DVD": XA1K_DVD,
    **{
        f"STD-US-{purpose}-{frames}-{medium}": rows
        for purpose in ("ID", "SC", "CC")
        for medium in ("CDR", "DVD-RAM", "MOD23-90")
        for frames, rows in (("SF", US_SF), ("MF", US_BOTH))
    },
    **{
        f"STD-US-{purpose}-{frames}-DVD": without_updater(rows)
        for purpose in ("ID", "SC", "CC")
        for frames, rows in (("SF", US_SF), ("MF", US_BOTH))
    },
    "STD-CTMR-MOD41": CTMR,
    "STD-CTMR-CD": CTMR,
    "STD-CTMR-DVD-RAM": CTMR,
    "STD-CTMR-DVD": without_updater(CTMR),
    "STD-DEN-CD": DEN,
    "STD-DTL-SEC-ZIP-MAIL": DENTAL_IMAGES,
}


@pytest.mark.parametrize("name", NAMED)
def test_classes_and_syntaxes_are_those_of_the_table(name: str) -> None:
    assert rows_of(find_profile(name)) == sorted(NAMED[name])


# General purpose: for objects of any class, for multi-frame objects besides,
# and what is asked of FSC, FSR, FSU (tables D.3-1, H.3-1, I.3-1, J.3-1, M.3-1, N.3-1).
JPEG = {SV1, BASELINE, EXTENDED}
J2K = {DOT + "90", DOT + "91"}
PLAIN = {ELE}
NOTHING: set[str] = set()

GENERAL: dict[str, tuple[set[str], set[str], tuple[str, str, str]]] = {
    "STD-GEN-CD": (PLAIN, NOTHING, ("CS", "CS", "O")),
    "STD-GEN-SEC-CD": (PLAIN, NOTHING, ("CS", "CS", "O")),
    "STD-GEN-DVD-RAM": (PLAIN, NOTHING, ("CS", "CS", "O")),
    "STD-GEN-SEC-DVD-RAM": (PLAIN, NOTHING, ("CS", "CS", "O")),
    "STD-GEN-BD": (PLAIN, NOTHING, ("CS", "CS", "O")),
    "STD-GEN-SEC-BD": (PLAIN, NOTHING, ("CS", "CS", "O")),
    "STD-GEN-DVD-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "-")),
    "STD-GEN-SEC-DVD-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "-")),
    "STD-GEN-DVD-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "-")),
    "STD-GEN-SEC-DVD-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "-")),
    "STD-DVD-MPEG2-MPML": (NOTHING, {DOT + "100"}, ("CS", "M", "-")),
    "STD-DVD-SEC-MPEG2-MPML": (NOTHING, {DOT + "100"}, ("CS", "M", "-")),
    "STD-GEN-USB-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-USB-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SEC-USB-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SEC-USB-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-MMC-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-MMC-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SEC-MMC-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SEC-MMC-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-CF-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-CF-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SEC-CF-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SEC-CF-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SD-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SD-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SEC-SD-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SEC-SD-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-BD-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-BD-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-BD-MPEG2-MPML": (PLAIN, {DOT + "100"}, ("CS", "M", "CS")),
    "STD-GEN-BD-MPEG2-MPHL": (PLAIN, {DOT + "101"}, ("CS", "M", "CS")),
    "STD-GEN-BD-MPEG4-HPLV41": (PLAIN, {DOT + "102"}, ("CS", "M", "CS")),
    "STD-GEN-BD-MPEG4-HPLV41BD": (PLAIN, {DOT + "103"}, ("CS", "M", "CS")),
    "STD-GEN-SEC-BD-JPEG": (PLAIN | JPEG, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SEC-BD-J2K": (PLAIN | J2K, NOTHING, ("CS", "M", "CS")),
    "STD-GEN-SEC-BD-MPEG2-MPML": (PLAIN, {DOT + "100"}, ("CS", "M", "CS")),
    "STD-GEN-SEC-BD-MPEG2-MPHL": (PLAIN, {DOT + "101"}, ("CS", "M", "CS")),
    "STD-GEN-SEC-BD-MPEG4-HPLV41": (PLAIN, {DOT + "102"}, ("CS", "M", "CS")),
    "STD-GEN-SEC-BD-MPEG4-HPLV41BD": (PLAIN, {DOT + "103"}, ("CS", "M", "CS")),
    "STD-GEN-BD-MPEG4-HPLV42-2D": (NOTHING, {DOT + "104"}, ("CS", "M", "CS")),
    "STD-GEN-BD-MPEG4-HPLV42-3D": (NOTHING, {DOT + "105"}, ("CS", "M", "CS")),
    "STD-GEN-BD-MPEG4-SHPLV42": (NOTHING, {DOT + "106"}, ("CS", "M", "CS")),
    "STD-GEN-SEC-BD-MPEG4-HPLV42-2D": (NOTHING, {DOT + "104"}, ("CS", "M", "CS")),
    "STD-GEN-SEC-BD-MPEG4-HPLV42-3D": (NOTHING, {DOT + "105"}, ("CS", "M", "CS")),
    "STD-GEN-SEC-BD-MPEG4-SHPLV42": (NOTHING, {DOT + "106"}, ("CS", "M", "CS")),
}
DECLARED = ("STD-GEN-MIME", "STD-GEN-ZIP-MAIL", "STD-GEN-SEC-ZIP-MAIL")

# One of each kind of Directory Record, and objects that have several frames.
SINGLE = {
    CT,
    MR,
    DX,
    US,
    PR,
    STORAGE + "88.11",  # Basic Text SR
    STORAGE + "88.59",  # Key Object Selection
    STORAGE + "9.1.1",  # 12-lead ECG Waveform
    STORAGE + "4.2",  # MR Spectroscopy
    STORAGE + "66",  # Raw Data
    STORAGE + "66.1",  # Spatial Registration
    STORAGE + "104.1",  # Encapsulated PDF
    STORAGE + "481.3",  # RT Structure Set
    STORAGE + "481.5",  # RT Plan
    "1.2.840.10008.5.1.4.38.1",  # Hanging Protocol
    "1.2.840.10008.5.1.4.39.1",  # Color Palette
    STORAGE + "6",  # Ultrasound Image, retired and permitted (PS3.4 B.6)
}
MULTI = {
    US_MF,
    XA,
    STORAGE + "12.2",  # X-Ray Radiofluoroscopic Image
    STORAGE + "2.1",  # Enhanced CT
    STORAGE + "4.1",  # Enhanced MR
    STORAGE + "7.4",  # Multi-frame True Color Secondary Capture
    STORAGE + "20",  # Nuclear Medicine
    STORAGE + "77.1.1.1",  # Video Endoscopic
    STORAGE + "77.1.2.1",  # Video Microscopic
    STORAGE + "77.1.4.1",  # Video Photographic
    STORAGE + "77.1.5.1",  # Ophthalmic Photography 8 Bit
    STORAGE + "13.1.3",  # Breast Tomosynthesis
    STORAGE + "481.1",  # RT Image
}
NEVER = {
    "1.2.840.10008.1.3.10",  # the Basic Directory, which belongs to every profile anyway
    STORAGE + "200.1",  # CT Defined Procedure Protocol: no record type
    STORAGE + "200.2",  # CT Performed Procedure Protocol: none confirmed
    STORAGE + "9",  # Standalone Curve, retired without permission
    STORAGE + "8",  # Standalone Overlay
}


@pytest.mark.parametrize("name", GENERAL)
def test_a_general_purpose_profile_carries_any_class_in_its_syntaxes(name: str) -> None:
    syntaxes, video, asked = GENERAL[name]
    profile = find_profile(name)

    for uid in SINGLE:
        assert set(profile.transfer_syntaxes(uid)) == syntaxes, uid
    for uid in MULTI:
        assert set(profile.transfer_syntaxes(uid)) == syntaxes | video, uid
        assert set(profile.transfer_syntaxes(uid, Role.READER)) == syntaxes | video, uid
    for uid in NEVER:
        assert profile.transfer_syntaxes(uid) == (), uid
    assert {(rule.creator, rule.reader, rule.updater) for rule in profile.objects} == {asked}


@pytest.mark.parametrize("name", DECLARED)
def test_where_the_statement_declares_any_class_goes_in_any_syntax(name: str) -> None:
    profile = find_profile(name)

    for uid in SINGLE | MULTI:
        assert {ELE, SV1, RLE, DOT + "80", DOT + "91", DOT + "102.1", DOT + "203"} <= set(
            profile.transfer_syntaxes(uid)
        )
    for uid in NEVER:
        assert profile.transfer_syntaxes(uid) == ()
    assert [(rule.creator, rule.reader, rule.updater) for rule in profile.objects] == [
        ("CS", "CS", "-")
    ]


def test_any_class_is_every_one_that_has_a_directory_record() -> None:
    """PS3.4: 164 of B.5-1, 6 of GG.3-1, 4 retired and permitted (B.6), 4 newer than 2024c."""
    (rule,) = find_profile("STD-GEN-CD").objects

    assert len(rule.sop_classes) == 164 + 6 + 4 + 4


def test_these_tables_speak_of_every_profile() -> None:
    assert {*NAMED, *GENERAL, *DECLARED} == set(load_profiles())


# PS3.11 names none of these; JPIP may not be in a file at all (PS3.10).
FOREIGN_TAILS = """
    57 80 81 92 93 94 95 204 205 100.1 101.1 102.1 103.1 104.1 105.1 106.1 107 108 201 202 203
"""
FOREIGN = {
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.98",
    "1.2.840.10008.1.2.1.99",
    *(DOT + tail for tail in FOREIGN_TAILS.split()),
}


@pytest.mark.parametrize("name", [*sorted(NAMED), *GENERAL, *sorted(load_retired_profiles())])
def test_no_profile_carries_a_syntax_that_ps3_11_does_not_name(name: str) -> None:
    syntaxes = {uid for rule in find_profile(name).objects for uid in rule.transfer_syntaxes}

    assert syntaxes & FOREIGN == set()


@pytest.mark.parametrize("name", DECLARED)
def test_jpip_is_declared_nowhere(name: str) -> None:
    syntaxes = {uid for rule in find_profile(name).objects for uid in rule.transfer_syntaxes}

    assert not syntaxes & {DOT + tail for tail in ("94", "95", "204", "205")}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize(
    ("uid", "why"),
    [
        (STORAGE + "12.3", "bi-plane angiograms are two instances"),
        (STORAGE + "2.1", "enhanced CT"),
        (STORAGE + "4.1", "enhanced MR"),
        (STORAGE + "1.1.1", "digital X-ray for processing"),
        (STORAGE + "1.3.1", "intra-oral X-ray for processing"),
        (STORAGE + "88.11", "text"),
    ],
)
def test_a_named_class_carries_its_relatives_not(name: str, uid: str, why: str) -> None:
    assert find_profile(name).transfer_syntaxes(uid) == (), why
