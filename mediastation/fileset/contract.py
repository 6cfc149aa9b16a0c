"""What goes into a File-set, and what came out, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mediastation.fileset.siblings import RecordDefaults
from mediastation.model.file_id import FileId
from mediastation.model.finding import Finding
from mediastation.model.icon import IconImage
from mediastation.model.instance import InstanceHeader


@dataclass(frozen=True, slots=True)
class Person:
    """The confirmed identity that goes into the PATIENT record.

    Parameters
    ----------
    key : str
        What groups the person's instances; unique per person.
    patient_id : str
        Never empty: the caller supplies one where the objects have none.
    supplied : bool
        Whether `patient_id` was supplied and is not the objects'.
    header : InstanceHeader, optional
        Of the object that writes the identity as it was confirmed: the record
        is made from it. By default that is the person's first object.
    """

    key: str
    patient_id: str
    supplied: bool = False
    header: InstanceHeader | None = None


@dataclass(frozen=True, slots=True)
class FileSetInstance:
    """One instance as it is to lie in the File-set.

    Parameters
    ----------
    header : InstanceHeader
        Of the original.
    transfer_syntax_uid : str
        Of the file as it lies on the medium.
    person : Person or None
        None for what belongs to no patient, such as hanging protocols.
    record_defaults : mapping of str to mapping of int to SiblingValue
        For PATIENT, STUDY and SERIES records: values of other instances below
        them, such as a Study Date, for keys that this object lacks; see
        `mediastation.fileset.siblings.SiblingKeys`.
    icon : IconImage or None
        For the instance's own record, which has to be of a type that may have
        one (PS3.3 F.7).
    file_id : FileId
        The one that it brings along, of those that the builder was told of;
        empty to get one.
    """

    header: InstanceHeader
    transfer_syntax_uid: str
    person: Person | None
    record_defaults: RecordDefaults = field(default_factory=dict)
    icon: IconImage | None = None
    file_id: FileId = ()


@dataclass(frozen=True, slots=True)
class FileSetSummary:
    """What came out.

    Parameters
    ----------
    size_bytes : int
        Of the DICOMDIR.
    records : mapping of str to int
        Number of records by type.
    instances : int
        Number of instances referenced.
    findings : tuple of Finding
        What was supplied, changed or found to disagree; many of one rule are
        summed up.
    undated_studies : frozenset of str
        Study Instance UIDs of records that bear the day of writing as Study
        Date, a Type 1 key: nothing tells when the study was.
    """

    size_bytes: int
    records: Mapping[str, int]
    instances: int
    findings: tuple[Finding, ...]
    undated_studies: frozenset[str] = frozenset()
