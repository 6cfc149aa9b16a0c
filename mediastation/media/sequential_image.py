"""One pass over an image whose bytes are known in order: to the disk, and into the digests."""

from __future__ import annotations

import hashlib

from mediastation.media.contract import Progress, WrittenImage
from mediastation.media.image_digest import ImageDigest
from mediastation.media.level1 import SECTOR_BYTES
from mediastation.media.part_file import PartFile
from mediastation.model.manifest import SectorDigest

_RUN_BYTES = 1 << 20
_HOLE = bytearray(_RUN_BYTES)
_BLANK = bytes(SECTOR_BYTES)
_BLANK_SHA256 = hashlib.sha256(_BLANK).hexdigest()


class SequentialImage:
    """Takes sectors of structure and bytes of files, one behind the other.

    Memory in use is a run of 1 MiB, those in flight to the digest, and the
    digests of the structure.

    Parameters
    ----------
    part : PartFile
        The file, still empty.
    size_sectors : int
        Size of the whole image.
    progress : callable
        Is told bytes done and bytes in all. What it raises stops the writing.
    """

    def __init__(
        self, part: PartFile, *, size_sectors: int, progress: Progress | None = None
    ) -> None:
        self._part = part
        self._size_bytes = size_sectors * SECTOR_BYTES
        self._progress = progress
        self._run = bytearray()
        self._digest = ImageDigest()
        self._structure: list[SectorDigest] = []

    @property
    def sector(self) -> int:
        """The sector that comes next."""
        return -(self._position // -SECTOR_BYTES)

    def put_structure(self, data: bytes, *, twin: int = -1) -> None:
        """Append whole sectors that belong to no file.

        `twin` is the sector of their first copy, where everything before that
        is structure too: digests that are equal are then kept once.
        """
        if len(data) % SECTOR_BYTES or self._position % SECTOR_BYTES:
            raise ValueError("structure comes in whole sectors")
        first = self.sector
        for offset in range(0, len(data), SECTOR_BYTES):
            sha256 = hashlib.sha256(data[offset : offset + SECTOR_BYTES]).hexdigest()
            if twin >= 0:
                known = self._structure[twin + offset // SECTOR_BYTES].sha256
                sha256 = known if known == sha256 else sha256
            self._structure.append(SectorDigest(first + offset // SECTOR_BYTES, sha256))
        self._put(data)

    def blank_until(self, sector: int) -> None:
        """Append zeros, as structure, up to `sector`; `ValueError` if that is behind."""
        if sector < self.sector:
            raise ValueError(f"sector {self.sector} comes next, not {sector}")
        while self.sector < sector:
            self._structure.append(SectorDigest(self.sector, _BLANK_SHA256))
            self._put(_BLANK)

    def put_file(self, data: bytes) -> None:
        """Append bytes of a file."""
        self._put(data)

    def end_file(self) -> None:
        """Fill the last sector of a file with zeros."""
        self._put(bytes(-self._position % SECTOR_BYTES))

    def skip_until(self, position: int) -> None:
        """Append zeros that belong to nothing up to byte `position`.

        They are counted and digested like everything else, and take no room
        on the disk where its file system knows holes.
        """
        self._put_run()
        while (left := position - self._position) > 0:
            run = _HOLE if left >= len(_HOLE) else bytearray(left)
            self._digest.update(run)
            self._part.skip(len(run))
            if self._progress is not None:
                self._progress(self._part.written_bytes, self._size_bytes)

    def finish(self) -> WrittenImage:
        """Write what is left and return the digests; `ValueError` if the image is not whole."""
        if self._position != self._size_bytes:
            raise ValueError(f"the image has {self._position} of {self._size_bytes} bytes")
        self._put_run()
        return WrittenImage(self._size_bytes, self._digest.finish(), tuple(self._structure))

    def close(self) -> None:
        """End the digesting thread; nothing more is written."""
        self._digest.close()

    @property
    def _position(self) -> int:
        return self._part.written_bytes + len(self._run)

    def _put(self, data: bytes) -> None:
        if self._position + len(data) > self._size_bytes:
            raise ValueError(f"the image would grow over its {self._size_bytes} bytes")
        self._run += data
        if len(self._run) >= _RUN_BYTES:
            self._put_run()

    def _put_run(self) -> None:
        if not self._run:
            return
        run, self._run = self._run, bytearray()
        self._digest.update(run)
        self._part.append(run)
        if self._progress is not None:
            self._progress(self._part.written_bytes, self._size_bytes)
