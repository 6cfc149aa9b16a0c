"""The sheet that tells a recipient the password of an encrypted medium, and how to open that.

It is the one place where a password stands in clear. Whoever writes it to disk makes
the file for its owner alone (mode 0600) and never onto the medium. Nothing of a
patient is on it.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation import __version__
from mediastation.model.secrecy import Password
from mediastation.pages.rows import BOTTOM_MM, INSIDE_MM, LEFT_MM, PAPER_MM, RowWriter
from mediastation.pages.templates import render_template, require_well_formed
from mediastation.pages.text import isolated, one_line, require_zone

if TYPE_CHECKING:
    from mediastation.pages.fonts import Face, FontShelf
    from mediastation.pages.pen import Pen, PrintedPages, Style

SHEET_NAME = "SHEET.HTM"
MOST_MEDIA = 4
"""Media of a set that the sheet lists; of more it says how many."""

_TITLE = "Password for the encrypted medium"
_APART = "Hand this sheet over apart from the medium."
_HOW_APART = (
    "By another way: to the person, or read it out by telephone. Never in the same envelope, and "
    "not by e-mail. Whoever has both can see the images. Destroy the sheet when they are opened."
)
_MOST_CONTACT = 4
_LONGEST = 120
_WORDS = re.compile(r"[a-z]{3,8}( [a-z]{3,8}){3,24}")
_BLANK = "\N{OPEN BOX}"
_QR_MM, _BOX_GAP_MM = 52.0, 4.0
_MOST_HEIGHT_MM = 58.0
_LETTER_MM = 25.4 / 72
_LARGEST_PT, _SMALLEST_PT = 21.0, 6.0
_CELL_EM, _PITCH_EM = 0.7, 1.75
_LINE_PT = 10.5


@dataclass(frozen=True, slots=True)
class SheetMedium:
    """One medium of those that the password opens; of each what is not known is empty."""

    file_set_uid: str = ""
    file_set_id: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class RecipientSheetFacts:
    """What the sheet tells.

    Parameters
    ----------
    created : datetime
        With the time zone that is shown.
    password : Password
        The very octets that were used.
    institution : str
        Who made the medium; empty is told as "not stated".
    contact : tuple of str
        Whom to ask: lines under the institution.
    media : tuple of SheetMedium
        What it opens, in the order of the volumes, by names that say nothing of a
        patient; empty leaves a line to write on.
    job : int
        The export, told where its media are still to be made; 0 for none.
    given_to : str
        Who gets the medium.
    open_page : str
        The page on the medium that opens it in a browser; empty if it has none.
    readme : str
        The text on the medium that tells how to open it without our software.
    """

    created: datetime
    password: Password = field(repr=False)
    institution: str = ""
    contact: tuple[str, ...] = ()
    media: tuple[SheetMedium, ...] = ()
    job: int = 0
    given_to: str = ""
    open_page: str = "OPEN.HTM"
    readme: str = "README.TXT"

    @property
    def text(self) -> str:
        """The password as it is typed."""
        return self.password.octets.decode("ascii")

    @property
    def words(self) -> tuple[str, ...]:
        """The words of a passphrase in their order; empty for any other password."""
        return tuple(self.text.split(" ")) if _WORDS.fullmatch(self.text) else ()


def render_recipient_sheet(
    facts: RecipientSheetFacts, shelf: FontShelf | None = None
) -> PrintedPages:
    """Return the sheet as a PDF of one page of A4.

    A passphrase of words is printed with their numbers, any other password sign by
    sign with its blanks made visible; the QR code holds exactly its octets.

    Parameters
    ----------
    facts : RecipientSheetFacts
        What to tell.
    shelf : FontShelf, optional
        Fonts to use; those of this computer by default.

    Raises
    ------
    ValueError
        If `facts.created` has no time zone.
    """
    from mediastation.pages.fonts import FontShelf  # noqa: PLC0415 - a page in HTML needs none
    from mediastation.pages.pen import Pen  # noqa: PLC0415

    shelf = shelf or FontShelf.of_this_computer()
    pen = Pen.on_new_sheet(PAPER_MM, facts.created, _TITLE, "sheet", shelf)
    _Drawing(pen, shelf, facts).draw()
    return pen.printed()


def render_recipient_sheet_html(facts: RecipientSheetFacts, templates: Path | None = None) -> bytes:
    """Return the sheet as one HTML file in UTF-8 that refers to nothing outside.

    Parameters
    ----------
    facts : RecipientSheetFacts
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
        "rows": _rows(facts),
        "words": facts.words,
        "shown": facts.text if facts.words else facts.text.replace(" ", _BLANK),
        "legend": _legend(facts),
        "qr_code": _qr_image(facts.text),
        "steps": _steps(facts),
        "apart": _APART,
        "how_apart": _HOW_APART,
        "contact": facts.contact[:_MOST_CONTACT],
        "version": __version__,
    }
    filters = {"told": lambda value: isolated(value, _LONGEST)}
    page = render_template(SHEET_NAME, values, templates, filters)
    return require_well_formed(SHEET_NAME, page, templates).encode()


