"""XHTML Basic 1.1 (W3C Recommendation), typed from its modules, and a page taken apart by expat."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

_COMMON = {"class", "id", "title", "xml:lang"}
_BLOCK = {
    *("address", "blockquote", "div", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("ol", "p", "pre", "table", "ul"),
}
_INLINE = {
    *("#text", "a", "abbr", "acronym", "b", "big", "br", "cite", "code", "dfn", "em", "i"),
    *("img", "kbd", "q", "samp", "small", "span", "strong", "sub", "sup", "tt", "var"),
}
_CELL = {"abbr", "align", "axis", "colspan", "headers", "rowspan", "scope", "valign"}

CHILDREN: dict[str, set[str]] = {
    "html": {"head", "body"},
    "head": {"title", "meta", "link", "base", "style", "object", "script"},
    "title": {"#text"},
    "meta": set(),
    "style": {"#text"},
    "body": _BLOCK,
    "div": _BLOCK | _INLINE,
    "table": {"caption", "tr"},
    "caption": _INLINE,
    "tr": {"td", "th"},
    "td": _BLOCK | _INLINE,
    "th": _BLOCK | _INLINE,
    "ul": {"li"},
    "ol": {"li"},
    "li": _BLOCK | _INLINE,
    "br": set(),
    "a": _INLINE - {"a"},
    **dict.fromkeys(("p", "h1", "h2", "h3", "strong", "em", "span", "b"), _INLINE),
}
ATTRIBUTES: dict[str, set[str]] = {
    "html": {"xmlns", "version", "xml:lang"},
    "head": {"profile", "xml:lang"},
    "meta": {"http-equiv", "name", "content", "scheme", "xml:lang"},
    "style": {"type", "media", "title", "xml:space", "xml:lang"},
    "a": _COMMON | {"href", "charset", "type", "hreflang", "rel", "rev", "accesskey", "tabindex"},
    "table": _COMMON | {"summary", "width"},
    "tr": _COMMON | {"align", "valign"},
    "td": _COMMON | _CELL,
    "th": _COMMON | _CELL,
}
DOCTYPE = "-//W3C//DTD XHTML Basic 1.1//EN"


@dataclass
class XhtmlPage:
    """What a page says; AssertionError where it is no XHTML Basic, ExpatError where no XML."""

    data: bytes
    links: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        self._open: list[str] = []
        self._said: list[str] = []
        self._now: list[str] = []
        doctypes: list[str | None] = []
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = lambda _name, _system, public, _inside: doctypes.append(
            public
        )
        parser.Parse(self.data, True)
        assert doctypes == [DOCTYPE]
        self.text = " ".join("".join(self._said).split())

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        assert tag in CHILDREN, tag
        if self._open:
            assert tag in CHILDREN[self._open[-1]], (self._open[-1], tag)
        unknown = set(attributes) - ATTRIBUTES.get(tag, _COMMON)
        assert not unknown, (tag, unknown)
        if "href" in attributes:
            self.links.append(attributes["href"])
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th", "h1", "h2", "h3"}:
            self._now = []
        self._open.append(tag)

    def _end(self, tag: str) -> None:
        assert self._open.pop() == tag
        said = " ".join("".join(self._now).split())
        if tag in {"td", "th"}:
            self.rows[-1].append(said)
        elif tag in {"h1", "h2", "h3"}:
            self.headings.append(said)
        if tag not in {"strong", "em", "span", "a", "b"}:
            self._said.append(" ")

    def _characters(self, text: str) -> None:
        if text.strip():
            assert "#text" in CHILDREN[self._open[-1]], (self._open[-1], text)
        if self._open[-1] not in {"style", "title"}:
            self._said.append(text)
            self._now.append(text)


def bare(text: str) -> str:
    """Return `text` without the marks that isolate it (UAX #9)."""
    return text.replace("\u2068", "").replace("\u2069", "")
