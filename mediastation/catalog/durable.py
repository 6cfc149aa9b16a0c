"""Getting bytes onto the disk so that a power cut cannot take them back."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mediastation.errors import MediaError

_libc = ctypes.CDLL(None, use_errno=True)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the content of `path` durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file_system(folder: Path) -> None:
    """Make everything on the file system of `folder` durable: one wait for many files."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _libc.syncfs(handle) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(handle)


def make_private_folder(folder: Path) -> None:
    """Create `folder` with mode 0700, durably; its parent has to exist or be creatable."""
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def write_text_durably(path: Path, text: str | Iterable[str], mode: int = 0o666) -> None:
    """Write `text`, whole or in pieces, in UTF-8 as `write_bytes_durably` does."""
    pieces = [text] if isinstance(text, str) else text
    _write_durably(path, (piece.encode() for piece in pieces), mode)


def write_bytes_durably(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write `data` beside `path` and rename it there, so that no half of it is ever seen.

    `mode` is that of the file, less what the umask takes away.
    """
    _write_durably(path, [data], mode)


def _write_durably(path: Path, pieces: Iterable[bytes], mode: int) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def disk_trouble_told(folder: Path) -> Iterator[None]:
    """Turn an `OSError` about the disk of `folder` into words for the operator."""
    try:
        yield
    except OSError as fault:
        if fault.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            free = shutil.disk_usage(folder).free
            raise MediaError(
                f"The disk of {folder} is full: {free:,} bytes are free.",
                "Free some space (forget studies that are done), or move the home; "
                "then repeat the command. What was already kept is safe.",
            ) from fault
        raise MediaError(
            f"{folder}: {fault.strerror or fault}",
            "Check the disk, its mount and its permissions.",
        ) from fault
