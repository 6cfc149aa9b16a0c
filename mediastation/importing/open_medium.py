"""Open whatever somebody brought: a medium of any kind, or one instance by itself."""

from __future__ import annotations

from pathlib import Path

from mediastation.dicom.header import NotDicom, read_header
from mediastation.errors import MediaError
from mediastation.reading.contract import Volume
from mediastation.reading.single_file import SingleFileVolume
from mediastation.reading.volume import open_volume


def open_medium(path: Path) -> Volume:
    """Open `path` as a medium; a file that is none and is DICOM is a medium with that one file.

    Raises
    ------
    MediaError
        As `mediastation.reading.volume.open_volume`.
    """
    try:
        return open_volume(path)
    except MediaError:
        if not path.is_file() or not _is_dicom(path):
            raise
        return SingleFileVolume(path)


def _is_dicom(path: Path) -> bool:
    try:
        read_header(path, frozenset())
    except (NotDicom, OSError):
        return False
    return True
