"""Whether two data sets say the same where one has its text in another character set."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from mediastation.dicom.character_terms import legal_terms
from mediastation.dicom.charset import TEXT_VRS, decode_text
from mediastation.dicom.coerce_sides import Side
from mediastation.dicom.coerce_survey import Scope
from mediastation.dicom.limits import VALUE_LIMIT_BYTES
from mediastation.dicom.reencode import DifferentError, walk_of
from mediastation.dicom.walk import Kind, Token
from mediastation.model.instance import Element


def require_same_texts(before: Side, after: Side, planned: frozenset[int]) -> None:
    """Hold two data sets against each other, element by element at every depth.

    Text that follows the data set's character set is compared as text, all
    else as bytes. Brackets have to be of the same kind, not of the same length.

    Parameters
    ----------
    before, after : Side
        The two. Text before without a character set may get one over the same
        bytes: nobody can say that it read otherwise.
    planned : frozenset of int
        Top-level attributes that are not looked at.

    Raises
    ------
    DifferentError
        At the first difference.
    """
    declared = any(legal_terms(before.charset.value)[0])
    nothing = Token(Kind.ITEM_END, -1, "", 0, 0, 0, False, -1), False
    pairs = zip_longest(_staying(before, planned), _staying(after, planned), fillvalue=nothing)
    for (ours, inherits), (other, _) in pairs:
        what = (ours.kind, ours.tag, ours.vr, ours.depth)
        if what != (other.kind, other.tag, other.vr, other.depth):
            raise DifferentError("an element is missing, or another one stands there", ours.tag)
        if ours.kind not in (Kind.ELEMENT, Kind.FRAGMENTS):
            if ours.undefined != other.undefined:
                raise DifferentError("a sequence has another form", ours.tag)
            continue
        text = inherits and ours.vr in TEXT_VRS and ours.length <= VALUE_LIMIT_BYTES
        same = _same(before, ours, after, other)
        if text and declared:
            same = same and _is_plain(before, ours)
            same = same or _text(before, ours) == _text(after, other)
        if not same:
            raise DifferentError("a value differs", ours.tag)


def _staying(side: Side, planned: frozenset[int]) -> Iterator[tuple[Token, bool]]:
    """Yield the tokens of what stays, and whether they follow the data set's character set."""
    scope, top = Scope(), -1
    window = side.window
    for token in walk_of(window, side.offset, window.size, side.encoding):
        inherits = scope.inherits(token)
        opens = token.kind in (Kind.ELEMENT, Kind.SEQUENCE, Kind.FRAGMENTS)
        if opens and not token.depth:
            top = token.tag
        counts = opens and (not token.tag & 0xFFFF or token.tag == 0x00080001)
        if top in planned or top >> 16 in (0x0000, 0x0002) or counts:
            continue
        yield token, inherits


def _same(before: Side, ours: Token, after: Side, theirs: Token) -> bool:
    if ours.length != theirs.length:
        return False
    return all(
        mine == yours
        for mine, yours in zip(
            before.window.chunks(ours.value, ours.length),
            after.window.chunks(theirs.value, theirs.length),
            strict=True,
        )
    )


def _is_plain(side: Side, token: Token) -> bool:
    value = side.window.window(token.value, token.length)
    return value.isascii() and b"\x1b" not in value


def _text(side: Side, token: Token) -> str:
    element = Element(token.vr, side.window.read(token.value, token.length))
    text = decode_text(element, side.charset)
    if "\N{REPLACEMENT CHARACTER}" in text:
        raise DifferentError("a text cannot be read", token.tag)
    return text
