"""The report on an import, for the file: one sheet as a rule, as a page and in print."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation import __version__
from mediastation.pages.import_facts import ImportReportFacts
from mediastation.pages.import_parts import Part, import_parts, iter_names
from mediastation.pages.rows import (
    BOTTOM_MM,
    GAP_MM,
    INSIDE_MM,
    LEFT_MM,
    PAPER_MM,
    TOP_MM,
    RowWriter,
)
from mediastation.pages.templates import render_template, require_well_formed
from mediastation.pages.text import isolated, require_zone

if TYPE_CHECKING:
    from mediastation.pages.fonts import FontShelf
    from mediastation.pages.pen import Pen, PrintedPages, Style

IMPORT_NAME = "IMPORT.HTM"
MOST_ROWS = 200
"""Rows of things in each part that the page shows; of more it says how many."""

_TITLE = "Import of an outside medium"
_LONGEST = 400
# Rows in each part, and lines in a cell: the first that fits one sheet is taken.
_ON_ONE_SHEET = ((14, 3), (10, 3), (7, 2), (5, 2), (3, 2))
_ON_SEVERAL = (7, 2)
_PADDING_MM = 0.9
_PART_MM = 24.0
"""A heading is not left at the foot of a sheet without its first row."""
_SIGNED_MM = 13.0
_HALF_LINE = 44
"""Letters that half a line holds."""


def render_import_report(facts: ImportReportFacts, templates: Path | None = None) -> bytes:
    """Return the report as one HTML file in UTF-8 that refers to nothing outside.

    Parameters
    ----------
    facts : ImportReportFacts
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
    values = {
        "title": _TITLE,
        "facts": facts,
        "made": _made(facts),
        "parts": import_parts(facts, MOST_ROWS),
        "version": __version__,
    }
    filters = {"told": lambda value: isolated(value, _LONGEST)}
    page = render_template(IMPORT_NAME, values, templates, filters)
    return require_well_formed(IMPORT_NAME, page, templates).encode()


def render_import_report_pdf(
    facts: ImportReportFacts, shelf: FontShelf | None = None
) -> PrintedPages:
    """Return the report as a PDF on A4: one sheet, unless that could not be read any more.

    Parameters
    ----------
    facts : ImportReportFacts
        What to tell.
    shelf : FontShelf, optional
        Fonts to use; those of this computer by default.

    Raises
    ------
    ValueError
        If `facts.created` has no time zone.
    """
    from mediastation.pages.fonts import FontShelf  # noqa: PLC0415 - a page in HTML needs none

    shelf = shelf or FontShelf.of_this_computer()
    for most, lines in (*_ON_ONE_SHEET, _ON_SEVERAL):
        pen = _drawn(facts, shelf, most, lines)
        if pen.sheet.pages == 1:
            break
    return pen.printed()


def _drawn(facts: ImportReportFacts, shelf: FontShelf, most: int, lines: int) -> Pen:
    from mediastation.pages.pen import Pen  # noqa: PLC0415

    pen = Pen.on_new_sheet(PAPER_MM, facts.created, _TITLE, "report", shelf)
    writer = _Writer(pen, facts, lines)
    writer.head()
    for number, part in enumerate(import_parts(facts, most), 1):
        writer.part(number, part)
    writer.end()
    return pen


def _made(facts: ImportReportFacts) -> str:
    parts = (
        f"Job {facts.job}",
        facts.created.strftime("%Y-%m-%d %H:%M:%S, UTC%z"),
        facts.station and f"station {facts.station}",
        facts.operator and f"operator {facts.operator}",
    )
    return ", ".join(filter(None, parts))


