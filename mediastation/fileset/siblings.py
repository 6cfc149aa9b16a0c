"""Values that one object lends to the record of another: Birth Date, Institution Name and such.

The record of a person, study or series is made when its first object comes.
PS3.11 asks for keys that *any* object below has (Table H.3-2), so whoever builds
the File-set lets all objects go by here before.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mediastation.dicom.character_terms import (
    UTF_8,
    Terms,
    can_hold,
    guessed_terms,
    has_multi_byte_shapes,
    legal_terms,
)
from mediastation.dicom.charset import TEXT_VRS, needs_charset
from mediastation.fileset.object_values import CHARACTER_SET
from mediastation.fileset.text import fitting, transcoded
from mediastation.fileset.values import legal_text, legal_value
from mediastation.model.instance import Element, InstanceHeader
from mediastation.model.record import AdditionalKey
from mediastation.model.record_types import RECORD_TYPES

_STUDY_UID: Final = 0x0020000D
_SERIES_UID: Final = 0x0020000E
_LEVELS: Final = ("PATIENT", "STUDY", "SERIES")
# Identifiers decide where an object lies, and the name belongs to the confirmed identity.
_NEVER_LENT: Final = frozenset({0x00100010, 0x00100020, _STUDY_UID, _SERIES_UID})


@dataclass(frozen=True, slots=True)
class SiblingValue:
    """A value of another object below the same record, and that one's Specific Character Set."""

    element: Element
    character_set: bytes = b""

    def text(self, vr: str, *, multiple: bool = False) -> tuple[bytes, Terms]:
        """Return it as a record may hold it, and the set that it is in; empty if none."""
        terms = legal_terms(self.character_set)[0]
        multi_byte = has_multi_byte_shapes(terms)
        value, _ = legal_text(vr, self.element.value, multi_byte=multi_byte, multiple=multiple)
        if not needs_charset(value):
            return value, ()
        if not can_hold(terms, [value]):
            terms = guessed_terms([value])
        return fitting(vr, value, terms)[0], terms


RecordDefaults = Mapping[str, Mapping[int, SiblingValue]]
"""For PATIENT, STUDY and SERIES records: values for keys that the first object lacks, by tag."""


class SiblingKeys:
    """Keeps, for each person, study and series, the first value of every key that matters.

    Parameters
    ----------
    additional_keys : sequence of AdditionalKey
        What the Application Profile asks for.

    Notes
    -----
    Keys of Type 3 are not asked of siblings: a record need not have them.
    """

    def __init__(self, additional_keys: Sequence[AdditionalKey] = ()) -> None:
        wanted = {
            level: {
                key.tag: key.vr
                for key in RECORD_TYPES[level].keys
                if key.type != "3" and key.tag not in _NEVER_LENT
            }
            for level in _LEVELS
        }
        for key in additional_keys:
            if key.record_type in wanted and key.vr != "SQ" and key.tag not in _NEVER_LENT:
                wanted[key.record_type][key.tag] = key.vr
        self._wanted = wanted
        self._known: dict[tuple[str, Hashable], dict[int, tuple[int, SiblingValue]]] = {}
        self.taken = 0

    def take(self, header: InstanceHeader, patient: Hashable) -> None:
        """Let one object of `patient` go by; the first that has a usable value gives it.

        A person may be several patients here, which `of` brings together.
        """
        self.taken += 1
        for level, owner in (("PATIENT", patient), *_upper(header)):
            wanted = self._wanted[level]
            known = self._known.setdefault((level, owner), {})
            if len(known) == len(wanted):
                continue
            for tag, vr in wanted.items():
                element = header.elements.get(tag)
                if tag not in known and element is not None and _is_usable(vr, element):
                    charset = header.elements.get(CHARACTER_SET)
                    value = SiblingValue(element, charset.value if charset else b"")
                    known[tag] = self.taken, value

    def of(self, header: InstanceHeader, patients: Iterable[Hashable]) -> RecordDefaults:
        """Return what is known for the records above one object of a person.

        Parameters
        ----------
        header : InstanceHeader
            The object, of which the study and series count.
        patients : iterable of hashable
            All that are this person.
        """
        first: dict[int, tuple[int, SiblingValue]] = {}
        for patient in patients:
            for tag, found in self._known.get(("PATIENT", patient), {}).items():
                if tag not in first or found[0] < first[tag][0]:
                    first[tag] = found
        defaults = {"PATIENT": {tag: value for tag, (_, value) in first.items()}}
        for level, owner in _upper(header):
            known = self._known.get((level, owner), {})
            defaults[level] = {tag: value for tag, (_, value) in known.items()}
        return defaults


def _upper(header: InstanceHeader) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    study, series = (
        element.value.strip(b" \0") if (element := header.elements.get(tag)) else b""
        for tag in (_STUDY_UID, _SERIES_UID)
    )
    return ("STUDY", study), ("SERIES", series)


def _is_usable(vr: str, element: Element) -> bool:
    if not element.value or element.vr == "SQ":
        return False
    if vr in TEXT_VRS:
        return bool(legal_text(vr, element.value, multi_byte=True)[0])
    return bool(legal_value(vr, element.value, multiple=True)[0])


def in_one_set(
    texts: Mapping[int, tuple[str, bytes]],
    own: Terms | None,
    foreign: Mapping[int, Terms],
    *,
    own_is_fixed: bool = False,
) -> tuple[Terms, dict[int, bytes]] | None:
    """Bring the text of one record into one character set.

    The record's own set goes before those of its siblings, which old readers
    know, and these before UTF-8, which holds everything.

    Parameters
    ----------
    texts : mapping of int to (str, bytes)
        VR and value of each text, by tag.
    own : Terms or None
        The set of the object's own text; None where that is all ASCII.
    foreign : mapping of int to Terms
        The sets of the others.
    own_is_fixed : bool
        Whether `own` cannot change, since items below have text in it.

    Returns
    -------
    tuple of Terms and dict of int to bytes, or None
        The set, and every text in it. None if no set takes all of them.
    """
    sets = dict.fromkeys([*([own] if own is not None else []), *foreign.values()])
    candidates = [own] if own_is_fixed and own is not None else [*sets, (UTF_8,)]
    for target in candidates:
        done: dict[int, bytes] = {}
        for tag, (vr, value) in texts.items():
            one = transcoded(vr, value, foreign.get(tag, own or ()), target)
            if one is None:
                break
            done[tag] = one
        else:
            return target, done
    return None
