"""Reprint: the same medium again, byte for byte, or the reasons why not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told
from mediastation.errors import ConfigError, ProfileError, RefusedError
from mediastation.media.level1 import MediumFile
from mediastation.model.entry import Kind
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, error, has_errors
from mediastation.model.job import JobRecord
from mediastation.model.ledger import Disclosure
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.model.medium import MEDIA, Format, Medium
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.station.exporting.output import open_writer, require_output
from mediastation.station.exporting.partition import volume_folders
from mediastation.station.exporting.request import ExportResult, VolumeResult
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.job import Job
from mediastation.station.recording.known_media import read_manifest
from mediastation.station.recording.ledger import medium_facts, record_reprinted
from mediastation.station.recording.medium_contents import contents_of_folder
from mediastation.station.recording.medium_record import announce, named
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished
from mediastation.verify.verifier import verify_medium

KIND = "reprint"
_MAKING = frozenset({"export", "update"})
_DICOMDIR = "DICOMDIR"


@dataclass(frozen=True, slots=True)
class _Original:
    """What is to be made again: by which job, and what is known of it."""

    job: JobRecord
    folder: Path
    manifest: Manifest
    medium: Medium
    form: Format
    moment: datetime
    profile: ApplicationProfile | None


def reprint(
    station: Station,
    number: int,
    output: Path,
    volume: int | None = None,
    disclosure: Disclosure | None = None,
    listener: Listener = nobody,
) -> ExportResult:
    """Write a medium that a job made once more, and prove that it is the same.

    Nothing is decided anew: what lay on it is taken from the store and from the
    job's folder, digest by digest, and what comes out has to have the hash that
    the first had. It gets a job and an entry in the ledger of its own.

    Parameters
    ----------
    number : int
        The job: an export or update, or a reprint of one.
    output : Path
        The file, or the folder, as for an export.
    volume : int, optional
        Which of the job's volumes; needed where it made several.

    Returns
    -------
    ExportResult
        Where the same cannot be made again, `stopped` says so and the findings
        tell each reason; nothing was written then.

    Raises
    ------
    ConfigError
        If there is no such job or volume, or if `output` cannot be taken.
    MediaError
        If a disk fails or is full.
    """
    original = _find(station, number, volume)
    require_output(station, output, original.form)
    request = {
        "of": original.job.id,
        "volume": original.manifest.volume,
        "output": str(output.absolute()),
        **asdict(disclosure or Disclosure()),
    }
    settled = settle_unfinished(station)
    job = station.job(KIND, request, listener)
    result = ExportResult(job.id, original.manifest.profile, findings=job.findings)
    try:
        with job:
            try:
                job.found(settled)
                written = _write(station, job, original, output, disclosure or Disclosure())
                result.volumes.append(written)
            finally:
                job.result = result.as_dict(with_findings=False)
    except RefusedError as fault:
        result.stopped, result.hint = fault.message, fault.hint
    return result


def _find(station: Station, number: int, volume: int | None) -> _Original:
    record = station.jobs.get(number, station.clock.now())
    if record is not None and record.kind == KIND:
        volume = volume or record.request.get("volume")
        record = station.jobs.get(int(record.request.get("of", 0)), station.clock.now())
    if record is not None and record.kind == "burn":
        image = str(record.result.get("image_sha256", ""))
        raise ConfigError(
            f"Job {number} burned an image that another job made.",
            f"`mediastation audit {image[:16]}` names that job: reprint it, and burn the image."
            if image
            else "`mediastation audit` lists the media that were made, each with its job.",
        )
    if record is None or record.kind not in _MAKING:
        raise ConfigError(
            f"Job {number} made no medium." if record else f"There is no job {number}.",
            "`mediastation audit` lists the media that were made, each with its job.",
        )
    made = {
        manifest.volume if manifest.medium else place: (folder, manifest)
        for place, (folder, manifest) in enumerate(_manifests(station, record.id), start=1)
    }
    if not made:
        raise ConfigError(
            f"Job {number} came to no medium: {record.message or record.state}.",
            "`mediastation audit` lists the media that were made, each with its job.",
        )
    if volume is None and len(made) > 1:
        raise ConfigError(
            f"Job {number} made {len(made)} volumes.", "Say which one with --volume, from 1."
        )
    if (volume or min(made)) not in made:
        raise ConfigError(
            f"Job {number} has no volume {volume}.",
            f"It made {', '.join(str(one) for one in sorted(made))}.",
        )
    folder, manifest = made[volume or min(made)]
    profile = None
    with suppress(ProfileError):  # a site may have given up a profile of its own since
        profile = station.find_profile(manifest.profile)
    try:
        moment = datetime.fromisoformat(manifest.moment)
        return _Original(
            record, folder, manifest, MEDIA[manifest.medium], Format(manifest.format), moment,
            profile,
        )  # fmt: skip
    except (KeyError, ValueError):
        raise ConfigError(
            f"Job {number} was done by an older Mediastation, which did not note all that a "
            "reprint needs.",
            "Copy a medium that is there, or export the studies again: that is a new File-set.",
        ) from None


def _manifests(station: Station, job: int) -> Iterator[tuple[Path, Manifest]]:
    for folder in volume_folders(station.jobs_folder / str(job)):
        path = folder / MANIFEST_NAME
        if path.exists():
            yield folder, _read_manifest(path, job)


def _read_manifest(path: Path, job: int) -> Manifest:
    try:
        return read_manifest(path)
    except ConfigError as fault:
        raise ConfigError(
            f"What job {job} noted of its medium cannot be read. {fault.message}",
            f"Put {path} back from a backup of the home; without it, copy a medium that is there, "
            "or export the studies again: that is a new File-set.",
        ) from fault


def _write(
    station: Station, job: Job, original: _Original, output: Path, disclosure: Disclosure
) -> VolumeResult:
    """Write beside the name, verify, record, commit: in the order of an export."""
    manifest = original.manifest
    if _is_sealed(original):
        raise _cannot([_never_twice(original)])
    with job.step("gather", len(manifest.files), "files") as step:
        files, missing = _gather(station, original)
        step.summary = f"{len(files):,} of {len(manifest.files):,} files are here unchanged"
    if missing:
        raise _cannot(missing)
    with ExitStack() as stack:
        writer = stack.enter_context(
            open_writer(
                original.medium,
                original.form,
                files,
                file_set_id=manifest.file_set_id,
                file_set_uid=manifest.file_set_uid,
                moment=original.moment,
                filled_bytes=manifest.filled_bytes,
            )
        )
        size_bytes = writer.size_bytes
        if original.form.is_file and size_bytes != manifest.image_size_bytes:
            raise _cannot([_other_bytes(original, f"{size_bytes:,} bytes")])
        name = "image" if original.form.is_image else str(original.form)
        with job.step(name, size_bytes, "bytes") as step:
            announce(job, output)
            pending = stack.enter_context(writer.write(output, progress=step.report))
            step.summary = f"{len(files):,} files"
        with job.step("verify", size_bytes, "bytes") as step:
            report = verify_medium(
                pending.path, manifest, profile=original.profile, progress=step.report
            )
            step.summary = report.proved
        if pending.image.sha256 != manifest.image_sha256 or not report.ok:
            spoiled = _spoiled(station, manifest, report.findings)
            if spoiled:
                raise _cannot(spoiled)
            job.found(report.findings)
            wrong = [] if has_errors(report.findings) else [
                _other_bytes(original, f"the hash {pending.image.sha256 or '(none)'}")
            ]  # fmt: skip
            raise _cannot(wrong)
        job.found(report.findings)
        result = VolumeResult(
            path=str(output),
            file_set_id=manifest.file_set_id,
            file_set_uid=manifest.file_set_uid,
            instances=_instances(manifest),
            size_bytes=size_bytes,
            sha256=pending.image.sha256,
            verified=True,
        )
        with disk_trouble_told(original.folder):
            contents = contents_of_folder(station, original.folder)
        facts = medium_facts(manifest, contents, path=output, verified=True)
        head = record_reprinted(station, job.id, facts, original.job.id, disclosure)
        with named(station, job, head):
            # From here on a medium may be found that is to be known by its File-set UID.
            job.result["volumes"] = [asdict(result)]
            job.save_result()
            pending.commit()
    return result


def _is_sealed(original: _Original) -> bool:
    by_profile = original.profile is not None and original.profile.security is Security.MAIL
    return by_profile or any(file.content_sha256 for file in original.manifest.files)


def _never_twice(original: _Original) -> Finding:
    return error(
        "reprint-sealed",
        original.manifest.file_set_id,
        "The medium is sealed, and no envelope is made twice: its keys were drawn by chance and "
        "kept nowhere.",
        "Copy the medium or its image as it is: whoever opens one opens the copy. Or export the "
        "studies again, for the same recipients or a new password.",
        "PS3.15 D.1",
    )


def _gather(station: Station, original: _Original) -> tuple[list[MediumFile], list[Finding]]:
    """Find every file of the manifest, unchanged; say of each that is not why it is not."""
    files: list[MediumFile] = []
    missing: list[Finding] = []
    for wanted in original.manifest.files:
        is_instance = bool(wanted.sop_instance_uid) and wanted.path != _DICOMDIR
        if is_instance:
            found = _stored(station, wanted)
            wrong = None if found else _gone(station, original, wanted)
        else:
            found, wrong = _own(original, wanted)
        if wrong is not None:
            missing.append(wrong)
        elif found is not None:
            files.append(MediumFile(wanted.path, found, wanted.size_bytes))
    return files, missing


def _stored(station: Station, wanted: ManifestFile) -> Path | None:
    store = station.catalog.store
    for kind in Kind:
        if store.holds(wanted.sha256, kind, wanted.size_bytes):
            return store.path(wanted.sha256, kind)
    return None


def _gone(station: Station, original: _Original, wanted: ManifestFile) -> Finding:
    stored = _path_of(station, wanted)
    if stored is not None:
        return _damaged(wanted, stored)
    why, hint = "it was forgotten since, or its prepared copy was", (
        "Send the instance again if its sender still has it, or copy a medium that is there."
    )  # fmt: skip
    if original.manifest.made_from:
        why = "it was forgotten since, or taken over from the medium that was updated"
        hint = "Add the medium that was updated to the catalog, then repeat the reprint."
    return error(
        "reprint-forgotten",
        wanted.sop_instance_uid,
        f"{wanted.path} is not in the store any more: {why}. It was "
        f"{station.catalog.store.path(wanted.sha256)}.",
        hint,
    )


def _spoiled(station: Station, manifest: Manifest, findings: Sequence[Finding]) -> list[Finding]:
    """Return which stored files are not what they were, where a reread found that out.

    A reread blames the medium; this one is gone, and was written as the store has it.
    """
    wrong = {finding.subject for finding in findings if finding.rule == "differs"}
    return [
        _damaged(wanted, stored)
        for wanted in manifest.files
        if wanted.path in wrong
        and wanted.sop_instance_uid
        and (stored := _path_of(station, wanted)) is not None
        and not _is_whole(stored, wanted)
    ]


def _is_whole(stored: Path, wanted: ManifestFile) -> bool:
    with disk_trouble_told(stored.parent), stored.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256


def _path_of(station: Station, wanted: ManifestFile) -> Path | None:
    paths = (station.catalog.store.path(wanted.sha256, kind) for kind in Kind)
    return next((path for path in paths if path.exists()), None)


def _damaged(wanted: ManifestFile, stored: Path) -> Finding:
    return error(
        "reprint-changed",
        wanted.sop_instance_uid,
        f"The stored file of {wanted.path} is damaged, and is not what went onto the medium: "
        f"{stored}.",
        "Check the disk of the store. Move that file aside, have the instance sent again, or put "
        "the file back from a backup; then repeat the reprint.",
    )


def _own(original: _Original, wanted: ManifestFile) -> tuple[Path | None, Finding | None]:
    """Find a file that is no instance: the job's own, or one that the site had put there."""
    places = [original.folder / wanted.path] if "/" not in wanted.path else []
    top, _, inner = wanted.path.partition("/")
    for folder in map(Path, original.job.request.get("include") or ()):
        with suppress(OSError, RuntimeError):
            if inner and folder.resolve().name == top:
                places.append(folder / inner)
    for place in places:
        try:
            with place.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue
        if digest == wanted.sha256:
            return place, None
        return None, error(
            "reprint-changed",
            wanted.path,
            f"{place} has been changed since: it is not what was on the medium.",
            "Put back what it was, or copy a medium that is there.",
        )
    return None, error(
        "reprint-missing",
        wanted.path,
        "It was on the medium and cannot be found here any more"
        + (f": looked at {', '.join(map(str, places))}." if places else "."),
        "Put back what it was, or copy a medium that is there.",
    )


def _other_bytes(original: _Original, what: str) -> Finding:
    manifest = original.manifest
    return error(
        "reprint-differs",
        original.form,
        f"From the same files came {what}; the first had {manifest.image_size_bytes:,} bytes and "
        f"the hash {manifest.image_sha256 or '(none)'}: this Mediastation, or a library of its, "
        "is another version than the one that made it.",
        "Copy a medium that is there, or reprint with the version that made it.",
    )


def _cannot(findings: list[Finding]) -> RefusedError:
    return RefusedError(
        "Nothing was written: the same medium cannot be made again.",
        findings,
        "See the findings. An export of the same studies is a new File-set with a UID of its own.",
    )


def _instances(manifest: Manifest) -> int:
    return sum(bool(file.sop_instance_uid) and file.path != _DICOMDIR for file in manifest.files)
