"""Application Profiles (PS3.11) as values: what may lie on which medium, and in which encoding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mediastation.model.attribute_rule import AttributeRule
from mediastation.model.record import AdditionalKey, Key


class Role(StrEnum):
    """What an application does with a File-set (PS3.10, 8.3)."""

    CREATOR = "FSC"
    READER = "FSR"
    UPDATER = "FSU"


class Requirement(StrEnum):
    """How much a profile asks of one role for one row of its table (PS3.11, X.3.1).

    ``DECLARED`` leaves the choice to the conformance statement.
    """

    MANDATORY = "M"
    OPTIONAL = "O"
    DECLARED = "CS"
    NONE = "-"


class Security(StrEnum):
    """How a profile seals its files (PS3.11, X.3.5)."""

    NONE = "none"
    MEDIA = "PS3.15 D.1"
    MAIL = "PS3.15 B.8"


class Session(StrEnum):
    """How a creator may end its writing (PS3.11, X.2.1.1); without any, nothing is stated."""

    FINALISE = "finalise"
    MULTI_SESSION = "multi-session"
    PACKET_WRITING = "packet-writing"


@dataclass(frozen=True, slots=True)
class ObjectRule:
    """One row of a profile's table of SOP Classes and Transfer Syntaxes.

    `transfer_syntaxes` keeps the order of the table. `label` says which
    objects of the classes are meant where not all of them are.
    """

    sop_classes: frozenset[str]
    transfer_syntaxes: tuple[str, ...]
    creator: Requirement
    reader: Requirement
    updater: Requirement
    label: str = ""

    def requirement(self, role: Role) -> Requirement:
        """Return what the row asks of `role`."""
        match role:
            case Role.CREATOR:
                return self.creator
            case Role.READER:
                return self.reader
            case Role.UPDATER:
                return self.updater


@dataclass(frozen=True, slots=True)
class IconRule:
    """What a profile asks of the Icon Image Sequence in records (PS3.3 F.7 and PS3.11, X.3.3).

    Parameters
    ----------
    record_types : tuple of str
        Records that have the icon, or may have it.
    required : bool
        Whether each of them has to have one.
    rows, columns : int
        Prescribed size.
    bits_allocated : int
        Prescribed Bits Allocated.
    photometric_interpretations : tuple of str
        What is allowed.
    reference : str
        Section of PS3.11.
    """

    record_types: tuple[str, ...]
    required: bool
    rows: int
    columns: int
    bits_allocated: int
    photometric_interpretations: tuple[str, ...]
    reference: str


@dataclass(frozen=True, slots=True)
class ApplicationProfile:
    """One Application Profile.

    Parameters
    ----------
    name : str
        Identifier, such as ``STD-GEN-CD``.
    profile_class : str
        Name of the class that shares an annex and its tables.
    annex : str
        Letter of the annex of PS3.11.
    title, clinical_use : str
        What it is for, in words.
    roles : tuple of Role
        Roles that the profile defines.
    media : tuple of str
        Names of the media that it may be written on, the default first.
    medium_format : str
        Where PS3.12 describes medium and file system.
    objects : tuple of ObjectRule
        SOP Classes with their transfer syntaxes, without the Basic Directory,
        which is Explicit VR Little Endian everywhere.
    keys : tuple of AdditionalKey
        Keys that records carry beyond those of PS3.3 Annex F.
    security : Security
        How the files are sealed.
    edition, source : str
        Edition of PS3.11 and the sections that this was taken from.
    objects_table : str
        Where the standard lists `objects`, for findings.
    keys_table : str
        Where it lists `keys`; empty where there are none.
    attributes : tuple of AttributeRule
        What the attributes of objects have to be.
    icons : tuple of IconRule
        What icons have to be; without any they are optional and PS3.3 F.7 alone holds.
    sessions : tuple of Session
        What a creator has to offer at the end of writing.
    directory_required : bool
        Whether a File-set has to have a DICOMDIR.
    augments : str
        For an augmented profile, the standard one that it contains.
    retired : str
        For a retired profile, what is known of its end; such a one is only read.
    """

    name: str
    profile_class: str
    annex: str
    title: str
    clinical_use: str
    roles: tuple[Role, ...]
    media: tuple[str, ...]
    medium_format: str
    objects: tuple[ObjectRule, ...]
    keys: tuple[AdditionalKey, ...]
    security: Security
    edition: str
    source: str
    objects_table: str
    keys_table: str = ""
    attributes: tuple[AttributeRule, ...] = ()
    icons: tuple[IconRule, ...] = ()
    sessions: tuple[Session, ...] = ()
    directory_required: bool = True
    augments: str = ""
    retired: str = ""

    @property
    def annex_reference(self) -> str:
        """Where the profile is defined, for who looks it up; a site's own says it itself."""
        return f"PS3.11 Annex {self.annex}" if self.name.startswith("STD-") else self.source

    def transfer_syntaxes(self, sop_class_uid: str, role: Role = Role.CREATOR) -> tuple[str, ...]:
        """Return the syntaxes in which `role` may meet the class; empty if it may not."""
        return tuple(
            dict.fromkeys(
                uid
                for rule in self.objects
                if sop_class_uid in rule.sop_classes
                and rule.requirement(role) is not Requirement.NONE
                for uid in rule.transfer_syntaxes
            )
        )

    def all_transfer_syntaxes(self, role: Role = Role.CREATOR) -> frozenset[str]:
        """Return the syntaxes in which `role` may meet an object of any class."""
        return frozenset(
            uid
            for rule in self.objects
            if rule.requirement(role) is not Requirement.NONE
            for uid in rule.transfer_syntaxes
        )

    def icon_rule(self, record_type: str) -> IconRule | None:
        """Return what the profile says of icons in records of this type, if it does."""
        return next((rule for rule in self.icons if record_type in rule.record_types), None)

    @property
    def record_keys(self) -> tuple[AdditionalKey, ...]:
        """Everything that records have to have besides: `keys`, and icons where demanded."""
        icons = dict.fromkeys(
            record_type for rule in self.icons if rule.required for record_type in rule.record_types
        )
        return (
            *self.keys,
            *(
                AdditionalKey(record_type, 0x00880200, "SQ", "1", keyword="IconImageSequence")
                for record_type in icons
            ),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return everything in plain values, tags as ``0008,0008``, for JSON."""
        return {
            "name": self.name,
            "annex": self.annex,
            "title": self.title,
            "clinical_use": self.clinical_use,
            "roles": [str(role) for role in self.roles],
            "media": list(self.media),
            "medium_format": self.medium_format,
            "objects": [
                {
                    "sop_classes": sorted(rule.sop_classes),
                    "transfer_syntaxes": list(rule.transfer_syntaxes),
                    "creator": str(rule.creator),
                    "reader": str(rule.reader),
                    "updater": str(rule.updater),
                    **({"label": rule.label} if rule.label else {}),
                }
                for rule in self.objects
            ],
            "attributes": [_rule_dict(rule) for rule in self.attributes],
            "icons": [
                {
                    "record_types": list(rule.record_types),
                    "required": rule.required,
                    "rows": rule.rows,
                    "columns": rule.columns,
                    "bits_allocated": rule.bits_allocated,
                    "photometric_interpretations": list(rule.photometric_interpretations),
                    "reference": rule.reference,
                }
                for rule in self.icons
            ],
            "sessions": [str(session) for session in self.sessions],
            "directory_required": self.directory_required,
            "keys": [
                {"record_type": key.record_type, **_key_dict(key.as_key()), **_where(key)}
                for key in self.keys
            ],
            "security": str(self.security),
            "edition": self.edition,
            "source": self.source,
            "augments": self.augments,
            "retired": self.retired,
        }


def _rule_dict(rule: AttributeRule) -> dict[str, Any]:
    facts: dict[str, Any] = {"tag": rule.tag_text, "keyword": rule.keyword, "demand": rule.demand}
    if rule.value_number:
        facts["value_number"] = rule.value_number
    if rule.sop_classes:
        facts["sop_classes"] = sorted(rule.sop_classes)
    if rule.transfer_syntaxes:
        facts["transfer_syntaxes"] = sorted(rule.transfer_syntaxes)
    if rule.when:
        facts["when"] = [_rule_dict(inner) for inner in rule.when]
    if rule.items:
        facts["items"] = [_rule_dict(inner) for inner in rule.items]
    if rule.reference:
        facts["reference"] = rule.reference
    return facts


def _where(key: AdditionalKey) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if key.sop_classes:
        facts["sop_classes"] = sorted(key.sop_classes)
    if key.in_shared_groups:
        facts["in_shared_groups"] = True
    return facts


def _key_dict(key: Key) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "tag": f"{key.tag >> 16:04X},{key.tag & 0xFFFF:04X}",
        "keyword": key.keyword,
        "vr": key.vr,
        "type": key.type,
    }
    if key.type in {"1C", "2C"}:
        facts["condition"] = str(key.condition)
    if key.nested:
        facts["nested"] = [_key_dict(inner) for inner in key.nested]
    return facts
