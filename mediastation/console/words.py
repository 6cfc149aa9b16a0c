"""Names, dates, times and sizes as people read them, and cells of an exact width."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len, set_cell_size

from mediastation.model.text import harmless, isolated, runs_right_to_left

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` in exactly `width` cells, cut with an ellipsis where it is longer.

    Counts cells, not characters: East Asian letters take two, combining marks
    none. What steers a terminal is taken out, and what runs from right to left
    is kept from turning the row round.
    """
    if width <= 0:
        return ""
    text = harmless(text)
    length = cell_len(text)
    if length > width:
        text = set_cell_size(text, width - 1).rstrip() + "…"
        length = cell_len(text)
    room = " " * (width - length)
    shown = isolated(text) if runs_right_to_left(text) else text
    return room + shown if right else shown + room


def name_text(name: str) -> str:
    """Return a Patient's Name (PS3.5 6.2, PN) for people: ``DOE, John``; other scripts follow."""
    groups = []
    for group in name.split("="):
        family, *rest = [part.strip() for part in group.split("^")]
        given = " ".join(part for part in rest if part)
        groups.append(", ".join(part for part in (family, given) if part))
    return " = ".join(group for group in groups if group) or "(no name)"


def date_text(date: str) -> str:
    """Return a date (PS3.5 6.2, DA) as ``2026-11-23``; what is no date as it is."""
    if len(date) == 8 and date.isdigit():
        return f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return date


def age_text(moment: float, now: float) -> str:
    """Return how long ago something was, in seven characters at most."""
    age = max(now - moment, 0)
    if moment <= 0:
        return ""
    if age < _MINUTE_S:
        return "now"
    if age < _HOUR_S:
        return f"{age // _MINUTE_S:.0f} min"
    if age < _DAY_S:
        return f"{age // _HOUR_S:.0f} h"
    if age < 100 * _DAY_S:
        return f"{age // _DAY_S:.0f} d"
    return f"{datetime.fromtimestamp(moment).astimezone():%Y-%m}"


def moment_text(moment: float) -> str:
    """Return a moment as people here write it: ``2026-11-23 12:30``, in local time."""
    return f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d %H:%M}"


def number_text(number: int, one: str, many: str = "") -> str:
    """Return ``1 study`` or ``1,204 studies``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
