"""Data Elements as the encoding of a data set has them, its byte order included (PS3.5, 7.1, A)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from mediastation.dicom.elements import ITEM, Encoding, little_endian
from mediastation.model.element_encoding import LONG_VRS, encode_head, padding

_IMPLICIT = {big: struct.Struct((">" if big else "<") + "HHL").pack for big in (False, True)}
_SHORT = struct.Struct(">HH2sH").pack
_LONG = struct.Struct(">HH2sHL").pack


def write_head(tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    """Return the head of an element or, with an empty VR, of an item.

    Parameters
    ----------
    tag : int
        Group in the upper 16 bits.
    vr : str
        One of PS3.5, Table 6.2-1.
    length : int
        Bytes of the value field; may be undefined.
    encoding : Encoding
        Of the data set.

    Raises
    ------
    ValueError
        If the VR is not known, or its form has no room for the length.
    """
    if not encoding.explicit or not vr:
        return _IMPLICIT[encoding.big](tag >> 16, tag & 0xFFFF, length)
    if not encoding.big:
        return encode_head(tag, vr, length)
    code = vr.encode("ascii")
    if code in LONG_VRS:
        return _LONG(tag >> 16, tag & 0xFFFF, code, 0, length)
    if length > 0xFFFF:
        raise ValueError(f"{length} bytes do not fit the 16-bit length of {vr}")
    return _SHORT(tag >> 16, tag & 0xFFFF, code, length)


def write_element(tag: int, vr: str, value: bytes, encoding: Encoding) -> bytes:
    """Return one element, padded to even length.

    Parameters
    ----------
    tag, vr, encoding
        As for `write_head`.
    value : bytes
        The value field, its words little endian; for SQ the run of items in
        `encoding`.

    Raises
    ------
    ValueError
        As `write_head`.
    """
    if encoding.big:
        value = little_endian(vr, value)  # its words turned round, which is the same both ways
    value += padding(vr, len(value))
    return write_head(tag, vr, len(value), encoding) + value


def write_items(items: Iterable[bytes], encoding: Encoding) -> bytes:
    """Return a run of items of defined length, each around encoded elements."""
    return b"".join(write_head(ITEM, "", len(item), encoding) + item for item in items)
