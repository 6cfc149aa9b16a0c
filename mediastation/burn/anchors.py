"""The anchors of UDF at the end of a disc that is larger than its image.

A reader looks for the Anchor Volume Descriptor Pointer at sector 256, at the
last sector of the disc and 256 before it; two of the three have to be there
(UDF 2.2.3). An image brings the one at its own end, which is the end of a disc
that is written once, and somewhere in the middle of one that can be written
anywhere.
"""

from __future__ import annotations

from pathlib import Path

from mediastation.burn.drive import SECTOR_BYTES
from mediastation.errors import MediaError

ANCHOR = 256
"""Sector of the anchor that every volume has, and distance of the second from the last."""
TAIL_SECTORS = 512
_TAG_ANCHOR = 2
_TAG_BYTES = 16


def read_tail(image: Path, capacity_sectors: int) -> bytes:
    """Return the last `TAIL_SECTORS` of a disc: zeros, and both anchors of the volume in `image`.

    Raises
    ------
    MediaError
        If the image has no anchor.
    """
    with image.open("rb") as file:
        file.seek(ANCHOR * SECTOR_BYTES)
        anchor = file.read(SECTOR_BYTES)
    if len(anchor) < SECTOR_BYTES or int.from_bytes(anchor[:2], "little") != _TAG_ANCHOR:
        raise MediaError(f"{image} has no anchor at sector {ANCHOR}.", "Export it again.")
    tail = bytearray(TAIL_SECTORS * SECTOR_BYTES)
    for place in (TAIL_SECTORS - 1 - ANCHOR, TAIL_SECTORS - 1):
        at = place * SECTOR_BYTES
        tail[at : at + SECTOR_BYTES] = _moved(anchor, capacity_sectors - TAIL_SECTORS + place)
    return bytes(tail)


def _moved(anchor: bytes, sector: int) -> bytes:
    """Return the descriptor as it lies at `sector`: its tag names that place (ECMA-167 3/7.2)."""
    tag = bytearray(anchor[:_TAG_BYTES])
    tag[12:16] = sector.to_bytes(4, "little")
    tag[4] = 0
    tag[4] = sum(tag) & 0xFF
    return bytes(tag) + anchor[_TAG_BYTES:]
