"""The Icon Image Sequence of a record (PS3.3 F.7 and Table C.7-11b)."""

from __future__ import annotations

import struct
from typing import Final

from mediastation.model.element_encoding import encode_element, encode_item
from mediastation.model.icon import IconImage
from mediastation.model.record import Key

ICON: Final = Key(0x00880200, "IconImageSequence", "SQ", "3")
ICON_RECORDS: Final = frozenset({"SERIES", "IMAGE", "RT DOSE", "SPECTROSCOPY", "RAW DATA"})
"""Records that F.5 gives an icon."""

_MOST: Final = 0xFFFF


def encode_icon(icon: IconImage) -> bytes:
    """Return the value of (0088,0200): one item, its pixels native, 8 bits each.

    Raises
    ------
    ValueError
        If the icon has no pixels, or more rows or columns than US can say.
    """
    if not (0 < icon.rows <= _MOST and 0 < icon.columns <= _MOST):
        raise ValueError(f"an icon of {icon.rows} x {icon.columns} pixels cannot be written")
    return encode_item(
        b"".join(
            (
                _number(0x00280002, 1),
                encode_element(0x00280004, "CS", b"MONOCHROME2"),
                _number(0x00280010, icon.rows),
                _number(0x00280011, icon.columns),
                _number(0x00280100, 8),
                _number(0x00280101, 8),
                _number(0x00280102, 7),
                _number(0x00280103, 0),
                encode_element(0x7FE00010, "OB", icon.pixels),
            )
        )
    )


def _number(tag: int, value: int) -> bytes:
    return encode_element(tag, "US", struct.pack("<H", value))
