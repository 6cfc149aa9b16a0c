"""Which attributes of an outside instance become those of a patient and an order of this site.

The table of IHE RAD IRWF.b (RAD-61, mapping of RAD TF-2 Appendix A), with one rule
where it leaves a choice: two identities are never mixed. What the local side does
not know is emptied rather than kept from outside, and what only qualifies a
replaced value goes with it; either is found in Original Attributes. Attributes
that the table does not name stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from mediastation import __version__
from mediastation.conformance.identity import comparable_text, patient_identity
from mediastation.dicom.values import first_value
from mediastation.errors import RefusedError
from mediastation.model.coercion import (
    ISSUER_OF_PATIENT_ID,
    PATIENT_ID,
    TYPE_OF_PATIENT_ID,
    Attribute,
    CoercingSite,
    Coercion,
    OtherPatientId,
)
from mediastation.model.finding import Finding, error, has_errors, warning
from mediastation.model.identity import PatientIdentity, shown
from mediastation.model.instance import InstanceHeader
from mediastation.model.reconciliation import Candidate, CodedEntry, Order
from mediastation.model.uid import is_legal_uid

_NAME, _BIRTH_DATE, _SEX = 0x00100010, 0x00100030, 0x00100040
_ISSUER_QUALIFIERS, _BIRTH_TIME, _BIRTH_DATE_ELSEWHERE = 0x00100024, 0x00100032, 0x00100033
_ACCESSION, _ACCESSION_ISSUER = 0x00080050, 0x00080051
_PROCEDURE_CODES, _REFERENCED_STUDY = 0x00081032, 0x00081110
_REQUEST, _ORIGIN = 0x00400275, 0x04000600
_MIME_TYPE, _BURNED_IN = 0x00420012, 0x00280301
_INSTITUTION = 0x00080080

_LONGEST: Final = {"CS": 16, "LO": 64, "PN": 64, "SH": 16}
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\\]")
_KINDS: Final = frozenset({"TEXT", "RFID", "BARCODE"})
_SEXES: Final = frozenset({"", "M", "F", "O"})
_MOST_NAME_GROUPS, _MOST_NAME_PARTS = 3, 5
_REFERENCE = "IHE RAD IRWF.b; PS3.3 C.12.1.1.9"


def check_candidate(candidate: Candidate) -> list[Finding]:
    """Check that a candidate's own values may be written into objects.

    Returns
    -------
    list of Finding
        Empty if so. Otherwise errors of the rule ``"candidate-unfit"``, the
        attribute's name as subject: there is neither a Patient ID nor a name, or a value is
        not legal for its VR (PS3.5, 6.2). Nothing is cut or corrected: half an
        identifier is another one. A warning, ``"candidate-sex"``, if the sex
        is none of those that DICOM has; it is written empty.
    """
    identity, order = candidate.identity, candidate.order or Order()
    faults = [
        ("Patient ID", _text_fault("LO", identity.patient_id) or _missing(identity.patient_id)),
        ("Issuer of Patient ID", _text_fault("LO", identity.issuer)),
        ("Patient's Name", _name_fault(identity.name) or _missing(identity.name.strip("^= "))),
        ("Patient's Birth Date", _date_fault(identity.birth_date)),
        ("Accession Number", _text_fault("SH", order.accession_number)),
        ("Requested Procedure ID", _text_fault("SH", order.requested_procedure_id)),
        ("Scheduled Procedure Step ID", _text_fault("SH", order.scheduled_step_id)),
    ]
    faults += [("Requested Procedure Code Sequence", _code_fault(c)) for c in order.procedure_codes]
    faults += [
        ("Referenced Study Sequence", "" if is_legal_uid(uid) else "names something that is no UID")
        for pair in order.referenced_study
        for uid in pair
    ]
    where = f"at {candidate.peer}" if candidate.peer else "where it was entered"
    found = [
        error(
            "candidate-unfit",
            name,
            f"{name} of the chosen patient or order {fault}.",
            f"Correct it {where}, or choose another one.",
            "PS3.5 6.2",
        )
        for name, fault in faults
        if fault
    ]
    if identity.sex not in _SEXES:
        found.append(
            warning(
                "candidate-sex",
                "Patient's Sex",
                f"Patient's Sex of the chosen patient is {identity.sex!r}, which DICOM has not; "
                "it will be empty.",
                "",
                "PS3.3 C.7.1.1",
            )
        )
    return found


def plan_coercion(
    header: InstanceHeader, candidate: Candidate, site: CoercingSite, moment: datetime
) -> Coercion:
    """Decide what becomes of one outside instance under the identity of `candidate`.

    With an order (scheduled import) Accession Number, Referenced Study and
    Request Attributes are the order's, and Procedure Code too if the order has one; without
    one the outside accession number and request go, since they mean nothing or
    something else here. UIDs never change.

    Parameters
    ----------
    header : InstanceHeader
        The instance, with at least the tags of `mediastation.dicom.index_tags`.
    candidate : Candidate
        Whose it is here.
    site : CoercingSite
        Who coerces.
    moment : datetime
        Now, with an offset from UTC.

    Returns
    -------
    Coercion
        Its findings warn of what a coercion cannot reach: digital signatures,
        identity in pixels and in documents.

    Raises
    ------
    RefusedError
        `check_candidate` found errors.
    ValueError
        `moment` has no offset.
    """
    if moment.utcoffset() is None:
        raise ValueError("the moment of a coercion needs its offset from UTC")
    faults = check_candidate(candidate)
    if has_errors(faults):
        raise RefusedError("The chosen identity cannot be written into objects.", faults)
    local = candidate.identity
    if local.sex not in _SEXES:
        local = replace(local, sex="")
    if not local.issuer:
        local = replace(local, issuer=_cut(site.issuer_of_patient_id, "LO"))
    outside = patient_identity(header)
    values = [
        Attribute(_NAME, "PN", local.name),
        Attribute(PATIENT_ID, "LO", local.patient_id),
        Attribute(_BIRTH_DATE, "DA", local.birth_date),
        Attribute(_SEX, "CS", local.sex),
        Attribute(_ORIGIN, "CS", "IMPORTED"),
    ]
    removed = list(_stale_qualifiers(outside, local))
    if local.issuer:
        values.append(Attribute(ISSUER_OF_PATIENT_ID, "LO", local.issuer))
    else:
        removed.append(ISSUER_OF_PATIENT_ID)
    ordered, unordered = _order_attributes(candidate.order)
    return Coercion(
        sop_instance_uid=header.sop_instance_uid,
        moment=moment,
        outside=outside,
        local=local,
        values=tuple(sorted((*values, *ordered), key=lambda one: one.tag)),
        removed=tuple(sorted((*removed, *unordered))),
        other_patient_ids=tuple(_other_ids(header, candidate, outside, local)),
        equipment=_equipment(site),
        source_of_previous_values=_cut(comparable_text(header, _INSTITUTION), "LO"),
        modifying_system=_cut(site.station or site.manufacturer, "LO"),
        undeclared_text=site.undeclared_text,
        findings=tuple(_warnings(header)),
    )


def _stale_qualifiers(outside: PatientIdentity, local: PatientIdentity) -> Iterator[int]:
    """Yield attributes that say more of a value that is replaced, and would say it of the new one.

    The issuer's qualifiers and the type belong to the outside Patient ID
    (PS3.3, C.7.1.1), birth time and the date in another calendar to the
    outside birth date.
    """
    if (outside.patient_id, outside.issuer) != (local.patient_id, local.issuer):
        yield from (TYPE_OF_PATIENT_ID, _ISSUER_QUALIFIERS)
    if outside.birth_date != local.birth_date:
        yield from (_BIRTH_TIME, _BIRTH_DATE_ELSEWHERE)


def _order_attributes(order: Order | None) -> tuple[list[Attribute], list[int]]:
    """Return the attributes that an order sets, and those that go."""
    if order is None:
        return [Attribute(_ACCESSION, "SH")], [_ACCESSION_ISSUER, _REQUEST]
    issuer = _hierarchic_designator(order.accession_issuer) if order.accession_number else ()
    codes = tuple(_code_item(code) for code in order.procedure_codes)
    request = [
        Attribute(0x00321060, "LO", _cut(order.requested_procedure_description, "LO")),
        Attribute(0x00400007, "LO", _cut(order.scheduled_step_description, "LO")),
        Attribute(0x00400009, "SH", order.scheduled_step_id),
        Attribute(0x00401001, "SH", order.requested_procedure_id),
    ]
    item = tuple(one for one in request if one.text)
    if codes and item:
        item = tuple(sorted((*item, Attribute(0x00321064, "SQ", items=codes)), key=_tag))
    sequences = {
        _ACCESSION_ISSUER: (issuer,) if issuer else (),
        _REFERENCED_STUDY: tuple(
            (Attribute(0x00081150, "UI", sop_class), Attribute(0x00081155, "UI", instance))
            for sop_class, instance in order.referenced_study
        ),
        _REQUEST: (item,) if item else (),
    }
    values = [Attribute(_ACCESSION, "SH", order.accession_number)]
    values += [Attribute(tag, "SQ", items=items) for tag, items in sequences.items() if items]
    if codes:
        values.append(Attribute(_PROCEDURE_CODES, "SQ", items=codes))
    return values, [tag for tag, items in sequences.items() if not items]


def _hierarchic_designator(issuer: str) -> tuple[Attribute, ...]:
    """Return an issuer as the macro of PS3.3, Table 10-17 has it: ``namespace&UID&ISO`` parted."""
    namespace, universal, kind = (*issuer.split("&"), "", "")[:3]
    found = [Attribute(0x00400031, "UT", _clean(namespace))] if namespace else []
    if universal and kind:
        found.append(Attribute(0x00400032, "UT", _clean(universal)))
        found.append(Attribute(0x00400033, "CS", _clean(kind).upper()[:16]))
    return tuple(found)


def _code_item(code: CodedEntry) -> tuple[Attribute, ...]:
    """Return an item of the Code Sequence Macro (PS3.3, Table 8.8-1)."""
    longer = len(code.value) > _LONGEST["SH"]
    value = (
        Attribute(0x00080119, "UC", code.value)
        if longer
        else Attribute(0x00080100, "SH", code.value)
    )
    found = [
        value,
        Attribute(0x00080102, "SH", code.scheme),
        Attribute(0x00080104, "LO", _cut(code.meaning, "LO")),
    ]
    if code.scheme_version:
        found.append(Attribute(0x00080103, "SH", code.scheme_version))
    return tuple(sorted(found, key=_tag))


def _equipment(site: CoercingSite) -> tuple[Attribute, ...]:
    """Return the station's item of Contributing Equipment Sequence (PS3.3, C.12.1; CID 7005)."""
    purpose = CodedEntry("MEDIM", "DCM", "Portable Media Importer Equipment")
    texts = (
        (0x00080070, "LO", site.manufacturer or "Mediastation"),
        (0x00080080, "LO", site.institution),
        (0x00081010, "SH", site.station),
        (0x00081090, "LO", site.model),
        (0x00181020, "LO", site.software_version or __version__),
    )
    told = [Attribute(tag, vr, _cut(text, vr)) for tag, vr, text in texts if _cut(text, vr)]
    return (*told, Attribute(0x0040A170, "SQ", items=(_code_item(purpose),)))


