"""Selection keys: from an object's header to the values a record holds (PS3.3, F.5).

For each key of a record's table: the object's own value where it is legal, for
a Type 1 key that the object lacks a stand-in or a supplied value (PS3.11,
D.3.3.1), for Type 2 an empty element. What was supplied or changed is told in
words; the object is never changed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mediastation.dicom.charset import TEXT_VRS, needs_charset
from mediastation.dicom.elements import (
    encode_element,
    encode_item,
    encode_sequence,
    iter_elements,
    iter_items,
    tag_text,
)
from mediastation.fileset.text import (
    Terms,
    can_hold,
    fitting,
    guessed_terms,
    has_multi_byte_shapes,
    legal_terms,
    shown_terms,
)
from mediastation.fileset.values import (
    BINARY_VRS,
    is_legal_uid,
    legal_text,
    legal_value,
    stripped,
)
from mediastation.model.instance import Element, InstanceHeader
from mediastation.model.record import Condition, Key, Supply
from mediastation.model.record_types import VERIFYING_OBSERVERS

CHARACTER_SET: Final = 0x00080005
_ANATOMIC_REGION: Final = 0x00082218
_RELATIONSHIP_TYPE: Final = 0x0040A010
_VERIFICATION_DATETIME: Final = 0x0040A030
_VERIFICATION_FLAG: Final = 0x0040A493
_CONTENT_DATE: Final = 0x00080023
_CONTENT_TIME: Final = 0x00080033
_STUDY_DATE: Final = 0x00080020
_DEEPEST_COPY: Final = 16

# The date that a time belongs to.
_DATE_OF: Final = {
    0x00080013: 0x00080012,
    0x00080030: 0x00080020,
    0x00080031: 0x00080021,
    0x00080032: 0x00080022,
    0x00080033: 0x00080023,
    0x00700083: 0x00700082,
}

_CDA: Final = "1.2.840.10008.5.1.4.1.1.104.2"
_MIME_TYPES: Final = {
    "1.2.840.10008.5.1.4.1.1.104.1": b"application/pdf",
    _CDA: b"text/XML",
    "1.2.840.10008.5.1.4.1.1.104.3": b"model/stl",
    "1.2.840.10008.5.1.4.1.1.104.4": b"model/obj",
    "1.2.840.10008.5.1.4.1.1.104.5": b"model/mtl",
}

# IODs that contain the Presentation State Relationship Module (PS3.3, C.11.11).
_RELATED_IMAGES: Final = frozenset(
    f"1.2.840.10008.5.1.4.1.1.11.{number}" for number in ("1", "2", "3", "5", "12")
)

# No code of DICOM says "there was none"; a private scheme cannot be taken for one that does.
_NO_CODE: Final[dict[int, Element]] = {
    0x00080100: Element("SH", b"UNKNOWN"),
    0x00080102: Element("SH", b"99MEDIASTATION"),
    0x00080104: Element("LO", b"Not stated in the object"),
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the keys of one record depend on besides the object.

    Parameters
    ----------
    moment : datetime
        When the File-set is made; the last resort for dates.
    number : int
        The number to supply where the object has none.
    study_id : bytes
        The Study ID to supply.
    study_moment : tuple of bytes and bytes
        Study Date and Time as the STUDY record has them; empty above and
        beside it.
    given : mapping of int to bytes
        Values that are decided elsewhere and win over the object's, legal for
        their VR.
    defaults : mapping of int to Element
        Values of sibling instances, for keys that the object lacks.
    """

    moment: datetime
    number: int = 1
    study_id: bytes = b""
    study_moment: tuple[bytes, bytes] = (b"", b"")
    given: Mapping[int, bytes] = field(default_factory=dict)
    defaults: Mapping[int, Element] = field(default_factory=dict)


