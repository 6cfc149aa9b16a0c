"""Drives: what lies in them, made blank, put out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mediastation.burn.drive import Disc, DiscStatus, Drive
from mediastation.burn.engine import BurnEngine, BurnProgress, Phase
from mediastation.burn.trouble import Cause, DriveError
from mediastation.burn.xorriso import XorrisoEngine
from mediastation.errors import ConfigError, MediaError
from mediastation.model.event import Listener, nobody
from mediastation.reading.volume import open_volume
from mediastation.station.burning.drive_lock import hold_drive
from mediastation.station.recording.known_media import decoded_patient
from mediastation.station.station import Station
from mediastation.verify.right_disc import read_identity

_SHOWN_PATIENTS = 5

Confirm = Callable[[Drive, list[str]], bool]
"""Shown a drive and what lies on its disc; says whether that may be erased."""


def list_drives(engine: BurnEngine | None = None) -> list[Drive]:
    """Return the drives of this computer, each with its disc; no tray is moved."""
    return (engine or XorrisoEngine()).list_drives()


def drive_row(drive: Drive) -> dict[str, Any]:
    """Return what JSON says of a drive; a disc that is not there has the status ``none``."""
    disc = drive.disc or Disc()
    told = asdict(disc)
    told["speeds"] = [speed.factor for speed in disc.speeds]
    told["rewritable"] = disc.is_rewritable
    del told["is_random_access"]
    if drive.trouble:
        told["status"] = DiscStatus.UNKNOWN
    return {
        "device": drive.device,
        "vendor": drive.vendor,
        "model": drive.model,
        "revision": drive.revision,
        "disc": told,
        "trouble": drive.trouble,
    }


@dataclass(frozen=True, slots=True)
class DiscContent:
    """What lies on a disc or in an image.

    Parameters
    ----------
    volumes : tuple of str
        Names of its volumes, each once.
    file_set_id, file_set_uid : str
        Of its DICOMDIR; empty where it has none that can be read.
    patients : tuple of (str, str)
        Name and ID of each, in the order of the directory.
    files : int or None
        How many there are; None where no file system can be read.
    """

    volumes: tuple[str, ...] = ()
    file_set_id: str = ""
    file_set_uid: str = ""
    patients: tuple[tuple[str, str], ...] = ()
    files: int | None = None

    @property
    def lines(self) -> list[str]:
        """The same in lines, for whoever may lose it."""
        lines = []
        if self.volumes:
            lines.append(f"volume {', '.join(self.volumes)}")
        if self.file_set_uid:
            lines.append(f"File-set {self.file_set_id or '(no ID)'}, {self.file_set_uid}")
        for name, patient_id in self.patients[:_SHOWN_PATIENTS]:
            lines.append(f"patient {name or 'no name'}, ID {patient_id or 'none'}")
        if len(self.patients) > _SHOWN_PATIENTS:
            lines.append(f"and {len(self.patients) - _SHOWN_PATIENTS:,} more patients")
        if self.files is not None:
            lines.append(f"{self.files:,} files")
        return lines or ["something that is no File-set, or cannot be read"]


def read_content(engine: BurnEngine, drive: Drive) -> DiscContent:
    """Return what lies on the disc of `drive`; what cannot be read is left out."""
    disc = drive.disc or Disc()
    names = dict.fromkeys(one.volume_id for one in disc.sessions if one.volume_id)
    found = DiscContent(volumes=tuple(names))
    with suppress(MediaError, OSError):
        found = replace(content_of(engine.path(drive.device)), volumes=found.volumes)
    return found


def content_of(path: Path) -> DiscContent:
    """Return what lies in an image, or behind a device.

    Raises
    ------
    MediaError, OSError
        If it has no file system that can be read.
    """
    with open_volume(path) as volume:
        identity = read_identity(volume)
        return DiscContent(
            (),
            identity.file_set_id,
            identity.file_set_uid,
            tuple(map(decoded_patient, identity.patients)),
            len(identity.paths),
        )


def describe_content(engine: BurnEngine, drive: Drive) -> list[str]:
    """Return what lies on the disc of `drive`, in lines for whoever may lose it."""
    return read_content(engine, drive).lines


def blank(
    station: Station,
    device: str,
    confirm: Confirm,
    listener: Listener = nobody,
    *,
    whole: bool = False,
    engine: BurnEngine | None = None,
) -> Drive:
    """Make the disc of a drive blank, after somebody saw what lies on it.

    Returns
    -------
    Drive
        As it is then. A disc that is blank already is left alone.

    Raises
    ------
    ConfigError
        If `confirm` says no.
    DriveError
        If there is no disc, or it cannot be made blank.
    """
    engine = engine or XorrisoEngine()
    with hold_drive(station.home, device):
        drive = engine.inspect(device)
        disc = drive.disc or Disc()
        if disc.status is DiscStatus.NONE:
            raise DriveError(
                Cause.NO_DISC, f"There is no disc in {device}.", "Put a rewritable one in."
            )
        if disc.status is DiscStatus.BLANK and not whole:
            return drive
        if not disc.is_rewritable:
            raise DriveError(
                Cause.NOT_REWRITABLE,
                f"The {disc.kind or 'disc'} in {device} can be written only once.",
                "Destroy it if nobody needs it any more; put a new blank in to burn.",
            )
        holds = disc.status is not DiscStatus.BLANK
        content = describe_content(engine, drive) if holds else []
        if holds and not confirm(drive, content):
            raise ConfigError(
                f"The disc in {device} holds data; it was left as it is.",
                "Give --yes if all of it may go.",
            )
        request = {"drive": device, "whole": whole, "content": content}
        with (
            station.job("blank", request, listener) as job,
            job.step("blank", 10_000, "") as step,
        ):

            def watch(progress: BurnProgress) -> None:
                scale = progress.total or 1
                share = progress.done * 10_000 // scale
                if progress.phase is Phase.BLANKING or whole:
                    step.report(min(share, 9_999), 10_000)
                else:
                    step.alive()

            engine.blank(device, whole=whole, watch=watch)
            step.summary = "blank"
            job.result = {"drive": device}
            return engine.inspect(device)


def eject(station: Station, device: str, engine: BurnEngine | None = None) -> None:
    """Put the disc of a drive out; `DriveError` while something is burned there."""
    with hold_drive(station.home, device):
        (engine or XorrisoEngine()).eject(device)
