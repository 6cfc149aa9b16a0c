"""DICOM audit messages (PS3.15 A.5), written beside the ledger: one XML file an entry.

A message says nothing that its entry does not, so that one which a killed
process or a full disk left out can be made later.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET  # written only
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from mediastation.model.ledger import MEDIA_EVENTS, LedgerEntry, LedgerEvent
from mediastation.station.recording.audit_elements import (
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
    add_object,
    add_operator,
    add_participant,
    add_patients,
    add_process,
    add_source,
    add_studies,
    dict_in,
    media_type,
)
from mediastation.station.recording.audit_traffic import (
    tell_imported,
    tell_reconciled,
    tell_sending,
    tell_transferred,
)

# PS3.16 2024c, CID 400 (events), 401 (types), 402 (roles).
_APPLICATION_ACTIVITY = Code("110100", "Application Activity")
_STUDY_DELETED = Code("110105", "DICOM Study Deleted")
_EXPORT = Code("110106", "Export")
_SECURITY_ALERT = Code("110113", "Security Alert")
_START = Code("110120", "Application Start")
_STOP = Code("110121", "Application Stop")
_SECURITY_CONFIGURATION = Code("110129", "Security Configuration")
_RESTRICTED_FUNCTION = Code("110132", "Use of Restricted Function")
_APPLICATION = Code("110150", "Application")
_LAUNCHER = Code("110151", "Application Launcher")
_DESTINATION_MEDIA = Code("110154", "Destination Media")
_URI_OBJECT = Code("12", "URI", "RFC-3881")

# CID 403 has no code for a log that was tampered with.
_LEDGER_BROKEN = Code("LEDGER", "Audit log damaged or altered", OURS)


def audit_message(entry: LedgerEntry) -> bytes:
    """Return the audit message that tells what `entry` does, as UTF-8."""
    root = ET.Element("AuditMessage")
    _TELL[entry.event](root, entry)
    ET.indent(root, " ")
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _tell_export(root: ET.Element, entry: LedgerEntry) -> None:
    """Export (PS3.15 A.5.3.4): one message for one medium or file."""
    medium, burn = dict_in(entry.facts, "medium"), dict_in(entry.facts, "burn")
    disclosure = dict_in(entry.facts, "disclosure")
    outcome, described = _outcome(entry, burn)
    add_event(root, entry, _EXPORT, "R", outcome=outcome, described=described)
    add_operator(root, entry, SOURCE)
    add_process(root, entry, SOURCE, is_requestor=not entry.operator)
    if disclosure.get("given_to"):
        add_participant(root, str(disclosure["given_to"]), DESTINATION)
    _destination_media(root, medium, burn)
    add_source(root, entry)
    details = {
        "Ledger entry": str(entry.number),
        "Job": str(entry.job or ""),
        "File-set UID": medium.get("file_set_uid"),
        "Image SHA-256": medium.get("image_sha256"),
        "Contents SHA-256": medium.get("contents_sha256"),
        "Medium": burn.get("medium_id"),
        "Requested by": disclosure.get("requested_by"),
        "Reason": disclosure.get("reason"),
    }
    encrypted = "true" if medium.get("encrypted") else "false"
    add_studies(root, medium.get("studies"), life_cycle="10", details=details, encrypted=encrypted)
    add_patients(root, medium.get("patients"))


def _tell_opened(root: ET.Element, entry: LedgerEntry) -> None:
    """Export (PS3.15 A.5.3.4): sealed data lies plain in a folder from now on.

    No event is made for decrypting. What can be read without a key has left
    the protection it was under, as on any plain medium that is written: that
    this is an export is our reading.
    """
    opened = dict_in(entry.facts, "opened")
    outcome, described = _outcome(entry, {})
    add_event(root, entry, _EXPORT, "R", outcome=outcome, described=described)
    add_operator(root, entry, SOURCE)
    add_process(root, entry, SOURCE, is_requestor=not entry.operator)
    _destination_media(root, {"medium": "opened", "path": opened.get("path")}, {})
    add_source(root, entry)
    details = {
        "Ledger entry": str(entry.number),
        "Job": str(entry.job or ""),
        "Sealed medium": opened.get("medium"),
    }
    studies = entry.facts.get("studies")
    add_studies(root, studies, life_cycle="10", details=details, encrypted="false")
    add_patients(root, entry.facts.get("patients"))


def _tell_withdrawn(root: ET.Element, entry: LedgerEntry) -> None:
    if "medium" in entry.facts:
        _tell_export(root, entry)
    elif "transfer" in entry.facts:
        tell_transferred(root, entry)
    elif "outside_medium" in entry.facts:
        tell_imported(root, entry)
    elif "opened" in entry.facts:
        _tell_opened(root, entry)
    else:
        _tell_forgotten(root, entry)


def _tell_forgotten(root: ET.Element, entry: LedgerEntry) -> None:
    """DICOM Study Deleted where whole studies go, DICOM Instances Accessed otherwise."""
    studies = entry.facts.get("studies") or []
    whole = studies and all(study.get("whole") for study in studies)
    outcome, described = _outcome(entry, {})
    event = _STUDY_DELETED if whole else INSTANCES_ACCESSED
    add_event(root, entry, event, "D", outcome=outcome, described=described)
    add_operator(root, entry)
    add_process(root, entry, is_requestor=not entry.operator)
    add_source(root, entry)
    details = {
        "Ledger entry": str(entry.number),
        "Job": str(entry.job or ""),
        "Files SHA-256": entry.facts.get("files_sha256"),
    }
    add_studies(root, studies, life_cycle="15", details=details)
    add_patients(root, entry.facts.get("patients"))


def _tell_application(root: ET.Element, entry: LedgerEntry) -> None:
    """Application Activity (PS3.15 A.5.3.1)."""
    kind = _START if entry.event is LedgerEvent.STARTED else _STOP
    add_event(root, entry, _APPLICATION_ACTIVITY, "E", kind)
    add_process(root, entry, _APPLICATION)
    add_operator(root, entry, _LAUNCHER, is_requestor=bool(entry.operator))
    add_source(root, entry)


def _tell_alert(root: ET.Element, entry: LedgerEntry) -> None:
    """Security Alert (PS3.15 A.5.3.11) about the ledger."""
    findings = entry.facts.get("findings") or []
    has_errors = any(finding.get("severity") == "error" for finding in findings)
    of_key = findings and all(finding.get("rule") == "ledger-key" for finding in findings)
    kind = _SECURITY_CONFIGURATION if of_key else _LEDGER_BROKEN
    outcome = SERIOUS_FAILURE if has_errors else MINOR_FAILURE
    add_event(root, entry, _SECURITY_ALERT, "E", kind, outcome=outcome)
    add_process(root, entry)
    add_operator(root, entry)
    add_source(root, entry)
    described = "\n".join(f"{one.get('subject')}: {one.get('message')}" for one in findings)
    add_object(
        root,
        str(entry.facts.get("ledger") or "ledger"),
        "2",
        "13",
        _URI_OBJECT,
        "Security Audit Log",
        details={"Alert Description": described, "Ledger entry": str(entry.number)},
    )


def _tell_drilled(root: ET.Element, entry: LedgerEntry) -> None:
    """Security Alert (PS3.15 A.5.3.11): a key was used that opens everything sealed here."""
    counts = dict_in(entry.facts, "counts")
    failed = counts.get("errors")
    outcome = MINOR_FAILURE if failed else SUCCESS
    add_event(root, entry, _SECURITY_ALERT, "E", _RESTRICTED_FUNCTION, outcome=outcome)
    add_process(root, entry)
    add_operator(root, entry)
    add_source(root, entry)
    described = (
        f"{counts.get('opened')} of {counts.get('tried')} envelopes on {counts.get('media')} "
        "sealed media were opened again, and nothing of them was kept."
    )
    add_object(
        root,
        f"job {entry.job or ''}".strip(),
        "2",
        "13",
        _URI_OBJECT,
        "Drill of sealed media",
        details={
            "Alert Description": described,
            "Key": entry.facts.get("key"),
            "Ledger entry": str(entry.number),
        },
    )


_TELL: Mapping[LedgerEvent, Callable[[ET.Element, LedgerEntry], None]] = {
    **dict.fromkeys(MEDIA_EVENTS, _tell_export),
    LedgerEvent.WITHDRAWN: _tell_withdrawn,
    LedgerEvent.FORGOTTEN: _tell_forgotten,
    LedgerEvent.IMPORTED: tell_imported,
    LedgerEvent.REFUSED: tell_imported,
    LedgerEvent.RECONCILED: tell_reconciled,
    LedgerEvent.SENDING: tell_sending,
    LedgerEvent.SENT: tell_transferred,
    LedgerEvent.FETCHED: tell_transferred,
    LedgerEvent.OPENED: _tell_opened,
    LedgerEvent.DRILLED: _tell_drilled,
    LedgerEvent.STARTED: _tell_application,
    LedgerEvent.STOPPED: _tell_application,
    LedgerEvent.ALERT: _tell_alert,
}


def _outcome(entry: LedgerEntry, burn: Mapping[str, Any]) -> tuple[str, str]:
    if entry.event is LedgerEvent.WITHDRAWN:
        told = f"Entry {entry.refers_to} did not come to pass: {entry.facts.get('reason')}"
        return SERIOUS_FAILURE, told
    reread = burn.get("reread", "identical")
    if reread in {"identical", "not reread"}:
        return SUCCESS, "" if reread == "identical" else "The medium was not reread."
    return SERIOUS_FAILURE, f"Rereading the medium found: {reread}."


def _destination_media(
    root: ET.Element, medium: Mapping[str, Any], burn: Mapping[str, Any]
) -> None:
    """The one medium: a disc that was burned, else the file or folder, which no hand can hold."""
    name, label = str(medium.get("medium", "")), str(medium.get("file_set_id", ""))
    uid = str(medium.get("file_set_uid", ""))
    access: tuple[str, str] | None = None
    if burn:
        user = f"{name} {burn.get('medium_id') or label}".strip()
        kind = media_type(name)
    else:
        path, kind = PurePath(str(medium.get("path", ""))), URI
        user = path.as_uri() if path.is_absolute() else str(path)
        access = (user, BY_URI)
    add_media(
        root,
        _DESTINATION_MEDIA,
        user,
        kind,
        alternative=uid,
        name=f"{name} {label}".strip(),
        access=access,
    )
