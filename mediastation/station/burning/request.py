"""What a burn is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mediastation.burn.drive import path_of
from mediastation.burn.plan import BurnOptions
from mediastation.errors import ConfigError
from mediastation.model.finding import Finding
from mediastation.model.ledger import NOBODY, Disclosure
from mediastation.model.manifest import Manifest

MOST_COPIES = 999
MOST_DRIVES = 64


@dataclass(frozen=True, slots=True)
class BurnRequest:
    """One image, onto one disc or several.

    Parameters
    ----------
    image : Path
        The image of a disc.
    drives : tuple of str
        Drives, which work at the same time.
    speed : float
        Factor as on the box; 0 for the fastest.
    copies : int
        Discs that each drive is to make.
    simulate : bool
        Go through the motions and write nothing.
    keep_open : bool
        Leave the disc so that a further session may follow.
    append : bool
        Add a session to the disc that holds an older state of the File-set.
    eject : bool
        Put each disc out when it is done.
    retries : int
        New blanks that may be used up for discs that failed, on each drive.
    wait_s : float
        How long to wait for the next blank to be put in.
    disclosure : Disclosure
        What the ledger is told of why the data go out.
    image_sha256 : str
        What the image has to be: by the time of the burn another one may lie
        there. Empty for whichever it is.
    """

    image: Path
    drives: tuple[str, ...]
    speed: float = 0
    copies: int = 1
    simulate: bool = False
    keep_open: bool = False
    append: bool = False
    eject: bool = True
    retries: int = 0
    wait_s: float = 300.0
    disclosure: Disclosure = NOBODY
    image_sha256: str = ""

    @property
    def options(self) -> BurnOptions:
        """What is asked of each disc."""
        return BurnOptions(self.speed, self.keep_open, self.append, self.simulate)

    def as_dict(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {**asdict(self), "image": str(self.image), "drives": list(self.drives)}


def require_sensible(request: BurnRequest) -> None:
    """Raise `ConfigError` for what cannot be meant, before any drive is touched."""
    if not request.drives:
        raise ConfigError(
            "No drive is named.", "`mediastation drives` lists them; give one with --drive."
        )
    if len(set(request.drives)) != len(request.drives) or len(request.drives) > MOST_DRIVES:
        raise ConfigError("A drive is named more than once.", "Name each drive once.")
    if not 1 <= request.copies <= MOST_COPIES:
        raise ConfigError(f"{request.copies} copies cannot be made.", f"1 to {MOST_COPIES} can.")
    if request.append and (request.copies > 1 or len(request.drives) > 1):
        raise ConfigError(
            "A session is added to one disc at a time.", "Give one --drive, and no --copies."
        )


@dataclass(slots=True)
class DiscResult:
    """What became of one disc.

    Parameters
    ----------
    copy, attempt : int
        Which copy it was meant to be, and which disc it was to become that, from 1.
    medium_id : str
        Maker and type, as far as the drive tells.
    state : str
        ``writing``, ``rereading``, ``verified``, ``simulated``, ``unproved`` (written;
        its rereading was stopped) or ``discard``. A job that was killed leaves the
        one it was in.
    bad_sectors : int
        Sectors that could not be read back.
    reread : str
        ``identical``, ``differs``, ``unreadable`` or ``not reread``.
    sha256 : str
        Of what was written: of the image, or of the session that was added.
    first_sector : int
        Where it begins on the disc.
    """

    copy: int
    attempt: int
    medium_id: str = ""
    state: str = "writing"
    bad_sectors: int = 0
    reread: str = "not reread"
    sha256: str = ""
    first_sector: int = 0

    @property
    def verified(self) -> bool:
        """Whether it may go out."""
        return self.state == "verified"


def read_disc(told: Mapping[str, Any]) -> DiscResult:
    """Return what `DriveResult.as_dict` said of a disc."""
    known = {one.name for one in fields(DiscResult)}
    return DiscResult(**{name: value for name, value in told.items() if name in known})


@dataclass(slots=True)
class DriveResult:
    """What one drive made. `stopped` is the error that ended its work early."""

    drive: str
    copies: int
    discs: list[DiscResult] = field(default_factory=list)
    stopped: Exception | None = None

    @property
    def verified(self) -> bool:
        """Whether every disc that was asked for was read back and is what it should be."""
        return sum(disc.verified for disc in self.discs) == self.copies

    @property
    def bad_sectors(self) -> int:
        """Of all its discs."""
        return sum(disc.bad_sectors for disc in self.discs)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON says of it."""
        return {
            "drive": self.drive,
            "path": str(path_of(self.drive).absolute()),
            "verified": self.verified,
            "bad_sectors": self.bad_sectors,
            "discs": [{**asdict(disc), "verified": disc.verified} for disc in self.discs],
        }


@dataclass(slots=True)
class BurnResult:
    """What came of a burn. With `exit_code` 0 everything that was asked for is there."""

    job: int
    image_sha256: str = ""
    file_set_uid: str = ""
    simulated: bool = False
    drives: list[DriveResult] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    exit_code: int = 0
    stopped: str = ""
    hint: str = ""

    @property
    def verified(self) -> bool:
        """Whether every disc of every drive is what it should be."""
        return bool(self.drives) and all(drive.verified for drive in self.drives)

    def as_dict(self, *, with_findings: bool = True) -> dict[str, Any]:
        """Return the JSON keys that the command promises; `burns` has each drive by itself."""
        told: dict[str, Any] = {
            "job": self.job,
            "drive": ", ".join(drive.drive for drive in self.drives),
            "image_sha256": self.image_sha256,
            "file_set_uid": self.file_set_uid,
            "verified": self.verified,
            "bad_sectors": sum(drive.bad_sectors for drive in self.drives),
            "simulated": self.simulated,
            "burns": [drive.as_dict() for drive in self.drives],
        }
        if with_findings:
            told["findings"] = [finding.as_dict() for finding in self.findings]
        return told


@dataclass(frozen=True, slots=True)
class BurnRecord:
    """All that is to be remembered of one disc that left its blank state.

    Parameters
    ----------
    job : int
        The job.
    drive : str
        Its device, maker and model.
    medium_id : str
        Maker and type of the disc.
    image : str
        Path of the image.
    image_sha256 : str
        Of the image, also where only a part of it was added to a disc.
    manifest : Manifest
        Of the image.
    copy, copies : int
        Which disc of how many.
    reread : str
        As `DiscResult.reread`.
    bad_sectors : int
        Sectors that could not be read back.
    appended : bool
        Whether it was added to what the disc held.
    """

    job: int
    drive: str
    medium_id: str
    image: str
    image_sha256: str
    manifest: Manifest
    copy: int
    copies: int
    reread: str
    bad_sectors: int
    appended: bool = False


OnBurned = Callable[[BurnRecord], None]
"""Called once for each disc that was written to, whatever came of it."""
