"""Data Elements as they are written: Explicit VR Little Endian (PS3.5, 6.2, 7.1, 7.5 and A.2).

What all who write elements share: the Value Representations and their forms,
padding, heads, items. Those who read what was written have their own.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import Final

UNDEFINED: Final = 0xFFFFFFFF
"""The length of a value that ends with a delimiter (PS3.5, 7.1.1)."""

_SHORT_NAMES = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"
_LONG_NAMES = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
SHORT_VRS: Final = {name.encode(): name for name in _SHORT_NAMES.split()}
"""VRs whose explicit form has a 16-bit length (PS3.5, Table 7.1-2), by their two bytes."""
LONG_VRS: Final = {name.encode(): name for name in _LONG_NAMES.split()}
"""VRs with two reserved bytes and a 32-bit length (PS3.5, Table 7.1-1), by their two bytes."""

WORD_BYTES: Final = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""Bytes per word where byte order matters (PS3.5, 7.3); an AT is two words of two."""

INTEGER_VRS: Final = {"US": "<H", "SS": "<h", "UL": "<I", "SL": "<i", "UV": "<Q", "SV": "<q"}
"""VRs of binary integers, with their layout (PS3.5, 6.2)."""

_INTEGER_STRING = re.compile(rb"[ \0]*([+-]?[0-9]{1,12})[ \0]*")
_SHORT_CODES = {name: code for code, name in SHORT_VRS.items()}
_LONG_CODES = {name: code for code, name in LONG_VRS.items()}
_SPACE_PADDED = (_SHORT_CODES.keys() | {"UC", "UR", "UT"}) - WORD_BYTES.keys() - {"UI"}
_SHORT_HEAD = struct.Struct("<HH2sH").pack
_LONG_HEAD = struct.Struct("<HH2sHL").pack
_ITEM_HEAD = struct.Struct("<HHL").pack


def padding(vr: str, length: int) -> bytes:
    """Return what makes a value of `length` bytes even: a space, a null or nothing (PS3.5, 6.2)."""
    if not length % 2:
        return b""
    return b" " if vr in _SPACE_PADDED else b"\0"


def encode_head(tag: int, vr: str, length: int) -> bytes:
    """Return the head of an element: tag, VR and length.

    Parameters
    ----------
    tag : int
        Group in the upper 16 bits.
    vr : str
        One of the VRs of PS3.5, Table 6.2-1.
    length : int
        Bytes of the value field; may be `UNDEFINED` where the form is the long one.

    Raises
    ------
    ValueError
        If the VR is not known, or its form has no room for the length.
    """
    code = _SHORT_CODES.get(vr)
    if code is not None:
        if length > 0xFFFF:
            raise ValueError(f"{length} bytes do not fit the 16-bit length of {vr}")
        return _SHORT_HEAD(tag >> 16, tag & 0xFFFF, code, length)
    code = _LONG_CODES.get(vr)
    if code is None:
        raise ValueError(f"{vr!r} is no Value Representation")
    if length > UNDEFINED:
        raise ValueError(f"{length} bytes do not fit a 32-bit length")
    return _LONG_HEAD(tag >> 16, tag & 0xFFFF, code, 0, length)


def encode_element(tag: int, vr: str, value: bytes) -> bytes:
    """Return one element, padded to even length.

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
    if len(value) % 2:
        value += padding(vr, len(value))
    return encode_head(tag, vr, len(value)) + value


def encode_item(value: bytes) -> bytes:
    """Return an item of defined length around encoded elements."""
    return _ITEM_HEAD(0xFFFE, 0xE000, len(value)) + value


def encode_sequence(items: Iterable[bytes]) -> bytes:
    """Return the value field of an SQ: one item of defined length for each of `items`.

    Parameters
    ----------
    items : iterable of bytes
        The encoded elements of each item.
    """
    return b"".join(map(encode_item, items))


def recoded_integer(vr: str, value: bytes, target: str) -> bytes:
    """Return an integer that stands under one VR as another VR has it.

    Writers confuse the VRs of numbers; what each one says is plain all the
    same. The bytes of one must not be taken for the other's.

    Parameters
    ----------
    vr : str
        The VR that the value was written with.
    value : bytes
        The value field, little endian.
    target : str
        One of `INTEGER_VRS`.

    Returns
    -------
    bytes
        The first value; empty if there is none, if it is no whole number, or
        if `target` cannot hold it.
    """
    layout = INTEGER_VRS.get(vr)
    if layout is not None:
        if len(value) < struct.calcsize(layout):
            return b""
        number = struct.unpack_from(layout, value)[0]
    elif vr == "IS" and (digits := _INTEGER_STRING.fullmatch(value[:64].partition(b"\\")[0])):
        number = int(digits[1])
    else:
        return b""
    try:
        return struct.pack(INTEGER_VRS[target], number)
    except struct.error:
        return b""
