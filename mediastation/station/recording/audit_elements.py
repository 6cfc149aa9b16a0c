"""What audit messages are made of (PS3.15 A.5.1): participants, objects and codes as XML.

The schema is near to that of RFC 3881 and not the same: codes have ``csd-code``
and ``originalText``, and what is said of instances sits inside
``ParticipantObjectDescription``.
"""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET  # written only
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mediastation.model.ledger import LedgerEntry

SUCCESS, MINOR_FAILURE, SERIOUS_FAILURE = "0", "4", "8"
BY_NAME, BY_ADDRESS, BY_URI = "1", "2", "5"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_APPLICATION_SERVER = "4"


class Code(NamedTuple):
    """A coded value: `scheme` is its coding scheme, DICOM's own by default."""

    value: str
    meaning: str
    scheme: str = "DCM"


OURS = "99MEDIASTATION"
"""The coding scheme of what no context group of the standard has."""

# PS3.16 2024c, CID 400 (events), 402 (roles) and 405 (media).
INSTANCES_ACCESSED = Code("110103", "DICOM Instances Accessed")
DESTINATION = Code("110152", "Destination Role ID")
SOURCE = Code("110153", "Source Role ID")
URI = Code("110037", "URI")
_STUDY_UID = Code("110180", "Study Instance UID")
_PATIENT_NUMBER = Code("2", "Patient Number", "RFC-3881")

# CID 405 has no codes for discs other than CD and DVD: one of our own says what
# is meant, a wrong one would not.
_MEDIA_TYPES = (
    ("CD-", Code("110032", "CD")),
    ("DVD", Code("110033", "DVD")),
    ("BD-", Code("BD", "Blu-ray Disc", OURS)),
    ("MOD", Code("MO", "Magneto-optical Disk", OURS)),
    ("USB", Code("110030", "USB Disk Emulation")),
    ("CF", Code("110034", "Compact Flash")),
    ("MMC", Code("110035", "Multi-media Card")),
    ("SD", Code("110036", "Secure Digital Card")),
    ("MAIL", Code("110031", "Email")),
)


def media_type(name: str) -> Code:
    """Return the code of the kind of medium that `name` begins with, such as ``DVD+R-DL``.

    What lies as a file, and what is not known, is a URI.
    """
    return next((code for start, code in _MEDIA_TYPES if name.startswith(start)), URI)


def add_event(
    root: ET.Element,
    entry: LedgerEntry,
    event: Code,
    action: str,
    kind: Code | None = None,
    *,
    outcome: str = SUCCESS,
    described: str = "",
) -> None:
    """Add what happened, and how it ended."""
    element = add_element(
        root,
        "EventIdentification",
        EventActionCode=action,
        EventDateTime=entry.at,
        EventOutcomeIndicator=outcome,
    )
    add_code(element, "EventID", event)
    if kind is not None:
        add_code(element, "EventTypeCode", kind)
    if described:
        add_element(element, "EventOutcomeDescription").text = _clean(described)


def add_operator(
    root: ET.Element, entry: LedgerEntry, role: Code | None = None, *, is_requestor: bool = True
) -> None:
    """Add the person at the station, if one is known."""
    if entry.operator:
        host = entry.station.get("host", "")
        login = entry.operator if "@" in entry.operator else f"{entry.operator}@{host}"
        add_participant(root, login, role, is_requestor=is_requestor, name=entry.operator)


def add_process(
    root: ET.Element, entry: LedgerEntry, role: Code | None = None, *, is_requestor: bool = False
) -> None:
    """Add this program."""
    station = entry.station
    add_participant(
        root,
        station.get("process", "") or "mediastation",
        role,
        is_requestor=is_requestor,
        alternative=f"AETITLES={station.get('aet', '')}",
        name="Mediastation",
        access=(station.get("host", ""), BY_NAME),
    )