@dataclass(slots=True)
class ResolvedKeys:
    """The keys of one record, ready to be written.

    Parameters
    ----------
    encoded : bytes
        The elements in ascending tag order, Specific Character Set included.
    values : dict of int to bytes
        Value of each top-level key that is no sequence, without padding; empty
        values of Type 2 keys included.
    terms : Terms
        The character set of text among `values`.
    supplied, invented : list of str
        ``Keyword 'value'`` for each Type 1 key that the object lacks: drawn
        from its other elements or from siblings, or made up.
    changed : list of str
        What was made legal or left out, in words.
    missing : list of str
        Keys that the type demands and nobody can supply.
    """

    encoded: bytes = b""
    values: dict[int, bytes] = field(default_factory=dict)
    terms: Terms = ()
    supplied: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def resolve_keys(
    keys: Iterable[Key], header: InstanceHeader, circumstances: Circumstances
) -> ResolvedKeys:
    """Resolve and encode the keys of one record.

    Parameters
    ----------
    keys : iterable of Key
        The record's table in ascending tag order.
    header : InstanceHeader
        The object that the values come from.
    circumstances : Circumstances
        What they depend on besides.
    """
    return _Resolver(header, circumstances).resolve(keys)


@dataclass(slots=True)
class _Scope:
    """The character set that a data set or item has, and its text beyond the default one."""

    terms: Terms
    multi_byte: bool
    remark: str = ""
    texts: list[bytes] = field(default_factory=list)


def _shown(value: bytes) -> str:
    text = value[:48].decode("ascii", "backslashreplace")
    return repr(text if len(value) <= 48 else text + "…")


def _name(key: Key) -> str:
    return key.keyword or tag_text(key.tag)


