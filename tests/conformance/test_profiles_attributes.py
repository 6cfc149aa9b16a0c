"""What profiles demand of attributes, typed from PS3.11 2024c, sections X.3.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from pydicom.datadict import keyword_for_tag

from mediastation.conformance.load import find_profile, load_profiles, load_retired_profiles
from mediastation.dicom.index_tags import INDEX_TAGS
from mediastation.model.attribute_rule import AttributeRule
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES

STORAGE = "1.2.840.10008.5.1.4.1.1."
SHORT = {
    STORAGE + "12.1": "XA",
    STORAGE + "7": "SC",
    STORAGE + "2": "CT",
    STORAGE + "4": "MR",
    STORAGE + "1.3": "IO",
    STORAGE + "1.1": "DX",
    "1.2.840.10008.1.2.1": "ELE",
    "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.50": ".50",
}

# Classes or syntaxes (* for all) | tag | demand | condition | where it is said
A = """
    * | 0008,0060 | XA     | | PS3.11 Table A.3-3
    * | 0028,0010 | 1..512 | | PS3.11 Table A.3-3
    * | 0028,0011 | 1..512 | | PS3.11 Table A.3-3
    * | 0028,0100 | 8      | | PS3.11 Table A.3-3
    * | 0028,0101 | 8      | | PS3.11 Table A.3-3
    * | 60xx,0100 | 1      | | PS3.11 A.3.4
    * | 60xx,0102 | 0      | | PS3.11 A.3.4
"""
B = """
    XA | 0008,0060 | XA          | | PS3.11 Table B.3-3
    XA | 0028,0010 | 1..1024     | | PS3.11 Table B.3-3
    XA | 0028,0011 | 1..1024     | | PS3.11 Table B.3-3
    XA | 0028,0101 | 8, 10, 12   | | PS3.11 Table B.3-3
    SC | 0028,0010 | 1..1024     | | PS3.11 Table B.3-4
    SC | 0028,0011 | 1..1024     | | PS3.11 Table B.3-4
    SC | 0028,0002 | 1           | | PS3.11 Table B.3-4
    SC | 0028,0004 | MONOCHROME2 | | PS3.11 Table B.3-4
    SC | 0028,0100 | 8           | | PS3.11 Table B.3-4
    SC | 0028,0101 | 8           | | PS3.11 Table B.3-4
    SC | 0028,0102 | 7           | | PS3.11 Table B.3-4
    SC | 0028,0103 | 0           | | PS3.11 Table B.3-4
    SC | 60xx,0010 | absent      | | PS3.11 B.3.4
    SC | 60xx,0100 | absent      | 60xx,0010 absent | PS3.11 B.3.4
"""
C = """
    ELE | 0028,0004 | MONOCHROME2, RGB, PALETTE COLOR, YBR_FULL_422 | | PS3.11 Table C.3-2
    RLE | 0028,0004 | MONOCHROME2, RGB, PALETTE COLOR, YBR_FULL     | | PS3.11 Table C.3-2
    .50 | 0028,0004 | YBR_FULL_422                                  | | PS3.11 Table C.3-2
    * | 0028,0002 | 1     | 0028,0004 MONOCHROME2, PALETTE COLOR                | PS3.3 C.8.5.6
    * | 0028,0002 | 3     | 0028,0004 RGB, YBR_FULL, YBR_FULL_422               | PS3.3 C.8.5.6
    * | 0028,0100 | 8     | 0028,0004 MONOCHROME2, RGB, YBR_FULL, YBR_FULL_422  | PS3.3 C.8.5.6
    * | 0028,0100 | 8, 16 | 0028,0004 PALETTE COLOR                             | PS3.3 C.8.5.6
    * | 0028,0101 | =0028,0100   | | PS3.3 C.8.5.6
    * | 0028,0102 | =0028,0101-1 | | PS3.3 C.8.5.6
    * | 0028,0103 | 0            | | PS3.3 C.8.5.6
    *   | 0028,0006 | 0, 1 | 0028,0004 RGB          | PS3.3 C.8.5.6
    RLE | 0028,0006 | 1    | 0028,0004 YBR_FULL     | PS3.3 C.8.5.6
    *   | 0028,0006 | 0    | 0028,0004 YBR_FULL_422 | PS3.3 C.8.5.6
