"""The disk under an output: free space, locks, and what its errors mean to a person."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mediastation.errors import MediaError

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def disk_errors(output: Path, size_bytes: int, written_bytes: int = 0) -> Iterator[None]:
    """Turn an `OSError` of the disk under `output` into a `MediaError` that says what to do."""
    try:
        yield
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else str(fault)
        hint = ""
        if fault.errno in _FULL:
            hint = _space_hint(output, size_bytes, (_free_bytes(output) or 0) + written_bytes)
        elif not output.parent.is_dir():
            hint = f"Make the folder {output.parent} first."
        raise MediaError(f"cannot write {output}: {reason}", hint) from fault


def locked(descriptor: int) -> bool:
    """Lock what is open; false if another process holds the lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as fault:
        if fault.errno not in _NO_LOCKS:
            raise
    return True


def is_still(path: Path, descriptor: int) -> bool:
    """Tell whether `path` still names what is open."""
    try:
        named, opened = path.lstat(), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


def require_space(output: Path, size_bytes: int) -> None:
    """Raise `MediaError` if the disk of `output` has less free space."""
    free = _free_bytes(output)
    if free is not None and free < size_bytes:
        message = f"{output} needs {size_bytes:,} bytes and {free:,} are free."
        raise MediaError(message, _space_hint(output, size_bytes, free))


def _space_hint(output: Path, size_bytes: int, free: int) -> str:
    missing = size_bytes - free
    numbers = f"Needed: {size_bytes:,} bytes, free: {free:,}."
    if missing <= 0:
        return numbers
    return f"{numbers} Free {missing:,} bytes on {output.parent}, or write elsewhere."


def _free_bytes(output: Path) -> int | None:
    try:
        return shutil.disk_usage(output.parent).free
    except OSError:
        return None


def umask() -> int:
    """Return the process's umask; asking the kernel by setting it would race other threads."""
    with suppress(OSError, ValueError), Path("/proc/self/status").open() as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o077


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
