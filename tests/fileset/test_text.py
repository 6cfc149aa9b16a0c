"""Specific Character Set of records (PS3.3, C.12.1.1.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.dicom.character_terms import can_hold, guessed_terms, legal_terms
from mediastation.fileset.text import fitting


@pytest.mark.parametrize(
    "value",
    [
        b"ISO_IR 100",
        b"ISO_IR 192",
        b"GB18030 ",
        b"GBK ",
        b"ISO 2022 IR 100 ",
        b"\\ISO 2022 IR 87",
        b"ISO 2022 IR 13\\ISO 2022 IR 87 ",
        b"ISO 2022 IR 6\\ISO 2022 IR 149",
    ],
)
def test_legal_terms_stay_as_they_are(value: bytes) -> None:
    terms, remark = legal_terms(value)

    assert "\\".join(terms) == value.decode().rstrip()
    assert remark == ""


@pytest.mark.parametrize(
    ("value", "legal"),
    [
        (b"ISO-IR 100", ("ISO_IR 100",)),
        (b"ISO_IR_100", ("ISO_IR 100",)),
        (b"iso_ir 144", ("ISO_IR 144",)),
        (b"ISO IR 192", ("ISO_IR 192",)),
        (b"UTF-8", ("ISO_IR 192",)),
        (b"ISO8859-2", ("ISO_IR 101",)),
        (b"ISO 2022 IR 87", ("", "ISO 2022 IR 87")),
        (b"ISO_IR 100\\ISO 2022 IR 87", ("ISO 2022 IR 100", "ISO 2022 IR 87")),
        (b"ISO_IR 192\\ISO 2022 IR 87", ("ISO_IR 192",)),
        (b"\\ISO 2022 IR 87\\GB18030", ("", "ISO 2022 IR 87")),
        (b"1A", ()),
    ],
)
def test_other_spellings_become_the_term_that_they_mean(
    value: bytes, legal: tuple[str, ...]
) -> None:
    terms, remark = legal_terms(value)

    assert terms == legal
    assert remark


@pytest.mark.parametrize("value", [b"", b"  ", b"ISO_IR 6", b"ISO 2022 IR 6 "])
def test_the_default_repertoire_is_no_remark(value: bytes) -> None:
    assert legal_terms(value)[1] == ""


@given(st.binary(max_size=40))
def test_terms_are_legal_whatever_comes(value: bytes) -> None:
    terms, _ = legal_terms(value)

    again, remark = legal_terms("\\".join(terms).encode())
    assert (again, remark) == (terms, "")


def test_text_says_which_set_it_is_in_where_the_object_does_not() -> None:
    assert guessed_terms(["Müller".encode()]) == ("ISO_IR 192",)
    assert guessed_terms(["Müller".encode("latin-1")]) == ("ISO_IR 100",)
    assert guessed_terms([b"\x1b$B;3ED\x1b(B"]) == ("", "ISO 2022 IR 87")


def test_a_set_that_cannot_hold_the_text_is_seen() -> None:
    assert can_hold(("ISO_IR 100",), [b"M\xfcller"])
    assert not can_hold((), [b"M\xfcller"])
    assert not can_hold(("ISO_IR 192",), [b"M\xfcller"])
    assert not can_hold(("ISO_IR 100",), [b"\x1b$B;3ED\x1b(B"])
    assert can_hold(("", "ISO 2022 IR 87"), [b"\x1b$B;3ED\x1b(B"])


class TestLength:
    def test_a_description_is_cut_between_characters(self) -> None:
        value, remark = fitting("LO", ("ü" * 80).encode(), ("ISO_IR 192",))

        assert value.decode() == "ü" * 64
        assert remark

    def test_characters_count_and_not_bytes(self) -> None:
        value = ("ü" * 64).encode()
        assert fitting("LO", value, ("ISO_IR 192",)) == (value, "")

    def test_a_name_stays_whole_and_it_is_said(self) -> None:
        """Half an identifier points elsewhere."""
        value, remark = fitting("PN", b"x" * 80, ())

        assert value == b"x" * 80
        assert remark

    def test_each_group_of_a_name_has_its_own_length(self) -> None:
        value = b"=".join((b"x" * 60, b"y" * 60, b"z" * 60))
        assert fitting("PN", value, ()) == (value, "")