def _other_ids(
    header: InstanceHeader, candidate: Candidate, outside: PatientIdentity, local: PatientIdentity
) -> Iterator[OtherPatientId]:
    """Yield the IDs that the copy knows besides its own: the candidate's, and the outside one.

    One that is not legal is left out; the outside one is in Original Attributes anyway.
    """
    kind = first_value(header, TYPE_OF_PATIENT_ID)
    found = [OtherPatientId(*pair) for pair in candidate.other_patient_ids]
    found.append(
        OtherPatientId(outside.patient_id, outside.issuer, kind if kind in _KINDS else "TEXT")
    )
    for one in found:
        own = (one.patient_id, one.issuer) == (local.patient_id, local.issuer)
        if one.patient_id and not own and not _text_fault("LO", one.patient_id):
            issuer = "" if _text_fault("LO", one.issuer) else one.issuer
            yield replace(one, issuer=issuer)


def _warnings(header: InstanceHeader) -> Iterator[Finding]:
    subject = shown(header.sop_instance_uid)
    if header.signed:
        yield warning(
            "signature-outlived",
            subject,
            "The object has digital signatures; over attributes that are replaced they are no "
            "longer valid in the copy.",
            "They stay in the copy, as the record of who signed; the original in the store proves "
            "them.",
            "PS3.15 C; PS3.3 C.12.1.1.3",
        )
    if first_value(header, _BURNED_IN) == "YES":
        yield warning(
            "identity-in-pixels",
            subject,
            "Burned In Annotation says YES: the pixels may show the outside patient's name or ID.",
            "Pixels are never changed; look at the image.",
            _REFERENCE,
        )
    if _MIME_TYPE in header.elements:
        yield warning(
            "identity-in-document",
            subject,
            "The document inside may name the outside patient.",
            "Documents are never changed; look at it.",
            _REFERENCE,
        )


