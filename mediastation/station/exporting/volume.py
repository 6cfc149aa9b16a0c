"""Writing one volume: its medium beside the final name, reread, and only then named."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, write_text_durably
from mediastation.errors import RefusedError
from mediastation.media.contract import MediumWriter, WrittenImage
from mediastation.media.fat import VolumeTooSmallError
from mediastation.media.mounted import require_mounted_room
from mediastation.model.finding import error, has_errors
from mediastation.model.ledger import LedgerHead
from mediastation.model.manifest import DIGEST_LIST_NAME, Manifest, ManifestFile
from mediastation.model.medium import Format
from mediastation.station.exporting.contents import read_contents
from mediastation.station.exporting.file_set import DICOMDIR, Volume
from mediastation.station.exporting.forget_written import forget_written
from mediastation.station.exporting.labels import keep_labels
from mediastation.station.exporting.output import open_writer
from mediastation.station.exporting.partition import remove_made
from mediastation.station.exporting.request import VolumeResult
from mediastation.station.exporting.target import Target
from mediastation.station.exporting.work import Work
from mediastation.station.recording.ledger import medium_facts, record_made, record_withdrawn
from mediastation.station.recording.medium_contents import ledger_contents
from mediastation.station.recording.medium_record import ENTRIES, announce, named
from mediastation.station.sealing.envelope_folder import drop_envelopes
from mediastation.station.sealing.mail import open_made, prove_mail
from mediastation.station.sealing.one_mail_sealer import OneMailSealer
from mediastation.station.sealing.volume import prove_volume, seal_volume
from mediastation.verify.verifier import verify_volume

MANIFEST_NAME = "manifest.json"
_NO_NEWS = {"enveloped", "signature"}
"""Of what was just sealed: its envelopes are opened later, and who signs it was told before."""


def measure(work: Work, volume: Volume) -> int:
    """Return how many bytes the medium of `volume` takes, once everything that lies on it is known.

    Raises
    ------
    RefusedError
        If a name or a size cannot be recorded in this format.
    """
    try:
        return _writer(work, volume).size_bytes
    except VolumeTooSmallError as fault:
        return work.target.capacity_bytes + fault.excess_bytes


def _writer(work: Work, volume: Volume) -> MediumWriter:
    if volume.writer is None:
        volume.moment = work.station.clock.moment()
        volume.mail = OneMailSealer(work.mail_sealer) if work.mail_sealer else None
        volume.writer = open_writer(
            work.target.medium,
            work.target.format,
            volume.files,
            file_set_id=volume.file_set_id,
            file_set_uid=volume.file_set_uid,
            moment=volume.moment,
            filled_bytes=work.target.filled_bytes,
            mail_sealer=volume.mail,
        )
    return volume.writer


def keep_finished(work: Work, volume: Volume) -> VolumeResult | None:
    """Return what an earlier attempt of the job made of `volume`; None if it has to be written.

    One that holds something else than it would now, or says something else of the
    set, which may have grown, is withdrawn and removed.

    Raises
    ------
    MediaError
        If the ledger cannot be written.
    """
    output = volume.plan.output
    found = work.finished.get(output)
    if found is None:
        return None
    result, head = found
    if result.file_set_uid == volume.file_set_uid and _has_these_pages(volume):
        work.heads.append(head)
        return result
    why = "the set is another one than before the job was interrupted; the volume is made again"
    record_withdrawn(work.station, work.job.id, head, why)
    del work.finished[output]
    told = work.job.result
    told["volumes"] = [one for one in told.get("volumes", []) if one["path"] != result.path]
    told[ENTRIES] = [count for count in told.get(ENTRIES, []) if count != head.count]
    work.job.save_result()
    if not os.path.ismount(output):
        remove_made(output)
    return None


def _has_these_pages(volume: Volume) -> bool:
    """Tell whether what was finished says of the set, in clear, what `volume` says of it."""
    try:
        written = Manifest.from_json((volume.folder / MANIFEST_NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return _pages(written.files) == _pages(volume.manifest_files)


def _pages(files: Iterable[ManifestFile]) -> set[tuple[str, str]]:
    """Return what is no instance; the list of digests, which follows from the rest, left out."""
    return {
        (file.path, file.sha256)
        for file in files
        if not file.sop_instance_uid and file.path != DIGEST_LIST_NAME
    }


def require_room(work: Work, volume: Volume) -> None:
    """Raise where `volume` is to be written onto a mounted medium that has no room for it.

    What is free there is counted in clusters, which only the medium itself
    tells.

    Raises
    ------
    RefusedError
        If its file system cannot hold a file or a directory so large.
    MediaError
        If there is less room than is needed, or it cannot be written.
    """
    output = volume.plan.output
    if output in work.finished:
        return
    if work.target.format is Format.FOLDER and os.path.ismount(output):
        require_mounted_room(output, volume.files)


def write_volume(work: Work, volume: Volume) -> VolumeResult:
    """Write the medium beside its final name, reread it, and only then give it that name.

    Raises
    ------
    RefusedError
        If the set does not fit the medium, or if rereading found an error;
        then nothing is left.
    MediaError
        If the disk fails, or a mounted medium has too little room.
    """
    job, target = work.job, work.target
    with ExitStack() as stack:
        writer = stack.enter_context(_writer(work, volume))
        size_bytes = writer.size_bytes
        _require_fit(target, size_bytes)
        require_room(work, volume)
        if work.request.plan_only:
            return _result(volume, size_bytes, "", verified=False)
        name = _step_name(target)
        stack.callback(drop_envelopes, job, volume.folder)
        keys = seal_volume(work, volume)
        with job.step(volume.plan.step(name), size_bytes, "bytes") as step:
            announce(job, volume.plan.output)
            pending = stack.enter_context(writer.write(volume.plan.output, progress=step.report))
            step.summary = (
                f"{-(-size_bytes // target.medium.sector_bytes):,} sectors"
                if target.format.is_image
                else f"{len(volume.files):,} files"
            )
        manifest = _manifest(work, volume, pending.image)
        with (
            job.step(volume.plan.step("verify"), size_bytes, "bytes") as step,
            open_made(work, volume, pending.path) as medium,
        ):
            job.found(forget_written(work.station, volume.plan.output, pending.path, medium))
            report = verify_volume(medium, manifest, profile=work.profile, progress=step.report)
            proof = prove_mail(work, volume, medium)
            job.found(
                finding
                for finding in report.findings
                if work.sealing is None or finding.rule not in _NO_NEWS
            )
            step.summary = report.proved
        if not report.ok:
            raise RefusedError(
                f"The {name} was written and reread, and what was read is not what was written; "
                "it was removed.",
                report.findings,
                "Check the disk, then give the command again.",
            )
        proof += prove_volume(work, volume, pending.path, keys)
        job.found(proof)
        if has_errors(proof):
            raise RefusedError(
                f"The {name} was sealed and opened again, and what came out is not what was "
                "sealed; it was removed.",
                proof,
                "Check the disk, then give the command again.",
            )
        with disk_trouble_told(volume.folder):
            write_text_durably(volume.folder / MANIFEST_NAME, manifest.iter_json())
        head = _record(work, volume, manifest)
        with named(work.station, job, head):
            label = keep_labels(work, volume, head)
            result = _result(volume, size_bytes, pending.image.sha256, verified=True, label=label)
            # From here on an image may be found that is to be known by its File-set UID.
            job.result["volumes"] = [*job.result.get("volumes", []), asdict(result)]
            job.save_result()
            pending.commit()
    work.heads.append(head)
    return result


def _record(work: Work, volume: Volume, manifest: Manifest) -> LedgerHead:
    """Enter the medium into the ledger, before anybody can take it for finished."""
    facts = medium_facts(
        manifest,
        ledger_contents(work.station, volume.contents or read_contents(volume.folder / DICOMDIR)),
        path=volume.plan.output,
        verified=True,
        opened_by=work.sealing.opened_by if work.sealing else (),
    )
    return record_made(work.station, work.job.id, facts, work.request.disclosure)


def _step_name(target: Target) -> str:
    return "image" if target.format.is_image else str(target.format)


def _require_fit(target: Target, size_bytes: int) -> None:
    if size_bytes <= target.capacity_bytes:
        return
    medium = target.medium
    sectors = -(-size_bytes // medium.sector_bytes)
    room = target.capacity_bytes // medium.sector_bytes
    finding = error(
        "too-large",
        medium.name,
        f"The set needs {sectors:,} sectors ({size_bytes:,} bytes); {medium.description} has "
        f"{room:,} ({target.capacity_bytes:,} bytes).",
        "Export fewer studies or series at a time, or on a larger medium if the profile has one.",
        f"PS3.12 Annex {medium.annex}",
    )
    raise RefusedError(f"Nothing was written. {finding.message}", [finding], finding.hint)


def _manifest(work: Work, volume: Volume, image: WrittenImage) -> Manifest:
    return Manifest(
        files=tuple(volume.manifest_files),
        file_set_uid=volume.file_set_uid,
        file_set_id=volume.file_set_id,
        profile=work.profile.name,
        image_sha256=image.sha256,
        image_size_bytes=image.size_bytes,
        structure=image.structure,
        confirmed_ids=volume.plan.confirmed_ids,
        inherited=volume.inherited,
        made_from=volume.made_from,
        medium=work.target.medium.name,
        format=str(work.target.format),
        filled_bytes=work.target.filled_bytes,
        # A reprint has to write the moment that the medium bears, not that of its end.
        moment=volume.moment.isoformat() if volume.moment else "",
        volume=volume.plan.number,
        volumes=volume.plan.volumes,
        undated_studies=tuple(sorted(volume.undated_studies)),
    )


def _result(
    volume: Volume, size_bytes: int, sha256: str, *, verified: bool, label: Path | None = None
) -> VolumeResult:
    return VolumeResult(
        path=str(volume.plan.output),
        file_set_id=volume.file_set_id,
        file_set_uid=volume.file_set_uid,
        instances=volume.instances,
        size_bytes=size_bytes,
        sha256=sha256,
        verified=verified,
        label=str(label or ""),
        sealed_directory_sha256=next(
            (
                file.sha256
                for file in volume.manifest_files
                if file.path == DICOMDIR and file.content_sha256
            ),
            "",
        ),
    )
