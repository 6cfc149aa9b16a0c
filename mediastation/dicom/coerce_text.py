"""In which character set a coerced copy speaks, and its text turned into that set.

The fewer bytes change the better, so in this order: the object's own set, if
it has every letter of the new values; another set declared over the same bytes,
if they mean the same in it; all text converted to Unicode, if every byte of it
is understood; no copy. PS3.3 2024c C.12.1.1.2; PS3.5 6.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from mediastation.dicom.character_terms import UTF_8, Terms, legal_terms, shown_terms
from mediastation.dicom.charset import TEXT_VRS
from mediastation.dicom.charset_encoding import encode_text, strictly_decoded
from mediastation.dicom.coerce_survey import Scope, Span, Survey
from mediastation.dicom.element_writer import write_element, write_head
from mediastation.dicom.limits import VALUE_LIMIT_BYTES
from mediastation.dicom.reencode import walk_of
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.walk import Kind, Token, Window
from mediastation.model.element_encoding import UNDEFINED

_LATIN_1: Final = "ISO_IR 100"
_MAX_EDITS = 100_000
_MAX_EDITED_BYTES = 32 * 1024 * 1024
_CHUNK = 1 << 16


Part = bytes | tuple[int, int]
"""Literal bytes, or the offsets of a span of the source and its end."""


def size_of(part: Part) -> int:
    """Return how many bytes a part has."""
    return len(part) if isinstance(part, bytes) else part[1] - part[0]


class Edit(NamedTuple):
    """Bytes of the source that give way to others."""

    start: int
    end: int
    parts: tuple[Part, ...]

    @property
    def growth(self) -> int:
        """How many bytes more there are after it."""
        return sum(map(size_of, self.parts)) - (self.end - self.start)


@dataclass(frozen=True, slots=True)
class TextPlan:
    """Character sets before and after.

    Parameters
    ----------
    terms : Terms
        Of the copy.
    old_terms : Terms
        In which the object's own text was read; none for the default repertoire.
    redeclared : bool
        Whether Specific Character Set (0008,0005) changes.
    converts : bool
        Whether text that stays gets other bytes.
    verifies : bool
        Whether text that stays has to be readable in `old_terms`, though its
        bytes do not change.
    note : str
        What a person has to know, a sentence; empty if nothing.
    """

    terms: Terms
    old_terms: Terms
    redeclared: bool = False
    converts: bool = False
    verifies: bool = False
    note: str = ""

    @property
    def value(self) -> bytes:
        """Specific Character Set of the copy."""
        return "\\".join(self.terms).encode("ascii")


def plan_text(survey: Survey, texts: Iterable[tuple[str, str]], undeclared: str) -> TextPlan:
    """Decide about the character set of a copy.

    Parameters
    ----------
    survey : Survey
        Of the object.
    texts : iterable of (str, str)
        VR and text of every new value.
    undeclared : str
        As in `mediastation.model.coercion.CoercingSite`.

    Raises
    ------
    RefusalError
        ``"character-set-unknown"``: the new values need a set that could not
        be declared without lying about text that stays.
    """
    texts = list(texts)
    raw = survey.charset or b""
    terms, slip = legal_terms(raw)

    def fits(candidate: Terms) -> bool:
        return all(encode_text(text, vr, candidate) is not None for vr, text in texts)

    if fits(terms):
        if not slip or all(text.isascii() for _, text in texts):
            return TextPlan(terms, terms)
        if any(terms):
            note = f"Specific Character Set {slip}, so that it names the set of the new values."
            return TextPlan(terms, terms, redeclared=True, note=note)
    wider = (_LATIN_1,) if fits((_LATIN_1,)) else (UTF_8,)
    if survey.text.plain and not any("ISO 2022 IR 13" in t or t == "ISO_IR 13" for t in terms):
        return TextPlan(wider, terms, redeclared=True)
    if any(terms):
        return TextPlan((UTF_8,), terms, redeclared=True, converts=True)
    house, _ = legal_terms(undeclared.encode("ascii", "replace"))
    if any(house):
        note = (
            "Text without a declared character set was read as "
            f"{shown_terms(house)}, as this site decided."
        )
        if fits(house):
            return TextPlan(house, house, redeclared=True, verifies=True, note=note)
        return TextPlan((UTF_8,), house, redeclared=True, converts=True, note=note)
    if survey.text.utf8:
        note = "Its text had no declared character set and is sound UTF-8, which was declared."
        return TextPlan((UTF_8,), (), redeclared=True, note=note)
    raise RefusalError(
        "character-set-unknown",
        "the object has text of more than ASCII and no character set that could be believed"
        f" ({raw[:64].decode('ascii', 'replace').strip() or 'none is declared'}), and the local"
        " name needs one to be declared",
        "Look at the text of the object, then say in the settings which character set undeclared"
        " text of outside media is in, or ask the sender for a corrected object.",
    )


@dataclass(slots=True)
class Conversion:
    """The edits that turn text that stays into another set.

    Parameters
    ----------
    edits : list of Edit
        Heads of top-level sequences excepted.
    grown : dict of int to (Token, int)
        Top-level sequences of defined length that grow, by tag: their head, and
        by how many bytes.
    unread : int
        Values of unknown VR beyond ASCII, which were left as they are.
    """

    edits: list[Edit]
    grown: dict[int, tuple[Token, int]]
    unread: int = 0


def plan_conversion(
    window: Window, survey: Survey, plan: TextPlan, replaced: frozenset[int]
) -> Conversion:
    """Find every text of the data set that has other bytes in another character set.

    Lengths of the sequences and items around it follow; whether they are
    defined stays as it is. Items with a Specific Character Set of their own
    keep it and their text. Group lengths inside items are left out.

    Parameters
    ----------
    window : Window
        The file.
    survey : Survey
        Of its data set.
    plan : TextPlan
        From which set to which.
    replaced : frozenset of int
        Top-level attributes that do not stay.

    Raises
    ------
    RefusalError
        ``"text-undecodable"``: a text has bytes that mean nothing in the set
        that is declared. ``"too-many"``: there are more of them than are held.
    """
    done = Conversion([], {})
    scope, top, held = Scope(), -1, 0
    opened: list[Token] = []
    growths = [0]  # of the data set, and of each bracket that is open
    for token in walk_of(window, survey.start, survey.end, survey.encoding):
        inherits = scope.inherits(token)
        kind = token.kind
        if not token.depth and kind not in (Kind.SEQUENCE_END, Kind.ITEM, Kind.ITEM_END):
            top = token.tag
        if kind in (Kind.SEQUENCE, Kind.ITEM):
            opened.append(token)
            growths.append(0)
            continue
        if kind in (Kind.SEQUENCE_END, Kind.ITEM_END):
            bracket, growth = opened.pop(), growths.pop()
            growths[-1] += growth
            if growth and not bracket.undefined:
                if not token.depth and kind is Kind.SEQUENCE_END:
                    done.grown[top] = bracket, growth
                else:
                    head = grown_head(bracket, growth, survey)
                    done.edits.append(Edit(bracket.start, bracket.value, (head,)))
            continue
        if top in replaced or not inherits or kind is not Kind.ELEMENT or not token.length:
            continue
        if token.vr == "UN" or token.undefined:
            done.unread += any(
                not chunk.isascii() for chunk in window.chunks(token.value, token.length, _CHUNK)
            )
            continue
        if token.depth and not token.tag & 0xFFFF:
            edit = Edit(token.start, token.value + token.length, ())
        elif token.vr in TEXT_VRS:
            found = _converted(window, token, survey, plan)
            if found is None:
                continue
            edit = found
        else:
            continue
        held += edit.growth + token.length
        if len(done.edits) >= _MAX_EDITS or held > _MAX_EDITED_BYTES:
            raise RefusalError("too-many", "the data set has more text than can be converted")
        done.edits.append(edit)
        growths[-1] += edit.growth
    return done


def grown_head(bracket: Token | Span, growth: int, survey: Survey) -> bytes:
    """Return the head of a sequence or item of defined length that grows.

    Raises
    ------
    RefusalError
        ``"too-many"``: no length can say it.
    """
    old = bracket.length if isinstance(bracket, Token) else bracket.end - bracket.value
    if old + growth >= UNDEFINED:
        raise RefusalError("too-many", "a sequence would become longer than can be said")
    return write_head(bracket.tag, bracket.vr, old + growth, survey.encoding)


def _converted(window: Window, token: Token, survey: Survey, plan: TextPlan) -> Edit | None:
    """Return the edit of one text; None if its bytes stay."""
    if token.length > VALUE_LIMIT_BYTES:
        for chunk in window.chunks(token.value, token.length):
            if not chunk.isascii() or b"\x1b" in chunk:
                raise RefusalError("too-many", "a text is longer than can be converted")
        return None
    value = window.window(token.value, token.length)
    if value.isascii() and b"\x1b" not in value:
        return None
    text = strictly_decoded(value, token.vr, plan.old_terms)
    if text is None:
        where = f"({token.tag >> 16:04X},{token.tag & 0xFFFF:04X})"
        raise RefusalError(
            "text-undecodable",
            f"{where} has bytes that mean nothing in {shown_terms(plan.old_terms)}, and the local"
            " name needs all text to be put into Unicode",
            "Ask the sender for an object with a right Specific Character Set, or import it under"
            " a name that the set can write.",
        )
    if not plan.converts:
        return None
    coded = encode_text(text, token.vr, plan.terms)
    if coded is None or len(coded) > 0xFFFE:
        raise RefusalError("too-many", "a text cannot be said in Unicode at the length of its VR")
    element = write_element(token.tag, token.vr, coded, survey.encoding)
    return Edit(token.start, token.value + token.length, (element,))
