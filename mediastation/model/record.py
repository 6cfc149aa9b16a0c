"""What a selection key of a Directory Record is (PS3.3 Annex F); `record_types` has the tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

KeyType = Literal["1", "1C", "2", "2C", "3"]
"""Data Element types as PS3.5 7.4 and PS3.10 5 define them."""

ROOT = ""
"""The parent of records in the root directory entity."""


class Condition(StrEnum):
    """When a Type 1C or 2C key is written."""

    PRESENT = "present"
    """The object has a value. An empty element counts as absent, since Type 1C asks for a value."""
    NON_EMPTY = "non-empty"
    """The same in the words of other tables of PS3.11."""
    SUBORDINATE = "subordinate"
    """Any object below the record has a value (PS3.11 Table H.3-2)."""
    BIPLANE = "biplane"
    """Value 3 of Image Type is BIPLANE A or BIPLANE B; else written if there (A.3-2, B.3-2)."""
    VERIFIED = "verified"
    """Verification Flag is VERIFIED; the value is the Verifying Observers' latest (F.5.25)."""
    CONCEPT_MODIFIERS = "concept-modifiers"
    """The root has HAS CONCEPT MOD items; those and no others (F.5.25, F.5.26)."""
    RELATED_IMAGES = "related-images"
    """The IOD has the Presentation State Relationship Module (F.5.23)."""
    HL7_DOCUMENT = "hl7-document"
    """The encapsulated document is an HL7 structured document (F.5.32)."""
    WITH_REGION = "with-region"
    """The same item holds an Anatomic Region Sequence (F.5.31)."""


class Supply(StrEnum):
    """What to write for a Type 1 key that neither the object nor its stand-ins have."""

    NOTHING = ""
    NUMBER = "@number"
    """One more than the highest number among the siblings so far."""
    STUDY_ID = "@study-id"
    DATE = "@date"
    TIME = "@time"
    DATETIME = "@datetime"
    CODE = "@code"
    """One item that says in a code of our own that there is no code."""
    INSTANCE_UID = "@instance-uid"
    MIME_TYPE = "@mime-type"


@dataclass(frozen=True, slots=True)
class Key:
    """One selection key.

    Parameters
    ----------
    tag, keyword, vr : int, str, str
        Of PS3.6.
    type : KeyType
        Data Element type in the record, which may be stricter than the IOD's.
    condition : Condition
        For 1C and 2C.
    nested : tuple of Key
        For SQ: what an item may hold, in ascending tag order. Other elements
        of an item are left out unless `rest` says otherwise. Without any,
        items are copied as they are.
    items : tuple of int and int
        For SQ: fewest and most items; 0 as second means any number.
    any_of : tuple of int
        For SQ: an item must have a value in at least one of these.
    multiple : bool
        Whether the Value Multiplicity may exceed 1.
    fallback : tuple of int
        Elements whose value stands in, in order of preference.
    supply : Supply or str
        The last resort for Type 1; a string that is no `Supply` is the value.
    rest : bool
        For SQ: whether what `nested` does not name is copied as it is.
    in_shared_groups : bool
        Whether the Shared Functional Groups Sequence is asked where the data
        set itself has no value.
    """

    tag: int
    keyword: str
    vr: str
    type: KeyType
    condition: Condition = Condition.PRESENT
    nested: tuple[Key, ...] = ()
    items: tuple[int, int] = (1, 0)
    any_of: tuple[int, ...] = ()
    multiple: bool = False
    fallback: tuple[int, ...] = ()
    supply: Supply | str = Supply.NOTHING
    rest: bool = False
    in_shared_groups: bool = False


@dataclass(frozen=True, slots=True)
class AdditionalKey:
    """One key that an Application Profile adds or tightens (PS3.11, tables X.3-2).

    Parameters
    ----------
    record_type : str
        Records that have it.
    tag, vr, type, condition, nested, keyword, multiple
        As in `Key`; `condition` is one of ``present``, ``non-empty``,
        ``subordinate`` and ``biplane``. What `nested` does not name is copied
        as it is: the tables leave it to Type 3.
    sop_classes : frozenset of str
        Objects that have to have it; empty for all. Records of others have it
        where the object does.
    in_shared_groups : bool
        Whether a macro of the object's Shared Functional Groups Sequence may
        hold it where the data set itself does not (Table H.3-2).
    """

    record_type: str
    tag: int
    vr: str
    type: KeyType
    condition: Condition = Condition.PRESENT
    nested: tuple[Key, ...] = ()
    keyword: str = ""
    multiple: bool = True
    sop_classes: frozenset[str] = frozenset()
    in_shared_groups: bool = False

    def as_key(self) -> Key:
        """Return it as the key of a record, for the objects that have to have it."""
        return Key(
            self.tag,
            self.keyword,
            self.vr,
            self.type,
            Condition(self.condition),
            self.nested,
            multiple=self.multiple,
            rest=bool(self.nested),
            in_shared_groups=self.in_shared_groups,
        )

    def key_for(self, sop_class_uid: str) -> Key:
        """Return it as the key of a record of such an object."""
        key = self.as_key()
        if not self.sop_classes or sop_class_uid in self.sop_classes:
            return key
        return replace(key, type="3" if key.type == "2" else "1C", condition=Condition.PRESENT)


@dataclass(frozen=True, slots=True)
class RecordType:
    """One Directory Record type: its parent's type, `ROOT` for none, and its keys."""

    name: str
    section: str
    parent: str
    keys: tuple[Key, ...]


def tighten(keys: tuple[Key, ...], additional: tuple[Key, ...]) -> tuple[Key, ...]:
    """Return `keys` with a profile's `additional` ones, in ascending tag order.

    A profile may make a key stricter, never looser (PS3.11, X.3.3), so of two
    descriptions the stricter type wins; where the value comes from, and how
    many there may be, stays.
    """
    merged = {key.tag: key for key in keys}
    for key in additional:
        known = merged.get(key.tag)
        if known is None:
            merged[key.tag] = key
        elif key.type < known.type:
            merged[key.tag] = replace(
                key, fallback=known.fallback, supply=known.supply, multiple=known.multiple
            )
    return tuple(merged[tag] for tag in sorted(merged))
