"""A set that is too large for one medium becomes several File-sets (PS3.11: none may span media).

Each volume is a File-set of its own. Everything is decided here from sizes and
references; nothing is opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mediastation.media.packing import pack
from mediastation.media.pieces import Piece, cut_into_pieces, find_targets, join_units
from mediastation.media.planned_set import PlannedInstance, PlannedSet, gather
from mediastation.media.volume_size import Load, SizeModel, together
from mediastation.model.finding import Finding, warning

__all__ = [
    "Distribution",
    "HeldStudy",
    "MediumChoice",
    "MediumRow",
    "PlannedInstance",
    "PlannedVolume",
    "SeriesPart",
    "compare_media",
    "plan_distribution",
]


@dataclass(frozen=True, slots=True)
class SeriesPart:
    """A series, or a piece of one, on a volume.

    Parameters
    ----------
    person, study, series : str
        Empty for what belongs to no patient.
    moment : str
        Of the study: the latest that its instances tell.
    keys : tuple of int
        Its instances, in their order.
    piece, pieces : int
        Which of how many, from 1.
    """

    person: str
    study: str
    series: str
    moment: str
    keys: tuple[int, ...]
    piece: int = 1
    pieces: int = 1


@dataclass(frozen=True, slots=True)
class HeldStudy:
    """What one volume has of a study; `complete` if that is all there is of it in the set."""

    person: str
    study: str
    moment: str
    series: int
    instances: int
    complete: bool


@dataclass(frozen=True, slots=True)
class PlannedVolume:
    """One volume: a File-set that stands by itself.

    Parameters
    ----------
    number : int
        From 1.
    group : hashable
        Volumes of other groups hold people that are kept apart from those here.
    size_bytes : int
        Of the whole medium, file system and DICOMDIR included.
    used_bytes : int
        The same without what is free; less where an image fills its device.
    parts : tuple of SeriesPart
        Those of the newest study first.
    studies : tuple of HeldStudy
        The newest first; what belongs to no patient is in none.
    """

    number: int
    group: Hashable
    size_bytes: int
    used_bytes: int
    parts: tuple[SeriesPart, ...]
    studies: tuple[HeldStudy, ...]

    def iter_keys(self) -> Iterator[int]:
        """Yield the instances that lie here."""
        for part in self.parts:
            yield from part.keys

    @property
    def instances(self) -> int:
        """How many instances lie here."""
        return sum(len(part.keys) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Which instance lies on which volume.

    Parameters
    ----------
    capacity_bytes : int
        Of each volume.
    volumes : tuple of PlannedVolume
        The first one has the newest study.
    unplaced : tuple of int
        Instances that no volume can hold; each has an ``"instance-too-large"``.
    findings : tuple of Finding
        ``"instance-too-large"`` (error), ``"series-cut"`` and
        ``"references-apart"`` (warnings).
    """

    capacity_bytes: int
    volumes: tuple[PlannedVolume, ...]
    unplaced: tuple[int, ...]
    findings: tuple[Finding, ...]

    def siblings_of(self, volume: PlannedVolume) -> tuple[PlannedVolume, ...]:
        """Return the other volumes that may be named on this one: those of its own people."""
        return tuple(
            other
            for other in self.volumes
            if other.group == volume.group and other.number != volume.number
        )

    def volume_numbers(self) -> dict[int, int]:
        """Return the number of its volume by instance."""
        return {key: volume.number for volume in self.volumes for key in volume.iter_keys()}


@dataclass(frozen=True, slots=True)
class MediumChoice:
    """A medium that a set might go onto, and how its sizes come about."""

    name: str
    capacity_bytes: int
    sizes: SizeModel


@dataclass(frozen=True, slots=True)
class MediumRow:
    """What a set would take of one medium.

    `size_bytes` is that of all volumes together, `fill` the share of their
    room that it takes, 0 to 1.
    """

    name: str
    capacity_bytes: int
    volumes: int
    instances: int
    unplaced: int
    size_bytes: int
    fill: float
    findings: tuple[Finding, ...]


def plan_distribution(
    instances: Iterable[PlannedInstance],
    capacity_bytes: int,
    sizes: SizeModel,
    *,
    one_person_per_volume: bool = False,
    partition: Mapping[str, int] | None = None,
) -> Distribution:
    """Distribute instances over as few volumes as possible.

    A series is cut only if it does not fit on a volume alone, and then into as
    few pieces as possible, in instance order. What references others lies with
    them where one volume holds both; where it does not, with as much of it as
    fits. Studies stay together where that costs no volume, and the newest
    comes first. The order of `instances` does not matter.

    Parameters
    ----------
    instances : iterable of PlannedInstance
        Read once.
    capacity_bytes : int
        Of one volume.
    sizes : SizeModel
        From `mediastation.media.sizes`.
    one_person_per_volume : bool
        Whether no volume may hold two people.
    partition : mapping of str to int, optional
        People with different numbers share no volume; those it does not name
        have 0. What belongs to no patient goes with the newest study.

    Returns
    -------
    Distribution
        Without volumes if there are no instances, or none that fits.

    Raises
    ------
    ValueError
        If a key comes twice, or a size is negative.
    """
    gathered = gather(instances, one_person_per_volume=one_person_per_volume, partition=partition)
    return _distribute(gathered, capacity_bytes, sizes)


