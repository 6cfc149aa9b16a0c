"""One profile file: TOML to `ApplicationProfile`, held to a schema while it is read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
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
from mediastation.model.record_types import RECORD_TYPES

_MOST_BYTES = 1 << 20
_NAME = re.compile(r"(STD|AUG|PRI)(-[A-Z0-9]+)+")

_PHOTOMETRIC = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})  # PS3.3 F.7


def read_profiles(
    path: Path, standard: Mapping[str, ApplicationProfile] | None = None
) -> list[ApplicationProfile]:
    """Read the profiles of one file.

    Parameters
    ----------
    path : Path
        The file.
    standard : mapping of str to ApplicationProfile
        Profiles that those of the file may augment.

    Raises
    ------
    ProfileError
        If the file cannot be read, is no TOML, or says too little, too much or
        something unknown.
    """
    top = Table(_document(path), path.name)
    common = top.table("class")
    tables = top.tables("profile")
    named = [(name, table) for table in tables for name in _names(table)]
    if not named:
        raise top.fault("profile", "is missing")
    names = [name for name, _ in named]
    objects = [(_object(table), _users(table, names)) for table in top.tables("object")]
    keys = [(read_keys(table), _users(table, names)) for table in top.tables("key")]
    attributes = [
        (read_attribute_rule(table), _users(table, names)) for table in top.tables("attribute")
    ]
    icons = [(_icon(table), _users(table, names)) for table in top.tables("icon")]
    profiles = [
        ApplicationProfile(
            name=name,
            profile_class=common.text("name"),
            annex=common.text("annex"),
            title=table.optional_text("title") or common.text("title"),
            clinical_use=table.optional_text("clinical_use") or common.text("clinical_use"),
            edition=common.text("edition"),
            source=common.text("source"),
            objects_table=common.text("objects_table"),
            keys_table=common.optional_text("keys_table"),
            roles=table.choices("roles", Role),
            media=_media(table),
            medium_format=table.text("medium_format"),
            security=table.choice("security", Security),
            sessions=table.choices("sessions", Session) if table.holds("sessions") else (),
            directory_required=not table.flag("directory_optional"),
            retired=table.optional_text("retired"),
            objects=tuple(rule for rule, users in objects if name in users),
            keys=tuple(key for several, users in keys if name in users for key in several),
            attributes=tuple(rule for rule, users in attributes if name in users),
            icons=tuple(rule for rule, users in icons if name in users),
        )
        for name, table in named
    ]
    profiles = [
        _augmented(profile, table, standard or {})
        for profile, (_, table) in zip(profiles, named, strict=True)
    ]
    for profile, (_, table) in zip(profiles, named, strict=True):
        if not profile.objects:
            raise table.fault("name", "has no object that may be written")
        table.require_all_read()
    common.require_all_read()
    top.require_all_read()
    return profiles


def _document(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ProfileError(f"{path.name} is larger than a profile can be")
        return tomllib.loads(data.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as fault:
        raise ProfileError(
            f"{path.name} is no readable profile: {fault}",
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


def _users(table: Table, names: list[str]) -> frozenset[str]:
    """Return the profiles that a table of the file holds for; the last thing read of it."""
    users = table.optional_texts("profiles")
    for user in users:
        if user not in names:
            raise table.fault("profiles", f"names {user}, which this file does not describe")
    table.require_all_read()
    return frozenset(users or names)


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
    return IconRule(
        record_types=records,
        required=table.flag("required"),
        rows=rows,
        columns=columns,
        bits_allocated=table.integer("bits_allocated"),
        photometric_interpretations=photometric,
        reference=table.text("reference"),
    )


def _augmented(
    profile: ApplicationProfile, table: Table, standard: Mapping[str, ApplicationProfile]
) -> ApplicationProfile:
    """Return an augmented profile with all of the standard one that it contains (PS3.2, 7.4.2).

    It is a superset on the same medium: what the standard one has comes first,
    and roles and media are at least those.
    """
    if not profile.name.startswith("AUG-"):
        return profile
    base_name = table.text("augments")
    base = standard.get(base_name)
    if base is None or base.retired:
        raise table.fault("augments", f"names {base_name}, which is no standard profile")
    if profile.media != base.media or profile.medium_format != base.medium_format:
        raise table.fault("media", f"have to be those of {base_name} (PS3.2, 7.4.2)")
    if profile.security is not base.security:
        raise table.fault("security", f"has to be that of {base_name} (PS3.2, 7.4.2)")
    return replace(
        profile,
        augments=base.name,
        roles=tuple(dict.fromkeys((*base.roles, *profile.roles))),
        objects=(*base.objects, *profile.objects),
        keys=(*base.keys, *profile.keys),
        attributes=(*base.attributes, *profile.attributes),
        icons=(*base.icons, *profile.icons),
        sessions=profile.sessions or base.sessions,
        directory_required=base.directory_required,
    )
