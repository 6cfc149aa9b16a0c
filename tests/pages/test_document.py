from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.errors import ConfigError
from mediastation.model.document import (
    BulletList,
    Contents,
    Document,
    Figure,
    Form,
    Paragraph,
    Section,
    Table,
)
from mediastation.pages.document import render_document, render_texts
from tests.support.rendered import HtmlPage, markdown_words


def document(*blocks: object, title: str = "Title") -> Document:
    return Document("Doc", ("Line one", "Line two"), (Section("1", title, tuple(blocks)),))  # type: ignore[arg-type]


WHOLE = document(
    Paragraph("Some text."),
    BulletList(("one", "two")),
    Contents(),
    Figure("A figure", " -->  x\n  |", "1-1"),
    Table("A table", ("Key", "Value"), (("group",), ("k", "v")), "1-1", wide=True),
)


class TestBothForms:
    def test_markdown_reads_as_people_write_it(self) -> None:
        assert render_document(WHOLE, Form.MARKDOWN).split("\n")[:4] == [
            "# Doc", "", "Line one", "",
        ]  # fmt: skip
        lines = render_document(WHOLE, Form.MARKDOWN).split("\n")
        assert "## 1 Title" in lines
        assert "- one" in lines
        assert "     -->  x" in lines
        assert "**Table 1-1: A table**" in lines
        assert "| Key | Value |" in lines
        assert "| --- | --- |" in lines
        assert "| **group** | |" in lines
        assert "| k | v |" in lines

    def test_html_has_its_parts(self) -> None:
        page = HtmlPage(render_document(WHOLE, Form.HTML))

        assert page.headings == [(1, "Doc", ""), (2, "1 Title", "section-1")]
        assert page.links == ["#section-1"]
        (table,) = page.tables
        assert table.caption == "Table 1-1: A table"
        assert table.headings == ["Key", "Value"]
        assert [row for row in table.rows if row] == [["group"], ["k", "v"]]

    def test_html_refers_to_nothing_outside(self) -> None:
        text = render_document(WHOLE, Form.HTML)
        page = HtmlPage(text)

        assert page.references == []
        assert not page.tags & {"script", "link", "img", "iframe", "object", "embed"}
        assert "url(" not in text
        assert "@import" not in text
        assert all(link.startswith("#") for link in page.links)

    def test_html_prints_and_follows_dark_mode(self) -> None:
        text = render_document(WHOLE, Form.HTML)

        assert "@media print" in text
        assert "color-scheme: light dark" in text
        assert "landscape" in text

    @pytest.mark.parametrize(
        "text",
        [
            "<script>alert(1)</script>", "a & b &amp; c", "| pipe |", "*star* _under_ `tick`",
            "# no heading", "- no item", "1. no number", "2) none", "> no quote", "~~no~~",
            "[link](http://x)", "back\\slash", "---", "===", "+ no plus", "trailing\\",
            "AE_TITLE_1 _x", "\u202eturned", "new\nline", "\x1b[31mred",
        ],
    )  # fmt: skip
    def test_text_stays_text_in_either_form(self, text: str) -> None:
        said = document(
            Paragraph(text),
            BulletList((text,)),
            Table(text, (text, "B"), ((text, text), (text,)), "1-1"),
            title=text,
        )
        page = HtmlPage(render_document(said, Form.HTML))
        written = render_document(said, Form.MARKDOWN)

        assert page.words == markdown_words(written)
        assert "script" not in page.tags
        assert "\x1b" not in written
        assert "\u202e" not in written

    @given(st.text(max_size=40), st.text(max_size=40))
    def test_both_forms_say_the_same_whatever_it_is(self, one: str, other: str) -> None:
        said = document(Paragraph(one), Table(other, (one, other), ((one, other), (other,)), "1-1"))

        page = HtmlPage(render_document(said, Form.HTML))

        assert page.words == markdown_words(render_document(said, Form.MARKDOWN))
        assert all(len(row) in (0, 1, 2) for row in page.tables[0].rows)


class TestTexts:
    def test_values_are_filled_in_and_not_looked_into(self) -> None:
        told = render_texts({"1": "Title {{ title }}."}, {"title": "{{ 7 * 7 }}"})

        assert told == {"1": "Title {{ 7 * 7 }}."}

    @pytest.mark.parametrize("text", ["{{ missing }}", "{% if %}", "{{ title.__class__.mro() }}"])
    def test_a_faulty_text_is_named(self, text: str) -> None:
        with pytest.raises(ConfigError, match=r"the text of 5\.4"):
            render_texts({"5.4": text}, {"title": "x"})
