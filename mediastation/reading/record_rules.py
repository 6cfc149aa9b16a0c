"""Hold the records of a DICOMDIR against PS3.3 Annex F; no file of the medium is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mediastation.model.finding import Finding, error, warning
from mediastation.reading.dicomdir import Dicomdir
from mediastation.reading.directory_record import (
    CHILD,
    CLASS_UID,
    IN_USE,
    INSTANCE_UID,
    NEXT,
    SYNTAX_UID,
    TYPE,
    DirectoryRecord,
    Key,
)
from mediastation.reading.elements import show_tag, text_value
from mediastation.reading.names import folded
from mediastation.reading.record_tree import NO_PARENT, SUBJECT, UNREACHED
from mediastation.reading.record_types import (
    CHILDREN,
    CURRENT_TYPES,
    INSTANCE_TYPES,
    PRIVATE,
    RETIRED_TYPES,
    ROOT,
    TYPE_1,
    TYPE_2,
)

_COMPONENT = re.compile(r"[A-Z0-9_]{1,8}")
_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")
_DRIVE = re.compile(r"[A-Za-z]:")
_UNIQUE = {"PATIENT": 0x00100020, "STUDY": 0x0020000D, "SERIES": 0x0020000E}
_TEXT_VRS = frozenset({"SH", "LO", "UC", "ST", "LT", "UT", "PN"})
_IN_USE, _CONSISTENT = 0xFFFF, 0x0000


def escapes(record: DirectoryRecord) -> bool:
    """Tell whether a File ID could lead out of the File-set: climbing, absolute or a drive.

    An empty first component is what a leading separator leaves behind.
    """
    parts = [part.strip() for component in record.file_id for part in component.split("/")]
    return any(part in {"", ".", ".."} or _DRIVE.match(part) for part in parts)


def check_records(directory: Dicomdir) -> Iterator[Finding]:
    """Check every record for itself, its place, and its uniqueness.

    Yields nothing for a directory that PS3.3 F.2 to F.5 allow. Records that no
    offset reaches are checked too, except for their place.
    """
    if directory.has_directory and directory.consistency not in {None, _CONSISTENT}:
        yield warning(
            "consistency-flag",
            SUBJECT,
            f"File-set Consistency Flag is {directory.consistency:04X}H, must be 0000H",
            "its last writer did not finish; compare with the files",
            "PS3.3 F.3.2.2",
        )
    unique: dict[tuple[str, str], int] = {}
    instances: dict[str, int] = {}
    files: dict[str, int] = {}
    for index, record in enumerate(directory.records):
        keys = directory.keys(record)
        yield from _check_header(record)
        yield from _check_place(directory, index)
        yield from _check_reference(record)
        yield from _check_keys(record, keys)
        tag = _UNIQUE.get(record.type)
        if tag is not None and tag in keys and directory.tree.parents[index] != UNREACHED:
            identity = (record.type, text_value(keys[tag].value))
            if identity[1] and unique.setdefault(identity, index) != index:
                yield error(
                    "not-unique",
                    record.label,
                    f"a second {record.type} record has {show_tag(tag)} {identity[1]}",
                    "readers merge or lose one of them",
                    f"PS3.3 Table F.5-{list(_UNIQUE).index(record.type) + 1}",
                )
        uid = record.sop_instance_uid
        if uid and instances.setdefault(uid, index) != index:
            yield error(
                "instance-twice",
                record.label,
                f"SOP Instance {uid} is also in record {directory.records[instances[uid]].label}",
                reference="PS3.3 F.2.1",
            )
        if record.file_id:
            name = "/".join(map(folded, record.file_id))
            if files.setdefault(name, index) != index:
                yield error(
                    "referenced-twice",
                    record.label,
                    "two records reference this file",
                    reference="PS3.3 F.2.1",
                )


def _check_header(record: DirectoryRecord) -> Iterator[Finding]:
    for tag, value in (
        (NEXT, record.next_offset),
        (IN_USE, record.in_use),
        (CHILD, record.child_offset),
        (TYPE, record.type or None),
    ):
        if value is None:
            yield error(
                "record-element",
                record.label,
                f"{show_tag(tag)} is missing",
                reference="PS3.3 F.3.2.2",
            )
    if record.in_use is not None and record.in_use != _IN_USE:
        deleted = record.in_use == 0
        yield warning(
            "in-use-flag",
            record.label,
            f"Record In-use Flag is {record.in_use:04X}H, must be FFFFH",
            "old writers deleted records this way; ask before using it" if deleted else "",
            "PS3.3 F.3.2.2",
        )
    if record.type in RETIRED_TYPES:
        yield warning(
            "retired-record", record.label, f"{record.type} is retired", "", "PS3.3 F.3.2.2"
        )
    elif record.type and record.type not in CURRENT_TYPES:
        yield warning(
            "unknown-record",
            record.label,
            f"{record.type} is no Directory Record Type",
            "readers skip it; what hangs below it may be lost to them",
            "PS3.3 F.3.2.2",
        )
    if record.type == PRIVATE and not record.private_uid:
        yield error("missing-key", record.label, "(0004,1432) is missing", "", "PS3.3 F.6.1")


def _check_place(directory: Dicomdir, index: int) -> Iterator[Finding]:
    parent = directory.tree.parents[index]
    record = directory.records[index]
    if parent == UNREACHED or record.type not in CURRENT_TYPES:
        return
    above = ROOT if parent == NO_PARENT else directory.records[parent].type
    allowed = CHILDREN.get(above)
    if allowed is not None and record.type not in allowed:
        yield error(
            "record-place",
            record.label,
            f"{record.type} may not lie under {above or 'the root'}",
            reference="PS3.3 Table F.4-1",
        )


def _check_reference(record: DirectoryRecord) -> Iterator[Finding]:
    uids = {
        CLASS_UID: record.sop_class_uid,
        INSTANCE_UID: record.sop_instance_uid,
        SYNTAX_UID: record.transfer_syntax_uid,
    }
    if not record.file_id:
        if record.type in INSTANCE_TYPES:
            yield error(
                "no-reference", record.label, "references no file", reference="PS3.3 F.3.2.2"
            )
        elif any(uids.values()):
            yield error(
                "record-element",
                record.label,
                "has UIDs of a file but no Referenced File ID",
                reference="PS3.3 F.3.2.2",
            )
        return
    if escapes(record):
        yield error(
            "escaping-file-id",
            record.label,
            "its Referenced File ID would lead out of the File-set; not followed",
            "treat this medium as hostile",
            "PS3.10 8.2",
        )
    elif len(record.file_id) > 8 or not all(map(_COMPONENT.fullmatch, record.file_id)):
        yield error(
            "file-id",
            record.label,
            "its Referenced File ID is none: 1 to 8 components of 1 to 8 of A-Z, 0-9 and _",
            "strict readers will not find the file",
            "PS3.10 8.2, 8.5",
        )
    for tag, uid in uids.items():
        if not uid:
            yield error(
                "record-element",
                record.label,
                f"{show_tag(tag)} is missing",
                reference="PS3.3 F.3.2.2",
            )
        elif len(uid) > 64 or not _UID.fullmatch(uid):
            yield warning("uid", record.label, f"{show_tag(tag)} {uid} is no UID", "", "PS3.5 9.1")


def _has_value(key: Key | None) -> bool:
    return key is not None and bool(key.value.strip(b" \0") if key.vr != "SQ" else key.length)


def _check_keys(record: DirectoryRecord, keys: dict[int, Key]) -> Iterator[Finding]:
    reference = "PS3.3 F.5"
    for tag in TYPE_1.get(record.type, ()):
        # Zero is a value in binary fields, which strip() cannot know.
        key = keys.get(tag)
        if not _has_value(key) and not (key and key.vr in {"US", "UL", "UV"} and key.length):
            state = "empty" if tag in keys else "missing"
            yield error("missing-key", record.label, f"{show_tag(tag)} is {state}", "", reference)
    for tag in TYPE_2.get(record.type, ()):
        if tag not in keys:
            yield warning("missing-key", record.label, f"{show_tag(tag)} is missing", "", reference)
    if record.type == "SR DOCUMENT":
        flag = keys.get(0x0040A493)
        if flag and flag.value.strip() == b"VERIFIED" and not _has_value(keys.get(0x0040A030)):
            yield error(
                "missing-key",
                record.label,
                "(0040,A030) is missing in a verified document",
                reference="PS3.3 Table F.5-25",
            )
    if not _has_value(keys.get(0x00080005)) and any(
        key.vr in _TEXT_VRS and (b"\x1b" in key.value or not key.value.isascii())
        for key in keys.values()
    ):
        yield warning(
            "character-set",
            record.label,
            "a key leaves the default repertoire and (0008,0005) is missing",
            "names may be shown wrong",
            "PS3.3 F.5",
        )
