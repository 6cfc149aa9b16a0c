"""Specific Character Set of a record, and text of legal length (PS3.3, C.12.1.1.2).

Values are copied as bytes together with their character set, never re-encoded:
old readers know the object's set, and the record then reads like the object.
"""

from __future__ import annotations

import re

from mediastation.dicom.character_terms import UTF_8, Terms, reads_otherwise
from mediastation.dicom.charset import decode_text, needs_charset
from mediastation.fileset.values import stripped
from mediastation.model.instance import Element

# Longest values in characters (PS3.5, Table 6.2-1). Identifiers and names are
# never cut, since half of one points elsewhere; descriptions are.
_LONGEST = {"LO": 64, "LT": 10240, "PN": 64, "SH": 16, "ST": 1024}
_GROUP_ENDS = re.compile(r"[=\\]")
_CUT = frozenset({"LO", "LT", "ST"})
_MULTI_BYTE_CODECS = {UTF_8: "utf-8", "GB18030": "gb18030", "GBK": "gbk"}
# Of ISO_IR 13 nothing is made anew: its yen sign and overline lie on ASCII's places.
_CODECS = _MULTI_BYTE_CODECS | {
    "ISO_IR 100": "iso8859_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 166": "iso8859_11",
    "ISO_IR 203": "iso8859_15",
}


def fitting(vr: str, value: bytes, terms: Terms) -> tuple[bytes, str]:
    """Return a text value of the length its VR allows, and what was done to it.

    Descriptions (LO, LT, ST) are cut between two characters. Names and short
    strings identify, so they stay whole and it is said; so does text with
    escape sequences, which cannot be cut anywhere.
    """
    longest = _LONGEST.get(vr)
    if longest is None or len(value) <= longest:
        return value, ""
    charset = Element("CS", "\\".join(terms).encode())
    text = decode_text(Element(vr, value), charset)
    # The limit holds for each component group of each name.
    if max(map(len, _GROUP_ENDS.split(text) if vr == "PN" else (text,))) <= longest:
        return value, ""
    if vr not in _CUT or b"\x1b" in value:
        return value, f"is longer than the {longest} characters of its VR and was kept whole"
    codec = _MULTI_BYTE_CODECS.get(terms[0] if terms else "")
    cut = text[:longest].encode(codec, "replace") if codec else value[:longest]
    return stripped(cut), f"was cut to the {longest} characters of its VR"


def transcoded(vr: str, value: bytes, source: Terms, target: Terms) -> bytes | None:
    """Return text of one character set in another; None if not every character gets there.

    Parameters
    ----------
    vr : str
        A VR that Specific Character Set governs.
    value : bytes
        The text, without padding.
    source, target : Terms
        Its set, and the one wanted. Sets with code extensions are read, and
        written only where they are the source's too.
    """
    if source == target or not (needs_charset(value) or reads_otherwise(value, source)):
        return value
    codec = _CODECS.get(target[0]) if len(target) == 1 else None
    if codec is None:
        return None
    text = decode_text(Element(vr, value), Element("CS", "\\".join(source).encode()))
    if "\N{REPLACEMENT CHARACTER}" in text:
        return None
    try:
        encoded = text.encode(codec)
    except UnicodeEncodeError:
        return None
    again = decode_text(Element(vr, encoded), Element("CS", target[0].encode()))
    return encoded if again == text else None
