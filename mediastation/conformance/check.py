"""Whether one instance may lie on a medium under a profile, and what it needs before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from mediastation.conformance.attributes import (
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    has_value,
    text_of,
)
from mediastation.conformance.pixels import check_pixels
from mediastation.conformance.prepare_plan import plan_preparation
from mediastation.model.finding import Finding, error, has_errors, note, warning
from mediastation.model.identity import shown
from mediastation.model.instance import InstanceHeader
from mediastation.model.preparation import Preparation
from mediastation.model.profile import ApplicationProfile
from mediastation.model.record import ROOT
from mediastation.model.record_types import RECORD_TYPES
from mediastation.model.sop_class import (
    MEDIA_STORAGE_DIRECTORY,
    SOP_CLASSES,
    SopClass,
    sop_class_name,
)
from mediastation.model.uid import is_legal_uid, is_usable_uid

_STANDARD_ROOT = "1.2.840.10008."


class Outcome(StrEnum):
    """What becomes of an instance: it goes out, stays behind, or is none of the set."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class InstanceVerdict:
    """What a profile says to one instance.

    `preparation` and `transfer_syntax_uid` (the syntax on the medium) tell how
    an accepted instance goes out; for others they are ``NONE`` and empty.
    """

    sop_instance_uid: str
    outcome: Outcome
    preparation: Preparation
    transfer_syntax_uid: str
    findings: tuple[Finding, ...]


def check_instance(
    header: InstanceHeader,
    profile: ApplicationProfile,
    *,
    subject: str = "",
    alternatives: Iterable[ApplicationProfile] = (),
    keep_tiff_preamble: bool = False,
    size_bytes: int = 0,
) -> InstanceVerdict:
    """Check one instance against `profile` as a File-set Creator has to.

    An instance whose SOP Class cannot lie there is refused for its class alone,
    a truncated one for that: nothing else that could be said would help. What a re-encoding or the
    directory makes good is a note.

    Parameters
    ----------
    header : InstanceHeader
        The instance, already read; nothing is opened here.
    profile : ApplicationProfile
        The profile the medium is to claim.
    subject : str
        What findings name where the instance has no SOP Instance UID: its
        file.
    alternatives : iterable of ApplicationProfile
        Profiles that a hint may point to.
    keep_tiff_preamble : bool
        The site's policy for TIFF headers in preambles.
    size_bytes : int
        Of the whole file; 0 if it is not known.

    Returns
    -------
    InstanceVerdict
        Its findings begin with those that reading the header gave.
    """
    subject = header.sop_instance_uid or subject or "instance without UID"
    if header.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
        return _verdict(header, Outcome.IGNORED, [_directory(subject)])
    alternatives = tuple(alternatives)
    findings = [*header.findings]
    of_class = list(_check_sop_class(header, profile, subject, alternatives))
    findings += of_class
    if has_errors(of_class):
        return _verdict(header, Outcome.REFUSED, findings)
    if not header.complete:
        # What is missing besides was probably behind the cut.
        return _verdict(header, Outcome.REFUSED, findings + _incomplete(header, subject))

    sop_class = SOP_CLASSES[header.sop_class_uid]
    findings += check_pixels(header, sop_class, subject, size_bytes)
    findings += _check_uids(header, sop_class, subject)
    findings += _check_directory_keys(header, sop_class, subject)
    plan = plan_preparation(
        header,
        profile,
        subject=subject,
        alternatives=alternatives,
        keep_tiff_preamble=keep_tiff_preamble,
    )
    if has_errors(findings) or not plan.transfer_syntax_uid:
        # What would be prepared is of no interest for what stays behind.
        findings += [finding for finding in plan.findings if has_errors([finding])]
        return _verdict(header, Outcome.REFUSED, findings)
    return InstanceVerdict(
        header.sop_instance_uid,
        Outcome.ACCEPTED,
        plan.preparation,
        plan.transfer_syntax_uid,
        (*findings, *plan.findings),
    )