"""
REGIONS = """
    * | 0018,6011 | given | | PS3.11 Table C.1-1 and PS3.3 C.8.5.5
"""
COMPONENTS = """
    * | 0018,6011 | given | 0018,6011 given | PS3.11 Table C.1-1 and PS3.3 C.8.5.5
"""
E = """
    CT | 0008,0060 | CT          | | PS3.11 Table E.3-3
    CT | 0028,0004 | MONOCHROME2 | | PS3.11 Table E.3-3
    MR | 0008,0060 | MR          | | PS3.11 Table E.3-4
    MR | 0028,0004 | MONOCHROME2 | | PS3.11 Table E.3-4
    MR | 0028,0101 | 8, 12, 13, 14, 15, 16 | | PS3.11 Table E.3-4
    MR | 0028,0102 | =0028,0101-1          | | PS3.11 Table E.3-4
    SC | 0028,0002 | 1                          | | PS3.11 Tables E.3-5 and E.3-6
    SC | 0028,0004 | MONOCHROME2, PALETTE COLOR | | PS3.11 Tables E.3-5 and E.3-6
    SC | 0028,0100 | 8, 16        | 0028,0004 MONOCHROME2 | PS3.11 Table E.3-5
    SC | 0028,0101 | =0028,0100   | 0028,0004 MONOCHROME2 | PS3.11 Table E.3-5
    SC | 0028,0102 | =0028,0101-1 | 0028,0004 MONOCHROME2 | PS3.11 Table E.3-5
    SC | 0028,0100 | 8 | 0028,0004 PALETTE COLOR | PS3.11 Table E.3-6
    SC | 0028,0101 | 8 | 0028,0004 PALETTE COLOR | PS3.11 Table E.3-6
    SC | 0028,0102 | 7 | 0028,0004 PALETTE COLOR | PS3.11 Table E.3-6
"""
DENTAL = """
    DX IO | 0028,0101 | 8, 10, 12, 16 |                      | {bits}
    DX IO | 0028,0100 | 8             | 0028,0101 8          | {bits}
    DX IO | 0028,0100 | 16            | 0028,0101 10, 12, 16 | {bits}
    DX IO | 0008,0080 | present | | {type_2}
    DX IO | 0008,1090 | present | | {type_2}
    DX IO | 0018,700A | present | | {type_2}
    DX IO | 0018,702A | present | | {type_2}
    DX IO | 0018,702B | present | | {type_2}
"""
K = DENTAL.format(bits="PS3.11 Table K.3-3", type_2="PS3.11 Table K.3-4")
L = DENTAL.format(bits="PS3.11 Table L.4-1", type_2="PS3.11 Table L.4-2")

US = [
    f"STD-US-{purpose}-{frames}-{medium}"
    for purpose in ("ID", "SC", "CC")
    for frames in ("SF", "MF")
    for medium in ("CDR", "DVD-RAM", "DVD", "MOD23-90")
]
EXPECTED = {
    "STD-XABC-CD": A,
    "STD-XA1K-CD": B,
    "STD-XA1K-DVD": B,
    **{name: C for name in US if "-ID-" in name},
    **{name: C + REGIONS for name in US if "-SC-" in name},
    **{name: C + REGIONS + COMPONENTS for name in US if "-CC-" in name},
    "STD-CTMR-MOD41": E,
    "STD-CTMR-CD": E,
    "STD-CTMR-DVD-RAM": E,
    "STD-CTMR-DVD": E,
    "STD-DEN-CD": K,
    "STD-DTL-SEC-ZIP-MAIL": L,
}


def demand_of(rule: AttributeRule) -> str:
    if rule.bounds:
        return f"{rule.bounds[0]}..{rule.bounds[1]}"
    if rule.same_as:
        tag, plus = rule.same_as.tag, rule.same_as.plus
        return f"={tag >> 16:04X},{tag & 0xFFFF:04X}" + (f"{plus:+d}" if plus else "")
    return ", ".join(rule.values) or str(rule.presence)


def told(rule: AttributeRule) -> tuple[str, ...]:
    where = sorted(SHORT[uid] for uid in rule.sop_classes | rule.transfer_syntaxes)
    return (
        " ".join(where) or "*",
        rule.tag_text,
        demand_of(rule),
        "; ".join(f"{inner.tag_text} {demand_of(inner)}" for inner in rule.when),
        rule.reference,
    )


def lines(text: str) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines()]


@pytest.mark.parametrize("name", load_profiles())
def test_demands_are_those_of_the_tables_and_the_others_have_none(name: str) -> None:
    expected = [row for row in lines(EXPECTED.get(name, "")) if len(row) > 1]

    assert sorted(map(told, find_profile(name).attributes)) == sorted(expected)


# Type 1 in each item of the Sequence of Ultrasound Regions, and when (C.8.5.5).
SPATIAL = "6012 6014 6016 6018 601A 601C 601E 6024 6026 602C 602E"
COMPONENT = """
    0018,6044
    0018,604C
    0018,604E
    0018,6046 0
    0018,6048 1
    0018,604A 1
    0018,6050 0, 1
    0018,6052 0, 1
    0018,6054 0, 1
    0018,6056 2, 3
    0018,6058 2
    0018,605A 2
    0040,9098 3
