"""Directories with one damage each: every record gets its place back, or one that can be told."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.record_placing import CERTAIN, GUESSED
from mediastation.reading.record_recovery import RecoveredDirectory, recover_directory
from mediastation.reading.record_tree import MAX_LEVEL
from tests.support.file_sets import (
    CT,
    Record,
    dicomdir,
    element,
    image,
    patient,
    record_places,
    records,
    series,
    study,
)
from tests.support.outside import directories as outside

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
GOOD = dicomdir(records())
PLACES = record_places(GOOD)
PATIENT, STUDY, SERIES_1, IMAGE_1, IMAGE_2, IMAGE_3, SERIES_2, IMAGE_4, IMAGE_5, IMAGE_6 = range(10)
NEXT_AT, CHILD_AT = 8 + 8, 8 + 12 + 10 + 8
"""Where in an item the value fields of its two offsets lie."""

OUTLINE = [
    (0, "PATIENT", ""),
    (1, "STUDY", ""),
    (2, "SERIES", ""),
    *((3, "IMAGE", f"DICOM/S1/I{i}") for i in (1, 2, 3)),
    (2, "SERIES", ""),
    *((3, "IMAGE", f"DICOM/S2/I{i}") for i in (1, 2, 3)),
]


def recovered(content: bytes) -> RecoveredDirectory:
    return recover_directory(read_dicomdir(content))


def outline(found: RecoveredDirectory) -> list[tuple[int, str, str]]:
    return [
        (found.tree.levels[index], found.types[index], found.directory.records[index].path)
        for index in found.tree.order
    ]


def parents(found: RecoveredDirectory) -> dict[str, str]:
    """For each file the label of the record above it."""
    records = found.directory.records
    return {
        record.path: records[found.tree.parents[index]].label
        for index, record in enumerate(records)
        if record.file_id
    }


def kinds(found: RecoveredDirectory) -> dict[str, int]:
    return dict(found.log.counts)


def patched(*changes: tuple[int, bytes], content: bytes = GOOD) -> bytes:
    """`content` with bytes replaced at places."""
    spoiled = bytearray(content)
    for at, value in changes:
        spoiled[at : at + len(value)] = value
    return bytes(spoiled)


def offset(record: int, field: int, value: int) -> tuple[int, bytes]:
    return PLACES[record] + field, struct.pack("<I", value)


def length(record: int, change: int) -> tuple[int, bytes]:
    (true,) = struct.unpack_from("<I", GOOD, PLACES[record] + 4)
    return PLACES[record] + 4, struct.pack("<I", true + change)


def every_offset(change: Callable[[int], int], content: bytes = GOOD) -> bytes:
    """`content` with every offset but 0 changed, those of the root included."""
    places = record_places(content)
    fields = [content.index(b"\x04\x00\x00\x12UL") + 8, content.index(b"\x04\x00\x02\x12UL") + 8]
    fields += [place + at for place in places for at in (NEXT_AT, CHILD_AT)]
    changes = []
    for at in fields:
        (value,) = struct.unpack_from("<I", content, at)
        if value:
            changes.append((at, struct.pack("<I", change(value))))
    return patched(*changes, content=content)


class TestGoodDirectories:
    @pytest.mark.parametrize("undefined", [False, True])
    def test_a_good_directory_comes_back_as_it_is(self, undefined: bool) -> None:
        directory = read_dicomdir(dicomdir(records(), undefined=undefined))

        found = recover_directory(directory)

        assert found.repairs == ()
        assert found.directory is directory
        assert found.tree is directory.tree
        assert not any(found.guessed)
        assert outline(found) == OUTLINE

    def test_an_empty_directory_needs_nothing(self) -> None:
        assert recovered(dicomdir([])).repairs == ()

    def test_an_icon_whose_pixels_look_like_a_record_is_no_record(self) -> None:
        """Only the elements of a record's own level count, not what lies in a value."""
        tree = records()
        decoy = b"\xfe\xff\x00\xe0" + bytes(4) + element(0x00041400, "UL", bytes(4))
        tree[0].children[0].children[0].children[0].keys += element(0x00880200, "UN", decoy)

        found = recovered(dicomdir(tree))

        assert found.repairs == ()
        assert outline(found) == OUTLINE


