"""Open a medium of any kind by what it holds, not by what it is called."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.reading.contract import Extent, Found, ImageVolume, Span, Volume, VolumeFile
from mediastation.reading.folder import FolderVolume
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.memory import MemoryVolume
from mediastation.reading.random_access import RandomAccess

__all__ = [
    "Extent",
    "FolderVolume",
    "Found",
    "ImageVolume",
    "IsoVolume",
    "MemoryVolume",
    "Span",
    "Volume",
    "VolumeFile",
    "open_volume",
]

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def open_volume(path: Path) -> Volume:
    """Open the medium at `path` for reading.

    Parameters
    ----------
    path : Path
        A folder, an image file or a block device.

    Returns
    -------
    Volume
        To be closed by the caller; it is its own context manager.

    Raises
    ------
    MediaError
        If there is nothing, or nothing that can be read here; says what to do.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise MediaError(f"{path} cannot be opened: {reason}", "check the path") from fault
    if stat.S_ISDIR(mode):
        return FolderVolume(path)
    try:
        return IsoVolume(path)
    except MediaError as fault:
        raise _other_kind(path) or fault from fault


def _other_kind(path: Path) -> MediaError | None:
    """Say which other kind of medium `path` is; None if it is none that can be named."""
    access = RandomAccess(path)
    try:
        start = access.read_at(0, 512)
        recognition = access.read_at(16 * 2048, 16 * 2048)
    except OSError:
        return None
    finally:
        access.close()
    name = os.fspath(path)
    if start.startswith(_ZIP_STARTS):
        return MediaError(f"{name} is a ZIP file", "unpack it and give the folder")
    if b"NSR02" in recognition or b"NSR03" in recognition:
        return MediaError(
            f"{name} has a UDF file system and no ISO 9660 one", "mount it and give the folder"
        )
    if start[510:512] == b"\x55\xaa" and start[:1] in {b"\xeb", b"\xe9", b"\x00", b"\xfa", b"\x33"}:
        return MediaError(
            f"{name} is a FAT volume or a partitioned disk", "mount it and give the folder"
        )
    if not start and not access.is_device:
        return MediaError(f"{name} is empty", "copy or burn it again")
    return None
