"""Media whose files, or which as a whole, may be sealed: how they are opened for looking inside."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from mediastation.importing.open_medium import open_medium
from mediastation.reading.contract import Volume
from mediastation.secure.opening.mail import is_secure_mail, open_secure_mail
from mediastation.secure.opening.opener import Opener

_FRONT_BYTES = 160


def open_sealed(path: Path, opener: Opener | None = None, scratch: Path | None = None) -> Volume:
    """Open a medium of any kind, an image, an archive, an e-mail, or one envelope by itself.

    This is the one door of `open` and `drill` to media; its files are given as
    they lie there. An e-mail that is sealed as a whole (PS3.15 B.8) is opened
    here, and a medium of plain files then: a `SecureMailVolume`.

    Parameters
    ----------
    path : Path
        The medium.
    opener : Opener, optional
        Opens such an e-mail.
    scratch : Path, optional
        A private folder for what is in it; goes with `opener`.

    Raises
    ------
    SecrecyError
        If it is an e-mail that does not open, or is not whole.
    MediaError
        If there is no medium that can be read.
    """
    if opener is not None and scratch is not None and is_secure_mail(path):
        return open_secure_mail(path, opener, scratch)
    return open_medium(path)


def read_front(stream: BinaryIO) -> bytes:
    """Return the first bytes of a file that was just opened, and go back to its beginning.

    They are enough to tell an envelope, and the prefix of a DICOM file.
    """
    front = b""
    while len(front) < _FRONT_BYTES and (more := stream.read(_FRONT_BYTES - len(front))):
        front += more
    stream.seek(0)
    return front


def is_dicom(front: bytes) -> bool:
    """Tell whether a file begins as DICOM files do (PS3.10 7.1)."""
    return front[128:132] == b"DICM"
