"""Keys that profiles add to Directory Records, typed from PS3.11 2024c, tables X.3-2."""

from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_VM

from mediastation.conformance.load import find_profile, load_profiles, load_retired_profiles
from mediastation.dicom.index_tags import INDEX_TAGS
from mediastation.model.profile import ApplicationProfile
from tests.conformance.test_profiles_names import ROWS

# Record, tag, VR, type, condition. The Icon Image Sequence of A.3-2 and B.3-2 is
# in the icon's own test. Where B.3-2 says 1C for angiograms, the type is 1 and
# the class beside it.
XA = "1.2.840.10008.5.1.4.1.1.12.1"
A_2 = """
    PATIENT 0010,0030 DA 2
    PATIENT 0010,0040 CS 2
    SERIES  0008,0080 LO 2
    SERIES  0008,0081 ST 2
    SERIES  0008,1050 PN 2
    IMAGE   0008,0008 CS 1
    IMAGE   0050,0004 CS 2
    IMAGE   0008,1140 SQ 1C biplane
"""
B_2 = f"""
    PATIENT 0010,0030 DA 2
    PATIENT 0010,0040 CS 2
    SERIES  0008,0080 LO 2
    SERIES  0008,0081 ST 2
    SERIES  0008,1050 PN 2
    IMAGE   0008,0008 CS 1 {XA}
    IMAGE   0050,0004 CS 2
    IMAGE   0008,1140 SQ 1C biplane {XA}
    IMAGE   0028,2112 DS 1C non-empty
"""
D_2 = """
    IMAGE 0008,0008 CS 1C present
    IMAGE 0008,1140 SQ 1C present
"""
E_2 = """
    IMAGE 0008,1140 SQ 1C present
    IMAGE 0020,0032 DS 1C present
    IMAGE 0020,0037 DS 1C present
    IMAGE 0020,0052 UI 1C present
    IMAGE 0028,0010 US 1
    IMAGE 0028,0011 US 1
    IMAGE 0028,0030 DS 1C present
"""
H_2 = """
    PATIENT 0010,0030 DA 1C subordinate
    PATIENT 0010,0040 CS 1C subordinate
    SERIES  0008,0080 LO 1C subordinate
    SERIES  0008,0081 ST 1C subordinate
    SERIES  0008,1050 PN 1C subordinate
    IMAGE   0008,0008 CS 1C present
    IMAGE   0050,0004 CS 1C non-empty
    IMAGE   0008,1140 SQ 1C present in-shared-groups
    IMAGE   0028,2112 DS 1C non-empty
    IMAGE   0028,0010 US 1
    IMAGE   0028,0011 US 1
    IMAGE   0020,0052 UI 1C present
    IMAGE   0020,0200 UI 1C present
    IMAGE   0028,0008 IS 1C present
    IMAGE   0018,1800 CS 1C present
    IMAGE   0008,002A DT 1C present
    IMAGE   0020,0032 DS 1C present in-shared-groups
    IMAGE   0020,0037 DS 1C present in-shared-groups
    IMAGE   0028,0030 DS 1C present in-shared-groups
    SPECTROSCOPY 0008,1140 SQ 1C present in-shared-groups
    SPECTROSCOPY 0028,0010 US 1
    SPECTROSCOPY 0028,0011 US 1
    SPECTROSCOPY 0020,0052 UI 1C present
    SPECTROSCOPY 0020,0200 UI 1C present
    SPECTROSCOPY 0028,0008 IS 1C present
    SPECTROSCOPY 0018,1800 CS 1C present
    SPECTROSCOPY 0008,002A DT 1C present
    SPECTROSCOPY 0020,0032 DS 1C present in-shared-groups
    SPECTROSCOPY 0020,0037 DS 1C present in-shared-groups
    SPECTROSCOPY 0028,0030 DS 1C present in-shared-groups
"""
I_2 = """
    PATIENT 0010,0030 DA 1C subordinate
    PATIENT 0010,0040 CS 1C subordinate
    SERIES  0008,0080 LO 1C subordinate
    SERIES  0008,0081 ST 1C subordinate
    SERIES  0008,1050 PN 1C subordinate
    IMAGE   0008,0008 CS 1C present
    IMAGE   0028,2112 DS 1C non-empty
    IMAGE   0028,0010 US 1
    IMAGE   0028,0011 US 1
"""
TABLES = {"A.3-2": A_2, "B.3-2": B_2, "D.3-2": D_2, "E.3-2": E_2, "H.3-2": H_2, "I.3-2": I_2}
REFERENCED_IMAGES = 0x00081140


def keys_of(profile: ApplicationProfile) -> list[tuple[str, ...]]:
    return sorted(
        (
            key.record_type,
            f"{key.tag >> 16:04X},{key.tag & 0xFFFF:04X}",
            key.vr,
            key.type,
            *([key.condition] if key.type == "1C" else []),
            *sorted(key.sop_classes),
            *(["in-shared-groups"] if key.in_shared_groups else []),
        )
        for key in profile.keys
    )


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_keys_are_those_of_the_table(row: list[str]) -> None:
    name, table = row[0], row[5]
    expected = [] if table == "-" else TABLES[table].strip().splitlines()

    assert keys_of(find_profile(name)) == sorted(tuple(line.split()) for line in expected)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_items_of_referenced_images_name_an_instance_or_are_copied_unchanged(
    row: list[str],
) -> None:
    """Class and instance are 1C in A, B, D and E; H.3-2 wants the complete sequence as it is."""
    for key in find_profile(row[0]).keys:
        nested = [(inner.tag, inner.vr, inner.type) for inner in key.nested]
        if key.tag == REFERENCED_IMAGES and row[5] != "H.3-2":
            assert nested == [(0x00081150, "UI", "1"), (0x00081155, "UI", "1")]
        else:
            assert nested == []


def test_no_table_asks_for_the_icon_as_a_key_of_the_object() -> None:
    """It is made from the pixels: the icon rules say where it has to be."""
    for profile in load_profiles().values():
        assert 0x00880200 not in {key.tag for key in profile.keys}


@pytest.mark.parametrize("name", [*load_profiles(), *load_retired_profiles()])
def test_every_key_can_be_answered_from_the_index(name: str) -> None:
    assert {key.tag for key in find_profile(name).keys} <= INDEX_TAGS


@pytest.mark.parametrize("name", load_profiles())
def test_keys_have_several_values_where_the_dictionary_lets_them(name: str) -> None:
    """PS3.6, Value Multiplicity: Rows of two numbers would be no key."""
    for key in find_profile(name).keys:
        assert key.multiple == (dictionary_VM(key.tag) != "1"), key.keyword
