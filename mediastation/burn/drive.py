"""What a drive is and what lies in it, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

SECTOR_BYTES = 2048
STDIO = "stdio:"
"""Prefix of a drive that is a file: for training and tests."""


class DiscStatus(StrEnum):
    """What can be done with what lies in a drive."""

    NONE = "none"
    """The drive is empty, or its tray is open."""
    BLANK = "blank"
    APPENDABLE = "appendable"
    """A further session may follow."""
    CLOSED = "closed"
    OVERWRITABLE = "overwritable"
    """It holds something, and could be written anew without being blanked first."""
    UNKNOWN = "unknown"
    """The drive cannot say what it is."""


class Family(StrEnum):
    """Kinds of disc that differ in speed and file system."""

    CD = "CD"
    DVD = "DVD"
    DVD_RAM = "DVD-RAM"
    BD = "BD"
    FILE = "file"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a disc, numbered from 1; `volume_id` is empty where none could be read."""

    number: int
    first_sector: int
    sectors: int
    volume_id: str = ""


@dataclass(frozen=True, slots=True)
class Speed:
    """A speed that the drive offers: thousands of bytes a second, and as printed on the box."""

    kilobytes: int
    factor: float

    @property
    def words(self) -> str:
        """What a person calls it, such as ``8x``."""
        return f"{self.factor:g}x"


@dataclass(frozen=True, slots=True)
class Disc:
    """What lies in a drive.

    Parameters
    ----------
    kind : str
        ``CD-R``, ``DVD+RW``, ``BD-RE`` …; ``file`` for a stdio drive; empty
        where there is none.
    status : DiscStatus
        What can be done with it.
    capacity_sectors, free_sectors : int
        Sectors of 2048 bytes in all, and those that can be written now.
    next_sector : int
        Where the next session would begin; 0 on what is blank.
    sessions : tuple of Session
        Those that the drive knows.
    speeds : tuple of Speed
        Those that the drive offers for it, ascending; empty where it says none.
    medium_id : str
        Maker and type as the disc has them; no disc has a number of its own
        that every drive tells.
    damaged : bool
        The drive found its last session incomplete.
    is_random_access : bool
        Any sector can be written at any time, so that there are no real sessions.
    """

    kind: str = ""
    status: DiscStatus = DiscStatus.NONE
    capacity_sectors: int = 0
    free_sectors: int = 0
    next_sector: int = 0
    sessions: tuple[Session, ...] = ()
    speeds: tuple[Speed, ...] = ()
    medium_id: str = ""
    damaged: bool = False
    is_random_access: bool = False

    @property
    def family(self) -> Family:
        """The kind of disc, coarsely."""
        if self.kind == Family.FILE:
            return Family.FILE
        if self.kind == Family.DVD_RAM:
            return Family.DVD_RAM
        for family in (Family.CD, Family.DVD, Family.BD):
            if self.kind.startswith(family):
                return family
        return Family.OTHER

    @property
    def is_rewritable(self) -> bool:
        """Whether it can be blanked."""
        return self.kind.removesuffix("-DL") in {
            "CD-RW",
            "DVD-RW",
            "DVD+RW",
            "DVD-RAM",
            "BD-RE",
            Family.FILE,
        }

    @property
    def words(self) -> str:
        """What a person calls it, such as ``blank CD-R``."""
        match self.status:
            case DiscStatus.NONE:
                return "no disc"
            case DiscStatus.UNKNOWN:
                return f"{self.kind or 'disc'} that the drive cannot read"
            case DiscStatus.BLANK:
                return f"blank {self.kind}"
            case DiscStatus.APPENDABLE:
                return f"{self.kind} with data, left open"
            case DiscStatus.CLOSED:
                return f"{self.kind} with data, closed"
            case DiscStatus.OVERWRITABLE:
                return f"{self.kind} with data"


@dataclass(frozen=True, slots=True)
class Drive:
    """A drive, and the disc in it.

    `disc` is None, and `trouble` says why, where the drive could not be asked.
    """

    device: str
    vendor: str = ""
    model: str = ""
    revision: str = ""
    disc: Disc | None = None
    trouble: str = ""

    @property
    def words(self) -> str:
        """Maker and model as a person calls them; the device where it tells neither."""
        return f"{self.vendor} {self.model}".strip() or self.device

    @property
    def full_name(self) -> str:
        """The device, with maker and model where it tells them: what records keep."""
        return self.device if self.words == self.device else f"{self.device} ({self.words})"


def is_stdio(device: str) -> bool:
    """Tell whether `device` is a file that stands for a drive."""
    return device.startswith(STDIO)


def path_of(device: str) -> Path:
    """Return the path through which the bytes of the disc in `device` are read."""
    return Path(device.removeprefix(STDIO))
