"""How two person names differ: in people, or in spelling.

Nothing here joins anybody. It finds the word for a difference, so that an
operator sees "accents" or "order of components" and not just two names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from itertools import product

from mediastation.model.identity import normalise_name

_LONGEST = 512
"""Characters of a name that are compared for likeness; a longer one is like nothing."""


class NameLikeness(StrEnum):
    """How near two names are.

    ``same`` after normalising; ``spelling`` when only accents, punctuation,
    order or division of components, or the script differ; ``part`` when one
    is a part of the other, or the groups say unlike things, or two
    transliterations differ; ``family`` when the given name agrees and the
    family name does not; ``unread`` when the scripts cannot be compared;
    ``gap`` when one is missing; ``other`` otherwise.
    """

    SAME = "same"
    SPELLING = "spelling"
    PART = "part"
    FAMILY = "family"
    UNREAD = "unread"
    GAP = "gap"
    OTHER = "other"


# Letters that a decomposition leaves as they are, as the field writes them in A-Z.
LATIN_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i"}
    | {"ħ": "h", "ŧ": "t", "ŋ": "n", "ĸ": "k", "ə": "a"}
)

# Sounds, not a standard's romanisation: what people write differs, and `_sound` levels it.
_CYRILLIC = {
    **dict(zip("абвгдезийклмнопрстуф", "abvgdeziiklmnoprstuf", strict=True)),
    "ж": "zh",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "",
    "ы": "y",
    "ь": "",
    "э": "e",
    "ю": "yu",
    "я": "ya",
    "є": "e",
    "і": "i",
    "ї": "i",
    "ґ": "g",
    "ђ": "dj",
    "ј": "j",
    "љ": "lj",
    "њ": "nj",
    "ћ": "c",
    "џ": "dz",
    "ѓ": "g",
    "ќ": "k",
}
_GREEK = {
    **dict(zip("αβγδεζηικλμνοπρσςτυφω", "avgdeziiklmnoprsstyfo", strict=True)),
    "θ": "th",
    "ξ": "x",
    "χ": "ch",
    "ψ": "ps",
}
# Two Greek letters that are one sound: the second one, and what became of the first.
_GREEK_PAIRS = {("o", "υ"): ("u", ""), ("a", "υ"): ("a", "v"), ("e", "υ"): ("e", "v")} | {
    ("g", "γ"): ("n", "g")
}
_LETTERS = _CYRILLIC | _GREEK

# Only marks of alphabets that are read without them; elsewhere a mark is a vowel.
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]+")
# ä, ö, ü and å, ø: as one letter, with an e behind, or doubled.
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))
_WITH_E = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})

# What transliterations write in several ways, brought to one; longest first.
_SOUNDS = (
    *(("shch", "s"), ("stsch", "s"), ("tsch", "C"), ("sch", "s"), ("tch", "C"), ("kh", "C")),
    *(("ch", "C"), ("zh", "z"), ("sh", "s"), ("ts", "z"), ("tz", "z"), ("ph", "f"), ("th", "t")),
    *(("ck", "k"), ("c", "k"), ("q", "k"), ("w", "v"), ("x", "ks"), ("j", "i"), ("y", "i")),
    *(("iu", "u"), ("ie", "e"), ("io", "e"), ("ou", "u")),
)
# The Hepburn spelling of a syllable and the one that Unicode names it by.
_SYLLABLES = (
    *(("shi", "si"), ("sh", "sy"), ("chi", "ti"), ("ch", "ty"), ("tsu", "tu"), ("fu", "hu")),
    *(("ji", "zi"), ("j", "zy"), ("dzu", "zu"), ("du", "zu"), ("di", "zi")),
    *(("ou", "o"), ("syy", "sy"), ("m", "n")),
)
_DOUBLED = re.compile(r"(.)\1+")


@lru_cache(maxsize=1024)
def compare_names(one: str, other: str) -> tuple[NameLikeness, str]:
    """Tell how two values of Patient's Name are alike, and in what they differ.

    Component groups are representations of one name (PS3.5, 6.2.1): groups of
    one kind are compared with each other, and where the names have no group in
    common, each with each.

    Parameters
    ----------
    one, other : str
        Decoded values of VR PN.

    Returns
    -------
    NameLikeness
        The same for either order.
    str
        The difference in words; empty for the same name and for a gap.
    """
    mine, theirs = normalise_name(one), normalise_name(other)
    if not mine or not theirs:
        return (NameLikeness.SAME if mine == theirs else NameLikeness.GAP), ""
    shared = [(a, b) for a, b in zip(mine, theirs, strict=False) if a and b]
    if shared and all(a == b for a, b in shared):
        return NameLikeness.SAME, ""
    if max(len(one), len(other)) > _LONGEST:
        return NameLikeness.OTHER, ""
    pairs = shared or [(a, b) for a, b in product(mine, theirs) if a and b]
    found = [_compare_groups(a, b) for a, b in pairs]
    kinds = {kind for kind, _ in found}
    words = ", ".join(dict.fromkeys(word for _, word in found if word))
    agreeing = {NameLikeness.SAME, NameLikeness.SPELLING}
    if shared:
        if kinds <= agreeing:
            return NameLikeness.SPELLING, words
        if kinds & agreeing:
            return NameLikeness.PART, "not in every component group"
    elif kinds & agreeing:
        return NameLikeness.SPELLING, "another component group"
    for kind in (NameLikeness.PART, NameLikeness.FAMILY, NameLikeness.UNREAD):
        if kind in kinds and ((shared and len(kinds) == 1) or not shared):
            return kind, words
    return NameLikeness.OTHER, ""


def likeness_keys(name: str) -> frozenset[str]:
    """Return keys of which two names share one wherever they differ in spelling alone.

    It finds candidates in linear time; `compare_names` has the word. Sharing
    one is not enough: names may also share one that are merely similar.
    """
    if len(name) > _LONGEST:
        return frozenset()
    return frozenset(
        key for group in normalise_name(name) for key in (*_spellings(group), *_sounds(group))
    )


def typed_words(name: str) -> frozenset[str]:
    """Return the words of a name as they are typed in the letters a to z.

    Those of family, given and middle name in every component group. An umlaut
    is there as the vowel alone and with an e behind it, whichever way the name
    writes it; other scripts as they sound, where this module reads them.
    """
    found: set[str] = set()
    for group in normalise_name(name[:_LONGEST]):
        for word in (word for part in group[:3] for word in _split(part)):
            latin = _transliterated(word)
            written_out = _transliterated(unicodedata.normalize("NFC", word).translate(_WITH_E))
            short = latin
            for long, vowel in _UMLAUTS:
                short = short.replace(long, vowel)
            found |= {latin, written_out, short}
    return frozenset(found - {""})


def _compare_groups(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[NameLikeness, str]:
    if one == other:
        return NameLikeness.SAME, ""
    if _suffix(one) and _suffix(other) and _suffix(one) != _suffix(other):
        return NameLikeness.OTHER, ""
    if word := _spelling_difference(one, other):
        return NameLikeness.SPELLING, word
    readable = _is_read(one) and _is_read(other)
    apart = not _scripts(one) & _scripts(other)
    if apart and not readable:
        return NameLikeness.UNREAD, "scripts that cannot be compared"
    if _sounds(one) & _sounds(other):
        return (NameLikeness.SPELLING if apart else NameLikeness.PART), "transliteration"
    if _is_part(one, other) or _is_part(other, one):
        return NameLikeness.PART, "one has less than the other"
    if _given(one) and _given(one) == _given(other):
        return NameLikeness.FAMILY, "another family name"
    return NameLikeness.OTHER, ""


def _spelling_difference(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    """Return the word for a difference in spelling within one script, empty if it is more."""
    bare, bare_other = tuple(map(_bare, one[:3])), tuple(map(_bare, other[:3]))
    if not any(bare) or not any(bare_other):
        return ""
    words: list[str] = []
    plain, plain_other = [tuple(map(_letters_of, name[:3])) for name in (one, other)]
    if _trimmed(plain) == _trimmed(plain_other):
        words.append("punctuation or spaces" if one[:3] != other[:3] else "prefix or suffix")
    elif _trimmed(bare) == _trimmed(bare_other):
        words.append("accents or umlauts")
    elif sorted(filter(None, bare)) == sorted(filter(None, bare_other)):
        words.append("order of components")
    elif _words(one) == _words(other) or "".join(bare) == "".join(bare_other):
        words.append("division into components")
    if words and one[3:] != other[3:] and "prefix or suffix" not in words:
        words.append("prefix or suffix")
    return ", ".join(words)


def _spellings(group: tuple[str, ...]) -> Iterator[str]:
    if group:
        yield "=" + "^".join(group)
    bare = tuple(map(_bare, group[:3]))
    if any(bare):
        yield "c" + "|".join(sorted(filter(None, bare)))
        yield "w" + "|".join(_words(group))
        yield "j" + "".join(bare)


def _trimmed(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return components without the empty ones at the end."""
    while parts and not parts[-1]:
        parts = parts[:-1]
    return parts


