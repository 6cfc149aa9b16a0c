"""What every profile asks of an instance: that it is whole, that a directory can place it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from mediastation.conformance.attributes import (
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    has_value,
    text_of,
)
from mediastation.conformance.pixels import check_pixels
from mediastation.model.finding import Finding, error, has_errors, note, warning
from mediastation.model.identity import shown
from mediastation.model.instance import InstanceHeader
from mediastation.model.profile import Role
from mediastation.model.record import ROOT
from mediastation.model.record_types import RECORD_TYPES
from mediastation.model.sop_class import SOP_CLASSES, SopClass
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES
from mediastation.model.uid import is_legal_uid, is_usable_uid

_WRITTEN_OTHERWISE = "transfer-syntax-disagrees"
"""What the header scan says of a data set that is not written as its file meta tells."""


def is_about_nobody(sop_class_uid: str) -> bool:
    """Tell whether objects of the class belong to no person: their records lie in the root."""
    sop_class = SOP_CLASSES.get(sop_class_uid)
    return sop_class is not None and _is_root(sop_class)


def check_object(
    header: InstanceHeader, subject: str, size_bytes: int, role: Role = Role.CREATOR
) -> list[Finding]:
    """Check what does not hang on a profile.

    Of a truncated file nothing but that is said: what is missing besides was
    probably behind the cut. A reader makes no records, so what a directory
    would have to supply does not concern it.

    Parameters
    ----------
    header : InstanceHeader
        Of a class that has a Directory Record type.
    subject : str
        What findings name.
    size_bytes : int
        Of the whole file; 0 if it is not known.
    role : Role
        In which the File-set is handled.
    """
    sop_class = SOP_CLASSES[header.sop_class_uid]
    findings = []
    if sop_class.retired:
        findings.append(_retired(sop_class, subject))
    if not header.complete:
        return findings + _incomplete(header, subject)
    findings += _check_encoding(header, subject)
    findings += check_pixels(header, sop_class, subject, size_bytes)
    findings += _check_uids(header, sop_class, subject)
    if role is not Role.READER:
        findings += _check_directory_keys(header, sop_class, subject)
    if not _is_root(sop_class) and not has_value(header, PATIENT_ID):
        findings.append(_no_patient_id(subject, role))
    return findings


def _is_root(sop_class: SopClass) -> bool:
    record = RECORD_TYPES.get(sop_class.record_type)
    return record is not None and record.parent == ROOT


def _retired(sop_class: SopClass, subject: str) -> Finding:
    return warning(
        "sop-class-retired",
        subject,
        f"{sop_class.name} is retired; present-day viewers may not show it.",
        "If the recipient cannot open it, have it converted where it was made.",
        "PS3.4 B.6",
    )


def _incomplete(header: InstanceHeader, subject: str) -> list[Finding]:
    if has_errors(header.findings):
        return []  # the header has said so already, and where
    return [
        error(
            "incomplete",
            subject,
            "The file ends before its data set does; part of it is lost.",
            "Fetch the object again from where it was made.",
            "PS3.10 7.2",
        )
    ]


def _check_encoding(header: InstanceHeader, subject: str) -> Iterator[Finding]:
    """Refuse a data set whose heads are not written as its compressed syntax has them.

    Where the pixels are native, the data set goes by the encoding that it has,
    and is written anew. Compressed pixels name their codec by the same UID
    that is wrong about the heads; no reader finds its way, and nothing here
    could prove a copy.
    """
    known = TRANSFER_SYNTAXES.get(header.transfer_syntax_uid)
    if (
        known is not None
        and known.encapsulated
        and any(finding.rule == _WRITTEN_OTHERWISE for finding in header.findings)
    ):
        yield error(
            "encoding",
            subject,
            f"The data set is not written as {known.name} has it; readers cannot open it.",
            "Fetch the object again from where it was made.",
            "PS3.5 A.4",
        )


def _check_uids(header: InstanceHeader, sop_class: SopClass, subject: str) -> Iterator[Finding]:
    """Check the UIDs that tie the records together.

    A UID of other characters or more than 64 of them is no UID, and the
    directory could not hold it. A component with a leading zero breaks PS3.5,
    9.1, yet old scanners made such UIDs, every reader takes them, and the
    object may not be changed: a warning.
    """
    uids = [("SOP Instance UID", header.sop_instance_uid, "PS3.5 9.1 and PS3.3 C.12.1.1.1")]
    if not _is_root(sop_class):
        uids += [
            ("Study Instance UID", text_of(header, STUDY_INSTANCE_UID), "PS3.3 F.5.2"),
            ("Series Instance UID", text_of(header, SERIES_INSTANCE_UID), "PS3.3 F.5.3"),
        ]
    for name, uid, reference in uids:
        if is_legal_uid(uid):
            continue
        if not uid:
            what = f"The object has no {name}"
        elif not is_usable_uid(uid):
            what = f"The {name} {shown(uid)!r} is no UID"
        else:
            yield warning(
                "uid",
                subject,
                f"The {name} {uid} has a component with a leading zero.",
                "Nothing to do unless the recipient's system refuses it.",
                "PS3.5 9.1",
            )
            continue
        yield error(
            "uid",
            subject,
            f"{what}; the directory cannot place it.",
            "Have it corrected where it was made; a UID made up here would cut its ties.",
            reference,
        )


def _check_directory_keys(
    header: InstanceHeader, sop_class: SopClass, subject: str
) -> Iterator[Finding]:
    missing = [
        keyword
        for tag, keyword in _required_keys(sop_class.record_type)
        if not has_value(header, tag)
    ]
    if missing:
        yield note(
            "directory-keys",
            subject,
            f"The directory supplies what the object lacks: {', '.join(missing)}.",
            "",
            "PS3.3 F.5.1 to F.5.48",
        )


def _no_patient_id(subject: str, role: Role) -> Finding:
    message = "The object has no Patient ID"
    if role is not Role.READER:
        message += "; the directory supplies one, the object stays as it is"
    return warning(
        "no-patient-id",
        subject,
        f"{message}.",
        "Make sure whose it is before it leaves the house."
        if role is not Role.READER
        else "Make sure whose it is before it is taken in.",
        "PS3.3 F.5.1",
    )


@cache
def _required_keys(record_type: str) -> tuple[tuple[int, str], ...]:
    """Return the Type 1 keys of a record and of those above it, but for UIDs and Patient ID."""
    apart = {PATIENT_ID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID}
    keys: list[tuple[int, str]] = []
    record = RECORD_TYPES[record_type]
    while True:
        keys = [
            (key.tag, key.keyword)
            for key in record.keys
            if key.type == "1" and key.tag not in apart
        ] + keys
        if record.parent == ROOT:
            return tuple(keys)
        record = RECORD_TYPES[record.parent]
