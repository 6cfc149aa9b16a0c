"""Where an import reads a medium: as it lies there, or, a disc, in its copy in the job's folder."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mediastation.burn.drive import Disc
from mediastation.burn.xorriso import XorrisoEngine
from mediastation.errors import MediaError
from mediastation.importing.disc_copy import copy_disc
from mediastation.importing.disc_damage import claimed_bytes
from mediastation.reading.contract import Extent
from mediastation.station.intake.folder import DISC_NAME
from mediastation.station.intake.keys import ImportKeys
from mediastation.station.job import Job


@dataclass(frozen=True, slots=True)
class ReadingPlace:
    """Where a medium is read, and what copying it there has shown.

    Parameters
    ----------
    path : Path
    disc : Disc
        What the drive says of it; of what lay in no drive, nothing.
    bad : tuple of Extent
        What could not be read, in bytes from the beginning of `path`.
    sha256 : str
        Digest of the copy; empty where nothing was copied.
    """

    path: Path
    disc: Disc = field(default_factory=Disc)
    bad: tuple[Extent, ...] = ()
    sha256: str = ""

    @property
    def lost_bytes(self) -> int:
        """How much could not be read."""
        return sum(extent.length for extent in self.bad)


def copy_if_disc(job: Job, medium: Path, folder: Path, keys: ImportKeys) -> ReadingPlace:
    """Copy a disc, or a stick, into the folder of the job; anything else is read where it is.

    Raises
    ------
    MediaError
        If it cannot be read at all, or the disk of the home fails.
    SecrecyError
        If it is sealed and nothing at hand opens it: known before minutes of copying.
    """
    if not medium.is_block_device():
        return ReadingPlace(medium)
    if not (folder / DISC_NAME).exists():
        keys.require_in_drive()
    disc = Disc()
    # A stick is a block device too, and no drive that could be asked.
    with suppress(MediaError):
        disc = XorrisoEngine().inspect(str(medium)).disc or disc
    with job.step("copy", 0, "bytes") as step:
        copy = copy_disc(medium, folder / DISC_NAME, progress=step.report)
        job.found(copy.findings)
        # Behind what the file system claims, drives stumble over run-out blocks.
        claimed = claimed_bytes(copy.path)
        bad = tuple(extent for extent in copy.bad if extent.offset < claimed)
        place = ReadingPlace(copy.path, disc, bad, copy.sha256)
        step.summary = f"{copy.size_bytes:,} bytes, {place.lost_bytes:,} of them unreadable"
    return place