def _letters_of(text: str) -> str:
    """Return the letters and digits of `text`, marks kept."""
    return "".join(char for char in text if char.isalnum() or unicodedata.combining(char))


@lru_cache(maxsize=4096)
def _bare(text: str) -> str:
    """Return letters and digits alone, accents and umlauts gone either way they are written."""
    text = unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", text)))
    text = "".join(char for char in text.translate(LATIN_LETTERS) if char.isalnum())
    for long, short in _UMLAUTS:
        text = text.replace(long, short)
    return text


@lru_cache(maxsize=1024)
def _words(group: tuple[str, ...]) -> tuple[str, ...]:
    """Return the bare words of family, given and middle name in alphabetical order."""
    words = (_bare(word) for part in group[:3] for word in _split(part))
    return tuple(sorted(filter(None, words)))


def _split(component: str) -> list[str]:
    """Split at spaces, hyphens and dots; an apostrophe belongs to its word."""
    return re.split(r"[\s\-.,_\u2010-\u2015]+", component)


def _suffix(group: tuple[str, ...]) -> str:
    return _bare(group[4]) if len(group) > 4 else ""


def _given(group: tuple[str, ...]) -> str:
    return _bare(group[1]) if len(group) > 1 else ""


def _is_part(shorter: tuple[str, ...], longer: tuple[str, ...]) -> bool:
    """Tell whether every word of one name is in the other, as it is or as the initial."""
    left = list(_words(longer))
    full = 0
    for word in sorted(_words(shorter), key=len, reverse=True):
        match = word if word in left else ""
        if not match and len(word) == 1:
            match = next((other for other in left if other.startswith(word)), "")
        if not match:
            return False
        full += len(word) > 1 and match == word
        left.remove(match)
    return full > 0


