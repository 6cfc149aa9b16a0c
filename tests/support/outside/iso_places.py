"""Where things lie on an ISO 9660 image, read in lines that share nothing with the package."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SECTOR = 2048
PRIMARY, JOLIET = 16, 17


@dataclass(frozen=True)
class IsoPlace:
    """A file or directory: its record's byte on the image, its first sector and its size."""

    record: int
    sector: int
    size: int
    is_folder: bool


def places(image: bytes, descriptor: int = PRIMARY) -> dict[str, IsoPlace]:
    """Files and directories by path; the root is the empty path.

    `descriptor` is the sector of the volume descriptor; names of Joliet's are
    in UCS-2.
    """
    head = descriptor * SECTOR
    wide = image[head] == 2
    root = IsoPlace(head + 156, *struct.unpack_from("<I4xI", image, head + 158), True)
    found = {"": root}
    waiting = [("", root)]
    while waiting:
        path, folder = waiting.pop()
        start = folder.sector * SECTOR
        at = start
        while at < start + folder.size:
            length = image[at]
            if not length:
                at = (at // SECTOR + 1) * SECTOR
                continue
            raw = image[at + 33 : at + 33 + image[at + 32]]
            if raw not in (b"\0", b"\1"):
                name = raw.decode("utf-16-be" if wide else "latin-1")
                name = name.split(";")[0].removesuffix(".")
                inner = f"{path}/{name}" if path else name
                sector, size = struct.unpack_from("<I4xI", image, at + 2)
                one = IsoPlace(at, sector, size, bool(image[at + 25] & 2))
                found[inner] = one
                if one.is_folder:
                    waiting.append((inner, one))
            at += length
    return found


def zeroed(image: bytes, sector: int, count: int = 1) -> bytes:
    """The image with sectors that could not be read, as ``dd conv=noerror,sync`` leaves them."""
    return image[: sector * SECTOR] + bytes(count * SECTOR) + image[(sector + count) * SECTOR :]
