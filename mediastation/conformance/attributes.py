"""Values of a header that need no character set: bare bytes, UIDs, codes, numbers."""

from __future__ import annotations

from mediastation.model.instance import InstanceHeader

PATIENT_ID = 0x00100020
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E

_PADDING = b"\0 \t\r\n"


def has_value(header: InstanceHeader, tag: int) -> bool:
    """Tell whether the element is there with more than padding (PS3.5, 7.4)."""
    element = header.elements.get(tag)
    return element is not None and bool(element.value.strip(_PADDING))


def text_of(header: InstanceHeader, tag: int) -> str:
    """Return a UI, CS, IS … value; whatever is no ASCII stays visibly wrong."""
    element = header.elements.get(tag)
    return element.value.strip(_PADDING).decode("latin-1") if element else ""


def number_of(header: InstanceHeader, tag: int) -> int:
    """Return a US value; 0 where there is none."""
    element = header.elements.get(tag)
    return int.from_bytes(element.value[:2], "little") if element else 0
