"""One profile as one role reads it: everything it says of a SOP Class, looked up once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mediastation.conformance.attributes import Elements, is_given, words_of
from mediastation.dicom.elements import iter_elements, iter_items
from mediastation.model.attribute_rule import AttributeRule
from mediastation.model.element_encoding import INTEGER_VRS, recoded_integer
from mediastation.model.instance import Element
from mediastation.model.profile import ApplicationProfile, IconRule, Role
from mediastation.model.record import ROOT, AdditionalKey, Condition
from mediastation.model.record_types import RECORD_TYPES
from mediastation.model.sop_class import SOP_CLASSES

ICON_IMAGE_SEQUENCE = 0x00880200
IMAGE_TYPE = 0x00080008
SHARED_GROUPS = 0x52009229
_BIPLANE = ("BIPLANE A", "BIPLANE B")
_MOST_ITEMS = 64
_CODE_CHARACTER = re.compile(rb"[A-Za-z0-9_]")
"""One of these makes a code string say something; whatever is none is an underscore there."""


@dataclass(frozen=True, slots=True)
class ClassRules:
    """What a profile says to one role of one SOP Class.

    Parameters
    ----------
    transfer_syntaxes : tuple of str
        Those of the table, in its order; empty if the class is not carried.
    attributes : tuple of AttributeRule
        Restrictions on its attributes.
    keys : tuple of AdditionalKey
        Keys whose value only the objects can give, of their own record and of
        those above it.
    icon : IconRule or None
        The icon that its record has to have.
    """

    transfer_syntaxes: tuple[str, ...]
    attributes: tuple[AttributeRule, ...]
    keys: tuple[AdditionalKey, ...]
    icon: IconRule | None


class Rulebook:
    """A profile with the role it is read for, and what an operator wants besides.

    Parameters
    ----------
    profile : ApplicationProfile
        The profile.
    role : Role
        Whose rows of its table count.
    compress : str
        Transfer Syntax UID that pixels are to be encoded in where the profile
        allows it; empty for none.
    keep_tiff_preamble : bool
        Whether a TIFF header in the preamble may stay.
    """

    def __init__(
        self,
        profile: ApplicationProfile,
        role: Role = Role.CREATOR,
        *,
        compress: str = "",
        keep_tiff_preamble: bool = False,
    ) -> None:
        self.profile = profile
        self.role = role
        self.compress = compress
        self.keep_tiff_preamble = keep_tiff_preamble
        self._known: dict[str, ClassRules] = {}

    def of_class(self, sop_class_uid: str) -> ClassRules:
        """Return what holds for objects of this class."""
        rules = self._known.get(sop_class_uid)
        if rules is None:
            rules = self._read(sop_class_uid)
            if sop_class_uid in SOP_CLASSES:
                self._known[sop_class_uid] = rules
        return rules

    def _read(self, uid: str) -> ClassRules:
        profile = self.profile
        sop_class = SOP_CLASSES.get(uid)
        syntaxes = profile.transfer_syntaxes(uid, self.role)
        if sop_class is None or not sop_class.record_type or not syntaxes:
            return ClassRules((), (), (), None)
        attributes = tuple(
            rule for rule in profile.attributes if not rule.sop_classes or uid in rule.sop_classes
        )
        if self.role is Role.READER:
            return ClassRules(syntaxes, attributes, (), None)
        icon = profile.icon_rule(sop_class.record_type)
        return ClassRules(
            syntaxes,
            attributes,
            _keys(profile, uid, sop_class.record_type),
            icon if icon is not None and icon.required else None,
        )


def lacks(key: AdditionalKey, elements: Elements) -> bool:
    """Tell whether an object cannot give a key that its record has to have."""
    if key.condition is Condition.BIPLANE and key.type != "1" and not _is_biplane(elements):
        return False
    if _is_usable(key, elements.get(key.tag)):
        return False
    return not (key.in_shared_groups and _in_shared_groups(key, elements))


def tags_of(rules: ClassRules) -> frozenset[int]:
    """Return the elements of an object that decide what `rules` come to."""
    tags = {tag for rule in rules.attributes for tag in _tags_of_rule(rule)}
    for key in rules.keys:
        tags.add(key.tag)
        if key.in_shared_groups:
            tags.add(SHARED_GROUPS)
        if key.condition is Condition.BIPLANE:
            tags.add(IMAGE_TYPE)
    return frozenset(tags)


def _tags_of_rule(rule: AttributeRule) -> set[int]:
    tags = set(rule.tags)
    if rule.same_as:
        tags.add(rule.same_as.tag)
    for inner in rule.when:
        tags |= _tags_of_rule(inner)
    return tags


def _keys(profile: ApplicationProfile, uid: str, record_type: str) -> tuple[AdditionalKey, ...]:
    """Return keys of Type 1, and of Type 1C by Image Type, that nothing else can supply."""
    records = [record_type]
    while records[-1] != ROOT:
        records.append(RECORD_TYPES[records[-1]].parent)
    supplied = {
        key.tag for record in records[:-1] for key in RECORD_TYPES[record].keys if key.type == "1"
    }
    return tuple(
        key
        for key in profile.keys
        if key.record_type in records
        and (key.type == "1" or (key.type == "1C" and key.condition is Condition.BIPLANE))
        and (not key.sop_classes or uid in key.sop_classes)
        and key.tag != ICON_IMAGE_SEQUENCE
        and key.tag not in supplied
    )


def _is_biplane(elements: Elements) -> bool:
    element = elements.get(IMAGE_TYPE)
    return element is not None and words_of(element)[2:3] in [(word,) for word in _BIPLANE]


def _is_usable(key: AdditionalKey, element: Element | None) -> bool:
    """Tell whether a record can take the value: a sequence needs an item with what it must have."""
    if element is None or (element.vr == "SQ") != (key.vr == "SQ"):
        return False
    if key.vr in INTEGER_VRS:
        return bool(recoded_integer(element.vr, element.value, key.vr))
    if key.vr == "CS":
        return _CODE_CHARACTER.search(element.value) is not None
    wanted = [inner.tag for inner in key.nested if inner.type == "1"]
    if not wanted:
        return is_given({key.tag: element}, key.tag)
    return any(all(is_given(item, tag) for tag in wanted) for item in _items(element))


def _in_shared_groups(key: AdditionalKey, elements: Elements) -> bool:
    """Look the key up in the macros of the Shared Functional Groups Sequence (Table H.3-2)."""
    shared = elements.get(SHARED_GROUPS)
    if shared is None:
        return False
    for groups in _items(shared):
        if _is_usable(key, groups.get(key.tag)):
            return True
        for macro in groups.values():
            if macro.vr == "SQ" and any(_is_usable(key, i.get(key.tag)) for i in _items(macro)):
                return True
    return False


def _items(sequence: Element) -> list[dict[int, Element]]:
    items: list[dict[int, Element]] = []
    try:
        for item in iter_items(sequence.value):
            items.append(dict(iter_elements(item)))
            if len(items) == _MOST_ITEMS:
                break
    except ValueError:
        pass
    return items
