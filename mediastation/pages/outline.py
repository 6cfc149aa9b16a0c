"""From an outline, texts and tables to a numbered document (PS3.2, Annex N, introduction).

Texts are plain: paragraphs between blank lines, ``- `` before each item of a list,
a figure between lines of three backticks with its caption on the first, and
``[[table:name]]`` or ``[[contents]]`` on a line of its own where such a thing goes.
What has neither text nor sections with any is not applicable, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mediastation.model.document import (
    Block,
    BulletList,
    Contents,
    Figure,
    Paragraph,
    Section,
    Table,
)

NOT_APPLICABLE = "N/A"
_SUFFIX = f" - {NOT_APPLICABLE}"
_NUMBER = re.compile(r"(?:[0-9]+|[A-Z])(?:\.[0-9]+)*")
_MARKER = re.compile(r"\[\[(table|contents)(?::([a-z0-9-]+))?\]\]")
_FENCE = "```"


class OutlineError(ValueError):
    """Outline, texts and tables do not fit together; whoever maintains them has to act."""


@dataclass(slots=True)
class _Node:
    number: str
    title: str
    below: list[_Node] = field(default_factory=list)


def build_sections(
    outline: str, texts: Mapping[str, str], tables: Mapping[str, Table]
) -> tuple[Section, ...]:
    """Put a document together and number its tables and figures.

    Parameters
    ----------
    outline : str
        One section a line, number and title, in ascending order.
    texts : mapping of str to str
        The text of a section, by number.
    tables : mapping of str to Table
        By the name that texts call them.

    Raises
    ------
    OutlineError
        If a text belongs to no section, calls a table that there is not, or
        if a table is not called exactly once.
    """
    nodes = _read_outline(outline)
    if unknown := texts.keys() - {node.number for node in _iter_nodes(nodes)}:
        raise OutlineError(f"texts without a section: {', '.join(sorted(unknown))}")
    called: list[str] = []
    sections = []
    for node in nodes:
        counts = {"Table": 0, "Figure": 0}
        sections.append(_section(node, texts, tables, called, counts))
    if sorted(called) != sorted(tables):
        raise OutlineError(f"tables are called as {sorted(called)}, there are {sorted(tables)}")
    return tuple(sections)


def table_numbers(outline: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the number of each table that texts call, by name, before any text is filled in."""
    numbers: dict[str, str] = {}
    for top in _read_outline(outline):
        for node in _iter_nodes([top]):
            for line in texts.get(node.number, "").splitlines():
                marker = _MARKER.fullmatch(line.strip())
                if marker and marker[1] == "table":
                    count = sum(one.startswith(f"{top.number}-") for one in numbers.values())
                    numbers[marker[2]] = f"{top.number}-{count + 1}"
    return numbers


def _read_outline(outline: str) -> list[_Node]:
    top: list[_Node] = []
    open_nodes: list[_Node] = []
    for line in filter(None, map(str.strip, outline.splitlines())):
        number, _, title = line.partition(" ")
        if not _NUMBER.fullmatch(number) or not title:
            raise OutlineError(f"no section: {line!r}")
        node = _Node(number, title)
        while open_nodes and not number.startswith(f"{open_nodes[-1].number}."):
            open_nodes.pop()
        if len(open_nodes) != number.count("."):
            raise OutlineError(f"{number} has no section above it")
        (open_nodes[-1].below if open_nodes else top).append(node)
        open_nodes.append(node)
    return top


def _iter_nodes(nodes: list[_Node]) -> Iterator[_Node]:
    for node in nodes:
        yield node
        yield from _iter_nodes(node.below)


def _section(
    node: _Node,
    texts: Mapping[str, str],
    tables: Mapping[str, Table],
    called: list[str],
    counts: dict[str, int],
) -> Section:
    blocks = []
    for block in _iter_blocks(texts.get(node.number, ""), node.number):
        made: Block
        if isinstance(block, str):
            if block not in tables:
                raise OutlineError(f"section {node.number} calls for no table: {block}")
            called.append(block)
            made = replace(tables[block], number=_numbered(node, "Table", counts))
        elif isinstance(block, Figure):
            made = replace(block, number=_numbered(node, "Figure", counts))
        else:
            made = block
        blocks.append(made)
    below = tuple(_section(one, texts, tables, called, counts) for one in node.below)
    if blocks:
        return Section(node.number, node.title, tuple(blocks), below)
    if any(not one.title.endswith(_SUFFIX) for one in below):
        return Section(node.number, node.title, (), below)
    # Where nothing below applies, what lies below is left out.
    return Section(node.number, node.title + _SUFFIX, (Paragraph(NOT_APPLICABLE),))


def _numbered(node: _Node, kind: str, counts: dict[str, int]) -> str:
    counts[kind] += 1
    return f"{node.number.partition('.')[0]}-{counts[kind]}"


def _iter_blocks(text: str, number: str) -> Iterator[Block | str]:
    """Yield blocks; a table is named by a string."""
    lines = iter(text.splitlines())
    words: list[str] = []
    items: list[str] = []
    for line in lines:
        stripped = line.strip()
        marker = _MARKER.fullmatch(stripped)
        fenced = stripped.startswith(_FENCE)
        if not stripped or marker or fenced or (stripped.startswith("- ") and not items):
            yield from _flushed(words, items)
        if marker:
            yield marker[2] if marker[1] == "table" else Contents()
        elif fenced:
            yield _figure(lines, stripped.removeprefix(_FENCE).strip(), number)
        elif stripped.startswith("- "):
            items.append(stripped[2:])
        elif items and stripped:
            items[-1] += f" {stripped}"
        elif stripped:
            words.append(stripped)
    yield from _flushed(words, items)


def _flushed(words: list[str], items: list[str]) -> Iterator[Block]:
    if words:
        yield Paragraph(" ".join(words))
    if items:
        yield BulletList(tuple(items))
    words.clear()
    items.clear()


def _figure(lines: Iterator[str], caption: str, number: str) -> Figure:
    drawn: list[str] = []
    for line in lines:
        if line.strip() == _FENCE:
            return Figure(caption, "\n".join(drawn))
        drawn.append(line.rstrip())
    raise OutlineError(f"the figure of section {number} does not end")
