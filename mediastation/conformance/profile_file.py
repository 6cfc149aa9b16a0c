"""One profile file: TOML to `ApplicationProfile`, held to a schema while it is read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from mediastation.conformance.attribute_table import read_attribute_rule
from mediastation.conformance.key_table import read_keys
from mediastation.conformance.tables import Table
from mediastation.conformance.uid_sets import read_sop_classes, read_transfer_syntaxes
from mediastation.errors import ProfileError
from mediastation.model.medium import MEDIA
from mediastation.model.profile import (
    ApplicationProfile,
    IconRule,
    ObjectRule,
    Requirement,
    Role,
    Security,
    Session,
)
from mediastation.model.record import AdditionalKey
from mediastation.model.record_types import RECORD_TYPES

_MOST_BYTES = 1 << 20
_MOST_PROFILES = 256
_NAME = re.compile(r"(STD|AUG|PRI)(-[A-Z0-9]+)+")
_NAMES = re.compile(r"[A-Z0-9*-]+")

_PHOTOMETRIC = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})  # PS3.3 F.7


class ProfileFile:
    """One profile file, parsed and not yet held to the schema.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ProfileError
        If it cannot be read or is no TOML.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._document = _document(path)

    @property
    def borrows(self) -> bool:
        """Whether it takes its keys from a profile of another file, which has to come first."""
        common = self._document.get("class")
        return isinstance(common, dict) and "keys_of" in common

    def profiles(self, known: Mapping[str, ApplicationProfile]) -> list[ApplicationProfile]:
        """Return what the file describes.

        Parameters
        ----------
        known : mapping of str to ApplicationProfile
            Profiles that those of the file may augment, or whose keys they share.

        Raises
        ------
        ProfileError
            If the file says too little, too much or something unknown.
        """
        top = Table(self._document, str(self.path))
        common = top.table("class")
        named = [(name, table) for table in top.tables("profile") for name in _names(table)]
        if not 0 < len(named) <= _MOST_PROFILES:
            raise top.fault("profile", "is missing" if not named else "comes too often")
        names = [name for name, _ in named]
        objects = [(_object(table), _users(table, names)) for table in top.tables("object")]
        keys = [(read_keys(table), _users(table, names)) for table in top.tables("key")]
        attributes = [
            (read_attribute_rule(table), _users(table, names)) for table in top.tables("attribute")
        ]
        icons = [(_icon(table), _users(table, names)) for table in top.tables("icon")]
        uses = [(table.text("text"), _users(table, names)) for table in top.tables("use")]
        borrowed = _borrowed_keys(common, known)
        profiles = []
        for name, table in named:
            roles = table.choices("roles", Role)
            retired = table.optional_text("retired")
            if retired and roles != (Role.READER,):
                raise table.fault("roles", "of a retired profile are FSR alone")
            profile = ApplicationProfile(
                name=name,
                profile_class=common.text("name"),
                annex=common.text("annex"),
                title=table.optional_text("title") or common.text("title"),
                clinical_use=next(
                    (text for text, users in uses if name in users), common.text("clinical_use")
                ),
                edition=common.text("edition"),
                source=common.text("source"),
                objects_table=table.optional_text("objects_table") or common.text("objects_table"),
                keys_table=common.optional_text("keys_table"),
                roles=roles,
                media=_media(table) if table.holds("media") or not retired else (),
                medium_format=table.text("medium_format"),
                security=table.choice("security", Security),
                sessions=table.choices("sessions", Session) if table.holds("sessions") else (),
                directory_required=not table.flag("directory_optional"),
                retired=retired,
                objects=tuple(_of_roles(rule, roles) for rule, users in objects if name in users),
                keys=borrowed
                + tuple(key for several, users in keys if name in users for key in several),
                attributes=tuple(rule for rule, users in attributes if name in users),
                icons=tuple(rule for rule, users in icons if name in users),
            )
            profile = _augmented(profile, table, known)
            if not profile.objects:
                raise table.fault("name", "has no object that may be written")
            profiles.append(profile)
        for _, table in named:
            table.require_all_read()
        common.require_all_read()
        top.require_all_read()
        return profiles


def read_profiles(
    path: Path, known: Mapping[str, ApplicationProfile] | None = None
) -> list[ApplicationProfile]:
    """Read the profiles of one file, which may build upon the `known` ones.

    Raises
    ------
    ProfileError
        If the file cannot be read, is no TOML, or says too little, too much or
        something unknown.
    """
    return ProfileFile(path).profiles(known or {})


