"""What the readers of file systems on images have in common: bytes by position, a log, an index."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Self, cast

from mediastation.errors import MediaError
from mediastation.model.finding import Finding
from mediastation.reading.contract import FileIndex, Found, VolumeFile
from mediastation.reading.findings import FindingLog
from mediastation.reading.random_access import ExtentStream, RandomAccess

AccessOpener = Callable[[Path], RandomAccess]
"""How the bytes of a medium are reached: from the medium, past the cache, or out of a test."""


class ImageBase(ABC):
    """A file system on an image file or a block device, opened for reading.

    Parameters
    ----------
    path : Path
        An image file or block device.
    opener : callable
        Opens it; what it returns is closed with the volume.

    Attributes
    ----------
    opener : callable
        The same, for whoever reads another file system beside this one.

    Raises
    ------
    MediaError
        If the medium cannot be read, or holds no such file system.

    Attributes
    ----------
    opener : callable
        What opened it, for whoever opens it again.
    """

    def __init__(self, path: Path, opener: AccessOpener = RandomAccess) -> None:
        self._path = path
        self.opener = opener
        self._access = opener(path)
        self._log = FindingLog()
        self._index = FileIndex()
        try:
            self._open()
        except OSError as fault:
            self.close()
            raise MediaError(
                f"{path} cannot be read: {fault.strerror}",
                "clean the disc and try another drive",
            ) from fault
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def _open(self) -> None:
        """Read the structures and fill the index; what is wrong goes to the log."""

    @property
    def name(self) -> str:
        """The path it was opened by."""
        return str(self._path)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was wrong or tolerated while the structures were read."""
        return tuple(self._log)

    def tell(self, finding: Finding) -> None:
        """Add what was found beside the file system itself."""
        self._log.add(finding)

    @property
    def is_device(self) -> bool:
        """Whether a drive is behind it, so that more than the volume may be readable."""
        return self._access.is_device

    @property
    def size_bytes(self) -> int:
        """Size of the image or device."""
        return self._access.size_bytes

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield the files, directory by directory."""
        return iter(self._index)

    def open(self, path: str) -> BinaryIO:
        """Return the content of the file at `path`; it ends early where the image does."""
        file = self._index.require(path, self.name)
        held = sum(extent.length for extent in file.extents)
        raw = ExtentStream(self._access.read_at, file.extents, min(file.size_bytes, held))
        return cast("BinaryIO", io.BufferedReader(raw, 1 << 16))

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then tolerantly."""
        return self._index.find(components)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes there, fewer at the end; `OSError` where the medium is damaged."""
        return self._access.read_at(offset, length)

    def close(self) -> None:
        """Let the image go."""
        self._access.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
