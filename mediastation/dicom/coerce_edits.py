"""The bytes of a coerced copy that differ from its source: edits, their places ascending.

Whatever no edit names is copied as it is. Old values go into Original Attributes
Sequence as the very bytes that they were. PS3.3 2024c C.12.1.1.9; PS3.5 7.5.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from mediastation.dicom.character_terms import Terms, legal_terms
from mediastation.dicom.charset import TEXT_VRS
from mediastation.dicom.charset_encoding import encode_text, strictly_decoded
from mediastation.dicom.coerce_outline import Outline, id_item, sequence_items
from mediastation.dicom.coerce_survey import LENGTH_TO_END, Span, Survey
from mediastation.dicom.coerce_text import Conversion, Edit, Part, TextPlan, grown_head, size_of
from mediastation.dicom.element_writer import write_element, write_head, write_items
from mediastation.dicom.elements import ITEM, Encoding
from mediastation.dicom.reencode import DifferentError
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.vr import dictionary_vr
from mediastation.dicom.walk import Window
from mediastation.model.coercion import (
    CONTRIBUTING_EQUIPMENT_SEQUENCE,
    ISSUER_OF_PATIENT_ID,
    MODIFIED_ATTRIBUTES_SEQUENCE,
    NONCONFORMING_ATTRIBUTES_SEQUENCE,
    NONCONFORMING_VALUE,
    ORIGINAL_ATTRIBUTES_SEQUENCE,
    OTHER_PATIENT_IDS,
    OTHER_PATIENT_IDS_SEQUENCE,
    PATIENT_ID,
    SELECTOR_ATTRIBUTE,
    SELECTOR_VALUE_NUMBER,
    SPECIFIC_CHARACTER_SET,
    Attribute,
)

_LONGEST: Final = {"LO": 64, "SH": 16, "PN": 64}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MOST_NAME_GROUPS = 3
_PATTERNS: Final = {
    "CS": re.compile(rb"[A-Z0-9_ ]{0,16}"),
    "DA": re.compile(rb"(?:[0-9]{8})? *"),
    "DT": re.compile(rb"[0-9]{4}[0-9.+\-]{0,22} *"),
    "TM": re.compile(rb"(?:[0-9]{2}[0-9.]{0,12})? *"),
}
_LISTS: Final = frozenset({OTHER_PATIENT_IDS, SPECIFIC_CHARACTER_SET})
_ALWAYS_LISTED: Final = frozenset({PATIENT_ID, ISSUER_OF_PATIENT_ID, SPECIFIC_CHARACTER_SET})
_FLUSH_AT: Final = 1 << 16
_NO_DATA_SET_GROUPS: Final = frozenset({0x0000, 0x0002})


def plan_edits(
    window: Window,
    survey: Survey,
    outline: Outline,
    plan: TextPlan,
    conversion: Conversion | None,
) -> list[Edit]:
    """Return every edit, in the order of their places.

    Parameters
    ----------
    window : Window
        The source.
    survey : Survey
        Of its data set.
    outline : Outline
        What changes.
    plan : TextPlan
        In which character set the new values are written.
    conversion : Conversion or None
        Of the text that stays, where it gets other bytes.

    Raises
    ------
    RefusalError
        ``"too-many"``: a sequence would become longer than can be said.
        ``"bad-sequence"``: one that is added to cannot be read.
    """
    return _Planner(window, survey, outline, plan, conversion).edits()


def iter_edited(window: Window, survey: Survey, edits: Iterable[Edit]) -> Iterator[bytes]:
    """Yield the data set with `edits` made, in chunks.

    Raises
    ------
    DifferentError
        If edits overlap.
    TruncatedError
        If the source became shorter.
    """
    position, small = survey.start, bytearray()
    for edit in (*edits, Edit(survey.end, survey.end, ())):
        if edit.start < position:
            raise DifferentError("two changes fall on one place")
        for part in ((position, edit.start), *edit.parts):
            if isinstance(part, bytes):
                small += part
                continue
            for chunk in window.chunks(part[0], part[1] - part[0]):
                if len(chunk) + len(small) < _FLUSH_AT:
                    small += chunk
                    continue
                yield bytes(small)
                small.clear()
                yield chunk
        position = edit.end
    yield bytes(small)


class _Planner:
    def __init__(
        self,
        window: Window,
        survey: Survey,
        outline: Outline,
        plan: TextPlan,
        conversion: Conversion | None,
    ) -> None:
        self.window = window
        self.survey = survey
        self.outline = outline
        self.plan = plan
        self.conversion = conversion
        self.encoding: Encoding = survey.encoding

    def edits(self) -> list[Edit]:
        survey, outline = self.survey, self.outline
        ranked = [
            (*self._set(tag, self._encoded(one)), tag) for tag, one in outline.replaced.items()
        ]
        for tag in outline.removed:
            span = survey.present[tag]
            ranked.append((Edit(span.start, span.end, ()), 1, tag))
        appended: dict[int, tuple[Part, ...]] = {
            CONTRIBUTING_EQUIPMENT_SEQUENCE: (self._items([outline.equipment]),)
        }
        if outline.new_ids:
            appended[OTHER_PATIENT_IDS_SEQUENCE] = (self._items(map(id_item, outline.new_ids)),)
        if old := self._original_attributes():
            appended[ORIGINAL_ATTRIBUTES_SEQUENCE] = old
        for tag, parts in appended.items():
            ranked += [(*one, tag) for one in self._append(tag, parts)]
        ranked += [(edit, 1, tag) for edit, tag in self._dropped({tag for *_, tag in ranked})]
        conversion = self.conversion
        if conversion is not None:
            ranked += [(edit, 2, 0) for edit in conversion.edits]
            for tag, (head, growth) in conversion.grown.items():
                if tag not in appended:
                    data = grown_head(head, growth, survey)
                    ranked.append((Edit(head.start, head.value, (data,)), 1, tag))
        # Where an element ends another may begin: what is appended inside comes first, then
        # by tag, so that a new element stands before the one whose place it takes.
        ranked.sort(key=lambda one: (one[0].start, one[1], one[2]))
        return [edit for edit, *_ in ranked]

    def _set(self, tag: int, element: bytes) -> tuple[Edit, int]:
        span = self.survey.present.get(tag)
        if span is not None:
            return Edit(span.start, span.end, (element,)), 1
        place = self.survey.places[tag]
        return Edit(place, place, (element,)), 1

    def _encoded(self, one: Attribute) -> bytes:
        """Return an attribute of this site, encoded as the data set is."""
        if one.vr == "SQ":
            items = self._items(one.items)
            return write_head(one.tag, "SQ", len(items), self.encoding) + items
        value = encode_text(one.text, one.vr, self.plan.terms)
        if value is None:
            raise DifferentError("a new value has no place in the character set", one.tag)
        return write_element(one.tag, one.vr, value, self.encoding)

    def _items(self, items: Iterable[tuple[Attribute, ...]]) -> bytes:
        ordered = (sorted(item, key=lambda one: one.tag) for item in items)
        return write_items((b"".join(map(self._encoded, item)) for item in ordered), self.encoding)

    def _append(self, tag: int, parts: tuple[Part, ...]) -> Iterator[tuple[Edit, int]]:
        """Yield the edits that put items at the end of a sequence, new if there is none."""
        survey, span, size = self.survey, self.survey.present.get(tag), sum(map(size_of, parts))
        if span is None:
            place, head = survey.places[tag], write_head(tag, "SQ", size, self.encoding)
            yield Edit(place, place, (head, *parts)), 1
        elif not span.sequence:
            kept = self._known_again(span)
            head = write_head(tag, "SQ", len(kept) + size, self.encoding)
            yield Edit(span.start, span.end, (head, kept, *parts)), 1
        elif span.undefined:
            yield Edit(span.end - 8, span.end - 8, parts), 0
        else:
            growth = size
            if self.conversion is not None and tag in self.conversion.grown:
                growth += self.conversion.grown[tag][1]
            head = grown_head(span, growth, survey)
            yield Edit(span.start, span.value, (head,)), 1
            yield Edit(span.end, span.end, parts), 0

    def _known_again(self, span: Span) -> bytes:
        """Return the items of a sequence that some program passed on as UN, with their VRs.

        Only so can items of the data set's own encoding follow them (PS3.5, 6.2.2).
        """
        items = sequence_items(self.window, self.survey, span)
        if self.encoding.big or (self.plan.redeclared and not items.isascii()):
            raise RefusalError(
                "bad-sequence",
                f"({span.tag >> 16:04X},{span.tag & 0xFFFF:04X}) is passed on as unknown (UN)",
                "Ask the sender for the object in Explicit VR Little Endian.",
            )
        return items

    def _original_attributes(self) -> tuple[Part, ...]:
        """Return the item with the old values; empty if there are none."""
        listed, raw = self._old_values()
        if not listed:
            return ()
        encoding, size = self.encoding, sum(map(size_of, listed))
        modified = (
            write_head(MODIFIED_ATTRIBUTES_SEQUENCE, "SQ", size + 8, encoding),
            write_head(ITEM, "", size, encoding),
            *listed,
        )
        rest = b""
        if raw:
            items = (
                write_element(SELECTOR_ATTRIBUTE, "AT", _tag_words(tag), encoding)
                + write_element(SELECTOR_VALUE_NUMBER, "US", b"\1\0", encoding)
                for tag, value in raw
            )
            # (0400,0552) comes before group 0072.
            values = (write_element(NONCONFORMING_VALUE, "OB", value, encoding) for _, value in raw)
            run = write_items(
                (value + item for value, item in zip(values, items, strict=True)), encoding
            )
            rest += write_head(NONCONFORMING_ATTRIBUTES_SEQUENCE, "SQ", len(run), encoding) + run
        rest += b"".join(map(self._encoded, self.outline.modification))
        size = sum(map(size_of, modified)) + len(rest)
        return (write_head(ITEM, "", size, encoding), *modified, rest)

    def _old_values(self) -> tuple[list[Part], list[tuple[int, bytes]]]:
        """Return the elements of the Modified Attributes item, and what breaks its VR."""
        survey, outline = self.survey, self.outline
        terms, _ = legal_terms(survey.charset or b"")
        redeclared = SPECIFIC_CHARACTER_SET in outline.replaced
        tags = outline.changed & (survey.present.keys() | _ALWAYS_LISTED)
        listed: list[Part] = []
        raw = []
        for tag in sorted(tags):
            span = survey.present.get(tag)
            if span is None:
                listed.append(write_head(tag, dictionary_vr(tag), 0, self.encoding))
                continue
            value = survey.values.get(tag)
            if value is None or conforms(tag, span.vr, value, terms):
                listed.append((span.start, span.end))
                continue
            if tag == SPECIFIC_CHARACTER_SET and redeclared:
                terms = ()  # the item speaks in the default repertoire, its own set being empty
            listed.append(write_head(tag, span.vr, 0, self.encoding))
            raw.append((tag, value))
        return listed, raw

    def _dropped(self, tags: set[int]) -> Iterator[tuple[Edit, int]]:
        """Yield the removal of what counts bytes that change, or is no part of a data set."""
        groups = {tag >> 16 for tag in tags} | _NO_DATA_SET_GROUPS
        for span in self.survey.dropped:
            if self.conversion is not None or span.tag >> 16 in groups or span.tag == LENGTH_TO_END:
                yield Edit(span.start, span.end, ()), span.tag


def conforms(tag: int, vr: str, value: bytes, terms: Terms) -> bool:
    """Tell whether an old value may stand as it is where its VR counts (PS3.5, 6.2).

    Parameters
    ----------
    tag : int
        The attribute; few may have several values.
    vr : str
        Its VR.
    value : bytes
        The value field.
    terms : Terms
        The character set that it is read in there.
    """
    if len(value) % 2:
        return False
    pattern = _PATTERNS.get(vr)
    if pattern is not None:
        parts = value.split(b"\\") if tag in _LISTS else [value]
        return all(pattern.fullmatch(part) for part in parts)
    if vr not in TEXT_VRS:
        return True
    text = strictly_decoded(value.rstrip(b" "), vr, terms)
    if text is None or _CONTROL.search(text) or b"\0" in value:
        return False
    if "\\" in text and tag not in _LISTS:
        return False
    longest = _LONGEST.get(vr)
    if longest is None:
        return True
    groups = text.split("=") if vr == "PN" else text.split("\\")
    return max(map(len, groups)) <= longest and (vr != "PN" or len(groups) <= _MOST_NAME_GROUPS)


def _tag_words(tag: int) -> bytes:
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF)
