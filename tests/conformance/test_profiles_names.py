"""Every Application Profile of PS3.11 by name, with annex, roles, medium, security and sessions.

Typed from PS3.11 2024c, not loaded from profiles/: the two must agree, and a
slip in a profile file must not be able to excuse itself.
"""

from __future__ import annotations

import re

import pytest

from mediastation.conformance.load import find_profile, load_profiles, load_retired_profiles
from mediastation.errors import ProfileError
from mediastation.model.medium import MEDIA
from mediastation.model.profile import ApplicationProfile, Requirement, Role

# Name, annex of PS3.11, updater or not, annexes of PS3.12, security, table of
# keys. Every profile has a creator and a reader.
TABLE = """
STD-XABC-CD                       A  FSU  F    none  A.3-2
STD-XA1K-CD                       B  FSU  F    none  B.3-2
STD-XA1K-DVD                      B  -    P    none  B.3-2
STD-US-ID-SF-CDR                  C  FSU  F    none  -
STD-US-ID-SF-DVD-RAM              C  FSU  J    none  -
STD-US-ID-SF-DVD                  C  -    P    none  -
STD-US-ID-SF-MOD23-90             C  FSU  Q    none  -
STD-US-ID-MF-CDR                  C  FSU  F    none  -
STD-US-ID-MF-DVD-RAM              C  FSU  J    none  -
STD-US-ID-MF-DVD                  C  -    P    none  -
STD-US-ID-MF-MOD23-90             C  FSU  Q    none  -
STD-US-SC-SF-CDR                  C  FSU  F    none  -
STD-US-SC-SF-DVD-RAM              C  FSU  J    none  -
STD-US-SC-SF-DVD                  C  -    P    none  -
STD-US-SC-SF-MOD23-90             C  FSU  Q    none  -
STD-US-SC-MF-CDR                  C  FSU  F    none  -
STD-US-SC-MF-DVD-RAM              C  FSU  J    none  -
STD-US-SC-MF-DVD                  C  -    P    none  -
STD-US-SC-MF-MOD23-90             C  FSU  Q    none  -
STD-US-CC-SF-CDR                  C  FSU  F    none  -
STD-US-CC-SF-DVD-RAM              C  FSU  J    none  -
STD-US-CC-SF-DVD                  C  -    P    none  -
STD-US-CC-SF-MOD23-90             C  FSU  Q    none  -
STD-US-CC-MF-CDR                  C  FSU  F    none  -
STD-US-CC-MF-DVD-RAM              C  FSU  J    none  -
STD-US-CC-MF-DVD                  C  -    P    none  -
STD-US-CC-MF-MOD23-90             C  FSU  Q    none  -
STD-GEN-CD                        D  FSU  F    none  D.3-2
STD-GEN-SEC-CD                    D  FSU  F    D.1   D.3-2
STD-GEN-DVD-RAM                   D  FSU  J    none  D.3-2
STD-GEN-SEC-DVD-RAM               D  FSU  J    D.1   D.3-2
STD-GEN-BD                        D  FSU  X    none  D.3-2
STD-GEN-SEC-BD                    D  FSU  X    D.1   D.3-2
STD-CTMR-MOD41                    E  FSU  M,A  none  E.3-2
STD-CTMR-CD                       E  FSU  F    none  E.3-2
STD-CTMR-DVD-RAM                  E  FSU  J    none  E.3-2
STD-CTMR-DVD                      E  -    P    none  E.3-2
STD-GEN-MIME                      G  -    K    none  -
STD-GEN-DVD-JPEG                  H  -    P    none  H.3-2
STD-GEN-DVD-J2K                   H  -    P    none  H.3-2
STD-GEN-SEC-DVD-JPEG              H  -    P    D.1   H.3-2
STD-GEN-SEC-DVD-J2K               H  -    P    D.1   H.3-2
STD-DVD-MPEG2-MPML                I  -    P    none  I.3-2
STD-DVD-SEC-MPEG2-MPML            I  -    P    D.1   I.3-2
STD-GEN-USB-JPEG                  J  FSU  R    none  H.3-2
STD-GEN-USB-J2K                   J  FSU  R    none  H.3-2
STD-GEN-SEC-USB-JPEG              J  FSU  R    D.1   H.3-2
STD-GEN-SEC-USB-J2K               J  FSU  R    D.1   H.3-2
STD-GEN-MMC-JPEG                  J  FSU  T    none  H.3-2
STD-GEN-MMC-J2K                   J  FSU  T    none  H.3-2
STD-GEN-SEC-MMC-JPEG              J  FSU  T    D.1   H.3-2
STD-GEN-SEC-MMC-J2K               J  FSU  T    D.1   H.3-2
STD-GEN-CF-JPEG                   J  FSU  S    none  H.3-2
STD-GEN-CF-J2K                    J  FSU  S    none  H.3-2
STD-GEN-SEC-CF-JPEG               J  FSU  S    D.1   H.3-2
STD-GEN-SEC-CF-J2K                J  FSU  S    D.1   H.3-2
STD-GEN-SD-JPEG                   J  FSU  U    none  H.3-2
STD-GEN-SD-J2K                    J  FSU  U    none  H.3-2
STD-GEN-SEC-SD-JPEG               J  FSU  U    D.1   H.3-2
STD-GEN-SEC-SD-J2K                J  FSU  U    D.1   H.3-2
STD-DEN-CD                        K  -    F    none  -
STD-GEN-ZIP-MAIL                  L  -    V,W  none  -
STD-GEN-SEC-ZIP-MAIL              L  -    V,W  B.8   -
STD-DTL-SEC-ZIP-MAIL              L  -    V,W  B.8   -
STD-GEN-BD-JPEG                   M  FSU  X    none  H.3-2
STD-GEN-BD-J2K                    M  FSU  X    none  H.3-2
STD-GEN-BD-MPEG2-MPML             M  FSU  X    none  H.3-2
STD-GEN-BD-MPEG2-MPHL             M  FSU  X    none  H.3-2
STD-GEN-BD-MPEG4-HPLV41           M  FSU  X    none  H.3-2
STD-GEN-BD-MPEG4-HPLV41BD         M  FSU  X    none  H.3-2
STD-GEN-SEC-BD-JPEG               M  FSU  X    D.1   H.3-2
STD-GEN-SEC-BD-J2K                M  FSU  X    D.1   H.3-2
STD-GEN-SEC-BD-MPEG2-MPML         M  FSU  X    D.1   H.3-2
STD-GEN-SEC-BD-MPEG2-MPHL         M  FSU  X    D.1   H.3-2
STD-GEN-SEC-BD-MPEG4-HPLV41       M  FSU  X    D.1   H.3-2
STD-GEN-SEC-BD-MPEG4-HPLV41BD     M  FSU  X    D.1   H.3-2
STD-GEN-BD-MPEG4-HPLV42-2D        N  FSU  X    none  H.3-2
STD-GEN-BD-MPEG4-HPLV42-3D        N  FSU  X    none  H.3-2
STD-GEN-BD-MPEG4-SHPLV42          N  FSU  X    none  H.3-2
STD-GEN-SEC-BD-MPEG4-HPLV42-2D    N  FSU  X    D.1   H.3-2
STD-GEN-SEC-BD-MPEG4-HPLV42-3D    N  FSU  X    D.1   H.3-2
STD-GEN-SEC-BD-MPEG4-SHPLV42      N  FSU  X    D.1   H.3-2
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
NAMES = [row[0] for row in ROWS]

SECURITY = {"none": "none", "D.1": "PS3.15 D.1", "B.8": "PS3.15 B.8"}

# What PS3.12 lets each annex be, in the names of the commands, default first.
# The annexes V and W are apart: see below.
MEDIA_OF_ANNEX = {
    "F": ("CD-80", "CD-74"),
    "J": ("DVD-RAM",),
    "K": ("MIME",),
    "M": ("MOD41",),
    "P": ("DVD-R", "DVD+R", "DVD-RW", "DVD+RW", "DVD-R-DL", "DVD+R-DL"),
    "Q": ("MOD23",),
    "R": ("USB",),
    "S": ("CF",),
    "T": ("MMC",),
    "U": ("SD",),
    "X": ("BD-R-25", "BD-R-50", "BD-R-100", "BD-RE-25", "BD-RE-50", "BD-RE-100"),
}

# Sections X.2.1.1 by annex of PS3.11.
ALL = ("finalise", "multi-session", "packet-writing")
SESSIONS = {
    "A": ("finalise", "multi-session"),
    "B": ALL,
    "C": ALL,
    "D": ALL,
    "E": ALL,
    "G": (),
    "H": ALL,
    "I": ALL,
    "J": (),
    "K": ("finalise", "multi-session"),
    "L": (),
    "M": ("finalise",),
    "N": ("finalise",),
}

# Record types, required, rows and columns, Bits Allocated, photometric interpretations.
ANY_ICON = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
ICONS = {
    "A": (("IMAGE",), True, 128, 128, 8, ANY_ICON, "PS3.11 A.3.3.2"),
    "B": (("IMAGE",), True, 128, 128, 8, ("MONOCHROME2",), "PS3.11 B.3.3.2"),
    "E": (
        ("SERIES", "IMAGE"),
        False,
        64,
        64,
        8,
        ("MONOCHROME2", "PALETTE COLOR"),
        "PS3.11 E.3.3.3",
    ),
}

# Names of classes, and slips of the standard itself; none of them is a profile.
NO_PROFILES = """
    STD-GEN STD-GEN-DVD STD-GEN-USB STD-GEN-SEC STD-US-ID-SF-CD STD-US-ID-SF-CDR-RAM
    STD-DEN-ZIP-MAIL STD-FTL-SEC-ZIP-MAIL STD-DTL-ZIP-MAIL STD-SEC-DVD-MPEG2-MPML
    STD-GEN-SEC-MIME STD-SEC-CTMR-CD STD-GEN-CD-JPEG STD-US-SF-SC-CDR
