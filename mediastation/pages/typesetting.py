"""From text to lines of shaped runs: fonts by script, directions by UAX #9, breaks and sizes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mediastation.pages.fonts import Face, FontShelf, missing_package
from mediastation.pages.text import ELLIPSIS, one_line

_JOINERS = frozenset("\u200c\u200d")
_STEP_PT = 0.5
_MM_PER_PT = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring characters of one face and one direction, in the order of reading."""

    text: str
    face: Face
    right_to_left: bool
    width_em: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its runs from left to right."""

    runs: tuple[Run, ...]

    @property
    def width_em(self) -> float:
        """How wide it is, in units of the size of its letters."""
        return sum(run.width_em for run in self.runs)

    @property
    def text(self) -> str:
        """Its text; runs from right to left are each in the order of reading."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of one size, and what had to be left out."""

    lines: tuple[Line, ...]
    size_pt: float
    is_cut: bool = False

    @property
    def size_mm(self) -> float:
        """The size of the letters in millimetres."""
        return self.size_pt * _MM_PER_PT


class MissingFontError(Exception):
    """No font here has the glyphs of a text; `package` would bring one."""

    def __init__(self, package: str) -> None:
        super().__init__(package)
        self.package = package


@dataclass(frozen=True, slots=True)
class _Piece:
    cluster: str
    face: Face


@dataclass(frozen=True, slots=True)
class _Word:
    """What must not be parted, and how wide it is with and without blanks behind it."""

    pieces: tuple[_Piece, ...]
    width_em: float
    bare_em: float


class Typesetter:
    """Sets text in the fonts of a shelf.

    Parameters
    ----------
    shelf : FontShelf
        Where fonts come from.
    """

    def __init__(self, shelf: FontShelf) -> None:
        self._shelf = shelf
        self._chosen: dict[tuple[str, bool, str], Face] = {}

    def line(self, text: str, *, bold: bool = False, han: str = "SC") -> Line:
        """Return `text` as one line, however wide.

        Raises
        ------
        MissingFontError
            If no font has all of it.
        """
        return self._line(list(self._pieces(one_line(text), bold, han)), _is_rtl(text))

    def fit(
        self,
        text: str,
        width_mm: float,
        size_pt: float,
        smallest_pt: float,
        most_lines: int = 1,
        *,
        bold: bool = False,
        han: str = "SC",
        is_phrase: bool = False,
    ) -> Block:
        """Return `text` in the largest size in which it fits.

        Lines break at blanks, and within a word only where it alone is too long, or
        between Han characters. What does not even fit in the smallest size is cut,
        with three full stops where the cut is.

        Parameters
        ----------
        text : str
            Anything; it is taken as one paragraph.
        width_mm : float
            How wide a line may be.
        size_pt, smallest_pt : float
            Between these the size is chosen.
        most_lines : int
            How many lines there may be.
        bold : bool
            Whether to take bold faces.
        han : str
            See `mediastation.pages.fonts.han_of`.
        is_phrase : bool
            Whether it is a phrase of ours with values in it: such runs from left to
            right, whatever it begins with.

        Raises
        ------
        MissingFontError
            If no font has all of it.
        """
        text = one_line(text)
        rtl = not is_phrase and _is_rtl(text)
        words = [
            _Word(
                tuple(word), self._line(word, rtl).width_em, self._line(_bare(word), rtl).width_em
            )
            for word in _iter_words(list(self._pieces(text, bold, han)))
        ]
        size = size_pt
        while True:
            room = width_mm / (size * _MM_PER_PT)
            lines = self._broken(words, room, rtl)
            if len(lines) <= most_lines:
                return Block(tuple(self._line(line, rtl) for line in lines), size)
            if size <= smallest_pt:
                break
            size = max(smallest_pt, size - _STEP_PT)
        kept = lines[:most_lines]
        dots = list(self._pieces(ELLIPSIS, bold, han))
        while kept[-1] and self._line(kept[-1] + dots, rtl).width_em > room:
            kept[-1].pop()
        kept[-1] += dots
        return Block(tuple(self._line(line, rtl) for line in kept), size, is_cut=True)

    def written_out(self, text: str, *, bold: bool = False, han: str = "SC") -> str:
        """Return `text` with each character that no font has as its code point, as ``U+5C71``."""
        parts = []
        for cluster in _iter_clusters(unicodedata.normalize("NFC", one_line(text))):
            try:
                self._choose(cluster, bold, han)
                parts.append(cluster)
            except MissingFontError:
                parts.append("".join(f" U+{ord(char):04X} " for char in cluster))
        return one_line("".join(parts))

    def _pieces(self, text: str, bold: bool, han: str) -> Iterator[_Piece]:
        before: Face | None = None
        for cluster in _iter_clusters(unicodedata.normalize("NFC", text)):
            # Blanks, digits and marks stay in the font of their neighbour: a run is not torn.
            neutral = unicodedata.category(cluster[0])[0] not in "L"
            if neutral and before and before.width(cluster) is not None:
                face = before
            else:
                face = self._choose(cluster, bold, han)
            before = face
            yield _Piece(cluster, face)

    def _choose(self, cluster: str, bold: bool, han: str) -> Face:
        known = (cluster, bold, han)
        if known not in self._chosen:
            for face in self._shelf.faces_for(cluster, bold=bold, han=han):
                if face.width(cluster) is not None:
                    self._chosen[known] = face
                    break
            else:
                raise MissingFontError(missing_package(cluster))
        return self._chosen[known]

    def _broken(self, words: list[_Word], room: float, rtl: bool) -> list[list[_Piece]]:
        """Break into lines no wider than `room` em, greedily."""
        lines: list[list[_Piece]] = [[]]
        used = 0.0
        for word in words:
            if used + word.bare_em > room and used:
                lines.append([])
                used = 0.0
            rest = list(word.pieces)
            if word.bare_em <= room:
                lines[-1] += rest
                used += word.width_em
                continue
            # A word that alone is too long breaks between characters.
            while self._line(_bare(rest), rtl).width_em > room and len(rest) > 1:
                fits = self._fitting(rest, room, rtl)
                lines[-1] += rest[:fits]
                lines.append([])
                rest = rest[fits:]
            lines[-1] += rest
            used = self._line(rest, rtl).width_em
        return [_bare(line) for line in lines]

    def _fitting(self, pieces: list[_Piece], room: float, rtl: bool) -> int:
        low, high = 1, len(pieces)
        while low < high:
            middle = (low + high + 1) // 2
            if self._line(pieces[:middle], rtl).width_em <= room:
                low = middle
            else:
                high = middle - 1
        return low

    def _line(self, pieces: Sequence[_Piece], rtl: bool) -> Line:
        """Put runs of pieces together and into the order of seeing (UAX #9, rule L2)."""
        text = "".join(piece.cluster for piece in pieces)
        levels = _levels(text, rtl)
        runs: list[tuple[str, Face, int]] = []
        at = 0
        for piece in pieces:
            level = levels[at]
            at += len(piece.cluster)
            if runs and runs[-1][1] is piece.face and runs[-1][2] == level:
                runs[-1] = (runs[-1][0] + piece.cluster, piece.face, level)
            else:
                runs.append((piece.cluster, piece.face, level))
        seen = []
        for part, face, level in _reordered(runs):
            width = face.width(part, right_to_left=level % 2 == 1)
            if width is None:
                # Alone each cluster has its glyphs; together a font may have none for them.
                raise MissingFontError(missing_package(part))
            seen.append(Run(part, face, level % 2 == 1, width))
        return Line(tuple(seen))


