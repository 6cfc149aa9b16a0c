"""Drives of the imagination: discs that are files, in the order in which somebody puts them in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from mediastation.burn.drive import SECTOR_BYTES, Disc, DiscStatus, Drive
from mediastation.burn.engine import BurnProgress, Phase, TrackSource, WriteOptions
from mediastation.burn.explain import trouble
from mediastation.burn.trouble import Cause

BLANK_CD = Disc("CD-R", DiscStatus.BLANK, 359_844, 359_844, medium_id="Taiyo Yuden")

Fault = Callable[[bytearray], None]


def flip_bit(at: int) -> Fault:
    """Return what spoils a disc by one bit."""

    def spoil(disc: bytearray) -> None:
        disc[at] ^= 1

    return spoil


def fail_at(share: float, cause: Cause = Cause.WRITE_FAILED) -> Fault:
    """Return what stops the writing of a disc on the way."""

    def spoil(disc: bytearray) -> None:
        del disc[round(len(disc) * share) :]
        raise trouble(cause, "/dev/sr0", "SCSI error", wrote=True)

    return spoil


@dataclass
class MemoryDrive:
    """A drive whose blanks lie ready in a pile.

    `faults` says by number of the disc what goes wrong with it; `status` is
    that of the disc that lies in it at first. An `endless` one writes until it
    is stopped.
    """

    path: Path
    blank: Disc = BLANK_CD
    faults: dict[int, Fault] = field(default_factory=dict)
    pile: int = 9
    lies: DiscStatus = DiscStatus.BLANK
    discs: int = 0
    reloads: int = 0
    on_write: Callable[[], None] = lambda: None
    endless: bool = False


class MemoryEngine:
    """Works `MemoryDrive`s; see `mediastation.burn.engine.BurnEngine`."""

    def __init__(self, drives: dict[str, MemoryDrive]) -> None:
        self.drives = drives
        self.options: list[WriteOptions] = []
        self.ejected: list[str] = []
        self.erased: list[tuple[str, bool]] = []

    def list_drives(self) -> list[Drive]:
        return [self.inspect(device) for device in self.drives]

    def inspect(self, device: str) -> Drive:
        if device not in self.drives:
            raise trouble(Cause.NO_DRIVE, device)
        drive = self.drives[device]
        disc = replace(drive.blank, status=drive.lies)
        return Drive(device, "TSSTcorp", "CDDVDW", "SB04", disc)

    def path(self, device: str) -> Path:
        return self.drives[device].path

    def is_loaded(self, device: str) -> bool | None:
        return self.drives[device].lies is not DiscStatus.NONE

    def write(
        self,
        device: str,
        source: TrackSource,
        options: WriteOptions,
        watch: Callable[[BurnProgress], None] = bool,
    ) -> None:
        drive = self.drives[device]
        self.options.append(options)
        if options.start_sector:
            with drive.path.open("r+b") as file:
                file.seek(options.start_sector * SECTOR_BYTES)
                file.writelines(source.chunks)
            return
        number, drive.discs = drive.discs, drive.discs + 1
        disc = bytearray()
        for chunk in source.chunks:
            disc += chunk
            watch(BurnProgress(Phase.WRITING, len(disc), source.size_bytes))
            drive.on_write()
            while drive.endless:
                # Until whoever watches has had enough.
                watch(BurnProgress(Phase.WRITING, len(disc), source.size_bytes))
                threading.Event().wait(0.01)
        disc += bytes(source.padding_bytes)
        if options.simulate:
            return
        drive.lies = DiscStatus.APPENDABLE if options.keep_open else DiscStatus.CLOSED
        try:
            if number in drive.faults:
                drive.faults[number](disc)
        finally:
            drive.path.write_bytes(disc)

    def blank(
        self,
        device: str,
        *,
        whole: bool = False,
        watch: Callable[[BurnProgress], None] = bool,
    ) -> None:
        watch(BurnProgress(Phase.BLANKING, 5_000, 10_000))
        self.erased.append((device, whole))
        self.drives[device].path.unlink(missing_ok=True)
        self.drives[device].lies = DiscStatus.BLANK

    def eject(self, device: str) -> None:
        """Put it out, and the next one of the pile in."""
        drive = self.drives[device]
        self.ejected.append(device)
        drive.lies = DiscStatus.NONE
        if drive.pile:
            drive.pile -= 1
            drive.lies = DiscStatus.BLANK

    def reload(self, device: str) -> None:
        self.drives[device].reloads += 1