def add_participant(
    root: ET.Element,
    user: str,
    role: Code | None = None,
    *,
    is_requestor: bool = False,
    alternative: str = "",
    name: str = "",
    access: tuple[str, str] | None = None,
) -> ET.Element:
    """Add whoever takes part; `access` is where, and how that is meant."""
    element = add_element(
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
        add_code(element, "RoleIDCode", role)
    return element


def add_media(
    root: ET.Element,
    role: Code,
    user: str,
    kind: Code,
    *,
    alternative: str = "",
    name: str = "",
    access: tuple[str, str] | None = None,
) -> None:
    """Add a medium, which never asks for anything: where it can be held or found, and its type."""
    element = add_participant(root, user, role, alternative=alternative, name=name, access=access)
    add_code(add_element(element, "MediaIdentifier"), "MediaType", kind)


def add_source(root: ET.Element, entry: LedgerEntry) -> None:
    """Add who tells this."""
    element = add_element(
        root,
        "AuditSourceIdentification",
        AuditEnterpriseSiteID=entry.station.get("institution", ""),
        AuditSourceID=entry.station.get("aet", "") or "MEDIASTATION",
    )
    element.append(ET.Element("AuditSourceTypeCode", {"csd-code": _APPLICATION_SERVER}))


def add_studies(
    root: ET.Element,
    studies: Iterable[Mapping[str, Any]] | None,
    *,
    life_cycle: str,
    details: Mapping[str, Any],
    encrypted: str = "",
) -> None:
    """Add studies with SOP Classes and numbers of instances; `details` go with each."""
    for study in studies or ():
        uid = str(study.get("study_instance_uid", ""))
        # The schema wants a name or a query of every object (PS3.15 A.5.1).
        name = study.get("description") or uid
        element = add_object(root, uid, "2", "3", _STUDY_UID, name, life_cycle, details)
        description = add_element(element, "ParticipantObjectDescription")
        if study.get("accession_number"):
            add_element(description, "Accession", Number=str(study["accession_number"]))
        for sop_class, number in (study.get("sop_classes") or {}).items():
            add_element(description, "SOPClass", UID=sop_class, NumberOfInstances=str(number))
        if encrypted:
            add_element(description, "Encrypted").text = encrypted


def add_patients(root: ET.Element, patients: Iterable[Mapping[str, Any]] | None) -> None:
    """Add patients."""
    for patient in patients or ():
        number = str(patient.get("patient_id", ""))
        name = str(patient.get("name") or number or "unknown")
        add_object(root, number, "1", "1", _PATIENT_NUMBER, name)


def add_object(
    root: ET.Element,
    identifier: str,
    type_code: str,
    role: str,
    kind: Code,
    name: str,
    life_cycle: str = "",
    details: Mapping[str, Any] | None = None,
) -> ET.Element:
    """Add an object; details without a value are left out."""
    element = add_element(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=identifier or "unknown",
        ParticipantObjectTypeCode=type_code,
        ParticipantObjectTypeCodeRole=role,
        ParticipantObjectDataLifeCycle=life_cycle,
    )
    add_code(element, "ParticipantObjectIDTypeCode", kind)
    add_element(element, "ParticipantObjectName").text = _clean(name)
    for key, value in (details or {}).items():
        if value:
            coded = base64.b64encode(str(value).encode()).decode()
            add_element(element, "ParticipantObjectDetail", type=key, value=coded)
    return element


def add_code(parent: ET.Element, name: str, code: Code) -> None:
    """Add a coded value."""
    words = {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning}
    parent.append(ET.Element(name, words))


def add_element(parent: ET.Element, name: str, **attributes: str) -> ET.Element:
    """Add an element; attributes without a value are left out."""
    kept = {key: _clean(value) for key, value in attributes.items() if value}
    return ET.SubElement(parent, name, kept)


def _clean(text: str) -> str:
    """Return `text` without what XML 1.0 cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(text))


def dict_in(facts: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return what is kept under `key`, if it is a mapping."""
    found = facts.get(key)
    return found if isinstance(found, dict) else {}
