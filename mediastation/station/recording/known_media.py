"""What was made here: manifests of jobs, found by what a medium says of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediastation.dicom.charset import decode_text
from mediastation.errors import ConfigError, MediaError
from mediastation.model.instance import Element
from mediastation.model.job import JobRecord, JobState
from mediastation.model.manifest import Manifest, read_digest_list
from mediastation.model.medium import Format
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.volume import Volume
from mediastation.station.exporting.partition import volume_folders
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.recording.ledger import find_medium
from mediastation.station.station import Station
from mediastation.verify.right_disc import KnownMedium, Lookup, RawPatient, patients_of

_MOST_MANIFEST_BYTES = 256 << 20
_DICOMDIR = "DICOMDIR"
_MAKING = ("export", "update")
_CHUNK_BYTES = 1 << 20


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
    the directory speaks of: the UID itself may be what is damaged. A DICOMDIR
    in an envelope is known by its digest alone.
    """
    if directory.enveloped:
        # Nothing of it can be read; but no envelope is made twice.
        sealed = (one for _, one in _manifests(station, directory_sha256))
        return next((one for one in sealed if _knows(one, directory_sha256)), None)
    here = {record.sop_instance_uid for record in directory.records} - {""}
    if directory.file_set_uid:
        candidates = [
            manifest
            for _, manifest in _manifests(station, directory.file_set_uid)
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
        for _, manifest in _manifests(station, name):
            written = {file.sop_instance_uid for file in manifest.files} - {""}
            if 2 * len(here & written) > len(written):
                return manifest
    return None


def find_mail_manifest(station: Station, medium: Path, sha256: str) -> Manifest | None:
    """Return the manifest of the export that made an e-mail which nobody opens now.

    The digest of the whole message tells. Where no job made that, the one is
    taken that last wrote an encrypted e-mail to this very path: then it was
    changed since, and is no longer what was made.
    """
    for _, manifest in _manifests(station, sha256):
        if manifest.image_sha256 == sha256:
            return manifest
    names = dict.fromkeys((str(medium), str(medium.absolute())))
    for record in (one for name in names for one in _making(station, name)):
        volumes = [one for one in record.result.get("volumes", ()) if one.get("path") in names]
        written = {one.get("sha256") for one in volumes}
        for _, manifest in made_volumes(station.jobs_folder / str(record.id)):
            facts = find_medium(station, manifest.image_sha256)
            if manifest.image_sha256 in written and facts is not None:
                is_sealed_mail = facts.encrypted and manifest.format == Format.MAIL
                return manifest if is_sealed_mail else None
    return None


def known_media(station: Station) -> Lookup:
    """Return what finds the media that were made at `station` under a File-set UID."""

    def lookup(file_set_uid: str) -> list[KnownMedium]:
        if not file_set_uid:
            return []
        found = []
        for folder, manifest in _manifests(station, file_set_uid):
            if manifest.file_set_uid == file_set_uid:
                place = folder.relative_to(station.jobs_folder)
                patients = tuple(_patients(folder))
                found.append(
                    KnownMedium(
                        manifest,
                        int(place.parts[0]),
                        manifest.volume,
                        manifest.volumes,
                        patients,
                    )
                )
        return found

    return lookup


@dataclass(frozen=True, slots=True)
class MadeSet:
    """The volumes that one job made, each with the folder that holds its DICOMDIR.

    `request` is what the job was asked for, `is_done` whether it came to its end.
    """

    request: Mapping[str, Any]
    is_done: bool
    volumes: tuple[tuple[Path, Manifest], ...]


def sets_of(station: Station, file_set_uid: str) -> Iterator[MadeSet]:
    """Yield what each job made that made a volume of this File-set UID, the newest first."""
    if not file_set_uid:
        return
    for record in _making(station, file_set_uid):
        volumes = tuple(made_volumes(station.jobs_folder / str(record.id)))
        if any(manifest.file_set_uid == file_set_uid for _, manifest in volumes):
            yield MadeSet(record.request, record.state is JobState.DONE, volumes)


def show_patient(patient: RawPatient) -> str:
    """Return name and ID for the operator, in the character set of their record."""
    name, patient_id = decoded_patient(patient)
    return f"{name or 'no name'}, ID {patient_id or 'none'}"


def decoded_patient(patient: RawPatient) -> tuple[str, str]:
    """Return name and ID in the character set of their record, without what cannot be printed."""
    charset = Element("CS", patient.character_set)
    name = decode_text(Element("PN", patient.name), charset)
    patient_id = decode_text(Element("LO", patient.patient_id), charset)
    return _printable(name), _printable(patient_id)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def digest_of_directory(volume: Volume) -> str:
    """Return SHA-256 of the DICOMDIR of `volume`; empty if there is none or it cannot be read."""
    return digest_of(volume, _DICOMDIR)


def digest_of(volume: Volume, path: str) -> str:
    """Return SHA-256 of a file of `volume`; empty if there is none or it cannot be read."""
    found = volume.find(path.split("/"))
    with suppress(OSError, MediaError):
        if found is not None:
            with volume.open(found.file.path) as stream:
                digest = hashlib.sha256()
                while data := stream.read(_CHUNK_BYTES):
                    digest.update(data)
                return digest.hexdigest()
    return ""


def _patients(folder: Path) -> list[RawPatient]:
    """Return the patients of a volume by the DICOMDIR that its job kept."""
    with suppress(OSError), (folder / _DICOMDIR).open("rb") as stream:
        return patients_of(read_dicomdir(stream))
    return []


def _knows(manifest: Manifest, directory_sha256: str) -> bool:
    return any(
        file.path == _DICOMDIR and file.sha256 == directory_sha256 for file in manifest.files
    )


def _distance(manifest: Manifest, here: set[str], directory_sha256: str) -> tuple[bool, int]:
    written = {file.sop_instance_uid for file in manifest.files}
    written -= {"", manifest.file_set_uid}
    return not _knows(manifest, directory_sha256), len(here ^ written)


def _manifests(station: Station, text: str) -> Iterator[tuple[Path, Manifest]]:
    """Yield folder and manifest of the volumes of jobs whose result has `text`, newest first."""
    if not text:
        return
    for record in _making(station, text):
        yield from made_volumes(station.jobs_folder / str(record.id))


def _making(station: Station, text: str) -> list[JobRecord]:
    quoted = json.dumps(text)[1:-1]
    found = [record for kind in _MAKING for record in station.jobs.with_result(kind, quoted)]
    return sorted(found, key=lambda record: -record.id)


def made_volumes(job_folder: Path) -> Iterator[tuple[Path, Manifest]]:
    """Yield folder and manifest of each volume that a job made."""
    for folder in volume_folders(job_folder):
        path = folder / MANIFEST_NAME
        if path.exists():
            yield folder, read_manifest(path)
