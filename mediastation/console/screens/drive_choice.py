"""Drives to choose from: those of this computer, and those that somebody typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mediastation.console.widgets.choose import Choice

if TYPE_CHECKING:
    from mediastation.burn.drive import Drive
    from mediastation.console.desk import Desk

OTHER = "other"
"""Stands for a drive that is to be typed."""
MOST_COPIES = 99
_KEPT = "drives.typed"
_MOST_KEPT = 8
_LONGEST = 300
_DRIVE = re.compile(r"(stdio:|/dev/).+")


def drive_choices(drives: Iterable[Drive], typed: Iterable[str]) -> list[Choice]:
    """Return what to choose a drive from; the last choice is to type another one."""
    choices = []
    for drive in drives:
        lying = drive.trouble or (drive.disc.words if drive.disc else "no disc")
        choices.append(Choice(drive.device, drive.device, f"{drive.words} · {lying}"))
    known = {choice.name for choice in choices}
    choices += [Choice(one, one, "a file in place of a drive") for one in typed if one not in known]
    return [*choices, Choice(OTHER, "another …", "type /dev/… or, for training, stdio:/path")]


def typed_drives(desk: Desk) -> list[str]:
    """Return the drives that were typed before."""
    kept: Any = desk.recall(_KEPT, [])
    if not isinstance(kept, list):
        return []
    return [one for one in kept[:_MOST_KEPT] if isinstance(one, str) and not wrong_drive(one)]


def remember_drive(desk: Desk, drive: str) -> None:
    """Offer a drive that was typed from now on."""
    others = [one for one in typed_drives(desk) if one != drive]
    desk.remember(_KEPT, [drive, *others][:_MOST_KEPT])


def forget_drive(desk: Desk, drive: str) -> None:
    """Offer a drive that was typed no more."""
    desk.remember(_KEPT, [one for one in typed_drives(desk) if one != drive])


def wrong_drive(drive: str) -> str:
    """Return what is wrong with the name of a drive, empty if nothing is."""
    if _DRIVE.fullmatch(drive) and len(drive) <= _LONGEST:
        return ""
    return "Type the drive as /dev/sr0, or stdio:/path for training."


def wrong_copies(copies: str) -> str:
    """Return what is wrong with a number of copies, empty if nothing is."""
    if copies.isdecimal() and 1 <= int(copies) <= MOST_COPIES:
        return ""
    return f"Copies are a number from 1 to {MOST_COPIES}."