class TestOffsets:
    @pytest.mark.parametrize("shift", [-132, -8, 8, 14, 400])
    def test_a_constant_shift_is_taken_off(self, shift: int) -> None:
        found = recovered(dicomdir(records(), shift=shift))

        assert outline(found) == OUTLINE
        assert kinds(found) == {"offset-shift": 1}

    def test_a_constant_shift_with_one_broken_offset_is_taken_off_too(self) -> None:
        content = patched(
            offset(IMAGE_2, NEXT_AT, 7), content=dicomdir(records(), shift=26)
        )  # fmt: skip

        found = recovered(content)

        assert sorted(outline(found)) == sorted(OUTLINE)
        assert parents(found)["DICOM/S1/I3"] == f"SERIES at byte {PLACES[SERIES_1]}"
        assert kinds(found)["offset-shift"] == 1

    def test_a_drift_that_grows_is_read_by_the_order_of_the_offsets(self) -> None:
        """Characters counted in place of bytes: each name makes the next offsets worse."""
        found = recovered(every_offset(lambda true: true - 2 * (true // 300)))

        assert outline(found) == OUTLINE
        assert kinds(found) == {"offset-drift": 1}

    def test_a_drift_of_more_than_a_record_is_read_by_order_too(self) -> None:
        found = recovered(every_offset(lambda true: true - (true - PLACES[0]) // 2))

        assert outline(found) == OUTLINE
        assert kinds(found) == {"offset-drift": 1}

    def test_offsets_that_are_all_zero_leave_the_order_in_the_file(self) -> None:
        found = recovered(every_offset(lambda _: 0))

        assert outline(found) == OUTLINE
        assert kinds(found) == {"orphan-record": 10, "last-root-offset": 1}
        assert found.guessed[PATIENT] == CERTAIN
        assert found.guessed[STUDY] == GUESSED

    def test_offsets_that_are_all_zero_in_a_file_that_is_the_wrong_way_round(self) -> None:
        flat: list[Record] = []
        waiting = records()
        while waiting:
            record = waiting.pop(0)
            waiting = record.children + waiting
            record.children = []
            flat.append(record)
        backwards = dicomdir([], extra=tuple(reversed(flat)))

        found = recovered(backwards)

        assert sorted(outline(found)) == sorted(OUTLINE)
        above = parents(found)
        assert above["DICOM/S1/I1"] == above["DICOM/S1/I2"] == above["DICOM/S1/I3"]
        assert above["DICOM/S2/I1"] == above["DICOM/S2/I2"] == above["DICOM/S2/I3"]
        assert above["DICOM/S1/I1"] != above["DICOM/S2/I1"]

    def test_random_offsets_are_not_followed_at_all(self) -> None:
        chance = random.Random(11)
        found = recovered(every_offset(lambda _: 1 | chance.randrange(len(GOOD))))

        assert outline(found) == OUTLINE
        assert kinds(found)["offsets-useless"] == 1

    @pytest.mark.parametrize("miss", [3, 40, -1])
    def test_one_offset_into_the_middle_of_a_record_leads_to_the_one_that_fits(
        self, miss: int
    ) -> None:
        true = PLACES[IMAGE_2]
        found = recovered(patched(offset(IMAGE_1, NEXT_AT, true + miss)))

        assert parents(found)["DICOM/S1/I2"] == f"SERIES at byte {PLACES[SERIES_1]}"
        assert parents(found)["DICOM/S1/I3"] == f"SERIES at byte {PLACES[SERIES_1]}"
        assert len(found.tree.order) == 10

    @pytest.mark.parametrize("end", [0, 1 << 31, 5])
    def test_siblings_behind_an_offset_that_leads_nowhere_stay_siblings(self, end: int) -> None:
        found = recovered(patched(offset(IMAGE_1, NEXT_AT, end)))

        assert sorted(outline(found)) == sorted(OUTLINE)
        assert kinds(found) == {"orphan-record": 1} | ({"offset-no-record": 1} if end else {})

    def test_a_series_that_nothing_leads_to_stays_in_its_study(self) -> None:
        found = recovered(patched(offset(SERIES_1, NEXT_AT, 0)))

        assert outline(found) == OUTLINE
        assert kinds(found) == {"orphan-record": 1}

    @pytest.mark.parametrize("first", [0, 9, 1 << 30])
    def test_a_root_that_leads_nowhere_is_found_by_what_it_is(self, first: int) -> None:
        at = GOOD.index(b"\x04\x00\x00\x12UL") + 8

        found = recovered(patched((at, struct.pack("<I", first))))

        assert outline(found) == OUTLINE
        assert GUESSED not in found.guessed

    @pytest.mark.parametrize(
        ("source", "field", "target"),
        [
            (IMAGE_3, NEXT_AT, IMAGE_1),
            (SERIES_2, NEXT_AT, SERIES_1),
            (IMAGE_2, CHILD_AT, STUDY),
            (IMAGE_6, NEXT_AT, PATIENT),
            (PATIENT, NEXT_AT, PATIENT),
            (SERIES_2, NEXT_AT, IMAGE_1),
        ],
    )
    def test_an_offset_that_leads_back_is_not_followed(
        self, source: int, field: int, target: int
    ) -> None:
        found = recovered(patched(offset(source, field, PLACES[target])))

        assert outline(found) == OUTLINE
        assert found.log.total == 1

    def test_a_closed_loop_that_nothing_leads_into_is_opened(self) -> None:
        """The second series and its study lead to each other, and the root to neither."""
        found = recovered(
            patched(
                offset(PATIENT, CHILD_AT, 0),
                offset(STUDY, NEXT_AT, PLACES[SERIES_1]),
                offset(STUDY, CHILD_AT, 0),
                offset(SERIES_2, NEXT_AT, PLACES[STUDY]),
            )
        )

        assert len(found.tree.order) == 10
        assert kinds(found)["record-loop"] == 1
        assert parents(found)["DICOM/S2/I1"] == f"SERIES at byte {PLACES[SERIES_2]}"

    def test_a_record_that_two_lead_to_follows_its_neighbour(self) -> None:
        found = recovered(patched(offset(SERIES_2, CHILD_AT, PLACES[IMAGE_2])))

        assert sorted(outline(found)) == sorted(OUTLINE)
        assert kinds(found) == {"two-parents": 1, "orphan-record": 1}

    def test_the_root_may_not_lead_to_an_image_that_a_series_has(self) -> None:
        at = GOOD.index(b"\x04\x00\x00\x12UL") + 8

        found = recovered(patched((at, struct.pack("<I", PLACES[IMAGE_5]))))

        assert sorted(outline(found)) == sorted(OUTLINE)

    def test_more_levels_than_allowed_are_laid_beside_each_other(self) -> None:
        below: list[Record] = [image("DEEP", "1.2.3.9")]
        for _ in range(MAX_LEVEL + 20):
            below = [Record("PRIVATE", b"", below)]

        found = recovered(dicomdir([patient("P", *below)]))

        assert len(found.tree.order) == len(found.directory.records) == MAX_LEVEL + 22
        assert max(found.tree.levels) == MAX_LEVEL
        assert kinds(found)["too-deep"] == 21


class TestLengths:
    @pytest.mark.parametrize("change", [-30, -10, -2, 2, 40, 200, 1000, 1 << 20])
    @pytest.mark.parametrize("record", [PATIENT, IMAGE_2, SERIES_2])
    def test_a_wrong_length_of_one_record_costs_no_other(self, record: int, change: int) -> None:
        found = recovered(patched(length(record, change)))

        assert outline(found) == OUTLINE
        assert set(kinds(found)) <= {"item-length", "records-found"}
        assert "item-length" in kinds(found)

    def test_a_record_that_swallows_two_others_whole_gives_them_back(self) -> None:
        both = PLACES[IMAGE_3] - PLACES[IMAGE_1]

        found = recovered(patched(length(IMAGE_1, both)))

        assert outline(found) == OUTLINE

    def test_a_record_of_undefined_length_without_an_end_ends_at_the_next(self) -> None:
        at = PLACES[IMAGE_1] + 4

        assert outline(recovered(patched((at, b"\xff" * 4)))) == OUTLINE

    @pytest.mark.parametrize("stated", [0, 100, 0x00FFFFFF, 0xFFFFFFFF])
    def test_a_wrong_length_of_the_sequence_costs_no_record(self, stated: int) -> None:
        found = recovered(patched((PLACES[0] - 4, struct.pack("<I", stated))))

        assert outline(found) == OUTLINE

    def test_records_are_found_where_the_sequence_is_destroyed(self) -> None:
        found = recovered(patched((PLACES[0] - 12, b"\xff" * 12)))

        assert outline(found) == OUTLINE
        assert kinds(found) == {"records-found": 1}

    def test_records_are_found_where_the_whole_head_is_destroyed(self) -> None:
        found = recovered(patched((0, b"\x07" * (PLACES[0]))))

        assert outline(found) == OUTLINE

    def test_a_destroyed_item_tag_costs_no_record(self) -> None:
        found = recovered(patched((PLACES[IMAGE_3], b"abcdefgh")))

        assert outline(found) == OUTLINE

    def test_a_destroyed_element_costs_what_stands_behind_it_in_its_record(self) -> None:
        at = GOOD.index(b"\x04\x00\x10\x15UI", PLACES[IMAGE_3])

        found = recovered(patched((at + 4, b"??")))

        assert outline(found) == OUTLINE
        assert kinds(found) == {"malformed-record": 1}

    def test_bytes_that_were_lost_in_the_middle_cost_only_their_records(self) -> None:
        gone = GOOD[: PLACES[IMAGE_2] + 20] + GOOD[PLACES[IMAGE_3] + 20 :]

        found = recovered(gone)

        assert {path for _, _, path in outline(found) if path} == {
            "DICOM/S1/I1",
            "DICOM/S1/I3",
            *(f"DICOM/S2/I{i}" for i in (1, 2, 3)),
        }

    @pytest.mark.parametrize("garbage", [b"\0" * 2048, b"garbage " * 99, b"\xff" * 64])
    def test_what_lies_behind_the_records_is_left_out(self, garbage: bytes) -> None:
        found = recovered(GOOD + garbage)

        assert outline(found) == OUTLINE
        assert kinds(found) == {"trailing-bytes": 1}

    def test_a_second_copy_of_the_sequence_is_told_to_be_one(self) -> None:
        found = recovered(GOOD + GOOD[PLACES[0] - 12 :])

        assert found.twins == {10 + index: index for index in range(10)}
        assert kinds(found)["record-repeated"] == 10
        assert set(outline(found)) == set(OUTLINE)

    @pytest.mark.parametrize("record", range(1, 10))
    def test_a_file_that_ends_inside_a_record_keeps_those_before_it(self, record: int) -> None:
        found = recovered(GOOD[: PLACES[record] + 30])

        assert outline(found)[:record] == OUTLINE[:record]
        assert len(found.tree.order) == record + 1
        assert kinds(found)["cut-record"] == 1

    def test_of_a_record_that_is_cut_off_is_known_what_stands_before_the_cut(self) -> None:
        found = recovered(GOOD[:-6])

        assert outline(found) == OUTLINE
        assert kinds(found) == {"cut-record": 1}

    def test_elements_in_a_wrong_order_make_no_difference(self) -> None:
        """Group 0004 may even stand behind the keys, so that the item looks like none."""
        item = PLACES[PATIENT] + 8
        keys = GOOD.index(b"\x10\x00\x10\x00PN", item)
        turned = GOOD[keys : PLACES[STUDY]] + GOOD[item:keys]

        assert outline(recovered(patched((item, turned)))) == OUTLINE


class TestTypes:
    @pytest.mark.parametrize(
        ("spelt", "meant"),
        [("image", "IMAGE"), ("Image ", "IMAGE"), ("", "IMAGE"), ("PICTURE", "IMAGE")],
    )
    def test_a_type_that_is_misspelt_or_missing_is_taken_for_what_is_meant(
        self, spelt: str, meant: str
    ) -> None:
        tree = records()
        tree[0].children[0].children[0].children[0].type = spelt

        found = recovered(dicomdir(tree))

        assert found.types[IMAGE_1] == meant
        assert outline(found) == OUTLINE
        assert kinds(found) == {"record-type": 1}

    @pytest.mark.parametrize("spelt", ["", "SUBJECT", "patient"])
    def test_levels_without_a_known_type_are_known_by_their_keys(self, spelt: str) -> None:
        tree = records()
        tree[0].type = spelt

        found = recovered(dicomdir(tree))

        assert outline(found) == OUTLINE
        assert kinds(found) == {"record-type": 1}

    def test_a_sop_class_tells_the_type_of_an_instance(self) -> None:
        report = image("REPORT", "1.2.3.7")
        report.type, report.sop_class = "", "1.2.840.10008.5.1.4.1.1.88.11"

        found = recovered(dicomdir([patient("P", study("1.2", series("1.2.3", report)))]))

        assert found.types[-1] == "SR DOCUMENT"

    def test_nothing_is_invented_for_a_level_that_is_missing(self) -> None:
        found = recovered(dicomdir([study("1.2", image("A", "1.2.3.4"))]))

        assert outline(found) == [(0, "STUDY", ""), (1, "IMAGE", "A")]
        assert kinds(found) == {"missing-level": 2}

    def test_private_levels_stand_between_the_others(self) -> None:
        vendor = Record("PRIVATE", element(0x00041432, "UI", "1.2.9"), [study("1.2.3")])

        found = recovered(dicomdir([patient("P", vendor)]))

        assert outline(found) == [(0, "PATIENT", ""), (1, "PRIVATE", ""), (2, "STUDY", "")]
        assert found.repairs == ()


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """A good directory with a few damages anywhere: bits, runs, cuts, copies, offsets, lengths."""
    undefined = draw(st.booleans())
    content = bytearray(dicomdir(records(), undefined=undefined))
    for _ in range(draw(st.integers(1, 6))):
        size = len(content)
        if not size:
            break
        at = draw(st.integers(0, size - 1))
        places = record_places(bytes(content)) or [0]
        match draw(st.sampled_from(["bit", "run", "cut", "gone", "again", "offset", "length"])):
            case "bit":
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "run":
                content[at : at + 8] = draw(st.binary(min_size=8, max_size=8))
            case "cut":
                del content[max(at, 300) :]
            case "gone":
                del content[at : at + draw(st.integers(1, 300))]
            case "again":
                content[at:at] = content[at : at + draw(st.integers(1, 900))]
            case "offset":
                place = draw(st.sampled_from(places)) + draw(st.sampled_from([NEXT_AT, CHILD_AT]))
                target = draw(st.sampled_from([*places, 0, at, 0xFFFFFFFF]))
                content[place : place + 4] = struct.pack("<I", target)
            case "length":
                place = draw(st.sampled_from(places)) + 4
                stated = draw(st.sampled_from([0, at, 0xFFFFFFFF, 0xFFFFFFFE]))
                content[place : place + 4] = struct.pack("<I", stated)
    return bytes(content)


@fuzz
@given(_damaged())
def test_whatever_is_damaged_every_record_ends_once_in_a_tree(content: bytes) -> None:
    found = recovered(content)

    tree, count = found.tree, len(found.directory.records)
    assert sorted(tree.order) == list(range(count))
    assert len(found.types) == len(found.guessed) == len(tree.parents) == count
    position = {index: number for number, index in enumerate(tree.order)}
    for index in range(count):
        above = tree.parents[index]
        if above >= 0:
            assert position[above] < position[index]
            assert tree.levels[index] == tree.levels[above] + 1
        else:
            assert tree.levels[index] == 0
    assert max(tree.levels, default=0) <= MAX_LEVEL


@fuzz
@given(st.data())
def test_one_wrong_offset_loses_and_misplaces_nothing(data: st.DataObject) -> None:
    """The file's order is that of the tree, so even a lost offset can be made good."""
    record = data.draw(st.integers(0, 9))
    field = data.draw(st.sampled_from([NEXT_AT, CHILD_AT]))
    value = data.draw(st.one_of(st.integers(0, 2000), st.sampled_from(PLACES)))

    found = recovered(patched(offset(record, field, value)))

    if value not in PLACES:
        assert sorted(outline(found)) == sorted(OUTLINE)
    assert {path for _, _, path in outline(found)} == {path for _, _, path in OUTLINE}


@st.composite
def _sound(draw: st.DrawFn) -> bytes:
    """A sound directory of any shape, its records in any order in the file."""
    sizes = st.lists(st.lists(st.lists(st.integers(0, 3), max_size=3), max_size=3), max_size=3)
    tree, number = [], 0
    for p, patients in enumerate(draw(sizes)):
        studies = []
        for s, all_series in enumerate(patients):
            below = []
            for n, images in enumerate(all_series):
                leaves = []
                for _ in range(images):
                    number += 1
                    one = outside.Record("IMAGE", [], [], f"I{number}", f"1.2.{number}", CT)
                    leaves.append(one)
                keys = [(0x0020000E, "UI", f"1.{p}.{s}.{n}")]
                below.append(outside.Record("SERIES", keys, leaves))
            studies.append(outside.Record("STUDY", [(0x0020000D, "UI", f"1.{p}.{s}")], below))
        tree.append(outside.Record("PATIENT", [(0x00100020, "LO", f"P{p}")], studies))
    order = draw(st.randoms(use_true_random=False))
    undefined = draw(st.booleans())
    return outside.Directory(
        tree,
        physical=lambda flat: order.sample(flat, len(flat)),
        item_lengths=None if undefined else lambda _, length: length,
    ).build()


@fuzz
@given(_sound())
def test_a_sound_directory_of_any_shape_and_order_needs_nothing(content: bytes) -> None:
    directory = read_dicomdir(content)

    found = recover_directory(directory)

    assert found.repairs == ()
    assert found.tree is directory.tree
    assert len(found.tree.order) == len(found.directory.records)


@fuzz
@given(_sound(), st.data())
def test_offsets_decide_wherever_they_can(content: bytes, data: st.DataObject) -> None:
    """The root's offset is lost, and nothing else: the tree is what it was, in any order."""
    whole = recovered(content)
    at = content.index(b"\x04\x00\x00\x12UL") + 8
    wrong = data.draw(st.sampled_from([0, 1, 0xFFFFFFFF]))

    found = recovered(patched((at, struct.pack("<I", wrong)), content=content))

    patients = [index for index, kind in enumerate(whole.types) if kind == "PATIENT"]
    assert found.tree.parents == whole.tree.parents
    assert not any(found.guessed[index] == GUESSED for index in patients)