def _missing(text: str) -> str:
    return "" if text else "is missing"


def _text_fault(vr: str, text: str) -> str:
    """Return what is wrong with one value of text; empty if nothing."""
    if _UNFIT.search(text):
        return "has a control character or a backslash"
    if text != text.strip(" "):
        return "has spaces around it"
    longest = _LONGEST[vr]
    return f"is longer than {longest} characters" if len(text) > longest else ""


def _name_fault(name: str) -> str:
    groups = name.split("=")
    if len(groups) > _MOST_NAME_GROUPS:
        return "has more than three groups"
    if any(group.count("^") >= _MOST_NAME_PARTS for group in groups):
        return "has more than five parts in a group"
    return next(filter(None, (_text_fault("PN", group.strip(" ")) for group in groups)), "")


def _date_fault(text: str) -> str:
    if not text:
        return ""
    try:
        if not re.fullmatch("[0-9]{8}", text):
            raise ValueError
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return "is no date of the form YYYYMMDD"
    return ""


def _code_fault(code: CodedEntry) -> str:
    if not code.value or not code.scheme or not code.meaning:
        return "has a code without value, scheme or meaning"
    fault = _text_fault("SH", code.scheme) or _text_fault("SH", code.scheme_version)
    return fault or ("has a control character" if _UNFIT.search(code.value) else "")


def _clean(text: str) -> str:
    return _UNFIT.sub(" ", text).strip()


def _cut(text: str, vr: str) -> str:
    """Return a description as its VR can hold it."""
    return _clean(text)[: _LONGEST[vr]].rstrip()


def _tag(one: Attribute) -> int:
    return one.tag
