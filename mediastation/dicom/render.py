"""Stored samples as the shades of grey that a person sees: no file, no attribute names.

The grayscale pipeline of PS3.3 C.11.1 (Modality LUT, rescale), C.11.2 (VOI LUT,
window) and C.11.6 (Presentation LUT Shape), palettes (C.7.9) and the luminance
of colours. What reads the attributes is `mediastation.dicom.shading`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.integer] | npt.NDArray[np.floating]
Shades = npt.NDArray[np.uint8]
_Values = npt.NDArray[np.float64]

_BAND_PIXELS = 1 << 20
"""Pixels worked on at a time: intermediate values take eight bytes each."""
_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114  # ITU-R BT.601, as PS3.3 C.7.6.3.1.2 has for YBR


@dataclass(frozen=True, slots=True)
class Lut:
    """A look-up table (PS3.3 C.11.1.1.1, C.7.6.3.1.5).

    Parameters
    ----------
    first : int
        The value that the first entry stands for; what lies below or beyond
        the table takes its first or last entry.
    bits : int
        Bits of an entry.
    entries : numpy.ndarray
        At least one.
    """

    first: int
    bits: int
    entries: npt.NDArray[np.uint16]

    def apply(self, values: npt.NDArray[np.float64]) -> _Values:
        """Return the entries for `values`, as numbers."""
        last = len(self.entries) - 1
        index = np.clip(np.nan_to_num(values) - self.first, 0, last).astype(np.intp)
        return self.entries[index].astype(np.float64)


@dataclass(frozen=True, slots=True)
class VoiWindow:
    """A window (PS3.3 C.11.2.1.2 and C.11.2.1.3).

    `function` is ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``.
    """

    center: float
    width: float
    function: str = "LINEAR"

    @property
    def is_sane(self) -> bool:
        """Whether the standard allows its width."""
        least = 1.0 if self.function == "LINEAR" else np.nextafter(0.0, 1.0)
        return bool(np.isfinite((self.center, self.width)).all() and self.width >= least)

    def apply(self, values: _Values) -> _Values:
        """Return where `values` stand between black, 0, and white, 1; not yet clipped."""
        if self.function == "SIGMOID":
            return np.asarray(1 / (1 + np.exp(-4 * (values - self.center) / self.width)))
        if self.function == "LINEAR_EXACT":
            return (values - self.center) / self.width + 0.5
        if self.width == 1:
            return (values > self.center - 0.5).astype(np.float64)
        return (values - (self.center - 0.5)) / (self.width - 1) + 0.5


@dataclass(frozen=True, slots=True)
class Shading:
    """What turns an image's samples into shades.

    Parameters
    ----------
    photometric : str
        Photometric Interpretation of the samples.
    bits_stored, high_bit : int
        Which bits of a sample's cell are the sample; for floats of no effect.
    signed : bool
        Whether it is in two's complement.
    modality : Lut or None
        Instead of `slope` and `intercept`.
    slope, intercept : float
        Of the rescale.
    voi : VoiWindow or Lut or None
        `None` for the range that the pixels have.
    padding : tuple of float or None
        Stored values, from and to, that are no part of the picture.
    inverse : bool
        Whether the highest value is black.
    palette : tuple of Lut or None
        Red, green, blue, for PALETTE COLOR.
    """

    photometric: str = "MONOCHROME2"
    bits_stored: int = 8
    high_bit: int = 7
    signed: bool = False
    modality: Lut | None = None
    slope: float = 1.0
    intercept: float = 0.0
    voi: VoiWindow | Lut | None = None
    padding: tuple[float, float] | None = None
    inverse: bool = False
    palette: tuple[Lut, Lut, Lut] | None = None


def render_luminance(samples: Samples, shading: Shading) -> Shades:
    """Return one frame as shades of grey, in the size it has.

    Parameters
    ----------
    samples : numpy.ndarray
        Shape ``(rows, columns, samples)``, one or three samples; integers of
        any width, or floats.
    shading : Shading
        What to make of them.

    Returns
    -------
    numpy.ndarray
        Shape ``(rows, columns)``, 0 for black to 255 for white. What is no
        number is black. Beside it memory takes a few megabytes, however large
        the frame is.
    """
    shades = np.empty(samples.shape[:2], np.uint8)
    with np.errstate(all="ignore"):
        shade = _shader(samples, shading)
        for band in _bands(samples):
            shades[band] = shade(samples[band])
    return shades


def render_colours(samples: Samples, shading: Shading) -> Shades:
    """Return one frame in colour, in the size it has.

    Parameters
    ----------
    samples, shading
        As for `render_luminance`: three samples of RGB or YBR, or one with a palette.

    Returns
    -------
    numpy.ndarray
        Shape ``(rows, columns, 3)``: red, green, blue, 0 to 255.
    """
    colours = np.empty((*samples.shape[:2], 3), np.uint8)
    with np.errstate(all="ignore"):
        for band in _bands(samples):
            colours[band] = _in_colour(samples[band], shading)
    return colours


def luminance_of(colours: Shades) -> Shades:
    """Return the greys of red, green and blue in the last axis."""
    red, green, blue = (colours[..., n].astype(np.float64) for n in range(3))
    return _rounded(_RED * red + _GREEN * green + _BLUE * blue)


def _in_colour(band: Samples, shading: Shading) -> Shades:
    if shading.palette is not None:
        stored = _stored(band[..., 0], shading)
        tables = [lut.apply(stored) * (255 / ((1 << lut.bits) - 1)) for lut in shading.palette]
        return _rounded(np.stack(tables, -1))
    top = (1 << shading.bits_stored) - 1
    first, second, third = (_stored(band[..., n], shading) * (255 / top) for n in range(3))
    if shading.photometric.startswith("YBR"):
        half = 255 / top * (1 << shading.bits_stored - 1)
        second, third = second - half, third - half
        if "PARTIAL" in shading.photometric:
            first = (first - 16) * (255 / 219)
            second, third = second * (255 / 224), third * (255 / 224)
        red, blue = first + 2 * (1 - _RED) * third, first + 2 * (1 - _BLUE) * second
        first, second, third = red, (first - _RED * red - _BLUE * blue) / _GREEN, blue
    return _rounded(np.stack([first, second, third], -1))


def _bands(samples: Samples) -> Iterator[slice]:
    height = max(_BAND_PIXELS // max(samples.shape[1], 1), 1)
    for top in range(0, samples.shape[0], height):
        yield slice(top, top + height)


def _shader(samples: Samples, shading: Shading) -> Callable[[Samples], Shades]:
    """Return what turns a band of samples into shades."""
    if samples.shape[2] == 3:
        return lambda band: _colours(band, shading)
    wide = samples.dtype.kind not in "iu" or samples.dtype.itemsize > 2
    # A table has more entries than a small image has pixels.
    small = shading.palette is None and samples.size < 1 << 8 * samples.dtype.itemsize
    if wide or small:
        spread = _range(samples, shading)
        return lambda band: _greys(_stored(band[..., 0], shading), shading, spread)
    # As many shades as a cell has values: worked out once, then looked up.
    cell = np.dtype(f"u{samples.dtype.itemsize}")
    cells = np.arange(1 << 8 * cell.itemsize, dtype=cell)
    stored = _stored(cells, shading)
    if shading.palette is not None:
        table = _palette(stored, shading.palette)
    else:
        there = np.zeros(cells.shape, np.bool_)
        if shading.voi is None:
            for band in _bands(samples):
                there[samples[band].view(cell)] = True
        table = _greys(stored, shading, _spread(stored[there], shading))
    return lambda band: table[band[..., 0].view(cell)]


def _stored(cells: Samples, shading: Shading) -> _Values:
    """Return the numbers that cells hold (PS3.5 8.1.1)."""
    if cells.dtype.kind == "f":
        return cells.astype(np.float64)
    spare = 8 * cells.dtype.itemsize - shading.bits_stored
    above = 8 * cells.dtype.itemsize - 1 - shading.high_bit
    kind = "i" if shading.signed else "u"
    unsigned = np.ascontiguousarray(cells).view(f"u{cells.dtype.itemsize}")
    left = np.left_shift(unsigned, np.array(above, unsigned.dtype))
    whole = left.view(f"{kind}{cells.dtype.itemsize}")
    return np.asarray(np.right_shift(whole, np.array(spare, whole.dtype)), np.float64)


def _modal(stored: _Values, shading: Shading) -> _Values:
    if shading.modality is not None:
        return shading.modality.apply(stored)
    return stored * shading.slope + shading.intercept


def value_range(samples: Samples, shading: Shading) -> tuple[float, float]:
    """Return the least and the greatest value of what is picture, after the rescale; 0, 0 if none.

    `shading` has no window; the samples are grey.
    """
    return _range(samples, shading)


def _range(samples: Samples, shading: Shading) -> tuple[float, float]:
    if shading.voi is not None:
        return 0.0, 0.0
    spreads = [
        _spread(_stored(samples[band][..., 0], shading), shading) for band in _bands(samples)
    ]
    known = [spread for spread in spreads if spread[0] <= spread[1]]
    if not known:
        return 0.0, 0.0
    return min(low for low, _ in known), max(high for _, high in known)


def _spread(stored: _Values, shading: Shading) -> tuple[float, float]:
    """Return the least and the greatest value of what is picture; the wrong way round if none."""
    picture = np.isfinite(stored)
    if shading.padding is not None:
        low, high = shading.padding
        picture &= (stored < low) | (stored > high)
    values = _modal(stored[picture], shading)
    values = values[np.isfinite(values)]
    if not values.size:
        return np.inf, -np.inf
    return float(values.min()), float(values.max())


def _greys(stored: _Values, shading: Shading, spread: tuple[float, float]) -> Shades:
    values = _modal(stored, shading)
    voi = shading.voi
    if isinstance(voi, Lut):
        share = voi.apply(values) / ((1 << voi.bits) - 1)
    elif voi is not None:
        share = voi.apply(values)
    elif shading.bits_stored == 1:
        share = values
    else:
        low, high = spread
        share = (values - low) / (high - low) if high > low else np.zeros(values.shape)
    share = np.clip(np.nan_to_num(share), 0, 1)
    if shading.inverse:
        share = 1 - share
    shades = _rounded(255 * share)
    shades[np.isnan(stored)] = 0
    return shades


def _palette(stored: _Values, palette: tuple[Lut, Lut, Lut]) -> Shades:
    red, green, blue = (lut.apply(stored) * (255 / ((1 << lut.bits) - 1)) for lut in palette)
    return _rounded(_RED * red + _GREEN * green + _BLUE * blue)


def _colours(band: Samples, shading: Shading) -> Shades:
    """Return the luminance of RGB or YBR samples (PS3.3 C.7.6.3.1.2)."""
    scale = 255 / ((1 << shading.bits_stored) - 1)
    if shading.photometric.startswith("YBR"):
        luma = _stored(band[..., 0], shading) * scale
        return _rounded((luma - 16) * (255 / 219) if "PARTIAL" in shading.photometric else luma)
    red, green, blue = (_stored(band[..., n], shading) for n in range(3))
    return _rounded((_RED * red + _GREEN * green + _BLUE * blue) * scale)


def _rounded(shades: _Values) -> Shades:
    return np.clip(shades + 0.5, 0, 255).astype(np.uint8)
