"""Elements as bytes: encoders and iterators are each other's inverse, and pydicom agrees."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset

from mediastation.dicom.elements import (
    Encoding,
    iter_elements,
    iter_items,
    little_endian,
    parse_head,
    tag_text,
)
from mediastation.model.element_encoding import (
    LONG_VRS,
    SHORT_VRS,
    encode_element,
    encode_sequence,
)
from mediastation.model.instance import Element

VRS = sorted({*SHORT_VRS.values(), *LONG_VRS.values()})

elements = st.tuples(
    st.integers(0x00080000, 0x7FDFFFFF),
    st.sampled_from(VRS),
    st.binary(max_size=40).map(lambda value: value[: len(value) // 2 * 2]),
)


def encoded(parts: list[tuple[int, str, bytes]]) -> bytes:
    return b"".join(encode_element(*part) for part in parts)


@given(st.lists(elements, max_size=8))
def test_what_was_encoded_is_read_back(parts: list[tuple[int, str, bytes]]) -> None:
    assert list(iter_elements(encoded(parts))) == [
        (tag, Element(vr, value)) for tag, vr, value in parts
    ]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_items_are_read_back(items: list[bytes]) -> None:
    assert list(iter_items(encode_sequence(items))) == items


private = st.dictionaries(
    st.integers(0x00090100, 0x0009FFFF),
    st.tuples(st.sampled_from([vr for vr in VRS if vr != "SQ"]), st.binary(max_size=9)),
    max_size=6,
)


@given(private)
def test_pydicom_reads_the_same_elements(parts: dict[int, tuple[str, bytes]]) -> None:
    data = encoded([(tag, vr, value) for tag, (vr, value) in parts.items()])

    ds = read_dataset(DicomBytesIO(data), False, True)

    assert {int(e.tag): (e.VR, e.length) for e in ds._dict.values()} == {
        tag: (vr, len(value) + len(value) % 2) for tag, (vr, value) in parts.items()
    }


@given(st.binary(max_size=60))
def test_arbitrary_bytes_give_elements_or_a_value_error(data: bytes) -> None:
    for iterate in (iter_elements, iter_items):
        with contextlib.suppress(ValueError):
            assert sum(1 for _ in iterate(data)) <= len(data) // 8


@pytest.mark.parametrize(
    ("vr", "big", "little"),
    [
        ("US", b"\1\2\3\4", b"\2\1\4\3"),
        ("AT", b"\0\x28\0\x10", b"\x28\0\x10\0"),
        ("UL", b"\1\2\3\4", b"\4\3\2\1"),
        ("FD", b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
        ("UV", b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
        ("OB", b"\1\2", b"\1\2"),
        ("LO", b"ab", b"ab"),
        ("US", b"", b""),
    ],
)
def test_words_are_turned_round_and_bytes_are_not(vr: str, big: bytes, little: bytes) -> None:
    assert little_endian(vr, big) == little


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x10\0\x20\0LO\x04\0", (0x00100020, "LO", 4, 8)),
        (b"\x10\0\x20\0UT\0\0\x04\0\0\0", (0x00100020, "UT", 4, 12)),
        (b"\x10\0\x20\0\x04\0\0\0", (0x00100020, "", 4, 8)),
        (b"\x10\0\x20\0ZZ\0\0\x04\0\0\0", (0x00100020, "UN", 4, 12)),
        (b"\x10\0\x20\0ZZ\x04\0\0\0\0\0", (0x00100020, "UN", 4, 8)),
        (b"\x10\0\x20\0ZZ\0\0\xff\0\0\0", (0x00100020, "UN", 0, 8)),
        (b"\xfe\xff\0\xe0\xff\xff\xff\xff", (0xFFFEE000, "", 0xFFFFFFFF, 8)),
        (b"\x10\0\x20\0UT\0\0", None),
        (b"\x10\0\x20\0LO", None),
    ],
)
def test_heads_are_read_forgivingly(
    head: bytes, expected: tuple[int, str, int, int] | None
) -> None:
    assert parse_head(head, 0, Encoding(), 20) == expected


def test_tags_are_printed_as_the_standard_does() -> None:
    assert tag_text(0x7FE0001A) == "(7FE0,001A)"
