"""What is made again by a reprint: the job that made it, and what it noted of the medium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mediastation.errors import ConfigError, ProfileError
from mediastation.model.job import JobRecord
from mediastation.model.manifest import Manifest
from mediastation.model.medium import MEDIA, Format, Medium
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.station.exporting.partition import volume_folders
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.recording.known_media import read_manifest
from mediastation.station.station import Station

KIND = "reprint"
_MAKING = frozenset({"export", "update"})


@dataclass(frozen=True, slots=True)
class Original:
    """What is to be made again: by which job, and what is known of it."""

    job: JobRecord
    folder: Path
    manifest: Manifest
    medium: Medium
    form: Format
    moment: datetime
    profile: ApplicationProfile | None


def find_original(station: Station, number: int, volume: int | None) -> Original:
    """Return what is to be made again, as the job that made it noted it.

    Parameters
    ----------
    number : int
        The job, or a reprint of it.
    volume : int, optional
        Which of its volumes; needed where it made several.

    Raises
    ------
    ConfigError
        If there is no such job or volume, or if too little was noted of it.
    """
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
        return Original(
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


def is_sealed(original: Original) -> bool:
    """Tell whether envelopes lay on it, whose keys nobody has any more."""
    by_profile = original.profile is not None and original.profile.security is Security.MAIL
    return by_profile or any(file.content_sha256 for file in original.manifest.files)
