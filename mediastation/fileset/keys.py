"""Selection keys: from an object's header to the values a record holds (PS3.3, F.5).

For each key of a record's table: the object's own value where it is legal, for
a Type 1 key that the object lacks a stand-in or a supplied value (PS3.11,
D.3.3.1), for Type 2 an empty element. What was supplied or changed is told in
words; the object is never changed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mediastation.dicom.character_terms import Terms, shown_terms
from mediastation.dicom.charset import TEXT_VRS, decode_text
from mediastation.dicom.elements import tag_text
from mediastation.fileset.moments import latest_verification
from mediastation.fileset.object_values import (
    CHARACTER_SET,
    ObjectValues,
    encoded_terms,
    name_of,
    shown,
)
from mediastation.fileset.siblings import SiblingValue, in_one_set
from mediastation.fileset.values import legal_text, legal_value
from mediastation.model.element_encoding import INTEGER_VRS, encode_element
from mediastation.model.instance import Element, InstanceHeader
from mediastation.model.record import Condition, Key, Supply

_LONGEST_IDENTIFIER: Final = 64
_IMAGE_TYPE: Final = 0x00080008
_VERIFICATION_FLAG: Final = 0x0040A493
_CONTENT_DATE: Final = 0x00080023
_CONTENT_TIME: Final = 0x00080033

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
NO_CODE: Final[dict[int, Element]] = {
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
    defaults : mapping of int to SiblingValue
        Values of sibling instances, for keys that the object lacks.
    """

    moment: datetime
    number: int = 1
    study_id: bytes = b""
    study_moment: tuple[bytes, bytes] = (b"", b"")
    given: Mapping[int, bytes] = field(default_factory=dict)
    defaults: Mapping[int, SiblingValue] = field(default_factory=dict)


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
        Type 1 keys that nobody can supply: such a record is not to be written.
    unmet : list of str
        Keys that PS3.3 makes depend on the IOD, and the object breaks its own.
    of_today : set of int
        Dates among `invented` that are the moment of writing: nothing tells theirs.
    """

    encoded: bytes = b""
    values: dict[int, bytes] = field(default_factory=dict)
    terms: Terms = ()
    supplied: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)
    of_today: set[int] = field(default_factory=set)


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


class _Resolver(ObjectValues):
    """One record in the making."""

    def __init__(self, header: InstanceHeader, circumstances: Circumstances) -> None:
        super().__init__(header.elements)
        self.header = header
        self.around = circumstances
        self.values: dict[int, bytes] = {}
        self.invented: list[str] = []
        self.missing: list[str] = []
        self.unmet: list[str] = []
        self.of_today: set[int] = set()

    def resolve(self, keys: Iterable[Key]) -> ResolvedKeys:
        written: dict[int, tuple[Key, bytes]] = {}
        for key in keys:
            value = self._top_level(key)
            if value or self.is_written_empty(key, self.elements):
                written[key.tag] = key, value
                if key.vr != "SQ":
                    self.values[key.tag] = value
        terms = self._settle_text(written)
        chunks = [encoded_terms(terms)] if terms is not None else []
        chunks += [
            encode_element(tag, written[tag][0].vr, written[tag][1]) for tag in sorted(written)
        ]
        return ResolvedKeys(
            b"".join(chunks),
            self.values,
            terms or (),
            self.supplied,
            self.invented,
            self.changed,
            self.missing,
            self.unmet,
            self.of_today,
        )

    def _settle_text(self, written: dict[int, tuple[Key, bytes]]) -> Terms | None:
        """Bring all text into one character set; None where the default repertoire suffices."""
        own = self.terms_for(self.scope) if self.scope.texts else None
        if not self.foreign:
            return own
        nested = any(key.vr == "SQ" and value for key, value in written.values())
        while self.foreign:
            texts = {
                tag: (key.vr, value)
                for tag, (key, value) in written.items()
                if key.vr in TEXT_VRS and value
            }
            done = in_one_set(texts, own, self.foreign, own_is_fixed=nested)
            if done is not None:
                break
            tag, terms = self.foreign.popitem()
            key, value = written.pop(tag)
            del self.values[tag]
            self.changed.append(
                f"{name_of(key)} {shown(value)} of another instance is in {shown_terms(terms)}, "
                f"which {shown_terms(own or ())} does not hold, and was left out"
            )
            if self.is_written_empty(key, self.elements):
                written[tag] = key, b""
                self.values[tag] = b""
        else:
            return own
        terms, values = done
        for tag, value in values.items():
            written[tag] = written[tag][0], value
            self.values[tag] = value
        if own is not None and terms != own:
            self.changed.append(
                f"SpecificCharacterSet {shown_terms(own)} became {shown_terms(terms)}, which "
                "holds the text of other instances too"
            )
        return terms

    # What the object, a sibling or nobody says

    def _top_level(self, key: Key) -> bytes:
        given = self.around.given.get(key.tag)
        if given is not None:
            if key.vr in TEXT_VRS:
                self._look_at_identifier(key, given)
            if key.vr == "UI":
                self.look_at_uids(key, given)
            return given
        value = b""
        if self._applies(key):
            if key.condition is Condition.VERIFIED:
                value = latest_verification(self.elements)
            else:
                value = self.own(key, self.elements, self.scope)
                if not value and key.in_shared_groups:
                    value = self.shared(key)
            if not value and self.around.defaults:
                value = self._from_sibling(key)
            if not value and key.type in ("1", "1C"):
                value = self._stand_in(key) or self._supplied(key)
            if not value and key.condition is Condition.BIPLANE and self._is_biplane():
                self.missing.append(name_of(key))
        return value

    def _look_at_identifier(self, key: Key, given: bytes) -> None:
        """Say how an identifier that is given differs from what VR LO asks for."""
        self.scope.add(given)
        own = self.elements.get(key.tag)
        if (
            own is not None
            and own.vr != "SQ"
            and legal_text(key.vr, own.value, multi_byte=self.scope.multi_byte)[1]
        ):
            self.changed.append(f"{name_of(key)} {shown(own.value)} was made legal: {shown(given)}")
        text = decode_text(Element(key.vr, given), self.elements.get(CHARACTER_SET))
        if len(text) > _LONGEST_IDENTIFIER:
            self.changed.append(f"{name_of(key)} is longer than its VR allows and was kept whole")

    def _from_sibling(self, key: Key) -> bytes:
        sibling = self.around.defaults.get(key.tag)
        if sibling is None or sibling.element.vr == "SQ":
            return b""
        if key.vr in TEXT_VRS:
            value, terms = sibling.text(key.vr, multiple=key.multiple)
            if terms:
                self.foreign[key.tag] = terms
        else:
            value = self.quietly(key, sibling.element.value)
        if value:
            self.supplied.append(f"{name_of(key)} {shown(value)} of another instance")
        return value

    def _stand_in(self, key: Key) -> bytes:
        if key.supply is Supply.TIME:
            return self._time_beside(key)
        for tag in key.fallback:
            element = self.elements.get(tag)
            if element is None or element.vr == "SQ":
                continue
            if value := self.quietly(key, element.value):
                if key.vr in TEXT_VRS:
                    self.scope.add(value)
                self.supplied.append(f"{name_of(key)} {shown(value)} of {tag_text(tag)}")
                return value
        return b""

    def _time_beside(self, key: Key) -> bytes:
        """Return a time for a date that is decided, from the same moment if there is one."""
        chosen = self.values.get(_DATE_OF[key.tag], b"")
        other: tuple[bytes, int] | None = None
        for tag in key.fallback:
            element = self.elements.get(tag)
            time = self.quietly(key, element.value) if element and element.vr != "SQ" else b""
            if not time:
                continue
            date = self.elements.get(_DATE_OF[tag])
            if date is not None and legal_value("DA", date.value)[0] == chosen:
                other = (time, tag)
                break
            other = other or (time, tag)
        if other is None:
            return b""
        self.supplied.append(f"{name_of(key)} {shown(other[0])} of {tag_text(other[1])}")
        return other[0]

    def _supplied(self, key: Key) -> bytes:
        supply = key.supply
        match supply:
            case Supply.NOTHING:
                if key.type == "1":
                    self.missing.append(name_of(key))
                return b""
            case Supply.NUMBER | Supply.STUDY_ID:
                value = b"%d" % self.around.number
                if supply is Supply.STUDY_ID:
                    value = self.around.study_id
                self.supplied.append(f"{name_of(key)} {shown(value)}")
                return value
            case Supply.DATE:
                return self._supplied_moment(key, 0)
            case Supply.TIME:
                return self._supplied_moment(key, 1)
            case Supply.DATETIME:
                value = self._supplied_date_time()
            case Supply.CODE:
                value = self.sequence_of(key, NO_CODE)
            case Supply.INSTANCE_UID:
                value = self.header.sop_instance_uid.encode("ascii", "replace")
            case Supply.MIME_TYPE:
                value = _MIME_TYPES.get(self.header.sop_class_uid, b"application/octet-stream")
            case _:
                value = self._literal(key, supply)
        told = "one item that says so" if key.vr == "SQ" else shown(value)
        if key.vr in INTEGER_VRS:
            told = repr(str(supply))
        self.invented.append(f"{name_of(key)} {told}")
        return value

    def _supplied_moment(self, key: Key, part: int) -> bytes:
        """Return the date (0) or time (1) of the study, or else of now.

        A time that nothing tells, on a date that something does, is midnight:
        the time of burning would look like a fact.
        """
        study = self.around.study_moment
        date = self.values.get(_DATE_OF.get(key.tag, 0), b"")
        if part == 0 and study[0]:
            self.supplied.append(f"{name_of(key)} {shown(study[0])} of the study")
            return study[0]
        if part == 1 and study[1] and study[0] == date:
            self.supplied.append(f"{name_of(key)} {shown(study[1])} of the study")
            return study[1]
        now = self.around.moment
        today = now.strftime("%Y%m%d").rjust(8, "0").encode()
        value = today if part == 0 else now.strftime("%H%M%S").encode()
        if part == 0:
            self.of_today.add(key.tag)
        if part == 1 and date != today:
            value = b"000000"
        self.invented.append(f"{name_of(key)} {shown(value)}")
        return value

    def _supplied_date_time(self) -> bytes:
        date = self.values.get(_CONTENT_DATE, b"")
        if date:
            return date + self.values.get(_CONTENT_TIME, b"")
        return self.around.moment.strftime("%Y%m%d%H%M%S").rjust(14, "0").encode()

    def _literal(self, key: Key, text: str) -> bytes:
        if key.vr == "SQ":
            return self.sequence_of(key, {key.any_of[0]: Element("CS", text.encode())})
        layout = INTEGER_VRS.get(key.vr)
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
                    self.unmet.append(name_of(key))
        return True

    def _is_biplane(self) -> bool:
        """Tell whether value 3 of Image Type makes this one of two planes (PS3.3, C.8.7.1.1.1)."""
        element = self.elements.get(_IMAGE_TYPE)
        values = legal_value("CS", element.value, multiple=True)[0] if element else b""
        return values.split(b"\\")[2:3] in ([b"BIPLANE A"], [b"BIPLANE B"])

    def _verification_flag(self) -> bytes:
        """Return the Verification Flag as the record will have it."""
        element = self.elements.get(_VERIFICATION_FLAG)
        return legal_value("CS", element.value)[0] if element else b""
