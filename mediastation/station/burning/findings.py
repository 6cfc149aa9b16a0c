"""What is told of a drive that stopped, and of a disc that is to be destroyed."""

from __future__ import annotations

from mediastation.burn.drive import path_of
from mediastation.burn.trouble import Cause, DriveError
from mediastation.errors import CancelledError, RefusedError
from mediastation.model.finding import Finding, error
from mediastation.station.burning.request import DiscResult


class UnfitError(DriveError):
    """The disc that lies there may not be written; the findings of its plan were told."""


def told_of(device: str, fault: BaseException) -> tuple[Finding, ...]:
    """Return the finding of what stopped a drive; none where its own findings say it."""
    if isinstance(fault, RefusedError) and fault.findings:
        return tuple(one for one in fault.findings if isinstance(one, Finding))
    if isinstance(fault, CancelledError | UnfitError):
        return ()
    rule = fault.cause if isinstance(fault, DriveError) else Cause.OTHER
    message = getattr(fault, "message", "") or str(fault)
    return (error(rule, device, message, getattr(fault, "hint", "")),)


def discard(device: str, disc: DiscResult, why: str) -> Finding:
    """Return the finding of a disc that must not leave the room."""
    return error(
        "discard-disc",
        device,
        f"The disc that {why} ({_which(disc)}) must not go out.",
        "It may hold a patient's data: destroy it.",
    )


def unproved(device: str, disc: DiscResult) -> Finding:
    """Return the finding of a disc that was written whole and not read back to its end."""
    return error(
        "unproved-disc",
        device,
        f"The disc that was being read back when it was stopped ({_which(disc)}) is written, and "
        "nothing is proved of it: it must not go out like this.",
        f"Verify it with `mediastation verify {path_of(device)}`, or destroy it: it holds a "
        "patient's data.",
    )


def _which(disc: DiscResult) -> str:
    which = f"disc {disc.attempt} of copy {disc.copy}" if disc.attempt > 1 else f"copy {disc.copy}"
    return f"{which}{f', {disc.medium_id}' if disc.medium_id else ''}"
