"""Media in memory that are damaged in places, reached as a drive is: by position."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from mediastation.reading.random_access import RandomAccess

SECTOR = 2048


class MemoryAccess(RandomAccess):
    """An image in memory, behind a file's or a drive's manners.

    Parameters
    ----------
    content : bytes
        What was written; padding behind it is the caller's.
    flipped : collection of int
        The numbers of bits that read the other way.
    bad : collection of int
        Sectors that cannot be read.
    is_device : bool
        Whether it looks like a drive.
    heals_after : int
        A bad sector can be read once it was asked for so often; never if 0.
    last_session : int, optional
        Where the drive says that the last session begins.
    """

    def __init__(
        self,
        content: bytes,
        *,
        flipped: Collection[int] = (),
        bad: Collection[int] = (),
        is_device: bool = False,
        heals_after: int = 0,
        last_session: int | None = None,
    ) -> None:
        self._handle = -1
        self._content = content
        self._flipped = flipped
        self._bad = bad
        self._heals_after = heals_after
        self._last_session = last_session
        self.is_device = is_device
        self.size_bytes = len(content)
        self.asked: dict[int, int] = {}

    def __call__(self, _: Path) -> MemoryAccess:
        """Open it, whatever it is called."""
        return self

    def last_session_sector(self) -> int | None:
        return self._last_session

    def read_at(self, offset: int, length: int) -> bytes:
        piece = self._content[offset : offset + length]
        last = (offset + len(piece) - 1) // SECTOR
        for sector in sorted(self._bad) if self._bad else ():
            if offset // SECTOR <= sector <= last:
                self.asked[sector] = self.asked.get(sector, 0) + 1
                if not self._heals_after or self.asked[sector] <= self._heals_after:
                    raise OSError(5, "Input/output error")
        here = [bit for bit in self._flipped if offset <= bit // 8 < offset + len(piece)]
        if not here:
            return piece
        spoiled = bytearray(piece)
        for bit in here:
            spoiled[bit // 8 - offset] ^= 1 << bit % 8
        return bytes(spoiled)
