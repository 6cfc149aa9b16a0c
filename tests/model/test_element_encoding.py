"""Heads, padding and items as they are written (PS3.5 6.2, 7.1 and 7.5)."""

from __future__ import annotations

import pytest

from mediastation.model.element_encoding import (
    UNDEFINED,
    encode_element,
    encode_head,
    encode_sequence,
    padding,
    recoded_integer,
)


@pytest.mark.parametrize(
    ("vr", "value", "padded"),
    [
        ("LO", b"abc", b"abc "),
        ("UI", b"1.2", b"1.2\0"),
        ("OB", b"\1", b"\1\0"),
        ("UN", b"\1", b"\1\0"),
        ("PN", b"ab", b"ab"),
    ],
)
def test_odd_values_are_padded_as_their_vr_asks(vr: str, value: bytes, padded: bytes) -> None:
    """PS3.5, 6.2: text with a space, UIDs and bytes with NUL."""
    assert encode_element(0x00091010, vr, value).endswith(padded)
    assert value + padding(vr, len(value)) == padded


def test_the_two_forms_of_a_head_are_those_of_the_standard() -> None:
    """PS3.5, Tables 7.1-1 and 7.1-2."""
    assert encode_element(0x00100020, "LO", b"P1") == b"\x10\0\x20\0LO\x02\0P1"
    assert encode_element(0x00420011, "OB", b"P1") == b"\x42\0\x11\0OB\0\0\x02\0\0\0P1"
    assert encode_sequence([b"", b"xy"]) == b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0\x02\0\0\0xy"


def test_a_value_beyond_the_short_form_is_refused() -> None:
    assert len(encode_element(0x00100020, "LO", bytes(0xFFFE))) == 8 + 0xFFFE
    with pytest.raises(ValueError, match="16-bit"):
        encode_element(0x00100020, "LO", bytes(0xFFFF))
    with pytest.raises(ValueError, match="XX"):
        encode_element(0x00100020, "XX", b"")


def test_only_the_long_form_has_an_undefined_length() -> None:
    assert encode_head(0x00081140, "SQ", UNDEFINED) == b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff"
    with pytest.raises(ValueError, match="16-bit"):
        encode_head(0x00100020, "LO", UNDEFINED)
    with pytest.raises(ValueError, match="32-bit"):
        encode_head(0x7FE00010, "OB", UNDEFINED + 1)


@pytest.mark.parametrize(
    ("vr", "value", "recoded"),
    [
        ("US", b"\0\2", b"\0\2"),
        ("US", b"\0\2\0\4", b"\0\2"),
        ("UL", b"\0\2\0\0", b"\0\2"),
        ("SS", b"\1\0", b"\1\0"),
        ("IS", b"512 ", b"\0\2"),
        ("IS", b"+1\\2", b"\1\0"),
        ("US", b"\1", b""),
        ("SS", b"\xff\xff", b""),
        ("UL", b"\0\0\1\0", b""),
        ("IS", b"-1", b""),
        ("IS", b"65536", b""),
        ("IS", "\u0665".encode(), b""),
        ("IS", b"9" * 5000, b""),
        ("DS", b"512.0", b""),
        ("FD", bytes(8), b""),
        ("OB", b"\0\2", b""),
        ("UN", b"\0\2", b""),
    ],
)
def test_an_integer_of_another_vr_keeps_its_value_or_has_none(
    vr: str, value: bytes, recoded: bytes
) -> None:
    assert recoded_integer(vr, value, "US") == recoded
