"""Records of an existing directory that stay as they are, and what may come below them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from mediastation.dicom.character_terms import Terms, legal_terms
from mediastation.dicom.charset import decode_text
from mediastation.fileset.agreement import RecordAgreement
from mediastation.fileset.directory import DicomdirWriter, Entity
from mediastation.fileset.object_values import CHARACTER_SET
from mediastation.fileset.order import refused
from mediastation.fileset.records import encode_kept_record
from mediastation.model.identity import recorded_patient_id
from mediastation.model.instance import Element
from mediastation.model.record import Key

_PATIENT_ID: Final = 0x00100020
_STUDY_UID: Final = 0x0020000D
_SERIES_UID: Final = 0x0020000E
_NUMBERS: Final = {"SERIES": 0x00200011}
_INSTANCE_NUMBER: Final = 0x00200013
_STUDY_MOMENT: Final = 0x00080020, 0x00080030
_MOST_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """One record that is taken over byte for byte.

    Parameters
    ----------
    level : int
        0 in the root entity, one more below each record.
    record_type : str
        (0004,1430).
    elements : bytes
        Everything behind (0004,1420), encoded as Explicit VR Little Endian.
    values : mapping of int to bytes
        Value fields of its keys by tag, for comparing; sequences left out.
    sop_instance_uid : str
        (0004,1511), empty if it references no instance.
    """

    level: int
    record_type: str
    elements: bytes
    values: Mapping[int, bytes]
    sop_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class ExistingFileSet:
    """A File-set that is updated.

    Parameters
    ----------
    head : mapping of int to bytes
        The directory's top-level elements without the records, encoded.
    names : collection of str
        Paths of all files that stay, so that new ones get others.
    """

    head: Mapping[int, bytes]
    names: Collection[str]


@dataclass(slots=True)
class Level:
    """One open person, study or series: its record, and what lies below it."""

    entity: Entity
    subject: str
    agreement: RecordAgreement
    moment: tuple[bytes, bytes] = (b"", b"")


@dataclass(slots=True)
class KeptTree:
    """The records of the existing directory, as far as others may come below them."""

    _path: list[Entity] = field(default_factory=list)
    _patient: str = ""
    _study: str = ""
    _patients: dict[str, Level] = field(default_factory=dict)
    _studies: dict[str, tuple[str, Level]] = field(default_factory=dict)
    _series: dict[str, tuple[str, Level]] = field(default_factory=dict)

    def take(self, record: KeptRecord, directory: DicomdirWriter, keys: tuple[Key, ...]) -> None:
        """Append `record` behind those before it; `keys` are what objects are compared by."""
        if record.level > len(self._path):
            raise ValueError(f"a record of level {record.level} has none above it")
        directory.require_room(len(record.elements) + 64, record.sop_instance_uid)
        del self._path[record.level :]
        parent = self._path[-1] if self._path else directory.root
        number = _number(record.values.get(_NUMBERS.get(record.record_type, _INSTANCE_NUMBER)))
        entity = directory.append(
            parent, record.record_type, encode_kept_record(record.elements), number
        )
        self._path.append(entity)
        self._remember(record, entity, keys)

    def level(self, record_type: str, identity: str) -> Level | None:
        """Return what a PATIENT, STUDY or SERIES record of this identity left open."""
        match record_type:
            case "PATIENT":
                return self._patients.get(identity)
            case "STUDY":
                return self._studies[identity][1] if identity in self._studies else None
        return self._series[identity][1] if identity in self._series else None

    def require_place(self, patient_id: str, study: str, series: str, subject: str) -> None:
        """Refuse an instance whose study or series lies elsewhere in the existing tree."""
        if study in self._studies and self._studies[study][0] != patient_id:
            raise refused(
                "study-of-two",
                subject,
                f"The study {study} is in the File-set under another person.",
                "Find out whose it is before anything is written.",
                "PS3.3 F.5.2",
            )
        if series in self._series and self._series[series][0] != study:
            raise refused(
                "series-in-two",
                subject,
                f"The series {series} is in the File-set under another study.",
                "Find out where it belongs before anything is written.",
                "PS3.3 F.5.3",
            )

    def _remember(self, record: KeptRecord, entity: Entity, keys: tuple[Key, ...]) -> None:
        values = record.values
        charset = values.get(CHARACTER_SET, b"")
        terms = legal_terms(charset)[0] if charset else ()
        match record.record_type, record.level:
            case "PATIENT", 0:
                element = Element("LO", values.get(_PATIENT_ID, b""))
                decoded = decode_text(element, Element("CS", charset) if charset else None)
                self._patient = recorded_patient_id(decoded)
                self._patients[self._patient] = _level(entity, self._patient, keys, values, terms)
            case "STUDY", 1:
                self._study = _uid(values.get(_STUDY_UID, b""))
                level = _level(entity, self._study, keys, values, terms)
                date, time = (values.get(tag, b"").strip(b" \0") for tag in _STUDY_MOMENT)
                level.moment = date, time
                self._studies[self._study] = self._patient, level
            case "SERIES", 2:
                series = _uid(values.get(_SERIES_UID, b""))
                self._series[series] = self._study, _level(entity, series, keys, values, terms)


def _level(
    entity: Entity,
    subject: str,
    keys: tuple[Key, ...],
    values: Mapping[int, bytes],
    terms: Terms,
) -> Level:
    wanted = {key.tag: values[key.tag] for key in keys if key.tag in values}
    return Level(entity, subject, RecordAgreement(keys, wanted, terms))


def _uid(value: bytes) -> str:
    return value.strip(b" \0").decode("ascii", "replace")


def _number(value: bytes | None) -> int:
    text = (value or b"").strip(b" \0")
    return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else 0
