"""What has to be known of a data set before a coerced copy of it can be written.

One strict walk, in memory that does not grow with the object: where the
attributes of the coercion lie or would lie, what character set its other text
needs, and where else the outside identity stands.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mediastation.dicom.charset import TEXT_VRS
from mediastation.dicom.coerce_echoes import Echoes
from mediastation.dicom.elements import Encoding
from mediastation.dicom.limits import VALUE_LIMIT_BYTES
from mediastation.dicom.reencode import is_dropped, walk_of
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.walk import Kind, MalformedError, Token, Window
from mediastation.model.coercion import (
    CONTRIBUTING_EQUIPMENT_SEQUENCE,
    ORIGINAL_ATTRIBUTES_SEQUENCE,
    OTHER_PATIENT_IDS_SEQUENCE,
    SPECIFIC_CHARACTER_SET,
)

APPENDED: Final = frozenset(
    {
        CONTRIBUTING_EQUIPMENT_SEQUENCE,
        ORIGINAL_ATTRIBUTES_SEQUENCE,
        OTHER_PATIENT_IDS_SEQUENCE,
    }
)
"""Sequences that keep their items and get more."""
LENGTH_TO_END: Final = 0x00080001

_MAX_DROPPED = 4096
_TEXT_CHUNK = 1 << 16


class Span(NamedTuple):
    """A top-level element: its head, its value, and the byte after both.

    `undefined` as in `mediastation.dicom.walk.Token`; `end` lies behind a
    delimiter.
    """

    tag: int
    vr: str
    start: int
    value: int
    end: int
    undefined: bool
    sequence: bool


class TextFacts:
    """What the bytes of some text tell of character sets that could hold it.

    Attributes
    ----------
    plain : bool
        All of it is of the default repertoire.
    utf8 : bool
        All of it is sound UTF-8 without escapes.
    """

    def __init__(self) -> None:
        self.plain = True
        self.utf8 = True

    def look(self, chunks: Iterable[bytes]) -> None:
        """Look at one value, in chunks."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        for chunk in chunks:
            escapes = b"\x1b" in chunk
            if chunk.isascii() and not escapes and not decoder.getstate()[0]:
                continue
            self.plain = False
            if escapes:
                self.utf8 = False
            if not self.utf8:
                return
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                self.utf8 = False
                return
        if decoder.getstate()[0]:
            self.utf8 = False


@dataclass(slots=True)
class Survey:
    """What the walk found.

    Parameters
    ----------
    start, end : int
        The data set's bytes; zeros that fill the file up behind it are outside.
    encoding : Encoding
        How it is written.
    present : dict of int to Span
        Attributes of the coercion that the object has, by tag.
    places : dict of int to int
        Where those would stand that it has not.
    values : dict of int to bytes
        Value fields of those present that are no sequences.
    dropped : list of Span
        Elements that count bytes, and what does not belong into a data set.
    text : TextFacts
        Of the text that stays, under the data set's own character set.
    """

    start: int
    end: int
    encoding: Encoding
    present: dict[int, Span] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    values: dict[int, bytes] = field(default_factory=dict)
    dropped: list[Span] = field(default_factory=list)
    text: TextFacts = field(default_factory=TextFacts)

    @property
    def charset(self) -> bytes | None:
        """The value of Specific Character Set (0008,0005); None if it is absent."""
        return self.values.get(SPECIFIC_CHARACTER_SET)


class Scope:
    """Which items have a Specific Character Set of their own; asked token by token."""

    def __init__(self) -> None:
        self._own = [False]

    def inherits(self, token: Token) -> bool:
        """Tell whether the element at `token` follows the character set of the whole data set."""
        own = self._own
        if token.kind is Kind.ITEM:
            own.append(own[-1])
        elif token.kind is Kind.ITEM_END:
            own.pop()
        elif token.tag == SPECIFIC_CHARACTER_SET and token.depth:
            own[-1] = True
        return not own[-1]


