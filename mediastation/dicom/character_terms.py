"""Terms of Specific Character Set as the field writes them, and what they mean (PS3.3, C.12.1.1.2).

Text is copied as bytes together with its character set, so what counts is which
legal terms a data set's own terms stand for, and whether they fit its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from mediastation.model.character_set import CHARACTER_SETS

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
    parts = [part.rstrip(b" \0").strip() for part in value[:_LONGEST_TERMS].split(b"\\")]
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
