"""Every character set that is claimed decodes; samples typed from the registered sets."""

from __future__ import annotations

import pytest

from mediastation.dicom.charset import decode_text, unknown_terms
from mediastation.model.character_set import CHARACTER_SETS, Extension
from mediastation.model.instance import Element

# Defined Term, bytes, text. One character that no other set has in this place, where there is one.
SAMPLES = [
    ("", b"Doe", "Doe"),
    ("ISO_IR 100", b"\xfc", "ü"),
    ("ISO_IR 101", b"\xb3", "ł"),
    ("ISO_IR 109", b"\xb1", "ħ"),
    ("ISO_IR 110", b"\xb3", "ŗ"),
    ("ISO_IR 144", b"\xbb", "Л"),
    ("ISO_IR 127", b"\xe2", "ق"),
    ("ISO_IR 126", b"\xc4", "Δ"),
    ("ISO_IR 138", b"\xf9", "ש"),
    ("ISO_IR 148", b"\xfd", "ı"),
    ("ISO_IR 203", b"\xa4", "€"),
    ("ISO_IR 13", b"\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"),
    ("ISO_IR 166", b"\xa1", "ก"),
    ("ISO_IR 192", "Ž漢".encode(), "Ž漢"),
    ("GB18030", b"\xcd\xf5", "王"),
    ("GBK", b"\xcd\xf5", "王"),
    ("ISO 2022 IR 6", b"Doe", "Doe"),
    ("\\ISO 2022 IR 100", b"\x1b-A\xfc", "ü"),
    ("\\ISO 2022 IR 101", b"\x1b-B\xb3", "ł"),
    ("\\ISO 2022 IR 109", b"\x1b-C\xb1", "ħ"),
    ("\\ISO 2022 IR 110", b"\x1b-D\xb3", "ŗ"),
    ("\\ISO 2022 IR 144", b"\x1b-L\xbb", "Л"),
    ("\\ISO 2022 IR 127", b"\x1b-G\xe2", "ق"),
    ("\\ISO 2022 IR 126", b"\x1b-F\xc4", "Δ"),
    ("\\ISO 2022 IR 138", b"\x1b-H\xf9", "ש"),
    ("\\ISO 2022 IR 148", b"\x1b-M\xfd", "ı"),
    ("\\ISO 2022 IR 203", b"\x1b-b\xa4", "€"),
    ("\\ISO 2022 IR 13", b"\x1b)I\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"),
    ("\\ISO 2022 IR 166", b"\x1b-T\xa1", "ก"),
    ("\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B", "山田"),
    ("\\ISO 2022 IR 159", b"\x1b$(D0!\x1b(B", "丂"),
    ("\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8", "김"),
    ("\\ISO 2022 IR 58", b"\x1b$)A\xcd\xf5", "王"),
]


def test_the_samples_are_of_every_set() -> None:
    assert {term.removeprefix("\\") for term, _, _ in SAMPLES} == set(CHARACTER_SETS)


@pytest.mark.parametrize(("term", "value", "text"), SAMPLES)
def test_every_set_decodes_and_is_a_defined_term(term: str, value: bytes, text: str) -> None:
    charset = Element("CS", term.encode()) if term else None

    assert decode_text(Element("PN", value), charset) == text
    assert unknown_terms(charset) == ()


@pytest.mark.parametrize("term", ["ISO_IR 999", "KOI8-R", "ISO 2022 IR 192", "UTF-8"])
def test_what_is_not_listed_is_no_defined_term(term: str) -> None:
    assert term not in CHARACTER_SETS
    assert unknown_terms(Element("CS", term.encode())) == (term,)


def test_code_extensions_are_told_apart() -> None:
    for term, known in CHARACTER_SETS.items():
        extended = known.extension in (
            Extension.SINGLE_BYTE_EXTENDED,
            Extension.MULTI_BYTE_EXTENDED,
        )
        assert term.startswith("ISO 2022 ") is extended
        assert known.iana_name
        assert known.description
