"""What becomes of an outside instance under an identity of this site (PS3.2, Annex D and A.6).

The rows are no list of their own: a coercion is planned for a patient and an order
whose every value is a word, and the words are looked for in what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from mediastation.dicom.coerce_outline import id_item
from mediastation.dicom.dictionary import attribute_name
from mediastation.dicom.elements import tag_text
from mediastation.importing.reconcile_plan import plan_coercion
from mediastation.model.coercion import (
    CONTRIBUTING_EQUIPMENT_SEQUENCE,
    ISSUER_OF_PATIENT_ID,
    MODIFICATION_DATETIME,
    MODIFIED_ATTRIBUTES_SEQUENCE,
    MODIFYING_SYSTEM,
    NONCONFORMING_ATTRIBUTES_SEQUENCE,
    ORIGINAL_ATTRIBUTES_SEQUENCE,
    OTHER_PATIENT_IDS,
    OTHER_PATIENT_IDS_SEQUENCE,
    PATIENT_ID,
    REASON,
    REASON_FOR_MODIFICATION,
    SOURCE_OF_PREVIOUS_VALUES,
    SPECIFIC_CHARACTER_SET,
    TYPE_OF_PATIENT_ID,
    Attribute,
    CoercingSite,
    Coercion,
)
from mediastation.model.document import Table
from mediastation.model.identity import PatientIdentity
from mediastation.model.instance import Element, InstanceHeader
from mediastation.model.reconciliation import Candidate, CandidateOrigin, CodedEntry, Order
from mediastation.model.transfer_syntax import EXPLICIT_LE

Path = tuple[int, ...]
"""An attribute by its tag, and those of the sequences that it lies in."""

_MOMENT: Final = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
_PATIENT: Final = PatientIdentity("ID", "ISSUER", "FAMILY^GIVEN", "19010203", "F")
_NAMELESS: Final = PatientIdentity("ID", "", "FAMILY^GIVEN", "", "")
_ORDER: Final = Order(
    accession_number="ACCESSION",
    accession_issuer="NAMESPACE&UNIVERSAL&KIND",
    requested_procedure_id="PROCEDURE",
    requested_procedure_description="PROCEDURE TEXT",
    scheduled_step_id="STEP",
    scheduled_step_description="STEP TEXT",
    procedure_codes=(CodedEntry("CODE", "SCHEME", "MEANING", "VERSION"),),
    referenced_study=(("1.2.840.10008.3.1.2.3.1", "1.2.3"),),
)
_OTHER_ID: Final = ("OTHER", "OTHER ISSUER")
_SITE: Final = CoercingSite("INSTITUTION", "STATION", "MAKER", "MODEL", "SOFTWARE")

_SOURCES: Final[Mapping[str, str]] = {
    _PATIENT.patient_id: "Patient ID",
    _PATIENT.issuer: "Issuer of Patient ID",
    _PATIENT.name: "Patient's Name",
    _PATIENT.birth_date: "Patient's Birth Date",
    _PATIENT.sex: "Patient's Sex",
    "ACCESSION": "Accession Number",
    "NAMESPACE": "Local Namespace Entity ID of its issuer",
    "UNIVERSAL": "Universal Entity ID of its issuer",
    "KIND": "Universal Entity ID Type of its issuer",
    "PROCEDURE": "Requested Procedure ID",
    "PROCEDURE TEXT": "Requested Procedure Description",
    "STEP": "Scheduled Procedure Step ID",
    "STEP TEXT": "Scheduled Procedure Step Description",
    "CODE": "Code Value of Requested Procedure Code Sequence",
    "SCHEME": "Coding Scheme Designator of it",
    "MEANING": "Code Meaning of it",
    "VERSION": "Coding Scheme Version of it",
    "1.2.840.10008.3.1.2.3.1": "Referenced SOP Class UID of Referenced Study Sequence",
    "1.2.3": "Referenced SOP Instance UID of it",
    "OTHER": "each of Other Patient IDs, and the outside Patient ID",
    "OTHER ISSUER": "its issuer",
    "TEXT": "the outside Type of Patient ID, otherwise TEXT",
}
"""What a word of the patient and the order above stands for."""

_FIXED: Final[Mapping[str, str]] = {
    "INSTITUTION": "CONFIGURATION: institution",
    "STATION": "GENERATED: the host's name",
    "MAKER": "FIXED: Mediastation",
    "MODEL": "FIXED: the product",
    "SOFTWARE": "FIXED: the product's version",
    _MOMENT.strftime("%Y%m%d%H%M%S%z"): "GENERATED: the moment, with its offset from UTC",
}
"""The same for words that no patient or order decides."""

_COMMENTS: Final[Mapping[Path, str]] = {
    (TYPE_OF_PATIENT_ID,): "Where Patient ID or its issuer changes: it is of the outside one",
    (0x00100024,): "Where Patient ID or its issuer changes: it is of the outside one",
    (0x00100032,): "Where the birth date changes",
    (0x00100033,): "Where the birth date changes",
    (ISSUER_OF_PATIENT_ID,): "What the source gives, otherwise that of the configuration",
    (0x00100040,): "A value that DICOM does not have is taken for none",
    (0x00080050,): "The setting accession_from_order can leave it empty",
    (OTHER_PATIENT_IDS_SEQUENCE,): "Items are appended; those that are there stay",
    (OTHER_PATIENT_IDS,): "Appended to the list where the object has one (retired)",
    (SPECIFIC_CHARACTER_SET,): "Where the new values cannot be written in the object's own set; "
    "text that stays is then written in the new one. Otherwise kept",
    (CONTRIBUTING_EQUIPMENT_SEQUENCE,): "One item is appended, see section A.6",
    (ORIGINAL_ATTRIBUTES_SEQUENCE,): "One item is appended, see section A.6",
}
_REMOVED: Final = "REMOVED"


def coercion_tables() -> dict[str, Table]:
    """Return the tables of coercion; they are the same for every configuration."""
    return {
        "coercion": Table(
            "Attributes of an instance from an outside medium, in its coerced copy",
            ("Attribute", "Tag", "Scheduled import", "Scheduled, and the order has no value",
             "Unscheduled import", "Comments"),
            tuple(_mapping_rows()),
            wide=True,
        ),
        "contribution": Table(
            "Item appended to Contributing Equipment Sequence (0018,A001)",
            ("Attribute", "Tag", "Source and value"),
            tuple(
                (_name(path), tag_text(path[-1]), told)
                for path, told in _told(_plan(_PATIENT, None).contribution, "")
            ),
        ),
        "original-attributes": Table(
            "Item appended to Original Attributes Sequence (0400,0561)",
            ("Attribute", "Tag", "Source and value"),
            tuple((attribute_name(tag), tag_text(tag), told) for tag, told in _HISTORY),
        ),
    }  # fmt: skip


def coerced_tags() -> frozenset[int]:
    """Return the top-level attributes that stand in the table of what is coerced."""
    return frozenset(path[0] for path, _ in _cells())


_HISTORY: Final = (
    (MODIFIED_ATTRIBUTES_SEQUENCE, "SRC_INSTANCE: one item with every attribute that was replaced "
     "or removed, as the bytes that it had. Patient ID and Issuer of Patient ID are listed "
     "together, what the object had not as empty; UIDs never, since none changes"),
    (NONCONFORMING_ATTRIBUTES_SEQUENCE, "SRC_INSTANCE: where an old value breaks its VR, its "
     "bytes; the attribute is then empty in the sequence above"),
    (MODIFICATION_DATETIME, _FIXED[_MOMENT.strftime("%Y%m%d%H%M%S%z")]),
    (MODIFYING_SYSTEM, _FIXED[_SITE.station]),
    (SOURCE_OF_PREVIOUS_VALUES, "SRC_INSTANCE: Institution Name; empty where the object has none"),
    (REASON_FOR_MODIFICATION, f"FIXED: {REASON}"),
)  # fmt: skip


def _plan(patient: PatientIdentity, order: Order | None) -> Coercion:
    """Return the coercion of an instance of somebody else, who has nothing in common."""
    outside = InstanceHeader(
        "1.2.840.10008.5.1.4.1.1.2",
        "1.2.3.4",
        EXPLICIT_LE,
        {PATIENT_ID: Element("LO", b"OUTSIDE "), 0x00100030: Element("DA", b"19991231")},
    )
    candidate = Candidate(patient, CandidateOrigin.WORKLIST, "", order, (_OTHER_ID,))
    return plan_coercion(outside, candidate, _SITE, _MOMENT)


def _cells() -> list[tuple[Path, tuple[str, ...]]]:
    """Return what becomes of each attribute in each scenario, in the order of tags."""
    scenarios = [
        _cells_of(_plan(_PATIENT, _ORDER), "MWL"),
        _cells_of(_plan(_NAMELESS, Order()), "MWL"),
        _cells_of(_plan(_PATIENT, None), "QUERY"),
    ]
    paths = sorted({path for cells in scenarios for path in cells})
    return [(path, tuple(_cell(cells, path) for cells in scenarios)) for path in paths]


def _cell(cells: Mapping[Path, str], path: Path) -> str:
    """Return what becomes of an attribute; inside a sequence that is not set there is nothing."""
    return cells.get(path, "kept" if len(path) == 1 else "-")


def _cells_of(coercion: Coercion, origin: str) -> dict[Path, str]:
    cells = dict(_told(coercion.replacing, origin))
    cells |= dict.fromkeys(((tag,) for tag in coercion.removed), _REMOVED)
    ids = Attribute(
        OTHER_PATIENT_IDS_SEQUENCE, "SQ", items=tuple(map(id_item, coercion.other_patient_ids[:1]))
    )
    cells |= dict(_told((ids,), origin))
    cells[(OTHER_PATIENT_IDS_SEQUENCE,)] = "ADDED: items"
    cells[(OTHER_PATIENT_IDS,)] = "ADDED: values"
    for tag in (CONTRIBUTING_EQUIPMENT_SEQUENCE, ORIGINAL_ATTRIBUTES_SEQUENCE):
        cells[(tag,)] = "ADDED: one item"
    cells[(SPECIFIC_CHARACTER_SET,)] = "ISO_IR 100; ISO_IR 192"
    return cells


def _told(
    attributes: tuple[Attribute, ...], origin: str, above: Path = ()
) -> Iterator[tuple[Path, str]]:
    """Yield each attribute, below its sequence, with where its value is from."""
    for one in sorted(attributes, key=lambda attribute: attribute.tag):
        path = (*above, one.tag)
        if one.items:
            yield path, "one item"
            yield from _told(one.items[0], origin, path)
        elif one.text in _SOURCES:
            yield path, f"{origin}: {_SOURCES[one.text]}"
        elif one.text:
            yield path, _FIXED.get(one.text, f"FIXED: {one.text}")
        else:
            yield path, "EMPTY"


def _mapping_rows() -> Iterator[tuple[str, ...]]:
    for path, cells in _cells():
        yield _name(path), tag_text(path[-1]), *cells, _COMMENTS.get(path, "-")


def _name(path: Path) -> str:
    return f"{'>' * (len(path) - 1)}{attribute_name(path[-1])}"
