"""What lies on one volume, as its own DICOMDIR has it: for the pages, and for planning."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mediastation.catalog.durable import disk_trouble_told
from mediastation.dicom.charset import decode_text
from mediastation.model.instance import Element
from mediastation.pages.facts import IndexPatient, IndexSeries, IndexStudy, SiblingDisc
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.directory_record import Key
from mediastation.reading.record_tree import NO_PARENT

_CHARACTER_SET = 0x00080005
_STUDY_DATE, _STUDY_DESCRIPTION, _ACCESSION = 0x00080020, 0x00081030, 0x00080050
_STUDY_UID = 0x0020000D
_MODALITY, _SERIES_NUMBER, _SERIES_DESCRIPTION = 0x00080060, 0x00200011, 0x0008103E
_NAME, _PATIENT_ID, _BIRTH_DATE, _SEX = 0x00100010, 0x00100020, 0x00100030, 0x00100040
_LEVELS = ("PATIENT", "STUDY", "SERIES")


@dataclass(slots=True)
class _Series:
    modality: str
    number: str
    description: str
    instances: int = 0


@dataclass(slots=True)
class _Study:
    uid: str
    date: str
    description: str
    accession: str
    series: list[_Series] = field(default_factory=list)


@dataclass(slots=True)
class _Patient:
    name: str
    patient_id: str
    birth_date: str
    sex: str
    studies: list[_Study] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Contents:
    """Who and what is on one volume.

    Parameters
    ----------
    without_patient : int
        Instances that belong to no patient.
    """

    _patients: tuple[_Patient, ...]
    without_patient: int

    @property
    def study_uids(self) -> frozenset[str]:
        """Study Instance UIDs of everything here."""
        return frozenset(study.uid for one in self._patients for study in one.studies)

    def without_dates(self, studies: Collection[str]) -> Contents:
        """Return the same without the dates of these: a page would tell them as facts."""
        return replace(
            self,
            _patients=tuple(
                replace(
                    one,
                    studies=[
                        replace(study, date="") if study.uid in studies else study
                        for study in one.studies
                    ],
                )
                for one in self._patients
            ),
        )

    def patients(
        self, also_on: Mapping[str, tuple[int, ...]] | None = None
    ) -> tuple[IndexPatient, ...]:
        """Return what INDEX.HTM lists; `also_on` has other volumes by Study Instance UID."""
        elsewhere = also_on or {}
        return tuple(
            IndexPatient(
                one.name,
                one.patient_id,
                one.birth_date,
                one.sex,
                tuple(
                    IndexStudy(
                        study.date,
                        study.description,
                        study.accession,
                        tuple(
                            IndexSeries(
                                series.modality, series.number, series.description, series.instances
                            )
                            for series in study.series
                        ),
                        elsewhere.get(study.uid, ()),
                    )
                    for study in one.studies
                ),
            )
            for one in self._patients
        )

    def studies(self, also_on: Mapping[str, tuple[int, ...]]) -> list[dict[str, Any]]:
        """Return the studies for programs; `also_on` as for `patients`."""
        return [
            {
                "patient_id": one.patient_id,
                "study_instance_uid": study.uid,
                "study_date": study.date,
                "study_description": study.description,
                "series": len(study.series),
                "instances": sum(series.instances for series in study.series),
                "also_on": list(also_on.get(study.uid, ())),
            }
            for one in self._patients
            for study in one.studies
        ]

    def as_sibling(self, number: int) -> SiblingDisc:
        """Return how other volumes of the set name this one."""
        studies = [study for one in self._patients for study in one.studies]
        dates = sorted(study.date for study in studies if study.date)
        series = [one for study in studies for one in study.series]
        return SiblingDisc(
            number,
            len(studies),
            len(series),
            sum(one.instances for one in series) + self.without_patient,
            dates[0] if dates else "",
            dates[-1] if dates else "",
        )


def read_contents(path: Path) -> Contents:
    """Read the contents of a File-set from its DICOMDIR at `path`, which is one of ours."""
    with disk_trouble_told(path.parent), path.open("rb") as stream:
        return _contents(read_dicomdir(stream))


def _contents(directory: Dicomdir) -> Contents:
    patients: dict[int, _Patient] = {}
    studies: dict[int, _Study] = {}
    series: dict[int, _Series] = {}
    without_patient = 0
    parents = directory.tree.parents
    for index in directory.tree.order:
        record, parent = directory.records[index], parents[index]
        match record.type:
            case "PATIENT":
                text = RecordText(directory.keys(record))
                patients[index] = _Patient(
                    text.of(_NAME), text.of(_PATIENT_ID), text.of(_BIRTH_DATE), text.of(_SEX)
                )
            case "STUDY" if parent in patients:
                text = RecordText(directory.keys(record))
                studies[index] = _Study(
                    text.of(_STUDY_UID),
                    text.of(_STUDY_DATE),
                    text.of(_STUDY_DESCRIPTION),
                    text.of(_ACCESSION),
                )
                patients[parent].studies.append(studies[index])
            case "SERIES" if parent in studies:
                text = RecordText(directory.keys(record))
                series[index] = _Series(
                    text.of(_MODALITY), text.of(_SERIES_NUMBER), text.of(_SERIES_DESCRIPTION)
                )
                studies[parent].series.append(series[index])
            case _ if parent in series:
                series[parent].instances += 1
            case _ if parent == NO_PARENT and record.file_id:
                without_patient += 1
    return Contents(tuple(patients.values()), without_patient)


class RecordText:
    """The text of one record's keys."""

    def __init__(self, keys: Mapping[int, Key]) -> None:
        self._keys = keys
        charset = keys.get(_CHARACTER_SET)
        self._charset = Element("CS", charset.value) if charset else None

    def of(self, tag: int) -> str:
        """Return the text of an element; empty where there is none."""
        key = self._keys.get(tag)
        return decode_text(Element(key.vr, key.value), self._charset).strip(" \0") if key else ""


@dataclass(frozen=True, slots=True)
class RecordSizes:
    """Bytes of a DICOMDIR: of what is no record, and of the largest record of each level.

    `leaves` are by SOP Instance UID.
    """

    head: int
    patient: int
    study: int
    series: int
    leaf: int
    leaves: Mapping[str, int]


def read_record_sizes(paths: Iterable[Path]) -> RecordSizes:
    """Measure the records of several directories of one set; the largest of them count."""
    head = 0
    largest = dict.fromkeys((*_LEVELS, ""), 0)
    leaves: dict[str, int] = {}
    for path in paths:
        with disk_trouble_told(path.parent), path.open("rb") as stream:
            records = read_dicomdir(stream).records
        rest = path.stat().st_size
        for record in records:
            size = record.end - record.offset
            rest -= size
            level = record.type if record.type in _LEVELS else ""
            largest[level] = max(largest[level], size)
            if not level:
                leaves[record.sop_instance_uid] = size
        head = max(head, rest)
    return RecordSizes(
        head, largest["PATIENT"], largest["STUDY"], largest["SERIES"], largest[""], leaves
    )
