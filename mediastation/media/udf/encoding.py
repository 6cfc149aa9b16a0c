"""The small types of UDF: tags, characters, identifiers, times, extents (ECMA-167 1, 3/7, 4/14)."""

from __future__ import annotations

import struct
from binascii import crc_hqx
from datetime import UTC, datetime

from mediastation.media.udf.revision import Revision

BLOCK_BYTES = 2048

LONGEST_EXTENT_BYTES = 2**30 - BLOCK_BYTES
"""The two top bits of a length are its type, and all extents but the last are whole blocks."""

IMPLEMENTATION = b"*Mediastation"

_TAG = struct.Struct("<HHBBHHHI")
_EXTENT = struct.Struct("<II")
_LONG_AD = struct.Struct("<IIHHI")
_CHARACTERS_THAT_ARE_NONE = frozenset("\ufeff\ufffe")


def tagged(kind: int, location: int, revision: Revision, body: bytes) -> bytes:
    """Return a descriptor: the tag that fits `body`, and `body` (ECMA-167 3/7.2).

    Parameters
    ----------
    kind : int
        Tag identifier.
    location : int
        Where it is recorded, in the address space of its descriptor.
    body : bytes
        Everything behind the tag; all of it goes into the CRC.
    """
    crc, length = crc_hqx(body, 0), len(body)
    tag = _TAG.pack(kind, revision.tag_version, 0, 0, 1, crc, length, location)
    # Its own byte is zero while the others are added up.
    return tag[:4] + bytes([sum(tag) & 0xFF]) + tag[5:] + body


def block_count(size_bytes: int) -> int:
    """Return how many blocks `size_bytes` take."""
    return -(size_bytes // -BLOCK_BYTES)


def whole_blocks(data: bytes) -> bytes:
    """Return `data` filled with zeros to the end of its last block."""
    return data.ljust(block_count(len(data)) * BLOCK_BYTES, b"\0")


def cs0(text: str) -> bytes:
    """Return `text` in OSTA CS0, with one byte for each character where that is enough.

    Raises
    ------
    ValueError
        If a character is beyond U+FFFF, half of a pair, or a byte order mark.
    """
    try:
        return b"\x08" + text.encode("latin-1")
    except UnicodeEncodeError:
        if not _CHARACTERS_THAT_ARE_NONE.isdisjoint(text) or max(text) > "\uffff":
            raise ValueError(f"{text!r} cannot be written in CS0") from None
        return b"\x10" + text.encode("utf-16-be")


def dstring(text: str, size_bytes: int) -> bytes:
    """Return `text` as a field of `size_bytes`, whose last byte is the length in use.

    Raises
    ------
    ValueError
        If it does not fit.
    """
    if not text:
        return bytes(size_bytes)
    data = cs0(text)
    if len(data) >= size_bytes:
        raise ValueError(f"{text!r} takes {len(data)} bytes of {size_bytes - 1}")
    return data.ljust(size_bytes - 1, b"\0") + bytes([len(data)])


def timestamp(moment: datetime) -> bytes:
    """Return `moment`, which has a time zone, in UTC and whole seconds.

    Raises
    ------
    ValueError
        If that is before the year 1 or after 9999.
    """
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as fault:
        raise ValueError(f"{moment} is out of the years that can be recorded") from fault
    return struct.pack(
        "<HhBBBBBBBB",
        *(0x1000, utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, 0, 0, 0),
    )


def entity(identifier: bytes, suffix: bytes = b"") -> bytes:
    """Return an entity identifier; the suffix of an implementation's stays zero."""
    return b"\0" + identifier.ljust(23, b"\0") + suffix.ljust(8, b"\0")


def udf_entity(identifier: bytes, revision: Revision) -> bytes:
    """Return an identifier that names the revision: a domain's, or one of UDF's own."""
    return entity(identifier, struct.pack("<H", revision.suffix))


def charspec() -> bytes:
    """Return the character set that all texts have."""
    return (b"\0" + b"OSTA Compressed Unicode").ljust(64, b"\0")


def extent(size_bytes: int, location: int) -> bytes:
    """Return an extent or a short allocation descriptor; both are length and address."""
    return _EXTENT.pack(size_bytes, location)


def long_ad(size_bytes: int, block: int, partition: int, unique_id: int = 0) -> bytes:
    """Return a long allocation descriptor; `unique_id` lies in its implementation use."""
    return _LONG_AD.pack(size_bytes, block, partition, 0, unique_id)
