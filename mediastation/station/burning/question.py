"""A burn from the queue: what it asks when a disc is missing, and what it has made already."""

from __future__ import annotations

from mediastation.burn.trouble import Cause, DriveError
from mediastation.errors import DecisionError, MediastationError, RefusedError
from mediastation.model.job import Question
from mediastation.model.manifest import Manifest
from mediastation.station.burning.request import BurnResult, DiscResult, DriveResult, read_disc
from mediastation.station.job import Job

_ENDED = frozenset({"verified", "unproved", "discard"})
_ASKED = frozenset(
    {
        Cause.NO_DRIVE,
        Cause.PERMISSION,
        Cause.BUSY,
        Cause.GONE,
        Cause.NO_DISC,
        Cause.WRONG_DISC,
        Cause.NOT_BLANK,
        Cause.NOT_REWRITABLE,
        Cause.TOO_SMALL,
        Cause.WRITE_FAILED,
    }
)
"""Causes that somebody at the drive can do something about."""


def discs_made(job: Job, device: str, image_sha256: str) -> list[DiscResult]:
    """Return the discs that earlier attempts of `job` made or spoiled in this drive.

    Raises
    ------
    RefusedError
        If the image is another one since.
    """
    for drive in job.earlier.get("burns", ()):
        if drive.get("drive") != device:
            continue
        discs = [disc for disc in map(read_disc, drive.get("discs", ())) if disc.state in _ENDED]
        if discs and job.earlier.get("image_sha256") != image_sha256:
            raise RefusedError(
                "The image was changed since the first disc of this job was burned.",
                hint="Cancel this job, and burn the image as it is now anew.",
            )
        return discs
    return []


def ask_for_disc(result: BurnResult, manifest: Manifest) -> None:
    """Raise `DecisionError` where another disc, or a hand at the drive, lets the burn go on."""
    for drive in result.drives:
        fault = drive.stopped
        if not isinstance(fault, MediastationError) or not _can_go_on(drive, fault):
            continue
        done = sum(disc.verified for disc in drive.discs)
        spoiled = bool(drive.discs) and drive.discs[-1].state == "discard"
        wanted = f"Put blank {done + 1} of {drive.copies} into {drive.drive}"
        of = f" for disc {manifest.volume} of {manifest.volumes}" if manifest.volumes > 1 else ""
        question = Question(
            "blank",
            f"{fault.message} {wanted}{of}, and go on?",
            "Destroy the disc that failed first: it may hold a patient's data."
            if spoiled
            else fault.hint,
            {
                "drive": drive.drive,
                "copy": done + 1,
                "copies": drive.copies,
                "file_set_id": manifest.file_set_id,
                "volume": manifest.volume,
                "volumes": manifest.volumes,
                "spoiled": spoiled,
            },
            ("go-on",),
        )
        findings = fault.findings if isinstance(fault, RefusedError) else ()
        raise DecisionError(fault.message, findings, fault.hint, question=question)


def _can_go_on(drive: DriveResult, fault: MediastationError) -> bool:
    if isinstance(fault, DriveError):
        return fault.cause in _ASKED
    # A disc that was read back and differs.
    return isinstance(fault, RefusedError) and any(one.state == "discard" for one in drive.discs)
