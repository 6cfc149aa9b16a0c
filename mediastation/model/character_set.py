"""What Specific Character Set can name (PS3.3 2024c, Tables C.12-2 to C.12-5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Extension(StrEnum):
    """Kinds of Defined Terms: how wide characters are, and whether escapes switch the set."""

    SINGLE_BYTE = "Single-byte character sets without code extensions"
    SINGLE_BYTE_EXTENDED = "Single-byte character sets with code extensions"
    MULTI_BYTE = "Multi-byte character sets without code extensions"
    MULTI_BYTE_EXTENDED = "Multi-byte character sets with code extensions"


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """One Defined Term of (0008,0005).

    Parameters
    ----------
    term : str
        The Defined Term; empty for the default repertoire, which is named by
        leaving the attribute out.
    iana_name : str
        Of the registry of character sets; empty where it has none.
    description : str
        In words.
    extension : Extension
        Which of the tables it stands in.
    """

    term: str
    iana_name: str
    description: str
    extension: Extension


# Registration number, name at IANA, script. ISO IR 203 came with the 2023 edition.
_SINGLE = (
    ("100", "ISO-8859-1", "Latin alphabet No. 1"),
    ("101", "ISO-8859-2", "Latin alphabet No. 2"),
    ("109", "ISO-8859-3", "Latin alphabet No. 3"),
    ("110", "ISO-8859-4", "Latin alphabet No. 4"),
    ("144", "ISO-8859-5", "Cyrillic"),
    ("127", "ISO-8859-6", "Arabic"),
    ("126", "ISO-8859-7", "Greek"),
    ("138", "ISO-8859-8", "Hebrew"),
    ("148", "ISO-8859-9", "Latin alphabet No. 5"),
    ("203", "ISO-8859-15", "Latin alphabet No. 9"),
    ("13", "JIS_X0201", "Japanese, Katakana and Romaji"),
    ("166", "TIS-620", "Thai"),
)
_MULTI = (
    ("87", "ISO-2022-JP", "Japanese, Kanji (JIS X 0208)"),
    ("159", "ISO-2022-JP-1", "Japanese, supplementary Kanji (JIS X 0212)"),
    ("149", "ISO-2022-KR", "Korean (KS X 1001)"),
    ("58", "ISO-2022-CN", "Simplified Chinese (GB 2312)"),
)

_ALL = (
    CharacterSet("", "US-ASCII", "Default repertoire (ISO IR 6)", Extension.SINGLE_BYTE),
    *(
        CharacterSet(f"ISO_IR {number}", iana, script, Extension.SINGLE_BYTE)
        for number, iana, script in _SINGLE
    ),
    CharacterSet("ISO 2022 IR 6", "US-ASCII", "Default repertoire", Extension.SINGLE_BYTE_EXTENDED),
    *(
        CharacterSet(f"ISO 2022 IR {number}", iana, script, Extension.SINGLE_BYTE_EXTENDED)
        for number, iana, script in _SINGLE
    ),
    CharacterSet("ISO_IR 192", "UTF-8", "Unicode in UTF-8", Extension.MULTI_BYTE),
    CharacterSet("GB18030", "GB18030", "Chinese (GB 18030)", Extension.MULTI_BYTE),
    CharacterSet("GBK", "GBK", "Simplified Chinese (GBK)", Extension.MULTI_BYTE),
    *(
        CharacterSet(f"ISO 2022 IR {number}", iana, script, Extension.MULTI_BYTE_EXTENDED)
        for number, iana, script in _MULTI
    ),
)
CHARACTER_SETS = {one.term: one for one in _ALL}
"""Every Defined Term that stands for itself, by term; the empty one is the default repertoire."""
