"""The File-set of one volume: its DICOMDIR in the job's folder, and what lies where."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told
from mediastation.catalog.job_selection import iter_selection
from mediastation.errors import RefusedError
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, Person
from mediastation.fileset.siblings import SiblingKeys
from mediastation.media.contract import MediumWriter
from mediastation.media.level1 import MediumFile
from mediastation.model.entry import Entry, StoredFile
from mediastation.model.file_id import file_set_id_from, file_set_id_of_name
from mediastation.model.finding import Finding
from mediastation.model.icon import IconImage
from mediastation.model.manifest import ManifestFile
from mediastation.pages.facts import SiblingDisc
from mediastation.secure.sealing.files import SealTask
from mediastation.station.exporting.check import ROOT_CLASSES, require_all_there
from mediastation.station.exporting.contents import Contents
from mediastation.station.exporting.icons import icon_of
from mediastation.station.exporting.partition import VolumePlan, confirmed_header
from mediastation.station.exporting.work import Work
from mediastation.station.sealing.envelope_folder import SEALED
from mediastation.station.sealing.one_mail_sealer import OneMailSealer
from mediastation.station.sealing.plan import Sealing, neutral_file_set_id

DICOMDIR = "DICOMDIR"
NOT_YET = "0" * 64
"""In the place of an envelope's digest until it is made."""
_COLLECTION_ID = "COLLECTION"
_LONGEST_FILE_SET_ID = 16

Placed = tuple[Person | None, Collection[int], Entry, StoredFile]
"""Person, the catalog's rows of theirs, the entry, and the copy that goes out."""


@dataclass(slots=True)
class Volume:
    """A volume in the making: what will lie on it, and where that comes from.

    `inherited` and `made_from` are as in the manifest; `contents` are there
    once the directory is, with what the other volumes hold, and `undated_studies`
    are dated in it with the day of writing;
    `writer` is there once the medium was measured, with the `moment` that it writes.
    `to_seal` are the envelopes to be made, each by its place in `manifest_files`;
    `mail` seals the whole of it where it is an e-mail.
    """

    plan: VolumePlan
    file_set_id: str
    file_set_uid: str
    instances: int = 0
    inherited: bool = False
    made_from: str = ""
    writer: MediumWriter | None = None
    moment: datetime | None = None
    contents: Contents | None = None
    undated_studies: frozenset[str] = frozenset()
    also_on: dict[str, tuple[int, ...]] = field(default_factory=dict)
    siblings: tuple[SiblingDisc, ...] = ()
    files: list[MediumFile] = field(default_factory=list)
    manifest_files: list[ManifestFile] = field(default_factory=list)
    to_seal: dict[int, SealTask] = field(default_factory=dict)
    mail: OneMailSealer | None = None

    @property
    def folder(self) -> Path:
        """Where DICOMDIR, pages and manifest lie in the job's folder."""
        return self.plan.folder

    def add(self, path: str, source: Path, size_bytes: int, sha256: str, uid: str = "") -> None:
        """Put one file onto the volume."""
        self.files.append(MediumFile(path, source, size_bytes))
        self.manifest_files.append(ManifestFile(path, size_bytes, sha256, uid))

    def add_dicom(
        self,
        sealing: Sealing | None,
        path: str,
        source: Path,
        size_bytes: int,
        sha256: str,
        uid: str = "",
    ) -> None:
        """Put a DICOM file onto the volume, in an envelope where such is sealed.

        That is made when it is known what lies on which volume; until then it
        has a place and a size, and no digest.
        """
        if sealing is None or not sealing.seals_files:
            self.add(path, source, size_bytes, sha256, uid)
            return
        target = self.folder / SEALED / f"{len(self.to_seal):07d}"
        sealed_bytes = sealing.bytes_on_medium(size_bytes)
        self.to_seal[len(self.manifest_files)] = SealTask(source, size_bytes, sha256, target)
        self.files.append(MediumFile(path, target, sealed_bytes))
        self.manifest_files.append(ManifestFile(path, sealed_bytes, NOT_YET, uid, sha256))


def build_file_set(work: Work, plan: VolumePlan) -> Volume:
    """Write the DICOMDIR into the job's folder and plan every instance's file.

    Raises
    ------
    RefusedError
        If an instance cannot be placed in the directory.
    MediaError
        If the disk of the home fails.
    """
    station, job = work.station, work.job
    file_set_id = _file_set_id(work, plan)
    # The same instances on another medium, or under another profile, are another File-set.
    kind = [work.profile.name, work.target.medium.name, str(work.target.format)]
    if work.file_ids:
        kind.append(f"names of import {work.request.names_of}")
    uid = station.clock.uid(chain([file_set_id, *kind], _digests(work, plan)))
    volume = Volume(plan, file_set_id, uid)
    path = plan.folder / DICOMDIR
    with job.step(plan.step("file-set"), plan.instances, "instances") as step:
        with disk_trouble_told(plan.folder), path.open("w+b") as output:
            builder = FileSetBuilder(
                output,
                file_set_uid=volume.file_set_uid,
                file_set_id=file_set_id,
                moment=station.clock.moment(),
                additional_keys=work.profile.record_keys,
                brought=work.file_ids.values(),
            )
            refused = place_entries(
                work, builder, volume, iter_placed(work, plan), siblings_of(work), step.report
            )
            summary = builder.close()
        volume.instances = summary.instances
        volume.undated_studies = summary.undated_studies
        job.found((*refused, *summary.findings))
        step.summary = f"{summary.instances:,} instances, {sum(summary.records.values()):,} records"
    require_placed(work, volume, refused)
    return volume


