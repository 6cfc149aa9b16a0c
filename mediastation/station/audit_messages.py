"""DICOM audit messages (PS3.15 A.5), written beside the ledger: one XML file an entry.

A message says nothing that its entry does not, so that one which a killed
process or a full disk left out can be made later. The schema (PS3.15 A.5.1) is
near to that of RFC 3881 and not the same: codes have ``csd-code`` and
``originalText``, and what is said of instances sits inside
``ParticipantObjectDescription``.
"""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET  # written only
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from mediastation.model.ledger import MEDIA_EVENTS, LedgerEntry, LedgerEvent

_SUCCESS, _MINOR_FAILURE, _SERIOUS_FAILURE = "0", "4", "8"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_APPLICATION_SERVER = "4"
_BY_NAME, _BY_URI = "1", "5"


class Code(NamedTuple):
    """A coded value: `scheme` is its coding scheme, DICOM's own by default."""

    value: str
    meaning: str
    scheme: str = "DCM"


# PS3.16 2024c, CID 400 (events), 401 (types), 402 (roles) and 405 (media).
_APPLICATION_ACTIVITY = Code("110100", "Application Activity")
_INSTANCES_ACCESSED = Code("110103", "DICOM Instances Accessed")
_STUDY_DELETED = Code("110105", "DICOM Study Deleted")
_EXPORT = Code("110106", "Export")
_SECURITY_ALERT = Code("110113", "Security Alert")
_START = Code("110120", "Application Start")
_STOP = Code("110121", "Application Stop")
_SECURITY_CONFIGURATION = Code("110129", "Security Configuration")
_APPLICATION = Code("110150", "Application")
_LAUNCHER = Code("110151", "Application Launcher")
_DESTINATION = Code("110152", "Destination Role ID")
_SOURCE = Code("110153", "Source Role ID")
_DESTINATION_MEDIA = Code("110154", "Destination Media")
_STUDY_UID = Code("110180", "Study Instance UID")
_PATIENT_NUMBER = Code("2", "Patient Number", "RFC-3881")
_URI_OBJECT = Code("12", "URI", "RFC-3881")
_URI = Code("110037", "URI")

_OURS = "99MEDIASTATION"
# CID 403 has no code for a log that was tampered with, CID 405 none for discs
# other than CD and DVD: a code of our own says what is meant, a wrong one would not.
_LEDGER_BROKEN = Code("LEDGER", "Audit log damaged or altered", _OURS)
_MEDIA_TYPES = (
    ("CD-", Code("110032", "CD")),
    ("DVD", Code("110033", "DVD")),
    ("BD-", Code("BD", "Blu-ray Disc", _OURS)),
    ("MOD", Code("MO", "Magneto-optical Disk", _OURS)),
    ("USB", Code("110030", "USB Disk Emulation")),
    ("CF", Code("110034", "Compact Flash")),
    ("MMC", Code("110035", "Multi-media Card")),
    ("SD", Code("110036", "Secure Digital Card")),
    ("MAIL", Code("110031", "Email")),
)


def audit_message(entry: LedgerEntry) -> bytes:
    """Return the audit message that tells what `entry` does, as UTF-8."""
    root = ET.Element("AuditMessage")
    _TELL[entry.event](root, entry)
    ET.indent(root, " ")
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _tell_export(root: ET.Element, entry: LedgerEntry) -> None:
    """Export (PS3.15 A.5.3.7): one message for one medium or file."""
    medium, burn = _dict(entry.facts, "medium"), _dict(entry.facts, "burn")
    disclosure = _dict(entry.facts, "disclosure")
    outcome, described = _outcome(entry, burn)
    _event(root, entry, _EXPORT, "R", outcome=outcome, described=described)
    _operator(root, entry, _SOURCE)
    _process(root, entry, _SOURCE, is_requestor=not entry.operator)
    if disclosure.get("given_to"):
        _participant(root, str(disclosure["given_to"]), _DESTINATION)
    _destination_media(root, medium, burn)
    _source(root, entry)
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
    _studies(root, medium.get("studies"), life_cycle="10", details=details, encrypted=encrypted)
    _patients(root, medium.get("patients"))


def _tell_withdrawn(root: ET.Element, entry: LedgerEntry) -> None:
    if "medium" in entry.facts:
        _tell_export(root, entry)
    else:
        _tell_forgotten(root, entry)


