"""Files and directories in the making below one open folder, wherever that folder lies."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from mediastation.catalog.durable import sync_file_system
from mediastation.media.disk import disk_errors, umask
from mediastation.media.level1 import parents_of


class FolderTree(ABC):
    """A folder that is open and locked; everything in it is reached through its descriptor.

    So nothing can be written elsewhere, even if the folder is moved away or
    the medium below its path is another one by now. What is `private` is open
    to its owner only.
    """

    def __init__(
        self, output: Path, path: Path, descriptor: int, size_bytes: int, *, private: bool = False
    ) -> None:
        self.output = output
        self.path = path
        self.written_bytes = 0
        self._size_bytes = size_bytes
        self._descriptor = descriptor
        self._mask = 0o077 if private else umask()
        # In the order in which they were made.
        self._made: dict[str, None] = {}
        self._files: dict[str, None] = {}
        self._synced = False

    @abstractmethod
    def commit(self) -> Path:
        """Make it durable and final. Raises `MediaError`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the folder, and remove what was written unless it was committed."""

    @abstractmethod
    def settle(self) -> None:
        """Wait until what was written so far cannot be lost, where the order matters."""

    @contextmanager
    def new_file(self, path: str) -> Iterator[Append]:
        """Make the file at `path`, which has been checked, and give what appends to it."""
        with self._errors():
            self._make_parents(path)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o644 & ~self._mask, dir_fd=self._descriptor)
        self._files[path] = None
        try:
            yield Append(self, descriptor)
        finally:
            with self._errors():
                os.close(descriptor)

    def rename(self, path: str, final: str) -> None:
        """Give the file at `path` another name, which nothing has yet. Raises `MediaError`."""
        with self._errors():
            self._make_parents(final)
            # Renaming replaces what has the name, so the name is taken first.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(final, flags, 0o600, dir_fd=self._descriptor))
            here = self._descriptor
            os.rename(path, final, src_dir_fd=here, dst_dir_fd=here)
        del self._files[path]
        self._files[final] = None

    def remove(self, path: str) -> None:
        """Remove a file again. Raises `MediaError`."""
        with self._errors():
            os.unlink(path, dir_fd=self._descriptor)
        del self._files[path]

    def _make_parents(self, path: str) -> None:
        for directory in parents_of(path):
            if directory not in self._made:
                os.mkdir(directory, 0o777 & ~self._mask, dir_fd=self._descriptor)
                self._made[directory] = None

    def sync(self) -> None:
        """Bring every byte and every name to the disk. Raises `MediaError`."""
        if self._synced:
            return
        with self._errors():
            # One wait for all files makes the many that follow short. Not every
            # file system knows it, so each file is asked for as well.
            with suppress(OSError):
                sync_file_system(self.path)
            for path in self._files:
                self._sync_one(path, os.O_NOFOLLOW)
            for directory in sorted(self._made, reverse=True):
                self._sync_one(directory, os.O_DIRECTORY)
            os.fsync(self._descriptor)
        self._synced = True

    def _sync_one(self, path: str, flags: int) -> None:
        flags |= os.O_RDONLY | os.O_CLOEXEC
        descriptor = os.open(path, flags, dir_fd=self._descriptor)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _errors(self) -> AbstractContextManager[None]:
        return disk_errors(self.output, self._size_bytes, self.written_bytes)


class Append:
    """Writes to one file of a `FolderTree`."""

    def __init__(self, tree: FolderTree, descriptor: int) -> None:
        self._tree = tree
        self._descriptor = descriptor

    def __call__(self, data: bytes) -> None:
        """Write all of `data`. Raises `MediaError`."""
        left = memoryview(data)
        with self._tree._errors():
            while left:
                count = os.write(self._descriptor, left)
                self._tree.written_bytes += count
                left = left[count:]
