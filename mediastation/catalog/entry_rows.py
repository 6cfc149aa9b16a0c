"""Index rows of entries: one staged file becomes a row, and stops being any."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from mediastation.catalog.current import standing_for
from mediastation.catalog.origins import UNVOUCHED_SOURCES
from mediastation.catalog.packing import pack_header
from mediastation.catalog.parent_rows import Parents, series_row
from mediastation.catalog.schema import (
    NO_PIXELS,
    instances,
    job_entries,
)
from mediastation.catalog.staging import Staged
from mediastation.dicom.header import INDEX_VERSION
from mediastation.dicom.values import text
from mediastation.model.entry import Kept, Kind, Outcome, Source
from mediastation.model.finding import warning

_INSTANCE_NUMBER = 0x00200013
_LARGEST_IS = 1 << 31

# Built once: putting the expressions together costs more than running them.
_SAME_CONTENT = select(instances.c.id).where(
    instances.c.sop_instance_uid == bindparam("uid"),
    instances.c.data_sha256 == bindparam("content"),
    instances.c.derived_from.is_(None),
)
_SAME_COPY = select(instances.c.id).where(
    instances.c.derived_from == bindparam("original"), instances.c.recipe == bindparam("by")
)
_RIVAL = (
    select(instances.c.sha256)
    .where(instances.c.sop_instance_uid == bindparam("uid"), instances.c.derived_from.is_(None))
    .order_by(instances.c.id)
    .limit(1)
)
_INSERT = insert(instances).returning(instances.c.id)


def find_entry(connection: Connection, staged: Staged) -> int | None:
    """Return the number of the entry that `staged` would repeat, if there is one."""
    if staged.derived_from is None:
        found = connection.execute(
            _SAME_CONTENT,
            {"uid": staged.header.sop_instance_uid, "content": staged.data_sha256},
        )
    else:
        found = connection.execute(
            _SAME_COPY, {"original": staged.derived_from, "by": staged.recipe}
        )
    return found.scalar()


def insert_entry(
    connection: Connection, staged: Staged, parents: Parents, received_at: float
) -> Kept:
    """Insert the row of `staged`, which repeats no entry, and say what it became.

    The counters of its series are only right after `Parents.write_counts`.
    """
    header = staged.header
    original = staged.kind is Kind.ORIGINAL
    rival = None
    if original and header.sop_instance_uid:
        rival = connection.execute(_RIVAL, {"uid": header.sop_instance_uid}).scalar()
    of_series = series_row(connection, header, parents)
    values = {**_instance_values(staged), "series": of_series, "received_at": received_at}
    if staged.kind is Kind.COERCED and staged.derived_from is not None:
        _, replaced, size_bytes = standing_for(connection, staged.derived_from)
        parents.count(replaced, -1, -size_bytes)
    entry = connection.execute(_INSERT, values).scalar_one()
    if staged.kind is not Kind.PREPARED:
        parents.count(of_series, 1, staged.size_bytes)
        parents.arrive(of_series, received_at)
    if rival is None:
        return Kept(Outcome.ADDED, entry, header.sop_instance_uid, header.findings)
    conflict = warning(
        "conflict",
        header.sop_instance_uid,
        f"This SOP Instance UID is here already with other content (sha256:{rival}); "
        f"both are kept, the new one as sha256:{staged.sha256}.",
        "Find out which is right; `mediastation forget sha256:…` removes the other.",
        "PS3.5 9",
    )
    return Kept(Outcome.CONFLICT, entry, header.sop_instance_uid, (*header.findings, conflict))


def stored_file(connection: Connection, entry: int) -> tuple[str, Kind, int]:
    """Return digest, kind and size in bytes of the file that `entry` speaks of."""
    row = connection.execute(
        select(instances.c.sha256, instances.c.kind, instances.c.size_bytes).where(
            instances.c.id == entry
        )
    ).one()
    return row.sha256, Kind(row.kind), row.size_bytes


def digests_of(connection: Connection, entries: Collection[int]) -> dict[int, str]:
    """Return SHA-256 of the files of `entries`, by number."""
    query = select(instances.c.id, instances.c.sha256).where(instances.c.id.in_(entries))
    return {row[0]: row[1] for row in connection.execute(query)}


def replace_entry(connection: Connection, entry: int, staged: Staged, parents: Parents) -> int:
    """Write the index columns of `entry` anew from `staged`; where it came from stays.

    Returns the row of its series.
    """
    of_series = series_row(connection, staged.header, parents)
    provenance = {
        "source_kind", "source_detail", "calling_ae", "called_ae", "derived_from", "recipe"
    }  # fmt: skip
    values = {
        key: value
        for key, value in {**_instance_values(staged), "series": of_series}.items()
        if key not in provenance
    }
    connection.execute(update(instances).where(instances.c.id == entry), values)
    return of_series


def unvouched_digests(connection: Connection, entries: Collection[int]) -> dict[int, str]:
    """Return SHA-256 by entry of those originals among `entries` that came by a mere path."""
    query = select(instances.c.id, instances.c.sha256).where(
        instances.c.id.in_(entries),
        instances.c.kind == Kind.ORIGINAL,
        instances.c.source_kind.in_(UNVOUCHED_SOURCES),
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def move_source(connection: Connection, entries: Collection[int], source: Source) -> None:
    """Let `entries` have come from `source`."""
    values = {"source_kind": source.kind, "source_detail": source.detail}
    connection.execute(update(instances).where(instances.c.id.in_(entries)).values(values))


def delete_entries(connection: Connection, entries: list[int]) -> list[tuple[str, Kind]]:
    """Delete the rows of `entries` and of what was made from them.

    Where a coerced copy goes and its original stays, that stands for the
    instance again: copies that it had taken the place of go with it, for nobody
    has decided for them.

    Returns
    -------
    list of (str, Kind)
        Digest and kind of each file that no row speaks of any more.
    """
    entries = [*entries, *replaced_copies(connection, entries)]
    made = select(instances.c.id).where(instances.c.derived_from.in_(entries))
    chosen = or_(
        instances.c.id.in_(entries),
        instances.c.derived_from.in_(entries),
        instances.c.derived_from.in_(made),
    )
    rows = connection.execute(
        select(instances.c.id, instances.c.sha256, instances.c.kind, instances.c.derived_from,
               instances.c.series, instances.c.size_bytes).where(chosen)
    ).all()  # fmt: skip
    numbers = [row.id for row in rows]
    originals = {row.id for row in rows if row.kind == Kind.ORIGINAL}
    originals |= {row.derived_from for row in rows if row.kind == Kind.COERCED}
    counts = Parents()
    for original in originals:
        _, of, size_bytes = standing_for(connection, original)
        counts.count(of, -1, -size_bytes)
    connection.execute(delete(job_entries).where(job_entries.c.entry.in_(numbers)))
    # From the copies of copies upwards: rows refer to what they were made from.
    connection.execute(delete(instances).where(instances.c.derived_from.in_(made)))
    connection.execute(delete(instances).where(instances.c.derived_from.in_(entries)))
    connection.execute(delete(instances).where(instances.c.id.in_(numbers)))
    for original in originals.difference(numbers):
        _, of, size_bytes = standing_for(connection, original)
        counts.count(of, 1, size_bytes)
    counts.write_counts(connection)
    files = {(row.sha256, Kind(row.kind)) for row in rows}
    return [file for file in sorted(files) if not has_row(connection, *file)]


def replaced_copies(connection: Connection, entries: Collection[int]) -> list[int]:
    """Return the coerced copies that were made before those among `entries`, of the same."""
    later = instances.alias("later")
    is_older = (
        select(later.c.id)
        .where(
            later.c.id.in_(entries),
            later.c.kind == Kind.COERCED,
            later.c.derived_from == instances.c.derived_from,
            later.c.id > instances.c.id,
        )
        .correlate(instances)
        .exists()
    )
    originals = select(instances.c.derived_from).where(
        instances.c.id.in_(entries), instances.c.kind == Kind.COERCED
    )
    query = select(instances.c.id).where(
        instances.c.derived_from.in_(originals),
        instances.c.kind == Kind.COERCED,
        instances.c.id.not_in(entries),
        is_older,
    )
    return list(connection.execute(query).scalars())


def has_row(connection: Connection, sha256: str, kind: Kind) -> bool:
    """Tell whether any row speaks of the file with this digest."""
    wanted = select(instances.c.id).where(instances.c.sha256 == sha256, instances.c.kind == kind)
    return connection.execute(wanted.limit(1)).first() is not None


def _instance_values(staged: Staged) -> dict[str, Any]:
    header, original = staged.header, staged.kind is Kind.ORIGINAL
    number = text(header, _INSTANCE_NUMBER).split("\\")[0]
    digits = number.removeprefix("-").removeprefix("+")
    instance_number = int(number) if digits.isascii() and digits.isdigit() else None
    if instance_number is not None and abs(instance_number) > _LARGEST_IS:
        instance_number = None
    return {
        "kind": staged.kind,
        "derived_from": staged.derived_from,
        "recipe": staged.recipe,
        "sop_instance_uid": header.sop_instance_uid,
        "sop_class_uid": header.sop_class_uid,
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "instance_number": instance_number,
        "sha256": staged.sha256,
        "data_sha256": staged.data_sha256,
        "pixel_key": staged.pixel_key or ("" if original and header.pixel_length else NO_PIXELS),
        "size_bytes": staged.size_bytes,
        "header": pack_header(header),
        "index_version": INDEX_VERSION,
        "source_kind": staged.source.kind,
        "source_detail": staged.source.detail,
        "calling_ae": staged.source.calling_ae,
        "called_ae": staged.source.called_ae,
    }