def _tell_forgotten(root: ET.Element, entry: LedgerEntry) -> None:
    """DICOM Study Deleted where whole studies go, DICOM Instances Accessed otherwise."""
    studies = entry.facts.get("studies") or []
    whole = studies and all(study.get("whole") for study in studies)
    outcome, described = _outcome(entry, {})
    event = _STUDY_DELETED if whole else _INSTANCES_ACCESSED
    _event(root, entry, event, "D", outcome=outcome, described=described)
    _operator(root, entry)
    _process(root, entry, is_requestor=not entry.operator)
    _source(root, entry)
    details = {
        "Ledger entry": str(entry.number),
        "Job": str(entry.job or ""),
        "Files SHA-256": entry.facts.get("files_sha256"),
    }
    _studies(root, studies, life_cycle="15", details=details)
    _patients(root, entry.facts.get("patients"))


def _tell_application(root: ET.Element, entry: LedgerEntry) -> None:
    """Application Activity (PS3.15 A.5.3.1)."""
    kind = _START if entry.event is LedgerEvent.STARTED else _STOP
    _event(root, entry, _APPLICATION_ACTIVITY, "E", kind)
    _process(root, entry, _APPLICATION)
    _operator(root, entry, _LAUNCHER, is_requestor=bool(entry.operator))
    _source(root, entry)


def _tell_alert(root: ET.Element, entry: LedgerEntry) -> None:
    """Security Alert (PS3.15 A.5.3.11) about the ledger."""
    findings = entry.facts.get("findings") or []
    has_errors = any(finding.get("severity") == "error" for finding in findings)
    of_key = findings and all(finding.get("rule") == "ledger-key" for finding in findings)
    kind = _SECURITY_CONFIGURATION if of_key else _LEDGER_BROKEN
    outcome = _SERIOUS_FAILURE if has_errors else _MINOR_FAILURE
    _event(root, entry, _SECURITY_ALERT, "E", kind, outcome=outcome)
    _process(root, entry)
    _operator(root, entry)
    _source(root, entry)
    described = "\n".join(f"{one.get('subject')}: {one.get('message')}" for one in findings)
    _object(
        root,
        str(entry.facts.get("ledger") or "ledger"),
        "2",
        "13",
        _URI_OBJECT,
        "Security Audit Log",
        details={"Alert Description": described, "Ledger entry": str(entry.number)},
    )


_TELL: Mapping[LedgerEvent, Callable[[ET.Element, LedgerEntry], None]] = {
    **dict.fromkeys(MEDIA_EVENTS, _tell_export),
    LedgerEvent.WITHDRAWN: _tell_withdrawn,
    LedgerEvent.FORGOTTEN: _tell_forgotten,
    LedgerEvent.STARTED: _tell_application,
    LedgerEvent.STOPPED: _tell_application,
    LedgerEvent.ALERT: _tell_alert,
}


def _outcome(entry: LedgerEntry, burn: Mapping[str, Any]) -> tuple[str, str]:
    if entry.event is LedgerEvent.WITHDRAWN:
        told = f"Entry {entry.refers_to} did not come to pass: {entry.facts.get('reason')}"
        return _SERIOUS_FAILURE, told
    reread = burn.get("reread", "identical")
    if reread in {"identical", "not reread"}:
        return _SUCCESS, "" if reread == "identical" else "The medium was not reread."
    return _SERIOUS_FAILURE, f"Rereading the medium found: {reread}."


def _event(
    root: ET.Element,
    entry: LedgerEntry,
    event: Code,
    action: str,
    kind: Code | None = None,
    *,
    outcome: str = _SUCCESS,
    described: str = "",
) -> None:
    element = _add(
        root,
        "EventIdentification",
        EventActionCode=action,
        EventDateTime=entry.at,
        EventOutcomeIndicator=outcome,
    )
    _code(element, "EventID", event)
    if kind is not None:
        _code(element, "EventTypeCode", kind)
    if described:
        _add(element, "EventOutcomeDescription").text = _clean(described)


def _operator(
    root: ET.Element, entry: LedgerEntry, role: Code | None = None, *, is_requestor: bool = True
) -> None:
    if entry.operator:
        host = entry.station.get("host", "")
        login = entry.operator if "@" in entry.operator else f"{entry.operator}@{host}"
        _participant(root, login, role, is_requestor=is_requestor, name=entry.operator)


def _process(
    root: ET.Element, entry: LedgerEntry, role: Code | None = None, *, is_requestor: bool = False
) -> None:
    station = entry.station
    _participant(
        root,
        station.get("process", "") or "mediastation",
        role,
        is_requestor=is_requestor,
        alternative=f"AETITLES={station.get('aet', '')}",
        name="Mediastation",
        access=(station.get("host", ""), _BY_NAME),
    )


