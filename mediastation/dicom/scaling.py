"""A picture in another size: every new pixel is the mean of the area it covers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mediastation.dicom.render import Shades

_BAND_PIXELS = 1 << 20


def letterboxed(picture: Shades, rows: int, columns: int, aspect: float = 1.0) -> Shades:
    """Return `picture` as large as it fits into `rows` by `columns`, black around it.

    Parameters
    ----------
    picture : numpy.ndarray
        Shape ``(rows, columns)``.
    rows, columns : int
        Size of the frame around it, whose pixels are square.
    aspect : float
        Height of the picture's pixels, their width being 1. However drawn
        out a picture is, a line of it is left.
    """
    height, width = picture.shape[0] * aspect, float(picture.shape[1])
    scale = min(rows / height, columns / width)
    high = min(max(round(height * scale), 1), rows)
    wide = min(max(round(width * scale), 1), columns)
    framed = np.zeros((rows, columns), np.uint8)
    top, left = (rows - high) // 2, (columns - wide) // 2
    framed[top : top + high, left : left + wide] = area_mean(picture, high, wide)
    return framed


def area_mean(picture: Shades, rows: int, columns: int) -> Shades:
    """Return `picture` in `rows` by `columns`, pixels that are covered in part counted in part.

    Enlarging repeats pixels and mixes them only where a new one lies across
    their border.
    """
    narrow = np.empty((picture.shape[0], columns), np.float32)
    height = max(_BAND_PIXELS // max(picture.shape[1], 1), 1)
    for top in range(0, picture.shape[0], height):
        narrow[top : top + height] = _mean_across(picture[top : top + height], columns)
    return np.asarray(np.floor(_mean_across(narrow.T, rows).T + 0.5), np.uint8)


def _mean_across(lines: npt.NDArray[np.generic], count: int) -> npt.NDArray[np.float64]:
    """Return each line of `lines` as the means of `count` equal parts of it."""
    length = lines.shape[1]
    sums = np.zeros((lines.shape[0], length + 1))
    np.cumsum(lines, axis=1, out=sums[:, 1:])
    edges = np.arange(count + 1) * (length / count)
    whole = np.minimum(edges.astype(np.intp), length - 1)
    at_edges = sums[:, whole] + (sums[:, whole + 1] - sums[:, whole]) * (edges - whole)
    return np.asarray(np.diff(at_edges, axis=1) * (count / length))