def _rows(facts: RecipientSheetFacts) -> list[tuple[str, str]]:
    """Return labels and values of what it opens."""
    rows = [("For", facts.given_to)] if one_line(facts.given_to) else []
    for number, medium in enumerate(facts.media[:MOST_MEDIA], 1):
        several = f" {number} of {len(facts.media)}" if len(facts.media) > 1 else ""
        label, file_set_id = one_line(medium.label, 32), one_line(medium.file_set_id, 16)
        named = [label and f"label {label}", file_set_id and f"File-set ID {file_set_id}"]
        if label == file_set_id and label:
            named = [f"label and File-set ID {label}"]
        rows.append((f"Medium{several}", ", ".join(filter(None, named)) or "encrypted"))
        if medium.file_set_uid:
            rows.append(("File-set UID", one_line(medium.file_set_uid, 64)))
    if len(facts.media) > MOST_MEDIA:
        rows.append(("", f"and {len(facts.media) - MOST_MEDIA:,} more media of this set"))
    if facts.job:
        rows.append(("Export", f"job {facts.job}"))
    if not facts.media and not facts.job:
        rows.append(("Medium", ""))
    rows.append(("Date", facts.created.strftime("%Y-%m-%d %H:%M, UTC%z")))
    return rows


def _legend(facts: RecipientSheetFacts) -> str:
    """Return how the password is typed."""
    if facts.words:
        return (
            f"All {len(facts.words)} words in this order, small letters, one blank between two of "
            "them, none in front and none behind:"
        )
    blanks = f"; {_BLANK} is a blank" if " " in facts.text else ""
    return f"{len(facts.text):,} characters, large and small letters as they stand here{blanks}."


def _steps(facts: RecipientSheetFacts) -> list[str]:
    """Return the ways to open the medium, the easiest first."""
    page = facts.open_page and (
        f"In a web browser, on any computer and without a network: open {facts.open_page} on the "
        "medium, choose the files there, and type the password. The page decrypts them."
    )
    return [
        *filter(None, [page]),
        f"{'Without that page' if page else 'Without our programs'}: {facts.readme} on the medium "
        "tells how OpenSSL opens each file, step by step.",
        "With a DICOM program that reads encrypted media (Secure DICOM Files, PS3.15 Annex D): it "
        "asks for the password.",
    ]


def _qr_image(text: str) -> str:
    """Return a QR code as the address of an image that holds it."""
    import segno  # noqa: PLC0415

    image = io.BytesIO()
    segno.make_qr(text, error="m").save(image, kind="png", scale=8, border=4)
    return f"data:image/png;base64,{base64.b64encode(image.getvalue()).decode()}"


