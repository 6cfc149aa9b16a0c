"""The parts of the report on an import as tables: the page and the printed sheet say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.model.finding import Severity
from mediastation.pages.facts import IndexPatient, IndexStudy
from mediastation.pages.import_facts import ImportReportFacts
from mediastation.pages.people import PARTED, spoken_identity
from mediastation.pages.text import isolated, name_groups, one_line, readable_date

_MOST_MODALITIES = 6
_LONGEST = 300
_WEIGHTS = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.NOTE: "Note"}


@dataclass(frozen=True, slots=True)
class Part:
    """One section of the report.

    Parameters
    ----------
    caption : str
        Its heading.
    columns : tuple of str
        Headings; a ``>`` in front has the column aligned to the right.
    widths : tuple of float
        How the columns share the width.
    rows : tuple of tuple of str
        As many cells as there are columns; one alone goes across.
    more : str
        What is not named any more; empty if nothing.
    nothing : str
        What is said in place of rows.

    Notes
    -----
    A row of one cell is a phrase in one line in which outside values are isolated
    already; other cells hold one value each, which may turn its neighbours round.
    """

    caption: str
    columns: tuple[str, ...]
    widths: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]
    more: str = ""
    nothing: str = ""

    @property
    def heads(self) -> tuple[str, ...]:
        """The headings without marks."""
        return tuple(column.lstrip(">") for column in self.columns)

    @property
    def is_right(self) -> tuple[bool, ...]:
        """Which columns are aligned to the right."""
        return tuple(column.startswith(">") for column in self.columns)


def import_parts(facts: ImportReportFacts, most: int) -> tuple[Part, ...]:
    """Return the parts in their order, each with at most about `most` rows."""
    return (
        _came(facts, most),
        *([_opened(facts, most)] if facts.opened.count else []),
        _wrong(facts, most),
        _repaired(facts, most),
        _left(facts, most),
        _identities(facts, most),
        _sent(facts, most),
    )


def spoken_patient(patient: IndexPatient) -> str:
    """Return who a patient is in one line."""
    groups = [isolated(group) for group in name_groups(patient.name)] or ["no name"]
    return PARTED.join(filter(None, (*groups, spoken_identity(patient))))


def _came(facts: ImportReportFacts, most: int) -> Part:
    rows: list[tuple[str, ...]] = []
    people = facts.patients.items[:most]
    # Whoever is on the medium is named before anybody's second study is.
    each = max(1, most // max(1, len(people)))
    left_out = sum(len(one.studies) for one in facts.patients.items[most:])
    for patient in people:
        rows.append((spoken_patient(patient),))
        rows += map(_study, patient.studies[:each])
        left_out += max(0, len(patient.studies) - each)
    more = _more(left_out, "study", "studies")
    if facts.patients.count > len(people):
        told = _more(facts.patients.count - len(people), "patient", "patients")
        more = f"{told} {more}".strip()
    return Part(
        "What came",
        ("Study of", "Description", "Accession no.", "Series", ">Instances"),
        (22, 64, 30, 42, 20),
        tuple(rows),
        more,
        "Nothing came in.",
    )


def _study(study: IndexStudy) -> tuple[str, ...]:
    kinds = Counter(one.modality for one in study.series)
    told = [
        f"{count:,} {one_line(modality, 16) or 'other'}"
        for modality, count in kinds.most_common(_MOST_MODALITIES)
    ]
    if len(kinds) > _MOST_MODALITIES:
        told.append("and others")
    return (
        readable_date(study.date) or "no date",
        one_line(study.description, _LONGEST) or "no description",
        one_line(study.accession, _LONGEST),
        ", ".join(told),
        f"{sum(one.instances for one in study.series):,}",
    )


def _opened(facts: ImportReportFacts, most: int) -> Part:
    shown = facts.opened.items[:most]
    rest = facts.opened.count - len(shown)
    return Part(
        "Secure envelopes",
        ("Opened with", "Encrypted with", "Proved by", ">Files"),
        (56, 30, 76, 16),
        tuple(
            (
                _begun(one_line(one.opened_with, _LONGEST)),
                one_line(one.cipher, _LONGEST),
                one_line(one.proof, _LONGEST),
                f"{one.count:,}",
            )
            for one in shown
        ),
        _more(rest, "kind", "kinds"),
    )


def _wrong(facts: ImportReportFacts, most: int) -> Part:
    shown = facts.faults.items[:most]
    rest = facts.faults.count - len(shown)
    return Part(
        "What was wrong",
        ("Weight", "What", "For example", ">Times"),
        (16, 92, 56, 14),
        tuple(
            (
                _WEIGHTS[one.severity],
                _begun(one_line(one.message, _LONGEST)),
                one_line(one.subject, _LONGEST),
                f"{one.count:,}",
            )
            for one in shown
        ),
        _more(rest, "kind", "kinds"),
        "Nothing.",
    )


def _repaired(facts: ImportReportFacts, most: int) -> Part:
    shown = facts.repairs.items[:most]
    rest = facts.repairs.count - len(shown)
    return Part(
        "What was repaired, in the copies here and never on the medium",
        ("What", "For example", "Before", "Taken instead", ">Times"),
        (36, 42, 43, 43, 14),
        tuple(
            (
                _begun(one_line(one.what.replace("-", " "), _LONGEST)),
                one_line(one.subject, _LONGEST),
                one_line(one.before, _LONGEST) or "nothing",
                one_line(one.after, _LONGEST) or "nothing",
                f"{one.count:,}",
            )
            for one in shown
        ),
        _more(rest, "kind", "kinds"),
        "Nothing.",
    )


def _left(facts: ImportReportFacts, most: int) -> Part:
    shown = facts.left.items[:most]
    rest = facts.left.count - len(shown)
    return Part(
        "What did not come in",
        ("What", "Why", "For example", ">How many"),
        (34, 74, 52, 18),
        tuple(
            (
                one_line(one.what, _LONGEST),
                _begun(one_line(one.why, _LONGEST)),
                one_line(one.example, _LONGEST),
                f"{one.count:,}",
            )
            for one in shown
        ),
        _more(rest, "kind", "kinds"),
        "Nothing stayed behind.",
    )


def _identities(facts: ImportReportFacts, most: int) -> Part:
    rows: list[tuple[str, ...]] = []
    shown = 0
    for one in facts.identities.items:
        if shown and len(rows) + len(one.rows) > most:
            break
        shown += 1
        if one.decision:
            rows.append((one_line(one.decision, _LONGEST),))
        rows += (
            (
                row.fact,
                one_line(row.outside, _LONGEST) or "\N{EN DASH}",
                one_line(row.local, _LONGEST) or "\N{EN DASH}",
                row.agreement,
            )
            for row in one.rows
        )
    rest = facts.identities.count - shown
    return Part(
        "Whose images they are",
        ("", "On the medium", "Here", "Held against each other"),
        (24, 57, 57, 40),
        tuple(rows),
        _more(rest, "patient", "patients"),
        "No patient is named on the medium.",
    )


def _sent(facts: ImportReportFacts, most: int) -> Part:
    shown = facts.sent.items[:most]
    rest = facts.sent.count - len(shown)
    return Part(
        "Where they went",
        ("Peer", "Address", ">Confirmed", ">Refused", ">Not answered"),
        (50, 58, 22, 22, 26),
        tuple(
            (
                f"{one.peer}, of {one.part}" if one.part else one.peer,
                one.address,
                f"{one.confirmed:,}",
                f"{one.refused:,}",
                f"{one.waiting:,}",
            )
            for one in shown
        ),
        _more(rest, "peer", "peers"),
        "They had not been sent on when this was written.",
    )


def iter_names(facts: ImportReportFacts) -> Iterator[str]:
    """Yield the names on the report, for choosing how Han characters are drawn."""
    for patient in facts.patients.items:
        yield patient.name[:_LONGEST]
    for one in facts.identities.items:
        for row in one.rows:
            yield row.outside[:_LONGEST]
            yield row.local[:_LONGEST]


def _more(number: int, one: str, several: str) -> str:
    return f"And {number:,} more {one if number == 1 else several}." if number > 0 else ""


def _begun(text: str) -> str:
    """Return `text` as a sentence begins, where it is one of ours."""
    return text[:1].upper() + text[1:] if text[:1].isascii() else text
