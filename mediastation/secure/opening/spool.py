"""Where content lies until it is proved, and while it is read: nobody else finds it there."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

from mediastation.errors import MediaError

MEMORY_BYTES = 8 << 20
"""Larger content lies in a file without a name while it is read."""


class ScratchError(MediaError):
    """Our own disk cannot take what is in an envelope: the medium is not to blame."""


class Spool:
    """Takes content: into memory, and beyond `MEMORY_BYTES` into a file without a name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._memory = io.BytesIO()
        self._file: io.RawIOBase | None = None
        self._size_bytes = 0

    def write(self, data: bytes) -> None:
        """Take a piece."""
        self._size_bytes += len(data)
        if self._file is None and self._memory.tell() + len(data) <= MEMORY_BYTES:
            self._memory.write(data)
            return
        try:
            if self._file is None:
                self._file = self._new_file()
                _write_all(self._file, self._memory.getvalue())
                self._memory = io.BytesIO()
            _write_all(self._file, data)
        except OSError as fault:
            raise ScratchError(
                f"{self._folder} cannot take what is in an envelope: {fault.strerror or fault}.",
                "Make room on that disk, then try again.",
            ) from fault

    def content(self) -> BinaryIO:
        """Return everything that was taken, from its beginning."""
        raw: io.RawIOBase | io.BytesIO = self._memory if self._file is None else self._file
        raw.seek(0)
        return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", raw)))

    @property
    def size_bytes(self) -> int:
        """How much was taken."""
        return self._size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Return what was taken from `offset` on, fewer bytes at the end; threads may share it."""
        if self._file is not None:
            return os.pread(self._file.fileno(), length, offset)
        return bytes(self._memory.getbuffer()[offset : offset + length])

    def close(self) -> None:
        """Let everything go."""
        if self._file is not None:
            self._file.close()

    def _new_file(self) -> io.RawIOBase:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(buffering=0, dir=self._folder)  # noqa: SIM115 - the reader's
        return cast("io.RawIOBase", file)


def _write_all(file: io.RawIOBase, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) or 0 :]
