"""Lay the structures and files of an image out in physical order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mediastation.reading.contract import HOLE, Span, VolumeFile

_Claim = tuple[int, int, str, "VolumeFile | None", int]


def iter_image_spans(
    structures: Iterable[tuple[int, int, str]],
    files: Iterable[VolumeFile],
    size_bytes: int,
    volume_bytes: int,
    sector: int,
) -> Iterator[Span]:
    """Yield spans that cover the image from its first byte to its last, each byte once.

    Where claims overlap, the one that begins first has the bytes, a structure
    before a file; of a file that loses bytes, what is left is still yielded.

    Parameters
    ----------
    structures : iterable of (int, int, str)
        Offset, length and name of what is no file.
    files : iterable of VolumeFile
        The files with their extents.
    size_bytes, volume_bytes : int
        Size of the image, and of it what the file system claims.
    sector : int
        Files are padded to multiples of this.
    """
    claims: list[_Claim] = [(o, n, name, None, 0) for o, n, name in structures]
    for file in files:
        inside = 0
        for extent in file.extents:
            if extent.offset != HOLE:
                claims.append((extent.offset, extent.length, file.path, file, inside))
            inside += extent.length
    claims.sort(key=lambda claim: (claim[0], claim[3] is not None))
    position = 0
    last = ""
    for offset, length, region, owner, inside in claims:
        start, end = max(offset, position), min(offset + length, size_bytes)
        if end <= start:
            continue
        yield from _gap(position, start, last, volume_bytes, sector)
        yield Span(start, end - start, region, owner, inside + start - offset)
        position, last = end, region
    yield from _gap(position, size_bytes, last, volume_bytes, sector)


def _gap(start: int, end: int, after: str, volume_bytes: int, sector: int) -> Iterator[Span]:
    """Yield what lies between two claims: padding, unused sectors, what follows the volume."""
    padded = min(end, -(-start // sector) * sector)
    if start < padded:
        yield Span(start, padded - start, f"padding after {after}")
        start = padded
    inside = min(end, max(start, volume_bytes))
    if start < inside:
        yield Span(start, inside - start, "unused")
    if inside < end:
        yield Span(inside, end - inside, "after the volume")
