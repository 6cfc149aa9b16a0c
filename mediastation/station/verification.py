"""Verify: reread a medium against whatever is known of it here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mediastation.errors import ConfigError, MediaError, ProfileError
from mediastation.model.event import Listener, nobody
from mediastation.model.manifest import Manifest, read_digest_list
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.volume import Volume, open_volume
from mediastation.station.export_partition import volume_folders
from mediastation.station.export_volume import MANIFEST_NAME
from mediastation.station.station import Station
from mediastation.verify.report import JOB, VerifyReport
from mediastation.verify.verifier import verify_volume

_MOST_MANIFEST_BYTES = 256 << 20
_DICOMDIR = ("DICOMDIR",)
_MAKING = ("export", "update")
_CHUNK_BYTES = 1 << 20


def verify(
    station: Station,
    medium: Path,
    manifest: Path | None = None,
    listener: Listener = nobody,
    *,
    profile: str = "",
) -> VerifyReport:
    """Reread `medium` and return what is wrong with it and how much was proved.

    It is held against the manifest that is named, else against that of the
    export which made it, else against the digest list that lies on it, else
    against nothing but itself and the standard. Of the standard, Annex F of
    PS3.3 counts always, an Application Profile where `profile` names it or
    that manifest does.

    Raises
    ------
    ConfigError
        If the manifest that is named cannot be read, or the profile is not
        known.
    MediaError
        If there is no medium that can be read at all.
    """
    chosen = station.find_profile(profile) if profile else None
    named = read_manifest(manifest) if manifest else None
    if not medium.exists():
        raise ConfigError(f"{medium} does not exist.", "Check the path, or mount the medium.")
    request = {"medium": str(medium), "manifest": str(manifest or ""), "profile": profile}
    with station.job("verify", request, listener) as job, open_volume(medium) as volume:
        with job.step("identify") as step:
            name = str(manifest) if manifest else JOB
            if named is None:
                found = volume.find(_DICOMDIR)
                directory = Dicomdir()
                if found is not None:
                    # What cannot be read here is a finding of the reread below.
                    with suppress(OSError, MediaError), volume.open(found.file.path) as stream:
                        directory = read_dicomdir(stream)
                named = find_manifest(station, medium, directory, digest_of_directory(volume))
            step.summary = "made here" if named else "no manifest here"
        with job.step("verify", 0, "bytes") as step:
            if chosen is None and named is not None and named.profile:
                # A site may have given up a profile of its own since.
                with suppress(ProfileError):
                    chosen = station.find_profile(named.profile)
            report = verify_volume(
                volume,
                named,
                profile=chosen,
                progress=step.report,
                manifest_name=name if named else "",
            )
            step.summary = report.proved
        job.found(report.findings)
        job.result = {
            "path": str(medium),
            "ok": report.ok,
            "manifest": report.manifest,
            "files": report.files,
            "bytes": report.bytes,
        }
    return report


def read_manifest(path: Path) -> Manifest:
    """Read a job's manifest or a digest list; `ConfigError` if it is neither."""
    try:
        # Its size is not asked for: a device or a pipe has none.
        with path.open("rb") as file:
            read = file.read(_MOST_MANIFEST_BYTES + 1)
        if len(read) > _MOST_MANIFEST_BYTES:
            raise ConfigError(f"{path} is too large for a manifest.", "Name the right file.")
        text = read.decode("utf-8")
        if not text.strip():
            raise ValueError("it is empty")
        return Manifest.from_json(text) if text.startswith("{") else read_digest_list(text)
    except OSError as fault:
        raise ConfigError(f"{path}: {fault.strerror}.", "Check the path.") from fault
    except ValueError as fault:
        raise ConfigError(
            f"{path} is no manifest: {fault}.",
            "Name manifest.json of the job, or a list as sha256sum writes it.",
        ) from fault


def find_manifest(
    station: Station, medium: Path, directory: Dicomdir, directory_sha256: str = ""
) -> Manifest | None:
    """Return the manifest of the export or update that made this medium, if it was made here.

    The File-set UID tells. An updated File-set keeps its UID, so of several
    manifests the one is taken that knows this very DICOMDIR, else the one
    whose instances are nearest to those of the directory, the newest first. A
    medium that was updated here and made elsewhere is none of them.
    Where no job has that UID, one that wrote this very path, or a medium of
    this File-set ID, is taken if its File-set held most of the instances that
    the directory speaks of: the UID itself may be what is damaged.
    """
    here = {record.sop_instance_uid for record in directory.records} - {""}
    if directory.file_set_uid:
        candidates = [
            manifest
            for manifest in _manifests(station, directory.file_set_uid)
            if manifest.file_set_uid == directory.file_set_uid
        ]
        known = {manifest.made_from for manifest in candidates} - {""}
        if directory_sha256 in known and not any(
            _knows(manifest, directory_sha256) for manifest in candidates
        ):
            return None
        if candidates:
            # Of equals `min` takes the first, which is the newest.
            return min(candidates, key=lambda one: _distance(one, here, directory_sha256))
    names = [str(medium), str(medium.absolute()), directory.file_set_id]
    for name in filter(None, names):
        for manifest in _manifests(station, name):
            written = {file.sop_instance_uid for file in manifest.files} - {""}
            if 2 * len(here & written) > len(written):
                return manifest
    return None


def digest_of_directory(volume: Volume) -> str:
    """Return SHA-256 of the DICOMDIR of `volume`; empty if there is none or it cannot be read."""
    found = volume.find(_DICOMDIR)
    with suppress(OSError, MediaError):
        if found is not None:
            with volume.open(found.file.path) as stream:
                digest = hashlib.sha256()
                while data := stream.read(_CHUNK_BYTES):
                    digest.update(data)
                return digest.hexdigest()
    return ""


def _knows(manifest: Manifest, directory_sha256: str) -> bool:
    name = "/".join(_DICOMDIR)
    return any(file.path == name and file.sha256 == directory_sha256 for file in manifest.files)


def _distance(manifest: Manifest, here: set[str], directory_sha256: str) -> tuple[bool, int]:
    written = {file.sop_instance_uid for file in manifest.files}
    written -= {"", manifest.file_set_uid}
    return not _knows(manifest, directory_sha256), len(here ^ written)


def _manifests(station: Station, text: str) -> Iterator[Manifest]:
    quoted = json.dumps(text)[1:-1]
    found = [record for kind in _MAKING for record in station.jobs.with_result(kind, quoted)]
    for record in sorted(found, key=lambda record: -record.id):
        for folder in volume_folders(station.home / "jobs" / str(record.id)):
            path = folder / MANIFEST_NAME
            if path.exists():
                yield read_manifest(path)
