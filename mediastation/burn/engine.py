"""What a program that burns has to be able to do: the seam between the station and xorriso."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from mediastation.burn.drive import Drive


class Phase(StrEnum):
    """What a drive is busy with."""

    WRITING = "writing"
    CLOSING = "closing"
    BLANKING = "blanking"


@dataclass(frozen=True, slots=True)
class BurnProgress:
    """How far a drive is; both numbers count bytes, or hundredths of a percent while blanking.

    `bytes_per_second` is what the drive says that it writes at; 0 where it says nothing.
    """

    phase: Phase
    done: int
    total: int
    bytes_per_second: float = 0.0


Watcher = Callable[[BurnProgress], None]
"""Told how far a drive is, several times a second; may raise to stop it."""


def unwatched(progress: BurnProgress) -> None:
    """Watch nothing."""


@dataclass(frozen=True, slots=True)
class TrackSource:
    """What is to be written: the bytes in order, and how many they are.

    The engine takes each chunk once, and writes `padding_bytes` zeros behind
    them. Zeros make up for what is missing of the last sector.
    """

    size_bytes: int
    chunks: Iterable[bytes]
    padding_bytes: int = 0


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How it is to be written.

    Parameters
    ----------
    speed_kilobytes : int
        Thousands of bytes a second; 0 for the fastest.
    keep_open : bool
        Leave the disc so that a further session may follow.
    simulate : bool
        Go through all motions with the laser off.
    start_sector : int or None
        Where to begin; only for what can be written anywhere. None lets the
        drive decide, which knows where the next session begins.
    """

    speed_kilobytes: int = 0
    keep_open: bool = False
    simulate: bool = False
    start_sector: int | None = None


class BurnEngine(Protocol):
    """Works drives. Whatever stops it is a `MediaError` for the person at the drive."""

    def list_drives(self) -> list[Drive]:
        """Return the drives of this computer, each with its disc."""

    def inspect(self, device: str) -> Drive:
        """Return one drive with its disc."""

    def path(self, device: str) -> Path:
        """Return the path through which the bytes of a disc are read."""

    def is_loaded(self, device: str) -> bool | None:
        """Tell, without moving the tray, whether a disc lies ready; None if that cannot be told."""

    def write(
        self, device: str, source: TrackSource, options: WriteOptions, watch: Watcher = unwatched
    ) -> None:
        """Write one session."""

    def blank(self, device: str, *, whole: bool = False, watch: Watcher = unwatched) -> None:
        """Make a rewritable disc blank; `whole` leaves nothing on it that could be read."""

    def eject(self, device: str) -> None:
        """Put the disc out."""

    def reload(self, device: str) -> None:
        """Put the disc out and in again, so that the drive and the system read it afresh."""
