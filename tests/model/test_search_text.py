"""A study is found by what people type, however they spell it."""

from __future__ import annotations

import pytest

from mediastation.model.search_text import search_text, search_words

HAYSTACK = search_text(
    ["P-0042", "Müller^Zoë=山田^太郎=ﾔﾏﾀﾞ", "MRI  Knie", "Łódź"], ["19700131", "1994.11.05", ""]
)


@pytest.mark.parametrize(
    "typed",
    ["müller", "MULLER zoe", "Mu\u0308ller", "山田", "やまだ", "p-0042", "lodz", "1970-01-31",
     "19700131", "1970-01", "1994.11", "muller^zoe", "\u2068zoe\u2069"],
)  # fmt: skip
def test_it_is_found(typed: str) -> None:
    assert all(word in HAYSTACK for word in search_words(typed))


@pytest.mark.parametrize("typed", ["0042müller", "knielodz", "zoe山田x"])
def test_words_are_not_found_across_two_values(typed: str) -> None:
    assert not all(word in HAYSTACK for word in search_words(typed))


def test_nothing_typed_is_no_word() -> None:
    assert search_words("  ^ \u200e ") == []
