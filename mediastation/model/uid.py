"""What may stand where a UID is asked for (PS3.5, 9.1)."""

from __future__ import annotations

import re

MAX_UID_CHARACTERS = 64

_USABLE = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_LEGAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")


def is_usable_uid(text: str) -> bool:
    """Tell whether `text` has a UID's characters and length; leading zeros are forgiven."""
    return len(text) <= MAX_UID_CHARACTERS and _USABLE.fullmatch(text) is not None


def is_legal_uid(text: str) -> bool:
    """Tell whether `text` is a UID by the letter: no component of several digits begins with 0."""
    return len(text) <= MAX_UID_CHARACTERS and _LEGAL.fullmatch(text) is not None
