"""The report on a medium, as a page for a browser and as a document for the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation import __version__
from mediastation.model.document import Table
from mediastation.pages.facts import ReportFacts
from mediastation.pages.rows import GAP_MM, INSIDE_MM, LEFT_MM, PAPER_MM, RowWriter
from mediastation.pages.templates import render_template, require_well_formed
from mediastation.pages.text import isolated, one_line, require_zone

if TYPE_CHECKING:
    from mediastation.pages.fonts import FontShelf
    from mediastation.pages.pen import Pen, PrintedPages

REPORT_NAME = "REPORT.HTM"
MOST_ROWS = 5000
"""Rows of a table that the page shows; of more it says how many."""
MOST_PRINTED_ROWS = 500

_LONGEST = 2000
_LABEL_MM = 42.0
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
    pen = Pen.on_new_sheet(PAPER_MM, facts.created, title, "report", shelf)
    writer = _Writer(pen)
    writer.head(facts)
    for table in facts.tables:
        writer.table(table)
    writer.feet(facts)
    return pen.printed()


class _Writer:
    """Goes down the pages."""

    def __init__(self, pen: Pen) -> None:
        from mediastation.pages.pen import Style  # noqa: PLC0415

        self._rows = RowWriter(pen)
        self._plain = Style(8.5, 8.5, most_lines=_MOST_LINES)
        self._bold = replace(self._plain, bold=True)

    def head(self, facts: ReportFacts) -> None:
        rows, pen = self._rows, self._rows.pen
        big = replace(self._bold, size_pt=17.0, smallest_pt=10.0, most_lines=2)
        grey = replace(self._plain, tone="grey")
        rows.y = pen.write(facts.title, LEFT_MM, rows.y, INSIDE_MM, big)
        if facts.institution:
            rows.y = pen.write(facts.institution, LEFT_MM, rows.y, INSIDE_MM, self._bold)
        made = f"{facts.created.strftime('%Y-%m-%d %H:%M:%S, UTC%z')}, Mediastation {__version__}"
        rows.y = pen.write(made, LEFT_MM, rows.y, INSIDE_MM, grey) + GAP_MM
        rows.verdict(facts.verdict, replace(self._bold, size_pt=11.0, smallest_pt=9.0))
        widths = [_LABEL_MM, INSIDE_MM - _LABEL_MM]
        for label, value in facts.rows:
            rows.row([label, value], widths, [grey, self._plain])

    def table(self, table: Table) -> None:
        rows, pen = self._rows, self._rows.pen
        heading = replace(self._bold, size_pt=12.0, smallest_pt=9.0, most_lines=2)
        widths = _widths(table)
        styles = [self._plain] * len(widths)
        head = [replace(self._bold, tone="grey")] * len(widths)
        rows.room(26)
        rows.y = pen.write(table.caption, LEFT_MM, rows.y + 4, INSIDE_MM, heading) + 1
        if not table.rows:
            rows.row(["None."], [INSIDE_MM], [self._plain], ruled=False)
            return
        rows.row(table.columns, widths, head)
        for row in table.rows[:MOST_PRINTED_ROWS]:
            if len(row) == 1 and len(widths) > 1:
                rows.row_under(table.columns, widths, head, row, [INSIDE_MM], [self._bold])
            else:
                rows.row_under(table.columns, widths, head, row, widths, styles)
        if len(table.rows) > MOST_PRINTED_ROWS:
            more = f"And {len(table.rows) - MOST_PRINTED_ROWS:,} more."
            rows.row([more], [INSIDE_MM], [self._bold], ruled=False)

    def feet(self, facts: ReportFacts) -> None:
        self._rows.feet(facts.title, self._plain)


def _widths(table: Table) -> list[float]:
    """Give narrow columns what they need, and share the rest among the wide ones."""
    wanted = []
    for at, column in enumerate(table.columns):
        cells = (len(row[at]) for row in table.rows[:MOST_PRINTED_ROWS] if len(row) > 1)
        wanted.append(GAP_MM + max(_HEADING_MM * len(column), _LETTER_MM * max(cells, default=0)))
    left, widths = INSIDE_MM, [0.0] * len(wanted)
    for done, at in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        widths[at] = min(wanted[at], left / (len(wanted) - done))
        left -= widths[at]
    spare = left / len(widths)
    return [width + spare for width in widths]
