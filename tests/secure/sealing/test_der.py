"""The frame of a stream in DER: lengths, and the order of sets."""

from __future__ import annotations

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from mediastation.secure.sealing.der import OCTETS, SEQUENCE, SET, opening, set_of, tlv


# X.690 8.1.3 and 10.1: the short form below 128, otherwise as few octets as there can be.
@pytest.mark.parametrize(
    ("length", "octets"),
    [
        (0, "0400"),
        (127, "047f"),
        (128, "048180"),
        (255, "0481ff"),
        (256, "04820100"),
        (65535, "0482ffff"),
        (65536, "0483010000"),
        (2**24 - 1, "0483ffffff"),
        (2**24, "048401000000"),
        (2**32 - 1, "0484ffffffff"),
        (2**32, "04850100000000"),
    ],
)
def test_lengths_take_as_few_octets_as_they_can(length: int, octets: str) -> None:
    assert opening(OCTETS, length).hex() == octets


def test_a_value_may_begin_before_the_rest_of_it_is_known() -> None:
    assert opening(SEQUENCE, 3, b"ab") == b"\x30\x05ab"


@given(st.binary(max_size=70_000))
def test_another_reader_finds_the_contents(contents: bytes) -> None:
    assert core.OctetString.load(tlv(OCTETS, contents), strict=True).native == contents


@given(st.lists(st.binary(max_size=300)))
def test_elements_of_a_set_are_in_the_order_of_their_encodings(values: list[bytes]) -> None:
    """X.690 11.6; shorter encodings are compared as if zeros followed."""
    elements = [tlv(OCTETS, value) for value in values]
    longest = max(map(len, elements), default=0)

    body = b"".join(sorted(elements, key=lambda element: element.ljust(longest, b"\0")))

    assert set_of(elements) == tlv(SET, body)