class _Drawing:
    """Goes down the one page."""

    def __init__(self, pen: Pen, shelf: FontShelf, facts: RecipientSheetFacts) -> None:
        from mediastation.pages.fonts import han_of  # noqa: PLC0415
        from mediastation.pages.pen import Style  # noqa: PLC0415

        self._pen, self._shelf, self._facts = pen, shelf, facts
        self._rows = RowWriter(pen)
        han = han_of([facts.institution, *facts.contact[:_MOST_CONTACT], facts.given_to])
        self._plain = Style(10.0, 6.0, most_lines=1, han=han)
        self._bold = replace(self._plain, bold=True)
        self._grey = replace(self._plain, tone="grey")

    def draw(self) -> None:
        """Draw everything; each part has a height that its values cannot exceed."""
        self._head()
        self._password()
        self._opening()
        self._asking()
        self._foot()

    def _write(self, text: str, style: Style, *, indent: float = 0.0) -> None:
        self._rows.y = self._pen.write(
            text, LEFT_MM + indent, self._rows.y, INSIDE_MM - indent, style
        )

    def _heading(self, text: str) -> None:
        self._rows.y += 3
        self._write(text, replace(self._bold, size_pt=12.0))
        self._rows.y += 0.5

    def _head(self) -> None:
        facts, rows = self._facts, self._rows
        self._write(facts.institution or "Institution not stated", replace(self._bold, size_pt=11))
        rows.y += 1
        self._write(_TITLE, replace(self._bold, size_pt=23.0, smallest_pt=16.0))
        rows.y += 1
        rows.rule(0.6)
        rows.y += 2
        widths = [30.0, INSIDE_MM - 30.0]
        for label, value in _rows(facts):
            styles = [self._grey, self._bold if label == "For" else self._plain]
            rows.row([label, value], widths, styles)
        rows.y += 3

    def _password(self) -> None:
        """Draw the password beside its QR code in a frame, and how it is typed below."""
        top = self._rows.y
        width = INSIDE_MM - _QR_MM - 3 * _BOX_GAP_MM
        left = LEFT_MM + _BOX_GAP_MM
        draw = self._numbered if self._facts.words else self._signs
        end = draw(left, top + _BOX_GAP_MM, width)
        bottom = max(end + _BOX_GAP_MM, top + _QR_MM + 2)
        sheet, right = self._pen.sheet, LEFT_MM + INSIDE_MM
        for x1, y1, x2, y2 in (
            (LEFT_MM, top, right, top),
            (LEFT_MM, bottom, right, bottom),
            (LEFT_MM, top, LEFT_MM, bottom),
            (right, top, right, bottom),
        ):
            sheet.stroke(x1, y1, x2, y2, 0.8)
        middle = (top + bottom - _QR_MM) / 2
        sheet.qr_code(right - _QR_MM - 1, middle, _QR_MM, self._facts.text)
        self._rows.y = bottom + 1.5
        small = replace(self._plain, size_pt=9.0, most_lines=2)
        # No font has to have the sign that stands for a blank; here it is drawn, too.
        self._write(_legend(self._facts).replace(f"{_BLANK} is", "an open box is"), small)
        if self._facts.words:
            self._in_one_line()

    def _numbered(self, left: float, top: float, width: float) -> float:
        """Draw the words in two columns, the numbers small beside them; return the end."""
        words = self._facts.words
        face = self._shelf.monospaced(bold=True)
        rows = (len(words) + 1) // 2
        size = min(_LARGEST_PT, _MOST_HEIGHT_MM / rows / _PITCH_EM / _LETTER_MM)
        pitch = size * _PITCH_EM * _LETTER_MM
        room = max(rows * pitch, _QR_MM - 2 * _BOX_GAP_MM)
        pitch = room / rows
        number = replace(self._grey, size_pt=min(10.0, size), align="right")
        for place, word in enumerate(words):
            x = left + place // rows * width / 2
            baseline = top + (place % rows) * pitch + 0.5 * pitch + 0.32 * size * _LETTER_MM
            block = self._pen.fitted(str(place + 1), 8.0, number)
            self._pen.sheet.place(block.lines[0], x + 6, baseline, block.size_pt, "right", "grey")
            self._place(word, face, x + 8, baseline, size)
        return top + room

    def _signs(self, left: float, top: float, width: float) -> float:
        """Draw a password sign by sign, a blank as an open box; return the end."""
        text = self._facts.text
        face = self._shelf.monospaced(bold=True)
        size = _LARGEST_PT
        while True:
            cell, pitch = size * _CELL_EM * _LETTER_MM, size * _PITCH_EM * _LETTER_MM
            columns = int(width / cell)
            rows = -(-len(text) // columns)
            if rows * pitch <= _MOST_HEIGHT_MM or size <= _SMALLEST_PT:
                break
            size -= 0.5
        for place, sign in enumerate(text):
            x = left + place % columns * cell
            baseline = top + place // columns * pitch + 0.7 * pitch
            if sign == " ":
                self._open_box(x, baseline, cell, size)
            else:
                self._place(sign, face, x, baseline, size)
        return top + rows * pitch

    def _open_box(self, x: float, baseline: float, cell: float, size_pt: float) -> None:
        sheet = self._pen.sheet
        high, left, right = 0.25 * size_pt * _LETTER_MM, x + 0.1 * cell, x + 0.8 * cell
        thick = 0.015 * size_pt
        sheet.stroke(left, baseline, right, baseline, thick)
        for side in (left, right):
            sheet.stroke(side, baseline - high, side, baseline, thick)

    def _in_one_line(self) -> None:
        """Write the whole passphrase once more as it is typed."""
        face = self._shelf.monospaced(bold=False)
        most = int(INSIDE_MM / ((face.width("0") or 0.6) * _LINE_PT * _LETTER_MM))
        line = ""
        for word in (*self._facts.words, ""):
            if line and (not word or len(line) + 1 + len(word) > most):
                self._rows.y += _LINE_PT * 1.35 * _LETTER_MM
                self._place(line, face, LEFT_MM, self._rows.y - 0.6, _LINE_PT)
                line = ""
            line = f"{line} {word}" if line else word
        self._rows.y += 1

    def _place(self, text: str, face: Face, x: float, baseline: float, size_pt: float) -> None:
        from mediastation.pages.typesetting import Line, Run  # noqa: PLC0415

        run = Run(text, face, False, face.width(text) or 0.0)
        self._pen.sheet.place(Line((run,)), x, baseline, size_pt)

    def _opening(self) -> None:
        self._heading("How to open the medium")
        for number, step in enumerate(_steps(self._facts), 1):
            self._pen.write(f"{number}.", LEFT_MM, self._rows.y, 6, self._plain)
            self._write(step, replace(self._plain, most_lines=3), indent=6)
            self._rows.y += 1

    def _asking(self) -> None:
        contact = [line for line in self._facts.contact[:_MOST_CONTACT] if one_line(line)]
        self._heading("Whom to ask")
        if not contact:
            self._write("Whoever gave you the medium.", self._plain)
        for line in contact:
            self._write(line, self._plain)

    def _foot(self) -> None:
        """Write at the bottom what has to be kept in mind, beside a bar."""
        top = BOTTOM_MM - 22
        large = replace(self._bold, size_pt=13.0)
        y = self._pen.write(_APART, LEFT_MM + 6, top, INSIDE_MM - 6, large)
        small = replace(self._plain, most_lines=3)
        end = self._pen.write(_HOW_APART, LEFT_MM + 6, y, INSIDE_MM - 6, small)
        self._pen.sheet.stroke(LEFT_MM + 2, top, LEFT_MM + 2, end, 1.6)
        made = f"Mediastation {__version__}"
        grey = replace(self._grey, size_pt=7.0)
        self._pen.write(made, LEFT_MM, BOTTOM_MM + 4, INSIDE_MM, grey)