class _Writer:
    """Goes down the sheet."""

    def __init__(self, pen: Pen, facts: ImportReportFacts, lines: int) -> None:
        from mediastation.pages.fonts import han_of  # noqa: PLC0415
        from mediastation.pages.pen import Style  # noqa: PLC0415

        self._rows = RowWriter(pen, _PADDING_MM)
        self._pen = pen
        self._facts = facts
        self._plain = Style(8.0, 8.0, most_lines=lines, han=han_of(list(iter_names(facts))))
        self._bold = replace(self._plain, bold=True)
        self._grey = replace(self._plain, tone="grey")

    def head(self) -> None:
        facts, rows, pen = self._facts, self._rows, self._pen
        big = replace(self._bold, size_pt=17.0, smallest_pt=10.0, most_lines=1)
        house = replace(self._bold, size_pt=9.0, smallest_pt=6.0, align="right", most_lines=2)
        right = LEFT_MM + INSIDE_MM
        below = pen.write(facts.institution, right, TOP_MM + 1, 62, house)
        rows.y = max(pen.write(_TITLE, LEFT_MM, TOP_MM, INSIDE_MM - 66, big), below)
        rows.y = pen.write(_made(facts), LEFT_MM, rows.y, INSIDE_MM, self._grey) + 1
        rows.rule(0.6)
        rows.y += GAP_MM
        rows.verdict(facts.verdict, replace(self._bold, size_pt=11.5, smallest_pt=9.0))
        self._numbers()
        self._medium()

    def _numbers(self) -> None:
        """Write the counts side by side, each over its word."""
        counts = self._facts.counts
        if not counts:
            return
        rows, pen = self._rows, self._pen
        large = replace(self._bold, size_pt=15.0, smallest_pt=8.0, most_lines=1)
        width = INSIDE_MM / len(counts)
        top = rows.y
        for at, (word, number) in enumerate(counts):
            x = LEFT_MM + at * width
            style = large if number else replace(large, bold=False, tone="grey")
            end = pen.write(f"{number:,}", x + 2, top, width - 4, style)
            rows.y = pen.write(word, x + 2, end - 0.8, width - 4, replace(self._grey, most_lines=1))
            if at:
                pen.sheet.stroke(x, top + 1, x, rows.y, 0.2, "light")
        rows.y += GAP_MM

    def _medium(self) -> None:
        """Write what identifies the medium, short facts two to a row."""
        rows = self._rows
        self._heading("The medium")
        label, half = 25.0, INSIDE_MM / 2
        widths = [label, half - label] * 2
        styles = [self._grey, self._plain] * 2
        waiting: list[str] = []
        for word, value in self._facts.medium:
            if len(value) > _HALF_LINE:
                self._flush(waiting, widths, styles)
                across = [self._grey, self._plain]
                rows.row([word, value], [label, INSIDE_MM - label], across)
                continue
            waiting += [word, value]
            if len(waiting) == len(widths):
                self._flush(waiting, widths, styles)
        self._flush(waiting, widths, styles)

    def _flush(self, cells: list[str], widths: list[float], styles: list[Style]) -> None:
        if cells:
            blanks = [""] * (len(widths) - len(cells))
            self._rows.row(cells + blanks, widths, styles)
        cells.clear()

    def _heading(self, told: str) -> None:
        rows = self._rows
        rows.room(_PART_MM)
        style = replace(self._bold, size_pt=9.5, smallest_pt=8.0, most_lines=1)
        rows.y = self._pen.write(told, LEFT_MM, rows.y + 2.2, INSIDE_MM, style) + 0.4
        rows.rule(0.35)

    def part(self, number: int, part: Part) -> None:
        rows = self._rows
        self._heading(f"{number}  {part.caption}")
        if not part.rows:
            rows.row([part.nothing], [INSIDE_MM], [self._plain], ruled=False)
            return
        share = INSIDE_MM / sum(part.widths)
        widths = [width * share for width in part.widths]
        right = replace(self._plain, align="right")
        styles = [right if is_right else self._plain for is_right in part.is_right]
        heads = [replace(style, tone="grey", size_pt=7.0, smallest_pt=6.0, most_lines=1)
                 for style in styles]  # fmt: skip
        across = replace(self._bold, is_phrase=True, most_lines=3)
        rows.row(part.heads, widths, heads)
        for row in part.rows:
            if len(row) == 1:
                rows.row_under(part.heads, widths, heads, row, [INSIDE_MM], [across])
            else:
                rows.row_under(part.heads, widths, heads, row, widths, styles)
        if part.more:
            rows.row([part.more], [INSIDE_MM], [self._bold], ruled=False)

    def end(self) -> None:
        """Leave room for a hand, and number the sheets."""
        facts, rows, pen = self._facts, self._rows, self._pen
        rows.room(_SIGNED_MM)
        y = BOTTOM_MM - 3
        for x, width, word in ((LEFT_MM, 90.0, "Read and filed by"), (LEFT_MM + 96, 82.0, "On")):
            pen.sheet.stroke(x, y, x + width, y, 0.2)
            pen.write(word, x, y + 0.3, width, replace(self._grey, size_pt=7.0, smallest_pt=7.0))
        head = f", ledger head {facts.ledger_head}" if facts.ledger_head else ""
        rows.feet(f"Mediastation {__version__}, job {facts.job}{head}", self._plain)
