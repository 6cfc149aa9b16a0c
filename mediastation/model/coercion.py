"""What is changed in the copy of an outside instance that goes under an identity of this site.

A coercion is a value: decided by `mediastation.importing.reconcile_plan`, written by
`mediastation.dicom.coerce`, proved by `mediastation.dicom.coerce_check`. It names
attributes and text; how they are encoded depends on the object, and old values are
taken from its own bytes. IHE RAD IRWF.b (RAD-61); PS3.3 2024c C.12.1.1.9.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from mediastation.model.finding import Finding
from mediastation.model.identity import PatientIdentity

SPECIFIC_CHARACTER_SET: Final = 0x00080005
INSTANCE_COERCION_DATETIME: Final = 0x00080015
PATIENT_ID: Final = 0x00100020
ISSUER_OF_PATIENT_ID: Final = 0x00100021
TYPE_OF_PATIENT_ID: Final = 0x00100022
OTHER_PATIENT_IDS: Final = 0x00101000
OTHER_PATIENT_IDS_SEQUENCE: Final = 0x00101002
CONTRIBUTING_EQUIPMENT_SEQUENCE: Final = 0x0018A001
CONTRIBUTION_DATETIME: Final = 0x0018A002
MODIFIED_ATTRIBUTES_SEQUENCE: Final = 0x04000550
NONCONFORMING_ATTRIBUTES_SEQUENCE: Final = 0x04000551
NONCONFORMING_VALUE: Final = 0x04000552
ORIGINAL_ATTRIBUTES_SEQUENCE: Final = 0x04000561
MODIFICATION_DATETIME: Final = 0x04000562
MODIFYING_SYSTEM: Final = 0x04000563
SOURCE_OF_PREVIOUS_VALUES: Final = 0x04000564
REASON_FOR_MODIFICATION: Final = 0x04000565
SELECTOR_ATTRIBUTE: Final = 0x00720026
SELECTOR_VALUE_NUMBER: Final = 0x00720028

REASON: Final = "COERCE"
"""Why values of an imported instance are replaced (PS3.3, C.12.1.1.9)."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of this site: text, or the items of a sequence.

    Without either it is empty. `vr` is that of PS3.6; `text` has no padding.
    """

    tag: int
    vr: str
    text: str = ""
    items: tuple[tuple[Attribute, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class OtherPatientId:
    """One item of Other Patient IDs Sequence (0010,1002): `kind` is Type of Patient ID."""

    patient_id: str
    issuer: str = ""
    kind: str = "TEXT"


@dataclass(frozen=True, slots=True)
class CoercingSite:
    """Who coerces, and by which rules of the house.

    Parameters
    ----------
    institution, station, manufacturer, model, software_version : str
        For the station's item of Contributing Equipment Sequence; `station` is
        Modifying System as well. What is longer than its VR is cut.
    issuer_of_patient_id : str
        Of Patient IDs whose candidate names none.
    undeclared_text : str
        Defined Term of the character set in which outside text without a
        declared one is to be read; empty where nobody has decided that. Such
        text then stands in the way of a name that needs a declared set.
    """

    institution: str
    station: str
    manufacturer: str = "Mediastation"
    model: str = "Mediastation"
    software_version: str = ""
    issuer_of_patient_id: str = ""
    undeclared_text: str = ""


@dataclass(frozen=True, slots=True)
class Coercion:
    """What becomes of one instance.

    Parameters
    ----------
    sop_instance_uid : str
        Whose it is; never changed, nor any other UID.
    moment : datetime
        When, with its offset from UTC.
    outside, local : PatientIdentity
        Whose the instance was said to be, and whose it is here.
    values : tuple of Attribute
        Top-level attributes that are set, by tag. One without value is emptied
        where the object has it, and not added where it has none.
    removed : tuple of int
        Top-level attributes that are taken out where the object has them.
    other_patient_ids : tuple of OtherPatientId
        Added to those that the object has, where they are not among them.
    equipment : tuple of Attribute
        The item appended to Contributing Equipment Sequence, without its time.
    source_of_previous_values, modifying_system : str
        For the item appended to Original Attributes Sequence.
    undeclared_text : str
        As in `CoercingSite`.
    findings : tuple of Finding
        What the person at the station has to know about the copy.
    """

    sop_instance_uid: str
    moment: datetime
    outside: PatientIdentity
    local: PatientIdentity
    values: tuple[Attribute, ...]
    removed: tuple[int, ...]
    other_patient_ids: tuple[OtherPatientId, ...]
    equipment: tuple[Attribute, ...]
    source_of_previous_values: str = ""
    modifying_system: str = ""
    undeclared_text: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def recipe(self) -> str:
        """The digest of all that decides about the copy but its time, in hexadecimal.

        Two coercions of one instance with one recipe would only differ in when
        they were done, so the second need not be.
        """
        facts = asdict(self)
        for field in ("moment", "findings"):
            del facts[field]
        text = json.dumps(facts, ensure_ascii=True, sort_keys=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @property
    def moment_text(self) -> str:
        """The moment as a DT value, with its offset from UTC (PS3.5, 6.2)."""
        return self.moment.strftime("%Y%m%d%H%M%S%z")

    @property
    def replacing(self) -> tuple[Attribute, ...]:
        """`values` and what hangs on the moment, by tag."""
        coerced = Attribute(INSTANCE_COERCION_DATETIME, "DT", self.moment_text)
        return tuple(sorted((*self.values, coerced), key=lambda one: one.tag))

    @property
    def contribution(self) -> tuple[Attribute, ...]:
        """`equipment` with the moment."""
        return (*self.equipment, Attribute(CONTRIBUTION_DATETIME, "DT", self.moment_text))

    @property
    def tags(self) -> frozenset[int]:
        """Every top-level attribute that may differ in the copy, its character set excepted."""
        return frozenset(
            {
                *(attribute.tag for attribute in self.replacing),
                *self.removed,
                PATIENT_ID,
                ISSUER_OF_PATIENT_ID,
                OTHER_PATIENT_IDS,
                OTHER_PATIENT_IDS_SEQUENCE,
                CONTRIBUTING_EQUIPMENT_SEQUENCE,
                ORIGINAL_ATTRIBUTES_SEQUENCE,
            }
        )
