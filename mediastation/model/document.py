"""A document for people as a value: numbered sections of paragraphs, lists, tables and figures.

Rendering it is the business of `mediastation.pages.document`; every form says the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """What a document is rendered as."""

    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class BulletList:
    """Items without an order."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing in characters; `number` is empty until the document is put together."""

    caption: str
    text: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with one row of headings.

    Parameters
    ----------
    caption : str
        What it shows.
    columns : tuple of str
        Headings.
    rows : tuple of tuple of str
        As many cells as there are columns. A row of one cell is a heading of
        its own, across the whole table.
    number : str
        As ``1-2``; empty until the document is put together.
    wide : bool
        Whether paper is to be turned for it.

    Raises
    ------
    ValueError
        If a row has another number of cells.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    number: str = ""
    wide: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) not in (1, len(self.columns)):
                raise ValueError(f"{self.caption}: {row!r} does not fill {self.columns!r}")


@dataclass(frozen=True, slots=True)
class Contents:
    """The place of the list of all sections."""


Block = Paragraph | BulletList | Figure | Table | Contents


@dataclass(frozen=True, slots=True)
class Section:
    """One section with what stands in it and below it; `number` is as ``5.2.5`` or ``A.1``."""

    number: str
    title: str
    blocks: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()

    @property
    def depth(self) -> int:
        """How deep it lies; 1 for a section of the document itself."""
        return self.number.count(".") + 1

    @property
    def heading(self) -> str:
        """Number and title as people read them."""
        annex = "Annex " if self.depth == 1 and self.number.isalpha() else ""
        return f"{annex}{self.number} {self.title}"

    @property
    def anchor(self) -> str:
        """What a link leads to."""
        return f"section-{self.number.lower().replace('.', '-')}"


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document; `cover` has the lines under the title."""

    title: str
    cover: tuple[str, ...]
    sections: tuple[Section, ...]

    def iter_sections(self) -> Iterator[Section]:
        """Yield every section, each before those below it."""
        waiting = list(reversed(self.sections))
        while waiting:
            section = waiting.pop()
            yield section
            waiting += reversed(section.sections)

    def tables(self) -> Iterator[Table]:
        """Yield every table in its order."""
        for section in self.iter_sections():
            for block in section.blocks:
                if isinstance(block, Table):
                    yield block
