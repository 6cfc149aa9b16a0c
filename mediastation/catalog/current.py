"""Which entry stands for an instance: the original as it came, or the copy that was coerced.

An original does until it is coerced; then the newest of its coerced copies
does. What is listed, counted, exported and sent are the entries that stand for
their instance.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select

from mediastation.catalog.schema import instances
from mediastation.model.entry import Kind

_copy = instances.alias("coerced_copy")
_FACTS = (instances.c.id, instances.c.series, instances.c.size_bytes)
_NEWEST_COPY = (
    select(*_FACTS)
    .where(instances.c.kind == Kind.COERCED, instances.c.derived_from == bindparam("original"))
    .order_by(instances.c.id.desc())
    .limit(1)
)
_ITSELF = select(*_FACTS).where(instances.c.id == bindparam("original"))


def is_current() -> ColumnElement[bool]:
    """Return what is true of the rows of `instances` that stand for their instance."""
    newer = (_copy.c.derived_from == instances.c.derived_from) & (_copy.c.id > instances.c.id)
    replaced = (
        select(_copy.c.id)
        .where(_copy.c.kind == Kind.COERCED, or_(_copy.c.derived_from == instances.c.id, newer))
        .correlate(instances)
        .exists()
    )
    return instances.c.kind.in_((Kind.ORIGINAL, Kind.COERCED)) & ~replaced


def standing_for(connection: Connection, original: int) -> tuple[int, int, int]:
    """Return number, series and size of the entry that stands for the instance of `original`."""
    row = connection.execute(_NEWEST_COPY, {"original": original}).first()
    if row is None:
        row = connection.execute(_ITSELF, {"original": original}).one()
    return row.id, row.series, row.size_bytes
