"""What goes wrong with drives and discs, said to the person who stands at the drive."""

from __future__ import annotations

from enum import StrEnum

from mediastation.errors import MediaError


class Cause(StrEnum):
    """Why a drive did not do what it was asked to; findings use the values as rules."""

    NOT_INSTALLED = "burner-not-installed"
    NO_DRIVE = "no-drive"
    PERMISSION = "drive-permission"
    BUSY = "drive-busy"
    GONE = "drive-gone"
    HUNG = "drive-hung"
    NO_DISC = "no-disc"
    WRONG_DISC = "wrong-disc"
    NOT_BLANK = "not-blank"
    NOT_REWRITABLE = "not-rewritable"
    TOO_SMALL = "disc-too-small"
    WRITE_FAILED = "write-failed"
    BLANK_FAILED = "blank-failed"
    OTHER = "drive-trouble"


SPOILING = frozenset({Cause.WRITE_FAILED, Cause.GONE, Cause.HUNG})
"""Causes after which a disc that was being written is of no use any more."""


class DriveError(MediaError):
    """A drive or a disc did not do what it was asked to.

    Parameters
    ----------
    cause : Cause
        What it was, for programs.
    message, hint : str
        The same for people.
    wrote : bool
        Whether anything may have been written onto the disc.
    """

    def __init__(self, cause: Cause, message: str, hint: str = "", *, wrote: bool = False) -> None:
        super().__init__(message, hint)
        self.cause = cause
        self.wrote = wrote
