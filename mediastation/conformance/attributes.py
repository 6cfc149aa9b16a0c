"""Values of a header that need no character set: bare bytes, UIDs, codes, numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from mediastation.model.instance import Element, InstanceHeader

PATIENT_ID = 0x00100020
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E

Elements = Mapping[int, Element]
"""Elements of one data set or item, by tag."""

_PADDING = b"\0 \t\r\n"
_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i"}
_UNPADDED = frozenset(
    {"AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UV", *_BINARY}
)
_MOST_VALUES = 64


def has_value(header: InstanceHeader, tag: int) -> bool:
    """Tell whether the element is there with more than padding (PS3.5, 7.4)."""
    return is_given(header.elements, tag)


def is_given(elements: Elements, tag: int) -> bool:
    """Tell of one data set or item what `has_value` tells of an instance."""
    element = elements.get(tag)
    if element is None:
        return False
    # Bytes of a number are no padding: a zero is a value.
    return bool(element.value if element.vr in _UNPADDED else element.value.strip(_PADDING))


def text_of(header: InstanceHeader, tag: int) -> str:
    """Return a UI, CS, IS … value; whatever is no ASCII stays visibly wrong."""
    element = header.elements.get(tag)
    if element is None or element.vr == "SQ":
        return ""
    return element.value.strip(_PADDING).decode("latin-1")


def number_of(header: InstanceHeader, tag: int) -> int:
    """Return a US value; 0 where there is none."""
    element = header.elements.get(tag)
    return int.from_bytes(element.value[:2], "little") if element else 0


def words_of(element: Element) -> tuple[str, ...]:
    """Return all values as the tables of PS3.11 write them, numbers in decimal.

    Empty for an element without value. Of a hostile value no more is read than
    any attribute has that a table speaks of.
    """
    code = _BINARY.get(element.vr)
    if code is not None:
        size = struct.calcsize(code)
        count = min(len(element.value) // size, _MOST_VALUES)
        return tuple(map(str, struct.unpack_from(f"<{count}{code}", element.value)))
    value = element.value[: 64 * _MOST_VALUES].strip(_PADDING)
    if not value:
        return ()
    parts = value.decode("latin-1").split("\\")[:_MOST_VALUES]
    words = tuple(part.strip("\0 \t\r\n") for part in parts)
    return tuple(map(_decimal, words)) if element.vr == "IS" else words


def _decimal(word: str) -> str:
    """Return an integer string without sign and zeros that say nothing; others as they are."""
    digits = word[1:] if word[:1] in ("+", "-") else word
    return str(int(word)) if digits.isascii() and digits.isdigit() and len(word) <= 12 else word