def _iter_clusters(text: str) -> Iterator[str]:
    """Yield each character with the marks that combine with it."""
    cluster = ""
    for char in text:
        joins = unicodedata.category(char)[0] == "M" or char in _JOINERS
        if cluster and not joins and cluster[-1] != "\u200d":
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def _iter_words(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Yield what must not be parted: a word with the blanks behind it, or one Han character."""
    word: list[_Piece] = []
    for piece in pieces:
        blank = piece.cluster == " "
        wide = unicodedata.east_asian_width(piece.cluster[0]) in "WF"
        if word and not blank and (word[-1].cluster == " " or wide):
            yield word
            word = []
        word.append(piece)
    if word:
        yield word


def _bare(pieces: list[_Piece]) -> list[_Piece]:
    end = len(pieces)
    while end and pieces[end - 1].cluster == " ":
        end -= 1
    return pieces[:end]


def _is_rtl(text: str) -> bool:
    """Tell whether the first strong character runs from right to left (UAX #9, P2 and P3)."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in {"L", "R", "AL"}:
            return kind != "L"
    return False


def _levels(text: str, rtl: bool) -> list[int]:
    if not rtl and all(unicodedata.bidirectional(char) not in {"R", "AL", "AN"} for char in text):
        return [0] * len(text)
    from fpdf.bidi import BidiParagraph  # noqa: PLC0415
    from fpdf.enums import TextDirection  # noqa: PLC0415

    base = TextDirection.RTL if rtl else TextDirection.LTR
    found = BidiParagraph(text, base, preserve_bn_chars=True).get_characters_with_embedding_level()
    levels = [int(rtl)] * len(text)
    for char in found:
        levels[char.character_index] = char.embedding_level
    return levels


def _reordered(runs: list[tuple[str, Face, int]]) -> list[tuple[str, Face, int]]:
    ordered = list(runs)
    highest = max((level for _, _, level in runs), default=0)
    for level in range(highest, 0, -1):
        start = 0
        while start < len(ordered):
            end = start
            while end < len(ordered) and ordered[end][2] >= level:
                end += 1
            ordered[start:end] = reversed(ordered[start:end])
            start = max(end, start + 1)
    return ordered
