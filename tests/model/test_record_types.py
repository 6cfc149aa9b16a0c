"""The tables of keys against Annex F of PS3.3, typed here a second time."""

from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag

from mediastation.model.record import AdditionalKey, Condition, Key, tighten
from mediastation.model.record_types import RECORD_TAGS, RECORD_TYPES
from mediastation.model.sop_class import SOP_CLASSES

CIM = "00200013=1 00700080=1 00700081=2 0040A043=3 00700087=3 00700084=3"
MOMENT = "00080023=1 00080033=1"

# PS3.3 2024c Tables F.5-1 to F.5-48 and F.5.49 of 2025a: parent, then tag=type.
ANNEX_F = {
    "PATIENT": ("", "00100010=2 00100020=1"),
    "STUDY": (
        "PATIENT",
        "00080020=1 00080030=1 00081030=2 0020000D=1 00200010=1 00080050=2",
    ),
    "SERIES": ("STUDY", "00080060=1 0020000E=1 00200011=1"),
    "IMAGE": ("SERIES", "00200013=1"),
    "RT DOSE": ("SERIES", "00200013=1 3004000A=1 30040006=3"),
    "RT STRUCTURE SET": ("SERIES", "00200013=1 30060002=1 30060008=2 30060009=2"),
    "RT PLAN": ("SERIES", "00200013=1 300A0002=1 300A0006=2 300A0007=2"),
    "RT TREAT RECORD": ("SERIES", "00200013=1 30080250=2 30080251=2"),
    "PRESENTATION": ("SERIES", f"00700082=1 00700083=1 {CIM} 00081115=1C 00700402=1C"),
    "WAVEFORM": ("SERIES", f"00200013=1 {MOMENT}"),
    "SR DOCUMENT": (
        "SERIES",
        f"00200013=1 0040A491=1 0040A493=1 {MOMENT} 0040A030=1C 0040A043=1 0040A730=1C",
    ),
    "KEY OBJECT DOC": ("SERIES", f"00200013=1 {MOMENT} 0040A043=1 0040A730=1C"),
    "SPECTROSCOPY": (
        "SERIES",
        f"00080008=1 {MOMENT} 00200013=1 00089092=1C 00280008=1 00280010=1 00280011=1 "
        "00289001=1 00289002=1",
    ),
    "RAW DATA": ("SERIES", f"{MOMENT} 00200013=2"),
    "REGISTRATION": ("SERIES", f"{MOMENT} {CIM}"),
    "FIDUCIAL": ("SERIES", f"{MOMENT} {CIM}"),
    "HANGING PROTOCOL": (
        "",
        "00720002=1 00720004=1 00720006=1 00720008=1 0072000A=1 0072000C=1 00720014=1 0072000E=2",
    ),
    "ENCAP DOC": (
        "SERIES",
        "00080023=2 00080033=2 00200013=1 00420010=2 0040E001=1C 0040A043=2 00420012=1",
    ),
    "VALUE MAP": ("SERIES", f"{MOMENT} {CIM}"),
    "STEREOMETRIC": ("SERIES", ""),
    "PALETTE": ("", "00700080=1 00700081=2"),
    "IMPLANT": ("", "00080070=1 00221095=1 00686210=1C 00221097=1"),
    "IMPLANT ASSY": ("", "00760001=1 00080070=1 00760020=1"),
    "IMPLANT GROUP": ("", "00780001=1 00780010=3 00780020=1"),
    "PLAN": ("SERIES", ""),
    "MEASUREMENT": ("SERIES", f"{MOMENT} {CIM}"),
    "SURFACE": ("SERIES", f"{MOMENT} {CIM}"),
    "SURFACE SCAN": ("SERIES", MOMENT),
    "TRACT": ("SERIES", f"{MOMENT} {CIM}"),
    "ASSESSMENT": ("SERIES", "00200013=1 00080012=1 00080013=2"),
    "RADIOTHERAPY": (
        "SERIES",
        "00200013=1 30100033=1C 30100034=1C 00700081=2 00700084=2",
    ),
    "ANNOTATION": ("SERIES", f"{MOMENT} {CIM}"),
    "INVENTORY": (
        "",
        f"{MOMENT} 00080401=2 00080403=1 00080400=2 00080426=1 00080428=1",
    ),
    "WF PRESENTATION": ("SERIES", f"00700082=1 00700083=1 {CIM} 00081115=1C"),
}


