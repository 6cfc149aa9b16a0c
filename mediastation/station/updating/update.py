"""Update: a File-set with instances added or taken out, its UID and everything else kept."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told
from mediastation.catalog.job_selection import (
    drop_from_selection,
    iter_selection,
    remember_selection,
)
from mediastation.catalog.selection import digests_of_copies
from mediastation.catalog.staging import digest_file
from mediastation.conformance.check import Outcome
from mediastation.conformance.check_set import SetMember
from mediastation.conformance.identity import IdentityReader
from mediastation.conformance.partition import partition_people
from mediastation.conformance.report import ProfileCheck
from mediastation.conformance.require import require_role
from mediastation.dicom.header import NotDicom, read_header
from mediastation.errors import ConfigError, RefusedError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, error, has_errors, note, warning
from mediastation.model.manifest import Manifest
from mediastation.model.profile import ApplicationProfile, Role
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.record_tree import NO_PARENT
from mediastation.reading.volume import Volume, open_volume
from mediastation.station.burning.burned_media import place_on_disc
from mediastation.station.exporting.check import ROOT_CLASSES, CheckedSet, check_selection
from mediastation.station.exporting.icons import make_icons
from mediastation.station.exporting.output import check_output, require_output
from mediastation.station.exporting.partition import VolumePlan
from mediastation.station.exporting.prepare import count_transcoded, prepare_selection
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.exporting.target import Target, choose_target
from mediastation.station.exporting.volume import write_volume
from mediastation.station.exporting.work import Work
from mediastation.station.gather import gather
from mediastation.station.job import Job
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished
from mediastation.station.updating.plan import plan_removal, require_updatable
from mediastation.station.updating.request import UpdateRequest
from mediastation.station.updating.set_member import recall_included, recall_set
from mediastation.station.updating.source import (
    DIRECTORY_NAME,
    KeptFile,
    UpdateSource,
    check_references,
    read_directory,
    require_sound,
    take_aside,
)
from mediastation.station.updating.volume import KeptPeople, build_updated, folders_beside
from mediastation.station.verification import find_manifest


def update(station: Station, request: UpdateRequest, listener: Listener = nobody) -> ExportResult:
    """Write the File-set of a medium anew, with instances added or taken out.

    The medium is verified first and only read. Files that stay are the same
    bytes under the same File IDs, records that stay keep every key, and the
    File-set keeps its UID and its ID. What the data forbid is in the result
    (`stopped`, and the findings); nothing is written then.

    Raises
    ------
    ConfigError
        If the request itself is wrong, a UID to be removed is not on the
        medium, or no profile is known.
    ProfileError
        If the profile defines no updater.
    RefusedError
        If there is no File-set that could be updated at all.
    MediaError
        If the medium or a disk fails, or the disk is full.
    """
    _require_request(request)
    station.require_current_index()
    with open_volume(request.source) as volume, _folder(station) as folder:
        read_directory(volume, folder / DIRECTORY_NAME)
        with (folder / DIRECTORY_NAME).open("rb") as stream:
            directory = read_dicomdir(stream)
            digest = _digest(folder / DIRECTORY_NAME)
            manifest = find_manifest(station, request.source, directory, digest)
            profile = station.find_profile(_profile_name(request, manifest))
            require_role(profile, Role.UPDATER)
            export = request.as_export(profile)
            target = choose_target(export, profile)
            require_output(station, request.output, target.format)
            run = _Update(station, request, export, profile, target, volume, folder)
            return run.perform(directory, digest, manifest, listener)


class _Update:
    """One update while it runs."""

    def __init__(
        self,
        station: Station,
        request: UpdateRequest,
        export: ExportRequest,
        profile: ApplicationProfile,
        target: Target,
        volume: Volume,
        folder: Path,
    ) -> None:
        self._station = station
        self._request = request
        self._export = export
        self._profile = profile
        self._target = target
        self._volume = volume
        self._folder = folder
        self._people = KeptPeople()
        self._checked = CheckedSet()
        self._coming: set[str] = set()

    def perform(
        self, directory: Dicomdir, digest: str, manifest: Manifest | None, listener: Listener
    ) -> ExportResult:
        """Run the job to its end, whatever that is."""
        settled = settle_unfinished(self._station)
        job = self._station.job("update", self._request.as_dict(), listener)
        result = ExportResult(job.id, self._profile.name, findings=job.findings)
        try:
            with job:
                try:
                    job.found(settled)
                    self._run(job, directory, digest, manifest, result)
                finally:
                    result.refused = self._checked.refused
                    job.result = result.as_dict(with_findings=False)
        except RefusedError as fault:
            result.stopped, result.hint = fault.message, fault.hint
        return result

    def _run(
        self,
        job: Job,
        directory: Dicomdir,
        digest: str,
        manifest: Manifest | None,
        result: ExportResult,
    ) -> None:
        station, export, checked = self._station, self._export, self._checked
        if not has_errors(directory.findings):
            # What is mistyped, or sealed, is told before hours of reading.
            require_updatable(directory)
            plan_removal(directory, self._request.remove)
        entries = self._collect(job)
        placed = place_on_disc(station, self._request.source, self._volume, manifest)
        require_sound(job, self._volume, placed[0], self._profile, placed[1])
        require_updatable(directory)
        staying = plan_removal(directory, self._request.remove)
        job.found(staying.findings)
        if not staying.instances and not export.sources:
            raise RefusedError(
                "Nothing was written: the File-set would hold no instance any more.",
                hint="A medium that is no longer wanted is destroyed, not emptied.",
            )
        ours = manifest is not None and bool(manifest.profile) and not manifest.inherited
        source = UpdateSource(directory, staying, digest, inherited=not ours)
        source.undated_studies = frozenset(manifest.undated_studies if manifest else ())
        take_aside(station, job, self._volume, manifest, source, self._folder)
        job.found(check_references(source))

        total = self._select(job, source, entries)
        check_selection(
            station, job, export, self._profile, total, checked,
            lambda check: self._take_kept(job, source, check),
        )  # fmt: skip
        job.found(check_output(export, self._profile, self._target))
        self._require_together()
        work = Work(station, job, export, self._profile, self._target, checked)
        work.copies = prepare_selection(station, job, export, checked)
        result.transcoded = count_transcoded(checked, work.copies)
        work.icons = make_icons(station, job, export, self._profile, checked)
        former, told = recall_set(station, manifest, source)
        job.found(told)
        work.included, told = recall_included(station, manifest, source, folders_beside(source))
        job.found(told)
        folder = station.job_folder(job.id)
        plan = VolumePlan(
            *(former.volume, former.volumes, checked.people, checked.instances),
            folder,
            export.output,
        )
        self._people.match(checked.people)
        built = build_updated(work, source, self._people, plan, former)
        result.volumes = [write_volume(work, built)]

    def _collect(self, job: Job) -> list[int]:
        """Take what is to be added into the catalog, before the medium is read."""
        if not self._export.sources:
            return []
        entries, self._checked.refused = gather(self._station, job, self._export.sources)
        return entries

    def _select(self, job: Job, source: UpdateSource, entries: list[int]) -> int:
        """Select what is to be added, without what the medium holds in this very form."""
        catalog = self._station.catalog
        total = remember_selection(catalog, job.id, entries)
        on_medium = _by_uid(source)
        there: list[int] = []
        for entry in iter_selection(catalog, job.id):
            kept = on_medium.get(entry.header.sop_instance_uid)
            if kept and kept.sha256 in digests_of_copies(catalog, entry.id):
                there.append(entry.id)
                job.found([_there_already(entry.header.sop_instance_uid, kept)])
        drop_from_selection(catalog, job.id, there)
        self._coming = {
            entry.header.sop_instance_uid for entry in iter_selection(catalog, job.id)
        } & on_medium.keys()
        return total - len(there)

    def _take_kept(self, job: Job, source: UpdateSource, check: ProfileCheck) -> None:
        """Let what stays go by the checks: old and new lie together afterwards.

        Raises
        ------
        RefusedError
            If something that stays does not conform to the profile. It cannot
            be changed, because an updater alters no file (PS3.10, 8.3), and
            leaving it out was not asked for.
        """
        identities = IdentityReader()
        wrong: list[Finding] = []
        for kept in source.instances:
            record = source.directory.records[kept.record]
            try:
                header = read_header(kept.source)
            except NotDicom as fault:
                raise RefusedError(f"Nothing was written: {kept.path}: {fault}.") from fault
            digest = ""
            if header.sop_instance_uid in self._coming:
                digest = digest_file(kept.source, header.dataset_offset)[1]
            verdict = check.add(SetMember(kept.path, header, digest, kept.size_bytes))
            if header.sop_instance_uid != record.sop_instance_uid:
                wrong.append(_another(kept, header.sop_instance_uid))
            elif verdict.outcome is not Outcome.ACCEPTED:
                wrong += [finding for finding in verdict.findings if has_errors([finding])]
            elif verdict.preparation.touches_dataset:
                wrong.append(self._wrongly_encoded(kept, header.transfer_syntax_uid))
            elif verdict.preparation:
                job.found([_kept_as_is(kept)])
            else:
                job.found(verdict.findings)
            if header.sop_class_uid not in ROOT_CLASSES:
                patient = _top_of(source.directory, kept.record)
                self._people.identities.setdefault(patient, set()).add(identities.identity(header))
        if wrong:
            raise RefusedError(
                f"Nothing was written: {len(wrong):,} faults of what stays on the medium keep it "
                f"from {self._profile.name}.",
                wrong,
                "Remove these instances too, or import the medium and export a new one.",
            )

    def _require_together(self) -> None:
        """Raise `RefusedError` where people share a Patient ID: one File-set cannot hold them."""
        people = [person for person, _ in self._checked.people]
        if len(partition_people(people)) > 1:
            finding = error(
                "shared-patient-id",
                "the set",
                "Different people would share one Patient ID in the directory.",
                "Export what was to be added on a medium of its own.",
                "PS3.3 F.5.1",
            )
            raise RefusedError(f"Nothing was written. {finding.message}", [finding], finding.hint)

    def _wrongly_encoded(self, kept: KeptFile, transfer_syntax_uid: str) -> Finding:
        return error(
            "transfer-syntax",
            kept.path,
            f"It stays and is encoded in {transfer_syntax_uid}, which {self._profile.name} does "
            "not carry for its SOP Class.",
            "Name the profile that the medium was made under.",
            self._profile.objects_table,
        )


def _require_request(request: UpdateRequest) -> None:
    if not request.add and not request.remove:
        raise ConfigError(
            "There is nothing to change.", "Say what comes with --add, or what goes with --remove."
        )
    source, output = request.source, request.output
    if not source.exists():
        raise ConfigError(f"{source} does not exist.", "Check the path, or mount the medium.")
    real, target = source.resolve(), output.resolve()
    if real == target or (output.exists() and source.samefile(output)):
        raise ConfigError(
            f"{output} is the medium that is read; it is never changed in place.",
            "Name another output, and replace the old medium when the new one is verified.",
        )
    if target.is_relative_to(real):
        raise ConfigError(
            f"{output} lies inside {source}, which is only read.", "Name a place outside of it."
        )
    if real.is_relative_to(target):
        raise ConfigError(f"{source} lies inside {output}.", "Name another output.")


def _profile_name(request: UpdateRequest, manifest: Manifest | None) -> str:
    name = request.profile or (manifest.profile if manifest else "")
    if not name:
        raise ConfigError(
            f"Nothing here tells under which Application Profile {request.source} was made.",
            "Name it with --profile; `mediastation check` of the medium says which ones fit.",
        )
    return name


@contextmanager
def _folder(station: Station) -> Iterator[Path]:
    """Give a folder inside the home for what is taken from the medium; it goes afterwards."""
    folder = station.intake.new_path()
    with disk_trouble_told(station.catalog.home):
        folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _by_uid(source: UpdateSource) -> dict[str, KeptFile]:
    records = source.directory.records
    return {records[kept.record].sop_instance_uid: kept for kept in source.instances}


def _top_of(directory: Dicomdir, index: int) -> int:
    while (parent := directory.tree.parents[index]) != NO_PARENT:
        index = parent
    return index


def _there_already(uid: str, kept: KeptFile) -> Finding:
    return note("duplicate", uid, f"It is on the medium already, as {kept.path}.", "", "PS3.5 9.1")


def _another(kept: KeptFile, uid: str) -> Finding:
    message = f"Its record promises another instance than the {uid or 'none'} it holds."
    return error("wrong-link", kept.path, message, reference="PS3.3 F.3.2.2")


def _kept_as_is(kept: KeptFile) -> Finding:
    return warning(
        "file-meta",
        kept.path,
        "Its preamble or File Meta Information would be written otherwise today; it stays as it "
        "is, because an updater alters no file.",
        "",
        "PS3.10 8.3",
    )
