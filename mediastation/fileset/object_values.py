"""What an object says for a key, as far as a record may hold it.

Values become legal one by one, sequences are cut down to what the table of keys
names, and text is remembered by the character set that it is in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mediastation.dicom.character_terms import (
    Terms,
    can_hold,
    guessed_terms,
    has_multi_byte_shapes,
    legal_terms,
    reads_otherwise,
    shown_terms,
)
from mediastation.dicom.charset import TEXT_VRS, needs_charset
from mediastation.dicom.elements import iter_elements, iter_items, tag_text
from mediastation.fileset.text import fitting
from mediastation.fileset.values import legal_text, legal_value, stripped
from mediastation.model.element_encoding import (
    INTEGER_VRS,
    encode_element,
    encode_item,
    encode_sequence,
    recoded_integer,
)
from mediastation.model.instance import Element
from mediastation.model.record import Condition, Key
from mediastation.model.uid import is_legal_uid

CHARACTER_SET: Final = 0x00080005
_ANATOMIC_REGION: Final = 0x00082218
_RELATIONSHIP_TYPE: Final = 0x0040A010
_SHARED_GROUPS: Final = 0x52009229
_DEEPEST_COPY: Final = 16


@dataclass(slots=True)
class TextScope:
    """The character set that a data set or item has, and its text beyond the default one."""

    terms: Terms
    multi_byte: bool
    remark: str = ""
    texts: list[bytes] = field(default_factory=list)

    def add(self, value: bytes) -> None:
        """Remember a value if only its character set can tell how it reads."""
        if needs_charset(value) or reads_otherwise(value, self.terms):
            self.texts.append(value)


def shown(value: bytes) -> str:
    text = value[:48].decode("ascii", "backslashreplace")
    return repr(text if len(value) <= 48 else text + "…")


def name_of(key: Key) -> str:
    return key.keyword or tag_text(key.tag)


class ObjectValues:
    """One object's values for one record; collects what was done to them.

    Parameters
    ----------
    elements : mapping of int to Element
        The object's.
    """

    def __init__(self, elements: Mapping[int, Element]) -> None:
        self.elements = elements
        self.foreign: dict[int, Terms] = {}
        self.changed: list[str] = []
        self.supplied: list[str] = []
        self.scope = self._scope_of(elements, TextScope((), False))

    def own(self, key: Key, elements: Mapping[int, Element], scope: TextScope) -> bytes:
        """Return the value that `elements` hold for `key`; empty if there is none to use."""
        element = elements.get(key.tag)
        if element is None or not element.value:
            return b""
        if (element.vr == "SQ") != (key.vr == "SQ"):
            self.changed.append(f"{name_of(key)} has VR {element.vr} and was left out")
            return b""
        if key.vr == "SQ":
            if not key.nested:
                return self._copied(key, element.value, scope)
            return self._sequence(key, element.value, scope)
        if key.vr in INTEGER_VRS and element.vr != key.vr:
            return self._other_integer(key, element)
        return self._scalar(key, element.value, scope)

    def shared(self, key: Key) -> bytes:
        """Return the value that the Shared Functional Groups have (PS3.11, Table H.3-2).

        In the first item, and in the items of its macros, never deeper and
        never in per-frame ones; empty if there is none to use.
        """
        groups = self.elements.get(_SHARED_GROUPS)
        if groups is None or groups.vr != "SQ" or not groups.value:
            return b""
        try:
            for holder, scope in self._shared_holders(groups.value):
                value = self.own(key, holder, scope)
                if value:
                    return self._at_top_level(key, value, scope)
        except ValueError as error:
            self.changed.append(
                f"SharedFunctionalGroupsSequence is not well-formed ({error}): {name_of(key)}"
                " was not found in it"
            )
        return b""

    def _shared_holders(self, groups: bytes) -> Iterator[tuple[Mapping[int, Element], TextScope]]:
        for item in iter_items(groups):
            group = dict(iter_elements(item))
            scope = self._scope_of(group, self.scope)
            yield group, scope
            for element in group.values():
                if element.vr == "SQ":
                    for macro in map(dict, map(iter_elements, iter_items(element.value))):
                        yield macro, self._scope_of(macro, scope)
            return

    def _at_top_level(self, key: Key, value: bytes, scope: TextScope) -> bytes:
        """Return a value from an item so that its text reads the same outside of it."""
        if scope is self.scope or not scope.texts:
            return value
        terms = self.terms_for(scope)
        if key.vr != "SQ":
            self.foreign[key.tag] = terms
            return value
        return encode_sequence(
            item if CHARACTER_SET in dict(iter_elements(item)) else encoded_terms(terms) + item
            for item in iter_items(value)
        )

    def _scalar(self, key: Key, value: bytes, scope: TextScope) -> bytes:
        length_remark = ""
        if key.vr in TEXT_VRS:
            legal, remark = legal_text(
                key.vr, value, multi_byte=scope.multi_byte, multiple=key.multiple
            )
            legal, length_remark = fitting(key.vr, legal, scope.terms)
            scope.add(legal)
        else:
            legal, remark = legal_value(key.vr, value, multiple=key.multiple)
        if remark:
            outcome = f": {shown(legal)}" if legal else " and was left out"
            self.changed.append(f"{name_of(key)} {shown(stripped(value))} {remark}{outcome}")
        elif key.vr == "UI" and legal:
            self.look_at_uids(key, legal)
        if length_remark:
            self.changed.append(f"{name_of(key)} {shown(legal)} {length_remark}")
        return legal

    def _other_integer(self, key: Key, element: Element) -> bytes:
        number = recoded_integer(element.vr, element.value, key.vr)
        outcome = f"was written as {key.vr}" if number else "was left out"
        self.changed.append(f"{name_of(key)} has VR {element.vr} and {outcome}")
        return number

    def look_at_uids(self, key: Key, value: bytes) -> None:
        """Say which UIDs of `value` are written although they are not legal."""
        for uid in value.split(b"\\"):
            if not is_legal_uid(uid.decode("latin_1")):
                self.changed.append(f"{name_of(key)} {shown(uid)} has leading zeros and was kept")

    def quietly(self, key: Key, value: bytes) -> bytes:
        """Return a legal form of a value that comes from elsewhere, without a remark."""
        if key.vr in TEXT_VRS:
            legal, _ = legal_text(
                key.vr, value, multi_byte=self.scope.multi_byte, multiple=key.multiple
            )
            return fitting(key.vr, legal, self.scope.terms)[0]
        return legal_value(key.vr, value, multiple=key.multiple)[0]

    # Sequences; recursion goes as deep as the table of keys, never as the data

    def _sequence(self, key: Key, value: bytes, scope: TextScope) -> bytes:
        try:
            items = [dict(iter_elements(item)) for item in iter_items(value)]
        except ValueError as error:
            self.changed.append(f"{name_of(key)} is not well-formed ({error}), left out")
            return b""
        if key.condition is Condition.CONCEPT_MODIFIERS:
            items = [item for item in items if _is_concept_modifier(item)]
        fewest, most = key.items
        encoded: list[bytes] = []
        for item in items:
            known_texts = len(scope.texts)
            if one := self._item(key, item, scope):
                encoded.append(one)
            else:
                del scope.texts[known_texts:]
            if len(encoded) == most > 0:
                break
        if len(encoded) < max(fewest, 1):
            if items:
                self.changed.append(
                    f"{name_of(key)} has {len(encoded)} usable items of {len(items)}, left out"
                )
            return b""
        if len(encoded) < len(items):
            self.changed.append(f"{name_of(key)} has {len(items)} items, {len(encoded)} were kept")
        return encode_sequence(encoded)

    def sequence_of(self, key: Key, elements: Mapping[int, Element]) -> bytes:
        """Return a sequence of one item made from `elements`, which have what it must have."""
        return encode_item(self._item(key, elements, self.scope))

    def _item(self, key: Key, elements: Mapping[int, Element], outer: TextScope) -> bytes:
        """Return the wanted elements of an item; empty if it lacks what it must have."""
        if key.any_of and not any(_has_value(elements, tag) for tag in key.any_of):
            return b""
        scope = self._scope_of(elements, outer)
        chunks: list[tuple[int, bytes]] = []
        for nested in key.nested:
            value = self.own(nested, elements, scope)
            if not value and nested.type == "1":
                value = self._item_stand_in(nested, elements, scope)
                if not value:
                    return b""
            if value or self.is_written_empty(nested, elements):
                chunks.append((nested.tag, encode_element(nested.tag, nested.vr, value)))
        if key.rest:
            chunks += self._rest(key, elements, scope)
        if scope is not outer and scope.texts:
            chunks.append((CHARACTER_SET, encoded_terms(self.terms_for(scope))))
        return b"".join(chunk for _, chunk in sorted(chunks))

    def _rest(
        self, key: Key, elements: Mapping[int, Element], scope: TextScope
    ) -> list[tuple[int, bytes]]:
        """Return what an item holds beside the nested keys, as it is."""
        named = {nested.tag for nested in key.nested} | {CHARACTER_SET}
        chunks: list[tuple[int, bytes]] = []
        for tag, element in elements.items():
            if tag in named:
                continue
            encoded = encode_element(tag, element.vr, element.value)
            try:
                texts = _texts_in(encoded)
            except ValueError as error:
                self.changed.append(
                    f"{tag_text(tag)} in {name_of(key)} is not well-formed ({error}), left out"
                )
                continue
            for text in texts:
                scope.add(text)
            chunks.append((tag, encoded))
        return chunks

    def _item_stand_in(self, key: Key, elements: Mapping[int, Element], scope: TextScope) -> bytes:
        for tag in key.fallback:
            element = elements.get(tag)
            value = self.quietly(key, element.value) if element else b""
            if value:
                scope.add(value)
                self.supplied.append(f"{name_of(key)} {shown(value)} of {tag_text(tag)}")
                return value
        return b""

    def _copied(self, key: Key, value: bytes, scope: TextScope) -> bytes:
        """Return a sequence as it is, if it is well-formed all the way down."""
        try:
            texts = _texts_in(encode_element(key.tag, "SQ", value))
        except ValueError as error:
            self.changed.append(f"{name_of(key)} is not well-formed ({error}), left out")
            return b""
        for text in texts:
            scope.add(text)
        return value

    # Character sets

    def _scope_of(self, elements: Mapping[int, Element], outer: TextScope) -> TextScope:
        element = elements.get(CHARACTER_SET)
        if element is None:
            return outer
        terms, remark = legal_terms(element.value)
        return TextScope(terms, has_multi_byte_shapes(terms), remark)

    def terms_for(self, scope: TextScope) -> Terms:
        """Return the terms to write for text that leaves the default repertoire."""
        if scope.remark:
            self.changed.append(f"SpecificCharacterSet {scope.remark}")
        if can_hold(scope.terms, scope.texts):
            return self._without_extensions(scope)
        terms = guessed_terms(scope.texts)
        self.changed.append(
            f"SpecificCharacterSet {shown_terms(scope.terms)} does not fit the text, "
            f"{shown_terms(terms)} was written"
        )
        return terms

    def _without_extensions(self, scope: TextScope) -> Terms:
        """Return the terms, a single one for code extensions as the plain one if it is no more.

        A single value means no code extensions (PS3.3, C.12.1.1.2), and readers
        refuse a whole directory for the other term.
        """
        if len(scope.terms) != 1 or any(b"\x1b" in text for text in scope.texts):
            return scope.terms
        plain = (scope.terms[0].replace("ISO 2022 IR ", "ISO_IR "),)
        if plain != scope.terms:
            self.changed.append(
                f"SpecificCharacterSet {shown_terms(scope.terms)} was taken as {shown_terms(plain)}"
            )
        return plain

    @staticmethod
    def is_written_empty(key: Key, elements: Mapping[int, Element]) -> bool:
        """Tell whether a key without a value is written nevertheless."""
        if key.type == "2C":
            depends_on = _ANATOMIC_REGION if key.condition is Condition.WITH_REGION else key.tag
            return depends_on in elements
        return key.type == "2"


def encoded_terms(terms: Terms) -> bytes:
    """Return (0008,0005)."""
    return encode_element(CHARACTER_SET, "CS", "\\".join(terms).encode())


def _has_value(elements: Mapping[int, Element], tag: int) -> bool:
    element = elements.get(tag)
    return element is not None and bool(stripped(element.value))


def _is_concept_modifier(item: Mapping[int, Element]) -> bool:
    element = item.get(_RELATIONSHIP_TYPE)
    return element is not None and stripped(element.value).strip() == b"HAS CONCEPT MOD"


def _texts_in(run: bytes) -> list[bytes]:
    """Return the text in a run of elements and below, where no item has a set of its own.

    Raises
    ------
    ValueError
        If it is not well-formed all the way down, or nested too deeply.
    """
    texts: list[bytes] = []
    waiting = [(run, 0, False)]
    while waiting:
        elements, depth, labelled = waiting.pop()
        if depth > _DEEPEST_COPY:
            raise ValueError("nested too deeply")
        for tag, element in iter_elements(elements):
            labelled = labelled or tag == CHARACTER_SET
            if element.vr == "SQ":
                items = iter_items(element.value)
                waiting.extend((item, depth + 1, labelled) for item in items)
            elif element.vr in TEXT_VRS and not labelled:
                texts.append(element.value)
    return texts
