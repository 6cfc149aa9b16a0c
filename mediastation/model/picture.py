"""A picture of an image for the screen, and how its window was changed."""

from __future__ import annotations

from dataclasses import dataclass

from mediastation.model.icon import IconImage


@dataclass(frozen=True, slots=True)
class WindowChange:
    """How far a picture's window is from its first one.

    `width_factor` is what its width is multiplied by; `level_shift` by how
    much of that first width its centre is moved.
    """

    width_factor: float = 1.0
    level_shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame, made small, through a window.

    Parameters
    ----------
    image : IconImage
        What is shown, black around it.
    frame, frames : int
        Which frame, from 0, of how many.
    rows, columns : int
        Of the frame itself.
    center, width : float or None
        The window; None where the picture has none, as in colour.
    colours : bytes
        The same as `image` in colour: red, green and blue of each pixel. Empty
        where the frame is grey.
    """

    image: IconImage
    frame: int
    frames: int
    rows: int
    columns: int
    center: float | None = None
    width: float | None = None
    colours: bytes = b""

    def __post_init__(self) -> None:
        if self.colours and len(self.colours) != 3 * len(self.image.pixels):
            raise ValueError(f"{len(self.colours)} bytes are no colours of {self.image.rows} rows")
