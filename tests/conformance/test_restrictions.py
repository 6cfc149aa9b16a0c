"""What one row of a table of attribute values demands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.conformance.attributes import words_of
from mediastation.conformance.load import find_profile
from mediastation.conformance.restrictions import find_breaches, told
from mediastation.conformance.rulebook import Rulebook, lacks
from mediastation.model.attribute_rule import AttributeRule, Presence, SameAs
from mediastation.model.instance import Element
from mediastation.model.record import AdditionalKey, Condition, Key
from tests.support.annex_headers import cs, sequence, us
from tests.support.headers import EXPLICIT_LE

ROWS, STORED, HIGH, KIND, ITEMS = 0x00280010, 0x00280101, 0x00280102, 0x00080008, 0x00186011


def meets(rule: AttributeRule, elements: Mapping[int, Element], syntax: str = EXPLICIT_LE) -> bool:
    return not find_breaches(elements, [rule], syntax)


class TestValues:
    rule = AttributeRule("Modality", (0x00080060,), values=("XA", "RF"))

    @pytest.mark.parametrize("value", [b"XA", b"RF", b"XA ", b"RF\0"])
    def test_padding_does_not_count(self, value: bytes) -> None:
        assert meets(self.rule, {0x00080060: Element("CS", value)})

    @pytest.mark.parametrize("value", [b"", b"xa", b"XA\\US", b"X", b"\xff"])
    def test_anything_else_does(self, value: bytes) -> None:
        assert not meets(self.rule, {0x00080060: Element("CS", value)})

    def test_an_absent_element_meets_no_demand_for_a_value(self) -> None:
        assert not meets(self.rule, {})

    def test_one_of_several_values_may_be_meant(self) -> None:
        third = AttributeRule("ImageType", (KIND,), values=("BIPLANE A",), value_number=3)

        assert meets(third, {KIND: cs("A\\B\\BIPLANE A\\C")})
        assert not meets(third, {KIND: cs("BIPLANE A\\B")})

    @pytest.mark.parametrize("value", [b"8", b"+8", b"08 ", b" 8"])
    def test_numbers_in_text_are_numbers(self, value: bytes) -> None:
        eight = AttributeRule("NumberOfFrames", (0x00280008,), values=("8",))

        assert meets(eight, {0x00280008: Element("IS", value)})


class TestBounds:
    rule = AttributeRule("Rows", (ROWS,), bounds=(1, 512))

    @pytest.mark.parametrize(("rows", "fine"), [(0, False), (1, True), (512, True), (513, False)])
    def test_both_ends_belong_to_it(self, rows: int, fine: bool) -> None:
        assert meets(self.rule, {ROWS: us(rows)}) == fine

    @pytest.mark.parametrize("element", [Element("US", b""), Element("US", b"\1"), cs("x")])
    def test_what_is_no_number_lies_outside(self, element: Element) -> None:
        assert not meets(self.rule, {ROWS: element})

    def test_text_of_many_digits_is_no_number(self) -> None:
        assert not meets(self.rule, {ROWS: Element("IS", b"9" * 5000)})


def test_another_attribute_may_be_the_measure() -> None:
    rule = AttributeRule("HighBit", (HIGH,), same_as=SameAs(STORED, "BitsStored", -1))

    assert meets(rule, {HIGH: us(11), STORED: us(12)})
    assert not meets(rule, {HIGH: us(15), STORED: us(12)})
    assert not meets(rule, {HIGH: us(11)})


@pytest.mark.parametrize(
    ("presence", "absent", "empty", "zero", "given_"),
    [
        (Presence.PRESENT, False, True, True, True),
        (Presence.GIVEN, False, False, True, True),
        (Presence.ABSENT, True, False, False, False),
    ],
)
def test_presence_is_type_2_type_1_or_absence(
    presence: Presence, absent: bool, empty: bool, zero: bool, given_: bool
) -> None:
    rule = AttributeRule("Rows", (ROWS,), presence=presence)

    assert meets(rule, {}) == absent
    assert meets(rule, {ROWS: Element("US", b"")}) == empty
    assert meets(rule, {ROWS: us(0)}) == zero
    assert meets(rule, {ROWS: us(5)}) == given_


def test_zero_is_a_value_of_a_floating_number() -> None:
    rule = AttributeRule("PhysicalDeltaX", (0x0018602C,), presence=Presence.GIVEN)

    assert meets(rule, {0x0018602C: Element("FD", bytes(8))})
    assert not meets(rule, {0x0018602C: Element("FD", b"")})


def test_a_rule_may_hold_for_some_syntaxes_and_some_data_sets_alone() -> None:
    when = (AttributeRule("BitsStored", (STORED,), values=("8",)),)
    rule = AttributeRule(
        "Rows", (ROWS,), values=("4",), when=when, transfer_syntaxes=frozenset({EXPLICIT_LE})
    )

    assert not meets(rule, {STORED: us(8), ROWS: us(5)})
    assert meets(rule, {STORED: us(9), ROWS: us(5)})
    assert meets(rule, {ROWS: us(5)})
    assert meets(rule, {STORED: us(8), ROWS: us(5)}, "1.2")


class TestRepeatingGroups:
    tags = tuple(0x60000100 + (place << 17) for place in range(16))

    def test_values_are_asked_of_the_groups_that_are_there(self) -> None:
        rule = AttributeRule("OverlayBitsAllocated", self.tags, values=("1",))

        assert meets(rule, {})
        assert meets(rule, {0x60000100: us(1), 0x601E0100: us(1)})
        assert not meets(rule, {0x60000100: us(1), 0x601E0100: us(16)})

    def test_absence_is_asked_of_all(self) -> None:
        rule = AttributeRule("OverlayBitsAllocated", self.tags, presence=Presence.ABSENT)

        assert meets(rule, {})
        assert not meets(rule, {0x60080100: us(1)})

    def test_a_condition_is_that_of_the_same_group(self) -> None:
        rows = tuple(tag - 0xF0 for tag in self.tags)
        rule = AttributeRule(
            "OverlayBitsAllocated",
            self.tags,
            presence=Presence.GIVEN,
            when=(AttributeRule("OverlayRows", rows, presence=Presence.PRESENT),),
        )

        assert meets(rule, {0x60020010: us(1), 0x60020100: us(1)})
        assert not meets(rule, {0x60020010: us(1), 0x60000100: us(1)})


class TestItems:
    rule = AttributeRule(
        "Regions",
        (ITEMS,),
        presence=Presence.GIVEN,
        items=(AttributeRule("Rows", (ROWS,), values=("1",)),),
    )

    def test_every_item_has_to_meet_them(self) -> None:
        assert meets(self.rule, {ITEMS: sequence({ROWS: us(1)}, {ROWS: us(1)})})
        assert not meets(self.rule, {ITEMS: sequence({ROWS: us(1)}, {ROWS: us(2)})})
        assert not meets(self.rule, {ITEMS: sequence({ROWS: us(1)}, {})})

    def test_the_first_deficient_item_is_told_and_no_further_one(self) -> None:
        broken = {ITEMS: sequence({ROWS: us(1)}, *([{ROWS: us(2)}] * 100))}

        (breach,) = find_breaches(broken, [self.rule], EXPLICIT_LE)

        assert "item 2 of Regions" in breach.words

    @given(st.binary(max_size=64))
    def test_hostile_bytes_break_nothing(self, value: bytes) -> None:
        find_breaches({ITEMS: Element("SQ", value)}, [self.rule], EXPLICIT_LE)
        find_breaches({ITEMS: Element("LO", value)}, [self.rule], EXPLICIT_LE)


def test_many_breaches_are_cut() -> None:
    rules = [
        AttributeRule(f"Rows{n}", (ROWS,), values=("1",), reference=f"Table {n}") for n in range(9)
    ]

    words, reference = told(find_breaches({}, rules, EXPLICIT_LE))

    assert words.endswith("; 5 more")
    assert reference == "Table 0; Table 1"


@given(st.sampled_from(["US", "SS", "UL", "SL", "IS", "DS", "CS", "OB"]), st.binary(max_size=40))
def test_any_bytes_have_words(vr: str, value: bytes) -> None:
    assert all(isinstance(word, str) for word in words_of(Element(vr, value)))


class TestKeys:
    shared = 0x52009229

    def key(self, **facts: object) -> AdditionalKey:
        return AdditionalKey("IMAGE", 0x00280030, "DS", "1", **facts)  # type: ignore[arg-type]

    def test_a_value_of_the_object_is_enough_and_an_empty_one_is_none(self) -> None:
        assert not lacks(self.key(), {0x00280030: Element("DS", b"1\\1")})
        assert lacks(self.key(), {0x00280030: Element("DS", b" ")})
        assert lacks(self.key(), {})

    def test_shared_functional_groups_may_give_it(self) -> None:
        """Table H.3-2: a macro's item holds it, or the item of the sequence itself."""
        measures = sequence({0x00280030: Element("DS", b"1\\1 ")})
        groups = {self.shared: sequence({0x00289110: measures})}

        assert not lacks(self.key(in_shared_groups=True), groups)
        assert lacks(self.key(), groups)
        assert lacks(
            self.key(in_shared_groups=True), {self.shared: sequence({0x00289110: sequence({})})}
        )

    @given(st.binary(max_size=80))
    def test_damaged_groups_give_nothing(self, value: bytes) -> None:
        assert lacks(self.key(in_shared_groups=True), {self.shared: Element("SQ", value)})

    def test_a_sequence_needs_an_item_with_all_that_it_must_have(self) -> None:
        nested = (Key(0x00081150, "A", "UI", "1"), Key(0x00081155, "B", "UI", "1"))
        key = AdditionalKey("IMAGE", 0x00081140, "SQ", "1", nested=nested)
        whole = {0x00081150: Element("UI", b"1.2\0"), 0x00081155: Element("UI", b"1.3\0")}
        half = {0x00081150: Element("UI", b"1.2\0")}

        assert not lacks(key, {0x00081140: sequence(half, whole)})
        assert lacks(key, {0x00081140: sequence(half)})
        assert lacks(key, {0x00081140: sequence()})

    @pytest.mark.parametrize(
        ("kind", "wanted"),
        [("A\\B\\BIPLANE A", True), ("A\\B\\BIPLANE B", True), ("A\\B\\SINGLE PLANE", False)],
    )
    def test_a_biplane_key_is_asked_of_biplane_images(self, kind: str, wanted: bool) -> None:
        key = AdditionalKey("IMAGE", 0x00081140, "SQ", "1C", Condition.BIPLANE)

        assert lacks(key, {KIND: cs(kind)}) == wanted


def test_keys_that_the_directory_supplies_anyway_are_not_asked_of_objects() -> None:
    """PS3.3 F.5.4 makes Instance Number Type 1; where an object lacks it, one is made."""
    ct = "1.2.840.10008.5.1.4.1.1.2"
    number = AdditionalKey("IMAGE", 0x00200013, "IS", "1", keyword="InstanceNumber")
    place = AdditionalKey("SERIES", 0x00080080, "LO", "1", keyword="InstitutionName")
    profile = replace(find_profile("STD-GEN-CD"), keys=(number, place))

    assert Rulebook(profile).of_class(ct).keys == (place,)
