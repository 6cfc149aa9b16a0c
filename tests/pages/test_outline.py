from __future__ import annotations

import pytest

from mediastation.model.document import (
    BulletList,
    Contents,
    Figure,
    Paragraph,
    Section,
    Table,
)
from mediastation.pages.outline import OutlineError, build_sections, table_numbers

OUTLINE = """
1 One
1.1 First
1.1.1 Deep
1.2 Second
2 Two
2.1 Alone
A Annex
"""


def table(caption: str = "T") -> Table:
    return Table(caption, ("Key", "Value"), (("k", "v"),))


def sections(texts: dict[str, str], **tables: Table) -> dict[str, Section]:
    found: dict[str, Section] = {}
    waiting = list(build_sections(OUTLINE, texts, tables))
    while waiting:
        section = waiting.pop(0)
        found[section.number] = section
        waiting += section.sections
    return found


class TestNotApplicable:
    def test_a_section_with_nothing_says_so_in_title_and_text(self) -> None:
        found = sections({"1.2": "There is this."})

        assert found["1.1"].title == "First - N/A"
        assert found["1.1"].blocks == (Paragraph("N/A"),)
        assert found["1.2"].title == "Second"

    def test_where_nothing_below_applies_the_parent_is_marked_and_the_rest_left_out(self) -> None:
        found = sections({"1.2": "There is this."})

        assert "1.1.1" not in found
        assert found["2"].title == "Two - N/A"
        assert "2.1" not in found

    def test_a_section_of_its_own_text_keeps_those_below_for_their_numbers(self) -> None:
        found = sections({"1.1": "Something."})

        assert found["1.1"].title == "First"
        assert found["1.1.1"].title == "Deep - N/A"

    def test_a_parent_without_text_applies_where_something_below_does(self) -> None:
        found = sections({"1.1.1": "Something."})

        assert found["1"].title == "One"
        assert found["1"].blocks == ()
        assert found["1.1"].title == "First"


class TestText:
    def test_paragraphs_lists_figures_tables_and_contents_stand_where_they_are_called(self) -> None:
        text = """
First line
and second.

- one
  goes on
- two
After the list is the list's own.

[[table:a]]
```Drawn
 -->  x
```
[[contents]]
Last.
"""
        found = sections({"1": text}, a=table())

        assert found["1"].blocks == (
            Paragraph("First line and second."),
            BulletList(("one goes on", "two After the list is the list's own.")),
            Table("T", ("Key", "Value"), (("k", "v"),), number="1-1"),
            Figure("Drawn", " -->  x", number="1-1"),
            Contents(),
            Paragraph("Last."),
        )

    def test_tables_and_figures_are_numbered_in_sequence_within_each_major_section(self) -> None:
        texts = {
            "1.1.1": "[[table:a]]\n[[table:b]]",
            "1.2": "[[table:c]]\n```F\n.\n```",
            "A": "[[table:d]]",
        }
        made = {name: table(name) for name in "abcd"}

        found = sections(texts, **made)

        numbers = [
            (block.caption, block.number)
            for section in found.values()
            for block in section.blocks
            if isinstance(block, Table | Figure)
        ]
        assert sorted(numbers) == [
            ("F", "1-1"), ("a", "1-1"), ("b", "1-2"), ("c", "1-3"), ("d", "A-1"),
        ]  # fmt: skip
        assert table_numbers(OUTLINE, texts) == {"a": "1-1", "b": "1-2", "c": "1-3", "d": "A-1"}


class TestMistakes:
    @pytest.mark.parametrize(
        ("texts", "tables"),
        [
            ({"1.3": "No such section."}, {}),
            ({"1": "[[table:missing]]"}, {}),
            ({"1": "[[table:a]]\n[[table:a]]"}, {"a": table()}),
            ({"1": "A table that nobody calls."}, {"a": table()}),
            ({"1": "```Figure\nwithout end"}, {}),
        ],
        ids=["no section", "no table", "twice", "never", "open figure"],
    )
    def test_what_does_not_fit_is_told(
        self, texts: dict[str, str], tables: dict[str, Table]
    ) -> None:
        with pytest.raises(OutlineError):
            build_sections(OUTLINE, texts, tables)

    @pytest.mark.parametrize("outline", ["1.1 No parent", "1", "x Title", "1 A\n1.1.1 Gap"])
    def test_an_outline_has_numbers_titles_and_no_gaps(self, outline: str) -> None:
        with pytest.raises(OutlineError):
            build_sections(outline, {}, {})

    def test_a_row_fills_its_table_or_is_a_heading(self) -> None:
        Table("T", ("A", "B", "C"), (("heading",), ("1", "2", "3")))
        with pytest.raises(ValueError, match="does not fill"):
            Table("T", ("A", "B", "C"), (("1", "2"),))
