"""Open a medium of any kind by what it holds, not by what it is called."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.model.finding import warning
from mediastation.reading.contract import (
    ContainerVolume,
    Extent,
    Found,
    ImageVolume,
    Span,
    Volume,
    VolumeFile,
)
from mediastation.reading.fat import FatVolume, SearchedFatVolume
from mediastation.reading.fat_boot import find_volume, looks_fat
from mediastation.reading.findings import FindingLog
from mediastation.reading.folder import FolderVolume
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.iso9660 import IsoVolume, SearchedIsoVolume
from mediastation.reading.memory import MemoryVolume
from mediastation.reading.mime_header import looks_mime
from mediastation.reading.mime_volume import MailVolume, MimeVolume, open_mime
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.udf import UdfVolume
from mediastation.reading.udf_recognition import looks_udf
from mediastation.reading.zip_directory import is_zip_start
from mediastation.reading.zip_volume import ZipVolume

__all__ = [
    "ContainerVolume",
    "Extent",
    "FatVolume",
    "FileSystem",
    "FolderVolume",
    "Found",
    "ImageVolume",
    "IsoVolume",
    "MailVolume",
    "MemoryVolume",
    "MimeVolume",
    "Span",
    "UdfVolume",
    "Volume",
    "VolumeFile",
    "ZipVolume",
    "is_zip_start",
    "looks_mime",
    "open_volume",
]


_UNPACK = "unpack it where programs cannot be started, then name the folder with what came out"
_OTHER_FILES = (
    ("a 7z archive", 0, b"7z\xbc\xaf\x27\x1c"),
    ("a RAR archive", 0, b"Rar!\x1a\x07"),
    ("packed by gzip", 0, b"\x1f\x8b\x08"),
    ("packed by bzip2", 0, b"BZh"),
    ("packed by xz", 0, b"\xfd7zXZ\0"),
    ("a tar archive", 257, b"ustar"),
)
"""What people send in place of an image, with what it begins with; none of it is read here."""


class FileSystem(StrEnum):
    """What may lie beside each other: on a bridge disc (PS3.12 P), or as traces of former use."""

    ISO9660 = "iso9660"
    UDF = "udf"
    FAT = "fat"


def open_volume(
    path: Path, *, only: FileSystem | None = None, opener: AccessOpener = RandomAccess
) -> Volume:
    """Open the medium at `path` for reading.

    Parameters
    ----------
    path : Path
        A folder, an image file, a ZIP file, an e-mail or a block device.
    only : FileSystem, optional
        Read as somebody does who knows this file system and nothing else.
        Without it, FAT is read where there is any, else ISO 9660, else UDF: a
        device that once held the image of a disc may still show traces of it.
    opener : callable, optional
        How the bytes of what is no folder are reached.

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
        if only is not None:
            raise MediaError(f"{path} is a folder", "give an image file or a drive")
        return FolderVolume(path)
    if only is FileSystem.UDF:
        return UdfVolume(path, opener)
    if only is None and stat.S_ISREG(mode) and is_zip_start(_start(path)):
        return ZipVolume(path, opener)
    if only is None and stat.S_ISREG(mode) and _has(looks_mime, path, opener):
        return open_mime(path, opener)
    if only is FileSystem.FAT or (only is None and _has(looks_fat, path, opener)):
        return FatVolume(path, opener)
    try:
        volume = IsoVolume(path, opener)
    except MediaError as fault:
        if only is None and _has(looks_udf, path, opener):
            return UdfVolume(path, opener)
        found = _searched(path, opener) if only is None else None
        if found is not None:
            return found
        raise _other_kind(path, opener) or fault from fault
    if only is None and volume.is_damaged and volume.has_udf:
        return _better_side(volume, path, opener)
    return volume


def _searched(path: Path, opener: AccessOpener) -> Volume | None:
    """Return a file system that its own structures do not lead to; None if there is none."""
    for kind in (SearchedIsoVolume, SearchedFatVolume):
        try:
            return kind(path, opener)
        except MediaError:
            continue
    return None


def _better_side(volume: IsoVolume, path: Path, opener: AccessOpener) -> Volume:
    """Return the UDF side of a bridge disc if it has more files than its damaged ISO 9660 side."""
    try:
        other = UdfVolume(path, opener)
    except MediaError:
        return volume
    if sum(1 for _ in other.iter_files()) <= sum(1 for _ in volume.iter_files()):
        other.close()
        return volume
    for finding in volume.findings:
        other.tell(finding)
    other.tell(
        warning(
            "udf-side-read",
            volume.name,
            "the ISO 9660 side of the disc is damaged; its UDF side has more files and was read",
            "readers that know ISO 9660 alone miss files: copy what can be read",
            "PS3.12 P.1",
        )
    )
    volume.close()
    return other


def _start(path: Path) -> bytes:
    """Return the first bytes; none where they cannot be read, which others will say."""
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError:
        return b""


def _has(looks: Callable[[RandomAccess], bool], path: Path, opener: AccessOpener) -> bool:
    """Tell whether a file system may be tried; of what cannot be read, others say why."""
    access = opener(path)
    try:
        return looks(access)
    except OSError:
        return False
    finally:
        access.close()


def _other_kind(path: Path, opener: AccessOpener) -> MediaError | None:
    """Say which other kind of medium `path` is; None if it is none that can be named."""
    access = opener(path)
    try:
        start = access.read_at(0, 512)
        recognition = access.read_at(16 * 2048, 16 * 2048)
    except OSError:
        return None
    finally:
        access.close()
    name = os.fspath(path)
    if b"NSR02" in recognition or b"NSR03" in recognition:
        return MediaError(f"{name} has a UDF file system and no ISO 9660 one", "read it as UDF")
    if start[510:512] == b"\x55\xaa":
        return _no_fat(path, opener)
    if access.is_device:
        return None
    if not start:
        return MediaError(f"{name} is empty", "copy or burn it again")
    for kind, at, magic in _OTHER_FILES:
        if start[at : at + len(magic)] == magic:
            return MediaError(f"{name} is {kind}, no ISO 9660 image and no ZIP file", _UNPACK)
    return None


def _no_fat(path: Path, opener: AccessOpener) -> MediaError | None:
    """Say what a partitioned or bootable disk holds instead of FAT."""
    access = opener(path)
    try:
        find_volume(access, os.fspath(path), FindingLog())
    except MediaError as fault:
        return fault
    except OSError:
        return None
    finally:
        access.close()
    return None
