"""Media that lie open on this computer and may be imported: sticks, cards, mounted discs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mediastation.station.station import Station

MOUNT_FOLDERS = (Path("/media"), Path("/run/media"), Path("/mnt"))
_DIRECTORY = "DICOMDIR"
_MOST_NAMES = 200
_DEPTH = 2
"""``/media/NAME``, and ``/run/media/USER/NAME``."""


@dataclass(frozen=True, slots=True)
class MountedMedium:
    """A mounted file system; `has_directory` where a DICOMDIR lies in its root."""

    path: Path
    has_directory: bool


def mounted_media(_: Station, folders: Sequence[Path] = MOUNT_FOLDERS) -> list[MountedMedium]:
    """Return what is mounted where desktops mount media, and folders there with a DICOMDIR.

    Looks at names two levels deep and opens nothing: a slow stick is not read.
    """
    found: dict[Path, MountedMedium] = {}
    for folder in folders:
        for path in _below(folder, _DEPTH):
            has_directory = _has_directory(path)
            if has_directory or _is_mounted(path):
                found[path] = MountedMedium(path, has_directory)
    return [found[path] for path in sorted(found)]


def _below(folder: Path, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for _, entry in zip(range(_MOST_NAMES), entries, strict=False)
                if entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return
    for name in sorted(names):
        path = folder / name
        yield path
        if depth > 1 and not _is_mounted(path):
            yield from _below(path, depth - 1)


def _is_mounted(path: Path) -> bool:
    try:
        return os.path.ismount(path)
    except OSError:
        return False


def _has_directory(path: Path) -> bool:
    try:
        with os.scandir(path) as entries:
            return any(
                entry.name.upper().partition(";")[0] == _DIRECTORY
                for _, entry in zip(range(_MOST_NAMES), entries, strict=False)
            )
    except OSError:
        return False
