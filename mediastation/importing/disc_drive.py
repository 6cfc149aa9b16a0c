"""A drive that is asked for bytes: what is a bad place, and what is a drive that has gone.

Before a disc is copied some of its sectors are digested. By these it is known
again when it is put into this or another drive later, and by these a drive
shows, after many failures in a row, that it reads at all.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.importing.disc_damage import SECTOR
from mediastation.reading.fresh import DirectAccess, drop_cache
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.random_access import RandomAccess

FAILURES_IN_A_ROW = 16
"""After so many, a drive has to show that it still reads what it read before."""

SPREAD = 16
"""So many sectors from all over a disc help to tell it from others of the same maker."""

_PROBES = 8
_NOT_SUPPORTED = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}
_GONE = {errno.ENODEV, errno.ENXIO, errno.ENOMEDIUM, errno.ESHUTDOWN}


def open_drive(source: Path, opener: AccessOpener) -> RandomAccess:
    """Open a disc; in a drive, so that a bad sector does not take its neighbours along.

    The system's cache deals in pages of two sectors, and would hide a drive
    that has gone.

    Raises
    ------
    MediaError
        If it cannot be opened.
    """
    access = opener(source)
    if opener is not RandomAccess or not access.is_device:
        return access
    try:
        direct = DirectAccess(source)
    except OSError:
        return access
    try:
        direct.read_at(0, SECTOR)
    except OSError as fault:
        if fault.errno in _NOT_SUPPORTED:
            direct.close()
            return access
    access.close()
    return direct


class OtherDiscError(MediaError):
    """The disc in the drive is not the one that it was."""


class Drive:
    """The disc by position; tells a bad place from a drive that has gone."""

    def __init__(self, source: Path, access: RandomAccess) -> None:
        self.source = source
        self.size_bytes = access.size_bytes
        self.known: Mapping[int, str] = {}
        self._access = access
        self._failures = 0

    def read(self, offset: int, length: int) -> bytes | None:
        """Return the bytes there, or None where they cannot be read.

        Raises
        ------
        MediaError
            If the drive has gone.
        """
        try:
            data = self._access.read_at(offset, length)
        except OSError as fault:
            if fault.errno in _GONE:
                raise self._gone() from fault
            data = b""
        if len(data) == length:
            self._failures = 0
            if not self.known:
                # It was blank where discs are told apart; from now on a drive can show itself.
                self.known = dict(islice(_digests(offset, data, telling=True).items(), 1))
            return data
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            self._failures = 0
            self.require_same_disc(self.known, any_will_do=True)
        return None

    def recognise(self) -> dict[int, str]:
        """Return digests of sectors that tell this disc from others, as far as they can be read.

        System area, the descriptors of ISO 9660 and UDF, UDF's anchor and what
        it leads to on most discs, and some from all over it.
        """
        sectors = -(-self.size_bytes // SECTOR)
        spread = {sectors * part // SPREAD for part in range(SPREAD)}
        wanted = sorted({*range(40), *range(256, 272), *spread})
        found = {}
        for first, count in _runs([sector for sector in wanted if sector < sectors]):
            found.update(self._read_digests(first, count, telling=True))
        return found

    def require_same_disc(self, known: Mapping[int, str], *, any_will_do: bool = False) -> None:
        """Raise `MediaError` unless what can be read of the sectors `known` is as it was."""
        if self._access.is_device:
            # What the system remembers of a disc says nothing of the one in the drive.
            with suppress(MediaError):
                drop_cache(self.source)
        same = 0
        asked = sorted(known)
        if any_will_do:
            # A drive that hangs takes half a minute for each.
            asked = asked[:: -(-len(asked) // _PROBES) or 1]
        for first, count in _runs(asked):
            now = self._read_digests(first, count)
            if any(known[sector] != digest for sector, digest in now.items()):
                raise OtherDiscError(
                    f"{self.source} holds another disc than the one whose copy was begun.",
                    "Put the first disc in again and repeat the command; import the other one "
                    "by itself.",
                )
            same += len(now)
            if same and any_will_do:
                break
        if not same:
            raise self._gone()

    def _read_digests(self, first: int, count: int, *, telling: bool = False) -> dict[int, str]:
        """Return digests of a run of sectors; of those that are not all one byte, if `telling`."""
        found = {}
        end = min((first + count) * SECTOR, self.size_bytes)
        for at, data in self._pieces(first * SECTOR, end):
            found.update(_digests(at, data, telling=telling))
        return found

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield a run whole, or what of it can be read by the sector."""
        if data := self._try(start, end - start):
            yield start, data
        if data or end - start <= SECTOR:
            return
        for at in range(start, end, SECTOR):
            if data := self._try(at, min(SECTOR, end - at)):
                yield at, data

    def _try(self, offset: int, length: int) -> bytes:
        try:
            data = self._access.read_at(offset, length)
        except OSError as fault:
            if fault.errno in _GONE:
                raise self._gone() from fault
            return b""
        return data if len(data) == length else b""

    def _gone(self) -> MediaError:
        return MediaError(
            f"The drive {self.source} does not read any more.",
            "Clean the disc, put it in again or into another drive, and repeat the command: it "
            "goes on where it was.",
        )


def _digests(offset: int, data: bytes, *, telling: bool) -> dict[int, str]:
    """Return the digest of each whole sector of `data`, by its number on the disc."""
    found = {}
    for start in range(-offset % SECTOR, len(data) - SECTOR + 1, SECTOR):
        sector = data[start : start + SECTOR]
        if not telling or sector.strip(sector[:1]):
            found[(offset + start) // SECTOR] = hashlib.sha256(sector).hexdigest()
    return found


def _runs(sectors: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first sector and count of each run of neighbours in a sorted list."""
    first = count = 0
    for sector in sectors:
        if count and sector == first + count:
            count += 1
            continue
        if count:
            yield first, count
        first, count = sector, 1
    if count:
        yield first, count
