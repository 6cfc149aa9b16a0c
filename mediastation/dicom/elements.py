"""Data Elements as bytes: heads, Value Representations, items, and encoders (PS3.5, 7).

Nothing here decodes a value. Reading is tolerant and says nothing; what has to
be told to a person is found by `mediastation.dicom.element_walk`.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from mediastation.model.instance import Element

UNDEFINED: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
TRAILING_PADDING: Final = 0xFFFCFFFC
PIXEL_REPRESENTATION: Final = 0x00280103

_SHORT_NAMES = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
_LONG_NAMES = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
SHORT_VRS: Final = {name.encode(): name for name in _SHORT_NAMES.split()}
"""VRs whose explicit form has a 16-bit length (PS3.5, Table 7.1-2)."""
LONG_VRS: Final = {name.encode(): name for name in _LONG_NAMES.split()}
"""VRs whose explicit form has two reserved bytes and a 32-bit length (PS3.5, Table 7.1-1)."""
_LONG = frozenset(LONG_VRS.values())
_KNOWN = _LONG | frozenset(SHORT_VRS.values())

# Bytes per word, where byte order matters (PS3.5, 7.3). An AT is two words of two.
_WORD = dict.fromkeys(("US", "SS", "OW", "AT"), 2)
_WORD |= dict.fromkeys(("UL", "SL", "FL", "OL", "OF"), 4)
_WORD |= dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8)
_ARRAY_CODE = {2: "H", 4: "I", 8: "Q"}
_NUL_PADDED = frozenset({"UI", "OB", "UN"}) | frozenset(_WORD)

_EXPLICIT = {big: struct.Struct((">" if big else "<") + "HH2sH").unpack_from for big in (0, 1)}
_IMPLICIT = {big: struct.Struct((">" if big else "<") + "HHL").unpack_from for big in (0, 1)}
_LENGTH = {big: struct.Struct((">" if big else "<") + "L").unpack_from for big in (0, 1)}
_TAG_AND_LENGTH = struct.Struct("<HHL").pack
_SHORT_HEAD = struct.Struct("<HH2sH").pack
_LONG_HEAD = struct.Struct("<HH2sHL").pack


class Encoding(NamedTuple):
    """How heads and values of a data set are written (PS3.5, A)."""

    explicit: bool = True
    big: bool = False


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


@lru_cache(maxsize=8192)
def dictionary_vr(tag: int) -> str:
    """Return the VR that PS3.6 gives `tag`, or ``UN``.

    A choice such as ``US or SS`` is returned as it stands. Group lengths are
    UL, private creators LO, other private elements UN (PS3.5, 7.2 and 7.8.1).
    """
    number = tag & 0xFFFF
    if number == 0:
        return "UL"
    if tag >> 16 & 1:
        return "LO" if 0x10 <= number <= 0xFF else "UN"
    # The dictionary takes a fifth of a second to load; explicit encodings need none of it.
    from pydicom.datadict import dictionary_VR  # noqa: PLC0415

    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def resolved_vr(tag: int, vr: str, signed: bool | None) -> str:
    """Return the one VR of an element, given what its head says.

    Parameters
    ----------
    tag : int
        The element.
    vr : str
        The head's VR; empty in implicit encodings.
    signed : bool or None
        Pixel Representation of the nearest data set that has one; None counts
        as unsigned.
    """
    if vr and vr != "UN":
        return vr
    known = dictionary_vr(tag)
    if len(known) == 2:
        return known
    if known == "US or SS":
        return "SS" if signed else "US"
    return "OW" if known.endswith("OW") else "UN"


def little_endian(vr: str, value: bytes) -> bytes:
    """Return a big endian value field with its words turned round (PS3.5, 7.3)."""
    word = _WORD.get(vr)
    if word is None:
        return value
    words = array(_ARRAY_CODE[word], value[: len(value) - len(value) % word])
    words.byteswap()
    return words.tobytes()


def even(vr: str, value: bytes) -> bytes:
    """Return `value` padded to even length as its VR asks (PS3.5, 6.2)."""
    if len(value) % 2:
        return value + (b"\0" if vr in _NUL_PADDED else b" ")
    return value


def encode_element(tag: int, vr: str, value: bytes) -> bytes:
    """Return one element in Explicit VR Little Endian, padded to even length.

    Parameters
    ----------
    tag : int
        Group in the upper 16 bits.
    vr : str
        One of the VRs of PS3.5, Table 6.2-1.
    value : bytes
        The value field, little endian; for SQ the run of items.

    Raises
    ------
    ValueError
        If the VR is not known, or the value is longer than its form can say.
    """
    if vr not in _KNOWN:
        raise ValueError(f"{vr!r} is no Value Representation")
    value = even(vr, value)
    length = len(value)
    if vr in _LONG:
        if length >= UNDEFINED:
            raise ValueError(f"{length} bytes do not fit a 32-bit length")
        return _LONG_HEAD(tag >> 16, tag & 0xFFFF, vr.encode(), 0, length) + value
    if length > 0xFFFF:
        raise ValueError(f"{length} bytes do not fit the 16-bit length of {vr}")
    return _SHORT_HEAD(tag >> 16, tag & 0xFFFF, vr.encode(), length) + value


def encode_item(value: bytes) -> bytes:
    """Return an item of defined length around encoded elements."""
    return _TAG_AND_LENGTH(0xFFFE, 0xE000, len(value)) + value


def encode_sequence(items: Iterable[bytes]) -> bytes:
    """Return the value field of an SQ: one item of defined length for each of `items`.

    Parameters
    ----------
    items : iterable of bytes
        The encoded elements of each item.
    """
    return b"".join(map(encode_item, items))


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
