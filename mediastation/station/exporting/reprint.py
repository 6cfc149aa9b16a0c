"""Reprint: the same medium again, byte for byte, or the reasons why not."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told
from mediastation.errors import RefusedError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, error, has_errors
from mediastation.model.ledger import Disclosure
from mediastation.reading.volume import open_volume
from mediastation.station.exporting.forget_written import forget_written
from mediastation.station.exporting.output import open_writer, require_output
from mediastation.station.exporting.reprint_files import (
    check_stored_files,
    gather_files,
    is_instance,
)
from mediastation.station.exporting.reprint_original import (
    KIND,
    Original,
    find_original,
    is_sealed,
)
from mediastation.station.exporting.request import ExportResult, VolumeResult
from mediastation.station.job import Job
from mediastation.station.recording.ledger import medium_facts, record_reprinted
from mediastation.station.recording.medium_contents import contents_of_folder
from mediastation.station.recording.medium_record import announce, named
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished
from mediastation.verify.verifier import verify_volume


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
    original = find_original(station, number, volume)
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


def _write(
    station: Station, job: Job, original: Original, output: Path, disclosure: Disclosure
) -> VolumeResult:
    """Write beside the name, verify, record, commit: in the order of an export."""
    manifest = original.manifest
    if is_sealed(original):
        raise _cannot([_never_twice(original)])
    with job.step("gather", len(manifest.files), "files") as step:
        files, missing = gather_files(station, original)
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
        with (
            job.step("verify", size_bytes, "bytes") as step,
            open_volume(pending.path) as medium,
        ):
            job.found(forget_written(station, output, pending.path, medium))
            report = verify_volume(medium, manifest, profile=original.profile, progress=step.report)
            step.summary = report.proved
        if pending.image.sha256 != manifest.image_sha256 or not report.ok:
            spoiled = check_stored_files(station, manifest, report.findings)
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
            instances=sum(map(is_instance, manifest.files)),
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


def _never_twice(original: Original) -> Finding:
    return error(
        "reprint-sealed",
        original.manifest.file_set_id,
        "The medium is sealed, and no envelope is made twice: its keys were drawn by chance and "
        "kept nowhere.",
        "Copy the medium or its image as it is: whoever opens one opens the copy. Or export the "
        "studies again, for the same recipients or a new password.",
        "PS3.15 D.1",
    )


def _other_bytes(original: Original, what: str) -> Finding:
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
