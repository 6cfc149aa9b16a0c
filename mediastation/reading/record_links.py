"""What the offsets of a damaged directory can only have meant (PS3.3, F.3.2.2).

Every record is to be led to exactly once, from the root, from the sibling
before it or from the record above it. So each offset is a claim, and the
records choose among the claims on them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from mediastation.model.repair import RepairLog
from mediastation.reading.directory_record import DirectoryRecord
from mediastation.reading.record_tree import SUBJECT
from mediastation.reading.record_types import CHILDREN, INSTANCE_TYPES, PRIVATE, ROOT

OPEN_LEVEL = 4
"""Of records that may lie anywhere: private, retired and unknown ones."""

LEAF_LEVEL = 3

_LEVELS = {"PATIENT": 0, "STUDY": 1, "SERIES": 2}
_ROOT_LEAVES = CHILDREN[ROOT] - {"PATIENT", PRIVATE}
_ROOT_LEAF_LEVEL = 5
_ANCHORS = 8
_MOST_SHIFTS = 4
_FEWEST_DRIFTING = 2
_SURE = 0.8
_HALF = 0.5
_EXACT, _MOVED, _NEAR, _UNLIKELY = range(4)
_NO_CLAIM = 1 << 62


class Kind(IntEnum):
    """From where a record is led to; ``NOWHERE`` if by no offset."""

    NOWHERE = 0
    ROOT = 1
    NEXT = 2
    CHILD = 3


class Link(NamedTuple):
    """One offset as the directory states it; `source` is -1 for the root's."""

    kind: Kind
    source: int
    offset: int


@dataclass(slots=True)
class Claims:
    """The claim that each record has chosen: its kind, and the record behind it, -1 the root."""

    kinds: bytearray
    sources: array[int]


def level_of(record_type: str) -> int:
    """Return the place of a type: 0 to 3 from PATIENT to instances, then those without one."""
    if record_type in _LEVELS:
        return _LEVELS[record_type]
    if record_type in _ROOT_LEAVES:
        return _ROOT_LEAF_LEVEL
    return LEAF_LEVEL if record_type in INSTANCE_TYPES else OPEN_LEVEL


def _is_plausible(link: Link, levels: bytes | bytearray, target: int) -> bool:
    """Tell whether Table F.4-1 lets the link lead to that record, by the types of both."""
    to = levels[target]
    if to == OPEN_LEVEL:
        return True
    if link.kind is Kind.ROOT:
        return to in {0, _ROOT_LEAF_LEVEL}
    of = levels[link.source]
    if of == OPEN_LEVEL:
        return True
    if link.kind is Kind.NEXT:
        return of == to or {of, to} == {0, _ROOT_LEAF_LEVEL}
    return of < LEAF_LEVEL and to == of + 1


def claim_records(
    records: Sequence[DirectoryRecord],
    levels: bytes | bytearray,
    first_root: int,
    log: RepairLog,
) -> Claims:
    """Let every record choose among the offsets that lead to it.

    An offset that hits no record is read as the record it was meant for: where
    all miss by a constant or by a growing number of bytes, the order of the
    offsets tells which; else the nearest record whose type fits.

    Parameters
    ----------
    records : sequence of DirectoryRecord
        In physical order.
    levels : bytes
        `level_of` each.
    first_root : int
        0 if it is not known.
    log : RepairLog
        Takes what was wrong.
    """
    targets = _Targets(records, levels, first_root, log)
    count = len(records)
    claims = Claims(bytearray(count), array("l", [-1]) * count)
    weights = array("q", [_NO_CLAIM]) * count
    for link in _iter_links(records, first_root):
        target, quality = targets.resolve(link)
        if target < 0 or target == link.source:
            if not targets.hopeless and log.wants("offset-no-record"):
                what = "no record begins" if target < 0 else "it begins itself"
                log.keep(
                    "offset-no-record",
                    _label(records, link.source),
                    f"leads to byte {link.offset}, where {what}",
                    "not followed",
                )
            continue
        if quality == _NEAR and log.wants("offset-near"):
            log.keep(
                "offset-near",
                _label(records, link.source),
                f"leads to byte {link.offset}, where no record begins",
                f"{records[target].label} at byte {records[target].offset}",
            )
        doubt = quality if _is_plausible(link, levels, target) else quality + _UNLIKELY
        # Of two claims as good as each other, that of a neighbour is the true one.
        weight = doubt << 32 | abs(target - link.source)
        loser = link.source
        if weight < weights[target]:
            loser = claims.sources[target] if claims.kinds[target] else target
            claims.kinds[target] = link.kind
            claims.sources[target] = link.source
            weights[target] = weight
        if loser != target and log.wants("two-parents"):
            log.keep(
                "two-parents",
                records[target].label,
                f"{_label(records, loser)} leads there too",
                f"it follows {_label(records, claims.sources[target])}",
            )
    return claims


