"""Text from outside as it stands on a page: one line, readable names and dates."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from mediastation.model.text import storable

LONGEST = 200
"""Characters that a page shows of a value."""

ELLIPSIS = "..."
"""Where something was cut; ASCII, which every font has."""

NAME_LENGTH = 5 * 64 + 4
"""The longest component group that is shown: five components of 64 and what parts them."""
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")


def one_line(text: object, longest: int = 0) -> str:
    """Return `text` in one line, without what steers a terminal or turns a line around.

    Parameters
    ----------
    text : object
        What came from outside; anything but text is written out.
    longest : int
        Characters to keep, an ellipsis included where something was cut; 0 for all.
    """
    shown = str(text)
    if longest:
        # Blanks fold: some slack before them, and no work on the rest of a huge value.
        shown = shown[: 4 * longest]
    if not shown.isascii() or not shown.isprintable():
        shown = "".join(_visible(char) for char in storable(shown))
    shown = " ".join(shown.split())
    if longest and len(shown) > longest:
        shown = shown[: longest - len(ELLIPSIS)].rstrip() + ELLIPSIS
    return shown


def _visible(char: str) -> str:
    # Joiners of Persian and Indic scripts shape a word; other format characters only hide.
    if char in "\u200c\u200d":
        return char
    return char if char.isprintable() else " "


def isolated(text: object, longest: int = LONGEST) -> str:
    """Return a value in one line, isolated where it could turn its neighbours round."""
    line = one_line(text, longest)
    return line if line.isascii() else isolate(line)


def isolate(text: str) -> str:
    """Return `text` between FSI and PDI: its direction is its own (UAX #9, 2.4)."""
    return f"\u2068{text}\u2069"


def readable_date(value: str) -> str:
    """Return a DICOM date as ``2024-02-29``; what is no date (VR DA) stays as it is."""
    text = one_line(value, 64)
    found = _DATE.fullmatch(text)
    return "-".join(found.groups()) if found else text


def name_groups(name: str) -> tuple[str, ...]:
    """Return the component groups of a person name as people read them (PS3.5 6.2.1).

    Alphabetic names are told as ``Müller, Dr. Jürgen``; ideographic and phonetic
    ones as they are spoken, family name first and without a comma. Groups that
    say nothing, or what another said, are left out.

    Returns
    -------
    tuple of str
        Empty if the name says nothing.
    """
    groups: list[str] = []
    for index, group in enumerate(name[: 4 * NAME_LENGTH].split("=")[:3]):
        parts = [one_line(part) for part in group.split("^")]
        family, given, middle, prefix, suffix = [*parts, "", "", "", "", ""][:5]
        rest = " ".join(filter(None, (prefix, given, middle)))
        comma = ", " if index == 0 and not _is_east_asian(family + given) else " "
        spoken = comma.join(filter(None, (family, rest)))
        shown = one_line(", ".join(filter(None, (spoken, suffix, *parts[5:]))), NAME_LENGTH)
        if shown and shown not in groups:
            groups.append(shown)
    return tuple(groups)


def _is_east_asian(text: str) -> bool:
    return any(unicodedata.east_asian_width(char) in "WF" for char in text)


def require_zone(moment: datetime) -> None:
    """Raise `ValueError` unless `moment` has a time zone: a page has to say which one it means."""
    if moment.tzinfo is None:
        raise ValueError("the date needs a time zone")
