"""Values made legal for their VR (PS3.5, 6.2)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.fileset.values import legal_text, legal_value

LEGAL = [
    ("CS", b"ORIGINAL", b"ORIGINAL"),
    ("CS", b"HAS CONCEPT MOD ", b"HAS CONCEPT MOD"),
    ("DA", b"20240229", b"20240229"),
    ("DS", b"-1.5e-3 ", b"-1.5e-3"),
    ("DT", b"20240229123456.123456+0100 ", b"20240229123456.123456+0100"),
    ("DT", b"2024", b"2024"),
    ("IS", b" 7 ", b"7"),
    ("IS", b"-2147483648", b"-2147483648"),
    ("TM", b"12", b"12"),
    ("TM", b"235960", b"235960"),
    ("TM", b"123456.123456 ", b"123456.123456"),
    ("UI", b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2"),
    ("US", b"\x00\x02", b"\x00\x02"),
    ("UV", bytes(8), bytes(8)),
    ("DA", b"", b""),
    ("CS", b"  ", b""),
    ("UI", b"\0\0", b""),
]
NORMALISED = [
    ("CS", b"ct", b"CT"),
    ("CS", b"ABDOM/RAD", b"ABDOM_RAD"),
    ("CS", b"ABCDEFGHIJKLMNOPQ ", b"ABCDEFGHIJKLMNOP"),
    ("DA", b"1997.04.24", b"19970424"),
    ("TM", b"14:04:38", b"140438"),
    ("TM", b"140438.12345678", b"140438.123456"),
    ("IS", b"3.000", b"3"),
    ("DA", b"20240101\\20240102", b"20240101"),
    ("US", b"\x01\0\x02\0", b"\x01\0"),
]
ILLEGAL = [
    ("CS", b"?"),
    ("DA", b"00000000"),
    ("DA", b"0000.00.00"),
    ("DA", b"20240230"),
    ("DA", b"2024"),
    ("DA", b"20240101-20240131"),
    ("DS", b"1,5"),
    ("DS", b"1.00000000000000001"),
    ("DT", b"20241301"),
    ("DT", b"20230229"),
    ("IS", b"1A"),
    ("IS", b"2147483648"),
    ("IS", b"\xb2"),
    ("TM", b"25"),
    ("TM", b"1260"),
    ("UI", b"1.2.x"),
    ("UI", b"1..2"),
    ("UI", b"1." + b"2" * 63),
    ("US", b"\x01"),
    ("UL", b"12 "),
]


@pytest.mark.parametrize(("vr", "value", "legal"), LEGAL)
def test_a_legal_value_stays_as_it_is_but_for_padding(vr: str, value: bytes, legal: bytes) -> None:
    assert legal_value(vr, value) == (legal, "")


@pytest.mark.parametrize(("vr", "value", "legal"), NORMALISED)
def test_what_can_mean_one_thing_only_is_normalised_and_said(
    vr: str, value: bytes, legal: bytes
) -> None:
    found, remark = legal_value(vr, value)

    assert found == legal
    assert remark


@pytest.mark.parametrize(("vr", "value"), ILLEGAL)
def test_an_illegal_value_is_left_out_and_said(vr: str, value: bytes) -> None:
    found, remark = legal_value(vr, value)

    assert found == b""
    assert remark


def test_several_values_stay_where_they_may() -> None:
    assert legal_value("CS", b"ORIGINAL\\PRIMARY\\\\M ", multiple=True) == (
        b"ORIGINAL\\PRIMARY\\\\M",
        "",
    )
    assert legal_value("DS", b"1\\-2\\ 3", multiple=True) == (b"1\\-2\\3", "")


def test_a_list_of_numbers_with_a_gap_is_left_out_whole() -> None:
    """Two of three coordinates would be taken for a position."""
    assert legal_value("DS", b"1\\x\\3", multiple=True)[0] == b""
    assert legal_value("CS", b"\\\\", multiple=True)[0] == b""
    assert legal_value("CS", b"?\\?", multiple=True)[0] == b""


VRS = ("CS", "DA", "DS", "DT", "IS", "TM", "UI", "US", "UL", "UV")


@given(st.sampled_from(VRS), st.binary(max_size=80), st.booleans())
def test_whatever_comes_in_what_comes_out_is_legal(vr: str, value: bytes, multiple: bool) -> None:
    found, remark = legal_value(vr, value, multiple=multiple)

    pattern = {
        "CS": rb"[A-Z0-9_ ]{0,16}",
        "DA": rb"(\d{8})?",
        "DS": rb"([-+0-9.eE]{1,16})?",
        "DT": rb"[-+0-9.]{0,26}",
        "IS": rb"([-+]?[0-9]{1,12})?",
        "TM": rb"[0-9.]{0,13}",
        "UI": rb"[0-9.]{0,64}",
    }.get(vr)
    if pattern:
        for part in found.split(b"\\") if multiple else (found,):
            assert re.fullmatch(pattern, part)
    if not found and value.strip(b" \0"):
        assert remark


class TestText:
    def test_control_characters_are_taken_out_of_one_line(self) -> None:
        legal, remark = legal_text("LO", b"a\0b\r\nc\x1b$B\x7f", multi_byte=True)

        assert legal == b"abc\x1b$B"
        assert remark

    def test_lines_stay_in_text_that_may_have_them(self) -> None:
        assert legal_text("ST", b"a\r\nb\tc\\d", multi_byte=False) == (b"a\r\nb\tc\\d", "")

    def test_several_values_become_one_where_the_record_holds_one(self) -> None:
        assert legal_text("LO", b"a\\b", multi_byte=False)[0] == b"a/b"

    def test_a_backslash_inside_a_character_is_left_alone(self) -> None:
        value = "表".encode("gb18030") + b"\x81\x5c"
        assert legal_text("LO", value, multi_byte=True) == (value, "")

    def test_a_value_too_long_for_its_length_field_is_left_out(self) -> None:
        assert legal_text("LO", b"x" * 70000, multi_byte=False)[0] == b""
