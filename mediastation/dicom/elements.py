"""Data Elements as they are read: tags, heads, byte order, items (PS3.5, 7).

Nothing here decodes a value. Reading is tolerant and says nothing; what has to
be told to a person is found by `mediastation.dicom.element_walk`.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from mediastation.model.element_encoding import LONG_VRS, SHORT_VRS, UNDEFINED, WORD_BYTES
from mediastation.model.instance import Element

ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
TRAILING_PADDING: Final = 0xFFFCFFFC

_ARRAY_CODE = {2: "H", 4: "I", 8: "Q"}

_EXPLICIT = {big: struct.Struct((">" if big else "<") + "HH2sH").unpack_from for big in (0, 1)}
_IMPLICIT = {big: struct.Struct((">" if big else "<") + "HHL").unpack_from for big in (0, 1)}
_LENGTH = {big: struct.Struct((">" if big else "<") + "L").unpack_from for big in (0, 1)}


ByteOrder = Literal["big", "little"]


class Encoding(NamedTuple):
    """How heads and values of a data set are written (PS3.5, A)."""

    explicit: bool = True
    big: bool = False

    @property
    def order(self) -> ByteOrder:
        """The byte order, as `int.from_bytes` names it."""
        return "big" if self.big else "little"


class Head(NamedTuple):
    """Tag, VR and length of an element, and how many bytes say so.

    `vr` is empty where the encoding does not name one; `length` may be
    `UNDEFINED`.
    """

    tag: int
    vr: str
    length: int
    size: int


def tag_text(tag: int) -> str:
    """Return a tag as the standard prints it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def is_vr(code: bytes) -> bool:
    """Tell whether two bytes look like a VR, also one that is not known today."""
    return len(code) == 2 and code.isalpha() and code.isupper()


def parse_head(block: bytes, at: int, encoding: Encoding, room: int) -> Head | None:
    """Read the head of the element at `block[at]`.

    Explicit data sets are read forgivingly: where the two bytes of the VR are
    no letters, the element is taken as implicit (some writers switch inside
    sequences); a VR that is not known has the 32-bit form that PS3.5, 6.2
    asks for, unless only the 16-bit form fits.

    Parameters
    ----------
    block : bytes
        A window of the data set.
    at : int
        Index of the element in it.
    encoding : Encoding
        How the data set is written.
    room : int
        Bytes from `at` to the end of what holds the element.

    Returns
    -------
    Head or None
        None if the block ends inside the head.
    """
    there = len(block) - at
    if there < 8:
        return None
    big = encoding.big
    group, number, length = _IMPLICIT[big](block, at)
    tag: int = group << 16 | number
    if not encoding.explicit or group == 0xFFFE:
        return Head(tag, "", length, 8)
    code = block[at + 4 : at + 6]
    short = SHORT_VRS.get(code)
    if short is not None:
        return Head(tag, short, _EXPLICIT[big](block, at)[3], 8)
    long = LONG_VRS.get(code)
    if long is not None:
        return Head(tag, long, _LENGTH[big](block, at + 8)[0], 12) if there >= 12 else None
    if not is_vr(code):
        return Head(tag, "", length, 8)
    if block[at + 6 : at + 8] == b"\0\0" and there >= 12:
        length = _LENGTH[big](block, at + 8)[0]
        if length + 12 <= room or length == UNDEFINED:
            return Head(tag, "UN", length, 12)
    return Head(tag, "UN", _EXPLICIT[big](block, at)[3], 8)


def little_endian(vr: str, value: bytes) -> bytes:
    """Return a big endian value field with its words turned round (PS3.5, 7.3).

    Whatever follows the last whole word is left out.
    """
    word = WORD_BYTES.get(vr)
    if word is None:
        return value
    words = array(_ARRAY_CODE[word], value[: len(value) - len(value) % word])
    words.byteswap()
    return words.tobytes()


def iter_items(value: bytes) -> Iterator[bytes]:
    """Yield the elements of each item in an SQ value of defined lengths.

    Parameters
    ----------
    value : bytes
        The value field of an SQ `Element`.

    Raises
    ------
    ValueError
        If it is not a run of items that ends where the value does.
    """
    at = 0
    while at < len(value):
        if len(value) - at < 8:
            raise ValueError("a sequence ends inside an item's head")
        group, number, length = _IMPLICIT[0](value, at)
        at += 8
        if (group, number) != (0xFFFE, 0xE000) or length > len(value) - at:
            raise ValueError("a sequence does not consist of items of defined length")
        yield value[at : at + length]
        at += length


def iter_elements(value: bytes) -> Iterator[tuple[int, Element]]:
    """Yield tag and element of each Data Element in Explicit VR Little Endian bytes.

    Parameters
    ----------
    value : bytes
        Encoded elements, as one item of an `Element`'s sequence holds them:
        known VRs, defined lengths.

    Raises
    ------
    ValueError
        If an element does not fit.
    """
    at = 0
    while at < len(value):
        head = parse_head(value, at, Encoding(), len(value) - at)
        if head is None or not head.vr:
            raise ValueError("an item holds something that is no explicit element")
        start = at + head.size
        at = start + head.length
        if at > len(value):
            raise ValueError(f"an element is longer than its item: {head.length} bytes")
        yield head.tag, Element(head.vr, value[start:at])
