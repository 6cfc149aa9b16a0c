"""What passes for a UID (PS3.5 9.1)."""

from __future__ import annotations

import pytest

from mediastation.model.uid import is_legal_uid, is_usable_uid


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.1", "0.0", "2", "1." + "2" * 62])
def test_digits_and_dots_up_to_64_characters_are_a_uid(uid: str) -> None:
    assert is_usable_uid(uid)
    assert is_legal_uid(uid)


@pytest.mark.parametrize("uid", ["1.2.03", "01.2", "1.00"])
def test_leading_zeros_are_usable_but_not_legal(uid: str) -> None:
    assert is_usable_uid(uid)
    assert not is_legal_uid(uid)


@pytest.mark.parametrize(
    "uid", ["", ".1", "1.", "1..2", "1.a", "1.2\n", " 1.2", "1.\u0662", "1." + "2" * 63]
)
def test_nothing_else_is(uid: str) -> None:
    assert not is_usable_uid(uid)
    assert not is_legal_uid(uid)