def _document(path: Path) -> Mapping[str, object]:
    try:
        if path.exists() and not path.is_file():
            raise ProfileError(f"{path} is no file", "Put it elsewhere and try again.")
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ProfileError(
                f"{path} is larger than a profile can be",
                f"Profiles have at most {_MOST_BYTES:,} bytes: put it elsewhere and try again.",
            )
        return tomllib.loads(data.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise ProfileError(
            f"{path} is no readable profile: {fault}",
            "Correct the profile file and try again.",
        ) from fault


def _names(table: Table) -> tuple[str, ...]:
    """Return the identifiers that one table describes: several media may share all facts."""
    key = "names" if table.holds("names") else "name"
    names = table.texts("names") if key == "names" else (table.text("name"),)
    for name in names:
        # LO holds 64 characters (PS3.11, X.1).
        if not _NAME.fullmatch(name) or len(name) > 64:
            raise table.fault(key, f"is no profile identifier: {name!r}")
    return names


def _users(table: Table, names: Collection[str]) -> frozenset[str]:
    """Return the profiles that a table of the file holds for; the last thing read of it.

    A ``*`` stands for any part of a name, as in ``STD-US-*-MF-*``.
    """
    users: set[str] = set()
    for wanted in table.optional_texts("profiles"):
        found = (
            {name for name in names if fnmatchcase(name, wanted)}
            if _NAMES.fullmatch(wanted)
            else set()
        )
        if not found:
            raise table.fault("profiles", f"names {wanted}, which this file does not describe")
        users |= found
    table.require_all_read()
    return frozenset(users or names)


def _borrowed_keys(
    common: Table, known: Mapping[str, ApplicationProfile]
) -> tuple[AdditionalKey, ...]:
    """Return the keys of another profile: the annexes J, M and N have the table of annex H."""
    if not common.holds("keys_of"):
        return ()
    name = common.text("keys_of")
    if name not in known:
        raise common.fault("keys_of", f"names {name}, which is no profile of another file")
    return known[name].keys


def _of_roles(rule: ObjectRule, roles: Collection[Role]) -> ObjectRule:
    """Return `rule` without what it would ask of roles that the profile does not define."""
    return replace(
        rule,
        creator=rule.creator if Role.CREATOR in roles else Requirement.NONE,
        reader=rule.reader if Role.READER in roles else Requirement.NONE,
        updater=rule.updater if Role.UPDATER in roles else Requirement.NONE,
    )


def _media(table: Table) -> tuple[str, ...]:
    media = table.texts("media")
    for name in media:
        if name not in MEDIA:
            raise table.fault("media", f"names {name}, which is no known medium")
    return media


def _object(table: Table) -> ObjectRule:
    return ObjectRule(
        sop_classes=read_sop_classes(table),
        transfer_syntaxes=read_transfer_syntaxes(table),
        creator=table.choice("creator", Requirement),
        reader=table.choice("reader", Requirement),
        updater=table.choice("updater", Requirement),
        label=table.optional_text("label"),
    )


def _icon(table: Table) -> IconRule:
    records = table.texts("records")
    for record_type in records:
        if record_type not in RECORD_TYPES:
            raise table.fault("records", f"names {record_type}, which is no record type")
    photometric = table.texts("photometric_interpretations")
    if not _PHOTOMETRIC.issuperset(photometric):
        raise table.fault("photometric_interpretations", "holds what no icon may have (F.7)")
    rows, columns = table.integer("rows"), table.integer("columns")
    if not 0 < rows <= 1024 or not 0 < columns <= 1024:
        raise table.fault("rows", "and columns are to be 1 to 1024")
    bits = table.integer("bits_allocated")
    if bits not in (1, 8):
        raise table.fault("bits_allocated", "is to be 1 or 8 (PS3.3, F.7)")
    return IconRule(
        record_types=records,
        required=table.flag("required"),
        rows=rows,
        columns=columns,
        bits_allocated=bits,
        photometric_interpretations=photometric,
        reference=table.text("reference"),
    )


def _augmented(
    profile: ApplicationProfile, table: Table, known: Mapping[str, ApplicationProfile]
) -> ApplicationProfile:
    """Return an augmented profile with all of the standard one that it contains (PS3.2, 7.4.2).

    It is a superset on the same medium: what the standard one has comes first,
    and roles and media are at least those. Neither restricts the other: what
    the standard one demands of all its objects is not demanded of those that
    are added, and they alone may have restrictions of their own.
    """
    if not profile.name.startswith("AUG-"):
        return profile
    base_name = table.text("augments")
    base = known.get(base_name)
    if base is None or base.retired or not base.name.startswith("STD-"):
        raise table.fault("augments", f"names {base_name}, which is no standard profile")
    if profile.media != base.media or profile.medium_format != base.medium_format:
        raise table.fault("media", f"have to be those of {base_name} (PS3.2, 7.4.2)")
    if profile.security is not base.security:
        raise table.fault("security", f"has to be that of {base_name} (PS3.2, 7.4.2)")
    carried = frozenset(uid for rule in base.objects for uid in rule.sop_classes)
    for rule in profile.attributes:
        if not rule.sop_classes or rule.sop_classes & carried:
            raise table.fault(
                "augments", f"does not let {rule.keyword} restrict what {base_name} carries"
            )
    return replace(
        profile,
        augments=base.name,
        roles=tuple(dict.fromkeys((*base.roles, *profile.roles))),
        objects=(*base.objects, *profile.objects),
        keys=(*base.keys, *profile.keys),
        keys_table=profile.keys_table or base.keys_table,
        attributes=(
            *(replace(rule, sop_classes=rule.sop_classes or carried) for rule in base.attributes),
            *profile.attributes,
        ),
        icons=(*base.icons, *profile.icons),
        sessions=profile.sessions or base.sessions,
        directory_required=base.directory_required,
    )
