"""Say what went wrong in a drive so that whoever stands there knows what to do next."""

from __future__ import annotations

import grp
from collections.abc import Sequence
from contextlib import suppress

from mediastation.burn.drive import is_stdio, path_of
from mediastation.burn.holders import holders
from mediastation.burn.trouble import SPOILING, Cause, DriveError
from mediastation.burn.xorriso_messages import find_cause, gravest_words
from mediastation.config import account_name

DESTROY = (
    "The disc is spoiled and holds part of a patient's data: destroy it, and burn on a new blank."
)


def explain(device: str, lines: Sequence[str], *, wrote: bool = False) -> DriveError:
    """Return the error for what a program said before it failed.

    Parameters
    ----------
    device : str
        The drive.
    lines : sequence of str
        What was said.
    wrote : bool
        Whether writing had begun.
    """
    cause = find_cause(lines)
    if wrote and cause in {Cause.OTHER, Cause.NO_DISC, Cause.WRONG_DISC}:
        cause = Cause.WRITE_FAILED
    return trouble(cause, device, gravest_words(lines), wrote=wrote)


def trouble(cause: Cause, device: str, words: str = "", *, wrote: bool = False) -> DriveError:
    """Return the error for `cause`; `words` are those of the program that burns."""
    told = _SPECIAL[cause](device) if cause in _SPECIAL else _TOLD[cause]
    said = f": {words.rstrip('.')}" if words else ""
    message, hint = (
        text.format(device=device, said=said, program=words or "xorriso") for text in told
    )
    if wrote and cause in SPOILING:
        hint = f"{hint} {DESTROY}".strip()
    return DriveError(cause, message, hint, wrote=wrote)


_TOLD = {
    Cause.NOT_INSTALLED: (
        "The program {program}, which burns, is not installed.",
        "Install the package xorriso, such as with `sudo apt install xorriso`.",
    ),
    Cause.GONE: (
        "The drive {device} is gone, or lost its power{said}.",
        "Look at its cable and power, and switch it on again.",
    ),
    Cause.HUNG: (
        "The drive {device} did not move for too long and was let go.",
        "Switch it off and on again; if that happens twice, use another drive.",
    ),
    Cause.NO_DISC: (
        "There is no disc in {device}.",
        "Put one in, close the tray, and try again.",
    ),
    Cause.WRONG_DISC: (
        "The disc in {device} cannot be written in this way{said}.",
        "Put in a blank disc of the kind that the image was made for.",
    ),
    Cause.NOT_BLANK: (
        "The disc in {device} is not blank.",
        "Put a blank disc in; a rewritable one is made blank by `mediastation blank --drive "
        "{device}`.",
    ),
    Cause.NOT_REWRITABLE: (
        "The disc in {device} can be written only once.",
        "Destroy it if nobody needs it any more; put a new blank in to burn.",
    ),
    Cause.TOO_SMALL: (
        "The image does not fit onto the disc in {device}{said}.",
        "Put a larger disc in, or export onto more discs.",
    ),
    Cause.WRITE_FAILED: (
        "The disc in {device} could not be written{said}.",
        "Try a disc of another make, or a lower --speed.",
    ),
    Cause.BLANK_FAILED: (
        "The disc in {device} could not be made blank{said}.",
        "It still holds patients' data: destroy it.",
    ),
    Cause.OTHER: (
        "The drive {device} could not do it{said}.",
        "Try again; if it fails once more, try another disc, then another drive.",
    ),
}
"""Message and hint where they follow from the drive and what was said."""


def _no_drive(device: str) -> tuple[str, str]:
    if is_stdio(device):
        return f"The folder {_safe(path_of(device).parent)} does not exist.", "Make it first."
    return (
        "There is no drive {device}.",
        "`mediastation drives` lists those that there are; look at its cable and power.",
    )


def _permission(device: str) -> tuple[str, str]:
    path = path_of(device)
    if is_stdio(device):
        return f"{_safe(path)} may not be written by this account.", "Name another file."
    group = "cdrom"
    with suppress(OSError, KeyError):
        group = grp.getgrgid(path.stat().st_gid).gr_name
    account = _safe(account_name() or "NAME")
    return (
        "This account may not use the drive {device}.",
        f"Put it into the group {group} (`sudo usermod -aG {group} {account}`), then log in anew.",
    )


def _busy(device: str) -> tuple[str, str]:
    who = holders(path_of(device))
    told = _safe(f": {'; '.join(who)}" if who else "")
    hint = "Close what uses it, or wait until it is done."
    if any("mounted" in one for one in who):
        hint = f"Unmount it: `umount {_safe(path_of(device))}`."
    return f"The drive {{device}} is busy{told}.", hint


def _safe(text: object) -> str:
    """Return text that is not taken for a field of a format."""
    return str(text).replace("{", "{{").replace("}", "}}")


_SPECIAL = {
    Cause.NO_DRIVE: _no_drive,
    Cause.PERMISSION: _permission,
    Cause.BUSY: _busy,
}
