"""In what names differ: the words for it, and that nothing more is promised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.name_spelling import (
    NameLikeness,
    compare_names,
    likeness_keys,
    typed_words,
)

WORDS = st.sampled_from(
    ["Müller", "Mueller", "MULLER", "Anna", "Anna-Lena", "O'Brien", "Ян", "やまだ", "山田", ""]
)
NAMES = st.lists(st.lists(WORDS, min_size=1, max_size=4).map("^".join), min_size=1, max_size=3).map(
    "=".join
)


@pytest.mark.parametrize(
    ("one", "other", "word"),
    [
        ("O'Brien^Pat", "OBrien^Pat", "punctuation"),
        ("O Brien^Pat", "O’Brien^Pat", "punctuation"),
        ("Doe^Jean-Pierre", "Doe^Jean Pierre", "punctuation"),
        ("St. John^A", "St John^A", "punctuation"),
        ("MÜLLER^ANNA", "Mueller^Anna", "umlauts"),
        ("MÜLLER^ANNA", "Muller^Anna", "umlauts"),
        ("MUELLER^ANNA", "Muller^Anna", "umlauts"),
        ("Łukasiewicz^Jan", "Lukasiewicz^Jan", "accents"),
        ("Åström^Bo", "Aastroem^Bo", "accents"),
        ("Nguyễn^An", "Nguyen^An", "accents"),
        ("Jane^Doe", "Doe^Jane", "order"),
        ("DOE JANE", "Doe^Jane", "division"),
        ("Doe^Mary^Ann", "Doe^Mary Ann", "division"),
        ("Doe^Mary^Ann", "Doe^Maryann", "division"),
        ("Doe^John^^Dr", "Doe^John", "prefix or suffix"),
        ("Мюллер^Анна", "Mueller^Anna", "transliteration"),
        ("Иванов^Юрий", "Ivanov^Yuriy", "transliteration"),
        ("Иванов^Юрий", "Iwanow^Jurij", "transliteration"),
        ("Шевченко^Тарас", "SHEVCHENKO TARAS", "transliteration"),
        ("Παπαδόπουλος^Γεώργιος", "Papadopoulos^Georgios", "transliteration"),
        ("Αγγελόπουλος^Κωνσταντίνος", "Angelopoulos^Konstantinos", "transliteration"),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ", "Yamada^Tarou", "transliteration"),
        ("しんじ^きょうこ", "Shinji^Kyoko", "transliteration"),
        ("やまだ^たろう", "ヤマダ^タロウ", "transliteration"),
        ("Yamada^Tarou=山田^太郎", "=山田^太郎=やまだ^たろう", ""),
        ("=山田^太郎=やまだ^たろう", "Yamada^Tarou", "another component group"),
    ],
)
def test_a_difference_in_spelling_has_a_word(one: str, other: str, word: str) -> None:
    kind, told = compare_names(one, other)

    assert kind in {NameLikeness.SPELLING, NameLikeness.SAME}
    assert word in told
    assert likeness_keys(one) & likeness_keys(other)


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("Doe^Jane", "DOE^JANE^", NameLikeness.SAME),
        ("Doe^J", "Doe^Jane", NameLikeness.PART),
        ("Doe^Jane", "Doe^Jane^Maria", NameLikeness.PART),
        ("Doe-Smith^Jane", "Doe^Jane", NameLikeness.PART),
        ("Yamada^Tarou=山田^太郎", "Yamada^Tarou=山田^太朗", NameLikeness.PART),
        ("Ivanov^Yuri", "Iwanow^Jurij", NameLikeness.PART),
        ("Doe^Jane", "Roe^Jane", NameLikeness.FAMILY),
        ("Doe^Anna Lena", "Roe^Anna-Lena", NameLikeness.FAMILY),
        ("Yamada^Tarou", "山田^太郎", NameLikeness.UNREAD),
        ("قباني^لنزار", "Qabbani^Lnazar", NameLikeness.UNREAD),
        ("김^희중", "Kim^Hee Jung", NameLikeness.UNREAD),
        ("", "Doe^Jane", NameLikeness.GAP),
        ("^^", "=", NameLikeness.SAME),
        ("Doe^Jane", "Doe^Janet", NameLikeness.OTHER),
        ("Doe^Anna", "Doe^Berta", NameLikeness.OTHER),
        ("Doe^Jane", "Roe^Rita", NameLikeness.OTHER),
        ("Doe^John^^^Jr", "Doe^John^^^Sr", NameLikeness.OTHER),
        ("Doe^J", "D^Jane", NameLikeness.OTHER),
        ("山田^太郎", "佐藤^花子", NameLikeness.OTHER),
        ("鈴木^さくら", "佐藤^健", NameLikeness.OTHER),
        ("Иванов^Юрий", "Petrov^Boris", NameLikeness.OTHER),
        ("D\\xfce^Jane", "D\\xe4e^Jane", NameLikeness.FAMILY),
        ("A" * 600, "A" * 601, NameLikeness.OTHER),
    ],
)
def test_what_is_more_than_spelling_is_told_apart(one: str, other: str, kind: str) -> None:
    assert compare_names(one, other)[0] is kind


@given(NAMES, NAMES)
def test_order_has_no_influence(one: str, other: str) -> None:
    assert compare_names(one, other) == compare_names(other, one)


@given(NAMES)
def test_a_name_is_like_itself(name: str) -> None:
    assert compare_names(name, name) == (NameLikeness.SAME, "")


@given(NAMES, NAMES)
def test_names_that_differ_in_spelling_share_a_key(one: str, other: str) -> None:
    """Otherwise they would not be compared at all."""
    kind, _ = compare_names(one, other)

    if kind is NameLikeness.SPELLING:
        assert likeness_keys(one) & likeness_keys(other)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_compared_without_a_fault(one: str, other: str) -> None:
    kind, _ = compare_names(one, other)

    assert kind in NameLikeness
    assert compare_names(other, one)[0] is kind


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Müller^Jörg", {"muller", "mueller", "jorg", "joerg"}),
        ("MUELLER^ANNA", {"mueller", "muller", "anna"}),
        ("Doe^Mary-Ann^Zoe^Dr^Jr", {"doe", "mary", "ann", "zoe", "zo"}),
        ("O'Brien^Łukasz", {"obrien", "lukasz"}),
        ("Weiß^", {"weiss"}),
        ("Yamada=山田=やまだ", {"yamada"}),
        ("Иванов", {"ivanov"}),
        ("^^", set()),
    ],
)
def test_words_are_given_as_they_are_typed(name: str, words: set[str]) -> None:
    assert typed_words(name) >= words
    assert all(word.isascii() for word in typed_words(name))


@given(st.text(max_size=2000))
def test_typed_words_of_any_text_are_letters_and_digits(name: str) -> None:
    assert all(word.isascii() and word.isalnum() for word in typed_words(name))
