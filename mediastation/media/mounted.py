"""A medium that the operating system has mounted: what it is, and files written onto it in place.

A mount point cannot be renamed over. So the files get their names at once, the
DICOMDIR last of all, and go again unless the medium is committed: whenever a
stick is pulled, what lies on it has no directory, or is whole.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from mediastation.catalog.durable import sync_file_system
from mediastation.errors import ConfigError, MediaError, MediastationError, RefusedError
from mediastation.media.disk import disk_errors, is_still, locked
from mediastation.media.fat_names import check_fat_room
from mediastation.media.folder_tree import FolderTree
from mediastation.media.level1 import MediumFile, parents_of
from mediastation.model.finding import Finding, error, note
from mediastation.model.system_files import is_system_file

_FAT_NAMES = {"vfat", "msdos"}
_ESCAPED = re.compile(r"\\([0-7]{3})")
_GONE = {errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ESTALE, errno.EREMOTEIO}
_PULLED = "Was it pulled out? Put it back in, or take another one, and write it again."
_FORMAT = "What is on the medium is incomplete: format it before it is used."
_DIRECTORY_BYTES = 32


def read_mounts() -> str:
    """Return what the kernel says is mounted (proc(5), mountinfo)."""
    try:
        return Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def mounted_file_system(path: Path, *, mounts: Callable[[], str] = read_mounts) -> str:
    """Return the file system that `path` lies on.

    Parameters
    ----------
    path : Path
        A mount point, or anything below one.
    mounts : callable
        Gives the text of ``/proc/self/mountinfo``.

    Returns
    -------
    str
        ``"fat12"``, ``"fat16"`` or ``"fat32"``, as the number of clusters
        tells; for others what the kernel calls them, such as ``"exfat"``,
        ``"ntfs3"``, ``"fuseblk"`` or ``"ext4"``; empty where it does not say.
    """
    real = os.path.realpath(path)
    best, found = -1, ""
    for line in mounts().splitlines():
        words = line.split(" ")
        if "-" not in words[6:] or len(words) < words.index("-", 6) + 2:
            continue
        point = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), words[4])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        # Of two on one another, the later one is seen.
        if inside and len(point) >= best:
            best, found = len(point), words[words.index("-", 6) + 1]
    if found not in _FAT_NAMES:
        return found
    clusters = os.statvfs(path).f_blocks
    return "fat12" if clusters < 4085 else "fat16" if clusters < 65525 else "fat32"


def check_mounted(
    output: Path, allowed: Iterable[str] = (), *, mounts: Callable[[], str] = read_mounts
) -> list[Finding]:
    """Look at the medium mounted on `output` before anything is written.

    Parameters
    ----------
    output : Path
        The mount point.
    allowed : iterable of str
        File systems that the medium's annex names, as `mounted_file_system`
        calls them; empty for any.
    mounts : callable
        Gives the text of ``/proc/self/mountinfo``.

    Returns
    -------
    list of Finding
        ``"mounted-file-system"`` (error) where it is another one, and
        ``"system-file"`` (note) for what systems have left in its root, which
        stays.

    Raises
    ------
    ConfigError
        If anything else lies on it.
    MediaError
        If it cannot be read.
    """
    with mounted_errors(output):
        found = [_told(output, name) for name in sorted(entry.name for entry in output.iterdir())]
        system = mounted_file_system(output, mounts=mounts)
    allowed = sorted(allowed)
    if allowed and system not in allowed:
        wanted = " or ".join(name.upper() for name in allowed)
        message = f"It has {system or 'an unknown file system'}; this medium must have {wanted}."
        hint = f"Format it with {wanted}, or write an image: everything on it is lost either way."
        found.append(
            error("mounted-file-system", str(output), message, hint, "PS3.12 Annexes R to U")
        )
    return found


def require_mounted_room(
    output: Path, files: Iterable[MediumFile], *, mounts: Callable[[], str] = read_mounts
) -> None:
    """Raise unless `files` fit onto the medium mounted on `output`, clusters counted.

    Raises
    ------
    RefusedError
        If its file system cannot hold a file or a directory so large
        (``"fat-file-size"``, ``"fat-directory"``).
    MediaError
        If there is less room than is needed, or it cannot be written.
    """
    files = tuple(files)
    with mounted_errors(output):
        system = mounted_file_system(output, mounts=mounts)
        state = os.statvfs(output)
    if system.startswith("fat"):
        findings = list(check_fat_room(files, system))
        if findings:
            raise RefusedError(f"{findings[0].message} Nothing was written.", findings)
    if state.f_flag & os.ST_RDONLY:
        raise MediaError(
            f"{output} is mounted for reading only.", "Is its lock switch on? Mount it for writing."
        )
    unit = max(state.f_frsize, 1)
    held = {directory: 2 for file in files for directory in parents_of(file.path)}
    for path in [*(file.path for file in files), *held]:
        above = path.rpartition("/")[0]
        if above:
            held[above] += 1
    needed = sum(-(file.size_bytes // -unit) for file in files)
    needed += sum(-(count * _DIRECTORY_BYTES // -unit) for count in held.values())
    if needed > state.f_bavail:
        message = f"{output} needs {needed * unit:,} bytes and {state.f_bavail * unit:,} are free."
        raise MediaError(
            message, "Take a larger medium, or several (export to a folder plans them)."
        )


class MountedFolder(FolderTree):
    """The root of a mounted medium, written in place; `open_mounted` makes and clears it."""

    def __init__(self, output: Path, descriptor: int, size_bytes: int) -> None:
        super().__init__(output, output, descriptor, size_bytes)
        self._committed = False

    def settle(self) -> None:
        """Bring all files to the medium before the one that leads to them is begun."""
        with self._errors():
            sync_file_system(self.path)

    def commit(self) -> Path:
        """Make the files durable; they have had their names all along. Raises `MediaError`."""
        if self._committed:
            return self.output
        self.sync()
        if not is_still(self.path, self._descriptor):
            raise MediaError(f"{self.path} is another medium by now", _PULLED)
        self._committed = True
        return self.output

    def clear(self) -> bool:
        """Remove what was written unless it was committed, the last first; tell whether it went.

        The DICOMDIR was written last: what is left has no directory.
        """
        if self._committed:
            return True
        left = 0
        for path, remove in [
            *((path, os.unlink) for path in reversed(self._files)),
            *((path, os.rmdir) for path in reversed(self._made)),
        ]:
            try:
                remove(path, dir_fd=self._descriptor)
            except OSError as fault:
                left += fault.errno != errno.ENOENT
        self._files, self._made = {}, {}
        with suppress(OSError):
            os.fsync(self._descriptor)
        return not left

    def close(self) -> None:
        """Let go of the medium, and remove what was written unless it was committed."""
        try:
            self.clear()
        finally:
            os.close(self._descriptor)

    def _errors(self) -> AbstractContextManager[None]:
        return mounted_errors(self.output, self._size_bytes, self.written_bytes)


@contextmanager
def open_mounted(output: Path, files: Iterable[MediumFile]) -> Iterator[MountedFolder]:
    """Give a `MountedFolder` for the medium on `output`; without `commit` nothing of it stays.

    Raises
    ------
    ConfigError
        If anything but what systems leave behind lies on it.
    MediaError, RefusedError
        If `files` do not fit, if it cannot be written, or another run does.
    """
    files = tuple(files)
    size_bytes = sum(file.size_bytes for file in files)
    with mounted_errors(output, size_bytes):
        descriptor = os.open(output, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with mounted_errors(output, size_bytes):
            if not locked(descriptor):
                raise MediaError(f"another run is writing {output}", "Wait for it, or cancel it.")
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    _told(output, entry.name)
        require_mounted_room(output, files)
    except BaseException:
        os.close(descriptor)
        raise
    folder = MountedFolder(output, descriptor, size_bytes)
    try:
        yield folder
        if not folder.clear():
            raise MediaError(f"What was written to {output} could not be removed again.", _FORMAT)
    except MediastationError as fault:
        if not folder.clear():
            fault.hint = f"{fault.hint} {_FORMAT}".strip()
        raise
    finally:
        folder.close()


@contextmanager
def mounted_errors(output: Path, size_bytes: int = 0, written_bytes: int = 0) -> Iterator[None]:
    """Turn an `OSError` of the medium on `output` into a `MediaError` that says what to do."""
    with disk_errors(output, size_bytes, written_bytes):
        try:
            yield
        except OSError as fault:
            if fault.errno not in _GONE:
                raise
            reason = os.strerror(fault.errno or 0)
            raise MediaError(f"{output} does not answer any more: {reason}", _PULLED) from fault


def _told(output: Path, name: str) -> Finding:
    """Return the note on what a system left behind; `ConfigError` if `name` is something else."""
    if not is_system_file(name):
        raise ConfigError(
            f"The medium on {output} is not empty: it has {name!r}; it was left as it is.",
            "Take an empty one: nothing is mixed with what is there.",
        )
    message = "An operating system left it there; it stays."
    return note("system-file", name, message)