class _Resolver:
    """One record in the making."""

    __slots__ = ("around", "elements", "header", "result", "scope")

    def __init__(self, header: InstanceHeader, circumstances: Circumstances) -> None:
        self.header = header
        self.elements = header.elements
        self.around = circumstances
        self.result = ResolvedKeys()
        self.scope = self._scope_of(self.elements, _Scope((), False))

    def resolve(self, keys: Iterable[Key]) -> ResolvedKeys:
        result = self.result
        chunks: list[bytes] = []
        for key in keys:
            value = self._top_level(key)
            if value or self._is_written_empty(key, self.elements):
                chunks.append(encode_element(key.tag, key.vr, value))
                if key.vr != "SQ":
                    result.values[key.tag] = value
        if self.scope.texts:
            terms = self._terms_for(self.scope)
            chunks.insert(0, _encoded_terms(terms))
            result.terms = terms
        result.encoded = b"".join(chunks)
        return result

    # What the object, a sibling or nobody says

    def _top_level(self, key: Key) -> bytes:
        given = self.around.given.get(key.tag)
        if given is not None:
            if key.vr in TEXT_VRS and needs_charset(given):
                self.scope.texts.append(given)
            if key.vr == "UI":
                self._look_at_uids(key, given)
            return given
        value = b""
        if self._applies(key):
            if key.condition is Condition.VERIFIED:
                value = latest_verification(self.elements)
            else:
                value = self._own(key, self.elements, self.scope)
            if not value and self.around.defaults:
                value = self._from_sibling(key)
            if not value and key.type in ("1", "1C"):
                value = self._stand_in(key) or self._supplied(key)
        return value

    def _own(
        self, key: Key, elements: Mapping[int, Element], scope: _Scope, *, depth: int = 0
    ) -> bytes:
        element = elements.get(key.tag)
        if element is None or not element.value:
            return b""
        if (element.vr == "SQ") != (key.vr == "SQ"):
            self.result.changed.append(f"{_name(key)} has VR {element.vr} and was left out")
            return b""
        if key.vr == "SQ":
            if not key.nested:
                return self._copied(key, element.value, scope)
            return self._sequence(key, element.value, scope, depth)
        return self._scalar(key, element.value, scope)

    def _scalar(self, key: Key, value: bytes, scope: _Scope) -> bytes:
        if key.vr in TEXT_VRS:
            legal, remark = legal_text(key.vr, value, multi_byte=scope.multi_byte)
            if legal and not remark:
                legal, remark = fitting(key.vr, legal, scope.terms)
            if needs_charset(legal):
                scope.texts.append(legal)
        else:
            legal, remark = legal_value(key.vr, value, multiple=key.multiple)
        if remark:
            self._changed(key, value, legal, remark)
        elif key.vr == "UI" and legal:
            self._look_at_uids(key, legal)
        return legal

    def _changed(self, key: Key, value: bytes, legal: bytes, remark: str) -> None:
        if not legal:
            remark += " and was left out"
        elif not remark.startswith(("is longer", "was cut")):
            remark += f": {_shown(legal)}"
        self.result.changed.append(f"{_name(key)} {_shown(stripped(value))} {remark}")

    def _look_at_uids(self, key: Key, value: bytes) -> None:
        for uid in value.split(b"\\"):
            if not is_legal_uid(uid):
                self.result.changed.append(
                    f"{_name(key)} {_shown(uid)} has leading zeros and was kept"
                )

    def _from_sibling(self, key: Key) -> bytes:
        element = self.around.defaults.get(key.tag)
        if element is None or element.vr == "SQ" or needs_charset(element.value):
            return b""
        value = self._quietly(key, element.value)
        if value:
            self.result.supplied.append(f"{_name(key)} {_shown(value)} of another instance")
        return value

    def _quietly(self, key: Key, value: bytes) -> bytes:
        """Return a legal form of a value that comes from elsewhere, without a remark."""
        if key.vr in TEXT_VRS:
            return legal_text(key.vr, value, multi_byte=False)[0]
        return legal_value(key.vr, value, multiple=key.multiple)[0]

    def _stand_in(self, key: Key) -> bytes:
        if key.supply is Supply.TIME:
            return self._time_beside(key)
        for tag in key.fallback:
            element = self.elements.get(tag)
            if element is None or element.vr == "SQ":
                continue
            if value := self._quietly(key, element.value):
                if key.vr in TEXT_VRS and needs_charset(value):
                    self.scope.texts.append(value)
                self.result.supplied.append(f"{_name(key)} {_shown(value)} of {tag_text(tag)}")
                return value
        return b""

    def _time_beside(self, key: Key) -> bytes:
        """Return a time for a date that is decided, from the same moment if there is one."""
        chosen = self.result.values.get(_DATE_OF[key.tag], b"")
        other: tuple[bytes, int] | None = None
        for tag in key.fallback:
            element = self.elements.get(tag)
            time = self._quietly(key, element.value) if element and element.vr != "SQ" else b""
            if not time:
                continue
            date = self.elements.get(_DATE_OF[tag])
            if date is not None and legal_value("DA", date.value)[0] == chosen:
                other = (time, tag)
                break
            other = other or (time, tag)
        if other is None:
            return b""
        self.result.supplied.append(f"{_name(key)} {_shown(other[0])} of {tag_text(other[1])}")
        return other[0]

    def _supplied(self, key: Key) -> bytes:
        supply = key.supply
        match supply:
            case Supply.NOTHING:
                if key.type == "1":
                    self.result.missing.append(_name(key))
                return b""
            case Supply.NUMBER | Supply.STUDY_ID:
                value = b"%d" % self.around.number
                if supply is Supply.STUDY_ID:
                    value = self.around.study_id
                self.result.supplied.append(f"{_name(key)} {_shown(value)}")
                return value
            case Supply.DATE:
                return self._supplied_moment(key, 0)
            case Supply.TIME:
                return self._supplied_moment(key, 1)
            case Supply.DATETIME:
                value = self._supplied_date_time()
            case Supply.CODE:
                value = self._sequence_of(key, _NO_CODE)
            case Supply.INSTANCE_UID:
                value = self.header.sop_instance_uid.encode("ascii", "replace")
            case Supply.MIME_TYPE:
                value = _MIME_TYPES.get(self.header.sop_class_uid, b"application/octet-stream")
            case _:
                value = self._literal(key, supply)
        shown = "one item that says so" if key.vr == "SQ" else _shown(value)
        if key.vr in BINARY_VRS:
            shown = repr(str(supply))
        self.result.invented.append(f"{_name(key)} {shown}")
        return value

    def _supplied_moment(self, key: Key, part: int) -> bytes:
        """Return the date (0) or time (1) of the study, or else of now.

        A time that nothing tells, on a date that something does, is midnight:
        the time of burning would look like a fact.
        """
        study = self.around.study_moment
        date = self.result.values.get(_DATE_OF.get(key.tag, 0), b"")
        if part == 0 and study[0]:
            self.result.supplied.append(f"{_name(key)} {_shown(study[0])} of the study")
            return study[0]
        if part == 1 and study[1] and study[0] == date:
            self.result.supplied.append(f"{_name(key)} {_shown(study[1])} of the study")
            return study[1]
        now = self.around.moment
        today = now.strftime("%Y%m%d").rjust(8, "0").encode()
        value = today if part == 0 else now.strftime("%H%M%S").encode()
        if part == 1 and date != today:
            value = b"000000"
        self.result.invented.append(f"{_name(key)} {_shown(value)}")
        return value

    def _supplied_date_time(self) -> bytes:
        date = self.result.values.get(_CONTENT_DATE, b"")
        if date:
            return date + self.result.values.get(_CONTENT_TIME, b"")
        return self.around.moment.strftime("%Y%m%d%H%M%S").rjust(14, "0").encode()

    def _literal(self, key: Key, text: str) -> bytes:
        if key.vr == "SQ":
            return self._sequence_of(key, {key.any_of[0]: Element("CS", text.encode())})
        layout = BINARY_VRS.get(key.vr)
        return struct.pack(layout, int(text)) if layout else text.encode()

    # Conditions

    def _applies(self, key: Key) -> bool:
        match key.condition:
            case Condition.VERIFIED:
                return self._verification_flag() == b"VERIFIED"
            case Condition.HL7_DOCUMENT:
                return self.header.sop_class_uid == _CDA or key.tag in self.elements
            case Condition.RELATED_IMAGES:
                if key.tag not in self.elements and self.header.sop_class_uid in _RELATED_IMAGES:
                    self.result.missing.append(_name(key))
        return True

    def _verification_flag(self) -> bytes:
        """Return the Verification Flag as the record will have it."""
        element = self.elements.get(_VERIFICATION_FLAG)
        return legal_value("CS", element.value)[0] if element else b""

    @staticmethod
    def _is_written_empty(key: Key, elements: Mapping[int, Element]) -> bool:
        return key.type == "2" or (
            key.type == "2C"
            and (key.condition is not Condition.WITH_REGION or _ANATOMIC_REGION in elements)
            and (key.condition is Condition.WITH_REGION or key.tag in elements)
        )

    # Sequences; recursion goes as deep as the table of keys, never as the data

    def _sequence(self, key: Key, value: bytes, scope: _Scope, depth: int) -> bytes:
        try:
            items = [dict(iter_elements(item)) for item in iter_items(value)]
        except ValueError as error:
            self.result.changed.append(f"{_name(key)} is not well-formed ({error}), left out")
            return b""
        if key.condition is Condition.CONCEPT_MODIFIERS:
            items = [item for item in items if _is_concept_modifier(item)]
        encoded = [one for item in items if (one := self._item(key, item, scope, depth))]
        fewest, most = key.items
        if len(encoded) < max(fewest, 1):
            if items:
                self.result.changed.append(
                    f"{_name(key)} has {len(encoded)} usable items of {len(items)}, left out"
                )
            return b""
        if most and len(encoded) > most:
            self.result.changed.append(f"{_name(key)} has {len(encoded)} items, {most} kept")
            del encoded[most:]
        elif len(encoded) < len(items):
            self.result.changed.append(
                f"{_name(key)} has {len(items)} items, {len(encoded)} of them usable"
            )
        return encode_sequence(encoded)

    def _sequence_of(self, key: Key, elements: Mapping[int, Element]) -> bytes:
        return encode_item(self._item(key, elements, self.scope, 0))

    def _item(self, key: Key, elements: Mapping[int, Element], outer: _Scope, depth: int) -> bytes:
        """Return the wanted elements of an item; empty if it lacks what it must have."""
        if key.any_of and not any(_has_value(elements, tag) for tag in key.any_of):
            return b""
        scope = self._scope_of(elements, outer)
        chunks: list[bytes] = []
        for nested in key.nested:
            value = self._own(nested, elements, scope, depth=depth + 1)
            if not value and nested.type == "1":
                value = self._item_stand_in(nested, elements, scope)
                if not value:
                    return b""
            if value or self._is_written_empty(nested, elements):
                chunks.append(encode_element(nested.tag, nested.vr, value))
        if scope is not outer and scope.texts:
            chunks.insert(0, _encoded_terms(self._terms_for(scope)))
        return b"".join(chunks)

    def _item_stand_in(self, key: Key, elements: Mapping[int, Element], scope: _Scope) -> bytes:
        for tag in key.fallback:
            element = elements.get(tag)
            value = self._quietly(key, element.value) if element else b""
            if value:
                if needs_charset(value):
                    scope.texts.append(value)
                self.result.supplied.append(f"{_name(key)} {_shown(value)} of {tag_text(tag)}")
                return value
        return b""

    def _copied(self, key: Key, value: bytes, scope: _Scope) -> bytes:
        """Return a sequence as it is, if it is well-formed all the way down."""
        waiting = [(value, 0)]
        texts: list[bytes] = []
        try:
            while waiting:
                run, depth = waiting.pop()
                if depth > _DEEPEST_COPY:
                    raise ValueError("nested too deeply")
                for item in iter_items(run):
                    own_set = False
                    for tag, element in iter_elements(item):
                        own_set = own_set or tag == CHARACTER_SET
                        if element.vr == "SQ":
                            waiting.append((element.value, depth + 1))
                        elif element.vr in TEXT_VRS and not own_set:
                            texts.append(element.value)
        except ValueError as error:
            self.result.changed.append(f"{_name(key)} is not well-formed ({error}), left out")
            return b""
        scope.texts.extend(filter(needs_charset, texts))
        return value

    # Character sets

    def _scope_of(self, elements: Mapping[int, Element], outer: _Scope) -> _Scope:
        element = elements.get(CHARACTER_SET)
        if element is None:
            return outer
        terms, remark = legal_terms(element.value)
        return _Scope(terms, has_multi_byte_shapes(terms), remark)

    def _terms_for(self, scope: _Scope) -> Terms:
        if scope.remark:
            self.result.changed.append(f"SpecificCharacterSet {scope.remark}")
        if can_hold(scope.terms, scope.texts):
            return scope.terms
        terms = guessed_terms(scope.texts)
        self.result.changed.append(
            f"SpecificCharacterSet {shown_terms(scope.terms)} does not fit the text, "
            f"{shown_terms(terms)} was written"
        )
        return terms


