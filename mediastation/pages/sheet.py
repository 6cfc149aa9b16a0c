"""A PDF in the making: lines of text, strokes and QR codes, placed in millimetres.

What is placed is remembered first. When the document is made, each font is cut down
to what the pages show of it; the same pages at the same moment give the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import uharfbuzz as hb
from fpdf import FPDF
from fpdf.fonts import HarfBuzzFont, SubsetMap, TTFFont

from mediastation import __version__
from mediastation.pages.fonts import FileFace
from mediastation.pages.typesetting import Line, Run

if TYPE_CHECKING:
    from mediastation.pages.fonts import Face

Align = Literal["left", "center", "right"]

_MM_PER_PT = 25.4 / 72
# Where the library sets the baseline in a cell as high as its letters.
_BASELINE = 0.8
_GREYS = {"black": 0, "grey": 90, "light": 190}

Tone = Literal["black", "grey", "light"]

# It tells of every table of a font that it drops; nobody has to act on it.
logging.getLogger("fontTools").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class _PlacedRun:
    run: Run
    left_mm: float
    baseline_mm: float
    size_pt: float
    tone: Tone


class Sheet:
    """Pages of one size.

    Parameters
    ----------
    width_mm, height_mm : float
        The page.
    moment : datetime
        What the document says when it was made, with time zone.
    title : str
        What it says it is; nothing of the patient.
    """

    def __init__(self, width_mm: float, height_mm: float, moment: datetime, title: str) -> None:
        self.width_mm, self.height_mm = width_mm, height_mm
        self._moment, self._title = moment, title
        self._pages: list[list[_PlacedRun | Callable[[FPDF], None]]] = [[]]
        self._page = 0

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return len(self._pages)

    def new_page(self) -> None:
        """Go on at a page behind the last."""
        self._pages.append([])
        self._page = len(self._pages) - 1

    def go_to(self, page: int) -> None:
        """Go on at a page that there is; the first is 0."""
        self._page = range(len(self._pages))[page]

    def place(
        self,
        line: Line,
        x_mm: float,
        baseline_mm: float,
        size_pt: float,
        align: Align = "left",
        tone: Tone = "black",
    ) -> None:
        """Place a line: its left end, middle or right end at `x_mm`, its baseline from the top."""
        size_mm = size_pt * _MM_PER_PT
        share = {"left": 0.0, "center": 0.5, "right": 1.0}[align]
        left = x_mm - share * line.width_em * size_mm
        for run in line.runs:
            self._pages[self._page].append(_PlacedRun(run, left, baseline_mm, size_pt, tone))
            left += run.width_em * size_mm

    def stroke(
        self, x1: float, y1: float, x2: float, y2: float, width_mm: float, tone: Tone = "black"
    ) -> None:
        """Draw a straight line."""

        def draw(pdf: FPDF) -> None:
            pdf.set_draw_color(_GREYS[tone])
            pdf.set_line_width(width_mm)
            pdf.line(x1, y1, x2, y2)

        self._pages[self._page].append(draw)

    def circle(self, x: float, y: float, radius_mm: float, width_mm: float, tone: Tone) -> None:
        """Draw a circle."""

        def draw(pdf: FPDF) -> None:
            pdf.set_draw_color(_GREYS[tone])
            pdf.set_line_width(width_mm)
            pdf.circle(x, y, radius_mm, style="D")

        self._pages[self._page].append(draw)

    def qr_code(self, x: float, y: float, size_mm: float, text: str) -> None:
        """Draw a QR code (ISO/IEC 18004, level M or better) with its quiet zone in a square."""
        import segno  # noqa: PLC0415

        matrix = [list(row) for row in segno.make_qr(text, error="m").matrix_iter(border=4)]
        module = size_mm / len(matrix)

        def draw(pdf: FPDF) -> None:
            pdf.set_fill_color(0)
            for row, modules in enumerate(matrix):
                start = None
                for column, is_dark in enumerate([*modules, 0]):
                    if is_dark and start is None:
                        start = column
                    elif not is_dark and start is not None:
                        width = (column - start) * module
                        pdf.rect(x + start * module, y + row * module, width, module, style="F")
                        start = None

        self._pages[self._page].append(draw)

    def to_bytes(self) -> bytes:
        """Return the document."""
        pdf = FPDF(unit="mm", format=(self.width_mm, self.height_mm))
        pdf.set_auto_page_break(False)
        pdf.set_margin(0)
        pdf.c_margin = 0
        pdf.set_creation_date(self._moment)
        pdf.set_title(self._title)
        pdf.set_creator(f"Mediastation {__version__}")
        pdf.set_lang("en")
        self._embed_fonts(pdf)
        for page in self._pages:
            pdf.add_page()
            for placed in page:
                if isinstance(placed, _PlacedRun):
                    _draw_run(pdf, placed)
                else:
                    placed(pdf)
        made = bytes(pdf.output())
        # These caches belong to the class and would keep every font of every document.
        SubsetMap.pick.cache_clear()
        SubsetMap.get_glyph.cache_clear()
        return made

    def _embed_fonts(self, pdf: FPDF) -> None:
        texts: dict[str, tuple[FileFace, set[str]]] = {}
        for page in self._pages:
            for placed in page:
                if isinstance(placed, _PlacedRun) and isinstance(placed.run.face, FileFace):
                    face = placed.run.face
                    texts.setdefault(face.key, (face, set()))[1].update(placed.run.text)
        for face, chars in texts.values():
            font = _EmbeddedFont(pdf, face.subset("".join(sorted(chars))), _family(face))
            pdf.fonts[_family(face)] = font
            if font.is_cff and font.is_cid_keyed:
                pdf._set_min_pdf_version("1.6")


class _EmbeddedFont(TTFFont):
    """A font from memory; the library knows files only."""

    def __init__(self, pdf: FPDF, data: bytes, key: str) -> None:
        self._data = data
        super().__init__(pdf, cast("Path", BytesIO(data)), key, "")

    @property
    def hbfont(self) -> HarfBuzzFont:
        if not self._hbfont:
            self._hbfont = HarfBuzzFont(hb.Face(self._data))
        return self._hbfont


def _family(face: Face) -> str:
    return face.key.lower()


def _draw_run(pdf: FPDF, placed: _PlacedRun) -> None:
    run = placed.run
    if isinstance(run.face, FileFace):
        pdf.set_text_shaping(True, direction="rtl" if run.right_to_left else "ltr")
        pdf.set_font(_family(run.face), size=placed.size_pt)
    else:
        pdf.set_text_shaping(False)
        family = run.face.key.removesuffix("B")
        pdf.set_font(family, "B" if family != run.face.key else "", size=placed.size_pt)
    pdf.set_text_color(_GREYS[placed.tone])
    size_mm = placed.size_pt * _MM_PER_PT
    pdf.set_xy(placed.left_mm, placed.baseline_mm - _BASELINE * size_mm)
    pdf.cell(h=size_mm, text=run.text)
