"""Hold the DICOMDIR and the files of a medium against each other, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mediastation.model.finding import Finding, error, warning
from mediastation.reading.contract import Volume
from mediastation.reading.dicomdir import Dicomdir
from mediastation.reading.elements import text_value
from mediastation.reading.file_meta import (
    PATIENT_ID,
    SERIES_UID,
    SOP_CLASS,
    SOP_INSTANCE,
    STUDY_UID,
    FileFront,
)
from mediastation.reading.findings import FindingLog
from mediastation.reading.record_rules import escapes
from mediastation.reading.record_tree import UNREACHED
from mediastation.verify.bad_sectors import InstancePlace

_IDENTITY_OF = {
    "PATIENT": (PATIENT_ID, "Patient ID"),
    "STUDY": (STUDY_UID, "Study Instance UID"),
    "SERIES": (SERIES_UID, "Series Instance UID"),
}


class _Value(NamedTuple):
    tag: int
    name: str
    raw: bytes


class Links:
    """The references of one DICOMDIR to the files of its medium.

    Every reference is looked up when this is made, and what a lookup had to
    forgive goes to the log; `check_file` then takes each DICOM file as it was
    read. `confirmed_ids` are groups of Patient IDs, each of one person.
    """

    def __init__(
        self,
        directory: Dicomdir,
        volume: Volume,
        log: FindingLog,
        confirmed_ids: Iterable[Iterable[str]] = (),
    ) -> None:
        self._confirmed = [frozenset(map(fold_identifier, ids)) for ids in confirmed_ids]
        self._directory = directory
        self._log = log
        self._record_of: dict[str, int] = {}
        self._identity: dict[int, _Value] = {}
        for index, record in enumerate(directory.records):
            if record.type in _IDENTITY_OF:
                tag, name = _IDENTITY_OF[record.type]
                key = directory.keys(record).get(tag)
                if key is not None:
                    self._identity[index] = _Value(tag, name, key.value)
        self._missing = list(self._unresolved(volume))

    def _unresolved(self, volume: Volume) -> Iterator[int]:
        for index, record in enumerate(self._directory.records):
            # A record out of reach references nothing: its file is unreferenced.
            if (
                not record.file_id
                or self._directory.tree.parents[index] == UNREACHED
                or escapes(record)
            ):
                continue
            found = volume.find(record.file_id)
            if found is None:
                yield index
                continue
            if found.tolerated:
                self._log.add(
                    warning(
                        "name-differs",
                        found.file.path,
                        f"the record spells it {record.path} ({', '.join(found.tolerated)})",
                        "readers that compare names exactly will not find it",
                        "PS3.10 8.2",
                    )
                )
            self._record_of.setdefault(found.file.path, index)

    def check_missing(self) -> Iterator[Finding]:
        """Yield a finding for each reference that leads to no file."""
        for index in self._missing:
            record = self._directory.records[index]
            yield error(
                "missing-file",
                record.label,
                f"the {record.type} record at byte {record.offset} references a file "
                "that is not on the medium",
                "the medium is incomplete: do not hand it out, do not trust it as a whole study",
                "PS3.3 F.2.1",
            )

    def is_referenced(self, path: str) -> bool:
        """Tell whether a record leads to the file at `path`."""
        return path in self._record_of

    def place_of(self, path: str) -> InstancePlace:
        """Return whose instance the file at `path` is, by the records that lead to it."""
        at = self._record_of.get(path, -1)
        if at < 0:
            return InstancePlace()
        uid = self._directory.records[at].sop_instance_uid
        found: dict[int, str] = {}
        while at >= 0:
            if (value := self._identity.get(at)) is not None:
                found[value.tag] = text_value(value.raw)
            at = self._directory.tree.parents[at]
        return InstancePlace(
            uid, found.get(SERIES_UID, ""), found.get(STUDY_UID, ""), found.get(PATIENT_ID, "")
        )

    def check_file(self, path: str, front: FileFront) -> Iterator[Finding]:
        """Check one file that is, or is said to be, a DICOM file."""
        index = self._record_of.get(path)
        meta = front.meta
        if index is None:
            yield error(
                "unreferenced",
                path,
                f"no record leads to this DICOM file (SOP Instance {meta.sop_instance_uid})",
                "readers that go by the DICOMDIR do not see it",
                "PS3.3 F.2.1",
            )
        elif not meta.has_prefix:
            yield error(
                "not-dicom",
                path,
                "is referenced and is no DICOM file",
                "the file is damaged or was replaced",
                "PS3.10 7.1",
            )
        else:
            yield from self._check_record(path, index, front)
        for fault in meta.faults:
            yield error("file-meta", path, fault, reference="PS3.10 Table 7.1-1")
        for tag, name, stated in (
            (SOP_CLASS, "SOP Class UID", meta.sop_class_uid),
            (SOP_INSTANCE, "SOP Instance UID", meta.sop_instance_uid),
        ):
            actual = text_value(front.identity.get(tag, b""))
            if actual and stated and actual != stated:
                yield error(
                    "meta-disagrees",
                    path,
                    f"{name} is {stated} in the file meta and {actual} in the data set",
                    "the data set is what the instance is",
                    "PS3.10 Table 7.1-1",
                )

    def _check_record(self, path: str, index: int, front: FileFront) -> Iterator[Finding]:
        record = self._directory.records[index]
        meta = front.meta
        where = f"the record at byte {record.offset}"
        if record.sop_instance_uid and record.sop_instance_uid != meta.sop_instance_uid:
            yield error(
                "wrong-link",
                path,
                f"{where} promises SOP Instance {record.sop_instance_uid}, "
                f"the file holds {meta.sop_instance_uid or 'none'}",
                "the directory shows one object under the name of another",
                "PS3.3 F.3.2.2",
            )
        for name, stated, actual in (
            ("SOP Class", record.sop_class_uid, meta.sop_class_uid),
            ("Transfer Syntax", record.transfer_syntax_uid, meta.transfer_syntax_uid),
        ):
            if stated and stated != actual:
                yield error(
                    "meta-disagrees",
                    path,
                    f"{where} says {name} {stated}, the file says {actual or 'none'}",
                    "the file is right; write the directory anew",
                    "PS3.3 F.3.2.2",
                )
        above = index
        while above >= 0:
            value = self._identity.get(above)
            above = self._directory.tree.parents[above]
            if value is None:
                continue
            raw = front.identity.get(value.tag, b"")
            stated, actual = text_value(value.raw), text_value(raw)
            if not stated or not actual or stated == actual or not _is_plain(raw + value.raw):
                continue
            if value.tag == PATIENT_ID and fold_identifier(stated) == fold_identifier(actual):
                yield warning(
                    "identity-spelling",
                    path,
                    f"{where} lies under {value.name} {stated}, the file writes it {actual}",
                    "make sure that both are the same person",
                    "PS3.3 F.5.1",
                )
            elif value.tag == PATIENT_ID and self._is_confirmed(stated, actual):
                yield warning(
                    "identity-confirmed",
                    path,
                    f"{where} lies under {value.name} {stated}, the file has {actual}: both were "
                    "confirmed to be one person",
                    "have the wrong identity corrected at its source",
                    "PS3.3 F.5.1",
                )
            else:
                yield error(
                    "wrong-branch",
                    path,
                    f"{where} lies under {value.name} {stated}, the file has {actual}",
                    "the directory shows the object under another patient, study or series",
                    "PS3.3 F.5",
                )

    def _is_confirmed(self, *patient_ids: str) -> bool:
        wanted = set(map(fold_identifier, patient_ids))
        return any(wanted <= ids for ids in self._confirmed)


def fold_identifier(text: str) -> str:
    """Return a Patient ID without letter case and doubled spaces, as people are told apart."""
    return " ".join(text.casefold().split())


def _is_plain(raw: bytes) -> bool:
    """Tell whether bytes mean the same in every character set."""
    return raw.isascii() and b"\x1b" not in raw
