"""Build a tree of claims: loops are cut, and what nothing leads to goes where it lies."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from mediastation.model.repair import RepairLog
from mediastation.reading.directory_record import DirectoryRecord
from mediastation.reading.record_links import LEAF_LEVEL, OPEN_LEVEL, Claims, Kind
from mediastation.reading.record_tree import MAX_LEVEL, NO_PARENT, SUBJECT, RecordTree

GUESSED, CERTAIN = 1, 2
"""Why no offset is believed for a record: its place is a guess, or there is only one for it."""

_FRESH, _ON_PATH, _DONE = 0, 1, 2


def place_records(
    records: Sequence[DirectoryRecord],
    levels: bytes | bytearray,
    claims: Claims,
    log: RepairLog,
) -> tuple[RecordTree, bytearray]:
    """Give every record a place.

    A record that no offset leads to follows the one before it in the file if
    that is of its level, else it lies below the last one before it that may
    hold it; where the file has its records the other way round, the same holds
    from its end.

    Returns
    -------
    tree : RecordTree
        Every record is in it.
    guessed : bytearray
        `GUESSED` for each record whose place, or that of one above it, no offset
        tells; `CERTAIN` where none has to.
    """
    guessed = _guess_places(records, levels, claims, log)
    return _Builder(records, levels, claims, guessed, log).build(), guessed


def _guess_places(
    records: Sequence[DirectoryRecord],
    levels: bytes | bytearray,
    claims: Claims,
    log: RepairLog,
) -> bytearray:
    """Give records without a claim one by their position; return which they are."""
    count = len(records)
    guessed = bytearray(count)
    current = [-1, -1, -1]
    before = -1
    for index in range(count - 1, -1, -1) if _is_reversed(levels, claims) else range(count):
        level = levels[index]
        if claims.kinds[index] == Kind.NOWHERE:
            # A patient has no other place than the root.
            guessed[index] = GUESSED if 0 < level <= OPEN_LEVEL else CERTAIN
            kind, source = _position(level, levels, before, current)
            claims.kinds[index], claims.sources[index] = kind, source
            if log.wants("orphan-record"):
                beside = "in the root" if source < 0 else f"by {records[source].label}"
                log.keep(
                    "orphan-record",
                    records[index].label,
                    f"no offset leads to the record at byte {records[index].offset}",
                    f"placed {beside}, next to which it lies",
                )
        if level < LEAF_LEVEL:
            current[level:] = [index] + [-1] * (len(current) - level - 1)
        before = index
    return guessed


def _position(
    level: int, levels: bytes | bytearray, before: int, current: Sequence[int]
) -> tuple[Kind, int]:
    if level > OPEN_LEVEL or level == 0:
        return Kind.ROOT, -1
    if before >= 0 and levels[before] == level:
        return Kind.NEXT, before
    top = min(level, LEAF_LEVEL)
    holder = next((one for one in reversed(current[:top]) if one >= 0), -1)
    return (Kind.CHILD, holder) if holder >= 0 else (Kind.ROOT, -1)


def _is_reversed(levels: bytes | bytearray, claims: Claims) -> bool:
    """Tell whether records lie in front of those above them."""
    below = sum(
        1 if source < index else -1
        for index, source in enumerate(claims.sources)
        if claims.kinds[index] == Kind.CHILD
    )
    if below:
        return below < 0
    placed = [level for level in levels if level <= LEAF_LEVEL]
    return bool(placed) and placed[0] > placed[-1]


class _Builder:
    """Turns claims into parents, levels and an order."""

    def __init__(
        self,
        records: Sequence[DirectoryRecord],
        levels: bytes | bytearray,
        claims: Claims,
        guessed: bytearray,
        log: RepairLog,
    ) -> None:
        self._records = records
        self._levels = levels
        self._claims = claims
        self._guessed = guessed
        self._log = log
        count = len(records)
        self._tree = RecordTree(array("l", [NO_PARENT]) * count, array("l"), bytearray(count))
        self._state = bytearray(count)

    def build(self) -> RecordTree:
        for index in range(len(self._records)):
            if self._state[index] == _FRESH:
                self._resolve(index)
        self._tree.order = self._in_order()
        return self._tree

    def _resolve(self, index: int) -> None:
        """Settle `index` and every record that its place depends on."""
        sources, state = self._claims.sources, self._state
        path: list[int] = []
        while index >= 0 and state[index] == _FRESH:
            state[index] = _ON_PATH
            path.append(index)
            index = sources[index]
        if index >= 0 and state[index] == _ON_PATH:
            start = path.index(index)
            loop = path[start:]
            # The one nearest to PATIENT loses its claim: the others can keep theirs.
            cut = min(loop, key=lambda one: (self._levels[one], one))
            self._cut(cut)
            turned = loop.index(cut)
            self._settle(cut)
            for one in (*reversed(loop[:turned]), *reversed(loop[turned + 1 :])):
                self._settle(one)
            path = path[:start]
        for one in reversed(path):
            self._settle(one)

    def _cut(self, index: int) -> None:
        claims = self._claims
        if self._log.wants("record-loop"):
            source = claims.sources[index]
            self._log.keep(
                "record-loop",
                self._records[source].label if source >= 0 else SUBJECT,
                f"leads back to {self._records[index].label}, below which it lies",
                f"{self._records[index].label} was placed in the root",
            )
        claims.kinds[index], claims.sources[index] = Kind.ROOT, -1
        self._guessed[index] = GUESSED

    def _settle(self, index: int) -> None:
        """Take the place of `index` from its source, which is settled."""
        tree, source = self._tree, self._claims.sources[index]
        self._state[index] = _DONE
        if source < 0:
            return
        if self._guessed[source] == GUESSED:
            self._guessed[index] = GUESSED
        tree.parents[index], tree.levels[index] = tree.parents[source], tree.levels[source]
        if self._claims.kinds[index] != Kind.CHILD:
            return
        if tree.levels[source] >= MAX_LEVEL:
            self._log.add(
                "too-deep",
                self._records[index].label,
                f"more than {MAX_LEVEL} levels of records",
                f"placed beside {self._records[source].label}",
            )
            return
        tree.parents[index], tree.levels[index] = source, tree.levels[source] + 1

    def _in_order(self) -> array[int]:
        """Return all records, each before those below it and its siblings after it."""
        count = len(self._records)
        # Records that wait for one that comes before them, as a chain from that one; the
        # place behind the last is that of the root.
        first: dict[bool, array[int]] = {
            below: array("l", [-1]) * (count + 1) for below in (True, False)
        }
        after = array("l", [-1]) * count
        for index in range(count - 1, -1, -1):
            source = self._claims.sources[index]
            chain = first[source < 0 or self._claims.kinds[index] == Kind.CHILD]
            after[index] = chain[source]
            chain[source] = index
        order = array("l")
        waiting = [first[True][count]]
        while waiting:
            index = waiting.pop()
            if index < 0:
                continue
            order.append(index)
            # Pushed last comes first: what lies below, then siblings, then who shares the claim.
            waiting += (after[index], first[False][index], first[True][index])
        return order
