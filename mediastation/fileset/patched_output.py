"""A file that is written from front to back, and whose four-byte fields are filled in later."""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from mediastation.errors import MediaError

_CHUNK: Final = 1 << 20
_PUT = struct.Struct("<I").pack_into
_PACK = struct.Struct("<I").pack


class PatchedOutput:
    """Appends in large pieces; patches in memory what has not left it yet.

    Parameters
    ----------
    file : BinaryIO
        Seekable and writable; written from its beginning, whatever it held is
        lost.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written = 0
        self._waiting = bytearray()
        self._at_end = False

    @property
    def position(self) -> int:
        """Bytes appended so far."""
        return self._written + len(self._waiting)

    def append(self, data: bytes) -> None:
        """Add `data` at the end."""
        self._waiting += data
        if len(self._waiting) >= _CHUNK:
            self._write_waiting()

    def patch(self, position: int, value: int) -> None:
        """Set the unsigned 32-bit field at `position`, which has been appended before."""
        if position >= self._written:
            _PUT(self._waiting, position - self._written, value)
            return
        self._at_end = False
        with _told():
            self._file.seek(position)
            self._file.write(_PACK(value))

    def finish(self) -> int:
        """Write what is left and return the size in bytes; the file stays open."""
        self._write_waiting()
        with _told():
            self._file.truncate(self._written)
            self._file.flush()
        return self._written

    def _write_waiting(self) -> None:
        with _told():
            if not self._at_end:
                self._file.seek(self._written)
                self._at_end = True
            self._file.write(self._waiting)
        self._written += len(self._waiting)
        self._waiting = bytearray()


class _told:  # noqa: N801 - reads as a word
    """Turns an operating system's error into one that a person is told."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise MediaError(
                f"The DICOMDIR could not be written: {reason}.",
                "Make room where the output goes, or choose another place.",
            ) from error
