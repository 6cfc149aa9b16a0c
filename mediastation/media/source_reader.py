"""Reads the sources of a medium one after the other, and insists that they are what was planned."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from mediastation.errors import MediaError
from mediastation.media.level1 import MediumFile

_CHANGED = "Make the image again from unchanged files."
_AHEAD_BYTES = 8 << 20

# Without O_NONBLOCK a pipe in the place of a file would wait for a writer.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class SourceReader:
    """Reads one source at a time and insists that it is what was planned.

    Parameters
    ----------
    order : iterable of MediumFile
        The sources in the order in which they will be opened. The system is
        asked for some megabytes ahead, so that the disk reads while what came
        before is written; a kernel by itself never looks beyond the end of a
        file. What is opened otherwise is read none the worse.
    """

    def __init__(self, order: Iterable[MediumFile] = ()) -> None:
        self._descriptor = -1
        self._file: MediumFile
        self._left = 0
        self._changed_ns = 0
        self._order = iter(order)
        self._opened_bytes = 0
        self._asked_bytes = 0

    def open(self, file: MediumFile) -> None:
        """Begin to read `file`; whatever was open is closed. Raises `MediaError`."""
        self.close()
        self._file = file
        self._ask_ahead(file)
        with self._errors():
            self._descriptor = os.open(file.source, _FLAGS)
            status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise MediaError(f"{file.source} is not a file")
        self._require_size(status.st_size)
        self._left = file.size_bytes
        self._changed_ns = status.st_mtime_ns

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, all of them; the last ones close the file."""
        with self._errors():
            data = os.read(self._descriptor, size)
            while len(data) < size and (more := os.read(self._descriptor, size - len(data))):
                data += more
            status = os.fstat(self._descriptor)
        self._left -= len(data)
        if len(data) < size or status.st_mtime_ns != self._changed_ns:
            raise MediaError(f"{self._file.source} changed while it was read", _CHANGED)
        if not self._left:
            self._require_size(status.st_size)
            self.close()
        return data

    def close(self) -> None:
        """Let go of the file that is open, if any."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _ask_ahead(self, opened: MediumFile) -> None:
        """Have the system read what comes next; whatever is wrong there is told in its turn."""
        self._opened_bytes += opened.size_bytes
        while self._asked_bytes < self._opened_bytes + _AHEAD_BYTES:
            file = next(self._order, None)
            if file is None:
                return
            self._asked_bytes += file.size_bytes
            with suppress(OSError):
                descriptor = os.open(file.source, _FLAGS)
                try:
                    size_bytes = min(file.size_bytes, _AHEAD_BYTES)
                    os.posix_fadvise(descriptor, 0, size_bytes, os.POSIX_FADV_WILLNEED)
                finally:
                    os.close(descriptor)

    def _require_size(self, size_bytes: int) -> None:
        file = self._file
        if size_bytes != file.size_bytes:
            message = f"{file.source} has {size_bytes:,} bytes, planned were {file.size_bytes:,}"
            raise MediaError(message, _CHANGED)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            reason = os.strerror(fault.errno) if fault.errno else str(fault)
            message = f"cannot read {self._file.source} for {self._file.path}: {reason}"
            raise MediaError(message) from fault
