"""One volume: File-set, pages and digest list in the job's folder, then image and proof."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, write_text_durably
from mediastation.catalog.selection import iter_selection
from mediastation.errors import RefusedError
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, Person
from mediastation.fileset.siblings import SiblingKeys
from mediastation.media.contract import WrittenImage
from mediastation.media.iso9660 import MediumFile
from mediastation.model.entry import Entry, StoredFile
from mediastation.model.file_id import file_set_id_from
from mediastation.model.finding import Finding, error
from mediastation.model.icon import IconImage
from mediastation.model.manifest import (
    DIGEST_LIST_NAME,
    Manifest,
    ManifestFile,
    write_digest_list,
)
from mediastation.model.medium import Medium, Output
from mediastation.model.profile import ApplicationProfile
from mediastation.pages.readme import README_NAME, ReadmeFacts, render_readme
from mediastation.station.export_check import ROOT_CLASSES, CheckedSet, require_all_there
from mediastation.station.export_icons import IconPlan, icon_of
from mediastation.station.export_output import claimed_profile, open_writer, output_kind
from mediastation.station.export_partition import VolumePlan, confirmed_header
from mediastation.station.export_request import ExportRequest, VolumeResult
from mediastation.station.job import Job
from mediastation.station.station import Station
from mediastation.verify.verifier import verify_medium

MANIFEST_NAME = "manifest.json"
_DICOMDIR = "DICOMDIR"
_COLLECTION_ID = "COLLECTION"
_LONGEST_FILE_SET_ID = 16


@dataclass(slots=True)
class Volume:
    """A volume in the making: what will lie on it, and where that comes from.

    `inherited` and `made_from` are as in the manifest.
    """

    plan: VolumePlan
    file_set_id: str
    file_set_uid: str
    instances: int = 0
    inherited: bool = False
    made_from: str = ""
    files: list[MediumFile] = field(default_factory=list)
    manifest_files: list[ManifestFile] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where DICOMDIR, pages and manifest lie in the job's folder."""
        return self.plan.folder

    def add(self, path: str, source: Path, size_bytes: int, sha256: str, uid: str = "") -> None:
        """Put one file onto the volume."""
        self.files.append(MediumFile(path, source, size_bytes))
        self.manifest_files.append(ManifestFile(path, size_bytes, sha256, uid))


def build_file_set(
    station: Station,
    job: Job,
    request: ExportRequest,
    profile: ApplicationProfile,
    medium: Medium,
    checked: CheckedSet,
    plan: VolumePlan,
    copies: dict[int, StoredFile],
    icons: IconPlan | None = None,
) -> Volume:
    """Write DICOMDIR, README.TXT and digest list into the job's folder; plan every file.

    Raises
    ------
    RefusedError
        If an instance cannot be placed in the directory.
    MediaError
        If the disk of the home fails.
    """
    moment = station.clock.moment()
    folder = plan.folder
    file_set_id = _file_set_id(request, plan)
    digests = _digests(station, job, checked, plan, copies)
    volume = Volume(plan, file_set_id, station.clock.uid(chain([file_set_id], digests)))
    with job.step(plan.step("file-set"), plan.instances, "instances") as step:
        with disk_trouble_told(folder), (folder / _DICOMDIR).open("w+b") as output:
            builder = FileSetBuilder(
                output,
                file_set_uid=volume.file_set_uid,
                file_set_id=file_set_id,
                moment=moment,
                additional_keys=profile.record_keys,
            )
            entries = (
                (person, rows, entry, copies.get(entry.id, entry.file))
                for person, rows, entry in in_tree_order(station, job, checked, plan)
            )
            siblings = siblings_of(station, job, profile, checked)
            refused = place_entries(station, builder, volume, entries, siblings, icons, step.report)
            summary = builder.close()
        volume.instances = summary.instances
        job.found((*refused, *summary.findings))
        step.summary = f"{summary.instances:,} instances, {sum(summary.records.values()):,} records"
    require_placed(request, checked, volume, refused)
    add_own_file(volume, _DICOMDIR, volume.file_set_uid)
    add_readme(station, volume, claimed_profile(request, profile, medium))
    add_digest_list(volume)
    return volume


