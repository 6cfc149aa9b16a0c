"""Documents as Markdown and as HTML: one value, two forms that say the same."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mediastation.errors import ConfigError
from mediastation.model.document import (
    BulletList,
    Contents,
    Document,
    Figure,
    Form,
    Paragraph,
    Table,
)
from mediastation.pages.templates import render_template

_TEMPLATES = {Form.MARKDOWN: "document.md", Form.HTML: "document.html"}
_KINDS = {
    Paragraph: "paragraph",
    BulletList: "list",
    Figure: "figure",
    Table: "table",
    Contents: "contents",
}

# An underscore within a word is no emphasis; a bracket is a link only where it opens one.
_SPECIAL = re.compile(r"[\\`*<>\[|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|#(?=#*$)|&(?=[#A-Za-z])")
_AT_THE_START = re.compile(r"(?:[#+=-]|[0-9]+[.)])(?=\s|$)|[-=]{3,}$")


def render_document(document: Document, form: Form) -> str:
    """Return `document` in one form.

    HTML is one file that refers to nothing outside, prints, and follows the
    reader's choice of light or dark. Whatever characters the text has, they
    are text in either form.

    Raises
    ------
    ConfigError
        If a template is missing or faulty.
    """
    is_html = form is Form.HTML
    return render_template(
        _TEMPLATES[form],
        {"document": document},
        filters={
            "text": _printable if is_html else _markdown,
            "cell": _printable if is_html else _inline,
            "drawn": _drawn if is_html else _drawn_markdown,
        },
        tests={
            name: lambda block, kind=kind: isinstance(block, kind) for kind, name in _KINDS.items()
        },
    )


def render_texts(texts: dict[str, str], values: dict[str, Any]) -> dict[str, str]:
    """Fill values into texts, such as ``{{ settings.aet }}``; what is filled in is text as it is.

    Raises
    ------
    ConfigError
        If a text is faulty or names a value that there is not.
    """
    # What comes out is a document's text, which is escaped when that is rendered.
    environment = ImmutableSandboxedEnvironment(
        autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filled = {}
    for name, text in texts.items():
        try:
            filled[name] = environment.from_string(text).render(values)
        except TemplateError as fault:
            raise ConfigError(f"the text of {name} cannot be used: {fault}") from fault
    return filled


def _printable(text: str) -> str:
    """Return `text` in one line, without what steers a terminal or turns a line around."""
    shown = "".join(char if char.isprintable() or char == " " else " " for char in text)
    return " ".join(shown.split())


def _inline(text: str) -> str:
    return _SPECIAL.sub(lambda match: "\\" + match[0], _printable(text))


def _markdown(text: str) -> str:
    escaped = _inline(text)
    if start := _AT_THE_START.match(escaped):
        # A number is followed by the mark that would make it an item.
        at = start.end() - 1
        escaped = f"{escaped[:at]}\\{escaped[at:]}"
    return escaped


def _drawn(text: str) -> str:
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in _lines(text))


def _drawn_markdown(text: str) -> str:
    # Indented code: no character in it can end it.
    return "\n".join(f"    {line}".rstrip() for line in _lines(_drawn(text)))


def _lines(text: str) -> list[str]:
    return text.split("\n")
