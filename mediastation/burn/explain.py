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
    message, hint = _TOLD[cause](device, words)
    if wrote and cause in SPOILING:
        hint = f"{hint} {DESTROY}".strip()
    return DriveError(cause, message, hint, wrote=wrote)


def _quoted(words: str) -> str:
    return f": {words.rstrip('.')}" if words else ""


def _not_installed(_: str, words: str) -> tuple[str, str]:
    return (
        f"The program {words or 'xorriso'}, which burns, is not installed.",
        "Install the package xorriso, such as with `sudo apt install xorriso`.",
    )


def _no_drive(device: str, _: str) -> tuple[str, str]:
    if is_stdio(device):
        folder = path_of(device).parent
        return f"The folder {folder} of {device} does not exist.", "Make it first."
    return (
        f"There is no drive {device}.",
        "`mediastation drives` lists those that there are; look at its cable and power.",
    )


def _permission(device: str, _: str) -> tuple[str, str]:
    path = path_of(device)
    if is_stdio(device):
        return f"{path} may not be written by this account.", "Name another file."
    group = "cdrom"
    with suppress(OSError, KeyError):
        group = grp.getgrgid(path.stat().st_gid).gr_name
    return (
        f"This account may not use the drive {device}.",
        f"Put it into the group {group} (`sudo usermod -aG {group} {account_name() or 'NAME'}`), "
        "then log in anew.",
    )


def _busy(device: str, _: str) -> tuple[str, str]:
    who = holders(path_of(device))
    told = f": {'; '.join(who)}" if who else ""
    if any("mounted" in one for one in who):
        return f"The drive {device} is busy{told}.", f"Unmount it: `umount {path_of(device)}`."
    return f"The drive {device} is busy{told}.", "Close what uses it, or wait until it is done."


def _gone(device: str, words: str) -> tuple[str, str]:
    return (
        f"The drive {device} is gone, or lost its power{_quoted(words)}.",
        "Look at its cable and power, and switch it on again.",
    )


def _hung(device: str, _: str) -> tuple[str, str]:
    return (
        f"The drive {device} did not move for too long and was let go.",
        "Switch it off and on again; if that happens twice, use another drive.",
    )


def _no_disc(device: str, _: str) -> tuple[str, str]:
    return f"There is no disc in {device}.", "Put one in, close the tray, and try again."


def _wrong_disc(device: str, words: str) -> tuple[str, str]:
    return (
        f"The disc in {device} cannot be written in this way{_quoted(words)}.",
        "Put in a blank disc of the kind that the image was made for.",
    )


def _not_blank(device: str, _: str) -> tuple[str, str]:
    return (
        f"The disc in {device} is not blank.",
        f"Put a blank disc in; a rewritable one is made blank by `mediastation blank --drive "
        f"{device}`.",
    )


def _not_rewritable(device: str, _: str) -> tuple[str, str]:
    return f"The disc in {device} can be written only once.", "Put a new blank disc in."


def _too_small(device: str, words: str) -> tuple[str, str]:
    return (
        f"The image does not fit onto the disc in {device}{_quoted(words)}.",
        "Put a larger disc in, or export onto more discs.",
    )


def _write_failed(device: str, words: str) -> tuple[str, str]:
    return (
        f"The disc in {device} could not be written{_quoted(words)}.",
        "Try a disc of another make, or a lower --speed.",
    )


def _blank_failed(device: str, words: str) -> tuple[str, str]:
    return (
        f"The disc in {device} could not be made blank{_quoted(words)}.",
        "It still holds patients' data: destroy it.",
    )


def _other(device: str, words: str) -> tuple[str, str]:
    return (
        f"The drive {device} could not do it{_quoted(words)}.",
        "Try again; if it fails once more, try another disc, then another drive.",
    )


_TOLD = {
    Cause.NOT_INSTALLED: _not_installed,
    Cause.NO_DRIVE: _no_drive,
    Cause.PERMISSION: _permission,
    Cause.BUSY: _busy,
    Cause.GONE: _gone,
    Cause.HUNG: _hung,
    Cause.NO_DISC: _no_disc,
    Cause.WRONG_DISC: _wrong_disc,
    Cause.NOT_BLANK: _not_blank,
    Cause.NOT_REWRITABLE: _not_rewritable,
    Cause.TOO_SMALL: _too_small,
    Cause.WRITE_FAILED: _write_failed,
    Cause.BLANK_FAILED: _blank_failed,
    Cause.OTHER: _other,
}