def place_entries(
    station: Station,
    builder: FileSetBuilder,
    volume: Volume,
    entries: Iterable[tuple[Person | None, Collection[int], Entry, StoredFile]],
    siblings: SiblingKeys,
    icons: IconPlan | None,
    progress: Callable[[int, int], None],
) -> list[Finding]:
    """Put entries into the directory and onto the volume; return why some could not be placed.

    `entries` are person, the catalog's rows of theirs, the entry, and the copy
    that goes out; as many as the volume's plan says, in the order of the tree.
    """
    refused: list[Finding] = []
    total, placed, failed = volume.plan.instances, 0, 0
    for person, rows, entry, copy in entries:
        icon = icon_of(station, icons, entry)
        try:
            file_id = builder.add(instance_of(entry, copy, person, rows, siblings, icon))
        except RefusedError as fault:
            refused += list(fault.findings)
            failed += 1
            continue
        volume.add(
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


def require_placed(
    request: ExportRequest, checked: CheckedSet, volume: Volume, refused: list[Finding]
) -> None:
    """Raise `RefusedError` if instances could not be placed and dropping was not asked for."""
    checked.refused += len(refused)
    if refused and (not request.drop_refused or not volume.instances):
        raise RefusedError(
            f"Nothing was written: {len(refused):,} instances cannot be placed in the directory.",
            refused,
            "See the findings; --drop-refused writes the medium without them.",
        )


def add_readme(station: Station, volume: Volume, profile: str) -> None:
    """Put README.TXT onto the volume."""
    facts = ReadmeFacts(
        created=station.clock.moment(),
        profile=profile,
        file_set_id=volume.file_set_id,
        file_set_uid=volume.file_set_uid,
        instances=volume.instances,
        institution=station.settings.institution,
        volume=volume.plan.number,
        volumes=volume.plan.volumes,
    )
    with disk_trouble_told(volume.folder):
        (volume.folder / README_NAME).write_bytes(render_readme(facts))
        add_own_file(volume, README_NAME)


def add_digest_list(volume: Volume) -> None:
    """Put the digests of everything that is on the volume so far onto it."""
    listed = write_digest_list(sorted(volume.manifest_files, key=lambda file: file.path))
    with disk_trouble_told(volume.folder):
        (volume.folder / DIGEST_LIST_NAME).write_text(listed, encoding="ascii")
        add_own_file(volume, DIGEST_LIST_NAME)


def write_volume(
    job: Job,
    station: Station,
    request: ExportRequest,
    profile: ApplicationProfile,
    medium: Medium,
    volume: Volume,
) -> VolumeResult:
    """Write the image beside its final name, reread it, and only then give it that name.

    Raises
    ------
    RefusedError
        If the set does not fit the medium, or if rereading found an error;
        then no image is left.
    MediaError
        If the disk fails.
    """
    with ExitStack() as stack:
        writer = stack.enter_context(
            open_writer(request, medium, volume.files, volume.file_set_id, station.clock.moment())
        )
        size_bytes = writer.size_bytes
        _require_fit(request, medium, size_bytes)
        if request.plan_only:
            return _result(volume, size_bytes, "", verified=False)
        kind = output_kind(request, medium)
        name = str(kind) if kind.is_file else "folder"
        with job.step(volume.plan.step(name), size_bytes, "bytes") as step:
            pending = stack.enter_context(writer.write(volume.plan.output, progress=step.report))
            step.summary = (
                f"{-(-size_bytes // medium.sector_bytes):,} sectors"
                if kind is Output.IMAGE
                else f"{len(volume.files):,} files"
            )
        manifest = _manifest(volume, profile, pending.image)
        with job.step(volume.plan.step("verify"), size_bytes, "bytes") as step:
            report = verify_medium(pending.path, manifest, profile=profile, progress=step.report)
            job.found(report.findings)
            step.summary = report.proved
        if not report.ok:
            raise RefusedError(
                f"The {name} was written and reread, and what was read is not what was written; "
                "it was removed.",
                report.findings,
                "Check the disk, then give the command again.",
            )
        with disk_trouble_told(volume.folder):
            write_text_durably(volume.folder / MANIFEST_NAME, manifest.to_json())
        result = _result(volume, size_bytes, pending.image.sha256, verified=True)
        # From here on an image may be found that is to be known by its File-set UID.
        job.result = {"volumes": [*job.result.get("volumes", []), asdict(result)]}
        job.save_result()
        pending.commit()
    return result


def in_tree_order(
    station: Station, job: Job, checked: CheckedSet, plan: VolumePlan
) -> Iterator[tuple[Person | None, Collection[int], Entry]]:
    """Yield what goes onto the volume person by person, each with the catalog's rows of theirs."""
    for place, (cluster, rows) in enumerate(plan.people):
        person = Person(
            str(place),
            cluster.patient_id,
            supplied=cluster.is_supplied,
            header=confirmed_header(station, checked, cluster),
        )
        # Of one person it is the whole selection, which the catalog finds faster.
        only = rows if len(checked.people) > 1 else None
        for entry in iter_selection(
            station.catalog, job.id, patients_of=only, except_classes=ROOT_CLASSES
        ):
            if entry.patient in rows:
                yield person, rows, entry
    if plan.has_root_objects:
        for entry in iter_selection(station.catalog, job.id, classes=ROOT_CLASSES):
            yield None, (), entry


def siblings_of(
    station: Station, job: Job, profile: ApplicationProfile, checked: CheckedSet
) -> SiblingKeys:
    """Return what instances lend to each other's records: none that stays behind lends any."""
    if checked.accepted == checked.instances:
        return checked.siblings
    siblings = SiblingKeys(profile.keys)
    for entry in iter_selection(station.catalog, job.id, except_classes=ROOT_CLASSES):
        siblings.take(entry.header, entry.patient)
    return siblings


def instance_of(
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


def _digests(
    station: Station,
    job: Job,
    checked: CheckedSet,
    plan: VolumePlan,
    copies: dict[int, StoredFile],
) -> Iterator[str]:
    """Yield what names a File-set's content: the digests of its files, in tree order."""
    for _, _, entry in in_tree_order(station, job, checked, plan):
        yield copies.get(entry.id, entry.file).sha256


def _file_set_id(request: ExportRequest, plan: VolumePlan) -> str:
    """Return the File-set ID: the label's, else the one person's name or ID, and the number."""
    file_set_id = _common_file_set_id(request, plan)
    if plan.volumes == 1:
        return file_set_id
    number = f"_{plan.number}" if file_set_id else str(plan.number)
    return file_set_id[: _LONGEST_FILE_SET_ID - len(number)] + number


def _common_file_set_id(request: ExportRequest, plan: VolumePlan) -> str:
    if request.label:
        return file_set_id_from(request.label)
    if len(plan.people) != 1:
        return _COLLECTION_ID
    identity = plan.people[0][0].identity
    names = [file_set_id_from(group) for group in identity.name.split("=")]
    return next(filter(None, names), "") or file_set_id_from(identity.patient_id)


def add_own_file(volume: Volume, name: str, uid: str = "") -> None:
    """Put a file of the volume's folder onto the volume."""
    path = volume.folder / name
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    volume.add(name, path, path.stat().st_size, digest, uid)


def _require_fit(request: ExportRequest, medium: Medium, size_bytes: int) -> None:
    capacity = request.capacity_bytes or medium.capacity_bytes
    if size_bytes <= capacity:
        return
    sectors, room = -(-size_bytes // medium.sector_bytes), capacity // medium.sector_bytes
    finding = error(
        "too-large",
        medium.name,
        f"The set needs {sectors:,} sectors ({size_bytes:,} bytes); {medium.description} has "
        f"{room:,} ({capacity:,} bytes).",
        "Export fewer studies or series at a time, or on a larger medium if the profile has one.",
        f"PS3.12 Annex {medium.annex}",
    )
    raise RefusedError(f"Nothing was written. {finding.message}", [finding], finding.hint)


def _manifest(volume: Volume, profile: ApplicationProfile, image: WrittenImage) -> Manifest:
    return Manifest(
        files=tuple(volume.manifest_files),
        file_set_uid=volume.file_set_uid,
        file_set_id=volume.file_set_id,
        profile=profile.name,
        image_sha256=image.sha256,
        image_size_bytes=image.size_bytes,
        structure=image.structure,
        confirmed_ids=volume.plan.confirmed_ids,
        inherited=volume.inherited,
        made_from=volume.made_from,
    )


def _result(volume: Volume, size_bytes: int, sha256: str, *, verified: bool) -> VolumeResult:
    return VolumeResult(
        path=str(volume.plan.output),
        file_set_id=volume.file_set_id,
        file_set_uid=volume.file_set_uid,
        instances=volume.instances,
        size_bytes=size_bytes,
        sha256=sha256,
        verified=verified,
    )
