"""Read from the medium and not from memory, as far as that can be had, and know how far.

What was just written lies in the page cache. To read that proves nothing of
the disc: so the cache is emptied first, and asked whether it is empty. Where
it does not say so, reading goes past it (``O_DIRECT``). The few megabytes
that a drive keeps itself are beyond reach; a medium is larger than those.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.random_access import RandomAccess

_BLKFLSBUF = 0x1261  # linux/fs.h
_BLKSSZGET = 0x1268
_WINDOW_BYTES = 1 << 30
_ALIGNMENT = 4096
_MOST_BYTES = 1 << 20
_STATFS_BYTES = 256
_IN_MEMORY = {0x01021994, 0x858458F6}
"""tmpfs and ramfs (linux/magic.h)."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64
]  # fmt: skip
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
_FAILED = ctypes.c_void_p(-1).value


class Cache(StrEnum):
    """Whether bytes that are read may be those that were remembered."""

    DEFEATED = "defeated"
    UNKNOWN = "unknown"


class DirectAccess(RandomAccess):
    """Bytes by position, past the system's cache; `OSError` where that is not supported.

    The cache deals in pages: through it one bad sector takes its neighbours
    along. Here a drive is asked for whole sectors of its own and no more.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            flags = fcntl.fcntl(self._handle, fcntl.F_GETFL)
            fcntl.fcntl(self._handle, fcntl.F_SETFL, flags | os.O_DIRECT)
        except OSError:
            self.close()
            raise
        self._block_bytes = _sector_bytes(self._handle) if self.is_device else _ALIGNMENT

    def read_at(self, offset: int, length: int) -> bytes:
        """Return the bytes at `offset`, fewer at the end; `OSError` where they cannot be read."""
        length = min(length, self.size_bytes - offset)
        if length <= 0:
            return b""
        pieces = []
        # The kernel wants place, length and memory in whole blocks.
        with mmap.mmap(-1, _MOST_BYTES) as buffer, memoryview(buffer) as view:
            while length > 0:
                start = offset - offset % self._block_bytes
                wanted = -(-(offset - start + length) // self._block_bytes) * self._block_bytes
                with view[: min(wanted, _MOST_BYTES)] as window:
                    count = os.preadv(self._handle, [window], start)
                piece = bytes(view[offset - start : min(count, offset - start + length)])
                if not piece:
                    break
                pieces.append(piece)
                offset += len(piece)
                length -= len(piece)
        return b"".join(pieces)


def _sector_bytes(handle: int) -> int:
    """Return the size of a device's logical sectors; a page where it does not say."""
    answer = bytearray(4)
    with suppress(OSError):
        fcntl.ioctl(handle, _BLKSSZGET, answer)
    size = int.from_bytes(answer, sys.byteorder)
    return size if 512 <= size <= _ALIGNMENT and not size & (size - 1) else _ALIGNMENT


def open_fresh(path: Path) -> tuple[AccessOpener, Cache]:
    """Empty the cache of an image or device, and return how to open it and what that achieved.

    Raises
    ------
    MediaError
        If it cannot be opened.
    """
    if drop_cache(path) is Cache.DEFEATED:
        return RandomAccess, Cache.DEFEATED
    if _lies_in_memory(path):
        return RandomAccess, Cache.UNKNOWN
    with suppress(OSError):
        access = DirectAccess(path)
        try:
            access.read_at(0, _ALIGNMENT)
            return DirectAccess, Cache.DEFEATED
        finally:
            access.close()
    return RandomAccess, Cache.UNKNOWN


def drop_cache(path: Path) -> Cache:
    """Forget what the system remembers of a file or device; `MediaError` if it cannot be opened.

    What was not yet written is written first.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as fault:
        raise MediaError(f"{path} cannot be opened: {fault.strerror}") from fault
    try:
        with suppress(OSError):
            os.fsync(handle)
        if stat.S_ISBLK(os.fstat(handle).st_mode):
            # For whoever may; the advice below is for everybody.
            with suppress(OSError):
                fcntl.ioctl(handle, _BLKFLSBUF, 0)
        with suppress(OSError):
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            size = os.lseek(handle, 0, os.SEEK_END)
            return Cache.UNKNOWN if _is_remembered(handle, size) else Cache.DEFEATED
        return Cache.UNKNOWN
    finally:
        os.close(handle)


def _lies_in_memory(path: Path) -> bool:
    """Tell whether a file lies on a file system that is nothing but cache."""
    found = ctypes.create_string_buffer(_STATFS_BYTES)
    if _libc.statfs(os.fsencode(path), found) != 0:
        return True
    kind = int.from_bytes(found.raw[: ctypes.sizeof(ctypes.c_long)], sys.byteorder)
    return kind & 0xFFFFFFFF in _IN_MEMORY


def _is_remembered(handle: int, size_bytes: int) -> bool:
    """Ask whether any page is in memory; where the system does not tell, it says yes."""
    for offset in range(0, size_bytes, _WINDOW_BYTES):
        length = min(_WINDOW_BYTES, size_bytes - offset)
        pages = ctypes.create_string_buffer(-(-length // mmap.PAGESIZE))
        with _mapped(handle, offset, length) as address:
            if address is None or _libc.mincore(address, length, pages) != 0:
                return True
        # The lowest bit of each byte counts; the others are reserved.
        if any(page & 1 for page in set(pages.raw)):
            return True
    return False


@contextmanager
def _mapped(handle: int, offset: int, length: int) -> Iterator[int | None]:
    address = _libc.mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, handle, offset)
    if address == _FAILED:
        yield None
        return
    try:
        yield address
    finally:
        _libc.munmap(address, length)
