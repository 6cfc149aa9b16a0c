"""Which outside medium it is: its kind, and the digest that it is recognised by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mediastation.errors import MediaError
from mediastation.model.importing import MediumKind, OutsideMedium
from mediastation.model.text import storable
from mediastation.reading.contract import Volume
from mediastation.reading.single_file import SingleFileVolume
from mediastation.reading.volume import MailVolume, MimeVolume, ZipVolume
from mediastation.station.intake.reading_place import ReadingPlace
from mediastation.station.job import Job

_CHUNK = 4 << 20


def identify_medium(job: Job, medium: Path, volume: Volume, place: ReadingPlace) -> OutsideMedium:
    """Tell which medium it is; of a folder that is known when it was looked through.

    Parameters
    ----------
    job : Job
        Shows how far the digest is.
    medium : Path
        What was brought.
    volume : Volume
        The medium, open as it lies there; an e-mail that was sealed as a whole
        has what was in it as `mail`.
    place : ReadingPlace
        Where it is read, and what copying it there has shown.
    """
    name, volume = storable(str(medium)), getattr(volume, "mail", volume)
    if place.path.is_dir():
        return OutsideMedium(MediumKind.FOLDER, name)
    kind = MediumKind.DISC if medium.is_block_device() else MediumKind.IMAGE
    if isinstance(volume, ZipVolume):
        kind = MediumKind.ZIP
    elif isinstance(volume, SingleFileVolume):
        kind = MediumKind.FILE
    elif isinstance(volume, (MailVolume, MimeVolume)):
        kind = MediumKind.MAIL
    size_bytes = place.path.stat().st_size
    sha256 = place.sha256 or _digest(job, place.path, size_bytes)
    label = next((one.volume_id for one in reversed(place.disc.sessions)), "")
    return OutsideMedium(kind, name, size_bytes, sha256, storable(label))


def _digest(job: Job, place: Path, size_bytes: int) -> str:
    digest = hashlib.sha256()
    with job.step("digest", size_bytes, "bytes") as step, _readable(place) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            step.report(step.done + len(chunk), size_bytes)
        step.summary = digest.hexdigest()
    return digest.hexdigest()


@contextmanager
def _readable(place: Path) -> Iterator[IO[bytes]]:
    """Open an image to be digested; what it refuses is trouble with the medium, not with us."""
    try:
        with place.open("rb", buffering=0) as file:
            yield file
    except OSError as fault:
        raise MediaError(
            f"{place} cannot be read to its end: {fault.strerror}.",
            "Copy it again from its source.",
        ) from fault