def is_about_nobody(sop_class_uid: str) -> bool:
    """Tell whether objects of the class belong to no person: their records lie in the root."""
    sop_class = SOP_CLASSES.get(sop_class_uid)
    return sop_class is not None and _is_root(sop_class)


def _verdict(header: InstanceHeader, outcome: Outcome, findings: list[Finding]) -> InstanceVerdict:
    return InstanceVerdict(header.sop_instance_uid, outcome, Preparation.NONE, "", tuple(findings))


def _is_root(sop_class: SopClass) -> bool:
    record = RECORD_TYPES.get(sop_class.record_type)
    return record is not None and record.parent == ROOT


def _directory(subject: str) -> Finding:
    return note(
        "dicomdir",
        subject,
        "This is a DICOMDIR, no instance; the medium gets a directory of its own.",
        "",
        "PS3.10 8.6",
    )


def _check_sop_class(
    header: InstanceHeader,
    profile: ApplicationProfile,
    subject: str,
    alternatives: tuple[ApplicationProfile, ...],
) -> Iterator[Finding]:
    uid = header.sop_class_uid
    sop_class = SOP_CLASSES.get(uid)
    leave_out = "Leave it out with --drop-refused and pass it on over the network instead."
    if not uid:
        yield error(
            "sop-class",
            subject,
            "The object does not say of which SOP Class it is.",
            "It is probably no image or report; fetch it again from where it was made.",
            "PS3.4 I.4",
        )
    elif sop_class is None:
        whose = "standard" if uid.startswith(_STANDARD_ROOT) else "private"
        yield error(
            "sop-class",
            subject,
            f"The {whose} SOP Class {shown(uid)} is none that a medium can hold.",
            leave_out,
            "PS3.4 I.4",
        )
    elif not sop_class.record_type:
        yield error(
            "sop-class",
            subject,
            f"{sop_class.name} has no Directory Record type, so no DICOMDIR could refer to it.",
            leave_out,
            "PS3.3 F.4 and F.5",
        )
    elif not profile.transfer_syntaxes(uid):
        carriers = [other.name for other in alternatives if other.transfer_syntaxes(uid)]
        yield error(
            "sop-class",
            subject,
            f"{profile.name} does not carry {sop_class_name(uid)}.",
            f"Export it under a profile that does: {', '.join(carriers)}."
            if carriers
            else leave_out,
            profile.objects_table,
        )
    elif sop_class.retired:
        yield warning(
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


def _check_uids(header: InstanceHeader, sop_class: SopClass, subject: str) -> Iterator[Finding]:
    """Check the UIDs that tie the records together.

    A UID of other characters or more than 64 of them is no UID, and the
    directory could not hold it. A component with a leading zero breaks PS3.5,
    9.1, yet old scanners made such UIDs, every reader takes them, and the
    object may not be changed: a warning.
    """
    uids = {"SOP Instance UID": (header.sop_instance_uid, "PS3.5 9.1 and PS3.3 C.12.1.1.1")}
    if not _is_root(sop_class):
        uids["Study Instance UID"] = (text_of(header, STUDY_INSTANCE_UID), "PS3.3 F.5.2")
        uids["Series Instance UID"] = (text_of(header, SERIES_INSTANCE_UID), "PS3.3 F.5.3")
    for name, (uid, reference) in uids.items():
        if not uid:
            what = f"The object has no {name}"
        elif not is_usable_uid(uid):
            what = f"The {name} {shown(uid)!r} is no UID"
        elif not is_legal_uid(uid):
            yield warning(
                "uid",
                subject,
                f"The {name} {uid} has a component with a leading zero.",
                "Nothing to do unless the recipient's system refuses it.",
                "PS3.5 9.1",
            )
            continue
        else:
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
    if not _is_root(sop_class) and not has_value(header, PATIENT_ID):
        yield warning(
            "no-patient-id",
            subject,
            "The object has no Patient ID; the directory supplies one, the object stays as it is.",
            "Make sure whose it is before it leaves the house.",
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
