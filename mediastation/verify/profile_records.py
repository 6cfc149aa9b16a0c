"""Hold the records of a DICOMDIR against an Application Profile (PS3.11, X.3.3 and X.3.1).

What Annex F of PS3.3 asks of every directory, uniqueness and places included, is
`mediastation.reading.record_rules`'. Here is what the profile adds, as far as
the directory alone can tell: whether an object had a value that its record
should repeat is seen in the object only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from mediastation.model.finding import Finding, error
from mediastation.model.profile import ApplicationProfile, Role
from mediastation.model.record import AdditionalKey, Condition
from mediastation.model.record import Key as TableKey
from mediastation.reading.dicomdir import Dicomdir
from mediastation.reading.directory_record import DirectoryRecord, Key
from mediastation.reading.elements import show_tag
from mediastation.reading.record_tree import SUBJECT, UNREACHED
from mediastation.verify.icons import ICON, check_icon

_IMAGE_TYPE = 0x00080008
_BIPLANE = (b"BIPLANE A", b"BIPLANE B")
_NUMBERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT", "OB", "OW", "SQ"})


def check_profile_records(
    directory: Dicomdir,
    profile: ApplicationProfile,
    role: Role = Role.CREATOR,
    *,
    pass_over_others: bool = False,
) -> Iterator[Finding]:
    """Check what `profile` demands of the directory, its records and the objects they name.

    Parameters
    ----------
    directory : Dicomdir
        As it was read; its source must still be open.
    profile : ApplicationProfile
        What the medium claims.
    role : Role
        Whose column of the table counts: the creator's for a medium of our
        own, the reader's, which may be wider, for one from outside.
    pass_over_others : bool
        Whether nothing is asked of objects whose SOP Class the profile has not:
        a medium may follow several profiles (PS3.2, 7.2).

    Yields
    ------
    Finding
        ``profile-key``, ``profile-icon``, ``profile-sop-class``,
        ``profile-transfer-syntax``, ``empty-directory``: all errors. Nothing
        for a directory in a secure envelope, which cannot be read.
    """
    if directory.enveloped:
        return
    keys: dict[str, list[AdditionalKey]] = defaultdict(list)
    for key in profile.keys:
        if key.tag != ICON:
            keys[key.record_type].append(key)
    others = _others(directory, profile, role) if pass_over_others else frozenset()
    empty = True
    for index, record in enumerate(directory.records):
        if directory.tree.parents[index] == UNREACHED:
            continue
        if record.sop_class_uid:
            empty = False
        if index in others:
            continue
        if record.sop_class_uid:
            yield from _check_object(record, profile, role)
        held = directory.keys(record)
        for key in keys[record.type]:
            yield from _check_key(directory, record, held, key, profile.keys_table)
        yield from check_icon(
            directory,
            record,
            profile.icon_rule(record.type),
            there=ICON in held,
            wanted=_wants_icon(profile, record),
        )
    if empty:
        yield error(
            "empty-directory",
            SUBJECT,
            "refers to no instance",
            "let import scan the files themselves",
            f"PS3.11 {profile.annex}.3.3",
        )


def _others(directory: Dicomdir, profile: ApplicationProfile, role: Role) -> frozenset[int]:
    """Return the records of objects of other profiles, and what stands above no other ones."""
    parents = directory.tree.parents
    ours: set[int] = set()
    for index, record in enumerate(directory.records):
        if parents[index] == UNREACHED or not record.sop_class_uid:
            continue
        if profile.transfer_syntaxes(record.sop_class_uid, role):
            above = index
            # The tree has no loops; what was marked before is not climbed again.
            while above >= 0 and above not in ours:
                ours.add(above)
                above = parents[above]
    return frozenset(range(len(directory.records))) - ours


def _wants_icon(profile: ApplicationProfile, record: DirectoryRecord) -> bool:
    """Tell whether the table of keys names the icon, with or without a rule about its looks."""
    return any(
        key.tag == ICON
        and key.record_type == record.type
        and key.type == "1"
        and (not key.sop_classes or record.sop_class_uid in key.sop_classes)
        for key in profile.keys
    )


def _check_object(
    record: DirectoryRecord, profile: ApplicationProfile, role: Role
) -> Iterator[Finding]:
    allowed = profile.transfer_syntaxes(record.sop_class_uid, role)
    if not allowed:
        yield error(
            "profile-sop-class",
            record.label,
            f"{profile.name} does not carry SOP Class {record.sop_class_uid}",
            "readers of the profile may ignore it",
            profile.objects_table,
        )
    elif record.transfer_syntax_uid not in allowed:
        yield error(
            "profile-transfer-syntax",
            record.label,
            f"{profile.name} does not allow {record.transfer_syntax_uid or 'no transfer syntax'} "
            "for its SOP Class",
            "readers of the profile may be unable to decode it",
            profile.objects_table,
        )


def _check_key(
    directory: Dicomdir,
    record: DirectoryRecord,
    held: dict[int, Key],
    key: AdditionalKey,
    table: str,
) -> Iterator[Finding]:
    applies = not key.sop_classes or record.sop_class_uid in key.sop_classes
    found = held.get(key.tag)
    needs_value = key.type == "1" or (key.condition is Condition.BIPLANE and _is_biplane(held))
    state = ""
    if found is None:
        if applies and (needs_value or key.type == "2"):
            state = "is missing"
    elif found.vr not in {"", key.vr}:
        state = f"has VR {found.vr}, which is to be {key.vr}"
    elif key.type in {"1", "1C"} and _is_empty(found):
        state = "is empty"
    if state:
        yield _key_finding(record, (key.tag,), key.keyword, state, table)
    elif found is not None and key.nested:
        try:
            yield from _check_nested(directory, record, (key.tag,), key.nested, table)
        except ValueError as fault:
            state = f"is not well-formed: {fault}"
            yield _key_finding(record, (key.tag,), key.keyword, state, table)


def _check_nested(
    directory: Dicomdir,
    record: DirectoryRecord,
    path: tuple[int, ...],
    nested: tuple[TableKey, ...],
    table: str,
) -> Iterator[Finding]:
    """Check the items of a sequence; recursion goes as deep as the profile's table."""
    for item in directory.items(record, *path):
        for key in nested:
            found = item.get(key.tag)
            if key.type == "1" and (found is None or _is_empty(found)):
                state = "is missing" if found is None else "is empty"
                yield _key_finding(record, (*path, key.tag), key.keyword, state, table)
    for key in nested:
        if key.nested:
            yield from _check_nested(directory, record, (*path, key.tag), key.nested, table)


def _key_finding(
    record: DirectoryRecord, path: tuple[int, ...], keyword: str, state: str, table: str
) -> Finding:
    place = " in an item of ".join(map(show_tag, reversed(path)))
    return error(
        "profile-key",
        record.label,
        f"{keyword} {place} {state} in its {record.type} record".strip(),
        "the profile demands it; readers may refuse the medium",
        table,
    )


def _is_empty(key: Key) -> bool:
    if key.vr in _NUMBERS:
        return key.length == 0
    return not key.value.strip(b" \0")


def _is_biplane(held: dict[int, Key]) -> bool:
    image_type = held.get(_IMAGE_TYPE)
    if image_type is None:
        return False
    values = image_type.value.split(b"\\")
    return len(values) > 2 and values[2].strip(b" \0") in _BIPLANE
