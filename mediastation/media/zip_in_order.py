"""A ZIP file as a stream, for what cannot go back: an e-mail that is encrypted while it is written.

The checksum of a file stands in front of it, and readers of streams take no
stored file otherwise. So the sources are read twice: once for their
checksums, once for the archive.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from mediastation.errors import MediaError
from mediastation.media.contract import Progress
from mediastation.media.zip_archive import ZipMedium

__all__ = ["iter_zip"]


def iter_zip(archive: ZipMedium, progress: Progress | None = None) -> Generator[bytes]:
    """Yield the bytes of `archive`, whose files are stored, in their order.

    Parameters
    ----------
    archive : ZipMedium
        Planned; what `write` gives, to the byte.
    progress : callable, optional
        Told how much of the first reading is done, in bytes of the archive;
        whoever takes the bytes knows how much there is of them.

    Raises
    ------
    MediaError
        As `ZipMedium.write` does, also if a source changed from the first
        reading to the second.
    """
    first = _Trial()
    archive.write_to(first, progress)
    second = _Stream(first.completed)
    with closing(archive.iter_steps(second)) as steps:
        for _ in steps:
            yield second.take()
    yield second.take()


class _Trial:
    """Keeps nothing of an archive but what is completed in its place, by position."""

    def __init__(self) -> None:
        self.written_bytes = 0
        self.completed: dict[int, bytes] = {}

    def append(self, data: bytes) -> None:
        """Count it."""
        self.written_bytes += len(data)

    def overwrite(self, data: bytes, start: int) -> None:
        """Keep it: the header of a file, with its checksum."""
        self.completed[start] = bytes(data)


class _Stream:
    """Appends in the place of each header what it was completed to in the trial."""

    def __init__(self, completed: dict[int, bytes]) -> None:
        self.written_bytes = 0
        self._completed = completed
        self._pieces: list[bytes] = []

    def take(self) -> bytes:
        """Return what was appended since."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken

    def append(self, data: bytes) -> None:
        """Put `data`, or the completed header that belongs here, behind what there is."""
        completed = self._completed.get(self.written_bytes, data)
        if len(completed) != len(data):
            raise AssertionError(f"a header of {len(data)} bytes had {len(completed)} before")
        self._pieces.append(completed)
        self.written_bytes += len(data)

    def overwrite(self, data: bytes, start: int) -> None:
        """Insist that nothing has to be written again. Raises `MediaError`."""
        if self._completed.get(start) != data:
            raise MediaError(
                "A file changed while it was packed into the ZIP file of the e-mail.",
                "Make the e-mail again from unchanged files.",
            )
