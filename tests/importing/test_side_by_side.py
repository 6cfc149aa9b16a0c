"""Two instances beside each other: whose, what, from where, and in what they differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.importing.judge import Judge
from mediastation.importing.side_by_side import (
    SideBySide,
    lay_side_by_side,
    side_of_entry,
    side_of_file,
)
from tests.support.arrivals import keep
from tests.support.objects import write_ct


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[Judge]:
    folder = tmp_path / "decoded"
    folder.mkdir()
    with Judge(folder) as opened:
        yield opened


def laid(catalog: Catalog, judge: Judge, tmp_path: Path, **facts: Any) -> SideBySide:
    """What is here, beside a file that differs in `facts`."""
    entry = keep(catalog, write_ct(tmp_path / "here"))
    here = side_of_entry(catalog, entry)
    assert here is not None
    held = side_of_file("DICOM/IM1", write_ct(tmp_path / "held", **facts), "today, from a disc")
    return lay_side_by_side(here, held, judge)


def test_both_identities_stand_beside_each_other(
    catalog: Catalog, judge: Judge, tmp_path: Path
) -> None:
    sides = laid(catalog, judge, tmp_path, PatientName="Doe^Janet", PatientID="0815")

    apart = {row.label: (row.one, row.other) for row in sides.people if row.differs}
    assert apart == {
        "Patient ID": ("4711", "0815"),
        "Patient's Name": ("Doe^Jane", "Doe^Janet"),
    }
    assert {one.name for one in sides.differences.shown} == {"Patient ID", "Patient's Name"}
    assert sides.pixels == "the same pixels"


def test_where_each_came_from_is_told(catalog: Catalog, judge: Judge, tmp_path: Path) -> None:
    sides = laid(catalog, judge, tmp_path)

    (came,) = (row for row in sides.facts if row.label == "came")
    assert "older disc:here" in came.one
    assert came.other == "today, from a disc"
    assert sides.titles[1] == "DICOM/IM1"


def test_other_pixels_and_another_shape_are_told(
    catalog: Catalog, judge: Judge, tmp_path: Path
) -> None:
    sides = laid(catalog, judge, tmp_path, Rows=2, Columns=8, PixelData=bytes(32))

    assert sides.pixels == "other pixels"
    (shape,) = (row for row in sides.facts if row.label == "image")
    assert (shape.one, shape.other) == ("4 x 4 pixels, 16 bits", "2 x 8 pixels, 16 bits")


def test_of_two_uids_the_attributes_are_not_counted(
    catalog: Catalog, judge: Judge, tmp_path: Path
) -> None:
    """A copy under another UID differs in what makes it another instance: that says nothing."""
    sides = laid(catalog, judge, tmp_path, SOPInstanceUID="1.9", PatientSex="M")

    assert sides.differences.number == 0
    assert sides.pixels == "the same pixels"
    assert any(row.label == "SOP Instance UID" and row.differs for row in sides.facts)


def test_objects_without_pixels_are_said_to_have_none(judge: Judge, tmp_path: Path) -> None:
    one = side_of_file("a", write_ct(tmp_path / "a", PixelData=None))
    other = side_of_file("b", write_ct(tmp_path / "b", PixelData=None, PatientSex="M"))

    sides = lay_side_by_side(one, other, judge)

    assert sides.pixels == "neither has pixels"
    assert sides.differences.number == 1


def test_a_file_that_is_gone_leaves_the_other_side_to_see(
    catalog: Catalog, judge: Judge, tmp_path: Path
) -> None:
    entry = keep(catalog, write_ct(tmp_path / "here"))
    here = side_of_entry(catalog, entry)
    assert here is not None
    gone = side_of_file("gone", tmp_path / "nothing")

    sides = lay_side_by_side(here, gone, judge)

    assert "cannot be read" in sides.pixels
    assert any(row.one == "Doe^Jane" and not row.other for row in sides.people)


def test_what_was_forgotten_has_no_side(catalog: Catalog) -> None:
    assert side_of_entry(catalog, 99) is None


def test_it_prints_safely_and_within_limits(judge: Judge, tmp_path: Path) -> None:
    steering = "Roe\x1b[2J^R\u202eobert"
    hostile = write_ct(
        tmp_path / "a",
        SpecificCharacterSet="ISO_IR 192",
        PatientName=steering,
        SeriesDescription="\x9b31m" + "x" * 62,
        StudyDescription="y" * 60,
    )
    sides = lay_side_by_side(
        side_of_file("a\x1b[2J", hostile, "from\x07"),
        side_of_file("b", write_ct(tmp_path / "b")),
        judge,
    )

    for line in sides.lines():
        assert line.isprintable()
        assert len(line) < 120
    assert "\x1b" not in json.dumps(sides.as_dict(), ensure_ascii=False)


def test_lines_and_json_tell_the_same(catalog: Catalog, judge: Judge, tmp_path: Path) -> None:
    sides = laid(catalog, judge, tmp_path, AccessionNumber="B7", StationName="CT9")
    lines = "\n".join(sides.lines())
    told: dict[str, Any] = sides.as_dict()

    assert "attributes that differ: 2" in lines
    assert "(0008,1010) Station Name" in lines
    assert "(absent)" in lines
    assert told["attributes_that_differ"] == 2
    assert {one["name"]: one["held"] for one in told["attributes"]} == {
        "Accession Number": "B7",
        "Station Name": "CT9",
    }


def test_a_sop_class_that_is_no_uid_is_shown_as_it_is(judge: Judge, tmp_path: Path) -> None:
    path = write_ct(tmp_path / "a")
    path.write_bytes(
        path.read_bytes().replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2,nonsense".ljust(26))
    )
    side = side_of_file("a", path)

    sides = lay_side_by_side(side, side, judge)

    (named,) = (row for row in sides.facts if row.label == "SOP Class")
    assert named.one == "1.2,nonsense"