@lru_cache(maxsize=1024)
def _scripts(group: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_script(char) for part in group for char in part if char.isalpha())


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    """Return the first word of a letter's name, which names its script."""
    return unicodedata.name(char, "UNKNOWN").partition(" ")[0]


_READ_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK", "HIRAGANA", "KATAKANA"})


def _is_read(group: tuple[str, ...]) -> bool:
    return _scripts(group) <= _READ_SCRIPTS | {"KATAKANA-HIRAGANA"}


@lru_cache(maxsize=1024)
def _sounds(group: tuple[str, ...]) -> frozenset[str]:
    """Return keys of how the name sounds, its words in alphabetical order."""
    if not _is_read(group):
        return frozenset()
    latin = [_transliterated(word) for part in group[:3] for word in _split(part)]
    keys = ("|".join(sorted(filter(None, map(_sound, latin)))), _syllables(latin))
    return frozenset(f"{kind}{key}" for kind, key in zip("st", keys, strict=True) if key)


@lru_cache(maxsize=4096)
def _transliterated(component: str) -> str:
    """Return `component` in the letters a to z; nothing where a letter has no sound here."""
    letters: list[str] = []
    for char in unicodedata.normalize("NFC", component.translate(LATIN_LETTERS)):
        base = _MARKS.sub("", unicodedata.normalize("NFD", char))
        if letters and (letters[-1], base) in _GREEK_PAIRS:
            letters[-1], sound = _GREEK_PAIRS[letters[-1], base]
            letters.append(sound)
        elif char in _LETTERS or base in _LETTERS:
            letters.append(_LETTERS.get(char) or _LETTERS.get(base, ""))
        elif _script(char) in {"HIRAGANA", "KATAKANA"}:
            _append_syllable(letters, unicodedata.name(char))
        elif base.isascii() and base.isalnum():
            letters.append(base)
    return "".join(letters)


def _append_syllable(letters: list[str], name: str) -> None:
    """Add a kana by its Unicode name, such as ``HIRAGANA LETTER SMALL YA``."""
    *kind, sound = name.casefold().split()
    if "small" in kind and sound == "tu":
        return  # doubles the consonant that follows, and doubles do not count
    if "small" in kind and letters and letters[-1].endswith("i"):
        letters[-1] = letters[-1][:-1]  # ki + small ya: kya
    letters.append(sound)


@lru_cache(maxsize=4096)
def _sound(latin: str) -> str:
    for written, meant in _SOUNDS:
        latin = latin.replace(written, meant)
    for written, meant in _UMLAUTS:
        latin = latin.replace(written, meant)
    return _DOUBLED.sub(r"\1", latin)


def _syllables(latin: list[str]) -> str:
    """Return Japanese sounds: Hepburn as in the names of kana, long vowels short."""
    done = []
    for component in latin:
        text = component
        for written, meant in _SYLLABLES:
            text = text.replace(written, meant)
        done.append(_DOUBLED.sub(r"\1", text))
    return "|".join(sorted(filter(None, done)))
