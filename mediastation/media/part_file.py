"""A file in the making: it lies beside its final name and gets that name when it is whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.media.disk import (
    disk_errors,
    is_still,
    locked,
    require_space,
    sync_folder,
    umask,
)
from mediastation.media.left_over import part_path, remove_left_file

_ATTEMPTS = 8


class PartFile:
    """An output that nobody can take for finished before `commit`.

    It is called ``.NAME.part``, readable by its owner only and locked: what a
    killed run left behind is replaced, what another run is writing is not.
    `open_part_file` makes and removes it.
    """

    def __init__(self, output: Path, path: Path, descriptor: int, size_bytes: int) -> None:
        self.output = output
        self.path = path
        self.written_bytes = 0
        self._size_bytes = size_bytes
        self._descriptor = descriptor
        self._syncing: _Sync | None = None
        self._synced = False
        self._committed = False

    def append(self, data: bytes | bytearray) -> None:
        """Write all of `data` behind what was appended before. Raises `MediaError`."""
        left = memoryview(data)
        with self._errors():
            while left:
                count = os.write(self._descriptor, left)
                self.written_bytes += count
                left = left[count:]

    def skip(self, count: int) -> None:
        """Append `count` zeros that take no room where the file system knows holes.

        Raises `MediaError`.
        """
        with self._errors():
            os.ftruncate(self._descriptor, self.written_bytes + count)
            os.lseek(self._descriptor, count, os.SEEK_CUR)
        self.written_bytes += count

    def overwrite(self, data: bytes, start: int) -> None:
        """Write all of `data` at byte `start`. Raises `MediaError`."""
        left = memoryview(data)
        with self._errors():
            while left:
                count = os.pwrite(self._descriptor, left, start)
                left, start = left[count:], start + count

    def read(self, size: int, start: int) -> bytes:
        """Read up to `size` bytes at byte `start`. Raises `MediaError`."""
        with self._errors():
            return os.pread(self._descriptor, size, start)

    def start_sync(self) -> None:
        """Begin to bring every byte to the disk while the caller goes on reading."""
        with self._errors():
            self._syncing = _Sync(os.dup(self._descriptor))

    def sync(self) -> None:
        """Bring every byte to the disk. Raises `MediaError`."""
        if self._descriptor < 0:
            raise ValueError(f"{self.path} is closed")
        with self._errors():
            if self._syncing is None:
                os.fsync(self._descriptor)
            else:
                self._syncing.wait()
        self._synced = True

    def commit(self) -> Path:
        """Make the file durable and give it its final name.

        A file that already has that name is replaced.

        Returns
        -------
        Path
            The final name.

        Raises
        ------
        MediaError
            If the disk fails.
        """
        if self._committed:
            return self.output
        if not self._synced:
            self.sync()
        if not is_still(self.path, self._descriptor):
            raise MediaError(f"{self.path} was moved or replaced by another program")
        with self._errors():
            os.fchmod(self._descriptor, 0o644 & ~umask())
            self.path.replace(self.output)
            self._committed = True
            sync_folder(self.output.parent)
        return self.output

    def close(self) -> None:
        """Let go of the file, and remove it unless it was committed."""
        if not self._committed:
            with suppress(OSError):
                if is_still(self.path, self._descriptor):
                    self.path.unlink()
        # The number may soon be another file's: nothing may reach it from here.
        descriptor, self._descriptor, self._synced = self._descriptor, -1, False
        os.close(descriptor)

    def _errors(self) -> AbstractContextManager[None]:
        return disk_errors(self.output, self._size_bytes, self.written_bytes)


@contextmanager
def open_part_file(output: Path, size_bytes: int) -> Iterator[PartFile]:
    """Give a `PartFile` for `output`; without `commit` nothing of it stays.

    Parameters
    ----------
    output : Path
        The final name. Its folder has to exist.
    size_bytes : int
        What will be written; less free space stops at once.

    Raises
    ------
    MediaError
        If the folder is missing, full or read-only, if something other than a
        file has the name, or if another run is writing it.
    """
    with disk_errors(output, size_bytes):
        if output.exists() and not output.is_file():
            raise MediaError(f"{output} is not a file", "Name an image file that may be written.")
        path = part_path(output)
        part = PartFile(output, path, _create(path), size_bytes)
    try:
        require_space(output, size_bytes)
        yield part
    finally:
        part.close()


class _Sync:
    """One fsync in a thread of its own; it owns `descriptor`, so nobody has to wait for it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._fault: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="fsync", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait for the end; raises what the disk said."""
        self._thread.join()
        if self._fault is not None:
            raise self._fault

    def _work(self) -> None:
        try:
            os.fsync(self._descriptor)
        except OSError as fault:
            self._fault = fault
        finally:
            os.close(self._descriptor)


def _create(path: Path) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    for _ in range(_ATTEMPTS):
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            remove_left_file(path)
            continue
        if locked(descriptor) and is_still(path, descriptor):
            return descriptor
        os.close(descriptor)
    raise MediaError(f"{path} cannot be had for this run", "Is another program writing there?")
