"""Text that databases and terminals take, whatever bytes a name was made of."""

from __future__ import annotations

import re
from typing import Final

_SURROGATE = re.compile("[\ud800-\udfff]")
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_BINARY_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
# Hebrew, Arabic, Syriac, Thaana, N'Ko and their kin, presentation forms, and the old scripts.
_RIGHT_TO_LEFT: Final = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_MARK, _ISOLATE, _END = "\u200e", "\u2068", "\u2069"


def harmless(text: str) -> str:
    """Return `text` without what steers a terminal: names come from files and strangers."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def runs_right_to_left(text: str) -> bool:
    """Tell whether a text has letters that run from right to left."""
    return _RIGHT_TO_LEFT.search(text) is not None


def isolated(line: str) -> str:
    """Return a line between marks that keep it from turning the rest of its row round (UAX #9).

    A terminal that reorders text takes a line for one paragraph: a name of
    Arabic letters would pull the numbers of the next columns to its left. The
    marks have no width, and terminals that do not reorder show nothing of them.
    """
    return f"{_MARK}{_ISOLATE}{line}{_END}{_MARK}"


def size_text(size_bytes: float) -> str:
    """Return a size for people, such as ``1.5 GiB``."""
    for unit in _BINARY_UNITS:
        if size_bytes < 1024 or unit == _BINARY_UNITS[-1]:
            break
        size_bytes /= 1024
    return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.1f} {unit}"


def storable(text: str) -> str:
    r"""Return `text` with what UTF-8 cannot hold written out, as in ``scan\xff.dcm``.

    File names are bytes. Those that are no UTF-8 come into Python as lone
    surrogates (PEP 383), which neither SQLite nor a strict stream takes.
    """
    return _SURROGATE.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
