"""Plans for every Format, held against what its writer says of each volume, and a solver."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.fileset.file_ids import FileIdAssigner
from mediastation.media.level1 import MediumFile
from mediastation.media.planned_set import PlannedInstance
from mediastation.media.planning import PlannedVolume, plan_distribution
from mediastation.media.volume_size import Load, SizeModel
from mediastation.model.manifest import ManifestFile, write_digest_list
from mediastation.model.medium import Format
from tests.media.planning import instance
from tests.media.test_sizes import LIST, PAGES, RECORDS, WRITERS, model

# The smallest FAT volumes have 34 and 135 MB: what is planned has to be larger than those. And
# where metadata lie twice in units of 64 KiB, those would be most of a volume that is very small.
UNITS = {
    Format.FAT16: 400_000,
    Format.FAT32: 1_600_000,
    Format.UDF_2_50: 60_000,
    Format.UDF_2_60: 60_000,
}
UNIT = 3000
MODELS = {kind: model(kind, PAGES, LIST) for kind in WRITERS}
SIZES_OF_NOTHING = {
    kind: sizes.size_bytes(sizes.size_blocks(Load())) for kind, sizes in MODELS.items()
}

every_format = pytest.mark.parametrize("kind", WRITERS)


def unit_of(kind: Format) -> int:
    return UNITS.get(kind, UNIT)


def capacity_of(kind: Format) -> int:
    """About a hundred units and what every volume has, which a FAT volume has in any case."""
    if kind.is_fat:
        return 104 * unit_of(kind)
    growth = 1.4 if kind in {Format.MIME, Format.MAIL} else 1
    return SIZES_OF_NOTHING[kind] + int(104 * unit_of(kind) * growth)


def written_bytes(kind: Format, volume: PlannedVolume, size_of: dict[int, int]) -> int:
    """What the writer says of the volume, its files named as an export names them."""
    assigner, directory = FileIdAssigner(), RECORDS.head
    files = list(PAGES)
    people: dict[str, dict[str, list[Sequence[int]]]] = {}
    for part in volume.parts:
        people.setdefault(part.person, {}).setdefault(part.study, []).append(part.keys)
    for studies in people.values():
        assigner.begin_patient()
        directory += RECORDS.patient
        for series in studies.values():
            assigner.begin_study()
            directory += RECORDS.study
            for keys in series:
                assigner.begin_series()
                directory += RECORDS.series + len(keys) * RECORDS.instance
                files += [("/".join(assigner.next_instance()), size_of[key]) for key in keys]
    files.append(("DICOMDIR", directory))
    listed = write_digest_list(ManifestFile(path, size, "0" * 64) for path, size in files)
    files.append((LIST, len(listed)))
    return WRITERS[kind]([MediumFile(path, Path("unopened"), size) for path, size in files])


def fewest_volumes(series: Sequence[tuple[int, int]], sizes: SizeModel, capacity: int) -> int:
    """The optimum for series of one instance, given by study and bytes: by trying every set."""
    room = sizes.capacity_blocks(capacity)
    weights = [
        sizes.series_weight(0, study, 1, sizes.file_blocks(size), RECORDS.instance)
        for study, size in series
    ]
    fits = []
    for chosen in range(1 << len(weights)):
        load = Load()
        for index, weight in enumerate(weights):
            if chosen >> index & 1:
                sizes.add(load, weight)
        fits.append(sizes.size_blocks(load) <= room)
    best = [0] * len(fits)
    for left in range(1, len(fits)):
        lowest, chosen, best[left] = left & -left, left, len(weights)
        while chosen:
            if chosen & lowest and fits[chosen]:
                best[left] = min(best[left], best[left ^ chosen] + 1)
            chosen = (chosen - 1) & left
    return best[-1]


@st.composite
def sets(draw: st.DrawFn) -> list[tuple[int, int, int, list[int]]]:
    """Instances by series, study, size in thousandths of a volume, and what they reference."""
    return [
        (
            draw(st.integers(0, 9)),
            draw(st.integers(0, 4)),
            draw(st.integers(0, 300) | st.integers(0, 1100)),
            draw(st.lists(st.integers(0, 20), max_size=2)),
        )
        for _ in range(draw(st.integers(1, 20)))
    ]


@every_format
class TestEveryFormat:
    @settings(max_examples=20, deadline=None)
    @given(drawn=sets())
    def test_all_is_placed_once_and_each_volume_is_as_large_as_it_is_told(
        self, kind: Format, drawn: list[tuple[int, int, int, list[int]]]
    ) -> None:
        sizes, capacity = MODELS[kind], capacity_of(kind)
        chosen = [
            instance(
                key,
                f"s{series}",
                share * unit_of(kind) // 10,
                study=f"study {study}",
                person=f"person {study % 2}",
                references=[f"i{other}" for other in referenced],
            )
            for key, (series, study, share, referenced) in enumerate(drawn)
        ]
        plan = plan_distribution(chosen, capacity, sizes)

        placed = Counter(key for volume in plan.volumes for key in volume.iter_keys())
        assert placed + Counter(plan.unplaced) == Counter(range(len(chosen)))
        size_of = {one.key: one.size_bytes for one in chosen}
        for volume in plan.volumes:
            assert written_bytes(kind, volume, size_of) == volume.size_bytes <= capacity
        for key in plan.unplaced:
            alone = [PlannedInstance(0, "p", "s", "t", "u", "", size_of[key])]
            assert not plan_distribution(alone, capacity, sizes).volumes

    @settings(max_examples=20, deadline=None)
    @given(
        series=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 95)), min_size=1, max_size=8)
    )
    def test_a_few_series_need_what_the_optimum_needs(
        self, kind: Format, series: list[tuple[int, int]]
    ) -> None:
        sizes, capacity = MODELS[kind], capacity_of(kind)
        measured = [(study, share * unit_of(kind)) for study, share in series]
        chosen = [
            instance(key, f"s{key}", size, study=f"study {study}")
            for key, (study, size) in enumerate(measured)
        ]

        count = len(plan_distribution(chosen, capacity, sizes).volumes)
        assert count == fewest_volumes(measured, sizes, capacity)

    def test_twelve_series_need_what_the_optimum_needs(self, kind: Format) -> None:
        """Of many orders in which first fit may go, few find as good a packing."""
        sizes, capacity = MODELS[kind], capacity_of(kind)
        shares = (55, 40, 52, 44, 60, 35, 48, 46, 30, 64, 42, 50)
        measured = [(key % 3, share * unit_of(kind)) for key, share in enumerate(shares)]
        chosen = [
            instance(key, f"s{key}", size, study=f"study {study}")
            for key, (study, size) in enumerate(measured)
        ]

        count = len(plan_distribution(chosen, capacity, sizes).volumes)
        assert count == fewest_volumes(measured, sizes, capacity)

    def test_many_series_need_little_more_than_what_they_take(self, kind: Format) -> None:
        """The optimum is at least as many volumes as they fill, nothing shared counted."""
        sizes, capacity = MODELS[kind], capacity_of(kind)
        chooser = random.Random(5)
        chosen = [
            instance(key, f"s{key}", chooser.randint(1, 15) * unit_of(kind), study=f"t{key % 5}")
            for key in range(120)
        ]
        if kind.is_fat:
            least = -(-sum(one.size_bytes for one in chosen) // capacity)
        else:
            own = sum(
                sizes.own_growth(sizes.series_weight(0, 0, 1, sizes.file_blocks(one.size_bytes), 0))
                for one in chosen
            )
            least = -(-own // (sizes.capacity_blocks(capacity) - sizes.size_blocks(Load())))

        assert least >= 8
        assert (
            least <= len(plan_distribution(chosen, capacity, sizes).volumes) <= 11 / 9 * least + 1
        )

    def test_what_references_each_other_lies_together(self, kind: Format) -> None:
        chosen = [
            instance(
                key, f"s{key}", 40 * unit_of(kind), study=f"t{key}", references=[f"i{key ^ 3}"]
            )
            for key in range(4)
        ]
        plan = plan_distribution(chosen, capacity_of(kind), MODELS[kind])

        assert sorted(sorted(volume.iter_keys()) for volume in plan.volumes) == [[0, 3], [1, 2]]
        assert not plan.findings
