"""What a study is found by: one text, made once, in which words are looked for."""

from __future__ import annotations

from collections.abc import Iterable

from mediastation.model.name_order import without_accents

_INVISIBLE = dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def search_text(values: Iterable[str], dates: Iterable[str] = ()) -> str:
    """Return what `values` are found by, folded as `search_words` folds the words.

    Each value keeps a line of its own, so that no word is found across two of
    them. Dates (PS3.5 6.2, DA) are found with and without dashes.
    """
    lines = [" ".join(without_accents(value).split()) for value in values]
    for date in dates:
        lines.append(date)
        if len(date) == 8 and date.isdigit():
            lines.append(f"{date[:4]}-{date[4:6]}-{date[6:]}")
    return "\n".join(line for line in lines if line)


def search_words(typed: str) -> list[str]:
    """Return the words of `typed`, folded: case, accents, width and kana do not count."""
    return without_accents(without_direction(typed)).split()


def without_direction(typed: str) -> str:
    """Return `typed` without the marks of direction.

    Tables put them round text that runs from right to left, and they may come
    back by copy and paste.
    """
    return typed.translate(_INVISIBLE)
