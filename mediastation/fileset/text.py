"""Specific Character Set of a record, and text of legal length (PS3.3, C.12.1.1.2).

Values are copied as bytes together with their character set, never re-encoded:
old readers know the object's set, and the record then reads like the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from mediastation.dicom.charset import decode_text, needs_charset
from mediastation.fileset.values import stripped
from mediastation.model.character_set import CHARACTER_SETS
from mediastation.model.instance import Element

UTF_8: Final = "ISO_IR 192"
_LONGEST_TERMS: Final = 1024
_LATIN_1: Final = "ISO_IR 100"
_MULTI_BYTE_EXTENSIONS = ("87", "159", "149", "58")
_ALONE = (UTF_8, "GB18030", "GBK")
_LEGAL = frozenset(filter(None, CHARACTER_SETS))
_DEFAULT = frozenset({"", "ISOIR6", "ISO646", "ISOIR646", "ASCII", "USASCII"})

# What else the field writes, letters and digits only; each can mean one thing.
_MEANT = {re.sub("[^A-Z0-9]", "", term): term for term in _LEGAL} | {
    "UTF8": UTF_8,
    "ISO88591": "ISO_IR 100",
    "LATIN1": "ISO_IR 100",
    "ISO88592": "ISO_IR 101",
    "ISO88593": "ISO_IR 109",
    "ISO88594": "ISO_IR 110",
    "ISO88595": "ISO_IR 144",
    "ISO88596": "ISO_IR 127",
    "ISO88597": "ISO_IR 126",
    "ISO88598": "ISO_IR 138",
    "ISO88599": "ISO_IR 148",
    "ISO885915": "ISO_IR 203",
}

# Escape sequences that designate a set beyond the default one (PS3.3, Tables C.12-3 and C.12-4).
_ESCAPES = {
    b"\x1b$B": "87",
    b"\x1b$(D": "159",
    b"\x1b$)C": "149",
    b"\x1b$)A": "58",
    b"\x1b)I": "13",
    b"\x1b-A": "100",
    b"\x1b-B": "101",
    b"\x1b-C": "109",
    b"\x1b-D": "110",
    b"\x1b-F": "126",
    b"\x1b-G": "127",
    b"\x1b-H": "138",
    b"\x1b-L": "144",
    b"\x1b-M": "148",
    b"\x1b-T": "166",
    b"\x1b-b": "203",
}

Terms = tuple[str, ...]
"""Values of Specific Character Set; empty for the default repertoire."""


@lru_cache(maxsize=64)
def legal_terms(value: bytes) -> tuple[Terms, str]:
    """Return the legal terms that a Specific Character Set means.

    Parameters
    ----------
    value : bytes
        The value field of (0008,0005), padding included.

    Returns
    -------
    tuple of Terms and str
        The terms, empty for the default repertoire and for what cannot be
        understood; and what is wrong with them, empty if nothing.
    """
    parts = [stripped(part).strip() for part in value[:_LONGEST_TERMS].split(b"\\")]
    given = [part.decode("ascii", "replace") for part in parts]
    meant = [_meant(term, alone=len(given) == 1) for term in given]
    first = meant[0] or ""
    others = [term for term in meant[1:] if term and term not in _ALONE]
    if first in _ALONE:
        terms = [first]
    elif first.removeprefix("ISO 2022 IR ") in _MULTI_BYTE_EXTENSIONS:
        terms = ["", first, *others]  # these never come first
    else:
        terms = [first, *others] if first or others else []
    if terms == given or not (any(given) or any(terms)):
        return tuple(terms), ""
    if not any(terms) and all(_letters(term) in _DEFAULT for term in given):
        return (), ""
    return tuple(terms), f"{shown_terms(given)} was taken as {shown_terms(terms)}"


def shown_terms(terms: Sequence[str]) -> str:
    """Return terms as a message shows them."""
    return repr("\\".join(terms)[:64]) if any(terms) else "the default repertoire"


def _letters(term: str) -> str:
    return re.sub("[^A-Z0-9]", "", term.upper())


def _meant(term: str, *, alone: bool) -> str | None:
    """Return the legal term for one value, "" for the default, None for nonsense."""
    known = term if term in _LEGAL else _MEANT.get(_letters(term))
    if known is None:
        return "" if _letters(term) in _DEFAULT else None
    if not alone and known.startswith("ISO_IR ") and known != UTF_8:
        return known.replace("ISO_IR ", "ISO 2022 IR ")
    return known


def can_hold(terms: Terms, values: Iterable[bytes]) -> bool:
    """Tell whether `terms` could be the character set of `values`, which leave the default one."""
    joined = b"\n".join(values)
    if UTF_8 in terms:
        try:
            joined.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return b"\x1b" not in joined
    extended = any(term.startswith("ISO 2022") for term in terms)
    if b"\x1b" in joined and not extended:
        return False
    return any(terms) and terms != ("ISO 2022 IR 6",)


def reads_otherwise(value: bytes, terms: Terms) -> bool:
    """Tell whether plain ASCII bytes mean other characters: in ISO-IR 14, 7EH is an overline."""
    return b"~" in value and bool(terms) and terms[0] in {"ISO_IR 13", "ISO 2022 IR 13"}


def guessed_terms(values: Sequence[bytes]) -> Terms:
    """Return the terms that fit best for text whose character set is not told, or wrongly.

    Escape sequences tell their own set; what is sound UTF-8 is no accident;
    the rest is Latin 1, by far the commonest.
    """
    joined = b"\n".join(values)
    if b"\x1b" in joined:
        extensions = [
            f"ISO 2022 IR {number}" for mark, number in _ESCAPES.items() if mark in joined
        ]
        return ("", *extensions) if extensions else (_LATIN_1,)
    try:
        joined.decode("utf-8")
    except UnicodeDecodeError:
        return (_LATIN_1,)
    return (UTF_8,)


def has_multi_byte_shapes(terms: Terms) -> bool:
    """Tell whether bytes below 80H can be parts of other characters under `terms`."""
    return any(term in {"GB18030", "GBK", "ISO 2022 IR 87", "ISO 2022 IR 159"} for term in terms)


# Longest values in characters (PS3.5, Table 6.2-1). Identifiers and names are
# never cut, since half of one points elsewhere; descriptions are.
_LONGEST = {"LO": 64, "LT": 10240, "PN": 64, "SH": 16, "ST": 1024}
_CUT = frozenset({"LO", "LT", "ST"})
_MULTI_BYTE_CODECS = {UTF_8: "utf-8", "GB18030": "gb18030", "GBK": "gbk"}
# Of ISO_IR 13 nothing is made anew: its yen sign and overline lie on ASCII's places.
_CODECS = _MULTI_BYTE_CODECS | {
    "ISO_IR 100": "iso8859_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 166": "iso8859_11",
    "ISO_IR 203": "iso8859_15",
}


def fitting(vr: str, value: bytes, terms: Terms) -> tuple[bytes, str]:
    """Return a text value of the length its VR allows, and what was done to it.

    Descriptions (LO, LT, ST) are cut between two characters. Names and short
    strings identify, so they stay whole and it is said; so does text with
    escape sequences, which cannot be cut anywhere.
    """
    longest = _LONGEST.get(vr)
    if longest is None or len(value) <= longest:
        return value, ""
    charset = Element("CS", "\\".join(terms).encode())
    text = decode_text(Element(vr, value), charset)
    if max(map(len, text.split("=") if vr == "PN" else (text,))) <= longest:
        return value, ""
    if vr not in _CUT or b"\x1b" in value:
        return value, f"is longer than the {longest} characters of its VR and was kept whole"
    codec = _MULTI_BYTE_CODECS.get(terms[0] if terms else "")
    cut = text[:longest].encode(codec, "replace") if codec else value[:longest]
    return stripped(cut), f"was cut to the {longest} characters of its VR"


def transcoded(vr: str, value: bytes, source: Terms, target: Terms) -> bytes | None:
    """Return text of one character set in another; None if not every character gets there.

    Parameters
    ----------
    vr : str
        A VR that Specific Character Set governs.
    value : bytes
        The text, without padding.
    source, target : Terms
        Its set, and the one wanted. Sets with code extensions are read, and
        written only where they are the source's too.
    """
    if source == target or not (needs_charset(value) or reads_otherwise(value, source)):
        return value
    codec = _CODECS.get(target[0]) if len(target) == 1 else None
    if codec is None:
        return None
    text = decode_text(Element(vr, value), Element("CS", "\\".join(source).encode()))
    if "\N{REPLACEMENT CHARACTER}" in text:
        return None
    try:
        encoded = text.encode(codec)
    except UnicodeEncodeError:
        return None
    again = decode_text(Element(vr, encoded), Element("CS", target[0].encode()))
    return encoded if again == text else None
