"""Text of elements, by Specific Character Set (PS3.3, C.12.1.1.2; PS3.5, 6.1).

Decoding never fails and never warns: what cannot be read becomes U+FFFD, so
that a patient's name is shown with a hole rather than not at all. Whether the
character set itself is sound is asked with `unknown_terms`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final, NamedTuple

from mediastation.dicom.pydicom_tables import pydicom_tables
from mediastation.model.instance import Element

TEXT_VRS: Final = frozenset({"SH", "LO", "UC", "ST", "LT", "UT", "PN"})
"""VRs whose values follow Specific Character Set; all others keep to the default repertoire."""

_DEFAULT = "latin_1"
_ALONE: Final = frozenset({"ISO_IR 192", "GBK", "GB18030"})
_TERM: Final = re.compile(r"ISO[ _-]?(2022[ _-]?)?IR[ _-]?(\d+)")
_UTF8_NAMES: Final = frozenset({"UTF8", "UTF-8", "UTF_8"})
_FRAGMENTS: Final = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
# Each of these returns to the first character set (PS3.5, 6.1.2.5.3).
_DELIMITERS: Final = re.compile(rb"[\\\r\n\t\x0c]")
_NAME_DELIMITERS: Final = re.compile(rb"[\\^=\r\n\t\x0c]")


class _Tables(NamedTuple):
    """Codec by Defined Term, codec by escape sequence, codecs that want to see the escape."""

    by_term: dict[str, str]
    by_escape: dict[bytes, str]
    seeing_escapes: tuple[str, ...]


@cache
def _tables() -> _Tables:
    known = pydicom_tables()
    # Latin alphabet No. 9 came with the 2023 edition (PS3.3, Table C.12-2 and C.12-3).
    latin_9 = {"ISO_IR 203": "iso8859_15", "ISO 2022 IR 203": "iso8859_15"}
    # The codec that Python has for ISO IR 58 leaves the escape in the text; GBK, which
    # contains that set, is used behind the escape instead.
    more = {b"\x1b-b": "iso8859_15", b"\x1b$)A": "gbk"}
    return _Tables(
        {**known.codec_by_term, **latin_9},
        {**known.codec_by_escape, **more},
        known.codecs_seeing_escapes,
    )


def needs_charset(value: bytes) -> bool:
    """Tell whether a value leaves the default repertoire, by a byte above 127 or an escape."""
    return not value.isascii() or b"\x1b" in value


def _terms(charset: Element | None) -> tuple[str, ...]:
    if charset is None:
        return ()
    text = charset.value.decode("ascii", "replace").rstrip("\0 ")
    return tuple(term.strip(" \0") for term in text.split("\\")) if text else ()


def _defined_term(term: str) -> str:
    """Return the Defined Term that `term` spells, perhaps badly; itself if none."""
    upper = term.upper()
    if term in _tables().by_term:
        return term
    if upper in _UTF8_NAMES:
        return "ISO_IR 192"
    match = _TERM.fullmatch(upper)
    if match:
        upper = f"ISO {'2022 IR' if match[1] else 'IR'} {match[2]}".replace("ISO IR", "ISO_IR")
    return upper if upper in _tables().by_term else term


def unknown_terms(charset: Element | None) -> tuple[str, ...]:
    """Return the terms of Specific Character Set that PS3.3 does not define as they are spelt.

    Parameters
    ----------
    charset : Element or None
        (0008,0005), if present.
    """
    known = _tables().by_term
    return tuple(term for term in _terms(charset) if term and term not in known)


@lru_cache(maxsize=256)
def _codecs(terms: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codec of each term; the first decodes what no escape announces."""
    names = [_defined_term(term) for term in terms] or [""]
    first, *others = names
    known = _tables().by_term
    codecs = [known.get(first, _DEFAULT)]
    if first not in _ALONE:
        codecs += [known[name] for name in others if name in known and name not in _ALONE]
    return tuple(codecs)


def decode_text(element: Element, charset: Element | None) -> str:
    """Return a value as text.

    Parameters
    ----------
    element : Element
        An element with a text or string VR. VRs that Specific Character Set
        does not govern are read as they are, one character a byte.
    charset : Element or None
        (0008,0005) of the same data set, if present. Terms that are misspelt
        (``ISO-IR 100``) are taken for what they mean, unknown ones for
        ISO_IR 100.

    Returns
    -------
    str
        All values, with the backslash between them and each without its
        padding; ST, LT and UT as one value, in which leading spaces count.
    """
    value = element.value.rstrip(b"\0 ")
    if not value:
        return ""
    if element.vr not in TEXT_VRS or not needs_charset(value):
        text = value.decode(_DEFAULT)
    else:
        text = _decode(value, _codecs(_terms(charset)), element.vr)
    if element.vr in ("ST", "LT", "UT", "UR"):
        return text.rstrip("\0 ")
    if element.vr in ("UC", "PN", "SH", "LO"):
        return "\\".join(part.rstrip("\0 ") for part in text.split("\\"))
    return "\\".join(part.strip("\0 ") for part in text.split("\\"))


def _decode(value: bytes, codecs: tuple[str, ...], vr: str) -> str:
    if b"\x1b" not in value:
        return value.decode(codecs[0], "replace")
    return "".join(_fragment(part, codecs, vr) for part in _FRAGMENTS.findall(value))


def _fragment(part: bytes, codecs: tuple[str, ...], vr: str) -> str:
    """Decode a run of bytes up to the next escape (PS3.5, 6.1.2.5)."""
    if part[:1] != b"\x1b":
        return part.decode(codecs[0], "replace")
    size = 4 if part[:3] in (b"\x1b$(", b"\x1b$)") else 3
    tables = _tables()
    codec = tables.by_escape.get(part[:size])
    if codec is None:
        return part.decode(codecs[0], "replace")
    if codec in tables.seeing_escapes:  # these codecs want to see the escape
        return part.decode(codec, "replace")
    body = part[size:]
    delimiter = (_NAME_DELIMITERS if vr == "PN" else _DELIMITERS).search(body)
    cut = delimiter.start() if delimiter else len(body)
    return body[:cut].decode(codec, "replace") + body[cut:].decode(codecs[0], "replace")
