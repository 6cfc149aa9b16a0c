"""One directory of a medium, read and recovered, with what its upper records say."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import NamedTuple

from mediastation.conformance.identity import patient_identity
from mediastation.errors import MediaError
from mediastation.importing.directory_files import DirectoryFile
from mediastation.importing.tree_count import TreeCount
from mediastation.model.finding import Severity, error, note
from mediastation.model.identity import PatientIdentity
from mediastation.model.instance import Element, InstanceHeader
from mediastation.reading.contract import Volume
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.directory_record import DirectoryRecord
from mediastation.reading.elements import text_value
from mediastation.reading.findings import FindingLog, until_given_up
from mediastation.reading.record_placing import GUESSED
from mediastation.reading.record_recovery import (
    SERIES_UID,
    STUDY_UID,
    RecoveredDirectory,
    recover_directory,
)
from mediastation.reading.record_rules import check_records, escapes
from mediastation.reading.record_tree import NO_PARENT, SUBJECT

_IDENTITY_VRS = {
    0x00080005: "CS",
    0x00100010: "PN",
    0x00100020: "LO",
    0x00100021: "LO",
    0x00100030: "DA",
    0x00100040: "CS",
}
_RECOVERED = frozenset(
    {
        "truncated-directory",
        "malformed-record",
        "offset-no-record",
        "offset-shift",
        "record-loop",
        "two-parents",
        "too-deep",
        "orphan-record",
        "last-root-offset",
        "transfer-syntax",
        "no-preamble",
        "record-place",
        "unknown-record",
        "retired-record",
        "not-dicom",
        "no-directory",
    }
)
"""Faults that the recovery has told of as repairs, by names of its own, or that are none."""

_TOLD_OF_FILES = frozenset({"escaping-file-id", "referenced-twice"})
"""What is told when the records are followed to their files."""

_LOOKED_FOR = 16
_LEVELS = ("PATIENT", "STUDY", "SERIES")


class Place(NamedTuple):
    """The records above one record, -1 where there is none, and what they say.

    `sure` is false if the place of the record, or of one above it, was guessed.
    """

    patient_record: int = -1
    patient: PatientIdentity | None = None
    study_uid: str = ""
    series_uid: str = ""
    sure: bool = True


@dataclass(slots=True)
class ReadDirectory:
    """A directory as it was read and as it was recovered, and where it lies.

    `patients` and `uids` are what PATIENT records say, and STUDY and SERIES
    records, by their index.
    """

    file: DirectoryFile
    stated: Dicomdir
    recovered: RecoveredDirectory
    patients: dict[int, PatientIdentity] = field(default_factory=dict)
    uids: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, file: DirectoryFile, directory: Dicomdir) -> ReadDirectory:
        """Recover `directory` and read what its upper records say; its source must be open."""
        found = cls(file, directory, recover_directory(directory))
        for index, record in enumerate(found.records):
            record_type = found.recovered.types[index]
            if record_type in _LEVELS:
                found._read(index, record, record_type)
        return found

    @property
    def directory(self) -> Dicomdir:
        """The directory with every record that was found."""
        return self.recovered.directory

    @property
    def records(self) -> list[DirectoryRecord]:
        """All records."""
        return self.directory.records

    @property
    def folders(self) -> list[str]:
        """The folder of the File-set, component by component."""
        return self.file.folder.split("/") if self.file.folder else []

    def place_of(self, index: int, parents: Sequence[int] | None = None) -> Place:
        """Return whose the instance of a record is, by the records above it.

        Parameters
        ----------
        parents : sequence of int, optional
            Those of another tree than the recovered one.
        """
        tree = self.recovered.tree.parents if parents is None else parents
        patient_record, study, series = -1, "", ""
        sure = self.recovered.guessed[index] != GUESSED
        while index >= 0:
            record_type = self.recovered.types[index]
            if record_type == "PATIENT" and patient_record < 0:
                patient_record = index
            elif record_type == "STUDY":
                study = study or self.uids.get(index, "")
            elif record_type == "SERIES":
                series = series or self.uids.get(index, "")
            index = tree[index]
        return Place(patient_record, self.patients.get(patient_record), study, series, sure)

    def count_as_stated(self, count: TreeCount) -> None:
        """Count what readers see who go by the directory's own lengths and offsets."""
        stated = self.stated
        if stated.records is self.records:
            order, parents = stated.tree.order, stated.tree.parents
        else:
            # Records that only the recovery found are not seen, and have moved the others.
            number = {record.offset: index for index, record in enumerate(self.records)}
            places = [number.get(record.offset, -1) for record in stated.records]
            order = array("l", (places[index] for index in stated.tree.order))
            parents = array("l", [NO_PARENT]) * len(self.records)
            for index in stated.tree.order:
                above = stated.tree.parents[index]
                if places[index] >= 0:
                    parents[places[index]] = places[above] if above >= 0 else NO_PARENT
        for index in order:
            if index < 0:
                continue
            place = self.place_of(index, parents)
            is_leaf = bool(self.records[index].file_id)
            is_leaf = is_leaf and self.recovered.types[index] not in _LEVELS
            count.add(place.patient, place.study_uid, place.series_uid, int(is_leaf))

    def _read(self, index: int, record: DirectoryRecord, record_type: str) -> None:
        keys = self.directory.keys(record)
        if record_type == "PATIENT":
            elements = {
                tag: Element(vr, keys[tag].value)
                for tag, vr in _IDENTITY_VRS.items()
                if tag in keys
            }
            self.patients[index] = patient_identity(InstanceHeader("", "", "", elements))
            return
        key = keys.get(STUDY_UID if record_type == "STUDY" else SERIES_UID)
        self.uids[index] = text_value(key.value)[:128] if key else ""