def survey_dataset(
    window: Window,
    start: int,
    encoding: Encoding,
    tags: frozenset[int],
    echoes: Echoes,
) -> Survey:
    """Walk the data set that begins at `start` and ends with the file.

    Parameters
    ----------
    window : Window
        The file.
    start : int
        First byte of the data set.
    encoding : Encoding
        How it is written.
    tags : frozenset of int
        Top-level attributes that a coercion changes.
    echoes : Echoes
        Told of all text that stays.

    Raises
    ------
    MalformedError, TruncatedError
        It does not follow its encoding.
    RefusalError
        ``"twice"``: an attribute of the coercion stands there more than once.
        ``"value-too-long"``: one is longer than is kept as an old value.
        ``"too-many"``: it has thousands of group lengths.
    """
    survey = Survey(start, window.size, encoding)
    wanted = tags | {SPECIFIC_CHARACTER_SET}
    ahead = sorted(wanted)
    scope, top = Scope(), -1
    opened: Token | None = None
    walk = walk_of(window, start, window.size, encoding)
    for token in walk:
        kind = token.kind
        inherits = scope.inherits(token)
        if not token.depth:
            if kind is Kind.SEQUENCE_END:
                if opened is not None:
                    _meet(survey, wanted, _span(opened, token.value + token.length))
                    opened = None
                continue
            if kind is not Kind.ITEM and kind is not Kind.ITEM_END:
                top = token.tag
                while ahead and ahead[0] <= top:
                    survey.places[ahead.pop(0)] = token.start
                if kind is Kind.SEQUENCE:
                    opened = token if top in wanted else None
                    continue
                _meet(survey, wanted, _span(token, token.value + token.length))
                if top in wanted and kind is Kind.ELEMENT:
                    length = token.length
                    survey.values[top] = window.window(token.value, length) if length else b""
        if (
            kind is Kind.ELEMENT
            and token.length
            and token.vr in TEXT_VRS
            and (top not in wanted or (top in APPENDED and token.depth))
        ):
            if token.length <= _TEXT_CHUNK:
                first = window.window(token.value, token.length)
                if inherits and (not first.isascii() or b"\x1b" in first):
                    survey.text.look([first])
            else:
                first = window.read(token.value, _TEXT_CHUNK)
                if inherits:
                    survey.text.look(window.chunks(token.value, token.length))
            echoes.look(top, first)
    if walk.padded_from is not None:
        survey.end = walk.padded_from
    for tag in ahead:
        survey.places[tag] = survey.end
    return survey


def _span(token: Token, end: int) -> Span:
    sequence = token.kind is Kind.SEQUENCE
    return Span(token.tag, token.vr, token.start, token.value, end, token.undefined, sequence)


def _meet(survey: Survey, wanted: frozenset[int], span: Span) -> None:
    """Keep what is to be known of one top-level element."""
    tag = span.tag
    if is_dropped(tag) or tag == LENGTH_TO_END:
        if len(survey.dropped) >= _MAX_DROPPED:
            raise RefusalError("too-many", "the data set has thousands of group lengths")
        survey.dropped.append(span)
    elif tag in wanted:
        if tag in survey.present:
            raise RefusalError(
                "twice",
                f"({tag >> 16:04X},{tag & 0xFFFF:04X}) stands in the data set more than once",
                "Nobody can tell which of the two is meant; ask the sender for a corrected object.",
            )
        if span.end - span.value > VALUE_LIMIT_BYTES and tag not in APPENDED:
            raise RefusalError(
                "value-too-long",
                f"({tag >> 16:04X},{tag & 0xFFFF:04X}) has more than {VALUE_LIMIT_BYTES} bytes",
                "No such attribute is that long; ask the sender for a corrected object.",
            )
        if tag in APPENDED and not (span.sequence or span.vr == "UN"):
            raise MalformedError(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) is no sequence")
        survey.present[tag] = span
