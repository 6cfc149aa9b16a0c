"""Packing units that are never divided: against every packing there is, and in numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.media.packing import pack
from mediastation.media.volume_size import Load, SizeModel, Weight, together
from tests.media.planning import BYTES, DISC


def unit(sizes: SizeModel, study: int, blocks: int) -> Weight:
    return sizes.series_weight(study % 3, study, 1, blocks, sizes.records.instance)


@st.composite
def units(draw: st.DrawFn, sizes: SizeModel, least: int, most: int) -> list[Weight]:
    """Some of a single study, some of two; none larger than 80 blocks."""
    chosen = []
    for _ in range(draw(st.integers(least, most))):
        one = unit(sizes, draw(st.integers(0, 6)), draw(st.integers(1, 40)))
        if draw(st.integers(0, 3)) == 0:
            one = together([one, unit(sizes, draw(st.integers(0, 6)), draw(st.integers(1, 40)))])
        chosen.append(one)
    return chosen


def size_of(members: list[int], chosen: list[Weight], sizes: SizeModel) -> int:
    load = Load()
    for member in members:
        sizes.add(load, chosen[member])
    return sizes.size_blocks(load)


def cost(packing: list[list[int]], chosen: list[Weight]) -> tuple[int, int]:
    """Volumes, and studies that they hold, each counted wherever it is."""
    return len(packing), sum(
        len({study for member in members for study in chosen[member].studies})
        for members in packing
    )


def all_packings(count: int) -> Iterator[list[list[int]]]:
    """Every way to spread units 0 to `count` - 1."""
    if not count:
        yield []
        return
    for packing in all_packings(count - 1):
        yield [*packing, [count - 1]]
        for place, members in enumerate(packing):
            yield [*packing[:place], [*members, count - 1], *packing[place + 1 :]]


@pytest.mark.parametrize(("sizes", "capacity"), [(BYTES, 100), (DISC, 125)], ids=["bytes", "disc"])
class TestPack:
    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_few_units_are_packed_best(
        self, data: st.DataObject, sizes: SizeModel, capacity: int
    ) -> None:
        """Fewest volumes; of those, the fewest studies cut."""
        chosen = data.draw(units(sizes, 1, 6))
        packing = pack(chosen, sizes, capacity)

        best = min(
            cost(other, chosen)
            for other in all_packings(len(chosen))
            if all(size_of(members, chosen, sizes) <= capacity for members in other)
        )
        assert cost(packing, chosen) == best

    @settings(max_examples=150, deadline=None)
    @given(data=st.data())
    def test_many_units_lie_somewhere_once_and_fit(
        self, data: st.DataObject, sizes: SizeModel, capacity: int
    ) -> None:
        chosen = data.draw(units(sizes, 13, 60))
        packing = pack(chosen, sizes, capacity)

        assert sorted(member for members in packing for member in members) == list(
            range(len(chosen))
        )
        assert all(size_of(members, chosen, sizes) <= capacity for members in packing)
        assert packing == sorted(sorted(members) for members in packing)

    @settings(max_examples=150, deadline=None)
    @given(data=st.data())
    def test_many_units_need_no_more_than_first_fit_decreasing(
        self, data: st.DataObject, sizes: SizeModel, capacity: int
    ) -> None:
        """Done here the plain way, volume by volume."""
        chosen = data.draw(units(sizes, 13, 60))
        loads: list[Load] = []
        for one in sorted(chosen, key=lambda one: -sizes.size_with(Load(), one)):
            fitting = (load for load in loads if sizes.size_with(load, one) <= capacity)
            load = next(fitting, None)
            if load is None:
                load = Load()
                loads.append(load)
            sizes.add(load, one)

        assert len(pack(chosen, sizes, capacity)) <= len(loads)

    def test_a_unit_that_fits_nowhere_is_a_mistake(self, sizes: SizeModel, capacity: int) -> None:
        with pytest.raises(ValueError, match="does not fit"):
            pack([unit(sizes, 0, capacity + 1)], sizes, capacity)


def test_studies_that_fill_a_volume_each_stay_whole() -> None:
    sizes = [60, 30, 10] * 5
    chosen = [unit(BYTES, number // 3, size) for number, size in enumerate(sizes)]
    packing = pack(chosen, BYTES, 100)

    assert cost(packing, chosen) == (5, 5)


def test_parts_of_a_study_move_together_where_there_is_room() -> None:
    """Without that, the best of the orders needs as many volumes, and cuts two studies more."""
    sizes = [
        *((0, 10), (0, 60), (1, 32), (1, 52), (2, 21), (2, 58), (3, 56)),
        *((4, 7), (4, 18), (4, 22), (4, 28), (4, 33), (4, 48)),
    ]
    chosen = [unit(BYTES, study, size) for study, size in sizes]

    assert cost(pack(chosen, BYTES, 100), chosen) == (5, 7)