def _encoded_terms(terms: Terms) -> bytes:
    return encode_element(CHARACTER_SET, "CS", "\\".join(terms).encode())


def _has_value(elements: Mapping[int, Element], tag: int) -> bool:
    element = elements.get(tag)
    return element is not None and bool(stripped(element.value))


def _is_concept_modifier(item: Mapping[int, Element]) -> bool:
    element = item.get(_RELATIONSHIP_TYPE)
    return element is not None and stripped(element.value).strip() == b"HAS CONCEPT MOD"


def _moment_of(value: bytes) -> tuple[int, int]:
    """Return a legal DT value as something to compare: minutes of UTC, then the digits below."""
    digits, _, zone = value.replace(b"-", b"+", 1).partition(b"+")
    offset = (int(zone[:2]) * 60 + int(zone[2:])) if zone else 0
    if b"-" in value:
        offset = -offset
    whole, _, fraction = digits.partition(b".")
    filled = whole + b"00000101000000"[len(whole) :]
    year, month, day, hour, minute, second = (
        int(filled[start:end])
        for start, end in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
    )
    ordinal = datetime(max(year, 1), month, day).toordinal()
    minutes = ordinal * 1440 + hour * 60 + minute - offset
    return minutes, second * 1_000_000 + int(fraction.ljust(6, b"0") or b"0")


def latest_verification(elements: Mapping[int, Element]) -> bytes:
    """Return the latest Verification DateTime of the Verifying Observers (PS3.3, F.5.25).

    Empty if there is none that is legal.
    """
    observers = elements.get(VERIFYING_OBSERVERS)
    if observers is None or observers.vr != "SQ":
        return b""
    return max(_verifications(observers.value), key=_moment_of, default=b"")


def _verifications(sequence: bytes) -> Iterator[bytes]:
    try:
        for item in iter_items(sequence):
            for tag, element in iter_elements(item):
                if tag == _VERIFICATION_DATETIME and element.vr != "SQ":
                    legal, _ = legal_value("DT", element.value)
                    if legal:
                        yield legal
    except ValueError:
        return
