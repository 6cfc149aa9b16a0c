"""Audit messages of what comes in on outside media, and of what goes over the network."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # written only
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import PurePath
from typing import Any

from mediastation.model.importing import MediumKind
from mediastation.model.ledger import LedgerEntry, LedgerEvent
from mediastation.station.recording.audit_elements import (
    BY_ADDRESS,
    BY_NAME,
    BY_URI,
    DESTINATION,
    INSTANCES_ACCESSED,
    MINOR_FAILURE,
    OURS,
    SERIOUS_FAILURE,
    SOURCE,
    SUCCESS,
    URI,
    Code,
    add_event,
    add_media,
    add_operator,
    add_participant,
    add_patients,
    add_process,
    add_source,
    add_studies,
    dict_in,
    media_type,
)

# PS3.16 2024c, CID 400 (events) and 402 (roles).
_BEGIN_TRANSFERRING = Code("110102", "Begin Transferring DICOM Instances")
_TRANSFERRED = Code("110104", "DICOM Instances Transferred")
_IMPORT = Code("110107", "Import")
_SOURCE_MEDIA = Code("110155", "Source Media")
# Whether a disc is a CD or a DVD only the drive can tell.
_DISC = Code("DISC", "Optical Disc", OURS)

_IMPORTED_LIFE, _AMENDED_LIFE, _DISCLOSED_LIFE, _RECEIVED_LIFE = "2", "3", "11", "12"
_COUNTS = {
    "found": "found",
    "imported": "imported",
    "duplicates": "here already",
    "held": "held in quarantine",
    "refused": "refused",
    "repaired": "repaired",
}


def tell_imported(root: ET.Element, entry: LedgerEntry) -> None:
    """Import (PS3.15 A.5.3.5): what came in, or, in a message of its own, what did not.

    A message with a mixed result is none (PS3.15 A.5.2). What was left outside
    is a minor failure beside something that came in, and a serious one alone.
    """
    facts = entry.facts
    medium, counts = dict_in(facts, "outside_medium"), dict_in(facts, "counts")
    outcome, described = SUCCESS, ""
    if entry.event is LedgerEvent.REFUSED:
        came = counts.get("imported") or counts.get("duplicates")
        outcome = MINOR_FAILURE if came else SERIOUS_FAILURE
        described = ", ".join(f"{counts.get(key, 0)} {word}" for key, word in _COUNTS.items())
    elif entry.event is LedgerEvent.WITHDRAWN:
        outcome, described = SERIOUS_FAILURE, str(facts.get("reason", ""))
    add_event(root, entry, _IMPORT, "C", outcome=outcome, described=described)
    add_operator(root, entry, DESTINATION)
    add_process(root, entry, DESTINATION, is_requestor=not entry.operator)
    _source_media(root, medium, str(facts.get("media_type", "")))
    add_source(root, entry)
    details = _details(entry) | {
        "Medium SHA-256": medium.get("sha256"),
        "Volume": medium.get("volume_id"),
        "File-set ID": medium.get("file_set_id"),
        "File-set UID": medium.get("file_set_uid"),
        "Institution": medium.get("institution"),
    }
    # Of a mixture nothing is said: it would take two messages (PS3.15 A.5.2).
    encrypted = "true" if facts.get("encrypted") else ""
    add_studies(
        root, facts.get("studies"), life_cycle=_IMPORTED_LIFE, details=details, encrypted=encrypted
    )
    add_patients(root, facts.get("patients"))


def tell_reconciled(root: ET.Element, entry: LedgerEntry) -> None:
    """DICOM Instances Accessed (PS3.15 A.5.3.6), updated: whose the copies of instances are now."""
    facts = entry.facts
    outside, local = dict_in(facts, "outside"), dict_in(facts, "local")
    add_event(root, entry, INSTANCES_ACCESSED, "U")
    add_operator(root, entry)
    add_process(root, entry, is_requestor=not entry.operator)
    add_source(root, entry)
    vouched = " ".join(filter(None, (str(facts.get("origin", "")), str(facts.get("peer", "")))))
    details = _details(entry) | {
        "Outside Patient ID": outside.get("patient_id"),
        "Outside issuer": outside.get("issuer"),
        "Outside name": outside.get("name"),
        "Outside birth date": outside.get("birth_date"),
        "Issuer": local.get("issuer"),
        "Vouched for by": vouched,
        "Decided": facts.get("how"),
        "Decided by": facts.get("decided_by"),
        "Decided at": facts.get("decided_at"),
    }
    add_studies(root, facts.get("studies"), life_cycle=_AMENDED_LIFE, details=details)
    add_patients(root, facts.get("patients"))


def tell_sending(root: ET.Element, entry: LedgerEntry) -> None:
    """Begin Transferring DICOM Instances (PS3.15 A.5.3.3): one patient, before a byte goes."""
    add_event(root, entry, _BEGIN_TRANSFERRING, "E")
    _transfer(root, entry, life_cycle=_DISCLOSED_LIFE)


def tell_transferred(root: ET.Element, entry: LedgerEntry) -> None:
    """DICOM Instances Transferred (PS3.15 A.5.3.7): one patient, when it is over.

    The action is what the receiver did with them: C for new ones. A sender,
    which cannot know, says R.
    """
    is_here = entry.event is LedgerEvent.FETCHED
    action = "C" if is_here and entry.facts.get("new") else "R"
    outcome, described = SUCCESS, ""
    if entry.event is LedgerEvent.WITHDRAWN:
        outcome, described = SERIOUS_FAILURE, str(entry.facts.get("reason", ""))
    add_event(root, entry, _TRANSFERRED, action, outcome=outcome, described=described)
    life_cycle = _RECEIVED_LIFE if is_here else _DISCLOSED_LIFE
    _transfer(root, entry, life_cycle=life_cycle, comes_in=is_here)


def _transfer(
    root: ET.Element, entry: LedgerEntry, *, life_cycle: str, comes_in: bool = False
) -> None:
    ours, theirs = (DESTINATION, SOURCE) if comes_in else (SOURCE, DESTINATION)
    add_process(root, entry, ours, is_requestor=not entry.operator)
    _peer(root, dict_in(entry.facts, "transfer"), theirs)
    add_operator(root, entry)
    add_source(root, entry)
    add_studies(root, entry.facts.get("studies"), life_cycle=life_cycle, details=_details(entry))
    add_patients(root, entry.facts.get("patients"))


def _peer(root: ET.Element, transfer: Mapping[str, Any], role: Code) -> None:
    host, aet = str(transfer.get("host", "")), str(transfer.get("aet", ""))
    try:
        ip_address(host)
        access = host, BY_ADDRESS
    except ValueError:
        access = host, BY_NAME
    name = str(transfer.get("peer", ""))
    user = aet or name or "unknown"
    add_participant(root, user, role, alternative=f"AETITLES={aet}", name=name, access=access)


def _source_media(root: ET.Element, medium: Mapping[str, Any], told_type: str) -> None:
    """The one medium: a disc or letter by what is known of it, a file or folder by its URI."""
    kind, name = str(medium.get("kind", "")), str(medium.get("name", ""))
    label = str(medium.get("volume_id") or medium.get("file_set_id") or "")
    uid = str(medium.get("file_set_uid") or medium.get("volume_id") or "")
    access: tuple[str, str] | None = None
    code = media_type(told_type)
    if kind == MediumKind.MAIL:
        code = media_type("MAIL")
    elif kind == MediumKind.DISC and code is URI:
        code = _DISC
    path = PurePath(name)
    if kind != MediumKind.DISC and path.is_absolute():
        user = path.as_uri()
        access = user, BY_URI
    else:
        user = " ".join(filter(None, (told_type or kind, label or name))) or "unknown"
    add_media(root, _SOURCE_MEDIA, user, code, alternative=uid, name=label or name, access=access)


def _details(entry: LedgerEntry) -> dict[str, Any]:
    """Return what leads from a message back to the ledger and to the files."""
    return {
        "Ledger entry": str(entry.number),
        "Job": str(entry.job or ""),
        "Files SHA-256": entry.facts.get("files_sha256"),
    }
