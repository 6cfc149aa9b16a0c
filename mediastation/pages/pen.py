"""Text onto a sheet: what no font here can write is said in its place, and reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mediastation.model.finding import Finding, warning
from mediastation.pages.fonts import FontShelf
from mediastation.pages.sheet import Align, Sheet, Tone
from mediastation.pages.text import one_line, require_zone
from mediastation.pages.typesetting import Block, MissingFontError, Typesetter

LEADING = 1.25
"""Line pitch over letter size; enough for marks above and below letters of every script."""

ANY_TEXT = "this text"
"""What is written where nothing else is said; shortening it is no finding."""

_ASCENT = 0.95
_LONGEST = 400
_STEP_PT = 0.5


@dataclass(frozen=True, slots=True)
class PrintedPages:
    """A document, and what it could not show.

    Parameters
    ----------
    content : bytes
        PDF.
    findings : tuple of Finding
        ``font-missing`` for each Debian package that would be needed, ``text-cut``
        for a name or identifier that had to be shortened.
    """

    content: bytes
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Style:
    """How a text looks: sizes in points, from the wanted one to the smallest allowed."""

    size_pt: float
    smallest_pt: float
    bold: bool = False
    tone: Tone = "black"
    align: Align = "left"
    most_lines: int = 1
    han: str = "SC"
    is_phrase: bool = False


class Pen:
    """Writes onto a sheet, all positions in millimetres from its top left corner.

    Parameters
    ----------
    sheet : Sheet
        Where to.
    shelf : FontShelf
        With which fonts.
    subject : str
        What findings are about.
    """

    def __init__(self, sheet: Sheet, shelf: FontShelf, subject: str) -> None:
        self.sheet = sheet
        self._setter = Typesetter(shelf)
        self._subject = subject
        self._missing: dict[str, str] = {}
        self._cut: dict[str, None] = {}

    @classmethod
    def on_new_sheet(
        cls,
        size_mm: tuple[float, float],
        created: datetime,
        title: str,
        subject: str,
        shelf: FontShelf | None = None,
    ) -> Pen:
        """Begin a document.

        Parameters
        ----------
        size_mm : tuple of float
            Width and height of its pages.
        created, title
            What it says of itself.
        subject : str
            What findings are about.
        shelf : FontShelf, optional
            Fonts to use; those of this computer by default.

        Raises
        ------
        ValueError
            If `created` has no time zone.
        """
        require_zone(created)
        return cls(Sheet(*size_mm, created, title), shelf or FontShelf.of_this_computer(), subject)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What could not be written."""
        missing = tuple(
            warning(
                "font-missing",
                self._subject,
                f"No font here can write {what}; the page says so in its place.",
                f"Install the Debian package {package} and print again.",
            )
            for package, what in self._missing.items()
        )
        cut = tuple(
            warning("text-cut", self._subject, f"{what} does not fit as a whole; it is shortened.")
            for what in (f"{what[0].upper()}{what[1:]}" for what in self._cut)
        )
        return missing + cut

    def printed(self) -> PrintedPages:
        """Return the document with the findings."""
        return PrintedPages(self.sheet.to_bytes(), self.findings)

    def fitted(self, text: str, width_mm: float, style: Style, what: str = ANY_TEXT) -> Block:
        """Return `text` set into `width_mm`.

        Where no font has all of it, a text that has a name (`what`) is replaced as a
        whole by words that say what to install, since half a name is another's. Of
        any other text only the characters are written out that are missing.
        """
        text = one_line(text, _LONGEST)
        try:
            return self._fit(text, width_mm, style)
        except MissingFontError as fault:
            self._missing.setdefault(fault.package, what)
            if what == ANY_TEXT:
                words = self._setter.written_out(text, bold=style.bold, han=style.han)
            else:
                words = f"[{fault.package} is needed to print {what}]"
        try:
            return self._fit(words, width_mm, style)
        except MissingFontError:
            return self._fit(words.encode("ascii", "replace").decode(), width_mm, style)

    def write(
        self,
        text: str,
        x_mm: float,
        top_mm: float,
        width_mm: float,
        style: Style,
        what: str = ANY_TEXT,
    ) -> float:
        """Write `text` below `top_mm` and return where it ends.

        `x_mm` is the left end, the middle or the right end as the style aligns it.
        """
        block = self.fitted(text, width_mm, style, what)
        self._note_cut(block, what)
        return self.place(block, x_mm, top_mm, style)

    def place(self, block: Block, x_mm: float, top_mm: float, style: Style) -> float:
        """Place a block below `top_mm` and return where it ends."""
        pitch = block.size_mm * LEADING
        for index, line in enumerate(block.lines):
            baseline = top_mm + index * pitch + block.size_mm * _ASCENT
            self.sheet.place(line, x_mm, baseline, block.size_pt, style.align, style.tone)
        return top_mm + len(block.lines) * pitch

    def stack(
        self,
        texts: Sequence[str],
        x_mm: float,
        top_mm: float,
        bottom_mm: float,
        width_at: Callable[[float, float], float],
        style: Style,
        what: str = ANY_TEXT,
    ) -> float:
        """Write texts below each other, all in the largest size in which they fit, centred.

        Parameters
        ----------
        texts : sequence of str
            Each begins a line and may take as many as the style allows.
        x_mm : float
            As in `write`.
        top_mm, bottom_mm : float
            Between these they stand, in the middle if there is room.
        width_at : callable
            How wide a line may be between two heights.
        style : Style
            How they look.
        what : str
            What they are, for the words that stand in for them.
        """
        size = style.size_pt
        while True:
            placed, y = [], top_mm
            pitch = size * LEADING * 25.4 / 72
            fixed = replace(style, size_pt=size, smallest_pt=size)
            for text in texts:
                width = width_at(y, y + pitch * style.most_lines)
                block = self.fitted(text, width, fixed, what)
                placed.append(block)
                y += pitch * len(block.lines)
            is_good = y <= bottom_mm and not any(block.is_cut for block in placed)
            if is_good or size <= style.smallest_pt:
                break
            size = max(style.smallest_pt, size - _STEP_PT)
        # Further down the ring is wider above the middle and narrower below it: stay where
        # it was measured unless every line fits there as well.
        slack = max(0.0, bottom_mm - y) / 2
        if any(
            block.size_mm * max(line.width_em for line in block.lines)
            > width_at(top_mm + slack, bottom_mm - slack)
            for block in placed
        ):
            slack = 0.0
        y = top_mm + slack
        for block in placed:
            self._note_cut(block, what)
            y = self.place(block, x_mm, y, fixed)
        return y

    def _note_cut(self, block: Block, what: str) -> None:
        if block.is_cut and what != ANY_TEXT:
            self._cut[what] = None

    def _fit(self, text: str, width_mm: float, style: Style) -> Block:
        return self._setter.fit(
            text,
            width_mm,
            style.size_pt,
            style.smallest_pt,
            style.most_lines,
            bold=style.bold,
            han=style.han,
            is_phrase=style.is_phrase,
        )