def every_key(keys: tuple[Key, ...]) -> list[Key]:
    found = list(keys)
    for key in found:
        found.extend(key.nested)
    return found


def test_every_current_record_type_is_there_and_no_other() -> None:
    assert set(RECORD_TYPES) == set(ANNEX_F)


@pytest.mark.parametrize("name", ANNEX_F)
def test_keys_are_those_of_annex_f(name: str) -> None:
    """What the station adds of its own accord is Type 3."""
    parent, keys = ANNEX_F[name]
    expected = dict(key.split("=") for key in keys.split())
    found = {f"{key.tag:08X}": key.type for key in RECORD_TYPES[name].keys}
    own = {tag: type_ for tag, type_ in found.items() if tag not in expected}

    assert RECORD_TYPES[name].parent == parent
    assert {tag: found.get(tag) for tag in expected} == expected
    assert set(own.values()) <= {"3"}


def test_implant_and_inventory_records_have_no_keys_of_ours() -> None:
    """Their tables have no row for any other attribute."""
    for name in ("IMPLANT", "IMPLANT ASSY", "IMPLANT GROUP", "INVENTORY"):
        assert len(RECORD_TYPES[name].keys) == len(ANNEX_F[name][1].split())


@pytest.mark.parametrize("name", ANNEX_F)
def test_keys_have_the_dictionary_s_names_and_ascend(name: str) -> None:
    for key in every_key(RECORD_TYPES[name].keys):
        assert key.keyword == keyword_for_tag(key.tag)
        assert key.vr == dictionary_VR(key.tag)
        assert not (key.multiple and dictionary_VM(key.tag) == "1")
        for keys in (key.nested, RECORD_TYPES[name].keys):
            assert [one.tag for one in keys] == sorted({one.tag for one in keys})


def test_every_type_1_key_can_be_supplied_or_comes_from_elsewhere() -> None:
    """Patient ID and the UIDs are given; nothing else may be without a last resort."""
    given = {0x00100020, 0x0020000D, 0x0020000E}
    bare = [
        (name, key.keyword)
        for name, record_type in RECORD_TYPES.items()
        for key in record_type.keys
        if key.type == "1" and not key.supply and key.tag not in given
    ]

    assert bare == []


def test_record_types_of_sop_classes_are_known() -> None:
    used = {sop_class.record_type for sop_class in SOP_CLASSES.values()} - {""}

    assert used == set(RECORD_TYPES) - {"PATIENT", "STUDY", "SERIES"}


def test_what_records_draw_upon_is_named_for_the_index() -> None:
    for tag in (0x00080005, 0x0008001A, 0x00080022, 0x0040A073, 0x00100020, 0x30100034):
        assert tag in RECORD_TAGS


def test_a_profile_tightens_and_never_loosens() -> None:
    keys = RECORD_TYPES["IMAGE"].keys
    additional = (
        AdditionalKey("IMAGE", 0x00280010, "US", "1").as_key(),
        AdditionalKey("IMAGE", 0x00200013, "IS", "3").as_key(),
        AdditionalKey("IMAGE", 0x00080008, "CS", "1C", Condition.PRESENT).as_key(),
    )

    merged = {key.tag: key.type for key in tighten(keys, additional)}

    assert merged[0x00280010] == "1"
    assert merged[0x00200013] == "1"
    assert merged[0x00080008] == "1C"
    assert list(merged) == sorted(merged)