def open_directories(
    volume: Volume, file_sets: Sequence[Sequence[DirectoryFile]], stack: ExitStack, log: FindingLog
) -> Iterator[ReadDirectory]:
    """Read the directory of each File-set; of several candidates the first that has records.

    Faults of the directory are told as warnings: the files are what counts, and
    they are scanned. `stack` keeps the sources open.
    """
    earlier: dict[str, tuple[DirectoryFile, int]] = {}
    for candidates in file_sets:
        best: tuple[DirectoryFile, Dicomdir] | None = None
        for candidate in candidates:
            directory = _read(volume, candidate, stack, log)
            if directory is None:
                continue
            if best is None or directory.records:
                best = candidate, directory
            if directory.records:
                break
        if best is None:
            continue
        file, directory = best
        uid, count = directory.file_set_uid, len(directory.records)
        known = earlier.setdefault(uid, (file, count))
        repeats = uid and known[0] is not file and known[1] == count
        if repeats and not _has_files(volume, file, directory):
            log.add(
                note(
                    "directory-copy",
                    file.path,
                    f"a copy of {known[0].path}, without files of its own; it is not used",
                    "",
                    "PS3.10 8.6",
                )
            )
            continue
        try:
            found = ReadDirectory.of(file, directory)
            _tell_faults(found, log)
        except (OSError, MediaError) as fault:
            _tell_unreadable(file, fault, log)
            continue
        yield found


def _has_files(volume: Volume, file: DirectoryFile, directory: Dicomdir) -> bool:
    """Tell whether one of the first files that it lists lies in its own folder."""
    folders = file.folder.split("/") if file.folder else []
    listed = (record for record in directory.records if record.file_id and not escapes(record))
    return any(volume.find([*folders, *record.file_id]) for record in islice(listed, _LOOKED_FOR))


def _read(
    volume: Volume, candidate: DirectoryFile, stack: ExitStack, log: FindingLog
) -> Dicomdir | None:
    try:
        source = volume.open(candidate.path)
        stack.callback(source.close)
        return read_dicomdir(source)
    except (OSError, MediaError) as fault:
        _tell_unreadable(candidate, fault, log)
    return None


def _tell_faults(read: ReadDirectory, log: FindingLog) -> None:
    """Tell what is wrong with the directory in itself; what no repair names yet is one."""
    repairs = read.recovered.log
    placed = replace(read.directory, tree=read.recovered.tree)
    for finding in until_given_up(chain(placed.findings, check_records(placed)), SUBJECT):
        if finding.rule in _TOLD_OF_FILES:
            continue
        subject = finding.subject if finding.subject != SUBJECT else read.file.path
        mild = Severity.WARNING if finding.severity is Severity.ERROR else finding.severity
        log.add(replace(finding, subject=subject, severity=mild, hint=""))
        if finding.severity is not Severity.NOTE and finding.rule not in _RECOVERED:
            repairs.add(finding.rule, subject, finding.message, "written as the standard asks")


def _tell_unreadable(file: DirectoryFile, fault: Exception, log: FindingLog) -> None:
    why = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
    log.add(
        error(
            "directory-unreadable",
            file.path,
            f"the directory cannot be read: {why}",
            "the files were looked for by themselves; clean the medium and try again",
        )
    )
