"""What a data set says about showing its pixels: rescale, window, tables, shape of a pixel.

Values that make no sense are passed over: a picture with the range that its
pixels have is better than none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from mediastation.dicom.elements import iter_elements, iter_items
from mediastation.dicom.luts import expand_segmented
from mediastation.dicom.render import Lut, Shading, VoiWindow
from mediastation.model.instance import Element

Elements = Mapping[int, Element]

_PHOTOMETRIC, _STORED, _HIGH_BIT, _SIGNED = 0x00280004, 0x00280101, 0x00280102, 0x00280103
_SPACINGS: Final = (0x00280030, 0x00181164, 0x00182010, 0x00280034)
"""Pixel Spacing, Imager Pixel Spacing, Nominal Scanned Pixel Spacing, Pixel Aspect Ratio: all
have the distance of rows first (PS3.3 10.7.1.3, C.7.6.3.1.7)."""
_CENTER, _WIDTH, _FUNCTION = 0x00281050, 0x00281051, 0x00281056
_INTERCEPT, _SLOPE = 0x00281052, 0x00281053
_MODALITY_LUTS, _VOI_LUTS = 0x00283000, 0x00283010
_LUT_DESCRIPTOR, _LUT_DATA = 0x00283002, 0x00283006
_PADDING, _PADDING_LIMIT = 0x00280120, 0x00280121
_FLOAT_PADDING: Final = ((0x00280122, 0x00280124), (0x00280123, 0x00280125))
_SHAPE = 0x20500020
_PALETTE: Final = (0x00281101, 0x00281102, 0x00281103)
_PALETTE_DATA, _PALETTE_SEGMENTED = 0x100, 0x120  # added to the descriptor's tag

SHADING_TAGS: Final = frozenset(
    {
        _PHOTOMETRIC,
        _STORED,
        _HIGH_BIT,
        _SIGNED,
        *_SPACINGS,
        _CENTER,
        _WIDTH,
        _FUNCTION,
        _INTERCEPT,
        _SLOPE,
        _MODALITY_LUTS,
        _VOI_LUTS,
        _PADDING,
        _PADDING_LIMIT,
        *(tag for pair in _FLOAT_PADDING for tag in pair),
        _SHAPE,
        *_PALETTE,
        *(tag + _PALETTE_DATA for tag in _PALETTE),
        *(tag + _PALETTE_SEGMENTED for tag in _PALETTE),
    }
)
"""The top-level elements that are looked at here."""

_BINARY: Final = {
    "US": "<u2",
    "SS": "<i2",
    "UL": "<u4",
    "SL": "<i4",
    "FL": "<f4",
    "FD": "<f8",
    "OW": "<u2",
    "OF": "<f4",
    "OD": "<f8",
}
_MOST_VALUES: Final = 64


def text_of(elements: Elements, tag: int) -> str:
    """Return a string value without its padding; empty where there is none."""
    element = elements.get(tag)
    return element.value.strip(b" \0").decode("ascii", "replace") if element else ""


def integers_of(elements: Elements, tag: int) -> list[int]:
    """Return the first integers of an element, binary or as text; none where they make no sense."""
    return [int(value) for value in numbers_of(elements, tag) if value == int(value)]


def numbers_of(elements: Elements, tag: int) -> list[float]:
    """Return the first numbers of an element, all finite, or none."""
    element = elements.get(tag)
    if element is None:
        return []
    code = _BINARY.get(element.vr)
    if code is not None:
        size = np.dtype(code).itemsize
        whole = min(len(element.value) // size, _MOST_VALUES) * size
        values = np.frombuffer(element.value[:whole], code).astype(np.float64).tolist()
    else:
        words = text_of(elements, tag)[: 16 * _MOST_VALUES].split("\\")
        try:
            values = [float(word) for word in words if word.strip()]
        except ValueError:
            return []
    return values if all(map(math.isfinite, values)) else []


def shading_of(
    elements: Elements,
    groups: tuple[Elements, ...],
    photometric: str,
    bits_allocated: int,
    *,
    floats: bool = False,
) -> Shading:
    """Return how an image's samples are to be shown.

    Parameters
    ----------
    elements : mapping of int to Element
        The data set's own (`SHADING_TAGS`).
    groups : tuple of mapping
        Elements of functional groups, the frame's own first; they go before
        the data set's.
    photometric : str
        Photometric Interpretation of the samples at hand.
    bits_allocated : int
        Width of a sample's cell.
    floats : bool
        Whether the samples are floats.
    """
    places = (*groups, elements)
    stored = _first(elements, _STORED, bits_allocated)
    stored = stored if 0 < stored <= bits_allocated else bits_allocated
    high = _first(elements, _HIGH_BIT, stored - 1)
    high = high if stored - 1 <= high < bits_allocated else stored - 1
    slope, intercept = _rescale(places)
    palette = _palette(elements) if photometric == "PALETTE COLOR" else None
    return Shading(
        photometric=photometric,
        bits_stored=stored,
        high_bit=high,
        signed=_first(elements, _SIGNED, 0) == 1,
        modality=_lut_in(elements, _MODALITY_LUTS),
        slope=slope,
        intercept=intercept,
        voi=_voi(places),
        padding=_padding(elements, floats),
        inverse=photometric == "MONOCHROME1" or text_of(elements, _SHAPE) == "INVERSE",
        palette=palette,
    )


def pixel_aspect_of(elements: Elements, groups: tuple[Elements, ...]) -> float:
    """Return the height of a pixel, its width being 1."""
    for place in (*groups, elements):
        for tag in _SPACINGS:
            values = numbers_of(place, tag)
            if len(values) == 2 and min(values) > 0:
                return min(max(values[0] / values[1], 1e-6), 1e6)
    return 1.0


def _first(elements: Elements, tag: int, default: int) -> int:
    values = integers_of(elements, tag)
    return values[0] if values else default


def _rescale(places: tuple[Elements, ...]) -> tuple[float, float]:
    for place in places:
        slope, intercept = numbers_of(place, _SLOPE), numbers_of(place, _INTERCEPT)
        if slope and intercept and slope[0] != 0:
            return slope[0], intercept[0]
    return 1.0, 0.0


def _voi(places: tuple[Elements, ...]) -> VoiWindow | Lut | None:
    for place in places:
        center, width = numbers_of(place, _CENTER), numbers_of(place, _WIDTH)
        if center and width:
            function = text_of(place, _FUNCTION)
            if function not in ("LINEAR_EXACT", "SIGMOID"):
                function = "LINEAR"
            window = VoiWindow(center[0], width[0], function)
            if window.is_sane:
                return window
        if (lut := _lut_in(place, _VOI_LUTS)) is not None:
            return lut
    return None


def _padding(elements: Elements, floats: bool) -> tuple[float, float] | None:
    pairs = _FLOAT_PADDING if floats else ((_PADDING, _PADDING_LIMIT),)
    for value, limit in pairs:
        if low := numbers_of(elements, value):
            high = numbers_of(elements, limit) or low
            return min(low[0], high[0]), max(low[0], high[0])
    return None


def _lut_in(elements: Elements, tag: int) -> Lut | None:
    """Return the first table of a Modality or VOI LUT Sequence."""
    element = elements.get(tag)
    if element is None or element.vr != "SQ":
        return None
    try:
        item = next(iter_items(element.value), b"")
        inner = dict(iter_elements(item))
    except ValueError:
        return None
    data = inner.get(_LUT_DATA)
    return _lut(inner, _LUT_DESCRIPTOR, data.value if data else b"")


def _palette(elements: Elements) -> tuple[Lut, Lut, Lut] | None:
    tables = []
    for tag in _PALETTE:
        data = elements.get(tag + _PALETTE_DATA)
        segmented = elements.get(tag + _PALETTE_SEGMENTED)
        value = data.value if data else b""
        if segmented is not None and not value:
            value = expand_segmented(segmented.value, _bits(elements, tag))
        table = _lut(elements, tag, value)
        if table is None:
            return None
        tables.append(table)
    return tables[0], tables[1], tables[2]


def _bits(elements: Elements, tag: int) -> int:
    values = integers_of(elements, tag)
    return values[2] & 0xFFFF if len(values) == 3 else 16


def _lut(elements: Elements, tag: int, data: bytes) -> Lut | None:
    """Return a table by its descriptor: entries, first value mapped, bits (PS3.3 C.11.1.1.1)."""
    values = integers_of(elements, tag)
    if len(values) != 3:
        return None
    count, first, bits = values[0] & 0xFFFF or 0x10000, values[1], values[2] & 0xFFFF
    packed = bits <= 8 and len(data) < 2 * count  # two entries in a word
    entries = np.frombuffer(data[: len(data) - len(data) % 2], "u1" if packed else "<u2")[:count]
    if not entries.size:
        return None
    most = int(entries.max())
    if bits == 16 and most < 256 and tag in _PALETTE:
        bits = 8  # some writers announce 16 bits and mean 8
    if not 0 < bits <= 16 or most >= 1 << bits:
        bits = max(most.bit_length(), 1)
    return Lut(first, bits, entries.astype(np.uint16))
