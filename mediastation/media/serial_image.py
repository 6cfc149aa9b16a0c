"""One pass over an image that its maker writes in leaps: to the disk, and into the digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable

from mediastation.media.image_digest import ImageDigest
from mediastation.media.level1 import SECTOR_BYTES
from mediastation.media.part_file import PartFile
from mediastation.model.manifest import SectorDigest

_RUN_BYTES = 1 << 20


class SerialImage:
    """The file that pycdlib writes into.

    pycdlib writes descriptors, path tables and directories in leaps, and then
    the files one after the other. The head, all before the first file, is kept
    until that one comes; from there on the bytes go to the disk in order and
    at the same time into the digest, gaps as zeros.

    Parameters
    ----------
    part : PartFile
        The file, still empty.
    head_bytes : int
        Where the first file starts; memory in use is this and some runs of
        1 MiB.
    size_bytes : int
        Size of the whole image.
    progress : callable
        Is told bytes done and bytes in all. What it raises stops the writing.
    """

    def __init__(
        self,
        part: PartFile,
        *,
        head_bytes: int,
        size_bytes: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._part = part
        self._size_bytes = size_bytes
        self._progress = progress
        self._head = bytearray(head_bytes)
        self._position = 0
        self._end = 0
        self._head_taken = False
        self._run = bytearray()
        self._in_order = True
        self._digest = ImageDigest()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go somewhere, as `io.RawIOBase.seek` does; the end is that of what was written."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def write(self, data: bytes) -> int:
        """Take `data` at the position.

        Raises
        ------
        MediaError
            If the disk does not take it.
        ValueError
            If it would reach over the planned end.
        """
        start, end = self._position, self._position + len(data)
        if end > self._size_bytes:
            raise ValueError(f"the image would grow over its {self._size_bytes} bytes")
        if not self._head_taken and end <= len(self._head):
            self._head[start:end] = data
        elif self._head_taken or start >= len(self._head):
            self._append(start, data)
        else:
            raise ValueError("one write reaches from the head into the files")
        self._position = end
        self._end = max(self._end, end)
        return len(data)

    def finish(self, loose_sectors: Iterable[range]) -> tuple[str, tuple[SectorDigest, ...]]:
        """Write what is left and return the digests.

        Parameters
        ----------
        loose_sectors : iterable of range
            Sectors that belong to no file.

        Returns
        -------
        str
            SHA-256 of the whole image.
        tuple of SectorDigest
            One for each loose sector.
        """
        self._append(self._size_bytes, b"")
        self._put_run()
        sha256 = self._digest.finish() if self._in_order else self._reread_digest()
        digests = tuple(self._sector_digest(sector) for run in loose_sectors for sector in run)
        return sha256, digests

    def close(self) -> None:
        """End the digesting thread; nothing more is written."""
        self._digest.close()

    def _append(self, start: int, data: bytes) -> None:
        if not self._head_taken:
            self._head_taken = True
            self._run += self._head
        ahead = self._part.written_bytes + len(self._run)
        if start < ahead:
            self._overwrite(start, data)
            return
        while ahead < start:
            zeros = min(start - ahead, _RUN_BYTES)
            self._run += bytes(zeros)
            ahead += zeros
            self._put_run_when_full()
        self._run += data
        self._put_run_when_full()

    def _put_run_when_full(self) -> None:
        if len(self._run) >= _RUN_BYTES:
            self._put_run()

    def _put_run(self) -> None:
        run, self._run = self._run, bytearray()
        self._digest.update(run)
        self._part.append(run)
        if self._progress is not None:
            self._progress(self._part.written_bytes, self._size_bytes)

    def _overwrite(self, start: int, data: bytes) -> None:
        """Take what comes out of order; the digest is then read from the disk."""
        self._put_run()
        self._in_order = False
        behind = max(0, self._part.written_bytes - start)
        self._part.overwrite(data[:behind], start)
        self._run += data[behind:]

    def _reread_digest(self) -> str:
        digest = hashlib.sha256()
        for start in range(0, self._size_bytes, _RUN_BYTES):
            digest.update(self._part.read(_RUN_BYTES, start))
        return digest.hexdigest()

    def _sector_digest(self, sector: int) -> SectorDigest:
        start = sector * SECTOR_BYTES
        if self._in_order and start < len(self._head):
            data = bytes(memoryview(self._head)[start : start + SECTOR_BYTES])
        else:
            data = self._part.read(SECTOR_BYTES, start)
        return SectorDigest(sector, hashlib.sha256(data).hexdigest())
