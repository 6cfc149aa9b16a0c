"""Follow the offsets of a DICOMDIR, which alone define its tree (PS3.3, F.2 and F.3.2.2)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from mediastation.model.finding import error
from mediastation.reading.directory_record import DirectoryRecord
from mediastation.reading.findings import FindingLog

MAX_LEVEL = 64
"""Deeper records are not entered; PATIENT to instance is four levels."""

NO_PARENT, UNREACHED = -1, -2
SUBJECT = "DICOMDIR"


@dataclass(slots=True)
class RecordTree:
    """How the records hang together.

    Parameters
    ----------
    parents : array of int
        For each record the index of the one above it, `NO_PARENT` in the root
        entity, `UNREACHED` where no offset leads to it.
    order : array of int
        Indices of the reached records, each before its children.
    levels : bytearray
        Level of each record, 0 in the root entity; meaningless if unreached.
    shift : int
        What had to be added to each offset to hit the records; 0 in order.
    """

    parents: array[int] = field(default_factory=lambda: array("l"))
    order: array[int] = field(default_factory=lambda: array("l"))
    levels: bytearray = field(default_factory=bytearray)
    shift: int = 0


def walk_records(
    records: Sequence[DirectoryRecord], first_root: int, last_root: int, log: FindingLog
) -> RecordTree:
    """Walk from the first root record; each record is entered once, whatever leads there.

    Loops, second parents, offsets that hit no record, records that nothing
    leads to and a wrong end of the root's chain become findings.
    """
    index_of = {record.offset: index for index, record in enumerate(records)}
    tree = RecordTree(array("l", [UNREACHED]) * len(records), array("l"), bytearray(len(records)))
    parents = tree.parents
    tree.shift = shift = _find_shift(records, first_root, index_of, log)
    # Each entry: offset, parent, level, and who pointed there. A sibling is
    # pushed before a child, so children come first.
    stack: list[tuple[int, int, int, int]] = []
    if first_root:
        stack.append((first_root, NO_PARENT, 0, -1))
    chain_end = 0
    while stack:
        offset, parent, level, source = stack.pop()
        index = index_of.get(offset + shift)
        who = records[source].label if source >= 0 else SUBJECT
        if index is None:
            log.add(
                error(
                    "offset-no-record",
                    who,
                    f"leads to byte {offset}, where no record begins",
                    "what follows there is out of reach; let import scan the files",
                    "PS3.3 F.3.2.2",
                )
            )
            continue
        if parents[index] != UNREACHED:
            loop = index == source or parents[index] == parent or _is_above(parents, index, source)
            rule, what = ("record-loop", "back to") if loop else ("two-parents", "also to")
            log.add(
                error(
                    rule,
                    who,
                    f"leads {what} {records[index].label}, which is already in the tree",
                    "the tree was followed no further there",
                    "PS3.3 F.2.1",
                )
            )
            continue
        record = records[index]
        parents[index] = parent
        tree.levels[index] = level
        tree.order.append(index)
        if level == 0:
            chain_end = record.offset - shift
        if record.next_offset:
            stack.append((record.next_offset, parent, level, index))
        if record.child_offset:
            if level >= MAX_LEVEL:
                log.add(error("too-deep", record.label, f"more than {MAX_LEVEL} levels of records"))
            else:
                stack.append((record.child_offset, index, level + 1, index))
    for index, record in enumerate(records):
        if parents[index] == UNREACHED:
            log.add(
                error(
                    "orphan-record",
                    record.label,
                    "no offset leads to this record",
                    "readers do not see it; let import scan the files",
                    "PS3.3 F.2.1",
                )
            )
    if last_root != chain_end:
        log.add(
            error(
                "last-root-offset",
                SUBJECT,
                f"names byte {last_root} for the last root record, the chain ends at {chain_end}",
                reference="PS3.3 F.3.2.2",
            )
        )
    return tree


def _is_above(parents: array[int], index: int, source: int) -> bool:
    """Tell whether `index` is an ancestor of `source`; levels are limited, so this is short."""
    while source >= 0:
        source = parents[source]
        if source == index:
            return True
    return False


def _find_shift(
    records: Sequence[DirectoryRecord],
    first_root: int,
    index_of: dict[int, int],
    log: FindingLog,
) -> int:
    """Return the constant by which all offsets miss, if there is one.

    Writers that measure characters instead of bytes, or forget the preamble,
    miss by a constant; every offset must hit with it and the first without.
    """
    if not first_root or not records or first_root in index_of:
        return 0
    stated = [
        offset
        for record in records
        for offset in (record.next_offset, record.child_offset)
        if offset
    ]
    for anchor in records[:8]:
        shift = anchor.offset - first_root
        if all(offset + shift in index_of for offset in stated):
            log.add(
                error(
                    "offset-shift",
                    SUBJECT,
                    f"every offset misses its record by {shift:+d} bytes; read with that added",
                    "other readers may see nothing; write the directory anew",
                    "PS3.3 F.3.2.2",
                )
            )
            return shift
    return 0
