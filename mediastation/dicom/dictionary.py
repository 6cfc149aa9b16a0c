"""Names as the data dictionary spells them (PS3.6), for people."""

from __future__ import annotations

import re

from mediastation.dicom.pydicom_tables import pydicom_tables

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def attribute_name(tag: int, keyword: str = "") -> str:
    """Return the name of an attribute; where it is not known, that which `keyword` spells."""
    try:
        return pydicom_tables().name_of(tag)
    except KeyError:
        return _WORDS.sub(" ", keyword) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def uid_name(uid: str, otherwise: str) -> str:
    """Return the name that PS3.6, Annex A gives to a UID, or `otherwise`."""
    name = pydicom_tables().uid_name(uid)
    return otherwise if name == uid else name
