"""One file as a medium: what came by itself, in no folder and no image."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Self

from mediastation.errors import MediaError
from mediastation.model.finding import Finding
from mediastation.reading.contract import FileIndex, Found, VolumeFile
from mediastation.reading.names import safe_name

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class SingleFileVolume:
    """A medium with one file in its root.

    Parameters
    ----------
    path : Path
        A regular file; `MediaError` for anything else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as stream:
            status = os.fstat(stream.fileno())
        name = safe_name(path.name)
        self._index = FileIndex(
            [VolumeFile(name, status.st_size, recorded=name, changed_at=status.st_mtime_ns)]
        )

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Nothing can be wrong with a structure that there is not."""
        return ()

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield the file."""
        return iter(self._index)

    def open(self, path: str) -> BinaryIO:
        """Return the content of the file; `MediaError` if it has another name, or is gone."""
        self._index.require(path, self.name)
        return self._opened()

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then tolerantly."""
        return self._index.find(components)

    def close(self) -> None:
        """Do nothing: no handle is kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self) -> BinaryIO:
        try:
            handle = os.open(self._path, _FLAGS)
        except OSError as fault:
            raise MediaError(f"{self._path} cannot be opened: {fault.strerror}") from fault
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise MediaError(f"{self._path} is no regular file")
        return os.fdopen(handle, "rb")
