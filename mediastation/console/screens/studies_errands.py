"""What is done with marked studies: compared with media, taken in, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediastation.console.marks import Marks
from mediastation.console.screens.study_rows import patient_text
from mediastation.console.widgets.dialogs import Confirm
from mediastation.console.words import number_text
from mediastation.errors import MediastationError
from mediastation.model.browsing import Totals
from mediastation.model.medium import MEDIA
from mediastation.model.text import size_text
from mediastation.station.browse import media_needed

if TYPE_CHECKING:
    from mediastation.console.screens.base import ConsoleScreen

MEDIA_TO_COMPARE = ("CD-80", "DVD-R", "DVD+R-DL", "BD-R-25", "BD-R-50", "BD-R-100", "USB")
"""What the marks are compared with, from small to large."""
_MOST_NAMES = 20


def marks_text(marks: Marks, totals: Totals | None, medium: str) -> str:
    """Return what is marked, in words, and how many media that takes."""
    parts = [_what(marks)]
    if (people := len(totals.people) if totals else len(marks.names)) > 1:
        parts.append(f"! {people} patients")
    if totals is not None:
        parts += [
            number_text(totals.instances, "image"),
            size_text(totals.size_bytes),
            f"about {media_text(totals, medium)}",
        ]
        if totals.gone:
            parts.append(f"! {len(totals.gone)} gone")
    return "■ " + ", ".join(parts)


def media_text(marked: Totals, chosen: str) -> str:
    """Return how many media hold what is marked: ``2 CD-80 or 1 DVD-R``."""
    number = media_needed(marked, MEDIA[chosen].capacity_bytes)
    words = f"{number} {chosen}"
    if number > 1:
        for larger in MEDIA_TO_COMPARE[MEDIA_TO_COMPARE.index(chosen) + 1 :]:
            fewer = media_needed(marked, MEDIA[larger].capacity_bytes)
            if fewer < number:
                return f"{words} or {fewer} {larger}"
    return words


def confirm_forgetting(marks: Marks, found: Totals) -> Confirm:
    """Return the question whether to remove what is marked, with the names of all concerned.

    `found` is what the catalog has of it now: a Study Instance UID may have
    come under two identities, and both would go.
    """
    names = [patient_text(person) for person in found.people]
    people = names[:_MOST_NAMES]
    if len(names) > _MOST_NAMES:
        people.append(f"and {len(names) - _MOST_NAMES} more")
    return Confirm(
        f"Remove {_what(marks)}, {number_text(found.instances, 'image')}, from the store?",
        people,
        "The images are deleted; the ledger keeps that they were. This cannot be taken back.",
        yes="Forget",
        no="Keep",
    )


async def take_in(screen: ConsoleScreen, path: str) -> None:
    """Take a folder, file or image into the catalog, and say what came of it."""
    from mediastation.station.gather import add  # noqa: PLC0415 - not for the first paint

    screen.console.tell(f"Adding {path} …")
    try:
        report = await screen.desk.work(f"adding {path}", add, [path], screen.desk.stop_on_leaving)
    except MediastationError as fault:
        screen.console.tell_fault(fault)
        return
    screen.console.tell(
        f"{path}: {report.added:,} added, {report.duplicates:,} here already, "
        f"{report.refused:,} refused",
        grave=bool(report.refused),
    )


async def remove(screen: ConsoleScreen, marks: Marks) -> bool:
    """Remove what is marked from the store; false where that was stopped."""
    from mediastation.station.keeping import forget_sources  # noqa: PLC0415 - rarely needed

    try:
        told, stop = f"removing {_what(marks)}", screen.desk.stop_on_leaving
        gone = await screen.desk.work(told, forget_sources, marks.sources, stop)
    except MediastationError as fault:
        screen.console.tell_fault(fault)
        return False
    screen.console.tell(f"{number_text(gone.removed, 'image')} removed.")
    return True


def _what(marks: Marks) -> str:
    parts = [number_text(len(marks.studies), "study", "studies")] if marks.studies else []
    parts += [f"{len(marks.series):,} series"] if marks.series else []
    return " and ".join(parts)
