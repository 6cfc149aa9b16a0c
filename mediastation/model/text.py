"""Text that a database takes, whatever bytes a name was made of."""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    r"""Return `text` with what UTF-8 cannot hold written out, as in ``scan\xff.dcm``.

    File names are bytes. Those that are no UTF-8 come into Python as lone
    surrogates (PEP 383), which neither SQLite nor a strict stream takes.
    """
    return _SURROGATE.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
