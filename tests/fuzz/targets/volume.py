"""A medium of any kind, opened by what it seems to hold, through the operating system's files."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from random import Random

from mediastation.errors import MediaError
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.volume import FileSystem, open_volume
from mediastation.reading.zip_volume import DEFLATE_RATIO
from tests.fuzz.oracles import drain, require_harmless
from tests.fuzz.targets.fat import FatTarget
from tests.fuzz.targets.iso import IsoTarget
from tests.fuzz.targets.mime import MimeTarget
from tests.fuzz.targets.udf import UdfTarget
from tests.fuzz.targets.zip import ZipTarget
from tests.support.damaged import MemoryAccess

_KINDS = (IsoTarget, UdfTarget, FatTarget, ZipTarget, MimeTarget)
_ONLY = (None, None, None, FileSystem.ISO9660, FileSystem.UDF, FileSystem.FAT)


class VolumeTarget:
    """The first byte of an input says as what it is spoiled, the second as what it is read."""

    name = "volume"
    roots: tuple[str, ...] = ("reading/volume.py", "reading/random_access.py", "reading/iso_sess",
                              "reading/fat_boot.py", "reading/udf_reco")  # fmt: skip
    most_bytes = 1 << 20

    def __init__(self) -> None:
        self._kinds = [kind() for kind in _KINDS]

    def seeds(self, folder: Path | None) -> list[bytes]:
        """The small ones of all formats."""
        found = []
        for number, kind in enumerate(self._kinds):
            found += [
                bytes([number, 0]) + data
                for data in kind.seeds(folder)
                if len(data) < self.most_bytes
            ]
        return found

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil as one format, seldom as another; or lay one medium over another."""
        head, body = bytearray(data[:2].ljust(2, b"\0")), data[2:]
        if rng.random() < 0.2:
            head[1] = rng.randrange(256)
        if other and rng.random() < 0.5:
            at = rng.choice((0, 32768, 512, 256 * 2048))
            body = body[:at].ljust(at, b"\0") + other[2 + at :]
        number = rng.randrange(256) if rng.random() < 0.1 else head[0]
        body = self._kinds[number % len(self._kinds)].mutate(rng, body, other[2:])
        return bytes(head) + body

    def run(self, data: bytes) -> set[str]:
        """Open it out of a file, and read all of it."""
        only = _ONLY[data[1] % len(_ONLY)] if len(data) > 1 else None
        body, chance = data[2:], Random(zlib.crc32(data))
        bad = {chance.choice((0, 1, 16, 17, 20, 256)) for _ in range(3)}
        descriptor = os.memfd_create("fuzz")
        try:
            os.write(descriptor, body)
            try:
                opener = RandomAccess if chance.randrange(8) else MemoryAccess(body, bad=bad)
                path = Path(f"/proc/self/fd/{descriptor}")
                volume = open_volume(path, only=only, opener=opener)
            except MediaError as fault:
                require_harmless(fault.message + fault.hint, "error")
                return {f"refused: {' '.join(w for w in fault.message.split() if w.isalpha())}"}
            with volume:
                said = drain(volume, len(body), most_bytes=DEFLATE_RATIO * max(1, len(body)))
            return {type(volume).__name__} | said
        finally:
            os.close(descriptor)
