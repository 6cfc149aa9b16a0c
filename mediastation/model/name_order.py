"""The order of person names in lists, as people look for them (PS3.5, 6.2.1)."""

from __future__ import annotations

import unicodedata

from mediastation.model.name_spelling import LATIN_LETTERS

NAMELESS = "\U0010ffff"
"""The key of names that say nothing: behind every other."""

_MOST_REMEMBERED = 1 << 16
# Katakana to hiragana: one name is written in either.
_KANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


class _Plain(dict[int, int | str | None]):
    """What stands for a character when sorting; filled as characters come, up to a limit."""

    def __missing__(self, code: int) -> int | None:
        plain = None if unicodedata.category(chr(code)) in {"Mn", "Me"} else code
        if len(self) < _MOST_REMEMBERED:
            self[code] = plain
        return plain


_PLAIN = _Plain({**LATIN_LETTERS, **_KANA, ord("^"): " "})


def name_order(name: str) -> str:
    """Return what to sort a Patient's Name by, code point by code point, and to search it in.

    Case, accents, width and the kind of kana do not count: É stands with E, ß
    with ss, ł with l, ﾔﾏﾀﾞ with やまだ. Components follow each other as words, so
    that Doe^Zoe comes before Doering^Anne. The first component group that says
    anything counts; scripts follow each other as in Unicode: Latin, Greek,
    Cyrillic, Hebrew, Arabic, Thai, kana, Han, Hangul. It is no language's own
    collation, which would differ from patient to patient. Names that say
    nothing come last.
    """
    for group in without_accents(name).split("="):
        words = " ".join(group.split())
        if words:
            return words
    return NAMELESS


def without_accents(text: str) -> str:
    """Return `text` without what does not count: case, accents, width, the kind of kana, carets."""
    if text.isascii():
        return text.casefold().replace("^", " ")
    return unicodedata.normalize("NFKD", text).casefold().translate(_PLAIN)
