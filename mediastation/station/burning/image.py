"""Prove an image before a blank is spent on it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mediastation.burn.plan import ImageFacts
from mediastation.errors import ConfigError, MediaError, ProfileError, RefusedError
from mediastation.model.finding import Finding, warning
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.model.profile import ApplicationProfile
from mediastation.reading.contract import ImageVolume, Volume
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.udf import UdfVolume
from mediastation.reading.volume import open_volume
from mediastation.station.job import Job
from mediastation.station.recording.known_media import digest_of_directory, find_manifest
from mediastation.station.station import Station
from mediastation.verify.verifier import verify_volume

_CHUNK_BYTES = 1 << 20
_DICOMDIR = "DICOMDIR"
_DISC_ANNEX = re.compile(r"PS3\.12 Annex ([FJPX])\b")
_SENT = (
    "a MIME entity or an e-mail",
    "Send it as it is; for a disc, export with a CD, DVD or BD profile.",
)
_OTHER_KINDS = {
    "ZipVolume": (
        "a ZIP file",
        "Send it or copy it as it is; for a disc, export with a CD, DVD or BD profile.",
    ),
    "FatVolume": (
        "an image for a stick or a card",
        "Write it onto that medium, such as with `dd`; for a disc, export with a CD, DVD or BD "
        "profile.",
    ),
    "FolderVolume": ("a folder", "Export to an image file first, and burn that."),
    "MimeVolume": _SENT,
    "MailVolume": _SENT,
}


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image that was read once, whole.

    Parameters
    ----------
    path : Path
        Where it lies.
    sha256 : str
        Of all of it.
    manifest : Manifest
        What its disc is reread against: the one of the job that made it, else
        one that was taken from it just now.
    made_here : bool
        Whether that manifest is of a job of this station.
    facts : ImageFacts
        What decides onto which disc it may go.
    """

    path: Path
    sha256: str
    manifest: Manifest
    made_here: bool
    facts: ImageFacts

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes; `RefusedError` at the end if they are others than were read before."""
        digest = hashlib.sha256()
        done = 0
        with self.path.open("rb") as file:
            while done < self.facts.size_bytes and (
                data := file.read(min(_CHUNK_BYTES, self.facts.size_bytes - done))
            ):
                digest.update(data)
                done += len(data)
                yield data
        if digest.hexdigest() != self.sha256:
            raise RefusedError(
                f"{self.path} was changed while it was burned.",
                hint="Leave it alone while it is burned, and burn it anew.",
            )


def check_image(station: Station, job: Job, path: Path) -> CheckedImage:
    """Read an image and say whether it may be burned.

    One that was made here has to be what it was when it was verified. Of one
    from elsewhere only the structure can be proved, and that is told.

    Raises
    ------
    ConfigError
        If it is no image of a disc.
    RefusedError
        If it is damaged, or not what was made.
    MediaError
        If it cannot be read.
    """
    if not path.exists():
        raise ConfigError(f"{path} does not exist.", "Check the path.")
    if not (path.is_file() or path.is_dir()):
        raise ConfigError(f"{path} is no image file.", "Copy the disc into a file first.")
    _require_no_mail(path)
    with open_volume(path) as volume:
        if not isinstance(volume, IsoVolume | UdfVolume):
            what, hint = _OTHER_KINDS.get(
                type(volume).__name__, ("no image of a disc", "Burn an image file.")
            )
            raise ConfigError(f"{path} is {what}; no disc can be burned from it.", hint)
        directory, directory_sha256 = _directory(volume)
        manifest = find_manifest(station, path, directory, directory_sha256)
        if manifest and directory.file_set_uid not in {"", manifest.file_set_uid}:
            # Of the same people, perhaps; but another File-set all the same.
            manifest = None
        profile = _profile(station, manifest)
        facts = image_facts(volume, profile)
        with job.step("image", volume.size_bytes, "bytes") as step:
            if manifest is not None and manifest.image_sha256:
                sha256 = _digest(path, step.report)
                if sha256 == manifest.image_sha256:
                    step.summary = "is what was made and verified"
                    return CheckedImage(path, sha256, manifest, True, facts)
            report = verify_volume(volume, manifest, profile=profile, progress=step.report)
            step.summary = report.proved
        job.found(report.findings)
        if not report.ok:
            raise RefusedError(
                f"{path} is not burned: it is damaged, or not what was made."
                if manifest
                else f"{path} is not burned: it is faulty.",
                report.findings,
                "Export it again." if manifest else "Get it anew from where it came from.",
            )
        if manifest is None:
            job.found([_foreign(path, report.manifest)])
        taken = _manifest_of(volume, report.image_sha256, manifest)
        return CheckedImage(path, report.image_sha256, taken, manifest is not None, facts)


def image_facts(volume: IsoVolume | UdfVolume, profile: ApplicationProfile | None) -> ImageFacts:
    """Return what decides onto which disc an image may go."""
    revision = ""
    if isinstance(volume, UdfVolume):
        revision = f"{volume.revision >> 8}.{volume.revision & 0xFF:02x}"
    elif volume.has_udf:
        revision = "1.02"
        with suppress(MediaError), UdfVolume(Path(volume.name)) as beside:
            revision = f"{beside.revision >> 8}.{beside.revision & 0xFF:02x}"
    annex = ""
    if profile is not None:
        match = _DISC_ANNEX.match(profile.medium_format)
        annex = match[1] if match else ""
    return ImageFacts(
        name=volume.name,
        size_bytes=volume.size_bytes,
        has_iso9660=isinstance(volume, IsoVolume),
        udf_revision=revision,
        annex=annex,
    )


def _require_no_mail(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(512).lower()
        if start.startswith((b"mime-version:", b"content-type:", b"date:", b"from:", b"subject:")):
            what, hint = _SENT
            raise ConfigError(f"{path} is {what}; no disc can be burned from it.", hint)


def _directory(volume: Volume) -> tuple[Dicomdir, str]:
    found = volume.find([_DICOMDIR])
    directory = Dicomdir()
    if found is not None:
        # What cannot be read here is a finding of the check that follows.
        with suppress(OSError, MediaError), volume.open(found.file.path) as stream:
            directory = read_dicomdir(stream)
    return directory, digest_of_directory(volume)


def _profile(station: Station, manifest: Manifest | None) -> ApplicationProfile | None:
    if manifest is not None and manifest.profile:
        # A site may have given up a profile of its own since.
        with suppress(ProfileError):
            return station.find_profile(manifest.profile)
    return None


def _digest(path: Path, progress: Callable[[int, int], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        done = 0
        while data := file.read(_CHUNK_BYTES):
            digest.update(data)
            done += len(data)
            progress(done, size_bytes)
    return digest.hexdigest()


def _manifest_of(volume: ImageVolume, sha256: str, known: Manifest | None) -> Manifest:
    """Return a manifest of what is on an image, for want of one that tells what should be."""
    files = []
    for file in volume.iter_files():
        digest = hashlib.sha256()
        with volume.open(file.path) as stream:
            while data := stream.read(_CHUNK_BYTES):
                digest.update(data)
        files.append(ManifestFile(file.path, file.size_bytes, digest.hexdigest()))
    directory = _directory(volume)[0]
    return Manifest(
        files=tuple(files),
        file_set_uid=known.file_set_uid if known else directory.file_set_uid,
        file_set_id=known.file_set_id if known else directory.file_set_id,
        image_sha256=sha256,
        image_size_bytes=volume.size_bytes,
    )


def _foreign(path: Path, held_against: str) -> Finding:
    listed = held_against == "medium"
    return warning(
        "not-made-here",
        path.name,
        "No job of this station made this image, so "
        + (
            "its files were held against the list that lies on it, which vouches for nobody."
            if listed
            else "nothing but its structure could be proved; what the files hold was not."
        ),
        "Burn it only if you know where it comes from. The disc will be an exact copy of it.",
    )
