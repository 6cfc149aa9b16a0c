"""DER whose lengths are known before its contents are (X.690): the frame of a stream."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["INTEGER", "OCTETS", "SEQUENCE", "SET", "explicit", "opening", "set_of", "tlv"]

INTEGER = 0x02
OCTETS = 0x04
SEQUENCE = 0x30
SET = 0x31


def explicit(number: int) -> int:
    """Return the identifier octet of the constructed context-specific tag `number`, below 31."""
    return 0xA0 | number


def opening(tag: int, following: int, start: bytes = b"") -> bytes:
    """Begin a value whose contents are `start` and then `following` octets that come later."""
    length = len(start) + following
    if length < 0x80:
        return bytes((tag, length)) + start
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(octets))) + octets + start


def tlv(tag: int, *parts: bytes) -> bytes:
    """Return a whole value whose contents are the `parts`."""
    return opening(tag, 0, b"".join(parts))


def set_of(elements: Iterable[bytes], tag: int = SET) -> bytes:
    """Return a SET OF with its elements in the order DER asks for (X.690 11.6).

    No encoding of an element is the beginning of another one, so that plain
    comparison of octets is that order.
    """
    return tlv(tag, *sorted(elements))
