"""The updated File-set: records and files that stay, then those that come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mediastation.catalog.durable import disk_trouble_told
from mediastation.dicom.charset import decode_text
from mediastation.dicom.values import first_value
from mediastation.errors import RefusedError
from mediastation.fileset.dicomdir import FileSetBuilder, Person
from mediastation.fileset.kept import ExistingFileSet, KeptRecord
from mediastation.model.entry import Entry
from mediastation.model.finding import error
from mediastation.model.identity import PatientIdentity, PersonCluster, recorded_patient_id
from mediastation.model.instance import Element
from mediastation.model.manifest import DIGEST_LIST_NAME
from mediastation.pages.index import INDEX_NAME
from mediastation.pages.readme import README_NAME
from mediastation.reading.dicomdir import Dicomdir, RawElement
from mediastation.reading.elements import text_value
from mediastation.station.exporting.contents import read_contents
from mediastation.station.exporting.file_set import (
    Volume,
    iter_placed,
    place_entries,
    require_placed,
    siblings_of,
)
from mediastation.station.exporting.pages import (
    add_digest_list,
    add_index,
    add_own_file,
    add_readme,
)
from mediastation.station.exporting.partition import VolumePlan
from mediastation.station.exporting.work import Work
from mediastation.station.updating.plan import require_own_reference
from mediastation.station.updating.set_member import FormerSet
from mediastation.station.updating.source import DIRECTORY_NAME, OWN_PAGES, UpdateSource

_CHARACTER_SET = 0x00080005
_PATIENT_ID = 0x00100020
_STUDY_UID = 0x0020000D
_WRITTEN_ANEW = frozenset({0x00040000, 0x00041400, 0x00041410, 0x00041420})
"""Offsets and flag of a record; the length of its first group (retired) would only repeat them."""


@dataclass(slots=True)
class KeptPeople:
    """Whose the PATIENT records are that stay.

    Parameters
    ----------
    identities : dict of int to set of PatientIdentity
        For each PATIENT record, by index, who the objects below it say they are.
    """

    identities: dict[int, set[PatientIdentity]] = field(default_factory=dict)
    _patient_ids: dict[int, str] = field(default_factory=dict)
    _of_study: dict[str, int] = field(default_factory=dict)
    _of_place: dict[int, list[int]] = field(default_factory=dict)

    def match(self, people: list[tuple[PersonCluster, list[int]]]) -> None:
        """Find out which records belong to whom."""
        owner = {
            variant: place
            for place, (person, _) in enumerate(people)
            for variant, _ in person.variants
        }
        for record, identities in sorted(self.identities.items()):
            for place in sorted({owner[one] for one in identities if one in owner}):
                self._of_place.setdefault(place, []).append(record)

    def keep_patient(self, record: int, values: dict[int, bytes]) -> None:
        """Remember the Patient ID of a PATIENT record."""
        charset = values.get(_CHARACTER_SET)
        element = Element("LO", values.get(_PATIENT_ID, b""))
        decoded = decode_text(element, Element("CS", charset) if charset else None)
        self._patient_ids[record] = recorded_patient_id(decoded)

    def keep_study(self, study: str, patient: int) -> None:
        """Remember which PATIENT record a study lies under."""
        self._of_study[study] = patient

    def person_of(self, person: Person, entry: Entry) -> Person:
        """Return `person` with the Patient ID of the record that `entry` belongs under, if any."""
        records = self._of_place.get(int(person.key), [])
        if not records:
            return person
        own = recorded_patient_id(person.patient_id)
        chosen = self._of_study.get(first_value(entry.header, _STUDY_UID), -1)
        if chosen not in records:
            same = [record for record in records if self._patient_ids.get(record) == own]
            chosen = (same or records)[0]
        patient_id = self._patient_ids.get(chosen, own)
        return replace(person, key=f"{person.key} {patient_id}", patient_id=patient_id)


def build_updated(
    work: Work, source: UpdateSource, people: KeptPeople, plan: VolumePlan, former: FormerSet
) -> Volume:
    """Write the updated DICOMDIR into the job's folder and plan every file.

    File-set UID and File-set ID stay, and so does every record that is not
    taken out, byte for byte but for its offsets.

    Raises
    ------
    RefusedError
        If a record cannot be taken over, or an instance cannot be placed in
        the directory.
    MediaError
        If the disk of the home fails.
    """
    station, job = work.station, work.job
    folder, directory = plan.folder, source.directory
    volume = Volume(
        plan,
        directory.file_set_id,
        directory.file_set_uid,
        inherited=source.inherited,
        made_from=source.directory_sha256,
    )
    total = source.staying.instances + plan.instances
    with job.step("file-set", total, "instances") as step:
        with disk_trouble_told(folder), (folder / DIRECTORY_NAME).open("w+b") as output:
            names = {file.path for file in source.files}
            builder = FileSetBuilder(
                output,
                file_set_uid=volume.file_set_uid,
                file_set_id=volume.file_set_id,
                moment=station.clock.moment(),
                additional_keys=work.profile.record_keys,
                existing=ExistingFileSet(_head_of(directory), names | {DIRECTORY_NAME, *OWN_PAGES}),
            )
            for record in _staying(source, people):
                builder.keep(record)
            for file in source.files:
                uid = directory.records[file.record].sop_instance_uid if file.record >= 0 else ""
                volume.add(file.path, file.source, file.size_bytes, file.sha256, uid)
            entries = (
                (people.person_of(person, entry) if person else None, rows, entry, copy)
                for person, rows, entry, copy in iter_placed(work, plan)
            )
            refused = place_entries(
                work, builder, volume, entries, siblings_of(work),
                lambda placed, _: step.report(source.staying.instances + placed, total),
            )  # fmt: skip
            summary = builder.close()
        volume.instances = summary.instances
        dated_today = source.undated_studies | summary.undated_studies
        job.found((*refused, *summary.findings))
        coming = volume.instances - source.staying.instances
        step.summary = f"{source.staying.instances:,} instances stay, {coming:,} come"
    require_placed(work, volume, refused)
    if not volume.instances:
        raise RefusedError("Nothing was written: the File-set would hold no instance any more.")
    add_own_file(volume, DIRECTORY_NAME, volume.file_set_uid)
    held = read_contents(folder / DIRECTORY_NAME).without_sizes()
    volume.undated_studies = dated_today & held.study_uids
    held = held.without_dates(volume.undated_studies)
    volume.contents, volume.siblings = held, former.siblings(held)
    volume.also_on = former.also_on(held)
    if README_NAME in source.pages:
        add_readme(work, volume, volume.siblings, index=INDEX_NAME in source.pages)
    if INDEX_NAME in source.pages:
        add_index(work, volume, held, volume.siblings)
    if DIGEST_LIST_NAME in source.pages:
        add_digest_list(volume)
    return volume


def folders_beside(source: UpdateSource) -> tuple[str, ...]:
    """Return the folders in the root that hold nothing of the File-set."""
    tops = {
        is_dicom: {
            file.path.partition("/")[0]
            for file in source.files
            if "/" in file.path and (file.record >= 0) is is_dicom
        }
        for is_dicom in (True, False)
    }
    return tuple(sorted(tops[False] - tops[True]))


def _head_of(directory: Dicomdir) -> dict[int, bytes]:
    try:
        elements = list(directory.raw_head())
    except ValueError as fault:
        raise _not_taken_over(str(fault)) from fault
    head = {element.tag: element.encoded for element in elements}
    if len(head) != len(elements):
        raise _not_taken_over("an element stands twice beside its records")
    head.pop(0x00040000, None)
    return head


def _staying(source: UpdateSource, people: KeptPeople) -> Iterator[KeptRecord]:
    """Yield the records that stay, in the order of the tree, as the builder takes them."""
    directory = source.directory
    for index in directory.tree.order:
        if not source.staying.stays[index]:
            continue
        record = directory.records[index]
        try:
            elements = list(directory.raw_elements(record))
        except ValueError as fault:
            raise _not_taken_over(str(fault)) from fault
        for element in elements:
            require_own_reference(record, element.tag)
        values = _plain_values(elements)
        if record.type == "PATIENT":
            people.keep_patient(index, values)
        elif record.type == "STUDY":
            study = text_value(values.get(_STUDY_UID, b""))
            people.keep_study(study, directory.tree.parents[index])
        yield KeptRecord(
            directory.tree.levels[index],
            record.type,
            b"".join(one.encoded for one in elements if one.tag not in _WRITTEN_ANEW),
            values,
            record.sop_instance_uid,
        )


def _plain_values(elements: list[RawElement]) -> dict[int, bytes]:
    return {
        element.tag: element.value
        for element in elements
        if element.vr != "SQ" and element.tag >> 16 != 4
    }


def _not_taken_over(reason: str) -> RefusedError:
    finding = error(
        "record-size",
        DIRECTORY_NAME,
        f"Its records cannot be taken over: {reason}.",
        "Import the medium, then export it anew.",
        "PS3.3 F.3.2.2",
    )
    return RefusedError(f"Nothing was written. {finding.message}", [finding], finding.hint)
