"""Drives as a screen shows them: disc, content, and the job that is busy there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.burn.drive import SECTOR_BYTES, Disc, DiscStatus, Drive, Family, is_stdio
from mediastation.burn.process import Patience
from mediastation.burn.xorriso import XorrisoEngine
from mediastation.errors import ConfigError, MediaError, MediastationError
from mediastation.model.job import JobRecord, JobState, Step
from mediastation.model.ledger import NOBODY, Disclosure
from mediastation.model.medium import MEDIA
from mediastation.station.burning.drives import DiscContent, content_of, read_content
from mediastation.station.job_facts import Output, facts_of_job, images_to_burn
from mediastation.station.serving.job_kinds import resource_of

if TYPE_CHECKING:
    from mediastation.burn.engine import BurnEngine
    from mediastation.station.station import Station

_PATIENCE = Patience(silence_s=30, ending_s=10)
"""Whoever only looks gives a drive up sooner than whoever burns."""
_HOLDING = frozenset({DiscStatus.APPENDABLE, DiscStatus.CLOSED, DiscStatus.OVERWRITABLE})
_MAKING = ("export", "update", "reprint")
_RECENT_JOBS = 100
_MOST_IMAGES = 30
_DEVICES = "/dev/"
_NODES = "sr[0-9]*"
_NEARLY = 1.001


@dataclass(frozen=True, slots=True)
class DriveJob:
    """An open job that needs a drive, and the step that it is at."""

    record: JobRecord
    step: Step | None = None

    @property
    def is_busy(self) -> bool:
        """Whether it has the drive."""
        return self.record.state is JobState.RUNNING


@dataclass(frozen=True, slots=True)
class DriveView:
    """A drive, what lies on its disc, and the job here that made it.

    `content` is None where there is nothing to read; `volume` of `volumes` is
    the place of the disc in what job `made_by` made, 0 where that is unknown.
    """

    drive: Drive
    content: DiscContent | None = None
    made_by: int = 0
    volume: int = 0
    volumes: int = 0

    @property
    def disc(self) -> Disc:
        """The disc; one without a kind where there is none."""
        return self.drive.disc or Disc()


@dataclass(frozen=True, slots=True)
class Burnable:
    """An image that may be burned: of which job, whose, and why it goes out.

    `image_sha256` is what that job made; empty for an image of no job.
    """

    path: Path
    content: DiscContent
    size_bytes: int
    job: int = 0
    disclosure: Disclosure = NOBODY
    image_sha256: str = ""


def drive_jobs(station: Station) -> dict[str, DriveJob]:
    """Return the open job of each drive, by what the job table calls the drive; quick.

    One that runs goes before one that asks, and that before one that is queued.
    """
    now = station.clock.now()
    steps = station.jobs.active_steps(now)
    found: dict[str, DriveJob] = {}
    order = (JobState.RUNNING, JobState.WAITING, JobState.QUEUED)
    for record in sorted(station.jobs.open_jobs(now), key=lambda one: order.index(one.state)):
        for resource in _resources(record):
            found.setdefault(resource, DriveJob(record, steps.get(record.id)))
    return found


def look_at_drives(
    station: Station,
    typed: Iterable[str],
    known: Mapping[str, DriveView],
    engine: BurnEngine | None = None,
) -> dict[str, DriveView]:
    """Return all drives by device, those that somebody typed last; takes seconds.

    A drive that a job is busy with is not asked: it stays as it is `known`. No
    tray is moved.

    Raises
    ------
    MediaError
        If no drive can be asked at all.
    """
    engine = engine or XorrisoEngine(patience=_PATIENCE)
    busy = {name for name, job in drive_jobs(station).items() if job.is_busy}
    found: dict[str, DriveView] = {}
    if any(name.startswith(_DEVICES) for name in busy):
        # A scan asks every drive; each one by itself leaves the busy ones in peace.
        devices = [device for device in known if not is_stdio(device)]
        devices += sorted(map(str, Path(_DEVICES).glob(_NODES)))
        devices += sorted(name for name in busy if name.startswith(_DEVICES))
        names = {resource_of(device): device for device in reversed(devices)}
        drives = [_inspect(engine, names[name], name in busy) for name in reversed(names)]
    else:
        drives = engine.list_drives()
    have = {drive.device for drive in drives}
    drives += [
        _inspect(engine, device, resource_of(device) in busy)
        for device in typed
        if device not in have
    ]
    for drive in drives:
        in_peace = resource_of(drive.device) in busy
        kept = known.get(drive.device) if in_peace else None
        found[drive.device] = kept or (
            DriveView(drive) if in_peace else _view(station, engine, drive)
        )
    return found


def look_at_drive(station: Station, device: str, engine: BurnEngine | None = None) -> DriveView:
    """Return one drive as it is now.

    Raises
    ------
    DriveError, ConfigError
        If it cannot be asked.
    """
    engine = engine or XorrisoEngine(patience=_PATIENCE)
    return _view(station, engine, engine.inspect(device))


def medium_like(disc: Disc) -> str:
    """Return the name of the largest medium that `disc` is about as large as.

    Empty for a file in place of a drive, and where there is no such medium. A
    disc may have a few sectors less than is written on its box.
    """
    room_bytes = disc.capacity_sectors * SECTOR_BYTES * _NEARLY
    fitting = [one for one in MEDIA.values() if _is_for(one.name, disc)]
    fitting = [one for one in fitting if one.capacity_bytes <= room_bytes]
    return max(fitting, key=lambda one: one.capacity_bytes).name if fitting else ""


def _is_for(name: str, disc: Disc) -> bool:
    kind = disc.kind.removesuffix("-DL")
    match disc.family:
        case Family.CD:
            return name.startswith("CD-")
        case Family.FILE | Family.OTHER:
            return False
        case Family.BD:
            return name.startswith(f"{kind}-")
        case _:
            return name.removesuffix("-DL") == kind


def recent_images(station: Station) -> list[tuple[JobRecord, Output, tuple[str, ...]]]:
    """Return images that the latest jobs made and that are still there, with their patients.

    Under one name lies what the latest of them made.
    """
    found = []
    seen: set[Path] = set()
    for record in station.jobs.latest(station.clock.now(), _RECENT_JOBS):
        made = [one for one in images_to_burn(record) if one.path not in seen]
        seen.update(one.path for one in made)
        images = [one for one in made if one.path.is_file()]
        if not images:
            continue
        people = tuple(one.patient_name for one in facts_of_job(station, record).patients)
        found += [(record, image, people or _people_in(image.path)) for image in images]
        if len(found) >= _MOST_IMAGES:
            break
    return found


def _people_in(path: Path) -> tuple[str, ...]:
    with suppress(MediaError, OSError):
        return tuple(name for name, _ in content_of(path).patients)
    return ()


def read_burnable(_: Station, path: Path, record: JobRecord | None = None) -> Burnable:
    """Return whose images an image holds, before it is burned.

    Raises
    ------
    ConfigError
        If it is no image of a disc.
    """
    try:
        if not path.is_file():
            raise ConfigError(f"{path} is no file.", "Name the image of a disc.")
        content = content_of(path)
        size_bytes = path.stat().st_size
    except (MediaError, OSError) as fault:
        told = fault.message if isinstance(fault, MediaError) else str(fault.strerror)
        raise ConfigError(
            f"{path} cannot be read as an image: {told}", "Export to an image first."
        ) from fault
    told_why = record.request.get("disclosure") if record is not None else None
    disclosure = Disclosure.from_dict(told_why)
    made = images_to_burn(record) if record is not None else []
    sha256 = next((one.sha256 for one in made if one.path == path), "")
    return Burnable(path, content, size_bytes, record.id if record else 0, disclosure, sha256)


def _inspect(engine: BurnEngine, device: str, is_busy: bool) -> Drive:
    if is_busy:
        return Drive(device)
    try:
        return engine.inspect(device)
    except MediastationError as fault:
        return Drive(device, trouble=f"{fault.message} {fault.hint}".strip())


def _view(station: Station, engine: BurnEngine, drive: Drive) -> DriveView:
    disc = drive.disc or Disc()
    if drive.trouble or disc.status not in _HOLDING:
        return DriveView(drive)
    content = read_content(engine, drive)
    uid = content.file_set_uid
    for record in _makers(station, uid) if uid else ():
        volumes = record.result.get("volumes")
        told = [one for one in volumes if isinstance(one, dict)] if type(volumes) is list else []
        for place, one in enumerate(told, start=1):
            if one.get("file_set_uid") == uid:
                return DriveView(drive, content, record.id, place, len(told))
    return DriveView(drive, content)


def _makers(station: Station, file_set_uid: str) -> list[JobRecord]:
    found = [one for kind in _MAKING for one in station.jobs.with_result(kind, file_set_uid)]
    return sorted(found, key=lambda record: -record.id)


def _resources(record: JobRecord) -> list[str]:
    """Return the drives of a job, of one that a command runs as well."""
    if record.resource:
        return [record.resource]
    request = record.request
    match record.kind:
        case "burn":
            drives = request.get("drives")
            named = drives if isinstance(drives, list) else []
        case "blank":
            named = [request.get("drive")]
        case "verify" | "import":
            named = [request.get("medium")]
        case _:
            named = []
    return [resource_of(one) for one in named if isinstance(one, str) and one]
