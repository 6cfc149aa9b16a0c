"""Tables of names in every script: columns line up, and no name turns its row round."""

from __future__ import annotations

import io
import unicodedata

import pytest

from mediastation.cli import output
from mediastation.cli.output import print_table
from mediastation.model.text import runs_right_to_left

NAMES = [
    "Doe^Jane",
    "Müller^Jürgen",
    "Mu\u0308ller^Ju\u0308rgen",
    "王^小東",
    "ﾔﾏﾀﾞ^ﾀﾛｳ",
    "やまだ^たろう",
    "홍^길동",
    "นามสกุล^ชื่อ",
    "Иванов^Иван",
    "Διονυσιος",
    "קבאני^דבורה",
    "قباني^نزار",
    "Qabbani^Nizar=قباني^نزار",
]
MARKS = "\u200e\u2068\u2069"


def cells(text: str) -> int:
    """Columns that a terminal gives a text (UAX #11): wide ones two, marks and controls none."""
    return sum(
        0
        if unicodedata.category(char) in {"Mn", "Me", "Cf"}
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def printed(rows: list[dict[str, str]], capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_table(rows, {"name": "Name", "id": "ID", "date": "Date"})
    return capsys.readouterr().out.splitlines()


def test_the_second_column_begins_at_the_same_place_in_every_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"name": name, "id": "4711", "date": "20240131"} for name in NAMES]
    lines = [line for line in printed(rows, capsys) if "4711" in line]

    assert len(lines) == len(NAMES)
    assert len({cells(line[: line.index("4711")]) for line in lines}) == 1
    assert len({cells(line.rstrip()) for line in lines}) == 1


def test_a_row_is_laid_out_from_left_to_right_whatever_its_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """UAX #9, P2 and P3: isolates do not count for the direction of a paragraph; marks do."""
    (line,) = [
        line
        for line in printed([{"name": "قباني^نزار", "id": "4711", "date": "2024"}], capsys)
        if "4711" in line
    ]
    outside = "".join(part.split("\u2069")[-1] for part in line.split("\u2068"))
    strong = [char for char in outside if unicodedata.bidirectional(char) in {"L", "R", "AL"}]

    assert strong[0] == "\u200e"
    assert not {unicodedata.bidirectional(char) for char in outside} & {"R", "AL"}
    assert line.count("\u2068") == line.count("\u2069") == 1


def test_each_line_of_a_folded_name_is_isolated(capsys: pytest.CaptureFixture[str]) -> None:
    name = "قباني" * 100
    lines = printed([{"name": name, "id": "4711", "date": "2024"}], capsys)
    arabic = [line for line in lines if runs_right_to_left(line)]

    assert len(arabic) > 1
    for line in arabic:
        assert line.index("\u2068") < line.index("ق") < line.index("\u2069")
    assert "".join("".join(c for c in line if runs_right_to_left(c)) for line in arabic) == name


def test_other_rows_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": name, "id": "1", "date": "2"} for name in NAMES[:10]]

    assert not set("\n".join(printed(rows, capsys))) & set(MARKS)


def test_where_no_arabic_can_be_shown_no_marks_are_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr(output.sys, "stdout", plain)

    print_table([{"name": "قباني"}], {"name": "Name"})
    plain.flush()

    shown = plain.buffer.getvalue()  # type: ignore[attr-defined]
    assert b"\\u0642" in shown
    assert b"\\u2068" not in shown


def test_all_letters_that_unicode_runs_from_right_to_left_are_known() -> None:
    # No surrogates, and not the mark itself, which never gets so far.
    everything = [
        chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000 and code != 0x200F
    ]
    missed = [
        char
        for char in everything
        if unicodedata.bidirectional(char) in {"R", "AL"} and not runs_right_to_left(char)
    ]
    wrong = [
        char
        for char in everything
        if unicodedata.bidirectional(char) == "L" and runs_right_to_left(char)
    ]

    assert missed == []
    assert wrong == []