def compare_media(
    instances: Iterable[PlannedInstance],
    media: Iterable[MediumChoice],
    *,
    one_person_per_volume: bool = False,
    partition: Mapping[str, int] | None = None,
) -> list[MediumRow]:
    """Plan one set for several media; the rows come in their order.

    Other parameters and errors as for `plan_distribution`.
    """
    gathered = gather(instances, one_person_per_volume=one_person_per_volume, partition=partition)
    rows = []
    for medium in media:
        plan = _distribute(gathered, medium.capacity_bytes, medium.sizes)
        size_bytes = sum(volume.size_bytes for volume in plan.volumes)
        room = len(plan.volumes) * medium.capacity_bytes
        rows.append(
            MediumRow(
                medium.name,
                medium.capacity_bytes,
                len(plan.volumes),
                sum(volume.instances for volume in plan.volumes),
                len(plan.unplaced),
                size_bytes,
                sum(volume.used_bytes for volume in plan.volumes) / room if room else 0.0,
                plan.findings,
            )
        )
    return rows


def _distribute(gathered: PlannedSet, capacity_bytes: int, sizes: SizeModel) -> Distribution:
    capacity = sizes.capacity_blocks(capacity_bytes)
    pieces, first, unplaced, findings = cut_into_pieces(gathered, sizes, capacity)
    targets = find_targets(gathered, pieces, first)
    unit_of = join_units(gathered, pieces, targets, sizes, capacity)
    groups: dict[Hashable, dict[int, list[int]]] = {}
    for place, piece in enumerate(pieces):
        units = groups.setdefault(gathered.series[piece.series].group, {})
        units.setdefault(unit_of[place], []).append(place)
    held: list[tuple[Hashable, list[int]]] = []
    for group, units in groups.items():
        members = list(units.values())
        weights = [together([pieces[place].weight for place in unit]) for unit in members]
        for volume in pack(weights, sizes, capacity):
            held.append((group, sorted(place for unit in volume for place in members[unit])))
    volume_of = {
        place: number for number, (_, places) in enumerate(held, start=1) for place in places
    }
    findings += _cut_series(gathered, first, volume_of)
    findings += _apart(gathered, pieces, targets, volume_of)
    volumes = _volumes(gathered, pieces, first, held, sizes)
    return Distribution(capacity_bytes, volumes, tuple(unplaced), tuple(findings))


def _cut_series(
    gathered: PlannedSet,
    first: Sequence[int],
    volume_of: Mapping[int, int],
) -> Iterator[Finding]:
    for place, series in enumerate(gathered.series):
        cut = range(first[place], first[place + 1])
        if len(cut) > 1:
            numbers = sorted({volume_of[piece] for piece in cut})
            yield warning(
                "series-cut",
                series.uid,
                f"The series does not fit on one volume; its {len(series.keys):,} instances lie "
                f"in {len(cut)} pieces on the volumes {_listed(numbers)}.",
                "Use a larger medium to keep it whole.",
                "PS3.11",
            )


def _apart(
    gathered: PlannedSet,
    pieces: Sequence[Piece],
    targets: Mapping[int, Iterable[tuple[int, ...]]],
    volume_of: Mapping[int, int],
) -> Iterator[Finding]:
    for piece, references in sorted(targets.items()):
        here = volume_of[piece]
        elsewhere: set[int] = set()
        instances = 0
        for found in references:
            numbers = {volume_of[target] for target in found} - {here}
            elsewhere |= numbers
            instances += bool(numbers)
        if elsewhere:
            yield warning(
                "references-apart",
                gathered.series[pieces[piece].series].uid,
                f"{instances:,} of its instances on volume {here} reference what lies on "
                f"{_listed(sorted(elsewhere))}.",
                "Whoever reads them needs these volumes, too.",
                "PS3.11",
            )


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:20]))
    return shown if len(numbers) <= 20 else f"{shown} and {len(numbers) - 20} more"


def _volumes(
    gathered: PlannedSet,
    pieces: Sequence[Piece],
    first: Sequence[int],
    held: Sequence[tuple[Hashable, Sequence[int]]],
    sizes: SizeModel,
) -> tuple[PlannedVolume, ...]:
    totals: Counter[int] = Counter()
    for series in gathered.series:
        totals[series.study_number] += len(series.keys)
    volumes = []
    for number, (group, places) in enumerate(held, start=1):
        load = Load()
        parts = []
        here: dict[int, list[SeriesPart]] = {}
        for place in places:
            piece = pieces[place]
            series = gathered.series[piece.series]
            sizes.add(load, piece.weight)
            part = SeriesPart(
                series.person,
                series.study,
                series.uid,
                series.moment,
                tuple(series.keys[position] for position in piece.positions),
                place - first[piece.series] + 1,
                first[piece.series + 1] - first[piece.series],
            )
            parts.append(part)
            if not series.is_root:
                here.setdefault(series.study_number, []).append(part)
        studies = []
        for study, of_study in here.items():
            instances = sum(len(part.keys) for part in of_study)
            studies.append(
                HeldStudy(
                    of_study[0].person,
                    of_study[0].study,
                    of_study[0].moment,
                    len({part.series for part in of_study}),
                    instances,
                    instances == totals[study],
                )
            )
        size_bytes = sizes.size_bytes(sizes.size_blocks(load))
        used_bytes = sizes.used_bytes(sizes.size_blocks(load))
        volumes.append(
            PlannedVolume(number, group, size_bytes, used_bytes, tuple(parts), tuple(studies))
        )
    return tuple(volumes)
