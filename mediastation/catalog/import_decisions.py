"""What people decided about contradictions on outside media, to be applied when they come again.

A decision counts for the same contradiction from the same origin, and for
nothing else: `subject` is a digest of what was decided about
(`mediastation.importing.comparison.subject_of`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select

from mediastation.catalog.catalog import Catalog, streamed
from mediastation.catalog.schema import import_decisions
from mediastation.model.importing import Standing, Verdict

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: what was decided about, how, by whom, and when (seconds since the epoch)."""

    number: int
    origin: str
    standing: Standing
    subject: str
    verdict: Verdict
    who: str
    at: float
    note: str = ""


def remember_decision(
    catalog: Catalog,
    origin: str,
    standing: Standing,
    subject: str,
    verdict: Verdict,
    who: str,
    now: float,
    note: str = "",
) -> Decision:
    """Keep a decision, which goes before those about the same that were made earlier.

    Parameters
    ----------
    origin : str
        Where the medium is from (`mediastation.model.importing.OutsideMedium.origin`).
    standing, subject
        What was decided about.
    verdict : Verdict
        How.
    who, note : str
        Who decided, and why in that person's own words.
    now : float
        In seconds since the epoch.

    Raises
    ------
    ValueError
        Without an origin, a subject or somebody who decided: such a decision
        would be applied to what it was not about, or by nobody.
    """
    if not (origin and subject and who):
        raise ValueError("a decision needs an origin, a subject and somebody who decides")
    values: dict[str, Any] = {
        "origin": origin,
        "standing": standing.value,
        "subject": subject,
        "verdict": verdict.value,
        "who": who,
        "at": now,
        "note": note,
    }
    statement = insert(import_decisions).returning(import_decisions.c.id)
    with catalog.writing() as connection:
        number = connection.execute(statement, values).scalar_one()
    return Decision(number, origin, standing, subject, verdict, who, now, note)


def recall_decision(
    catalog: Catalog, origin: str, standing: Standing, subject: str
) -> Decision | None:
    """Return the newest decision about a contradiction from one origin, if there is one."""
    query = (
        select(import_decisions)
        .where(
            import_decisions.c.subject == subject,
            import_decisions.c.origin == origin,
            import_decisions.c.standing == standing.value,
        )
        .order_by(import_decisions.c.id.desc())
        .limit(1)
    )
    with catalog.reading() as connection:
        row = connection.execute(query).first()
    return _decision(row) if row else None


def forget_decision(catalog: Catalog, number: int) -> bool:
    """Forget a decision, and those that it went before; tell whether it was there."""
    about = (import_decisions.c.origin, import_decisions.c.standing, import_decisions.c.subject)
    with catalog.writing() as connection:
        row = connection.execute(select(*about).where(import_decisions.c.id == number)).first()
        if row is None:
            return False
        same = (column == value for column, value in zip(about, row, strict=True))
        connection.execute(delete(import_decisions).where(*same, import_decisions.c.id <= number))
    return True


def iter_decisions(catalog: Catalog, origin: str | None = None) -> Iterator[Decision]:
    """Yield decisions, the newest first; those about media of one origin alone if it is named."""
    query = select(import_decisions).order_by(import_decisions.c.id.desc())
    if origin is not None:
        query = query.where(import_decisions.c.origin == origin)
    with catalog.reading() as connection, streamed(connection, query, _BATCH) as rows:
        for row in rows:
            yield _decision(row)


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        number=row.id,
        origin=row.origin,
        standing=Standing(row.standing),
        subject=row.subject,
        verdict=Verdict(row.verdict),
        who=row.who,
        at=row.at,
        note=row.note,
    )
