"""Where elements are read from: a file, bytes, a deflated stream, all in bounded memory."""

from __future__ import annotations

import os
import zlib
from abc import ABC, abstractmethod
from typing import Final

BLOCK_BYTES: Final = 64 * 1024
"""What one read of a window asks for: a CT header and its neighbours in one call."""
HEAD_BYTES: Final = 12
"""The longest head of an element (PS3.5, 7.1.2)."""

INFLATE_KEEP_BYTES: Final = 32 * 1024 * 1024
INFLATE_LIMIT_BYTES: Final = 512 * 1024 * 1024
_INFLATE_STEP_BYTES: Final = 256 * 1024


class SourceLimitError(Exception):
    """A source would have to do more than its limits allow."""


class Source(ABC):
    """Bytes that can be looked at by offset.

    `size` is how many bytes are known to be there. A source that finds out as
    it goes (a deflated one) says less than the truth until `reaches` was asked.
    """

    size: int

    @abstractmethod
    def window(self, offset: int, length: int = BLOCK_BYTES) -> bytes:
        """Return the bytes from `offset` on, at most `length`; empty past the end."""

    def block(self, offset: int) -> tuple[bytes, int]:
        """Return a block that holds what lies at `offset`, and where the block begins.

        At least `HEAD_BYTES` follow `offset` in it, or all there are.
        """
        return self.window(offset), offset

    def reaches(self, offset: int) -> bool:
        """Tell whether there are at least `offset` bytes."""
        return offset <= self.size


class BytesSource(Source):
    """A source over bytes that are in memory anyway."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def window(self, offset: int, length: int = BLOCK_BYTES) -> bytes:
        """Return a slice."""
        return self.data[offset : offset + length]

    def block(self, offset: int) -> tuple[bytes, int]:  # noqa: ARG002 - one block holds all
        """Return everything."""
        return self.data, 0


class FileSource(Source):
    """A source over an open file; reads by position, so that it shares no cursor.

    The last block stays cached: elements that lie together cost one system
    call. The file is never mapped, because a medium that fails under a map
    kills the process where a read gives an error.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size
        self._base = 0
        self._block = b""

    def window(self, offset: int, length: int = BLOCK_BYTES) -> bytes:
        """Return bytes out of the cached block, or read the file there."""
        start = offset - self._base
        if start >= 0 and start + length <= len(self._block):
            return self._block[start : start + length]
        want = min(length, self.size - offset)
        if want <= 0:
            return b""
        if start >= 0 and start + want <= len(self._block):
            return self._block[start : start + want]
        data = self.read(offset, want)
        if len(data) < want:  # the file shrank under us
            self.size = offset + len(data)
        if length >= len(self._block) or length >= BLOCK_BYTES:
            self._base, self._block = offset, data
        return data

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes at `offset`, past the cache; fewer only at the file's end."""
        data = os.pread(self.descriptor, length, offset)
        if len(data) == length or not data:
            return data
        parts = [data]
        missing = length - len(data)
        while missing and (more := os.pread(self.descriptor, missing, offset + length - missing)):
            parts.append(more)
            missing -= len(more)
        return b"".join(parts)

    def block(self, offset: int) -> tuple[bytes, int]:
        """Return the cached block while a head fits what is left of it."""
        left = self._base + len(self._block) - offset
        if offset < self._base or left < HEAD_BYTES:
            return self.window(offset), offset
        return self._block, self._base


class InflatedSource(Source):
    """The data set of a deflated file (PS3.5, A.5), inflated as far as it is asked for.

    The last `INFLATE_KEEP_BYTES` stay in memory. More than
    `INFLATE_LIMIT_BYTES` are never inflated: a stream grows a thousandfold.
    A copy is inflated from front to end, trailer and all, by
    `mediastation.dicom.prepare`.

    Parameters
    ----------
    packed : Source
        The file.
    offset : int
        Where the deflated stream begins in it.
    """

    def __init__(self, packed: Source, offset: int) -> None:
        self.size = 0
        self.packed = packed
        self.packed_offset = offset
        self.damaged = False
        self._base = 0
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def finished(self) -> bool:
        """Whether the stream came to its own end."""
        return self._inflate.eof

    def _step(self) -> bool:
        """Inflate a little more; false at the end of the stream."""
        if self._inflate.eof or self.damaged:
            return False
        if self.size >= INFLATE_LIMIT_BYTES:
            raise SourceLimitError(f"more than {INFLATE_LIMIT_BYTES} bytes after inflating")
        packed = self._inflate.unconsumed_tail
        if not packed:
            packed = self.packed.window(self.packed_offset)
            self.packed_offset += len(packed)
        try:
            data = self._inflate.decompress(packed, _INFLATE_STEP_BYTES)
        except zlib.error:
            self.damaged = True
            return False
        if not data and not packed:
            return False
        self._buffer += data
        self.size += len(data)
        surplus = len(self._buffer) - INFLATE_KEEP_BYTES
        if surplus > INFLATE_KEEP_BYTES // 4:
            del self._buffer[:surplus]
            self._base += surplus
        return True

    def reaches(self, offset: int) -> bool:
        """Inflate until there are `offset` bytes, or the stream ends."""
        while self.size < offset:
            if not self._step():
                return False
        return True

    def window(self, offset: int, length: int = BLOCK_BYTES) -> bytes:
        """Return bytes that were just inflated; refuse what lies too far back."""
        self.reaches(offset + length)
        start = offset - self._base
        if start < 0:
            raise SourceLimitError("a sequence too long to be read twice")
        return bytes(self._buffer[start : start + length])
