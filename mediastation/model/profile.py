"""Application Profiles (PS3.11) as values: what may lie on which medium, and in which encoding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

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


@dataclass(frozen=True, slots=True)
class ObjectRule:
    """One row of a profile's table of SOP Classes and Transfer Syntaxes.

    `transfer_syntaxes` keeps the order of the table.
    """

    sop_classes: frozenset[str]
    transfer_syntaxes: tuple[str, ...]
    creator: Requirement
    reader: Requirement
    updater: Requirement


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

    def transfer_syntaxes(self, sop_class_uid: str) -> tuple[str, ...]:
        """Return the syntaxes in which a creator may write the class; empty if it may not."""
        return tuple(
            uid
            for rule in self.objects
            if rule.creator is not Requirement.NONE and sop_class_uid in rule.sop_classes
            for uid in rule.transfer_syntaxes
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
                }
                for rule in self.objects
            ],
            "keys": [
                {"record_type": key.record_type, **_key_dict(key.as_key())} for key in self.keys
            ],
            "security": str(self.security),
            "edition": self.edition,
            "source": self.source,
        }


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
