"""Read an image file or a block device by position, and files that lie on it as streams."""

from __future__ import annotations

import fcntl
import io
import os
import stat
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.reading.contract import HOLE, Extent

ReadAt = Callable[[int, int], bytes]
"""Returns the bytes at an offset, fewer at the end."""

_CDROMMULTISESSION = 0x5310  # linux/cdrom.h
_CDROM_LBA = 1


class RandomAccess:
    """Bytes of an image or device by position; no position is shared, so threads may read.

    Parameters
    ----------
    path : Path
        A regular file or block device; `MediaError` for anything else.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as fault:
            raise MediaError(f"{path} cannot be opened: {fault.strerror}") from fault
        mode = os.fstat(self._handle).st_mode
        self.is_device = stat.S_ISBLK(mode)
        if not (self.is_device or stat.S_ISREG(mode)):
            os.close(self._handle)
            raise MediaError(f"{path} is neither a file nor a block device")
        try:
            self.size_bytes = os.lseek(self._handle, 0, os.SEEK_END)
        except OSError as fault:
            os.close(self._handle)
            raise MediaError(f"{path} cannot be measured: {fault.strerror}") from fault

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes at `offset`, fewer at the end; `OSError` where they cannot be read."""
        if offset >= self.size_bytes:
            return b""
        pieces = []
        while length > 0:
            piece = os.pread(self._handle, min(length, 1 << 30), offset)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def try_read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes at `offset`, none where they cannot be read."""
        try:
            return self.read_at(offset, length)
        except OSError:
            return b""

    def last_session_sector(self) -> int | None:
        """Return where the drive says that the last session begins; None if it does not say."""
        if not self.is_device:
            return None
        answer = bytearray(8)  # union cdrom_addr, xa_flag, addr_format
        answer[5] = _CDROM_LBA
        try:
            fcntl.ioctl(self._handle, _CDROMMULTISESSION, answer)
        except OSError:
            return None
        return int.from_bytes(answer[:4], "little") if answer[4] else 0

    def close(self) -> None:
        """Let the file go; a second time does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class ExtentStream(io.RawIOBase):
    """A file that lies in extents on an image; ends early where the image does."""

    def __init__(
        self, read_at: Callable[[int, int], bytes], extents: Sequence[Extent], size_bytes: int
    ) -> None:
        super().__init__()
        self._read_at = read_at
        self._extents = extents
        self._starts: list[int] = []
        self._size = size_bytes
        self._position = 0
        total = 0
        for extent in extents:
            self._starts.append(total)
            total += extent.length

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; positions beyond the end are allowed and read nothing."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` from one extent."""
        if self._position >= self._size or not len(buffer) or not self._extents:
            return 0
        index = bisect_right(self._starts, self._position) - 1
        extent = self._extents[index]
        inside = self._position - self._starts[index]
        wanted = max(0, min(len(buffer), extent.length - inside))
        if extent.offset == HOLE:
            piece = bytes(wanted)
        else:
            piece = self._read_at(extent.offset + inside, wanted)
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)
