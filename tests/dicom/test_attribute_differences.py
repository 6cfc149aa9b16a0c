"""Attributes that differ are named with both values; how they are written makes no difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from mediastation.dicom.attribute_differences import (
    KEEPING,
    SHOWN_DIFFERENCES,
    Differences,
    compare_attributes,
)
from tests.dicom.instances import ENCODINGS, ct_image, written
from tests.support.corpus import corpus_files, corpus_id
from tests.support.objects import write_ct

READ = ["explicit", "implicit", "big"]


def differences(tmp_path: Path, one: bytes, other: bytes) -> Differences:
    first, second = tmp_path / "one", tmp_path / "other"
    first.write_bytes(one)
    second.write_bytes(other)
    return compare_attributes(first, second)


def told(found: Differences) -> dict[str, tuple[str | None, str | None]]:
    assert not found.unread
    return {one.name: (one.one, one.other) for one in found.shown}


@pytest.mark.parametrize("one", READ)
@pytest.mark.parametrize("other", READ)
def test_no_native_encoding_makes_a_difference(tmp_path: Path, one: str, other: str) -> None:
    found = differences(
        tmp_path, written(ct_image(), ENCODINGS[one]), written(ct_image(), ENCODINGS[other])
    )

    assert told(found) == {}


@pytest.mark.parametrize("one", READ)
@pytest.mark.parametrize("other", READ)
def test_a_changed_value_is_told_in_any_pair_of_encodings(
    tmp_path: Path, one: str, other: str
) -> None:
    changed = ct_image()
    changed.PatientName = "Möller^Jörg"
    changed.SmallestImagePixelValue = -6
    changed.DataPointRows = 70001
    changed.ReferencedImageSequence[1].ReferencedFrameNumber = "8"

    found = told(
        differences(
            tmp_path, written(ct_image(), ENCODINGS[one]), written(changed, ENCODINGS[other])
        )
    )

    assert found == {
        "Patient's Name": ("Müller^Jörg", "Möller^Jörg"),
        "Smallest Image Pixel Value": ("-5", "-6"),
        "Data Point Rows": ("70000", "70001"),
        "Referenced Image Sequence": ("2 items", "2 items"),
    }


@pytest.mark.parametrize(
    "edit",
    [
        lambda item: setattr(item, "CodeMeaning", "Scout"),
        lambda item: delattr(item, "CodeMeaning"),
        lambda item: setattr(item, "CodeMeaning", ""),
        lambda item: setattr(item, "CodingSchemeVersion", "1"),
    ],
)
def test_a_change_deep_inside_is_a_change_of_the_sequence(tmp_path: Path, edit: Any) -> None:
    changed = ct_image()
    edit(changed.ReferencedImageSequence[0].PurposeOfReferenceCodeSequence[0])

    found = told(differences(tmp_path, written(ct_image()), written(changed)))

    assert list(found) == ["Referenced Image Sequence"]


def test_an_element_that_moves_to_another_item_is_a_change(tmp_path: Path) -> None:
    def nested(*sizes: int) -> bytes:
        ds = ct_image()
        items = []
        for size in sizes:
            item = Dataset()
            item.ReferencedImageSequence = [Dataset() for _ in range(size)]
            items.append(item)
        ds.SourceImageSequence = items
        return written(ds)

    assert list(told(differences(tmp_path, nested(1, 2), nested(2, 1)))) == [
        "Source Image Sequence"
    ]


def test_defined_and_undefined_lengths_are_the_same(tmp_path: Path) -> None:
    ds = ct_image()
    ds["ReferencedImageSequence"].is_undefined_length = True
    for item in ds.ReferencedImageSequence:
        item.is_undefined_length_sequence_item = True

    assert not differences(tmp_path, written(ct_image()), written(ds))


def test_an_absent_attribute_is_not_an_empty_one(tmp_path: Path) -> None:
    empty, absent = ct_image(), ct_image()
    empty.StationName = ""

    assert told(differences(tmp_path, written(empty), written(absent))) == {
        "Station Name": ("", None)
    }


def test_what_is_shown_is_short_and_steers_no_terminal(tmp_path: Path) -> None:
    ds = ct_image()
    ds.PatientComments = "x\x1b[2J" + "long " * 100
    ds.RedPaletteColorLookupTableData = b"\1\2" * 400
    (comments, table) = told(differences(tmp_path, written(ds), written(ct_image()))).values()

    assert comments[0] is not None
    assert len(comments[0]) <= 64
    assert "\x1b" not in comments[0]
    assert table[0] == "800 bytes"


@given(st.lists(st.integers(1, 60), max_size=60, unique=True))
def test_all_are_counted_and_the_first_are_told(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int]
) -> None:
    ds = ct_image()
    block = ds.private_block(0x0031, "SOMEBODY", create=True)
    for number in numbers:
        block.add_new(number, "LO", "a value")

    found = differences(tmp_path_factory.mktemp("pair"), written(ct_image()), written(ds))

    assert found.number == len(numbers) + 1
    assert len(found.shown) == min(len(numbers) + 1, SHOWN_DIFFERENCES)
    assert [one.tag for one in found.shown] == sorted(one.tag for one in found.shown)


def test_where_a_copy_is_kept_is_no_attribute_of_the_instance(tmp_path: Path) -> None:
    ds = ct_image()
    for tag in KEEPING - {0x00080001, 0x00080005, 0xFFFCFFFC}:
        ds.add_new(tag, pydicom.datadict.dictionary_VR(tag), "AE1")

    assert not differences(tmp_path, written(ct_image()), written(ds))


@pytest.mark.parametrize("lost", [1, 40, 200])
def test_what_is_cut_short_is_said_to_be_uncompared(tmp_path: Path, lost: int) -> None:
    found = differences(tmp_path, written(ct_image()), written(ct_image())[:-lost])

    assert found
    assert "cut short" in found.unread


def test_a_deflated_data_set_is_said_to_be_uncompared(tmp_path: Path) -> None:
    found = differences(tmp_path, written(ct_image()), written(ct_image(), ENCODINGS["deflated"]))

    assert "deflated" in found.unread


def test_too_many_attributes_are_not_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediastation.dicom.attribute_differences._MOST_ATTRIBUTES", 10)

    found = differences(tmp_path, written(ct_image()), written(ct_image()))

    assert "more than 10 attributes" in found.unread


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_damage_is_told_or_is_a_difference(
    tmp_path_factory: pytest.TempPathFactory, place: int, junk: bytes
) -> None:
    whole = written(ct_image())
    place = 140 + place % (len(whole) - 140)
    spoiled = whole[:place] + junk + whole[place + len(junk) :]

    found = differences(tmp_path_factory.mktemp("pair"), whole, spoiled)

    assert isinstance(found.number, int)


@pytest.mark.parametrize("path", corpus_files("mr", "sr", "enhanced", "rt", "waveform"),
                         ids=corpus_id)  # fmt: skip
def test_a_real_object_has_no_differences_from_itself(path: Path) -> None:
    assert not compare_attributes(path, path)


def test_files_that_are_no_dicom_are_said_to_be_uncompared(tmp_path: Path) -> None:
    path = write_ct(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"no DICOM at all")

    assert "no prefix" in compare_attributes(path, tmp_path / "b").unread
