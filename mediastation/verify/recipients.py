"""Look at a medium as its recipients will: personas over what was read, and other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mediastation.model.finding import Finding, note
from mediastation.model.manifest import Manifest
from mediastation.reading.contract import ContainerVolume, Volume
from mediastation.reading.dicomdir import Dicomdir
from mediastation.reading.fat import FatVolume
from mediastation.reading.image_base import ImageBase
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.volume import FileSystem, open_volume
from mediastation.verify.compatibility import CompatibilityRow, Goal, ReaderKind, Verdict
from mediastation.verify.contents import FileFacts
from mediastation.verify.peer_readers import PROGRAMS, Program, Reading, kinds_of, read_by_programs
from mediastation.verify.personas import View, play_personas


def _nobody() -> None:
    """Wait for a program without telling anybody."""


@dataclass(frozen=True, slots=True)
class Recipients:
    """Which recipients are played.

    Parameters
    ----------
    folder : Path, optional
        Where programs may write for a moment; without it, none is asked.
    programs : sequence of Program
        Those that are asked where they are installed and fit the medium.
    waiting : callable
        Is called while a program works; what it raises stops the work.
    """

    folder: Path | None = None
    programs: Sequence[Program] = PROGRAMS
    waiting: Callable[[], None] = _nobody


def is_later_session(volume: Volume) -> bool:
    """Tell whether what is read of a disc is a session that was added to it."""
    return isinstance(volume, IsoVolume) and volume.session_sector > 0


def check_sessions(volume: Volume) -> Iterator[Finding]:
    """Yield what readers have to know of a disc with several sessions."""
    if is_later_session(volume):
        yield note(
            "programs-not-asked",
            volume.name,
            "The File-set lies in the last of several sessions. Drives show that one; programs "
            "that are given the disc as a file read the first, so none was asked.",
            "Look at the disc itself, in a drive, with the program of the recipient.",
        )


def iter_rows(
    recipients: Recipients,
    volume: Volume,
    facts: Mapping[str, FileFacts],
    directory: Dicomdir | None,
    manifest: Manifest | None,
    goal: Goal,
) -> Iterator[CompatibilityRow]:
    """Yield the row of each persona, then of each program that reads media of this kind.

    Parameters
    ----------
    recipients : Recipients
        Who is asked.
    volume : Volume
        The medium, open and read: by path, `facts` has what was found.
    directory : Dicomdir or None
        Its directory; None if it has none.
    manifest : Manifest or None
        What was meant to be written.
    goal : Goal
        What everybody should reach.
    """

    def open_as(system: FileSystem) -> Volume:
        if isinstance(volume, ImageBase):
            return open_volume(Path(volume.name), only=system, opener=volume.opener)
        return open_volume(Path(volume.name), only=system)

    view = View(facts, volume.find, directory)
    written = manifest.format if manifest else ""
    yield from play_personas(volume, view, goal, written, open_as)
    if is_later_session(volume):
        kinds = kinds_of(volume)
        for program in recipients.programs if recipients.folder is not None else ():
            if kinds & program.kinds:
                yield CompatibilityRow(
                    program.name,
                    ReaderKind.PROGRAM,
                    Verdict.NOT_APPLICABLE,
                    expected=len(goal.instances),
                    detail="programs are given one image and read its first session",
                )
    elif recipients.folder is not None and isinstance(volume, ContainerVolume):
        medium = Path(volume.name).absolute()
        start = volume.boot.offset if isinstance(volume, FatVolume) else 0
        reading = Reading(
            medium, recipients.folder, facts, volume.size_bytes, recipients.waiting, start
        )
        yield from read_by_programs(volume, reading, goal, recipients.programs)
