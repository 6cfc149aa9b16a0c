"""An icon as a Directory Record holds it (PS3.3 F.7)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IconImage:
    """A small picture of an image, 8 bits a pixel, MONOCHROME2.

    Parameters
    ----------
    rows, columns : int
        Its size; a profile may prescribe it.
    pixels : bytes
        Row by row, one byte a pixel, ``rows * columns`` of them; 0 is black.
    """

    rows: int
    columns: int
    pixels: bytes

    def __post_init__(self) -> None:
        if len(self.pixels) != self.rows * self.columns:
            raise ValueError(f"{len(self.pixels)} bytes are no {self.rows} x {self.columns} icon")
