"""As few volumes as possible for units that are never divided: bin packing, newest first.

A few units are packed by trying everything. More of them are packed in several
orders, of which first-fit decreasing alone needs at most 11/9 of the optimum
and one volume more; what keeps studies together and the newest in front is
preferred among those that need the fewest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from mediastation.media.volume_size import Load, SizeModel, Weight, together

EXACT_UNITS = 12
"""Up to so many units are packed by trying everything."""

_MOST_TARGETS = 32
"""Volumes that a part of a study is tried on when studies are brought together."""

Packing = list[list[int]]


def pack(units: Sequence[Weight], sizes: SizeModel, capacity_blocks: int) -> Packing:
    """Spread units over volumes.

    Parameters
    ----------
    units : sequence of Weight
        The newest first. Each of them fits on a volume.
    sizes : SizeModel
        What a volume's size follows from.
    capacity_blocks : int
        Of each volume.

    Returns
    -------
    list of list of int
        The units of each volume by their index, ascending; the volume with
        the newest unit first. Up to `EXACT_UNITS` units no packing needs
        fewer volumes, and among those that need as many, none cuts fewer
        studies.

    Raises
    ------
    ValueError
        If a unit does not fit on a volume.

    Notes
    -----
    Time is that of sorting, as long as few volumes have to be tried for each
    unit; which ones can take it is looked up in a tree.
    """
    if any(sizes.size_with(Load(), unit) > capacity_blocks for unit in units):
        raise ValueError("a unit does not fit on a volume")
    in_order = _Fill(units, sizes, capacity_blocks)
    for bundle in _bundles(units, sizes, capacity_blocks):
        in_order.place(bundle)
    first = in_order.result()
    if len(first) <= 1:
        return first
    studies = {study for unit in units for study in unit.studies}
    if len(first) == _least(units, sizes, capacity_blocks) and _held(first, units) == len(studies):
        return first
    if len(units) <= EXACT_UNITS:
        return _exact(units, sizes, capacity_blocks)
    packings = [first]
    loose = [_Bundle((index,), unit) for index, unit in enumerate(units)]
    bundles = _bundles(units, sizes, capacity_blocks)
    for order in (loose, _decreasing(loose, sizes), _decreasing(bundles, sizes)):
        fill = _Fill(units, sizes, capacity_blocks)
        for bundle in order:
            fill.place(bundle)
        fill.bring_studies_together()
        packings.append(fill.result())
    return min(packings, key=lambda packing: _score(packing, units))


@dataclass(frozen=True, slots=True)
class _Bundle:
    """Units that are placed in one go."""

    members: tuple[int, ...]
    weight: Weight


class _Fill:
    """Volumes that are being filled, first fit."""

    def __init__(self, units: Sequence[Weight], sizes: SizeModel, capacity_blocks: int) -> None:
        self._units = units
        self._sizes = sizes
        self._capacity = capacity_blocks
        self._loads: list[Load] = []
        self._members: list[set[int]] = []
        self._parts: list[dict[int, set[int]]] = []
        self._free = _FreeTree(len(units))
        self._at: dict[int, set[int]] = {}

    def place(self, bundle: _Bundle) -> None:
        """Put a bundle onto the first volume that takes it, or onto a new one."""
        place = self._first_fit(bundle.weight)
        if place is None:
            place = len(self._loads)
            self._loads.append(Load())
            self._members.append(set())
            self._parts.append({})
        self._put(place, bundle.members, bundle.weight)

    def result(self) -> Packing:
        """Return the volumes that hold something, the newest first."""
        return sorted(sorted(members) for members in self._members if members)

    def bring_studies_together(self) -> None:
        """Move parts of studies to other parts of them wherever there is room; open nothing."""
        cut = [study for study, places in self._at.items() if len(places) > 1]
        for study in sorted(cut):
            parts = {place: len(self._parts[place][study]) for place in self._at[study]}
            for place in sorted(parts, key=lambda place: (parts[place], -place)):
                self._move(study, place)

    def _move(self, study: int, place: int) -> None:
        """Move what is here of a study to where more of it lies, if that cuts no other ones."""
        moved = sorted(self._parts[place].get(study, ()))
        if not moved:
            return
        weight = together([self._units[member] for member in moved])
        gone = sum(self._parts[place][one] <= set(moved) for one in weight.studies)
        for target in sorted(self._at[study] - {place})[:_MOST_TARGETS]:
            come = len(weight.studies.keys() - self._loads[target].studies.keys())
            if come < gone and self._takes(target, weight):
                self._sizes.remove(self._loads[place], weight)
                self._members[place].difference_update(moved)
                for one in weight.studies:
                    self._parts[place][one].difference_update(moved)
                    if not self._parts[place][one]:
                        self._at[one].discard(place)
                self._weigh(place)
                self._put(target, moved, weight)
                return

    def _put(self, place: int, members: Collection[int], weight: Weight) -> None:
        self._sizes.add(self._loads[place], weight)
        self._members[place].update(members)
        for member in members:
            for study in self._units[member].studies:
                self._parts[place].setdefault(study, set()).add(member)
                self._at.setdefault(study, set()).add(place)
        self._weigh(place)

    def _weigh(self, place: int) -> None:
        self._free.set(place, self._capacity - self._sizes.size_blocks(self._loads[place]))

    def _first_fit(self, weight: Weight) -> int | None:
        known = {place for study in weight.studies for place in self._at.get(study, ())}
        best = next((place for place in sorted(known) if self._takes(place, weight)), None)
        need = self._sizes.least_growth(weight)
        place = self._free.first(0, need)
        while place is not None and (best is None or place < best):
            if place not in known and self._takes(place, weight):
                return place
            place = self._free.first(place + 1, need)
        return best

    def _takes(self, place: int, weight: Weight) -> bool:
        if self._free.at(place) < self._sizes.own_growth(weight):
            return False
        return self._sizes.size_with(self._loads[place], weight) <= self._capacity


class _FreeTree:
    """Finds the first volume with so many blocks left; those not opened yet have none."""

    def __init__(self, count: int) -> None:
        self._leaves = 1 << max(count - 1, 0).bit_length()
        self._most = [-1] * (2 * self._leaves)

    def at(self, place: int) -> int:
        return self._most[self._leaves + place]

    def set(self, place: int, blocks: int) -> None:
        node = self._leaves + place
        self._most[node] = blocks
        while node > 1:
            node //= 2
            self._most[node] = max(self._most[2 * node], self._most[2 * node + 1])

    def first(self, start: int, need: int) -> int | None:
        if start >= self._leaves:
            return None
        node = self._leaves + start
        while self._most[node] < need:
            while node % 2:
                node //= 2
            if not node:
                return None
            node += 1
        while node < self._leaves:
            node *= 2
            if self._most[node] < need:
                node += 1
        return node - self._leaves


def _bundles(units: Sequence[Weight], sizes: SizeModel, capacity_blocks: int) -> list[_Bundle]:
    """Join the units of each study where they fit on one volume; in the order of the newest."""
    of_study: dict[int, list[int]] = {}
    for index, unit in enumerate(units):
        # What belongs to no study is a bundle of its own.
        of_study.setdefault(next(iter(unit.studies), -1 - index), []).append(index)
    bundles = []
    for members in of_study.values():
        load = Load()
        for member in members:
            sizes.add(load, units[member])
        if sizes.size_blocks(load) <= capacity_blocks:
            weight = together([units[member] for member in members])
            bundles.append(_Bundle(tuple(members), weight))
        else:
            bundles += [_Bundle((member,), units[member]) for member in members]
    return bundles


def _decreasing(bundles: Iterable[_Bundle], sizes: SizeModel) -> list[_Bundle]:
    return sorted(bundles, key=lambda bundle: -sizes.size_with(Load(), bundle.weight))


def _least(units: Sequence[Weight], sizes: SizeModel, capacity_blocks: int) -> int:
    """Return a number of volumes that cannot be undercut: what is shared is left out."""
    room = capacity_blocks - sizes.size_blocks(Load())
    return max(-(-sum(map(sizes.own_growth, units)) // max(room, 1)), 1)


def _held(packing: Packing, units: Sequence[Weight]) -> int:
    """Return how many studies the volumes hold, a study on two of them counted twice."""
    return sum(
        len({study for member in members for study in units[member].studies}) for members in packing
    )


def _score(packing: Packing, units: Sequence[Weight]) -> tuple[int, int, int]:
    """Return what is to be least: volumes, studies that are cut, the new behind the old."""
    late = sum(
        place * (len(units) - member) for place, members in enumerate(packing) for member in members
    )
    return len(packing), _held(packing, units), late


def _exact(units: Sequence[Weight], sizes: SizeModel, capacity_blocks: int) -> Packing:
    """Return the best packing there is, found by trying every set of units on one volume.

    The newest unit has the highest bit. The volume that takes the highest bit
    left over is chosen first, and of equals the one that is the greatest
    number: it holds the newest.
    """
    count = len(units)
    loads = [Load()]
    held = [-1] * (1 << count)
    for chosen in range(1, 1 << count):
        lowest = chosen & -chosen
        load = loads[chosen ^ lowest].copy()
        sizes.add(load, units[count - lowest.bit_length()])
        loads.append(load)
        if sizes.size_blocks(load) <= capacity_blocks:
            held[chosen] = len(load.studies)
    many = 1 + sum(len(unit.studies) for unit in units)
    costs = [0] * (1 << count)
    choices = [0] * (1 << count)
    for left in range(1, 1 << count):
        highest = 1 << (left.bit_length() - 1)
        others = left ^ highest
        best = -1
        more = others
        while True:
            chosen = more | highest
            if held[chosen] >= 0:
                cost = costs[left ^ chosen] + many + held[chosen]
                if best < 0 or cost < best:
                    best, choices[left] = cost, chosen
            if not more:
                break
            more = (more - 1) & others
        costs[left] = best
    packing, left = [], (1 << count) - 1
    while left:
        chosen = choices[left]
        packing.append([index for index in range(count) if chosen >> (count - 1 - index) & 1])
        left ^= chosen
    return packing
