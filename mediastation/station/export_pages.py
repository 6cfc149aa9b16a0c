"""What a volume carries besides DICOM: README.TXT for people, SHA256.TXT for programs."""

from __future__ import annotations

import hashlib

from mediastation.catalog.durable import disk_trouble_told
from mediastation.model.manifest import DIGEST_LIST_NAME, write_digest_list
from mediastation.pages.readme import README_NAME, ReadmeFacts, render_readme
from mediastation.station.export_file_set import DICOMDIR, Volume
from mediastation.station.export_work import Work


def add_pages(work: Work, volume: Volume) -> None:
    """Put everything onto the volume that is no instance, the digests of it all last."""
    add_own_file(volume, DICOMDIR, volume.file_set_uid)
    add_readme(work, volume)
    add_digest_list(volume)


def add_readme(work: Work, volume: Volume) -> None:
    """Put README.TXT onto the volume."""
    facts = ReadmeFacts(
        created=work.station.clock.moment(),
        profile=work.target.claims,
        file_set_id=volume.file_set_id,
        file_set_uid=volume.file_set_uid,
        instances=volume.instances,
        institution=work.station.settings.institution,
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


def add_own_file(volume: Volume, name: str, uid: str = "") -> None:
    """Put a file of the volume's folder onto the volume."""
    path = volume.folder / name
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    volume.add(name, path, path.stat().st_size, digest, uid)
