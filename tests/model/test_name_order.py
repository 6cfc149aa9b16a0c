"""Names stand where people look for them."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.name_order import NAMELESS, name_order


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("MÜLLER^HANS", "Muller^Hans"),
        ("Mu\u0308ller^Hans", "Müller^Hans"),
        ("Straße^", "STRASSE"),
        ("Łukasz^Ø", "lukasz^o"),
        ("Çavuşoğlu^Işıl", "Cavusoglu^Isil"),
        ("Doe^Jane^^^", "Doe^Jane"),
        ("Doe^Jane=山田^花子", "DOE^JANE"),
        ("=やまだ^たろう", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        ("ヤマダ", "やまだ"),
        ("شَرون", "شرون"),
        ("שָׁרוֹן", "שרון"),
        ("\uff24\uff4f\uff45", "Doe"),
        ("홍^길동", unicodedata.normalize("NFD", "홍^길동")),
    ],
)
def test_spellings_of_one_name_stand_together(name: str, other: str) -> None:
    assert name_order(name) == name_order(other)


def test_a_list_is_in_the_order_of_a_telephone_book() -> None:
    names = [
        "Adam^Zoe",
        "Äffchen^Anna",
        "Çelik^Ali",
        "Doe^Zoe",
        "Doering^Anne",
        "Émile^Paul",
        "Łukasz^Jan",
        "muller^Anna",
        "Müller^Bert",
        "O'Brien^Tom",
        "Ødegård^Ida",
        "Zoë^",
        "Διονυσιος",
        "Иванов^Иван",
        "Ивашко^Анна",
        "שרון^דבורה",
        "قباني^نزار",
        "นามสกุล^ชื่อ",
        "ﾀﾛｳ",
        "やまだ",
        "山田^太郎",
        "\U00020bb7田^花子",
        "",
    ]
    shuffled = random.Random(3).sample(names, len(names))

    assert sorted(shuffled, key=name_order) == names


@given(st.text())
def test_any_text_has_a_place(name: str) -> None:
    key = name_order(name)

    assert key == key.strip() != ""
    assert key <= NAMELESS
    assert "^" not in key
