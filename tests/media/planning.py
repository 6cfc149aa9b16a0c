"""Sets to plan, and packings found the long way round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mediastation.media.planned_set import PlannedInstance
from mediastation.media.planning import Distribution
from mediastation.media.sizes import RecordBytes, size_model
from mediastation.model.medium import Format

NO_RECORDS = RecordBytes(0, 0, 0, 0, 0)
BYTES = size_model(Format.FOLDER, NO_RECORDS)
"""A volume is as large as its files: capacities can be written down as they are."""
RECORDS = RecordBytes(400, 300, 260, 240, 410)
DISC = size_model(Format.ISO9660, RECORDS, files=[("README.TXT", 700)], digest_list="SHA256.TXT")


def instance(
    key: int,
    series: str,
    size_bytes: int,
    *,
    study: str = "",
    person: str = "jane",
    moment: str = "20240101",
    references: Iterable[str] = (),
) -> PlannedInstance:
    """One instance; its UID is ``i`` and its key, its study its series' unless it is named."""
    return PlannedInstance(
        key,
        person,
        study or f"study of {series}",
        series,
        f"i{key}",
        moment,
        size_bytes,
        frozenset(references),
        key,
    )


def keys_of(plan: Distribution) -> list[list[int]]:
    return [sorted(volume.iter_keys()) for volume in plan.volumes]


def fewest_bins(sizes: Sequence[int], capacity: int) -> int:
    """The optimum, by putting each size, largest first, into every bin that differs."""
    sizes = sorted(sizes, reverse=True)
    for count in range(max(-(-sum(sizes) // capacity), 1), len(sizes) + 1):
        if _fits(sizes, [capacity] * count):
            return count
    return len(sizes)


def _fits(sizes: Sequence[int], room: list[int]) -> bool:
    if not sizes:
        return True
    for left in sorted({left for left in room if left >= sizes[0]}):
        place = room.index(left)
        if _fits(sizes[1:], [*room[:place], left - sizes[0], *room[place + 1 :]]):
            return True
    return False
