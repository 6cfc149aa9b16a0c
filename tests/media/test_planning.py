"""Distribution over volumes: every rule, on made-up sets of any shape."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.media.planned_set import PlannedInstance
from mediastation.media.planning import (
    Distribution,
    MediumChoice,
    compare_media,
    plan_distribution,
)
from mediastation.media.sizes import SizeModel, size_model
from mediastation.model.medium import Format
from tests.media.planning import (
    BYTES,
    DISC,
    RECORDS,
    fewest_bins,
    instance,
    keys_of,
)

DISC_BYTES = 120 * 2048


@st.composite
def sets(draw: st.DrawFn) -> list[PlannedInstance]:
    """Several people with studies, series of any size, references to anything."""
    chosen: list[PlannedInstance] = []
    uids = st.integers(1, 60).map(lambda key: f"i{key}") | st.integers(0, 11).map(
        lambda number: f"series {number}"
    )
    for number in range(draw(st.integers(1, 12))):
        study = draw(st.integers(0, 5))
        for _ in range(draw(st.integers(1, 6))):
            chosen.append(
                instance(
                    len(chosen) + 1,
                    f"series {number}",
                    draw(st.integers(0, 60 * 2048) | st.integers(0, 130 * 2048)),
                    study=f"study {study}",
                    person=f"person {study % 3}",
                    moment=f"2024010{study // 2}",
                    references=draw(st.frozensets(uids, max_size=2)),
                )
            )
    return chosen


def rules(plan: Distribution) -> list[str]:
    return [finding.rule for finding in plan.findings]


def series_of(chosen: Sequence[PlannedInstance]) -> dict[tuple[str, str, str], list[int]]:
    series = defaultdict(list)
    for one in chosen:
        series[one.person, one.study, one.series].append(one.key)
    return series


def planned(chosen: Sequence[PlannedInstance], sizes: SizeModel = DISC) -> Distribution:
    return plan_distribution(chosen, DISC_BYTES, sizes)


class TestRules:
    @settings(max_examples=150, deadline=None)
    @given(sets())
    def test_every_instance_lies_somewhere_once(self, chosen: list[PlannedInstance]) -> None:
        plan = planned(chosen)
        placed = Counter(key for volume in plan.volumes for key in volume.iter_keys())

        assert placed + Counter(plan.unplaced) == Counter(one.key for one in chosen)
        assert len(plan.unplaced) == rules(plan).count("instance-too-large")
        assert all(volume.instances for volume in plan.volumes)

    @settings(max_examples=150, deadline=None)
    @given(sets())
    def test_nothing_exceeds_the_capacity(self, chosen: list[PlannedInstance]) -> None:
        """Sizes are added up anew, without what the planner remembers."""
        size_of = {one.key: one.size_bytes for one in chosen}
        for volume in planned(chosen).volumes:
            files = sum(-(-size_of[key] // 2048) for key in volume.iter_keys()) * 2048
            assert files < volume.size_bytes <= DISC_BYTES

    @settings(max_examples=150, deadline=None)
    @given(sets())
    def test_only_a_series_that_does_not_fit_alone_is_cut(
        self, chosen: list[PlannedInstance]
    ) -> None:
        plan = planned(chosen)
        by_key = {one.key: one for one in chosen}
        pieces = {
            (part.person, part.study, part.series): part.pieces
            for volume in plan.volumes
            for part in volume.parts
        }
        for identity, keys in series_of(chosen).items():
            fitting = [by_key[key] for key in keys if key not in plan.unplaced]
            if fitting:
                alone = planned(fitting)
                assert (pieces[identity] == 1) == (len(alone.volumes) == 1)
                assert pieces[identity] == alone.volumes[0].parts[0].pieces

    @settings(max_examples=150, deadline=None)
    @given(sets())
    def test_pieces_follow_the_order_of_the_instances(self, chosen: list[PlannedInstance]) -> None:
        parts = defaultdict(list)
        for volume in planned(chosen).volumes:
            for part in volume.parts:
                parts[part.person, part.study, part.series].append(part)
        for of_series in parts.values():
            of_series.sort(key=lambda part: part.piece)
            keys = [key for part in of_series for key in part.keys]
            assert keys == sorted(keys)
            assert [part.piece for part in of_series] == list(range(1, len(of_series) + 1))

    @settings(max_examples=150, deadline=None)
    @given(sets(), st.randoms(use_true_random=False), st.booleans())
    def test_the_order_of_arrival_does_not_matter(
        self, chosen: list[PlannedInstance], shuffler: random.Random, apart: bool
    ) -> None:
        shuffled = list(chosen)
        shuffler.shuffle(shuffled)

        assert plan_distribution(
            shuffled, DISC_BYTES, DISC, one_person_per_volume=apart
        ) == plan_distribution(chosen, DISC_BYTES, DISC, one_person_per_volume=apart)

    @settings(max_examples=150, deadline=None)
    @given(sets())
    def test_the_first_volume_holds_of_the_newest_study(
        self, chosen: list[PlannedInstance]
    ) -> None:
        volumes = planned(chosen).volumes
        newest = [max(part.moment for part in volume.parts) for volume in volumes]

        assert newest == sorted(newest, reverse=True)
        for volume in volumes:
            moments = [part.moment for part in volume.parts]
            assert moments == sorted(moments, reverse=True)

    @settings(max_examples=150, deadline=None)
    @given(sets())
    def test_people_who_are_apart_share_no_volume(self, chosen: list[PlannedInstance]) -> None:
        plan = plan_distribution(chosen, DISC_BYTES, DISC, one_person_per_volume=True)
        for volume in plan.volumes:
            assert len({part.person for part in volume.parts}) == 1
            for sibling in plan.siblings_of(volume):
                assert {part.person for part in sibling.parts} == {volume.parts[0].person}

    @settings(max_examples=150, deadline=None)
    @given(sets())
    def test_a_partition_is_kept(self, chosen: list[PlannedInstance]) -> None:
        partition = {"person 1": 7, "person 2": 7}
        plan = plan_distribution(chosen, DISC_BYTES, DISC, partition=partition)
        for volume in plan.volumes:
            assert len({partition.get(part.person, 0) for part in volume.parts}) == 1

    @settings(max_examples=150, deadline=None)
    @given(sets())
    def test_references_are_together_or_told(self, chosen: list[PlannedInstance]) -> None:
        """Counted from the plan alone, by UIDs."""
        plan = planned(chosen)
        volume_of = plan.volume_numbers()
        parts = {
            key: (volume.number, part.series)
            for volume in plan.volumes
            for part in volume.parts
            for key in part.keys
        }
        places: dict[str, set[int]] = {}
        for one in chosen:
            if one.key in volume_of:
                places.setdefault(one.series, set()).add(volume_of[one.key])
        places |= {
            one.uid: {volume_of[one.key]} if one.key in volume_of else set() for one in chosen
        }
        series_of_uid = {one.uid: (one.person, one.study, one.series) for one in chosen}
        apart = set()
        for one in chosen:
            for uid in one.references if one.key in volume_of else ():
                own = (one.person, one.study, one.series)
                if uid.startswith("i") and series_of_uid.get(uid) != own:
                    apart |= (
                        {parts[one.key][1]}
                        if places.get(uid, set()) - {volume_of[one.key]}
                        else set()
                    )
        told = {finding.subject for finding in plan.findings if finding.rule == "references-apart"}
        assert apart <= told

    @settings(max_examples=150, deadline=None)
    @given(sets())
    def test_what_fits_with_all_it_is_linked_to_is_together(
        self, chosen: list[PlannedInstance]
    ) -> None:
        """Whatever is linked, however long the chain and whether it closes, is one unit."""
        series = series_of(chosen)
        linked = {identity: {identity} for identity in series}
        named = {one.uid: [(one.person, one.study, one.series)] for one in chosen}
        for identity in sorted(series):
            # A series' UID means the first one; others may bear it in other studies.
            named.setdefault(identity[2], []).append(identity)
        if any(len(where) > 1 for where in named.values()):
            return
        for one in chosen:
            for uid in one.references:
                for target in named.get(uid, ()):
                    joined = linked[one.person, one.study, one.series] | linked[target]
                    for identity in joined:
                        linked[identity] = joined
        plan = planned(chosen)
        volume_of = plan.volume_numbers()
        for together in linked.values():
            members = [one for one in chosen if (one.person, one.study, one.series) in together]
            if len(planned(members).volumes) == 1 and not planned(members).unplaced:
                assert len({volume_of[one.key] for one in members}) == 1


class TestNumberOfVolumes:
    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.integers(1, 100), min_size=1, max_size=12), st.data())
    def test_up_to_twelve_series_need_what_the_optimum_needs(
        self, sizes: list[int], data: st.DataObject
    ) -> None:
        studies = data.draw(st.lists(st.integers(0, 4), min_size=len(sizes), max_size=len(sizes)))
        chosen = [
            instance(key, f"s{key}", size, study=f"study {study}", moment=f"2024{study}")
            for key, (size, study) in enumerate(zip(sizes, studies, strict=True))
        ]

        assert len(plan_distribution(chosen, 100, BYTES).volumes) == fewest_bins(sizes, 100)

    @settings(max_examples=100, deadline=None)
    @given(st.integers(2, 30), st.randoms(use_true_random=False), st.integers(1, 12))
    def test_many_series_need_little_more_than_the_optimum(
        self, optimum: int, chooser: random.Random, cuts: int
    ) -> None:
        """Full volumes are broken into series: the optimum is known, and leaves no room."""
        sizes = []
        for _ in range(optimum):
            at = sorted(chooser.sample(range(1, 10_000), cuts))
            sizes += [end - start for start, end in zip([0, *at], [*at, 10_000], strict=True)]
        chosen = [
            instance(key, f"s{key}", size, study=f"study {key % 17}")
            for key, size in enumerate(sizes)
        ]

        count = len(plan_distribution(chosen, 10_000, BYTES).volumes)
        assert optimum <= count <= 11 / 9 * optimum + 1

    @pytest.mark.parametrize("share", [0.17, 0.34, 0.51])
    def test_series_just_above_a_share_of_a_volume(self, share: float) -> None:
        size = int(10_000 * share)
        chosen = [instance(key, f"s{key}", size) for key in range(300)]
        each = 10_000 // size

        assert len(plan_distribution(chosen, 10_000, BYTES).volumes) == 300 // each

    def test_thousands_of_tiny_series_leave_no_volume_but_the_last_half_empty(self) -> None:
        chosen = [
            instance(key, f"s{key}", 100, study=f"study {key % 700}", moment=f"{key % 700:08}")
            for key in range(3000)
        ]
        volumes = plan_distribution(chosen, 1_000_000, DISC).volumes

        least = -(-sum(volume.size_bytes for volume in volumes) // 1_000_000)
        assert len(volumes) <= 11 / 9 * least + 1

    def test_studies_stay_together_where_that_costs_nothing(self) -> None:
        """Two volumes either way; the largest first would mix the studies."""
        sizes = {"new": (50, 30, 20), "old": (60, 25, 15)}
        chosen = [
            instance(10 * number + place, f"{study} {place}", size, study=study, moment=study)
            for number, (study, of_study) in enumerate(sizes.items())
            for place, size in enumerate(of_study)
        ]
        plan = plan_distribution(chosen, 100, BYTES)

        assert keys_of(plan) == [[10, 11, 12], [0, 1, 2]]
        assert all(held.complete for volume in plan.volumes for held in volume.studies)

    def test_a_study_is_parted_where_that_saves_a_volume(self) -> None:
        sizes = {"a": (60, 30), "b": (60, 30), "c": (10, 10)}
        chosen = [
            instance(10 * number + place, f"{study} {place}", size, study=study)
            for number, (study, of_study) in enumerate(sizes.items())
            for place, size in enumerate(of_study)
        ]

        assert len(plan_distribution(chosen, 100, BYTES).volumes) == 2


class TestCutSeries:
    def test_a_giant_is_cut_into_as_few_pieces_as_possible(self) -> None:
        chosen = [instance(key, "giant", 30) for key in range(10)]
        plan = plan_distribution(chosen, 100, BYTES)

        assert keys_of(plan) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
        (finding,) = plan.findings
        assert (finding.rule, finding.subject) == ("series-cut", "giant")
        assert "1, 2, 3, 4" in finding.message

    @given(st.lists(st.integers(0, 100), min_size=1, max_size=40))
    def test_no_cutting_in_instance_order_has_fewer_pieces(self, sizes: list[int]) -> None:
        plan = plan_distribution(
            [instance(key, "giant", size) for key, size in enumerate(sizes)], 100, BYTES
        )
        fewest = [0]
        for end in range(1, len(sizes) + 1):
            starts = (start for start in range(end) if sum(sizes[start:end]) <= 100)
            fewest.append(1 + min(fewest[start] for start in starts))

        assert plan.volumes[0].parts[0].pieces == fewest[-1]

    def test_the_last_piece_makes_room_for_others(self) -> None:
        chosen = [instance(key, "giant", 30) for key in range(4)]
        chosen.append(instance(9, "small", 60, moment="2023"))

        assert keys_of(plan_distribution(chosen, 100, BYTES)) == [[0, 1, 2], [3, 9]]

    def test_presentation_states_lie_with_the_piece_they_show(self) -> None:
        """Two pieces take them in, if the cut leaves room for them."""
        chosen = [instance(key, "giant", 10) for key in range(16)]
        chosen += [
            instance(20, "states of 2", 10, references=["i2"]),
            instance(21, "states of 12", 10, references=["i12", "i13"]),
        ]
        plan = plan_distribution(chosen, 100, BYTES)

        volume_of = plan.volume_numbers()
        assert len(plan.volumes) == 2
        assert volume_of[20] == volume_of[2]
        assert volume_of[21] == volume_of[12]
        assert rules(plan) == ["series-cut"]

    def test_no_piece_more_is_made_for_presentation_states(self) -> None:
        chosen = [instance(key, "giant", 50) for key in range(4)]
        chosen.append(instance(20, "states", 10, references=["i0"]))
        plan = plan_distribution(chosen, 100, BYTES)

        assert keys_of(plan) == [[0, 1], [2, 3], [20]]
        assert rules(plan) == ["series-cut", "references-apart"]

    def test_an_instance_that_no_volume_holds_is_named_and_the_rest_goes_out(self) -> None:
        chosen = [instance(key, "s", 101 if key == 1 else 10) for key in range(3)]
        plan = plan_distribution(chosen, 100, BYTES)

        assert plan.unplaced == (1,)
        assert keys_of(plan) == [[0, 2]]
        (finding,) = plan.findings
        assert (finding.rule, finding.subject, finding.severity) == (
            "instance-too-large",
            "i1",
            "error",
        )


class TestReferences:
    def test_a_report_lies_where_most_of_what_it_names_does(self) -> None:
        chosen = [
            instance(1, "a", 80),
            instance(2, "b", 80),
            instance(3, "report", 10, references=["i1"]),
            instance(4, "report", 10, references=["i2"]),
            instance(5, "report", 0, references=["i2"]),
        ]
        plan = plan_distribution(chosen, 100, BYTES)

        assert [2, 3, 4, 5] in keys_of(plan)
        (finding,) = plan.findings
        assert (finding.rule, finding.subject) == ("references-apart", "report")
        assert finding.message.startswith("1 of its instances")

    def test_a_chain_through_several_studies_is_one_unit(self) -> None:
        chosen = [instance(key, f"s{key}", 20, references=[f"i{key + 1}"]) for key in range(5)] + [
            instance(9, "newest", 90, moment="2025")
        ]

        assert keys_of(plan_distribution(chosen, 100, BYTES)) == [[9], [0, 1, 2, 3, 4]]

    def test_a_circle_that_is_too_long_is_opened_and_told(self) -> None:
        chosen = [
            instance(key, f"s{key}", 30, references=[f"i{(key + 1) % 6}"]) for key in range(6)
        ]
        plan = plan_distribution(chosen, 100, BYTES)

        assert len(plan.volumes) == 2
        assert rules(plan) == ["references-apart"] * 2

    def test_a_series_may_be_named_as_a_whole(self) -> None:
        chosen = [
            instance(1, "frame", 50, moment="2020"),
            instance(2, "other", 50, moment="2022"),
            instance(3, "plan", 50, references=["frame"], moment="2024"),
            instance(4, "last", 50, moment="2019"),
        ]

        assert [1, 3] in keys_of(plan_distribution(chosen, 100, BYTES))

    def test_references_to_another_person_do_not_bring_people_together(self) -> None:
        chosen = [
            instance(1, "a", 10, person="jane", references=["i2"]),
            instance(2, "b", 10, person="john"),
        ]
        plan = plan_distribution(chosen, 100, BYTES, one_person_per_volume=True)

        assert len(plan.volumes) == 2
        assert rules(plan) == ["references-apart"]


class TestOutput:
    def test_each_volume_tells_what_its_siblings_hold(self) -> None:
        chosen = [
            instance(key, "new" if key < 6 else "old", 30, moment="2" if key < 6 else "1")
            for key in range(7)
        ]
        plan = plan_distribution(chosen, 100, BYTES)
        first = plan.volumes[0]

        assert [sibling.number for sibling in plan.siblings_of(first)] == [2, 3]
        assert [(held.instances, held.series, held.complete) for held in first.studies] == [
            (3, 1, False)
        ]
        assert plan.volumes[-1].studies[-1].complete

    def test_what_belongs_to_no_patient_goes_with_the_newest(self) -> None:
        protocol = PlannedInstance(5, "", "", "", "i5", "", 10)
        chosen = [
            protocol,
            instance(1, "a", 10, person="jane", moment="2023"),
            instance(2, "b", 10, person="john", moment="2024"),
        ]
        plan = plan_distribution(chosen, 100, BYTES, one_person_per_volume=True)

        assert keys_of(plan) == [[2, 5], [1]]
        assert keys_of(plan_distribution([protocol], 100, BYTES)) == [[5]]

    def test_a_series_of_one_uid_in_two_studies_is_two(self) -> None:
        chosen = [instance(1, "s", 60, study="a"), instance(2, "s", 60, study="b")]

        assert len(plan_distribution(chosen, 100, BYTES).volumes) == 2
        assert not plan_distribution(chosen, 100, BYTES).findings

    def test_nothing_makes_no_volume(self) -> None:
        assert plan_distribution([], 100, BYTES) == Distribution(100, (), (), ())

    @pytest.mark.parametrize("size", [1, -1])
    def test_keys_come_once_and_sizes_are_sizes(self, size: int) -> None:
        with pytest.raises(ValueError, match=r"twice|negative"):
            plan_distribution([instance(1, "a", size), instance(1, "b", size)], 100, BYTES)

    def test_media_are_compared_in_their_order(self) -> None:
        chosen = [instance(key, f"s{key}", 300_000) for key in range(10)]
        small = MediumChoice("small", 1_000_000, size_model(Format.ISO9660, RECORDS))
        large = MediumChoice("large", 4_000_000, size_model(Format.ISO9660, RECORDS))
        none = MediumChoice("none", 100_000, size_model(Format.ISO9660, RECORDS))
        rows = compare_media(iter(chosen), [small, large, none])

        assert [(row.name, row.volumes, row.instances, row.unplaced) for row in rows] == [
            ("small", 4, 10, 0),
            ("large", 1, 10, 0),
            ("none", 0, 0, 10),
        ]
        for row, medium in zip(rows[:2], (small, large), strict=True):
            plan = plan_distribution(chosen, medium.capacity_bytes, medium.sizes)
            assert row.size_bytes == sum(volume.size_bytes for volume in plan.volumes)
            assert row.fill == row.size_bytes / (row.volumes * row.capacity_bytes)
        assert rows[2].fill == 0