"""


@pytest.mark.parametrize("name", US)
def test_items_of_regions_have_what_the_calibration_needs(name: str) -> None:
    found = {
        (inner.tag_text, *(f"{when.tag_text} {demand_of(when)}" for when in inner.when))
        for rule in find_profile(name).attributes
        for inner in rule.items
        if inner.presence == "given"
    }
    expected: set[tuple[str, ...]] = set()
    if "-ID-" not in name:
        expected |= {(f"0018,{tail}",) for tail in SPATIAL.split()}
    if "-CC-" in name:
        for line in COMPONENT.strip().splitlines():
            tag, _, organization = line.strip().partition(" ")
            expected.add((tag, f"0018,6044 {organization}") if organization else (tag,))

    assert found == expected


def every(rules: Iterable[AttributeRule]) -> Iterator[AttributeRule]:
    for rule in rules:
        yield rule
        yield from every(rule.items)
        yield from every(rule.when)


@pytest.mark.parametrize("name", [*load_profiles(), *load_retired_profiles()])
class TestEveryProfile:
    def test_keywords_of_rules_are_those_of_the_dictionary(self, name: str) -> None:
        for rule in every(find_profile(name).attributes):
            assert {keyword_for_tag(tag) for tag in rule.tags} == {rule.keyword}
            if rule.same_as:
                assert keyword_for_tag(rule.same_as.tag) == rule.same_as.keyword

    def test_rules_are_answered_from_the_index_alone(self, name: str) -> None:
        for rule in find_profile(name).attributes:
            asked = {tag for inner in (rule, *rule.when) for tag in inner.tags}
            if rule.same_as:
                asked.add(rule.same_as.tag)
            assert asked <= INDEX_TAGS

    def test_rules_speak_of_what_the_profile_carries(self, name: str) -> None:
        profile = find_profile(name)
        classes = {uid for rule in profile.objects for uid in rule.sop_classes}
        syntaxes = {uid for rule in profile.objects for uid in rule.transfer_syntaxes}

        for rule in profile.attributes:
            assert rule.sop_classes <= classes
            assert rule.transfer_syntaxes <= syntaxes <= set(TRANSFER_SYNTAXES)

    def test_every_table_says_where_it_stands(self, name: str) -> None:
        profile = find_profile(name)

        assert profile.objects_table.startswith("PS3.11")
        assert profile.source.startswith("PS3.11")
        assert bool(profile.keys) == bool(profile.keys_table)
        assert all(rule.reference.startswith("PS3.") for rule in profile.attributes)


def test_an_overlay_group_is_any_of_the_sixteen() -> None:
    (rows,) = [
        rule for rule in find_profile("STD-XA1K-CD").attributes if rule.tag_text == "60xx,0010"
    ]

    assert rows.tags == tuple(0x60000010 + (group << 16) for group in range(0, 0x20, 2))
