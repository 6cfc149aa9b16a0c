"""Fonts of this computer, and which of them writes a text: never one that would draw boxes.

A name is shaped with the font before the font is taken. Where a glyph is missing, the
next one is tried; where none is left, `missing_package` says what to install.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import uharfbuzz as hb

CJK_PACKAGE = "fonts-noto-cjk"
OTHER_PACKAGE = "fonts-noto-core"
"""Debian's packages; together they have every script that is written today."""

_MOST_FILES = 20_000
_MOST_FACES = 64
_FAMILY_NAME = 1
_SUFFIXES = {".ttf", ".otf", ".ttc", ".otc"}
_LATIN_1 = frozenset(map(chr, (*range(0x20, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))))

_TEXT = ("NotoSans", "DejaVuSans", "LiberationSans", "FreeSans")
_CJK = (
    *("NotoSansCJK", "NotoSerifCJK", "SourceHanSans", "wqy-microhei", "wqy-zenhei"),
    *("DroidSansFallbackFull", "unifont"),
)
_JAPANESE = ("NotoSansJP", "fonts-japanese-gothic", "TakaoPGothic", "ipagp", "ipag")
_KOREAN = ("NotoSansKR", "NanumGothic", "UnDotum")
# By the first word of a character's name in Unicode. What is not here is looked for
# as Noto Sans or Noto Serif of that name.
_FAMILIES = {
    "ARABIC": ("NotoNaskhArabic", "NotoSansArabic", *_TEXT),
    "HEBREW": ("NotoSansHebrew", *_TEXT),
    "THAI": ("NotoSansThai", "Loma", "Garuda", *_TEXT),
    "DEVANAGARI": ("NotoSansDevanagari", "Lohit-Devanagari", "NotoSerifDevanagari", *_TEXT),
    "CANADIAN": ("NotoSansCanadianAboriginal", *_TEXT),
    "OL": ("NotoSansOlChiki",),
    "MEETEI": ("NotoSansMeeteiMayek",),
    "CJK": _CJK + _JAPANESE + _KOREAN,
    "KANGXI": _CJK,
    "IDEOGRAPHIC": _CJK,
    "BOPOMOFO": _CJK,
    "HIRAGANA": _JAPANESE[:1] + _CJK + _JAPANESE,
    "KATAKANA": _JAPANESE[:1] + _CJK + _JAPANESE,
    "HALFWIDTH": _CJK + _JAPANESE,
    "FULLWIDTH": _CJK + _JAPANESE,
    "HANGUL": _KOREAN[:1] + _CJK + _KOREAN,
}
_CJK_SCRIPTS = frozenset(name for name, families in _FAMILIES.items() if "NotoSansCJK" in families)
_LAST_RESORT = ("NotoSansSymbols", "NotoSansSymbols2", "NotoSansMath", "FreeSerif", "unifont")
_MONOSPACED = ("NotoSansMono", "DejaVuSansMono", "LiberationMono")
_REGULAR = ("-Regular", "", "[wght]", "-VF")
_BOLD = ("-Bold", "Bold", "B", *_REGULAR)


class Face(Protocol):
    """One face of one font. Widths are in em."""

    @property
    def key(self) -> str:
        """What tells it from others."""
        ...

    def width(self, text: str, *, right_to_left: bool = False) -> float | None:
        """Return how wide `text` is; None if a glyph is missing."""
        ...


class CoreFace:
    """Helvetica or Courier, which every reader of PDF has: Latin-1 and nothing else."""

    def __init__(self, *, bold: bool, family: str = "helvetica") -> None:
        self.bold = bold
        self.key = f"{family}B" if bold else family

    def width(self, text: str, *, right_to_left: bool = False) -> float | None:
        """Return how wide `text` is; None outside Latin-1."""
        from fpdf.fonts import CORE_FONTS_CHARWIDTHS  # noqa: PLC0415

        if right_to_left or not _LATIN_1.issuperset(text):
            return None
        widths = CORE_FONTS_CHARWIDTHS[self.key]
        return sum(widths[char] for char in text) / 1000


class FileFace:
    """A face from a file, which is mapped and not read as a whole."""

    def __init__(self, path: Path, index: int = 0) -> None:
        self.key = f"{path.stem}-{index}"
        self._face = hb.Face(hb.Blob.from_file_path(str(path)), index)
        self._font = hb.Font(self._face)
        self._widths: dict[tuple[str, bool], float | None] = {}

    def width(self, text: str, *, right_to_left: bool = False) -> float | None:
        """Return how wide `text` is when shaped; None if a glyph is missing."""
        known = (text, right_to_left)
        if known not in self._widths:
            self._widths[known] = self._shaped(text, right_to_left)
        return self._widths[known]

    def subset(self, text: str) -> bytes:
        """Return a font of its own with what shaping `text` can need."""
        wanted = hb.SubsetInput()
        wanted.unicode_set.update(
            ord(char) for char in {" ", *text, *unicodedata.normalize("NFD", text)}
        )
        if self._face.has_var_data:
            wanted.pin_all_axes_to_default(self._face)
        return bytes(hb.subset(self._face, wanted).blob.data)

    def _shaped(self, text: str, right_to_left: bool) -> float | None:
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        buffer.direction = "rtl" if right_to_left else "ltr"
        hb.shape(self._font, buffer)
        if any(glyph.codepoint == 0 for glyph in buffer.glyph_infos):
            return None
        upem: int = self._face.upem
        return float(sum(place.x_advance for place in buffer.glyph_positions)) / upem


