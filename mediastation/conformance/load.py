"""Application Profiles from their files in ``profiles/``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType

from mediastation.conformance.tables import Table
from mediastation.errors import ProfileError
from mediastation.model.medium import MEDIA
from mediastation.model.profile import (
    ApplicationProfile,
    ObjectRule,
    Requirement,
    Role,
    Security,
)
from mediastation.model.record import AdditionalKey, Condition, Key, KeyType
from mediastation.model.record_types import RECORD_TYPES
from mediastation.model.sop_class import SOP_CLASSES
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES
from mediastation.resources import resource_folder

_MOST_BYTES = 1 << 20

_NAME = re.compile(r"(STD|AUG|PRI)(-[A-Z0-9]+)+")
_TAG = re.compile(r"([0-9A-F]{4}),([0-9A-F]{4})")
_VR = re.compile(r"[A-Z]{2}")
_KEY_TYPES: Mapping[str, KeyType] = {"1": "1", "1C": "1C", "2": "2", "2C": "2C", "3": "3"}
_DEEPEST = 4

# PS3.11 says "composite objects"; a class without a Directory Record type
# cannot be referenced, and what is not referenced may not lie there (D.3.3).
_SOP_CLASS_SETS = {
    "composite": frozenset(uid for uid, known in SOP_CLASSES.items() if known.record_type)
}


@cache
def load_profiles() -> Mapping[str, ApplicationProfile]:
    """Return all profiles that travel with the program, by name, sorted.

    They are read at the first call.

    Raises
    ------
    ProfileError
        If a file is faulty, naming file and key, or if there is none.
    """
    folder = resource_folder("profiles")
    profiles: dict[str, ApplicationProfile] = {}
    for path in sorted(folder.glob("*.toml")):
        for profile in read_profiles(path):
            if profile.name in profiles:
                raise ProfileError(f"{path.name}: {profile.name} is described twice")
            profiles[profile.name] = profile
    if not profiles:
        raise ProfileError(f"there is no profile in {folder}", "Install the program again.")
    return MappingProxyType(dict(sorted(profiles.items())))


def find_profile(name: str) -> ApplicationProfile:
    """Return the profile called `name`, in either case.

    The deprecated prefix ``APL-`` is taken for ``STD-`` (PS3.11, X.1).

    Raises
    ------
    ProfileError
        If there is none; the hint says which names come nearest.
    """
    profiles = load_profiles()
    wanted = name.strip().upper()
    if wanted.startswith("APL-"):
        wanted = "STD-" + wanted.removeprefix("APL-")
    if wanted in profiles:
        return profiles[wanted]
    near = get_close_matches(wanted[:64], profiles, n=3, cutoff=0.5)
    raise ProfileError(
        f"no Application Profile is called {name[:64]!r}",
        f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(profiles)}.",
    )


def read_profiles(path: Path) -> list[ApplicationProfile]:
    """Read the profiles of one file.

    Raises
    ------
    ProfileError
        If the file cannot be read, is no TOML, or says too little, too much or
        something unknown.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ProfileError(f"{path.name} is larger than a profile can be")
        document = tomllib.loads(data.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as fault:
        raise ProfileError(
            f"{path.name} is no readable profile: {fault}",
            "Correct the profile file and try again.",
        ) from fault

    top = Table(document, path.name)
    common = top.table("class")
    tables = top.tables("profile")
    names = [_name(table) for table in tables]
    if not names:
        raise top.fault("profile", "is missing")
    objects = [_object(table, names) for table in top.tables("object")]
    keys = [_key(table, names) for table in top.tables("key")]
    profiles = [
        ApplicationProfile(
            name=name,
            profile_class=common.text("name"),
            annex=common.text("annex"),
            title=common.text("title"),
            clinical_use=common.text("clinical_use"),
            edition=common.text("edition"),
            source=common.text("source"),
            objects_table=common.text("objects_table"),
            roles=table.choices("roles", Role),
            media=_media(table),
            medium_format=table.text("medium_format"),
            security=table.choice("security", Security),
            objects=tuple(rule for rule, users in objects if name in users),
            keys=tuple(key for key, users in keys if name in users),
        )
        for name, table in zip(names, tables, strict=True)
    ]
    for profile, table in zip(profiles, tables, strict=True):
        if not profile.objects:
            raise table.fault("name", "has no object that may be written")
        table.require_all_read()
    common.require_all_read()
    top.require_all_read()
    return profiles


def _name(table: Table) -> str:
    name = table.text("name")
    # LO holds 64 characters (PS3.11, X.1).
    if not _NAME.fullmatch(name) or len(name) > 64:
        raise table.fault("name", f"is no profile identifier: {name!r}")
    return name


def _users(table: Table, names: list[str]) -> frozenset[str]:
    """Return the profiles that a table of the file holds for."""
    users = table.optional_texts("profiles")
    for user in users:
        if user not in names:
            raise table.fault("profiles", f"names {user}, which this file does not describe")
    return frozenset(users or names)


def _media(table: Table) -> tuple[str, ...]:
    media = table.texts("media")
    for name in media:
        if name not in MEDIA:
            raise table.fault("media", f"names {name}, which is no known medium")
    return media


def _object(table: Table, names: list[str]) -> tuple[ObjectRule, frozenset[str]]:
    users = _users(table, names)
    if table.holds_text("sop_classes"):
        word = table.text("sop_classes")
        if word not in _SOP_CLASS_SETS:
            raise table.fault("sop_classes", f"is no known set of SOP Classes: {word!r}")
        sop_classes = _SOP_CLASS_SETS[word]
    else:
        sop_classes = frozenset(table.texts("sop_classes"))
        for uid in sop_classes - _SOP_CLASS_SETS["composite"]:
            raise table.fault("sop_classes", f"names {uid}, which cannot lie on a medium")
    transfer_syntaxes = table.texts("transfer_syntaxes")
    for uid in transfer_syntaxes:
        if uid not in TRANSFER_SYNTAXES:
            raise table.fault("transfer_syntaxes", f"names {uid}, which is not known")
    rule = ObjectRule(
        sop_classes=sop_classes,
        transfer_syntaxes=transfer_syntaxes,
        creator=table.choice("creator", Requirement),
        reader=table.choice("reader", Requirement),
        updater=table.choice("updater", Requirement),
    )
    table.require_all_read()
    return rule, users


def _key(table: Table, names: list[str]) -> tuple[AdditionalKey, frozenset[str]]:
    users = _users(table, names)
    record_type = table.text("record")
    if record_type not in RECORD_TYPES:
        raise table.fault("record", f"is no Directory Record type: {record_type!r}")
    key = _key_facts(table)
    return (
        AdditionalKey(
            record_type, key.tag, key.vr, key.type, key.condition, key.nested, key.keyword
        ),
        users,
    )


def _key_facts(table: Table, depth: int = 0) -> Key:
    keyword = table.text("keyword")
    tag = _TAG.fullmatch(table.text("tag"))
    if tag is None:
        raise table.fault("tag", "is to be like 0008,1140")
    vr = table.text("vr")
    if not _VR.fullmatch(vr):
        raise table.fault("vr", "is to be two letters")
    kind = _KEY_TYPES.get(table.text("type"))
    if kind is None:
        raise table.fault("type", f"is to be one of {', '.join(_KEY_TYPES)}")
    conditional = kind.endswith("C")
    condition = table.choice("condition", Condition) if conditional else Condition.PRESENT
    nested = [_key_facts(inner, depth + 1) for inner in _nested(table, vr, depth)]
    table.require_all_read()
    return Key(
        tag=int(tag[1] + tag[2], 16),
        keyword=keyword,
        vr=vr,
        type=kind,
        condition=condition,
        nested=tuple(sorted(nested, key=lambda key: key.tag)),
    )


def _nested(table: Table, vr: str, depth: int) -> list[Table]:
    nested = table.tables("nested")
    if nested and vr != "SQ":
        raise table.fault("nested", "belongs to a sequence only")
    if nested and depth == _DEEPEST:
        raise table.fault("nested", "lies deeper than any table of the standard")
    return nested
