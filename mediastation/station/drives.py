"""Drives: what lies in them, made blank, put out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from mediastation.burn.drive import Disc, DiscStatus, Drive
from mediastation.burn.engine import BurnEngine, BurnProgress, Phase
from mediastation.burn.trouble import Cause, DriveError
from mediastation.burn.xorriso import XorrisoEngine
from mediastation.errors import ConfigError, MediaError
from mediastation.model.event import Listener, nobody
from mediastation.reading.volume import open_volume
from mediastation.station.drive_lock import hold_drive
from mediastation.station.known_media import show_patient
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


def describe_content(engine: BurnEngine, drive: Drive) -> list[str]:
    """Return what lies on the disc of `drive`, in lines for whoever may lose it."""
    disc = drive.disc or Disc()
    lines = []
    names = [session.volume_id for session in disc.sessions if session.volume_id]
    if names:
        lines.append(f"volume {', '.join(dict.fromkeys(names))}")
    with suppress(MediaError, OSError), open_volume(engine.path(drive.device)) as volume:
        identity = read_identity(volume)
        if identity.file_set_uid:
            lines.append(f"File-set {identity.file_set_id or '(no ID)'}, {identity.file_set_uid}")
        lines += [f"patient {show_patient(one)}" for one in identity.patients[:_SHOWN_PATIENTS]]
        if len(identity.patients) > _SHOWN_PATIENTS:
            lines.append(f"and {len(identity.patients) - _SHOWN_PATIENTS:,} more patients")
        lines.append(f"{len(identity.paths):,} files")
    return lines or ["something that is no File-set, or cannot be read"]


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
