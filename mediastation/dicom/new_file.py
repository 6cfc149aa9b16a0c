"""Files that are being written: one to be kept when it is whole, one that never has a name."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Protocol

from mediastation.dicom.walk import Window


class Output(Protocol):
    """Where a copy is written to, and reread from."""

    size_bytes: int

    def write(self, data: bytes) -> None:
        """Append bytes."""

    def reread(self) -> Window:
        """Return what was written, for reading."""


class NewFile:
    """A new file that is whole on a clean exit and gone on any other.

    Attributes
    ----------
    size_bytes : int
        Written so far.
    sha256 : str
        Of all that was written, in hexadecimal; known once it was reread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        self.sha256 = ""

    def __enter__(self) -> NewFile:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        return self

    def write(self, data: bytes) -> None:
        """Append bytes."""
        _write_all(self._descriptor, data)
        self._digest.update(data)
        self.size_bytes += len(data)

    def reread(self) -> Window:
        """Make what was written durable and return it for reading."""
        os.fsync(self._descriptor)
        self.sha256 = self._digest.hexdigest()
        return Window(self._descriptor)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        os.close(self._descriptor)
        if kind is not None:
            self._path.unlink(missing_ok=True)


class Scratch:
    """A file for what lies between two stages: no name, and gone with its last reader.

    Parameters
    ----------
    folder : Path
        On whose disk it takes up room; patients' data stay inside the home.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.size_bytes = 0

    def __enter__(self) -> Scratch:
        self._file = tempfile.TemporaryFile(buffering=0, dir=self._folder)
        return self

    def write(self, data: bytes) -> None:
        """Append bytes."""
        _write_all(self._file.fileno(), data)
        self.size_bytes += len(data)

    def reread(self) -> Window:
        """Return what was written, for reading; it need not outlive a power cut."""
        return Window(self._file.fileno())

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
