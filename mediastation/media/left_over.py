"""What lies beside an output until it is whole, and how it goes when its run was killed.

Whatever is in the making is locked by the process that makes it, and the lock
goes with the process. So what nobody holds was left behind.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.media.disk import disk_errors, is_still, locked


def part_path(output: Path) -> Path:
    """Return what `output` is called until it is committed: ``.NAME.part``."""
    return output.with_name(f".{output.name}.part")


def remove_left_over(output: Path) -> bool:
    """Remove what a killed run left beside `output`; tell whether there was anything.

    Raises
    ------
    MediaError
        If a living run holds it, if no run of this program made it, or if it
        cannot be removed.
    """
    path = part_path(output)
    with disk_errors(output, 0):
        try:
            mode = path.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        if stat.S_ISDIR(mode):
            remove_left_folder(path)
        else:
            remove_left_file(path)
        return True


def remove_left_file(path: Path) -> None:
    """Remove a file that a killed run left; `MediaError` if a living one holds it."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise MediaError(f"{path} is in the way", "Remove it: it is not a file.")
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        _require_nobody(path, descriptor)
        if is_still(path, descriptor):
            path.unlink()
    finally:
        os.close(descriptor)


def remove_left_folder(path: Path) -> None:
    """Remove a folder that a killed run left.

    Raises
    ------
    MediaError
        If a living run holds it, or if it is nobody's run.
    """
    descriptor = open_folder(path)
    if descriptor is None:
        return
    try:
        status = os.fstat(descriptor)
        if stat.S_IMODE(status.st_mode) != stat.S_IRWXU or status.st_uid != os.geteuid():
            raise MediaError(f"{path} is in the way", "Remove it: no run of this program made it.")
        _require_nobody(path, descriptor)
        if is_still(path, descriptor):
            shutil.rmtree(path)
    finally:
        os.close(descriptor)


def open_folder(path: Path) -> int | None:
    """Open a folder, not through a link; None if it is gone."""
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as fault:
        if fault.errno in {errno.ENOTDIR, errno.ELOOP}:
            raise MediaError(f"{path} is in the way", "Remove it: it is no folder.") from fault
        raise


def _require_nobody(path: Path, descriptor: int) -> None:
    if not locked(descriptor):
        raise MediaError(f"another run is writing {path}", "Wait for it, or cancel it.")
