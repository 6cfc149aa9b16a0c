"""What a rendered document says and how it is built, read back without our own code."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "hr", "img"}
_SILENT = {"style", "title", "script"}
_BLOCKS = {
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "li",
    "td",
    "th",
    "caption",
    "figcaption",
    "pre",
}


@dataclass
class HtmlTable:
    """One table: its heading cells and rows of cells."""

    headings: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    caption: str = ""


class HtmlPage(HTMLParser):
    """A page taken apart; raises AssertionError where tags do not close in their order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.headings: list[tuple[int, str, str]] = []
        self.tables: list[HtmlTable] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.references: list[str] = []
        self.tags: set[str] = set()
        self._open: list[str] = []
        self._text: list[str] = []
        self._id = ""
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"] or "")
        self._id = given.get("id") or ""
        if "href" in given:
            self.links.append(given["href"] or "")
        self.references += [
            given[name] or "" for name in ("src", "data", "action") if name in given
        ]
        if tag in _BLOCKS:
            self._text = []
        match tag:
            case "table":
                self.tables.append(HtmlTable())
            case "tr":
                self.tables[-1].rows.append([])
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open
        assert self._open.pop() == tag
        if tag not in _BLOCKS:
            return
        text = " ".join("".join(self._text).split())
        self.words += text.split()
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), text, self._id))
        elif tag == "caption":
            self.tables[-1].caption = text
        elif tag in {"td", "th"}:
            if tag == "th" and "thead" in self._open:
                self.tables[-1].headings.append(text)
            else:
                self.tables[-1].rows[-1].append(text)
        self._text = []

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in _SILENT:
            self._text.append(data)

    def table(self, caption: str) -> HtmlTable:
        """Return the table of a caption, its number left out."""
        (found,) = [one for one in self.tables if one.caption.partition(": ")[2] == caption]
        return found

    def rows(self, caption: str) -> list[list[str]]:
        """Return the rows of a table that are no headings."""
        table = self.table(caption)
        return [row for row in table.rows if len(row) == len(table.headings)]


def markdown_words(text: str) -> list[str]:
    """Return what Markdown says to a reader, word by word, without its marks."""
    words: list[str] = []
    in_table = 0
    for line in text.splitlines():
        in_table = in_table + 1 if line.startswith("|") else 0
        # Deep entries of the contents are indented as far as drawings are.
        entry = re.match(r"\s*- (?:Annex )?[0-9A-Z]+(?:\.[0-9]+)* \S", line)
        if line.startswith("    ") and not entry:
            words += line.split()
        elif in_table == 2:
            assert re.fullmatch(r"\|( --- \|)+", line)
        else:
            shown = re.sub(r"^(#{1,6}|\s*-) (?=\S)", "", line)
            cells = re.split(r"(?<!\\)(?:\\\\)*\|", shown) if shown.startswith("|") else [shown]
            for cell in cells:
                bare = cell.strip()
                if bare.startswith("**") and bare.endswith("**") and len(bare) >= 4:
                    bare = bare[2:-2]
                words += re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", bare).split()
    return words
