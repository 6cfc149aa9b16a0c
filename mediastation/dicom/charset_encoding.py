"""Text as bytes of a Specific Character Set (PS3.3 C.12.1.1.2; PS3.5 6.1.2.4 and 6.1.2.5).

The reverse of `mediastation.dicom.charset`, and strict: what a set cannot say
exactly is not said in it. Every encoded value is decoded again before it is
believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from mediastation.dicom.character_terms import UTF_8, Terms, reads_otherwise
from mediastation.dicom.charset import TEXT_VRS, decode_text
from mediastation.model.instance import Element

_WHOLE: Final = {
    UTF_8: "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO_IR 166": "iso8859_11",
}


class _Set(NamedTuple):
    """A set with code extensions: its codec, its escape, and whether it replaces ASCII (G0)."""

    codec: str
    escape: bytes
    replaces: bool = False


_LATIN = {
    "100": ("iso8859_1", b"\x1b-A"),
    "101": ("iso8859_2", b"\x1b-B"),
    "109": ("iso8859_3", b"\x1b-C"),
    "110": ("iso8859_4", b"\x1b-D"),
    "144": ("iso8859_5", b"\x1b-L"),
    "127": ("iso8859_6", b"\x1b-G"),
    "126": ("iso8859_7", b"\x1b-F"),
    "138": ("iso8859_8", b"\x1b-H"),
    "148": ("iso8859_9", b"\x1b-M"),
    "203": ("iso8859_15", b"\x1b-b"),
    "166": ("iso8859_11", b"\x1b-T"),
}
_SETS: Final = {f"ISO 2022 IR {number}": _Set(*one) for number, one in _LATIN.items()} | {
    "ISO 2022 IR 13": _Set("shift_jis", b"\x1b)I"),
    "ISO 2022 IR 87": _Set("iso2022_jp", b"\x1b$B", replaces=True),
    "ISO 2022 IR 159": _Set("iso2022_jp_2", b"\x1b$(D", replaces=True),
    "ISO 2022 IR 149": _Set("euc_kr", b"\x1b$)C"),
    "ISO 2022 IR 58": _Set("gb2312", b"\x1b$)A"),
}
_SINGLE: Final = {f"ISO_IR {number}": codec for number, (codec, _) in _LATIN.items()} | _WHOLE
_TO_ASCII: Final = b"\x1b(B"
_TO_ROMAN: Final = b"\x1b(J"  # ISO IR 14, what ISO 2022 IR 13 has below 80H
# At each of these the set that was in force first is in force again (PS3.5, 6.1.2.5.3).
_NAME_PARTS: Final = re.compile(r"([\\^=\r\n\t\f])")
_TEXT_PARTS: Final = re.compile(r"([\\\r\n\t\f])")


def encode_text(text: str, vr: str, terms: Terms) -> bytes | None:
    """Return `text` in a character set; None if it cannot be said there, letter by letter.

    Parameters
    ----------
    text : str
        The value or values, a backslash between them, without padding.
    vr : str
        Its VR; one that Specific Character Set does not govern takes ASCII only.
    terms : Terms
        Legal terms (`mediastation.dicom.character_terms.legal_terms`); none
        for the default repertoire.
    """
    if "\x1b" in text:
        return None
    if text.isascii():
        plain = text.encode("ascii")
        return None if vr in TEXT_VRS and reads_otherwise(plain, terms) else plain
    if vr not in TEXT_VRS or not any(terms):
        return None
    try:
        value = _encoded(text, vr, terms)
    except UnicodeEncodeError:
        return None
    if value is None:
        return None
    charset = Element("CS", "\\".join(terms).encode("ascii"))
    return value if decode_text(Element(vr, value), charset) == text else None


def strictly_decoded(value: bytes, vr: str, terms: Terms) -> str | None:
    """Return a text value as `decode_text` does; None if it has bytes that mean nothing."""
    if value.isascii() and b"\x1b" not in value:
        return decode_text(Element(vr, value), None)
    if vr not in TEXT_VRS or not any(terms):
        return None
    text = decode_text(Element(vr, value), Element("CS", "\\".join(terms).encode("ascii")))
    if "\N{REPLACEMENT CHARACTER}" in text or "\x1b" in text:
        return None
    if len(terms) == 1 and terms[0] in _SINGLE and any("\x80" <= one <= "\x9f" for one in text):
        return None  # controls in place of letters: the text is in some other set
    return text


def _encoded(text: str, vr: str, terms: Terms) -> bytes | None:
    codec = _SINGLE.get(terms[0]) if len(terms) == 1 else None
    if codec is not None:
        return text.encode(codec)
    parts = (_NAME_PARTS if vr == "PN" else _TEXT_PARTS).split(text)
    done = [_part_with_escapes(part, terms) for part in parts]
    return None if None in done else b"".join(filter(None, done))


def _part_with_escapes(part: str, terms: Terms) -> bytes | None:
    """Return what lies between two delimiters, each run in the first set that has it."""
    first = terms[0].replace("ISO_IR ", "ISO 2022 IR ")
    back = _TO_ROMAN if first == "ISO 2022 IR 13" else _TO_ASCII
    out, upper, replaced = bytearray(), first, False
    for letter in part:
        if letter.isascii():
            if first == "ISO 2022 IR 13" and letter in "~\\":
                return None
            if replaced:
                out += back
                replaced = False
            out += letter.encode("ascii")
            continue
        for name, one, code in _codes(letter, first, terms):
            if one.replaces:
                out += code if replaced and upper == name else one.escape + code
                replaced, upper = True, name
            else:
                if replaced:
                    out += back
                out += code if upper == name and not replaced else one.escape + code
                replaced, upper = False, name
            break
        else:
            return None
    return bytes(out + back) if replaced else bytes(out)


def _codes(letter: str, first: str, terms: Terms) -> Iterator[tuple[str, _Set, bytes]]:
    """Yield the sets that have `letter`, with its bytes in them; the first set comes first."""
    for name in dict.fromkeys((first, *terms[1:])):
        one = _SETS.get(name)
        if one is None:
            continue
        try:
            code = letter.encode(one.codec)
        except UnicodeEncodeError:
            continue
        if one.replaces:
            if not code.startswith(one.escape):
                continue
            yield name, one, code[len(one.escape) : len(one.escape) + 2]
        elif all(byte >= 0xA0 for byte in code) and len(code) == (
            1 + one.escape.startswith(b"\x1b$")
        ):
            yield name, one, code
