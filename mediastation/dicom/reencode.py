"""Implicit and big endian data sets as Explicit VR Little Endian, element by element.

Value bytes pass through as they are, or with their words' bytes exchanged;
no text is decoded and no number parsed. PS3.5 6.2.2, 7.1, 7.2, Annex A.1 to A.3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from mediastation.dicom.elements import Encoding, little_endian
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.vr import PIXEL_DATA, PIXEL_REPRESENTATION
from mediastation.dicom.walk import Kind, MalformedError, Token, Walk, Window
from mediastation.model.element_encoding import (
    SHORT_VRS,
    UNDEFINED,
    WORD_BYTES,
    encode_head,
    padding,
)

EXPLICIT = Encoding()
_FLUSH_AT = 1 << 18
_MAX_SHORT = 0xFFFE

ITEM_OPEN = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
ITEM_CLOSE = b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
SEQUENCE_CLOSE = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"


class DifferentError(ValueError):
    """What was written is not what was to be written; `tag` is the element's, or 0."""

    def __init__(self, message: str, tag: int = 0) -> None:
        super().__init__(message)
        self.tag = tag


def is_dropped(tag: int) -> bool:
    """Tell whether an element may not stand in the re-encoded data set.

    Group lengths (PS3.5 7.2, retired outside group 0002) count bytes that
    change; groups 0000 and 0002 do not belong into a data set (PS3.10 7.1).
    """
    return tag & 0xFFFF == 0 or tag >> 16 in (0x0000, 0x0002)


def written_vr(token: Token) -> str:
    """Return the VR under which the element is written.

    A value that is too long for its VR's 16-bit length becomes UN, which has
    32 bits (PS3.5 6.2.2 Note 1).
    """
    if token.length > _MAX_SHORT and token.vr.encode() in SHORT_VRS:
        return "UN"
    return token.vr


def top_level_value(
    window: Window, start: int, end: int, encoding: Encoding, tag: int
) -> int | None:
    """Return the 16-bit value of the data set's own element `tag`, `None` without one."""
    for token in Walk(window, start, end, encoding):
        if token.depth == 0 and token.kind is Kind.ELEMENT and token.tag >= tag:
            if token.tag == tag and token.length == 2:
                return int.from_bytes(window.peek(token.value, 2), encoding.order)
            if token.tag > tag:
                return None
    return None


def walk_of(window: Window, start: int, end: int, encoding: Encoding) -> Walk:
    """Return a walk that knows the Pixel Representation before it meets it."""
    signed = None
    if not encoding.explicit:
        signed = top_level_value(window, start, end, encoding, PIXEL_REPRESENTATION)
    return Walk(window, start, end, encoding, signed)


def iter_explicit(
    window: Window, start: int, end: int, encoding: Encoding, done: Counter[str]
) -> Iterator[bytes]:
    """Yield the data set as Explicit VR Little Endian, in chunks.

    Sequences and items get undefined lengths, which need no looking ahead
    (PS3.5 7.5.1, 7.5.2).

    Parameters
    ----------
    window : Window
        The source.
    start, end : int
        Its data set, in bytes.
    encoding : Encoding
        Implicit little endian or explicit big endian.
    done : Counter
        Counts what was changed beyond the encoding: ``"dropped"``,
        ``"padded"``, ``"unknown"`` (values that only UN can carry) and
        ``"trailing"``.

    Raises
    ------
    MalformedError
        The data set does not parse, or holds encapsulated pixels, which this
        encoding cannot.
    RefusalError
        ``"word-order"``: big endian pixels whose byte order is uncertain.
    """
    walk = walk_of(window, start, end, encoding)
    out = bytearray()
    for token in walk:
        kind = token.kind
        if kind is Kind.ELEMENT:
            if is_dropped(token.tag):
                done["dropped"] += 1
                continue
            vr = written_vr(token)
            odd = padding(vr, token.length)
            if token.undefined:
                out += encode_head(token.tag, "UN", UNDEFINED)
            else:
                out += encode_head(token.tag, vr, token.length + len(odd))
            done["padded"] += len(odd)
            done["unknown"] += vr != token.vr
            swapped = _is_swapped(token, walk, encoding)
            for chunk in window.chunks(token.value, token.length):
                out += little_endian(token.vr, chunk) if swapped else chunk
                if len(out) >= _FLUSH_AT:
                    yield bytes(out)
                    out.clear()
            out += odd
        elif kind is Kind.SEQUENCE:
            out += encode_head(token.tag, "SQ", UNDEFINED)
        elif kind is Kind.ITEM:
            out += ITEM_OPEN
        elif kind is Kind.ITEM_END:
            out += ITEM_CLOSE
        elif kind is Kind.SEQUENCE_END:
            out += SEQUENCE_CLOSE
        else:
            raise MalformedError("encapsulated pixels in an encoding that has none")
        if len(out) >= _FLUSH_AT:
            yield bytes(out)
            out.clear()
    done["trailing"] += walk.padded_from is not None
    yield bytes(out)


