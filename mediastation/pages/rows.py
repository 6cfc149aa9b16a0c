"""Rows of cells down the pages of an A4 document, with the page numbers below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mediastation.pages.pen import Pen, Style
    from mediastation.pages.sheet import Tone
    from mediastation.pages.typesetting import Block

PAPER_MM = (210.0, 297.0)
LEFT_MM, TOP_MM, BOTTOM_MM = 16.0, 16.0, 281.0
INSIDE_MM = PAPER_MM[0] - 2 * LEFT_MM
GAP_MM = 2.0
_PADDING_MM = 1.2


class RowWriter:
    """Goes down the pages.

    Parameters
    ----------
    pen : Pen
        Writes onto a sheet of `PAPER_MM`.
    padding_mm : float
        What a row is higher than its letters.
    """

    def __init__(self, pen: Pen, padding_mm: float = _PADDING_MM) -> None:
        from mediastation.pages.pen import LEADING  # noqa: PLC0415 - a page in HTML needs no fonts

        self._leading = LEADING
        self.pen = pen
        self.y = TOP_MM
        self._padding = padding_mm

    def row(
        self,
        cells: Sequence[str],
        widths: Sequence[float],
        styles: Sequence[Style],
        *,
        ruled: bool = True,
    ) -> None:
        """Write one row, on a new page if need be."""
        blocks = self.blocks(cells, widths, styles)
        self.room(self.height(blocks))
        self.place(blocks, widths, styles, ruled=ruled)

    def row_under(
        self,
        head: Sequence[str],
        head_widths: Sequence[float],
        head_styles: Sequence[Style],
        cells: Sequence[str],
        widths: Sequence[float],
        styles: Sequence[Style],
    ) -> None:
        """Write one row; where that needs a new page, the headings stand above it again."""
        blocks = self.blocks(cells, widths, styles)
        if self.y + self.height(blocks) > BOTTOM_MM:
            self.new_page()
            self.row(head, head_widths, head_styles)
        self.place(blocks, widths, styles)

    def verdict(self, told: str, style: Style) -> None:
        """Write what it all comes to, beside a bar."""
        style = replace(style, most_lines=4)
        block = self.pen.fitted(told, INSIDE_MM - 6, style)
        end = self.pen.place(block, LEFT_MM + 6, self.y, style)
        self.pen.sheet.stroke(LEFT_MM + 2, self.y, LEFT_MM + 2, end, 1.2)
        self.y = end + 2 * GAP_MM

    def blocks(
        self, cells: Sequence[str], widths: Sequence[float], styles: Sequence[Style]
    ) -> list[Block]:
        """Return cells set into their widths."""
        return [
            self.pen.fitted(cell, width - GAP_MM, style)
            for cell, width, style in zip(cells, widths, styles, strict=True)
        ]

    def height(self, blocks: Sequence[Block]) -> float:
        """Return how high the row of `blocks` is."""
        letters = max(len(block.lines) * block.size_mm * self._leading for block in blocks)
        return letters + self._padding

    def place(
        self,
        blocks: Sequence[Block],
        widths: Sequence[float],
        styles: Sequence[Style],
        *,
        ruled: bool = True,
    ) -> None:
        """Place a row here, with a line below it or not."""
        x = LEFT_MM
        for block, width, style in zip(blocks, widths, styles, strict=True):
            at = x + width - GAP_MM if style.align == "right" else x
            self.pen.place(block, at, self.y + 0.42 * self._padding, style)
            x += width
        self.y += self.height(blocks)
        if ruled:
            self.rule(0.15, "light")

    def rule(self, width_mm: float, tone: Tone = "black") -> None:
        """Draw a line across the page."""
        self.pen.sheet.stroke(LEFT_MM, self.y, LEFT_MM + INSIDE_MM, self.y, width_mm, tone)

    def room(self, height_mm: float) -> None:
        """Go to a new page where less than that is left."""
        if self.y + height_mm > BOTTOM_MM:
            self.new_page()

    def new_page(self) -> None:
        """Go on at the top of a new page."""
        self.pen.sheet.new_page()
        self.y = TOP_MM

    def feet(self, told: str, style: Style) -> None:
        """Write `told` and the number below each page."""
        small = replace(style, size_pt=7.0, smallest_pt=5.0, tone="grey", most_lines=1)
        right = replace(small, align="right")
        pages = self.pen.sheet.pages
        for page in range(pages):
            self.pen.sheet.go_to(page)
            self.pen.write(told, LEFT_MM, BOTTOM_MM + 4, INSIDE_MM - 30, small)
            number = f"Page {page + 1} of {pages}"
            self.pen.write(number, LEFT_MM + INSIDE_MM, BOTTOM_MM + 4, 28, right)
