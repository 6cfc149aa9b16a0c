"""Items of sequences of any origin: read where they lie, or refused in words."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.reading.elements import EXPLICIT_LE, IMPLICIT_LE, Window
from mediastation.reading.items import MAX_ELEMENTS, iter_items
from tests.support.file_sets import element

ROWS = element(0x00280010, "US", struct.pack("<H", 7))
NAME = element(0x00100010, "PN", "Doe^Jane")


def item(body: bytes, *, undefined: bool = False) -> bytes:
    if undefined:
        return b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + body + b"\xfe\xff\x0d\xe0\0\0\0\0"
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body


def read(value: bytes, front: bytes = b"") -> list[dict[int, bytes]]:
    """Tags and values of each item of a sequence that lies behind `front` in its file."""
    data = front + value
    window = Window(data)
    return [
        {
            tag: data[one.value_at : one.value_at + one.length]
            for tag, one in sorted(elements.items())
        }
        for elements in iter_items(window, len(front), len(value), EXPLICIT_LE)
    ]


@pytest.mark.parametrize("undefined", [False, True])
def test_every_item_has_its_elements(undefined: bool) -> None:
    value = item(ROWS + NAME, undefined=undefined) + item(b"", undefined=undefined) + item(NAME)
    if undefined:
        value += b"\xfe\xff\xdd\xe0\0\0\0\0"

    assert read(value, b"in front") == [
        {0x00100010: b"Doe^Jane", 0x00280010: b"\7\0"},
        {},
        {0x00100010: b"Doe^Jane"},
    ]


def test_nested_sequences_are_stepped_over() -> None:
    nested = element(0x00081140, "SQ", item(NAME))
    open_ended = b"\x08\x00\x50\x11SQ\0\0\xff\xff\xff\xff" + item(NAME, undefined=True)
    open_ended += b"\xfe\xff\xdd\xe0\0\0\0\0"

    (found,) = read(item(nested + open_ended + ROWS))

    assert list(found) == [0x00081140, 0x00081150, 0x00280010]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (ROWS, "where an item should begin"),
        (item(ROWS)[:-2], "longer than what holds it"),
        (item(ROWS[:-1]), "claims 2 bytes"),
        (item(b"\x28\0\x10\0ZZ\0\0"), "no value representation"),
        (b"\xfe\xff\x00", "no element"),
        (
            item(b"".join(element(0x00290000 + n, "US", b"") for n in range(MAX_ELEMENTS + 1))),
            "more than 4096 elements",
        ),
    ],
)
def test_what_is_no_run_of_items_is_said(value: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read(value)


def test_a_length_beyond_the_file_ends_with_the_file() -> None:
    window = Window(item(ROWS))

    assert len(list(iter_items(window, 0, 1 << 40, EXPLICIT_LE))) == 1


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_items_or_refused(value: bytes, explicit: bool) -> None:
    encoding = EXPLICIT_LE if explicit else IMPLICIT_LE
    with suppress(ValueError):
        for elements in iter_items(Window(value), 0, len(value), encoding):
            for one in elements.values():
                assert 0 <= one.value_at <= one.value_at + one.length <= len(value)
