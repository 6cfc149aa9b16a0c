"""Implicit and big endian data sets as Explicit VR Little Endian, element by element.

Value bytes pass through as they are, or with their words' bytes exchanged;
no text is decoded and no number parsed. PS3.5 6.2.2, 7.1, 7.2, Annex A.1 to A.3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.vr import (
    LONG_VRS,
    PIXEL_DATA,
    PIXEL_REPRESENTATION,
    SHORT_VRS,
    TEXT_VRS,
    WORD_BYTES,
)
from mediastation.dicom.walk import (
    UNDEFINED,
    Encoding,
    Kind,
    MalformedError,
    Token,
    Walk,
    Window,
)

EXPLICIT = Encoding(explicit=True)
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


def element_header(tag: int, vr: str, length: int) -> bytes:
    """Return an explicit little endian element header; `length` may be `UNDEFINED`."""
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode()
    if vr in SHORT_VRS:
        return head + length.to_bytes(2, "little")
    return head + b"\0\0" + length.to_bytes(4, "little")


def element(tag: int, vr: str, value: bytes) -> bytes:
    """Return a whole explicit little endian element, padded to even length."""
    value += padding(vr, len(value))
    return element_header(tag, vr, len(value)) + value


def padding(vr: str, length: int) -> bytes:
    """Return what makes a value of `length` bytes even (PS3.5 6.2)."""
    if length % 2 == 0:
        return b""
    return b" " if vr in TEXT_VRS else b"\0"


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
    if token.vr not in LONG_VRS and token.length > _MAX_SHORT:
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
                out += element_header(token.tag, "UN", UNDEFINED)
            else:
                out += element_header(token.tag, vr, token.length + len(odd))
            done["padded"] += len(odd)
            done["unknown"] += vr != token.vr
            size = _swap_size(token, walk, encoding)
            for chunk in window.chunks(token.value, token.length):
                out += _swapped(chunk, size)
                if len(out) >= _FLUSH_AT:
                    yield bytes(out)
                    out.clear()
            out += odd
        elif kind is Kind.SEQUENCE:
            out += element_header(token.tag, "SQ", UNDEFINED)
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


def _swap_size(token: Token, walk: Walk, encoding: Encoding) -> int:
    if not encoding.big or token.undefined:
        return 1
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
    return size


def _swapped(chunk: bytes, size: int) -> bytes:
    if size == 1:
        return chunk
    return np.frombuffer(chunk, dtype=f"u{size}").byteswap().tobytes()


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
                _require_same_value(source, token, encoding, written, other)
        if next(found, None) is not None:
            raise DifferentError("the written data set has an element too many")
    except MalformedError as fault:
        raise DifferentError(f"the written data set does not parse: {fault}") from fault


def _require_same_value(
    source: Window, token: Token, encoding: Encoding, written: Window, other: Token
) -> None:
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
