from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.name_search import MOST_PATTERNS, family_patterns, initial_patterns


def finds(asked: str, there: str) -> bool:
    """Whether a peer that matches by case and accent gives `there` when asked for `asked`."""
    return any(fnmatchcase(there, pattern) for pattern in family_patterns(asked))


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("Doe^Jane", "Doe^Jane"),
        ("doe^jane", "DOE^JANE"),
        ("DOE^JANE", "Doe^Jane"),
        ("MUELLER^JOERG", "Müller^Jörg"),
        ("Müller^Jörg", "MUELLER^JOERG"),
        ("Muller^Jorg^^", "Muller^Jorg"),
        ("Strauß^Anna", "STRAUSS^ANNA"),
        ("Strauss^Anna", "Strauß^Anna"),
        ("Jørgensen^Bo", "Joergensen^Bo"),
        ("van der Berg^Jan", "Berg^Jan^^van der"),
        ("Berg^Jan^^van der", "Berg^Jan"),
        ("O'Brien^Pat", "OBRIEN^PAT"),
        ("Doe-Smith^Jane", "Smith^Jane"),
        ("DOE JOHN", "DOE JOHN"),
        ("Yamada^Tarou=山田^太郎", "山田^太郎"),
        ("Иванов^Иван", "ИВАНОВ^ИВАН"),
        ("Mu\u0308ller^Jo\u0308rg", "Müller^Jörg"),
        ("^Jane", "Jane"),
    ],
)
def test_a_name_is_found_in_other_spellings(asked: str, there: str) -> None:
    assert finds(asked, there)


@pytest.mark.parametrize("there", ["Roe^Jane", "Moe^Jane", "Jane^Doe", ""])
def test_other_names_are_not_asked_for(there: str) -> None:
    assert not finds("Doe^Jane", there)


@pytest.mark.parametrize("name", ["", "^^", "=", " ^ ", "***", "?", "^=^"])
def test_a_name_that_says_nothing_gives_no_pattern(name: str) -> None:
    """A pattern of wild cards alone would ask for everybody."""
    assert family_patterns(name) == ()


@pytest.mark.parametrize("name", ["Ae^X", "Öe^X", "O^X", "Özü^X"])
def test_of_a_short_name_enough_letters_stay(name: str) -> None:
    assert all(any(char.isalpha() for char in one) for one in family_patterns(name))


def test_initials_are_of_family_and_given_name_with_and_without_mark() -> None:
    assert set(initial_patterns("özil^mesut")) == {"ö*", "Ö*", "O*", "m*", "M*"}
    assert initial_patterns("") == initial_patterns("*^?") == ()


@given(st.text(max_size=300))
def test_patterns_of_any_name_are_few_short_and_safe(name: str) -> None:
    for pattern in (*family_patterns(name), *initial_patterns(name)):
        assert pattern.endswith("*")
        assert pattern.strip("*")
        assert "\\" not in pattern
        assert "?" not in pattern
        assert len(pattern) <= 64
    assert len(family_patterns(name)) <= MOST_PATTERNS