def _destination_media(
    root: ET.Element, medium: Mapping[str, Any], burn: Mapping[str, Any]
) -> None:
    """The one medium: a disc that was burned, else the file or folder, which no hand can hold."""
    name, label = str(medium.get("medium", "")), str(medium.get("file_set_id", ""))
    uid = str(medium.get("file_set_uid", ""))
    access: tuple[str, str] | None = None
    if burn:
        user = f"{name} {burn.get('medium_id') or label}".strip()
        media_type = next((code for start, code in _MEDIA_TYPES if name.startswith(start)), _URI)
    else:
        path, media_type = PurePath(str(medium.get("path", ""))), _URI
        user = path.as_uri() if path.is_absolute() else str(path)
        access = (user, _BY_URI)
    element = _participant(
        root, user, _DESTINATION_MEDIA, alternative=uid, name=f"{name} {label}", access=access
    )
    holder = _add(element, "MediaIdentifier")
    _code(holder, "MediaType", media_type)


def _participant(
    root: ET.Element,
    user: str,
    role: Code | None = None,
    *,
    is_requestor: bool = False,
    alternative: str = "",
    name: str = "",
    access: tuple[str, str] | None = None,
) -> ET.Element:
    element = _add(
        root,
        "ActiveParticipant",
        UserID=user,
        AlternativeUserID=alternative,
        UserName=name,
        UserIsRequestor="true" if is_requestor else "false",
        NetworkAccessPointID=access[0] if access else "",
        NetworkAccessPointTypeCode=access[1] if access and access[0] else "",
    )
    if role is not None:
        _code(element, "RoleIDCode", role)
    return element


def _source(root: ET.Element, entry: LedgerEntry) -> None:
    element = _add(
        root,
        "AuditSourceIdentification",
        AuditEnterpriseSiteID=entry.station.get("institution", ""),
        AuditSourceID=entry.station.get("aet", "") or "MEDIASTATION",
    )
    element.append(ET.Element("AuditSourceTypeCode", {"csd-code": _APPLICATION_SERVER}))


def _studies(
    root: ET.Element,
    studies: Iterable[Mapping[str, Any]] | None,
    *,
    life_cycle: str,
    details: Mapping[str, Any],
    encrypted: str = "",
) -> None:
    for study in studies or ():
        uid = str(study.get("study_instance_uid", ""))
        # The schema wants a name or a query of every object (PS3.15 A.5.1).
        name = study.get("description") or uid
        element = _object(root, uid, "2", "3", _STUDY_UID, name, life_cycle, details)
        description = _add(element, "ParticipantObjectDescription")
        if study.get("accession_number"):
            _add(description, "Accession", Number=str(study["accession_number"]))
        for sop_class, number in (study.get("sop_classes") or {}).items():
            _add(description, "SOPClass", UID=sop_class, NumberOfInstances=str(number))
        if encrypted:
            _add(description, "Encrypted").text = encrypted


def _patients(root: ET.Element, patients: Iterable[Mapping[str, Any]] | None) -> None:
    for patient in patients or ():
        number = str(patient.get("patient_id", ""))
        name = str(patient.get("name") or number or "unknown")
        _object(root, number, "1", "1", _PATIENT_NUMBER, name)


def _object(
    root: ET.Element,
    identifier: str,
    type_code: str,
    role: str,
    kind: Code,
    name: str,
    life_cycle: str = "",
    details: Mapping[str, Any] | None = None,
) -> ET.Element:
    element = _add(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=identifier or "unknown",
        ParticipantObjectTypeCode=type_code,
        ParticipantObjectTypeCodeRole=role,
        ParticipantObjectDataLifeCycle=life_cycle,
    )
    _code(element, "ParticipantObjectIDTypeCode", kind)
    _add(element, "ParticipantObjectName").text = _clean(name)
    for key, value in (details or {}).items():
        if value:
            coded = base64.b64encode(str(value).encode()).decode()
            _add(element, "ParticipantObjectDetail", type=key, value=coded)
    return element


def _code(parent: ET.Element, name: str, code: Code) -> None:
    words = {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning}
    parent.append(ET.Element(name, words))


def _add(parent: ET.Element, name: str, **attributes: str) -> ET.Element:
    """Add an element; attributes without a value are left out."""
    kept = {key: _clean(value) for key, value in attributes.items() if value}
    return ET.SubElement(parent, name, kept)


def _clean(text: str) -> str:
    """Return `text` without what XML 1.0 cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(text))


def _dict(facts: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = facts.get(key)
    return found if isinstance(found, dict) else {}
