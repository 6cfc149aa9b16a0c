"""Values as a Directory Record may hold them: legal for their VR (PS3.5, 6.2).

An object that arrives with an illegal value goes out with it, since its bytes
are kept; the directory that leads to it is ours and has to conform. So a value
is used as it is where it is legal, normalised where it can mean only one thing,
and otherwise left out, and each of the latter two is said in a remark.
"""

from __future__ import annotations

import re
import struct
from datetime import date
from functools import lru_cache

from mediastation.model.element_encoding import INTEGER_VRS
from mediastation.model.uid import is_usable_uid

MAX_SHORT_FORM = 65534
"""The longest even value that a 16-bit length can tell (PS3.5, 7.1.2)."""

_INTEGER = re.compile(rb"[+-]?[0-9]{1,12}")
_WHOLE_DECIMAL = re.compile(rb"([+-]?[0-9]{1,10})\.0*")
_DECIMAL = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CODE_STRING = re.compile(rb"[A-Z0-9_ ]{0,16}")
_NOT_CODE_STRING = re.compile(rb"[^A-Z0-9_ ]")
_DATE = re.compile(rb"([0-9]{4})[.\-/]?([0-9]{2})[.\-/]?([0-9]{2})")
_TIME = re.compile(
    rb"([01][0-9]|2[0-3])(?::?([0-5][0-9])(?::?([0-5][0-9]|60)(?:\.([0-9]{1,6})[0-9]*)?)?)?"
)
_DATE_TIME = re.compile(
    rb"([0-9]{4})(?:(0[1-9]|1[0-2])(?:(0[1-9]|[12][0-9]|3[01])(?:(?:[01][0-9]|2[0-3])"
    rb"(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?)?)?)?(?:[+-][01][0-9][0-5][0-9])?"
)
_CONTROL_IN_LINE = re.compile(rb"[\x00-\x1a\x1c-\x1f\x7f]+")
_CONTROL_IN_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]+")
_MANY_LINES = frozenset({"ST", "LT", "UT"})


def stripped(value: bytes) -> bytes:
    """Return `value` without padding, the illegal kinds included."""
    return value.rstrip(b" \0")


def _date(value: bytes) -> bytes:
    match = _DATE.fullmatch(value.strip(b" \0"))
    if match is None:
        return b""
    try:
        date(*map(int, match.groups()))
    except ValueError:
        return b""
    return b"".join(match.groups())


def _time(value: bytes) -> bytes:
    match = _TIME.fullmatch(value.strip(b" \0"))
    if match is None:
        return b""
    hours, minutes, seconds, fraction = match.groups(default=b"")
    return hours + minutes + seconds + (b"." + fraction if fraction else b"")


def _date_time(value: bytes) -> bytes:
    value = value.strip(b" \0")
    match = _DATE_TIME.fullmatch(value)
    if match is None or (match[3] is not None and not _date(value[:8])):
        return b""
    return value


def _integer(value: bytes) -> bytes:
    value = value.strip(b" \0")
    if whole := _WHOLE_DECIMAL.fullmatch(value):
        value = whole[1]
    if _INTEGER.fullmatch(value) and -(2**31) <= int(value) < 2**31:
        return value
    return b""


def _decimal(value: bytes) -> bytes:
    value = value.strip(b" \0")
    return value if len(value) <= 16 and _DECIMAL.fullmatch(value) else b""


def _code_string(value: bytes) -> bytes:
    value = value.strip(b" \0")
    if _CODE_STRING.fullmatch(value):
        return value
    legal = _NOT_CODE_STRING.sub(b"_", value.upper())[:16].rstrip()
    return legal if legal.strip(b"_ ") else b""


def _uid(value: bytes) -> bytes:
    value = value.strip(b" \0")
    return value if is_usable_uid(value.decode("latin_1")) else b""


_RULES = {
    "CS": _code_string,
    "DA": _date,
    "DS": _decimal,
    "DT": _date_time,
    "IS": _integer,
    "TM": _time,
    "UI": _uid,
}


def legal_value(vr: str, value: bytes, *, multiple: bool = False) -> tuple[bytes, str]:
    """Return what of a value that is no text may stand in a record.

    Parameters
    ----------
    vr : str
        One of CS, DA, DS, DT, IS, TM, UI and the integer VRs.
    value : bytes
        The value field of the object, padding included.
    multiple : bool
        Whether there may be several values; if not, the first counts.

    Returns
    -------
    tuple of bytes and str
        The value without padding, empty if there is none that is legal; and
        what was done to it, empty if nothing.
    """
    layout = INTEGER_VRS.get(vr)
    if layout is not None:
        size = struct.calcsize(layout)
        if len(value) == size or (multiple and value and len(value) % size == 0):
            return value, ""
        return (value[:size] if len(value) > size else b""), "is not one number" if value else ""
    value = stripped(value)
    if not value:
        return b"", ""
    # Numbers, dates and UIDs of one series repeat; long lists do not, and would take room.
    return (_cached_string if len(value) <= 64 else _legal_string)(vr, value, multiple)


def _legal_string(vr: str, value: bytes, multiple: bool) -> tuple[bytes, str]:
    rule = _RULES[vr]
    if b"\\" not in value:
        legal = rule(value)
        same = legal in (value, value.strip(b" \0"))
    elif multiple:
        parts = value.split(b"\\")
        done = [rule(stripped(part)) for part in parts]
        same = all(one == part.strip(b" \0") for one, part in zip(done, parts, strict=True))
        # A gap in a list of numbers or UIDs would shift what follows.
        complete = any(done) if vr == "CS" else all(done)
        legal = b"\\".join(done) if complete else b""
    else:
        legal = next(filter(None, map(rule, value.split(b"\\"))), b"")
        same = False
    if len(legal) > MAX_SHORT_FORM:
        return b"", "is too long for a record"
    if same:
        return legal, ""
    return legal, "was made legal" if legal else "is illegal"


_cached_string = lru_cache(maxsize=2048)(_legal_string)


def legal_text(
    vr: str, value: bytes, *, multi_byte: bool, multiple: bool = False
) -> tuple[bytes, str]:
    """Return what of a text value may stand in a record.

    Length in characters is not looked at: see `mediastation.fileset.text`.

    Parameters
    ----------
    vr : str
        A VR that Specific Character Set governs.
    value : bytes
        The value field of the object in its own character set.
    multi_byte : bool
        Whether a byte below 80H can be part of another character; then a
        backslash is left alone.
    multiple : bool
        Whether there may be several values, a backslash between them.

    Returns
    -------
    tuple of bytes and str
        As for `legal_value`.
    """
    value = stripped(value)
    if not value:
        return b"", ""
    remark = ""
    control = _CONTROL_IN_TEXT if vr in _MANY_LINES else _CONTROL_IN_LINE
    if control.search(value):
        value = stripped(control.sub(b"", value))
        remark = "lost its control characters"
    if b"\\" in value and vr not in _MANY_LINES and not (multi_byte or multiple):
        value = value.replace(b"\\", b"/")
        remark = "has several values, which one record cannot hold, and became one"
    if not value.strip(b" \0"):
        return b"", remark
    if len(value) > MAX_SHORT_FORM and vr not in {"UC", "UT"}:
        return b"", "is too long for a record"
    return value, remark