def _is_swapped(token: Token, walk: Walk, encoding: Encoding) -> bool:
    if not encoding.big or token.undefined:
        return False
    size = WORD_BYTES.get(token.vr, 1)
    if token.length % size:
        raise MalformedError(f"a value of {token.length} bytes under VR {token.vr}")
    if token.tag == PIXEL_DATA and token.vr == "OW":
        bits = walk.around[-1].bits_allocated
        if bits is not None and bits > 16:
            # Some writers exchange the bytes of 16-bit words as OW demands,
            # others those of whole pixels; nothing in the file tells which.
            raise RefusalError(
                "word-order",
                f"big endian pixels of {bits} bits in words of 16 have two readings",
                "Ask the sender for the instance in a little endian encoding.",
            )
    return size > 1


def require_same_elements(
    source: Window, source_span: tuple[int, int], encoding: Encoding, written: Window, start: int
) -> None:
    """Reread what `iter_explicit` wrote and hold it against the source, value by value.

    The two data sets are walked side by side; numbers are compared as numbers
    of either byte order, everything else as bytes.

    Raises
    ------
    DifferentError
        At the first element that differs.
    """
    expected = (
        token
        for token in walk_of(source, *source_span, encoding)
        if token.kind is not Kind.ELEMENT or not is_dropped(token.tag)
    )
    found = iter(Walk(written, start, written.size, EXPLICIT))
    try:
        for token in expected:
            other = next(found, None)
            if other is None or other.kind is not token.kind or other.tag != token.tag:
                raise DifferentError("an element is missing in the written data set", token.tag)
            if token.kind is Kind.ELEMENT:
                require_same_value(source, token, encoding, written, other)
        if next(found, None) is not None:
            raise DifferentError("the written data set has an element too many")
    except MalformedError as fault:
        raise DifferentError(f"the written data set does not parse: {fault}") from fault


def require_same_value(
    source: Window, token: Token, encoding: Encoding, written: Window, other: Token
) -> None:
    """Hold an element's reread value against its source, as `require_same_elements` does."""
    tag = token.tag
    if other.vr != written_vr(token):
        raise DifferentError(f"VR {other.vr} was written for {token.vr}", tag)
    odd = padding(other.vr, token.length)
    if other.length != token.length + len(odd) or other.undefined != token.undefined:
        raise DifferentError("a value has another length", tag)
    word = WORD_BYTES.get(token.vr, 1) if encoding.big and not token.undefined else 1
    pairs = zip(
        source.chunks(token.value, token.length),
        written.chunks(other.value, token.length),
        strict=True,
    )
    for ours, theirs in pairs:
        same = (
            ours == theirs
            if word == 1
            else np.array_equal(
                np.frombuffer(ours, f">u{word}"), np.frombuffer(theirs, f"<u{word}")
            )
        )
        if not same:
            raise DifferentError("a value differs", tag)
    if odd and written.peek(other.value + token.length, 1) != odd:
        raise DifferentError("a value is padded wrongly", tag)
