"""What lies on one volume, as its DICOMDIR has it: read once, for pages, planning and ledger."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

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
    sop_classes: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Patient:
    name: str
    patient_id: str
    birth_date: str
    sex: str
    studies: list[_Study] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RecordSizes:
    """Bytes of a DICOMDIR: of what is no record, and of the largest record of each level.

    `leaves` are by SOP Instance UID.
    """

    head: int = 0
    patient: int = 0
    study: int = 0
    series: int = 0
    leaf: int = 0
    leaves: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def largest(cls, several: Iterable[RecordSizes]) -> RecordSizes:
        """Return what holds for every directory of one set."""
        all_of = list(several)
        return cls(
            max((one.head for one in all_of), default=0),
            max((one.patient for one in all_of), default=0),
            max((one.study for one in all_of), default=0),
            max((one.series for one in all_of), default=0),
            max((one.leaf for one in all_of), default=0),
            {uid: size for one in all_of for uid, size in one.leaves.items()},
        )


@dataclass(frozen=True, slots=True)
class Contents:
    """Who and what is on one volume.

    Parameters
    ----------
    without_patient : int
        Instances that belong to no patient.
    sizes : RecordSizes
        Of the directory's records; empty where nobody will plan with them.
    """

    _patients: tuple[_Patient, ...] = ()
    without_patient: int = 0
    sizes: RecordSizes = RecordSizes()
    _studies: tuple[_Study, ...] = ()

    def without_sizes(self) -> Contents:
        """Return the same without `sizes`, which take room for every instance."""
        return replace(self, sizes=RecordSizes())

    def people(self) -> Iterator[tuple[str, str, str]]:
        """Yield Patient ID, name and birth date of every PATIENT record."""
        for one in self._patients:
            yield one.patient_id, one.name, one.birth_date

    def counted_studies(self) -> Iterator[tuple[str, str, str, dict[str, int]]]:
        """Yield UID, description, Accession Number, and instances by SOP Class, of every study.

        Also of those that a foreign directory has under no patient.
        """
        for one in self._studies:
            yield one.uid, one.description, one.accession, dict(sorted(one.sop_classes.items()))

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
        return contents_of(stream)


def contents_of(stream: BinaryIO) -> Contents:
    """Read the contents of a File-set from a DICOMDIR, whoever wrote it."""
    directory = read_dicomdir(stream)
    patients: dict[int, _Patient] = {}
    studies: dict[int, _Study] = {}
    series: dict[int, _Series] = {}
    every_study: list[_Study] = []
    without_patient = 0
    tree = directory.tree
    for index in tree.order:
        record, parent = directory.records[index], tree.parents[index]
        match record.type:
            case "PATIENT":
                text = _RecordText(directory.keys(record))
                patients[index] = _Patient(
                    text.of(_NAME), text.of(_PATIENT_ID), text.of(_BIRTH_DATE), text.of(_SEX)
                )
            case "STUDY":
                text = _RecordText(directory.keys(record))
                study = _Study(
                    text.of(_STUDY_UID),
                    text.of(_STUDY_DATE),
                    text.of(_STUDY_DESCRIPTION),
                    text.of(_ACCESSION),
                )
                every_study.append(study)
                if parent in patients:
                    studies[index] = study
                    patients[parent].studies.append(study)
            case "SERIES" if parent in studies:
                text = _RecordText(directory.keys(record))
                series[index] = _Series(
                    text.of(_MODALITY), text.of(_SERIES_NUMBER), text.of(_SERIES_DESCRIPTION)
                )
                studies[parent].series.append(series[index])
            case _:
                if tree.levels[index] > 1 and every_study and record.sop_class_uid:
                    every_study[-1].sop_classes[record.sop_class_uid] += 1
                if parent in series:
                    series[parent].instances += 1
                elif parent == NO_PARENT and record.file_id:
                    without_patient += 1
    size_bytes = stream.seek(0, os.SEEK_END)
    return Contents(
        tuple(patients.values()),
        without_patient,
        _sizes_of(directory, size_bytes),
        tuple(every_study),
    )


def _sizes_of(directory: Dicomdir, size_bytes: int) -> RecordSizes:
    largest = dict.fromkeys((*_LEVELS, ""), 0)
    leaves: dict[str, int] = {}
    head = size_bytes
    for record in directory.records:
        size = record.end - record.offset
        head -= size
        level = record.type if record.type in _LEVELS else ""
        largest[level] = max(largest[level], size)
        if not level:
            leaves[record.sop_instance_uid] = size
    return RecordSizes(
        head, largest["PATIENT"], largest["STUDY"], largest["SERIES"], largest[""], leaves
    )


class _RecordText:
    """The text of one record's keys."""

    def __init__(self, keys: Mapping[int, Key]) -> None:
        self._keys = keys
        charset = keys.get(_CHARACTER_SET)
        self._charset = Element("CS", charset.value) if charset else None

    def of(self, tag: int) -> str:
        """Return the text of an element; empty where there is none."""
        key = self._keys.get(tag)
        return decode_text(Element(key.vr, key.value), self._charset).strip(" \0") if key else ""