def _iter_links(records: Sequence[DirectoryRecord], first_root: int) -> Iterator[Link]:
    if first_root:
        yield Link(Kind.ROOT, -1, first_root)
    for index, record in enumerate(records):
        if record.child_offset:
            yield Link(Kind.CHILD, index, record.child_offset)
        if record.next_offset:
            yield Link(Kind.NEXT, index, record.next_offset)


def _label(records: Sequence[DirectoryRecord], index: int) -> str:
    return records[index].label if index >= 0 else SUBJECT


class _Targets:
    """Tells which record an offset means."""

    def __init__(
        self,
        records: Sequence[DirectoryRecord],
        levels: bytes | bytearray,
        first_root: int,
        log: RepairLog,
    ) -> None:
        self._records = records
        self._levels = levels
        self._places = array("q", (record.offset for record in records))
        self._index = {offset: index for index, offset in enumerate(self._places)}
        self._shift = 0
        self._moved: dict[int, int] = {}
        links = list(_iter_links(records, first_root))
        stated = sorted({link.offset for link in links})
        self._hits = sum(offset in self._index for offset in stated)
        if records and self._hits < len(stated):
            self._find_drift(links, stated, log)
        self.hopeless = not self._moved and self._hits < _HALF * len(stated)
        if records and self.hopeless:
            log.add(
                "offsets-useless",
                SUBJECT,
                f"{len(stated) - self._hits:,} of {len(stated):,} offsets lead to no record",
                "the records are taken in the order in which they lie",
            )

    def resolve(self, link: Link) -> tuple[int, int]:
        """Return the record that `link` means and how sure that is, -1 if it means none."""
        if self._moved:
            index = self._moved.get(link.offset, -1)
            if index >= 0:
                return index, _EXACT if self._places[index] == link.offset else _MOVED
        if self.hopeless:
            # What hits a record among so many that miss, hits it by chance unless it fits.
            index = self._index.get(link.offset, -1)
            fits = index >= 0 and _is_plausible(link, self._levels, index)
            return (index if fits else -1), _EXACT
        index = self._index.get(link.offset + self._shift, -1)
        if index >= 0:
            return index, _MOVED if self._shift else _EXACT
        index = self._index.get(link.offset, -1)
        if index >= 0:
            return index, _EXACT
        return self._nearest(link), _NEAR

    def _nearest(self, link: Link) -> int:
        """Return the record at or behind the offset, or the one around it, whose type fits."""
        behind = bisect_left(self._places, link.offset)
        count = len(self._records)
        candidates = [behind] if behind < count else []
        if behind and link.offset < self._records[behind - 1].end:
            candidates.append(behind - 1)
        for candidate in candidates:
            if candidate != link.source and _is_plausible(link, self._levels, candidate):
                # Nothing before the first record can have been meant.
                return candidate if link.offset >= self._places[0] - 256 else -1
        return -1

    def _find_drift(self, links: Sequence[Link], stated: Sequence[int], log: RepairLog) -> None:
        """Find out whether the offsets miss in one way, so that all can be read with it."""
        for shift in self._likely_shifts(stated):
            found = sum(offset + shift in self._index for offset in stated)
            if found > self._hits and found >= _SURE * len(stated):
                self._shift, self._hits = shift, found
                log.add(
                    "offset-shift",
                    SUBJECT,
                    f"the offsets miss the records by {-shift:+d} bytes",
                    "each was read with that taken off",
                )
                return
        count = len(self._places)
        if len(stated) != count or len(stated) - self._hits < _FEWEST_DRIFTING:
            return
        drift = [place - offset for place, offset in zip(self._places, stated, strict=True)]
        rising = all(left <= right for left, right in pairwise(drift))
        falling = all(left >= right for left, right in pairwise(drift))
        if not (rising or falling):
            return
        moved = {offset: index for index, offset in enumerate(stated)}
        if all(_is_plausible(link, self._levels, moved[link.offset]) for link in links):
            self._moved = moved
            log.add(
                "offset-drift",
                SUBJECT,
                f"the offsets miss the records by {-drift[0]:+d} to {-drift[-1]:+d} bytes",
                "each was read as the record that comes as far in order",
            )

    def _likely_shifts(self, stated: Sequence[int]) -> list[int]:
        """Return the differences between records and offsets that recur at a few of them."""
        votes: Counter[int] = Counter()
        for offset in (*stated[:_ANCHORS], *stated[-_ANCHORS:]):
            at = bisect_left(self._places, offset)
            for place in self._places[max(at - _ANCHORS, 0) : at + _ANCHORS]:
                votes[place - offset] += 1
        del votes[0]
        return [shift for shift, _ in votes.most_common(_MOST_SHIFTS)]