def place_entries(
    work: Work,
    builder: FileSetBuilder,
    volume: Volume,
    entries: Iterable[Placed],
    siblings: SiblingKeys,
    progress: Callable[[int, int], None],
) -> list[Finding]:
    """Put entries into the directory and onto the volume; return why some could not be placed.

    There are as many `entries` as the volume's plan says, in the order of the tree.
    """
    station = work.station
    refused: list[Finding] = []
    total, placed, failed = volume.plan.instances, 0, 0
    for person, rows, entry, copy in entries:
        icon = icon_of(station, work.icons, entry)
        try:
            brought = work.file_ids.get(entry.header.sop_instance_uid, ())
            instance = _instance_of(entry, copy, person, rows, siblings, icon)
            file_id = builder.add(replace(instance, file_id=brought) if brought else instance)
        except RefusedError as fault:
            refused += list(fault.findings)
            failed += 1
            continue
        volume.add_dicom(
            work.sealing,
            "/".join(file_id),
            station.catalog.store.path(copy.sha256, copy.kind),
            copy.size_bytes,
            copy.sha256,
            entry.header.sop_instance_uid,
        )
        placed += 1
        progress(placed, total)
    require_all_there(placed + failed, total)
    return refused


def require_placed(work: Work, volume: Volume, refused: list[Finding]) -> None:
    """Raise `RefusedError` if instances could not be placed and dropping was not asked for."""
    work.checked.refused += len(refused)
    if refused and (not work.request.drop_refused or not volume.instances):
        raise RefusedError(
            f"Nothing was written: {len(refused):,} instances cannot be placed in the directory.",
            refused,
            "See the findings; --drop-refused writes the medium without them.",
        )


def iter_placed(work: Work, plan: VolumePlan) -> Iterator[Placed]:
    """Yield what goes onto the volume, person by person, each in the order of the tree."""
    station, job = work.station, work.job
    only = plan.number if plan.volumes > 1 else None
    for place, (cluster, rows) in enumerate(plan.people):
        person = Person(
            str(place),
            cluster.patient_id,
            supplied=cluster.is_supplied,
            header=confirmed_header(station, work.checked, cluster),
        )
        # Of one person it is the whole selection, which the catalog finds faster.
        of_person = rows if len(work.checked.people) > 1 else None
        for entry in iter_selection(
            station.catalog,
            job.id,
            volume=only,
            patients_of=of_person,
            except_classes=ROOT_CLASSES,
        ):
            if entry.patient in rows:
                yield person, rows, entry, work.copy_of(entry)
    for entry in iter_selection(station.catalog, job.id, volume=only, classes=ROOT_CLASSES):
        yield None, (), entry, work.copy_of(entry)


def siblings_of(work: Work) -> SiblingKeys:
    """Return what instances lend to each other's records: none that stays behind lends any."""
    checked = work.checked
    if checked.accepted == checked.instances:
        return checked.siblings
    siblings = SiblingKeys(work.profile.keys)
    for entry in iter_selection(work.station.catalog, work.job.id, except_classes=ROOT_CLASSES):
        siblings.take(entry.header, entry.patient)
    return siblings


def _instance_of(
    entry: Entry,
    copy: StoredFile,
    person: Person | None,
    rows: Collection[int],
    siblings: SiblingKeys,
    icon: IconImage | None,
) -> FileSetInstance:
    """Return `entry` as it is to lie in the File-set, held by the file of `copy`."""
    return FileSetInstance(
        header=entry.header,
        transfer_syntax_uid=copy.transfer_syntax_uid,
        person=person,
        record_defaults=siblings.of(entry.header, rows) if person else {},
        icon=icon,
    )


def _digests(work: Work, plan: VolumePlan) -> Iterator[str]:
    """Yield what names a File-set's content: the digests of its files, in tree order."""
    for _, _, _, copy in iter_placed(work, plan):
        yield copy.sha256


def _file_set_id(work: Work, plan: VolumePlan) -> str:
    """Return the File-set ID: the label's, else the one person's name or ID, and the number."""
    file_set_id = _common_file_set_id(work, plan)
    if plan.volumes == 1:
        return file_set_id
    number = f"_{plan.number}" if file_set_id else str(plan.number)
    return file_set_id[: _LONGEST_FILE_SET_ID - len(number)] + number


def _common_file_set_id(work: Work, plan: VolumePlan) -> str:
    if work.request.label:
        return file_set_id_from(work.request.label)
    if work.sealing is not None:
        # Discs and sticks are labelled with it in clear.
        return neutral_file_set_id(work.job.id)
    if len(plan.people) != 1:
        return _COLLECTION_ID
    identity = plan.people[0][0].identity
    names = [file_set_id_of_name(group) for group in identity.name.split("=")]
    return next(filter(None, names), "") or file_set_id_from(identity.patient_id)
