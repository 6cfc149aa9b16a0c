"""Names in certificates, as people read them (RFC 4514).

The library writes names too, and warns about those that are longer than their
attributes allow; names come from strangers, and many are.
"""

from __future__ import annotations

import re
from typing import Final

from mediastation.model.text import harmless
from mediastation.secure.opening.ber import SEQUENCE, SET, BerError, BerReader

MAX_NAME_BYTES: Final = 1 << 14
MAX_NAME_CHARACTERS: Final = 300

_SHORT: Final = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}
_ENCODINGS: Final = {
    0x0C: "utf-8",
    0x12: "utf-8",
    0x13: "utf-8",
    0x14: "utf-8",
    0x16: "utf-8",
    0x1A: "utf-8",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
# Several of these are ASCII by their standard, and UTF-8 by those who write them.
_TELETEX: Final = 0x14
_SPECIAL: Final = re.compile(r'([\\"+,;<>])')


def name_text(name: bytes) -> str:
    """Return a name in DER as people see it; the bytes, if it cannot be understood."""
    try:
        parts = _parts(BerReader.of(name))
        text = ",".join("+".join(part) for part in reversed(parts))
    except (BerError, UnicodeDecodeError):
        text = f"#{name.hex()}"
    return harmless(text)[:MAX_NAME_CHARACTERS]


def _parts(reader: BerReader) -> list[list[str]]:
    parts: list[list[str]] = []
    reader.enter(SEQUENCE, "a name")
    while reader.peek() is not None:
        reader.enter(SET, "a part of a name")
        parts.append([])
        while reader.peek() is not None:
            parts[-1].append(_attribute(reader))
        reader.leave()
    reader.leave()
    return parts


def _attribute(reader: BerReader) -> str:
    reader.enter(SEQUENCE, "a part of a name")
    oid = reader.oid("a part of a name")
    kind = reader.peek()
    if kind in _ENCODINGS:
        octets = reader.value(kind, "a part of a name", MAX_NAME_BYTES)
        value = _escaped(_decoded(kind, octets))
    else:
        value = f"#{reader.element('a part of a name', MAX_NAME_BYTES).hex()}"
    reader.leave()
    return f"{_SHORT.get(oid, oid)}={value}"


def _decoded(kind: int, octets: bytes) -> str:
    try:
        return octets.decode(_ENCODINGS[kind])
    except UnicodeDecodeError:
        if kind != _TELETEX:
            raise
        return octets.decode("latin-1")


def _escaped(text: str) -> str:
    """Return a value with what would be taken for the structure of the name marked (2.4)."""
    text = _SPECIAL.sub(r"\\\1", text).replace("\0", "\\00")
    if text[:1] in {"#", " "}:
        text = "\\" + text
    if text[-1:] == " " and text != "\\ ":
        text = text[:-1] + "\\ "
    return text