class FontShelf:
    """The fonts of some folders by name; nothing is opened before it is needed.

    Parameters
    ----------
    folders : sequence of Path
        Looked through with what lies below them, earlier ones first.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._faces: dict[tuple[str, bool, str], FileFace | None] = {}
        self._core = {bold: CoreFace(bold=bold) for bold in (False, True)}

    @classmethod
    def of_this_computer(cls) -> FontShelf:
        """Return the shelf of the folders where fonts are installed."""
        data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        names = [f"{data}/fonts", "~/.fonts", *(f"{name}/fonts" for name in shared.split(":"))]
        return cls([Path(name).expanduser() for name in names if name.startswith(("/", "~"))])

    def faces_for(self, cluster: str, *, bold: bool, han: str) -> Iterator[Face]:
        """Yield faces to try for a character and its marks, the best first.

        Parameters
        ----------
        cluster : str
            A character with what combines with it.
        bold : bool
            Whether the bold face of each family comes before the regular one.
        han : str
            ``JP``, ``KR``, ``SC``, ``TC`` or ``HK``: how Han characters are drawn.
        """
        script = script_of(cluster)
        families = _FAMILIES.get(script, ())
        if not families and script not in {"", "LATIN", "GREEK", "CYRILLIC"}:
            families = (f"NotoSans{script}", f"NotoSerif{script}")
        for family in dict.fromkeys((*families, *_TEXT)):
            if face := self._find(family, bold, han):
                yield face
        yield self._core[bold]
        for family in (*_LAST_RESORT, *_CJK):
            if face := self._find(family, bold, han):
                yield face

    def monospaced(self, *, bold: bool) -> Face:
        """Return a face in which all characters of ASCII are there, and all as wide."""
        for family in _MONOSPACED:
            face = self._find(family, bold, "SC")
            if face and {face.width(char) for char in map(chr, range(0x20, 0x7F))} == {
                face.width("0")
            } - {None}:
                return face
        return CoreFace(bold=bold, family="courier")

    @cached_property
    def _files(self) -> dict[str, Path]:
        """All font files by their stem in lower case; the first of a name counts."""
        found: dict[str, Path] = {}
        for folder in self._folders:
            for parent, below, names in os.walk(folder):
                below.sort()
                for name in sorted(names):
                    path = Path(parent, name)
                    if path.suffix.lower() in _SUFFIXES:
                        found.setdefault(path.stem.lower(), path)
                if len(found) > _MOST_FILES:
                    return found
        return found

    def _find(self, family: str, bold: bool, han: str) -> FileFace | None:
        known = (family.lower(), bold, han)
        if known not in self._faces:
            self._faces[known] = self._open(family, bold, han)
        return self._faces[known]

    def _open(self, family: str, bold: bool, han: str) -> FileFace | None:
        for suffix in _BOLD if bold else _REGULAR:
            path = self._files.get(f"{family}{suffix}".lower())
            if path is None:
                continue
            try:
                return FileFace(path, _index_of(path, han))
            except (OSError, ValueError, RuntimeError, hb.HarfBuzzError):
                continue
        return None


def script_of(text: str) -> str:
    """Return the first word of the Unicode name of the first character; empty if it has none.

    For letters it is the script: ``LATIN``, ``ARABIC``, ``CJK``, ``HANGUL``.
    """
    return unicodedata.name(text[0], "").partition(" ")[0] if text else ""


def missing_package(text: str) -> str:
    """Return the Debian package that has the glyphs of `text`."""
    is_cjk = any(script_of(char) in _CJK_SCRIPTS for char in text)
    return CJK_PACKAGE if is_cjk else OTHER_PACKAGE


def han_of(texts: Sequence[str]) -> str:
    """Return how Han characters are to be drawn, by what stands beside them.

    Kana are Japanese, Hangul is Korean; without either it is simplified Chinese.
    The code points are the same, so a guess changes strokes and no character.
    """
    scripts = {script_of(char) for text in texts for char in text if not char.isascii()}
    if scripts & {"HIRAGANA", "KATAKANA"}:
        return "JP"
    return "KR" if "HANGUL" in scripts else "SC"


def _index_of(path: Path, han: str) -> int:
    """Return which face of a collection draws Han characters in that way."""
    if path.suffix.lower() not in {".ttc", ".otc"}:
        return 0
    blob = hb.Blob.from_file_path(str(path))
    for index in range(min(hb.Face(blob, 0).count, _MOST_FACES)):
        name = hb.Face(blob, index).get_name(_FAMILY_NAME) or ""
        if name.endswith(f" {han}") and "Mono" not in name:
            return index
    return 0
