"""What to ask a peer for, so that it finds a name that it may spell in another way.

Peers match names letter by letter, with wild cards, and only some of them
overlook case and accents (PS3.4, C.2.2.2.1). So what is asked is wider than the
name, and what comes back is compared by `mediastation.model.likeness`.
"""

from __future__ import annotations

import re
import unicodedata

MOST_PATTERNS = 12
"""Patterns of one name at most; each is a query."""

_GROUPS = 3
_LEAST_LETTERS = 2
_LONGEST = 24
# Letters that are written in several ways: with a mark, as two, or as one of two.
_UNSURE = re.compile("ae|oe|ue|aa|ss|th|[^\x00-\x7f]+", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s\-.,_/()*?\\'`\u2010-\u2015\u2018\u2019\x00-\x1f]+")


def family_patterns(name: str) -> tuple[str, ...]:
    """Return wild cards for the family name of `name`, as peers may have it.

    Of a family name with several words the longest counts, wherever it stands.
    Latin letters that are spelt in several ways become ``*``, so that Müller,
    Mueller and Muller are found by one another; names in other scripts are
    asked for as they are. Each comes as it is written, in capitals, and with a
    capital first letter, since peers may match by case.

    Parameters
    ----------
    name : str
        A person name (PS3.5, 6.2.1).

    Returns
    -------
    tuple of str
        At most `MOST_PATTERNS`; empty if the name says nothing.
    """
    patterns: dict[str, None] = {}
    for group in name.split("=")[:_GROUPS]:
        family = next((part for part in group.split("^") if part.strip()), "")
        words = [word for word in _BETWEEN.split(family) if word]
        word = max(words, key=len, default="")[:_LONGEST]
        if not word:
            continue
        before = "" if words[0].startswith(word) else "*"
        for written in (word, word.upper(), word.capitalize()):
            patterns[f"{before}{_widened(written)}*".replace("**", "*")] = None
    return tuple(patterns)[:MOST_PATTERNS]


def initial_patterns(name: str) -> tuple[str, ...]:
    """Return wild cards for every name that begins with a letter of `name`'s components.

    They find names whose components are the other way round, and those with a
    mark on any letter but the first; only together with a birth date are they
    worth asking.
    """
    letters: dict[str, None] = {}
    for part in name.partition("=")[0].split("^")[:2]:
        written = unicodedata.normalize("NFC", part.strip())[:1]
        bare = unicodedata.normalize("NFD", written)[:1]
        if written.isalpha():
            letters |= dict.fromkeys(f"{one}*" for one in (written, written.upper(), bare.upper()))
    return tuple(letters)


def _widened(word: str) -> str:
    if not _is_latin(word):
        return word
    wide = re.sub(r"\*+", "*", _UNSURE.sub("*", unicodedata.normalize("NFC", word)))
    return wide if sum(map(str.isalnum, wide)) >= _LEAST_LETTERS else word


def _is_latin(word: str) -> bool:
    return all(
        char.isascii() or unicodedata.name(char, "").startswith(("LATIN", "COMBINING"))
        for char in word
    )
