"""The report on a medium, as a page for a browser and as a document for the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation import __version__
from mediastation.model.document import Table
from mediastation.pages.facts import ReportFacts
from mediastation.pages.templates import render_template, require_well_formed
from mediastation.pages.text import isolated, one_line, require_zone

if TYPE_CHECKING:
    from mediastation.pages.fonts import FontShelf
    from mediastation.pages.pen import Pen, PrintedPages, Style
    from mediastation.pages.typesetting import Block

REPORT_NAME = "REPORT.HTM"
MOST_ROWS = 5000
"""Rows of a table that the page shows; of more it says how many."""
MOST_PRINTED_ROWS = 500

_LONGEST = 2000
_PAPER_MM = (210.0, 297.0)
_LEFT, _TOP, _BOTTOM = 16.0, 16.0, 281.0
_INSIDE = _PAPER_MM[0] - 2 * _LEFT
_LABEL_MM = 42.0
_GAP_MM = 2.0
_MOST_LINES = 30
# How wide a letter is as a rule, in a heading and in a cell.
_HEADING_MM, _LETTER_MM = 2.0, 1.75


def render_report(facts: ReportFacts, templates: Path | None = None) -> bytes:
    """Return the report as one HTML file in UTF-8 that refers to nothing outside.

    Parameters
    ----------
    facts : ReportFacts
        What to tell.
    templates : Path, optional
        The site's templates.

    Raises
    ------
    ValueError
        If `facts.created` has no time zone.
    ConfigError
        If a template is faulty.
    """
    require_zone(facts.created)
    page = render_template(
        REPORT_NAME,
        {"facts": facts, "version": __version__, "most_rows": MOST_ROWS},
        templates,
        {"told": lambda value: isolated(value, _LONGEST)},
    )
    return require_well_formed(REPORT_NAME, page, templates).encode()


def render_report_pdf(facts: ReportFacts, shelf: FontShelf | None = None) -> PrintedPages:
    """Return the report as a PDF on A4; it says the same, of long tables less.

    Parameters
    ----------
    facts : ReportFacts
        What to tell.
    shelf : FontShelf, optional
        Fonts to use; those of this computer by default.

    Raises
    ------
    ValueError
        If `facts.created` has no time zone.
    """
    from mediastation.pages.pen import Pen  # noqa: PLC0415 - a page in HTML needs no fonts

    title = one_line(facts.title, 64)
    pen = Pen.on_new_sheet(_PAPER_MM, facts.created, title, "report", shelf)
    writer = _Writer(pen)
    writer.head(facts)
    for table in facts.tables:
        writer.table(table)
    writer.feet(facts)
    return pen.printed()


class _Writer:
    """Goes down the pages."""

    def __init__(self, pen: Pen) -> None:
        from mediastation.pages.pen import LEADING, Style  # noqa: PLC0415

        self._pen = pen
        self._leading = LEADING
        self._y = _TOP
        self._plain = Style(8.5, 8.5, most_lines=_MOST_LINES)
        self._bold = replace(self._plain, bold=True)

    def head(self, facts: ReportFacts) -> None:
        pen = self._pen
        big = replace(self._bold, size_pt=17.0, smallest_pt=10.0, most_lines=2)
        grey = replace(self._plain, tone="grey")
        self._y = pen.write(facts.title, _LEFT, self._y, _INSIDE, big)
        if facts.institution:
            self._y = pen.write(facts.institution, _LEFT, self._y, _INSIDE, self._bold)
        made = f"{facts.created.strftime('%Y-%m-%d %H:%M:%S, UTC%z')}, Mediastation {__version__}"
        self._y = pen.write(made, _LEFT, self._y, _INSIDE, grey) + _GAP_MM
        verdict = replace(self._bold, size_pt=11.0, smallest_pt=9.0, most_lines=4)
        block = pen.fitted(facts.verdict, _INSIDE - 6, verdict)
        end = pen.place(block, _LEFT + 6, self._y, verdict)
        pen.sheet.stroke(_LEFT + 2, self._y, _LEFT + 2, end, 1.2)
        self._y = end + 2 * _GAP_MM
        widths = [_LABEL_MM, _INSIDE - _LABEL_MM]
        for label, value in facts.rows:
            self._row([label, value], widths, [grey, self._plain])

    def table(self, table: Table) -> None:
        pen = self._pen
        heading = replace(self._bold, size_pt=12.0, smallest_pt=9.0, most_lines=2)
        widths = _widths(table)
        styles = [self._plain] * len(widths)
        head = [replace(self._bold, tone="grey")] * len(widths)
        self._room(26)
        self._y = pen.write(table.caption, _LEFT, self._y + 4, _INSIDE, heading) + 1
        if not table.rows:
            self._row(["None."], [_INSIDE], [self._plain], ruled=False)
            return
        self._row(table.columns, widths, head)
        for row in table.rows[:MOST_PRINTED_ROWS]:
            across = len(row) == 1 and len(widths) > 1
            page = pen.sheet.pages
            cells, spans, looks = (
                (row, [_INSIDE], [self._bold]) if across else (row, widths, styles)
            )
            blocks = self._blocks(cells, spans, looks)
            if self._y + self._height(blocks) > _BOTTOM:
                self._new_page()
            if pen.sheet.pages > page:
                self._row(table.columns, widths, head)
            self._place(blocks, spans, looks)
        if len(table.rows) > MOST_PRINTED_ROWS:
            more = f"And {len(table.rows) - MOST_PRINTED_ROWS:,} more."
            self._row([more], [_INSIDE], [self._bold], ruled=False)

    def feet(self, facts: ReportFacts) -> None:
        pages = self._pen.sheet.pages
        grey = replace(self._plain, size_pt=7.0, smallest_pt=5.0, tone="grey", most_lines=1)
        right = replace(grey, align="right")
        for page in range(pages):
            self._pen.sheet.go_to(page)
            self._pen.write(facts.title, _LEFT, _BOTTOM + 4, _INSIDE - 30, grey)
            told = f"Page {page + 1} of {pages}"
            self._pen.write(told, _LEFT + _INSIDE, _BOTTOM + 4, 28, right)

    def _row(
        self,
        cells: tuple[str, ...] | list[str],
        widths: list[float],
        styles: list[Style],
        *,
        ruled: bool = True,
    ) -> None:
        blocks = self._blocks(cells, widths, styles)
        self._room(self._height(blocks))
        self._place(blocks, widths, styles, ruled=ruled)

    def _blocks(
        self, cells: tuple[str, ...] | list[str], widths: list[float], styles: list[Style]
    ) -> list[Block]:
        return [
            self._pen.fitted(cell, width - _GAP_MM, style)
            for cell, width, style in zip(cells, widths, styles, strict=True)
        ]

    def _height(self, blocks: list[Block]) -> float:
        return max(len(block.lines) * block.size_mm * self._leading for block in blocks) + 1.2

    def _place(
        self, blocks: list[Block], widths: list[float], styles: list[Style], *, ruled: bool = True
    ) -> None:
        x = _LEFT
        for block, width, style in zip(blocks, widths, styles, strict=True):
            self._pen.place(block, x, self._y + 0.5, style)
            x += width
        self._y += self._height(blocks)
        if ruled:
            self._pen.sheet.stroke(_LEFT, self._y, _LEFT + _INSIDE, self._y, 0.15, "light")

    def _room(self, height_mm: float) -> None:
        if self._y + height_mm > _BOTTOM:
            self._new_page()

    def _new_page(self) -> None:
        self._pen.sheet.new_page()
        self._y = _TOP


def _widths(table: Table) -> list[float]:
    """Give narrow columns what they need, and share the rest among the wide ones."""
    wanted = []
    for at, column in enumerate(table.columns):
        cells = (len(row[at]) for row in table.rows[:MOST_PRINTED_ROWS] if len(row) > 1)
        wanted.append(_GAP_MM + max(_HEADING_MM * len(column), _LETTER_MM * max(cells, default=0)))
    left, widths = _INSIDE, [0.0] * len(wanted)
    for done, at in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        widths[at] = min(wanted[at], left / (len(wanted) - done))
        left -= widths[at]
    spare = left / len(widths)
    return [width + spare for width in widths]