"""


def test_there_are_these_82_and_no_others() -> None:
    assert len(set(NAMES)) == len(NAMES) == 82
    assert list(load_profiles()) == sorted(NAMES)


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_annex_roles_medium_security_and_keys_are_those_of_the_standard(row: list[str]) -> None:
    name, annex, updater, formats, security, keys_table = row
    profile = find_profile(name)

    assert profile.annex == annex
    assert profile.roles == ("FSC", "FSR", *(["FSU"] if updater == "FSU" else []))
    assert profile.medium_format.startswith("PS3.12 Annex")
    assert re.findall(r"\b[A-Z]\b", profile.medium_format) == formats.split(",")
    assert profile.security == SECURITY[security]
    assert profile.keys_table == ("" if keys_table == "-" else f"PS3.11 Table {keys_table}")
    assert bool(profile.keys) == (keys_table != "-")
    assert profile.edition == "2024c"
    assert not profile.retired


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_media_are_those_of_the_annex_of_ps3_12(row: list[str]) -> None:
    name, formats = row[0], row[3].split(",")
    media = find_profile(name).media

    if formats != ["V", "W"]:
        assert media == MEDIA_OF_ANNEX[formats[0]]
    assert {MEDIA[medium].annex for medium in media} <= set(formats)


def test_an_email_is_the_medium_of_annex_l_and_alone_can_be_secure() -> None:
    """PS3.15 B.8 protects the e-mail as a whole; the ZIP file by itself would go in the clear."""
    assert find_profile("STD-GEN-ZIP-MAIL").media == ("MAIL", "ZIP")
    assert find_profile("STD-GEN-SEC-ZIP-MAIL").media == ("MAIL",)
    assert find_profile("STD-DTL-SEC-ZIP-MAIL").media == ("MAIL",)


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_sessions_icons_and_the_directory_are_those_of_the_annex(row: list[str]) -> None:
    name, annex = row[:2]
    profile = find_profile(name)

    assert profile.sessions == SESSIONS[annex]
    assert profile.directory_required == (annex != "G")
    assert [
        (
            rule.record_types,
            rule.required,
            rule.rows,
            rule.columns,
            rule.bits_allocated,
            rule.photometric_interpretations,
            rule.reference,
        )
        for rule in profile.icons
    ] == ([ICONS[annex]] if annex in ICONS else [])


@pytest.mark.parametrize("name", NAMES)
def test_a_role_that_is_not_defined_is_asked_for_nothing(name: str) -> None:
    profile = find_profile(name)

    for rule in profile.objects:
        for role in Role:
            if role not in profile.roles:
                assert rule.requirement(role) is Requirement.NONE


@pytest.mark.parametrize("name", NO_PROFILES.split())
def test_what_the_standard_does_not_have_is_not_there(name: str) -> None:
    with pytest.raises(ProfileError):
        find_profile(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_old_prefix_is_taken_and_never_given(name: str) -> None:
    assert find_profile("APL-" + name.removeprefix("STD-")).name == name


# Retired.

FLOPPIES = "FLOP MOD128 MOD230 MOD540 MOD640 MOD650 MOD12 MOD23"
RETIRED = {
    "STD-WVFM-ECG-FD": "F",
    "STD-WVFM-HD-FD": "F",
    "STD-CTMR-MOD650": "E",
    "STD-CTMR-MOD12": "E",
    "STD-CTMR-MOD23": "E",
    **{
        f"STD-US-{purpose}-{frames}-{medium}": "C"
        for purpose in ("ID", "SC", "CC")
        for frames in ("SF", "MF")
        for medium in FLOPPIES.split()
    },
}


def test_there_are_these_retired_ones_and_no_others() -> None:
    assert len(RETIRED) == 5 + 48
    assert list(load_retired_profiles()) == sorted(RETIRED)
    assert not set(RETIRED) & set(load_profiles())


def written_classes(profile: ApplicationProfile) -> set[str]:
    return {
        uid
        for rule in profile.objects
        for uid in rule.sop_classes
        for role in (Role.CREATOR, Role.UPDATER)
        if profile.transfer_syntaxes(uid, role)
    }


@pytest.mark.parametrize("name", RETIRED)
def test_a_retired_one_is_found_flagged_and_only_read(name: str) -> None:
    profile = find_profile(name)

    assert profile.annex == RETIRED[name]
    assert "2004" in profile.retired
    assert "unconfirmed" in profile.retired
    assert profile.roles == ("FSR",)
    assert profile.media == ()
    assert written_classes(profile) == set()
    assert all(rule.reader is not Requirement.NONE for rule in profile.objects)


@pytest.mark.parametrize(
    ("name", "present"),
    [
        ("STD-CTMR-MOD12", "STD-CTMR-CD"),
        ("STD-US-ID-SF-FLOP", "STD-US-ID-SF-CDR"),
        ("STD-US-ID-MF-MOD128", "STD-US-ID-MF-CDR"),
        ("STD-US-SC-SF-MOD650", "STD-US-SC-SF-CDR"),
        ("STD-US-CC-MF-MOD23", "STD-US-CC-MF-CDR"),
    ],
)
def test_a_retired_one_is_read_by_the_tables_of_the_present_class(name: str, present: str) -> None:
    retired, profile = find_profile(name), find_profile(present)

    assert [
        (rule.sop_classes, rule.transfer_syntaxes, rule.reader) for rule in retired.objects
    ] == [(rule.sop_classes, rule.transfer_syntaxes, rule.reader) for rule in profile.objects]
    assert retired.attributes == profile.attributes
    assert retired.keys == profile.keys


def test_retired_waveforms_are_those_of_their_names() -> None:
    reader = Role.READER
    ecg, hemodynamic = find_profile("STD-WVFM-ECG-FD"), find_profile("STD-WVFM-HD-FD")

    assert ecg.transfer_syntaxes("1.2.840.10008.5.1.4.1.1.9.1.1", reader) != ()
    assert ecg.transfer_syntaxes("1.2.840.10008.5.1.4.1.1.9.2.1", reader) == ()
    assert hemodynamic.transfer_syntaxes("1.2.840.10008.5.1.4.1.1.9.2.1", reader) != ()
