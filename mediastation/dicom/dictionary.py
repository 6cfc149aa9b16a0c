"""Names as the data dictionary spells them (PS3.6), for people."""

from __future__ import annotations

import re

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def attribute_name(tag: int, keyword: str = "") -> str:
    """Return the name of an attribute; where it is not known, that which `keyword` spells."""
    from pydicom.datadict import dictionary_description  # noqa: PLC0415 - slow to load

    try:
        return dictionary_description(tag)
    except KeyError:
        return _WORDS.sub(" ", keyword) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def uid_name(uid: str, otherwise: str) -> str:
    """Return the name that PS3.6, Annex A gives to a UID, or `otherwise`."""
    from pydicom.config import IGNORE  # noqa: PLC0415
    from pydicom.uid import UID  # noqa: PLC0415

    # What is no valid UID has no name either, and is told where it was read.
    name = UID(uid, IGNORE).name
    return otherwise if name == uid else name
