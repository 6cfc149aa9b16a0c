"""The File-set in the making: instances in the order of the tree become File IDs and records.

One pass. Nothing but counters and short digests of identifiers grows with the
number of instances, and no instance is opened.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain
from typing import BinaryIO, Final

from mediastation.fileset.agreement import RecordAgreement
from mediastation.fileset.contract import FileSetInstance, FileSetSummary, Person
from mediastation.fileset.directory import DicomdirWriter, Entity
from mediastation.fileset.file_ids import FileIdAssigner, TakenNames
from mediastation.fileset.findings import FindingLog
from mediastation.fileset.kept import ExistingFileSet, KeptRecord, KeptTree, Level
from mediastation.fileset.keys import ResolvedKeys
from mediastation.fileset.order import (
    TreeOrder,
    is_root_type,
    record_type_of,
    refused,
    require_uid,
)
from mediastation.fileset.record_resolver import (
    PATIENT_ID,
    SERIES_UID,
    STUDY_UID,
    RecordResolver,
    uid_of,
)
from mediastation.fileset.records import (
    Reference,
    encode_head,
    encode_kept_head,
    encode_record,
)
from mediastation.fileset.values import legal_value
from mediastation.model.file_id import FileId, require_file_id, require_file_set_id
from mediastation.model.finding import error, note, warning
from mediastation.model.identity import recorded_patient_id
from mediastation.model.instance import InstanceHeader
from mediastation.model.record import AdditionalKey
from mediastation.model.record_types import RECORD_TYPES

__all__ = ["FileSetBuilder", "FileSetInstance", "FileSetSummary", "Person"]

_GENERAL_CLASSES: Final = 0x0008001A
_STUDY_DATE: Final = 0x00080020
_STUDY_TIME: Final = 0x00080030
_INSTANCE_NUMBER: Final = 0x00200013
_SERIES_NUMBER: Final = 0x00200011
_LEVELS: Final = ("PATIENT", "STUDY", "SERIES")
_REFERENCE_BYTES: Final = 1024
"""More than the elements of group 0004 in one record can take, general classes aside."""


class FileSetBuilder:
    """Assigns File IDs and writes the DICOMDIR of one File-set.

    Parameters
    ----------
    output : BinaryIO
        Seekable, writable; written from its beginning and left open.
    file_set_uid : str
        Made anew for every File-set with other content.
    file_set_id : str
        Legal as `mediastation.model.file_id.check_file_set_id` says; may be
        empty.
    moment : datetime
        The last resort for dates that nothing tells.
    additional_keys : sequence of AdditionalKey
        What the Application Profile asks for.
    descriptor : FileId, optional
        A file for people that is not in DICOM format.
    descriptor_character_set : str
        That file's, if it leaves the default repertoire.
    existing : ExistingFileSet, optional
        A File-set that is updated, from which `keep` takes records over. Its
        head takes the place of the File-set ID and the descriptor.
    brought : collection of FileId
        Those that instances bring along, so that others get none of them. Each
        may be used once, and need not be.

    Raises
    ------
    RefusedError
        If an identifier is not legal.

    Notes
    -----
    A missing Instance or Series Number becomes one more than the highest of
    the siblings so far; a sibling that comes later may bear the same number,
    which the standard allows.
    """

    def __init__(
        self,
        output: BinaryIO,
        *,
        file_set_uid: str,
        file_set_id: str,
        moment: datetime,
        additional_keys: Sequence[AdditionalKey] = (),
        descriptor: FileId | None = None,
        descriptor_character_set: str = "",
        existing: ExistingFileSet | None = None,
        brought: Collection[FileId] = (),
    ) -> None:
        require_uid(file_set_uid, "File-set UID", file_set_uid)
        if descriptor is not None:
            require_file_id(descriptor)
        require_file_set_id(file_set_id)
        self._directory = DicomdirWriter(
            output,
            encode_kept_head(file_set_uid, existing.head)
            if existing
            else encode_head(file_set_uid, file_set_id, descriptor, descriptor_character_set),
        )
        self._file_set_uid = file_set_uid
        self._resolver = RecordResolver(additional_keys, moment)
        self._order = TreeOrder()
        self._brought = {require_file_id(file_id) for file_id in brought}
        names = chain(existing.names if existing else (), map("/".join, self._brought))
        self._file_ids = FileIdAssigner(TakenNames(names))
        self._kept = KeptTree()
        self._open: dict[str, Level] = {}
        self._instances = 0
        self._log = FindingLog()
        self._undated: set[str] = set()
        self._summary: FileSetSummary | None = None

    def keep(self, record: KeptRecord) -> None:
        """Take the next record of the existing directory over as it is, before any `add`.

        Records arrive as the tree has them, each before its children. What is
        added later goes below the record of its person, study or series, if
        there is one, and behind what lies there.
        """
        keys = (
            self._resolver.keys_of(record.record_type, "") if record.record_type in _LEVELS else ()
        )
        self._kept.take(record, self._directory, keys)
        if record.sop_instance_uid:
            self._order.enter_instance(record.sop_instance_uid)
            self._instances += 1

    def add(self, instance: FileSetInstance) -> FileId:
        """Write the records of the next instance and return its File ID.

        Instances arrive in the order of the tree: all of a person together,
        within these all of a study, within these all of a series. What has no
        patient may come anywhere.

        Raises
        ------
        RefusedError
            If the instance may not lie in this File-set, or lacks a Type 1 key
            that nobody can supply, with one finding. Nothing of it is written
            then, and others may follow.
        ValueError
            If it comes with an icon that its record cannot have, or with a File
            ID that was not told of or is used.
        MediaError
            If the output cannot be written; the builder is of no more use.
        """
        if self._summary is not None:
            raise ValueError("the File-set is closed")
        header = instance.header
        subject = header.sop_instance_uid
        require_uid(subject, "SOP Instance UID", subject)
        require_uid(header.sop_class_uid, "SOP Class UID", subject)
        require_uid(instance.transfer_syntax_uid, "Transfer Syntax UID", subject)
        record_type = record_type_of(header.sop_class_uid, subject)
        self._order.check_instance(subject)
        if is_root_type(record_type):
            return self._add_at_root(instance, record_type)
        return self._add_below_series(instance, record_type)

    def close(self) -> FileSetSummary:
        """Finish the DICOMDIR and say what came out; a second call says it again."""
        if self._summary is None:
            if not self._instances:
                self._log.add(
                    error(
                        "empty-file-set",
                        self._file_set_uid,
                        "The File-set holds no instance.",
                        "Choose what is to be written.",
                        "PS3.11 X.3.3",
                    )
                )
            self._summary = FileSetSummary(
                self._directory.close(),
                dict(sorted(self._directory.records.items())),
                self._instances,
                self._log.all(self._file_set_uid),
                frozenset(self._undated),
            )
        return self._summary

    def _add_at_root(self, instance: FileSetInstance, record_type: str) -> FileId:
        root = self._directory.root
        keys = self._resolver.resolve(record_type, instance, root.next_number())
        self._require_room(instance.header, keys)
        file_id = self._brought_along(instance) or self._file_ids.next_root_object()
        self._write_leaf(root, record_type, instance, keys, file_id)
        return file_id

    def _add_below_series(self, instance: FileSetInstance, record_type: str) -> FileId:
        header, person = instance.header, instance.person
        subject = header.sop_instance_uid
        if person is None:
            raise refused(
                "missing-identifier",
                subject,
                "The instance belongs to a patient, and nobody was named.",
                "Confirm whose it is.",
                "PS3.3 F.4",
            )
        study, series = uid_of(header, STUDY_UID), uid_of(header, SERIES_UID)
        require_uid(study, "Study Instance UID", subject)
        require_uid(series, "Series Instance UID", subject)
        patient_id = recorded_patient_id(person.patient_id)
        self._order.check_place(person.key, patient_id, study, series, subject)
        self._kept.require_place(patient_id, study, series, subject)
        self._go_on_below_kept(person, study, series)

        # Everything is resolved before anything is written, so that a refusal leaves no trace.
        subjects = {"PATIENT": subject, "STUDY": study, "SERIES": series}
        begun = self._order.begins(person.key, study, series)
        planned: list[tuple[str, ResolvedKeys]] = []
        moment = self._open["STUDY"].moment if "STUDY" not in begun else (b"", b"")
        number = 1
        for level in begun:
            number = 1 if planned else self._parent_of(level).next_number()
            keys = self._resolver.resolve(
                level, instance, number, study_number=self._directory.records["STUDY"] + 1
            )
            planned.append((level, keys))
            if level == "STUDY":
                moment = (keys.values[_STUDY_DATE], keys.values[_STUDY_TIME])
        number = 1 if planned else self._open["SERIES"].entity.next_number()
        keys = self._resolver.resolve(record_type, instance, number, study_moment=moment)
        self._require_room(header, keys, *(one for _, one in planned))
        for level in _LEVELS:
            if level not in begun:
                self._compare(self._open[level], header)
        for level, resolved in planned:
            self._begin(level, subjects[level], person, resolved, study, series)
        if "PATIENT" in begun and person.header is not None:
            self._compare(self._open["PATIENT"], header)
        self._open["STUDY"].moment = moment
        file_id = self._brought_along(instance) or self._file_ids.next_instance()
        self._write_leaf(self._open["SERIES"].entity, record_type, instance, keys, file_id)
        return file_id

    def _brought_along(self, instance: FileSetInstance) -> FileId:
        """Return the File ID that `instance` brings along, which is used up then."""
        if instance.file_id:
            try:
                self._brought.remove(instance.file_id)
            except KeyError as fault:
                raise ValueError(f"{instance.file_id} was not told of, or is used") from fault
        return instance.file_id

    def _require_room(self, header: InstanceHeader, *records: ResolvedKeys) -> None:
        general = header.elements.get(_GENERAL_CLASSES)
        size = sum(len(keys.encoded) + _REFERENCE_BYTES for keys in records)
        size += len(general.value) if general else 0
        self._directory.require_room(size, header.sop_instance_uid)

    def _parent_of(self, level: str) -> Entity:
        parent = RECORD_TYPES[level].parent
        return self._open[parent].entity if parent else self._directory.root

    def _begin(
        self,
        level: str,
        subject: str,
        person: Person,
        keys: ResolvedKeys,
        study: str,
        series: str,
    ) -> None:
        """Write the record of a person, study or series and open what lies below."""
        number = int(keys.values.get(_SERIES_NUMBER) or 0)
        below = self._directory.append(
            self._parent_of(level), level, encode_record(level, keys.encoded), number
        )
        self._enter(level, person, study, series)
        compared = self._resolver.keys_of(level, "")
        if level == "PATIENT" and person.supplied:
            # The objects have another one, or none: that was confirmed.
            compared = tuple(key for key in compared if key.tag != PATIENT_ID)
            keys.supplied.append(f"PatientID {person.patient_id[:64]!r}")
        self._open[level] = Level(
            below, subject, RecordAgreement(compared, keys.values, keys.terms)
        )
        if level == "STUDY" and _STUDY_DATE in keys.of_today:
            self._undated.add(study)
        self._log.add_record(level, RECORD_TYPES[level].section, subject, keys)

    def _enter(self, level: str, person: Person, study: str, series: str) -> None:
        """Remember that what follows lies below this person, study or series."""
        match level:
            case "PATIENT":
                self._order.enter_person(person.key, recorded_patient_id(person.patient_id))
                self._file_ids.begin_patient()
            case "STUDY":
                self._order.enter_study(study)
                self._file_ids.begin_study()
            case _:
                self._order.enter_series(series)
                self._file_ids.begin_series()

    def _go_on_below_kept(self, person: Person, study: str, series: str) -> None:
        """Open the records of the existing directory that the next instance belongs under."""
        identities = {
            "PATIENT": recorded_patient_id(person.patient_id),
            "STUDY": study,
            "SERIES": series,
        }
        for level in self._order.begins(person.key, study, series):
            kept = self._kept.level(level, identities[level])
            if kept is None:
                return
            self._enter(level, person, study, series)
            self._open[level] = kept

    def _compare(self, level: Level, header: InstanceHeader) -> None:
        for one in level.agreement.disagreements(header.elements):
            told = note if one.key.type == "3" or not one.recorded else warning
            self._log.add(
                told(
                    "record-disagrees",
                    level.subject,
                    f"{one.key.keyword} is {one.recorded!r} in the record of its first "
                    f"instance and {one.found!r} in {header.sop_instance_uid}.",
                    "See whether they belong together.",
                    "PS3.3 F.5",
                )
            )

    def _write_leaf(
        self,
        parent: Entity,
        record_type: str,
        instance: FileSetInstance,
        keys: ResolvedKeys,
        file_id: FileId,
    ) -> None:
        header = instance.header
        general = header.elements.get(_GENERAL_CLASSES)
        reference = Reference(
            file_id,
            header.sop_class_uid,
            header.sop_instance_uid,
            instance.transfer_syntax_uid,
            legal_value("UI", general.value, multiple=True)[0] if general else b"",
        )
        self._directory.append(
            parent,
            record_type,
            encode_record(record_type, keys.encoded, reference),
            int(keys.values.get(_INSTANCE_NUMBER) or 0),
        )
        self._order.enter_instance(header.sop_instance_uid)
        self._instances += 1
        self._log.add_record(
            record_type, RECORD_TYPES[record_type].section, header.sop_instance_uid, keys
        )
