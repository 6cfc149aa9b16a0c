"""The front of a jewel case: what the label says, and the list of studies and discs."""

from __future__ import annotations

from mediastation.pages.facts import IndexPatient, LabelFacts, SiblingDisc
from mediastation.pages.fonts import FontShelf
from mediastation.pages.label import (
    grouped_hash,
    han_of_patients,
)
from mediastation.pages.pen import Pen, PrintedPages, Style
from mediastation.pages.people import patient_lines, spoken_identity
from mediastation.pages.text import name_groups, one_line, readable_date

COVER_MM = 120.0
_PAPER_MM = (210.0, 297.0)
_LEFT, _TOP = (_PAPER_MM[0] - COVER_MM) / 2, 30.0
_MARGIN = 7.0
_INSIDE = COVER_MM - 2 * _MARGIN
_QR_MM = 27.0
_FOOT_MM = 33.0
_MOST_NAMES = 5
_MARK_MM, _MARK_GAP_MM = 6.0, 2.0
_ROW_MM = 4.2
_RULE_MM = 0.3


def render_cover(facts: LabelFacts, shelf: FontShelf | None = None) -> PrintedPages:
    """Return an A4 page with the front cover, 120 mm by 120 mm between crop marks.

    The newest studies are listed as far as there is room; of the others it is said
    how many there are.

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
    pen = Pen.on_new_sheet(_PAPER_MM, facts.created, "Cover", "cover", shelf)
    _crop_marks(pen)
    y = _head(pen, facts)
    y = _people(pen, facts, y)
    _contents(pen, facts, y)
    _foot(pen, facts)
    return pen.printed()


def _crop_marks(pen: Pen) -> None:
    for x, outwards_x in ((_LEFT, -1), (_LEFT + COVER_MM, 1)):
        for y, outwards_y in ((_TOP, -1), (_TOP + COVER_MM, 1)):
            start, end = _MARK_GAP_MM, _MARK_GAP_MM + _MARK_MM
            pen.sheet.stroke(x + outwards_x * start, y, x + outwards_x * end, y, 0.15)
            pen.sheet.stroke(x, y + outwards_y * start, x, y + outwards_y * end, 0.15)
    pen.write(
        "Cut along the marks: the front of a jewel case, 120 mm x 120 mm. Print at 100 %.",
        *(_PAPER_MM[0] / 2, _TOP + COVER_MM + 12, COVER_MM),
        Style(8, 8, tone="grey", align="center"),
    )


def _rule(pen: Pen, y: float) -> float:
    pen.sheet.stroke(_LEFT + _MARGIN, y, _LEFT + COVER_MM - _MARGIN, y, _RULE_MM, "light")
    return y + 1.5


def _head(pen: Pen, facts: LabelFacts) -> float:
    left, top = _LEFT + _MARGIN, _TOP + _MARGIN
    disc = Style(12, 8, bold=True, align="right")
    right = left + _INSIDE
    told = pen.write(f"Disc {facts.volume} of {facts.volumes}", right, top, 36, disc)
    pen.write(
        f"Made {facts.created.strftime('%Y-%m-%d %H:%M')}",
        *(right, told, 36, Style(7.5, 6, tone="grey", align="right")),
    )
    name = facts.institution or "Institution not stated"
    y = pen.write(name, left, top, _INSIDE - 40, Style(11, 6, bold=True, most_lines=2))
    for line in facts.contact[:3]:
        y = pen.write(line, left, y, _INSIDE - 40, Style(7.5, 5, tone="grey"))
    return _rule(pen, max(y + 1, told + 5))


def _people(pen: Pen, facts: LabelFacts, y: float) -> float:
    left = _LEFT + _MARGIN
    if facts.is_neutral or not facts.patients:
        words = "Encrypted medical images" if facts.is_encrypted else "Medical images"
        return _rule(pen, pen.write(words, left, y, _INSIDE, Style(15, 9, bold=True)) + 1)
    han = han_of_patients(facts.patients)
    if len(facts.patients) > 1:
        one = Style(8.5, 5, True, most_lines=2, han=han, is_phrase=True)
        for line in patient_lines(facts.patients, _MOST_NAMES):
            y = pen.write(line, left, y, _INSIDE, one, "this name")
        return _rule(pen, y + 1)
    (patient,) = facts.patients
    return _rule(pen, _person(pen, patient, y, han) + 1)


def _person(pen: Pen, patient: IndexPatient, y: float, han: str) -> float:
    left = _LEFT + _MARGIN
    for group in name_groups(patient.name) or ("no name",):
        style = Style(15, 6, bold=True, most_lines=2, han=han)
        # A name of Arabic letters stands at the left as the others do; only its letters turn.
        y = pen.write(group, left, y, _INSIDE, style, "this name")
    style = Style(9, 6, most_lines=2, han=han, is_phrase=True)
    return pen.write(spoken_identity(patient), left, y, _INSIDE, style, "this ID")


def _contents(pen: Pen, facts: LabelFacts, y: float) -> None:
    left, bottom = _LEFT + _MARGIN, _TOP + COVER_MM - _MARGIN - _FOOT_MM
    siblings = list(facts.siblings) if facts.volumes > 1 else []
    room = max(0, int((bottom - y) / _ROW_MM))
    for_siblings = min(len(siblings), max(2, room // 3)) if siblings else 0
    if not facts.is_neutral:
        y = _studies(pen, facts, y, room - for_siblings) + 1
    room = max(0, int((bottom - y) / _ROW_MM))
    shown = siblings if len(siblings) <= room else siblings[: max(0, room - 1)]
    small = Style(7, 5, tone="grey")
    for disc in shown:
        pen.write(_told(disc, facts), left, y, _INSIDE, small)
        y += _ROW_MM
    if len(shown) < len(siblings) and room:
        pen.write(f"and {len(siblings) - len(shown):,} more discs", left, y, _INSIDE, small)


def _studies(pen: Pen, facts: LabelFacts, y: float, rows: int) -> float:
    left = _LEFT + _MARGIN
    studies = facts.studies
    shown = studies if len(studies) <= rows else studies[: max(0, rows - 1)]
    for study in shown:
        pen.write(readable_date(study.date) or "no date", left, y, 20, Style(8, 5))
        pen.write(" ".join(study.modalities), left + 21, y, 17, Style(8, 5))
        description = one_line(study.description) or "no description"
        style = Style(8, 5, han=han_of_patients(facts.patients))
        pen.write(description, left + 39, y, _INSIDE - 39, style, "this description")
        y += _ROW_MM
    if len(shown) < len(studies) and rows > 0:
        more = f"and {len(studies) - len(shown):,} more studies"
        pen.write(more, left, y, _INSIDE, Style(8, 5, tone="grey"))
        y += _ROW_MM
    return y


def _told(disc: SiblingDisc, facts: LabelFacts) -> str:
    here = " (this one)" if disc.number == facts.volume else ""
    dates = dict.fromkeys(readable_date(day) for day in (disc.first_date, disc.last_date) if day)
    when = f", {' to '.join(dates)}" if dates and not facts.is_neutral else ""
    studies = "1 study" if disc.studies == 1 else f"{disc.studies:,} studies"
    return f"Disc {disc.number}{here}: {studies}, {disc.series:,} series{when}"


def _foot(pen: Pen, facts: LabelFacts) -> None:
    top = _TOP + COVER_MM - _MARGIN - _FOOT_MM + 2
    y = _rule(pen, top)
    right = _LEFT + COVER_MM - _MARGIN
    uid = one_line(facts.file_set_uid, 64)
    pen.sheet.qr_code(right - _QR_MM + 1, y, _QR_MM, uid)
    left, width = _LEFT + _MARGIN, _INSIDE - _QR_MM - 2
    kind = f"{facts.content_type}, ENCRYPTED" if facts.is_encrypted else facts.content_type
    y = pen.write(kind, left, y, width, Style(9, 6, bold=True))
    if facts.profile:
        y = pen.write(f"Application Profile {facts.profile}", left, y, width, Style(7.5, 5))
    if facts.file_set_id and not facts.is_neutral:
        y = pen.write(f"File-set ID {facts.file_set_id}", left, y, width, Style(7.5, 5))
    y = pen.write(uid, left, y, width, Style(6.5, 4, tone="grey"))
    if facts.ledger_head:
        hashed = f"Ledger {grouped_hash(facts.ledger_head)}"
        y = pen.write(hashed, left, y + 0.5, width, Style(8, 5, bold=True))
        pen.write(facts.ledger_head, left, y, width, Style(5, 3.5, tone="grey", most_lines=2))
    # Of an encrypted disc no viewer reads the directory.
    way = (
        "README.TXT tells how to open it."
        if facts.is_encrypted
        else "Open DICOMDIR with a DICOM viewer."
    )
    pen.write(
        f"{way} Confidential health data.",
        *(left, _TOP + COVER_MM - _MARGIN - 3, width, Style(7, 5)),
    )
