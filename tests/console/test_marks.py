"""Marks mean what they say, whichever way they came about, and survive any file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.console.marks import Mark, Marks

SERIES = ["s1", "s2", "s3"]


class TestSeries:
    def test_taking_one_series_out_of_a_marked_study_leaves_the_others(self) -> None:
        marks = Marks()
        marks.toggle_study("A", "Doe")

        assert marks.toggle_series("s2", "A", "Doe", SERIES) is False

        assert sorted(marks.sources) == ["series:s1", "series:s3"]
        assert marks.of_study("A") is Mark.PART

    def test_marking_the_last_series_marks_the_study(self) -> None:
        marks = Marks()
        for uid in SERIES:
            marks.toggle_series(uid, "A", "Doe", SERIES)

        assert marks.sources == ["study:A"]
        assert marks.of_series("s2", "A") is Mark.WHOLE

    def test_marking_a_study_takes_its_series_in(self) -> None:
        marks = Marks()
        marks.toggle_series("s1", "A", "Doe", SERIES)
        marks.toggle_series("t1", "B", "Roe", ["t1", "t2"])

        marks.toggle_study("A", "Doe")

        assert sorted(marks.sources) == ["series:t1", "study:A"]

    def test_unmarking_a_study_in_part_marked_takes_all_of_it(self) -> None:
        marks = Marks()
        marks.toggle_series("s1", "A", "Doe", SERIES)

        marks.unmark_study("A")

        assert not marks
        assert marks.of_study("A") is Mark.NONE


def test_a_copy_is_not_changed_by_what_follows() -> None:
    marks = Marks()
    marks.toggle_series("s1", "A", "Doe", SERIES)
    before = marks.copy()

    marks.toggle_study("A", "Doe")

    assert before.sources == ["series:s1"]


def test_patients_are_named_once() -> None:
    marks = Marks({"A": "Doe", "B": "Doe"}, {"s": ("C", "Roe")})

    assert marks.names == ["Doe", "Roe"]


names = st.text(max_size=8)


@given(st.dictionaries(names, names), st.dictionaries(names, st.tuples(names, names)))
def test_what_is_kept_comes_back(
    studies: dict[str, str], series: dict[str, tuple[str, str]]
) -> None:
    marks = Marks(studies, {uid: of for uid, of in series.items() if of[0] not in studies})

    assert Marks.from_dict(json.loads(json.dumps(marks.as_dict()))) == marks


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {"studies": 3},
        {"studies": {"1.2": 5}},
        {"studies": {"1.2": "x" * 401}},
        {"series": {"1.2": ["a"]}},
        {"series": {"1.2": ["a", None]}},
        {"series": [["1.2", "a"]]},
    ],
)
def test_what_makes_no_sense_marks_nothing(kept: object) -> None:
    assert not Marks.from_dict(kept)


def test_a_series_whose_study_is_marked_is_not_taken_twice() -> None:
    """Two consoles may have left both."""
    kept = {"studies": {"A": "Doe"}, "series": {"s1": ["A", "Doe"], "t1": ["B", "Roe"]}}

    assert Marks.from_dict(kept).sources == ["study:A", "series:t1"]
