"""Cells line up whatever script they hold, and nothing in them steers the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mediastation.console.words import age_text, date_text, fit, name_text, number_text

HOSTILE = "Doe\x1b]0;owned\x07^\x1b[31mJane\u202e"


@given(st.text(max_size=40), st.integers(0, 30), st.booleans())
def test_a_cell_has_exactly_its_width(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(text, width, right=right)) == width


@pytest.mark.parametrize("name", ["山田^太郎", "김희중", "e\u0301te\u0301", "قباني", "שרון"])
def test_names_of_every_script_take_the_same_room(name: str) -> None:
    assert cell_len(fit(name, 12)) == 12
    assert cell_len(fit(name * 5, 12)) == 12


def test_what_is_cut_says_so() -> None:
    assert fit("Mammography", 6) == "Mammo…"
    assert fit("山田太郎", 6) == "山田… "


def test_a_name_cannot_steer_the_terminal() -> None:
    shown = fit(HOSTILE, 60)

    assert not any(ord(letter) < 32 or letter == "\u202e" for letter in shown)
    assert "\N{REPLACEMENT CHARACTER}]0;owned" in shown


def test_right_to_left_is_isolated_from_the_rest_of_the_row() -> None:
    assert fit("שרון", 4) == "\u200e\u2068שרון\u2069\u200e"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Doe^Jane", "Doe, Jane"),
        ("Doe^Jane^A^Dr^PhD", "Doe, Jane A Dr PhD"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou = 山田, 太郎 = やまだ, たろう"),
        ("==やまだ^たろう", "やまだ, たろう"),
        ("", "(no name)"),
        ("^^", "(no name)"),
    ],
)
def test_names_are_told_as_people_write_them(name: str, shown: str) -> None:
    assert name_text(name) == shown


def test_a_date_that_is_none_stays_as_it_came() -> None:
    assert date_text("20261123") == "2026-11-23"
    assert date_text("1994.11.05") == "1994.11.05"
    assert date_text("") == ""


@pytest.mark.parametrize(
    ("age", "told"), [(0, "now"), (59, "now"), (60, "1 min"), (7200, "2 h"), (86400 * 3, "3 d")]
)
def test_ages_are_short(age: float, told: str) -> None:
    assert age_text(1_000_000_000, 1_000_000_000 + age) == told


def test_what_never_came_has_no_age() -> None:
    assert age_text(0, 1e9) == ""


def test_numbers_agree_with_their_nouns() -> None:
    assert number_text(1, "study", "studies") == "1 study"
    assert number_text(1204, "study", "studies") == "1,204 studies"
