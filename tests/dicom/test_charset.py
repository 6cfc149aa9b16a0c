"""Text by Specific Character Set; oracle: the examples of PS3.5 Annexes H to K, and pydicom."""

from __future__ import annotations

import warnings

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.dicom.charset import decode_text, needs_charset, unknown_terms
from mediastation.dicom.header import read_header
from mediastation.dicom.values import first_value, text
from mediastation.model.instance import Element, InstanceHeader
from tests.support.corpus import corpus_file


def charset(*terms: str) -> Element:
    return Element("CS", "\\".join(terms).encode())


# Typed from PS3.5: the annex, the character sets, the bytes of the example, what it says.
EXAMPLES = [
    ("latin", ("ISO_IR 100",), b"M\xfcller^J\xf6rg ", "Müller^Jörg"),
    (
        "H.3.1",
        ("", "ISO 2022 IR 87"),
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        "H.3.2",
        ("ISO 2022 IR 13", "ISO 2022 IR 87"),
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
    ),
    (
        "I.2",
        ("", "ISO 2022 IR 149"),
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (
        "J.1",
        ("ISO_IR 192",),
        "Wang^XiaoDong=王^小東".encode(),
        "Wang^XiaoDong=王^小東",
    ),
    ("J.3", ("GB18030",), "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
    (
        "K.2",
        ("", "ISO 2022 IR 58"),
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东=",
    ),
]


@pytest.mark.parametrize(
    ("terms", "value", "expected"), [e[1:] for e in EXAMPLES], ids=[e[0] for e in EXAMPLES]
)
def test_the_examples_of_the_standard_are_read(
    terms: tuple[str, ...], value: bytes, expected: str
) -> None:
    assert decode_text(Element("PN", value), charset(*terms)) == expected


@pytest.mark.parametrize(
    ("spelt", "value", "expected"),
    [
        ("ISO-IR 100", b"\xfc", "ü"),
        ("ISO IR 100", b"\xfc", "ü"),
        ("iso_ir 144", b"\xbf", "П"),
        ("ISO_IR144", b"\xbf", "П"),
        ("UTF-8", "ü".encode(), "ü"),
        ("ISO 2022 IR 100", b"\xfc", "ü"),
        ("ISO_IR 203", b"\xa4", "€"),
        ("nonsense", b"\xfc", "ü"),
        ("", b"\xfc", "ü"),
    ],
)
def test_misspelt_and_unknown_terms_are_read_as_best_possible(
    spelt: str, value: bytes, expected: str
) -> None:
    assert decode_text(Element("LO", value), charset(spelt)) == expected


@pytest.mark.parametrize(
    ("terms", "unknown"),
    [
        (("ISO_IR 100",), ()),
        (("", "ISO 2022 IR 87"), ()),
        (("ISO-IR 100",), ("ISO-IR 100",)),
        (("ISO_IR 192", "klingon"), ("klingon",)),
        (("",), ()),
    ],
)
def test_terms_the_standard_does_not_define_are_named(
    terms: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    assert unknown_terms(charset(*terms)) == unknown
    assert unknown_terms(None) == ()


def test_a_backslash_inside_a_character_does_not_part_values() -> None:
    """The second byte of this GB18030 character is 5CH."""
    value = "俓".encode("gb18030")
    assert value[1:2] == b"\\"

    assert decode_text(Element("LO", value + b" \\B"), charset("GB18030")) == "俓\\B"


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("LO", b"A \\B  ", "A\\B"),
        ("CS", b" A \\ B ", "A\\B"),
        ("UI", b"1.2\0", "1.2"),
        ("LT", b"  indented\\kept  ", "  indented\\kept"),
        ("PN", b"", ""),
        ("SH", b"   ", ""),
        ("DS", b" 1.5\\2 ", "1.5\\2"),
    ],
)
def test_padding_goes_and_what_counts_stays(vr: str, value: bytes, expected: str) -> None:
    assert decode_text(Element(vr, value), None) == expected


def test_vrs_outside_the_character_set_are_not_decoded_by_it() -> None:
    assert decode_text(Element("CS", b"\xfc"), charset("ISO_IR 144")) == "ü"


@pytest.mark.parametrize(
    ("value", "needed"),
    [(b"Plain^Name", False), (b"", False), (b"M\xfcller", True), (b"\x1b$B;3\x1b(B", True)],
)
def test_what_leaves_the_default_repertoire_needs_a_charset(value: bytes, needed: bool) -> None:
    assert needs_charset(value) is needed


PIECES = [b"\x1b$B", b"\x1b$)C", b"\x1b$)A", b"\x1b-F", b"\x1b", b"^", b"\xfc\xd4", b"\\"]
TERMS = ["", "ISO_IR 13", "ISO 2022 IR 87", "ISO 2022 IR 149", "ISO 2022 IR 58", "GBK", "x"]


@given(
    st.binary(max_size=80) | st.lists(st.sampled_from(PIECES)).map(b"".join),
    st.lists(st.sampled_from(TERMS) | st.text(max_size=12), max_size=3),
    st.sampled_from(["PN", "LO", "UT", "CS"]),
)
def test_any_bytes_under_any_terms_give_text_without_a_warning(
    value: bytes, terms: list[str], vr: str
) -> None:
    element = Element("CS", "\\".join(terms).encode("utf-8", "replace"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(decode_text(Element(vr, value), element), str)
        unknown_terms(element)


@pytest.mark.parametrize(
    "name",
    ["chrArab", "chrFren", "chrFrenMulti", "chrGerm", "chrGreek", "chrH31", "chrH32", "chrHbrw",
     "chrI2", "chrJapMulti", "chrJapMultiExplicitIR6", "chrKoreanMulti", "chrRuss", "chrX1",
     "chrX2", "MarekLatin2", "ISO_IR13"],
)  # fmt: skip
def test_names_read_as_pydicom_reads_them(name: str) -> None:
    path = corpus_file(f"charsets/{name}.dcm")
    ds = pydicom.dcmread(path)

    # pydicom drops the delimiter before an empty third component group.
    assert text(read_header(path), 0x00100010).rstrip("=") == str(ds.PatientName)


def test_the_first_value_is_alone_and_trimmed() -> None:
    elements = {
        0x00080005: charset("ISO_IR 100"),
        0x00080008: Element("CS", b" ORIGINAL\\PRIMARY "),
    }
    header = InstanceHeader("1", "2", "3", elements)

    assert first_value(header, 0x00080008) == "ORIGINAL"
    assert text(header, 0x00080008) == "ORIGINAL\\PRIMARY"
    assert first_value(header, 0x00100010) == ""
