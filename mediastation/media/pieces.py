"""Series, cut where they must be, and the units that references make of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mediastation.media.planned_set import PlannedSeries, PlannedSet
from mediastation.media.volume_size import Load, SizeModel, Weight, together
from mediastation.model.finding import Finding, error


@dataclass(frozen=True, slots=True)
class Piece:
    """A series or a piece of it: its instances by position."""

    series: int
    positions: Sequence[int]
    weight: Weight


def cut_into_pieces(
    gathered: PlannedSet, sizes: SizeModel, capacity: int
) -> tuple[list[Piece], list[int], list[int], list[Finding]]:
    """Return the pieces, where those of each series begin, and what no volume can hold."""
    whole = [_weight(series, range(len(series.keys)), sizes) for series in gathered.series]
    too_large = [sizes.size_with(Load(), weight) > capacity for weight in whole]
    carried = _carried(gathered, too_large) if any(too_large) else {}
    pieces: list[Piece] = []
    first, unplaced, findings = [], [], []
    for place, series in enumerate(gathered.series):
        first.append(len(pieces))
        if not too_large[place]:
            pieces.append(Piece(place, range(len(series.keys)), whole[place]))
            continue
        fitting = []
        for position, key in enumerate(series.keys):
            alone = _weight(series, (position,), sizes)
            if (size := sizes.size_with(Load(), alone)) <= capacity:
                fitting.append(position)
                continue
            unplaced.append(key)
            findings.append(
                error(
                    "instance-too-large",
                    series.sop_instance_uid(position),
                    f"A volume with this instance alone takes {sizes.size_bytes(size):,} bytes; "
                    f"it holds {sizes.size_bytes(max(capacity, 0)):,}.",
                    "Use a larger medium.",
                    "PS3.11",
                )
            )
        guests = {
            position: [whole[guest] for guest in guests]
            for position, guests in carried.get(place, {}).items()
        }
        fewest = _cut(series, fitting, sizes, capacity, {})
        with_guests = _cut(series, fitting, sizes, capacity, guests) if guests else fewest
        for cut in with_guests if len(with_guests) == len(fewest) else fewest:
            pieces.append(Piece(place, cut, _weight(series, cut, sizes)))
    first.append(len(pieces))
    return pieces, first, unplaced, findings


def _weight(series: PlannedSeries, positions: Sequence[int], sizes: SizeModel) -> Weight:
    blocks = sum(sizes.file_blocks(series.sizes[position]) for position in positions)
    records = sum(series.records[position] or sizes.records.instance for position in positions)
    return _counted(series, len(positions), blocks, records, sizes)


def _counted(
    series: PlannedSeries, instances: int, blocks: int, records: int, sizes: SizeModel
) -> Weight:
    if series.is_root:
        return sizes.root_weight(instances, blocks, records)
    return sizes.series_weight(series.patient, series.study_number, instances, blocks, records)


def _carried(gathered: PlannedSet, too_large: Sequence[bool]) -> dict[int, dict[int, list[int]]]:
    """Return which series reference one large series only, by where they begin to."""
    begins: dict[int, dict[int, int]] = {}
    for link in gathered.links:
        of_series = begins.setdefault(link.series, {})
        for target, position in link.targets:
            of_series[target] = min(of_series.get(target, position), position)
    carried: dict[int, dict[int, list[int]]] = {}
    for series, targets in sorted(begins.items()):
        ((target, position), *others) = targets.items()
        together = gathered.series[series].group == gathered.series[target].group
        if not others and too_large[target] and not too_large[series] and together:
            carried.setdefault(target, {}).setdefault(max(position, 0), []).append(series)
    return carried


def _cut(
    series: PlannedSeries,
    positions: Sequence[int],
    sizes: SizeModel,
    capacity: int,
    guests: Mapping[int, Sequence[Weight]],
) -> list[list[int]]:
    """Cut into pieces, each as large as possible with the guests of its instances.

    No cutting in this order has fewer pieces. Guests that do not fit beside
    their instance alone are left out.
    """
    cuts: list[list[int]] = []
    load, blocks, records = Load(), 0, 0
    for position in positions:
        more = sizes.file_blocks(series.sizes[position])
        record = series.records[position] or sizes.records.instance
        if cuts:
            grown = _with_guests(load, guests.get(position, ()), sizes)
            weight = _counted(series, len(cuts[-1]) + 1, blocks + more, records + record, sizes)
            if sizes.size_with(grown, weight) <= capacity:
                cuts[-1].append(position)
                load, blocks, records = grown, blocks + more, records + record
                continue
        cuts.append([position])
        blocks, records = more, record
        load = _with_guests(Load(), guests.get(position, ()), sizes)
        if sizes.size_with(load, _counted(series, 1, blocks, records, sizes)) > capacity:
            load = Load()
    return cuts


def _with_guests(load: Load, guests: Sequence[Weight], sizes: SizeModel) -> Load:
    if not guests:
        return load
    grown = load.copy()
    for guest in guests:
        sizes.add(grown, guest)
    return grown


def find_targets(
    gathered: PlannedSet, pieces: Sequence[Piece], first: Sequence[int]
) -> dict[int, list[tuple[int, ...]]]:
    """Return, by piece, the pieces that each of its instances references."""
    at: dict[int, dict[int, int]] = {}

    def piece_of(series: int, position: int) -> int | None:
        begin, end = first[series], first[series + 1]
        if end - begin == 1 and len(pieces[begin].positions) == len(gathered.series[series].keys):
            return begin
        if series not in at:
            at[series] = {one: p for p in range(begin, end) for one in pieces[p].positions}
        return at[series].get(position)

    targets: dict[int, list[tuple[int, ...]]] = {}
    for link in gathered.links:
        piece = piece_of(link.series, link.position)
        if piece is None:
            continue
        found: set[int] = set()
        for series, position in link.targets:
            if position < 0:
                found.update(range(first[series], first[series + 1]))
            elif (target := piece_of(series, position)) is not None:
                found.add(target)
        if found:
            targets.setdefault(piece, []).append(tuple(sorted(found)))
    return targets


def join_units(
    gathered: PlannedSet,
    pieces: Sequence[Piece],
    targets: Mapping[int, Iterable[tuple[int, ...]]],
    sizes: SizeModel,
    capacity: int,
) -> list[int]:
    """Return the unit of each piece: joined along references, the most frequent first.

    A unit is named by the newest of its pieces. What would not fit on one
    volume together is not joined.
    """
    counts: Counter[tuple[int, int]] = Counter()
    for piece, references in targets.items():
        for found in references:
            counts.update((min(piece, target), max(piece, target)) for target in found)
    parents = list(range(len(pieces)))
    weights = {place: piece.weight for place, piece in enumerate(pieces)}

    def unit_of(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    for (one, other), _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        newer, older = sorted((unit_of(one), unit_of(other)))
        apart = (
            gathered.series[pieces[newer].series].group
            != gathered.series[pieces[older].series].group
        )
        if newer == older or apart:
            continue
        joined = together([weights[newer], weights[older]])
        if sizes.size_with(Load(), joined) <= capacity:
            parents[older] = newer
            weights[newer] = joined
            del weights[older]
    return [unit_of(place) for place in range(len(pieces))]
