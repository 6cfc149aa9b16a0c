"""The label on the disc: who, what, when and which, within the ring that can be printed."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from mediastation.pages.facts import IndexPatient, LabelFacts
from mediastation.pages.fonts import FontShelf, han_of
from mediastation.pages.pen import LEADING, Pen, PrintedPages, Style
from mediastation.pages.people import patient_lines, spoken_identity
from mediastation.pages.text import LONGEST, name_groups, one_line, readable_date

DISC_MM = 120.0
PRINTABLE_MM = (22.0, 118.0)
"""Inner and outer diameter of what a disc printer reaches."""

_MIDDLE = DISC_MM / 2
_INNER, _OUTER = PRINTABLE_MM[0] / 2 + 1.5, PRINTABLE_MM[1] / 2 - 1.5
_QR_MM = 25.0
_GAP = 1.2
_MOST_NAMES = 4
_MOST_DATES = 12
_GROUP = 4


def render_label(facts: LabelFacts, shelf: FontShelf | None = None) -> PrintedPages:
    """Return the label as a PDF page of 120 mm by 120 mm.

    Text lies between the rim and the hole. It shrinks and breaks until it fits; a
    name that no font here can write is replaced by the package that has one, as a
    whole, since half a name is another person's.

    Parameters
    ----------
    facts : LabelFacts
        What to tell.
    shelf : FontShelf, optional
        Fonts to use; those of this computer by default.

    Raises
    ------
    ValueError
        If `facts.created` has no time zone.
    """
    pen = Pen.on_new_sheet((DISC_MM, DISC_MM), facts.created, "Disc label", "label", shelf)
    _above(pen, facts)
    _beside(pen, facts)
    _below(pen, facts)
    return pen.printed()


def grouped_hash(ledger_head: str) -> str:
    """Return the first 16 hexadecimal digits in groups of four, as people compare them."""
    digits = one_line(ledger_head, LONGEST)[:16]
    return " ".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def study_dates(facts: LabelFacts) -> str:
    """Return the dates of the studies, newest first, each once."""
    dates = list(dict.fromkeys(readable_date(one.date) for one in facts.studies if one.date))
    told = ", ".join(dates[:_MOST_DATES])
    if len(dates) > _MOST_DATES:
        told += f" and {len(dates) - _MOST_DATES:,} more, until {dates[-1]}"
    return f"{'Study' if len(dates) == 1 else 'Studies'} of {told}" if dates else ""


def han_of_patients(patients: Sequence[IndexPatient]) -> str:
    """Return how the Han characters of these names are drawn."""
    return han_of([patient.name[: 2 * LONGEST] for patient in patients[:_MOST_NAMES]])


def _width(top: float, bottom: float) -> float:
    """Return how wide a line may be between two heights of the page, hole or no hole."""
    farthest = max(abs(top - _MIDDLE), abs(bottom - _MIDDLE))
    return 2 * sqrt(max(0.0, _OUTER**2 - farthest**2))


def _above(pen: Pen, facts: LabelFacts) -> None:
    institution = Style(8, 4.5, align="center", tone="grey", most_lines=2)
    pen.stack(
        [facts.institution or "Institution not stated"],
        *(_MIDDLE, 7.0, 14.0, _width, institution, "the institution"),
    )
    if facts.is_neutral or not facts.patients:
        words = ["Encrypted medical images"] if facts.is_encrypted else ["Medical images"]
        pen.stack(words, _MIDDLE, 17, 42, _width, Style(15, 6, bold=True, align="center"))
        return
    han = han_of_patients(facts.patients)
    if len(facts.patients) == 1:
        (patient,) = facts.patients
        groups = name_groups(patient.name) or ("no name",)
        names = Style(16, 4.5, bold=True, align="center", most_lines=2, han=han)
        pen.stack(groups, _MIDDLE, 14.5, 37.5, _width, names, "this name")
        told = Style(9, 5, align="center", most_lines=2, han=han, is_phrase=True)
        pen.stack([spoken_identity(patient)], _MIDDLE, 38, 44, _width, told, "this ID")
        return
    several = Style(9, 4, True, align="center", most_lines=2, han=han, is_phrase=True)
    pen.stack(
        patient_lines(facts.patients, _MOST_NAMES),
        *(_MIDDLE, 15, 44, _width, several, "this name"),
    )


def _beside(pen: Pen, facts: LabelFacts) -> None:
    left = _MIDDLE - _OUTER + 2
    width = _OUTER - _INNER - 5
    rows = [(f"Disc {facts.volume} of {facts.volumes}", Style(13, 7, bold=True))]
    if facts.is_encrypted:
        rows.append(("ENCRYPTED", Style(9, 6, bold=True)))
    rows += [
        (facts.content_type, Style(9, 6, bold=True)),
        (facts.profile, Style(7.5, 5)),
        (f"Made {facts.created.strftime('%Y-%m-%d %H:%M')}", Style(7.5, 5)),
    ]
    blocks = [(pen.fitted(text, width, style), style) for text, style in rows if text]
    height = sum(len(block.lines) * block.size_mm * LEADING for block, _ in blocks)
    y = _MIDDLE - height / 2
    for block, style in blocks:
        y = pen.place(block, left, y, style)
    pen.sheet.qr_code(
        _MIDDLE + _INNER + 3, _MIDDLE - _QR_MM / 2, _QR_MM, one_line(facts.file_set_uid, 64)
    )


def _below(pen: Pen, facts: LabelFacts) -> None:
    rows = []
    if not facts.is_neutral:
        rows.append((study_dates(facts), Style(9, 5, align="center", most_lines=3)))
        if facts.file_set_id:
            rows.append((f"File-set ID {facts.file_set_id}", Style(8, 5, align="center")))
    rows.append((facts.file_set_uid, Style(7, 4, align="center", tone="grey")))
    if facts.ledger_head:
        rows += [
            (f"Ledger {grouped_hash(facts.ledger_head)}", Style(9, 5, bold=True, align="center")),
            (facts.ledger_head, Style(5, 3.5, align="center", tone="grey", most_lines=2)),
        ]
    rows.append(("Confidential health data", Style(6.5, 4, align="center")))
    rows.append(("If found, please return it", Style(6.5, 4, align="center")))
    y = _MIDDLE + _QR_MM / 2 + 3
    for text, style in rows:
        if text:
            highest = style.size_pt * LEADING * 25.4 / 72 * style.most_lines
            y = pen.write(text, _MIDDLE, y, _width(y, y + highest), style) + _GAP
