"""xorriso as the program that works drives; ``stdio:`` drives are files, for training and tests."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mediastation.burn.drive import (
    SECTOR_BYTES,
    Disc,
    DiscStatus,
    Drive,
    Family,
    is_stdio,
    path_of,
)
from mediastation.burn.engine import (
    BurnProgress,
    Phase,
    TrackSource,
    Watcher,
    WriteOptions,
    unwatched,
)
from mediastation.burn.explain import explain, trouble
from mediastation.burn.file_drive import erase_file, inspect_file, require_file
from mediastation.burn.process import Ended, Patience, run_watched
from mediastation.burn.trouble import Cause
from mediastation.burn.xorriso_messages import read_drive, read_drives, read_progress
from mediastation.errors import ConfigError

_CDROM_DRIVE_STATUS = 0x5326  # linux/cdrom.h
_DISC_READY = 4
_NO_DISC = {1, 2}
_HEAD_SECTORS = 512
"""Both ends of a disc, as far as file systems have their first structures there."""
_CHUNK_BYTES = 1 << 20
_DEVICES = "/dev"
_WORKING_SINCE = re.compile(r"(?:Working since|done in) (?P<seconds>\d+) second")
_LONGEST_WORK_S = {"Closing": 1800, "Blanking": 4 * 3600, "Formatting": 4 * 3600}


class XorrisoEngine:
    """Works drives through xorriso; see `BurnEngine`.

    Parameters
    ----------
    program : str
        The program, by name or path.
    patience : Patience, optional
        When a drive that does nothing is given up.
    """

    def __init__(self, program: str = "xorriso", patience: Patience | None = None) -> None:
        self._program = program
        self._patience = patience or Patience()

    def list_drives(self) -> list[Drive]:
        """Return the drives of this computer, each with its disc; no tray is moved."""
        ended = self._run(["-devices"])
        found = read_drives(ended.lines)
        known = {os.path.realpath(drive.device) for drive in found}
        hidden = [path for path in _drive_nodes() if os.path.realpath(path) not in known]
        return [self._look_into(drive) for drive in found] + [
            Drive(path, trouble=_reason_hidden(path)) for path in hidden
        ]

    def inspect(self, device: str) -> Drive:
        """Return one drive with its disc.

        Raises
        ------
        DriveError
            If the drive cannot be asked.
        ConfigError
            If `device` is no drive.
        """
        _require_device(device)
        ended = self._run(
            ["-abort_on", "FATAL", "-outdev", _absolute(device), "-toc", "-list_speeds"]
        )
        if ended.silent:
            raise trouble(Cause.HUNG, device)
        drive = read_drive(ended.lines, device)
        if drive.disc is None:
            raise explain(device, ended.lines)
        if is_stdio(device):
            # It makes up a maker for a file, which the ledger would keep as a fact.
            found = inspect_file(path_of(device), drive.disc)
            return replace(drive, vendor="", model="", revision="", disc=found)
        disc = drive.disc
        if disc.is_random_access and disc.status is DiscStatus.BLANK and _holds_data(device, disc):
            # xorriso knows of ISO 9660 alone, and calls everything else blank.
            drive = replace(drive, disc=replace(disc, status=DiscStatus.OVERWRITABLE))
        return drive

    def path(self, device: str) -> Path:
        """Return the path through which the bytes of a disc are read."""
        return path_of(device)

    def is_loaded(self, device: str) -> bool | None:
        """Tell, without moving the tray, whether a disc lies ready; None if that cannot be told."""
        if is_stdio(device):
            return None
        try:
            handle = os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            status = fcntl.ioctl(handle, _CDROM_DRIVE_STATUS, 0x7FFFFFFF)
        except OSError:
            return None
        finally:
            os.close(handle)
        return status == _DISC_READY if status in {_DISC_READY, *_NO_DISC} else None

    def write(
        self, device: str, source: TrackSource, options: WriteOptions, watch: Watcher = unwatched
    ) -> None:
        """Write one session.

        Raises
        ------
        DriveError
            If the drive did not take it; its `wrote` tells whether the disc was
            touched.
        MediastationError
            What `source` raises, or `watch`.
        """
        _require_device(device)
        words = [*("-abort_on", "FAILURE"), "-as", "cdrecord", "-v", f"dev={_absolute(device)}"]
        words += ["fs=16m", f"tsize={source.size_bytes}", f"padsize={source.padding_bytes}"]
        if options.speed_kilobytes:
            words.append(f"speed={options.speed_kilobytes}k")
        if options.keep_open:
            words.append("-multi")
        if options.simulate:
            words.append("-dummy")
        if options.start_sector is not None:
            words.append(f"write_start_address={options.start_sector * SECTOR_BYTES}")
        pulse = _Pulse(source.size_bytes, watch)
        ended = self._run([*words, "-"], source.chunks, pulse)
        wrote = pulse.began and not options.simulate
        if ended.source_fault is not None:
            raise ended.source_fault
        if ended.silent:
            raise trouble(Cause.HUNG, device, wrote=wrote)
        # A warning on the way leaves its mark on the exit code; the reread has the last word.
        if ended.code < 0 or not pulse.completed:
            raise explain(device, ended.lines, wrote=wrote)
        watch(BurnProgress(Phase.WRITING, source.size_bytes, source.size_bytes))

    def blank(self, device: str, *, whole: bool = False, watch: Watcher = unwatched) -> None:
        """Make a rewritable disc blank.

        Quickly done, its content can still be brought back by those who know
        how. What has no real sessions is not blank to readers as long as a
        file system has left anything at either end of it: both are zeroed.

        Raises
        ------
        DriveError
            If there is no disc, if it is not rewritable, or if it stayed what
            it was.
        """
        disc = self.inspect(device).disc or Disc()
        if disc.status is DiscStatus.NONE:
            raise trouble(Cause.NO_DISC, device)
        if not disc.is_rewritable:
            raise trouble(Cause.NOT_REWRITABLE, device)
        if is_stdio(device):
            erase_file(path_of(device))
            return
        mode = "all" if whole and not disc.is_random_access else "as_needed"
        pulse = _Pulse(0, watch)
        ended = self._run(
            ["-abort_on", "FAILURE", "-outdev", _absolute(device), "-blank", mode], None, pulse
        )
        if ended.silent:
            raise trouble(Cause.HUNG, device)
        if ended.code:
            raise explain(device, ended.lines)
        if disc.is_random_access:
            self._zero(device, disc, whole, watch)
        after = self.inspect(device).disc
        if after is None or after.status is not DiscStatus.BLANK:
            raise trouble(Cause.BLANK_FAILED, device)

    def eject(self, device: str) -> None:
        """Put the disc out."""
        _require_device(device)
        if is_stdio(device):
            return
        ended = self._run(["-abort_on", "FAILURE", "-outdev", device, "-eject", "out"])
        if ended.silent:
            raise trouble(Cause.HUNG, device)
        if ended.code:
            raise explain(device, ended.lines)

    def reload(self, device: str) -> None:
        """Put the disc out and in again, so that the drive and the system read it afresh."""
        if not is_stdio(device):
            self.eject(device)
            self.inspect(device)

    def _look_into(self, drive: Drive) -> Drive:
        if self.is_loaded(drive.device) is False:
            return replace(drive, disc=Disc())
        try:
            return replace(self.inspect(drive.device), vendor=drive.vendor, model=drive.model)
        except Exception as fault:
            told = getattr(fault, "message", "")
            if not told:
                raise
            return replace(drive, trouble=told)

    def _zero(self, device: str, disc: Disc, whole: bool, watch: Watcher) -> None:
        capacity = disc.capacity_sectors
        runs = [(0, capacity)]
        if not whole and capacity > 2 * _HEAD_SECTORS:
            runs = [(0, _HEAD_SECTORS), (capacity - _HEAD_SECTORS, _HEAD_SECTORS)]
        for first, sectors in runs:
            source = TrackSource(sectors * SECTOR_BYTES, _zeros(sectors * SECTOR_BYTES))
            self.write(device, source, WriteOptions(start_sector=first), watch)

    def _run(
        self,
        words: Sequence[str],
        chunks: Iterable[bytes] | None = None,
        pulse: _Pulse | None = None,
    ) -> Ended:
        program = shutil.which(self._program)
        if program is None:
            raise trouble(Cause.NOT_INSTALLED, "", self._program)
        pulse = pulse or _Pulse(0, unwatched)
        # Its startup files are for people; a note of its own is no failure.
        start = [program, "-no_rc", "-return_with", "FAILURE", "32"]
        return run_watched(
            [*start, *words],
            source=chunks,
            on_line=pulse.hear,
            on_wait=pulse.wait,
            is_alive=pulse.is_alive,
            patience=self._patience,
        )


class _Pulse:
    """Listens to a run: how far it is, whether it still lives, whether it came to its end."""

    def __init__(self, total_bytes: int, watch: Watcher) -> None:
        self._watch = watch
        self._last = BurnProgress(Phase.WRITING, 0, total_bytes)
        self._total = total_bytes
        self._family = Family.OTHER
        self._heard = ""
        self.began = False
        self.completed = False

    def hear(self, line: str) -> None:
        """Take one line."""
        if line.startswith("Media current: "):
            self._family = (read_drive([line], "").disc or Disc()).family
        self.began = self.began or "Beginning to write data track" in line
        self.completed = self.completed or ("Writing to " in line and "successfully" in line)
        progress = read_progress(line, self._total, self._family)
        if progress is not None and progress != self._last:
            self._last = progress
            self._watch(progress)

    def wait(self, _: int) -> None:
        """Say once more how far it is: whoever watches may want to stop it."""
        self._watch(self._last)

    def is_alive(self, line: str) -> bool:
        """Tell whether `line` says something new, or that something takes its time within reason.

        A program that counts on the same place speaks of a drive that hangs.
        """
        match = _WORKING_SINCE.search(line)
        if match:
            longest = next((s for word, s in _LONGEST_WORK_S.items() if word in line), 600)
            return int(match["seconds"]) < longest
        heard, self._heard = self._heard, re.sub(r"[(\[].*", "", line)
        return self._heard != heard


def _require_device(device: str) -> None:
    """Raise `ConfigError` for what is no drive: xorriso would make a file of any name."""
    if is_stdio(device):
        require_file(path_of(device))
        return
    mode = 0
    with suppress(OSError):
        mode = Path(device).stat().st_mode
        if stat.S_ISREG(mode):
            raise ConfigError(
                f"{device} is a file, not a drive.",
                f"A file that stands for a drive is named stdio:{Path(device).absolute()}.",
            )
        if stat.S_ISDIR(mode):
            raise ConfigError(f"{device} is a folder, not a drive.", "Name a drive: /dev/sr0.")
    is_device = stat.S_ISBLK(mode) or stat.S_ISCHR(mode)
    if not is_device and not Path(device).resolve().is_relative_to(_DEVICES):
        raise ConfigError(
            f"{device} is no drive.",
            "`mediastation drives` lists those that there are. A file that stands for a drive is "
            f"named stdio:{Path(device).absolute()}.",
        )


def _absolute(device: str) -> str:
    if not is_stdio(device):
        return device
    return f"stdio:{path_of(device).absolute()}"


def _zeros(size_bytes: int) -> Iterator[bytes]:
    chunk = bytes(_CHUNK_BYTES)
    for start in range(0, size_bytes, _CHUNK_BYTES):
        yield chunk[: size_bytes - start]


def _holds_data(device: str, disc: Disc) -> bool:
    """Tell whether either end of a disc holds anything; no, where it was never formatted."""
    tail = max(0, disc.capacity_sectors - _HEAD_SECTORS) * SECTOR_BYTES
    length = _HEAD_SECTORS * SECTOR_BYTES
    try:
        with Path(device).open("rb", buffering=0) as file:
            for start in (0, tail):
                file.seek(start)
                if (file.read(length) or b"").strip(b"\0"):
                    return True
    except OSError:
        return False
    return False


def _drive_nodes() -> list[str]:
    return sorted(str(path) for path in Path(_DEVICES).glob("sr[0-9]*"))


def _reason_hidden(path: str) -> str:
    cause = Cause.OTHER
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_EXCL | os.O_CLOEXEC))
    except PermissionError:
        cause = Cause.PERMISSION
    except OSError:
        cause = Cause.BUSY
    return str(trouble(cause, path).message)
