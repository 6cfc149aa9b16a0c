"""Open whatever somebody brought: a medium of any kind, or one instance by itself."""

from __future__ import annotations

from pathlib import Path

from mediastation.dicom.header import NotDicom, read_header
from mediastation.errors import MediaError
from mediastation.reading.contract import Volume
from mediastation.reading.file_meta import is_enveloped
from mediastation.reading.single_file import SingleFileVolume
from mediastation.reading.volume import open_volume

_FRONT_BYTES = 32


def open_medium(path: Path) -> Volume:
    """Open `path` as a medium; a file that is none is a medium with that one file.

    That has to be DICOM, or a secure envelope.

    Raises
    ------
    MediaError
        As `mediastation.reading.volume.open_volume`.
    """
    try:
        return open_volume(path)
    except MediaError:
        if not path.is_file() or not (_is_envelope(path) or _is_dicom(path)):
            raise
        return SingleFileVolume(path)


def _is_envelope(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_enveloped(file.read(_FRONT_BYTES))
    except OSError:
        return False


def _is_dicom(path: Path) -> bool:
    try:
        read_header(path, frozenset())
    except (NotDicom, OSError):
        return False
    return True
