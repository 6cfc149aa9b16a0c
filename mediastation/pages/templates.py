"""The one way from a template to a page: the site's own first, then ours.

A site changes a page by putting a file of the same name into ``templates/`` of its
home. ``{% extends "standard/INDEX.HTM" %}`` and ``{% include "standard/…" %}`` reach
the one that came with the program. Templates run in a sandbox: they cannot reach
files, modules or what is private of a value.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.parsers import expat

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    Environment,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mediastation.errors import ConfigError
from mediastation.pages.text import one_line, readable_date
from mediastation.resources import resource_folder

STANDARD = "standard/"
"""In front of a name: the template that came with the program, whatever the site has."""

_LARGEST_TEMPLATE = 1 << 20
_HTML_SUFFIXES = (".HTM", ".html", ".htm")


def render_template(
    name: str,
    values: Mapping[str, Any],
    folder: Path | None = None,
    filters: Mapping[str, Callable[..., Any]] | None = None,
    tests: Mapping[str, Callable[..., bool]] | None = None,
) -> str:
    """Return the page that template `name` makes of `values`.

    What is filled into HTML is escaped. A value that the template names and that
    there is not is an error, never an empty place.

    Parameters
    ----------
    name : str
        File name, as ``README.TXT``.
    values : mapping
        What the template may name.
    folder : Path, optional
        The site's templates; where it or the file is missing, ours is taken.
    filters, tests : mapping, optional
        Further ones; ``text`` (one printable line) and ``day`` are always there.

    Raises
    ------
    ConfigError
        If a template is missing or faulty; it names file and line.
    """
    is_html = name.endswith(_HTML_SUFFIXES)
    environment = ImmutableSandboxedEnvironment(
        loader=_SiteFirst(folder),
        bytecode_cache=_COMPILED[is_html],
        autoescape=is_html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update({"text": one_line, "day": readable_date})
    environment.filters.update(filters or {})
    environment.tests.update(tests or {})
    try:
        return environment.get_template(name).render(values)
    except ConfigError:
        raise
    # Whatever goes wrong in a template is the template's: a division, a wrong format, a typo.
    except Exception as fault:
        raise _told(name, folder, fault) from fault


def require_well_formed(name: str, page: str, folder: Path | None = None) -> str:
    """Return `page` if it is well-formed XML, as XHTML has to be.

    Raises
    ------
    ConfigError
        If it is not; then a template has tags that do not close in their order.
    """
    parser = expat.ParserCreate()
    try:
        parser.Parse(page.encode(), True)
    except expat.ExpatError as fault:
        raise ConfigError(
            f"the template {_place(name, folder)} makes a page that is not well-formed: {fault}",
            "Close every tag that it opens, in their order, also <br /> and the like.",
        ) from fault
    return page


class _Compiled(BytecodeCache):
    """Keeps what templates were compiled to; one whose text has changed since is compiled anew."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


# Of the same template, what is escaped and what is not are different programs.
_COMPILED = {is_html: _Compiled() for is_html in (True, False)}


class _SiteFirst(BaseLoader):
    """Looks into the site's folder, then into ours."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get_source(
        self,
        environment: Environment,  # noqa: ARG002
        template: str,
    ) -> tuple[str, str, Callable[[], bool]]:
        if Path(template.removeprefix(STANDARD)).name != template.removeprefix(STANDARD):
            raise TemplateNotFound(template)
        path = _place(template, self._folder)
        if not path.exists():
            raise TemplateNotFound(template)
        try:
            if path.stat().st_size > _LARGEST_TEMPLATE:
                raise ConfigError(
                    f"the template {path} is larger than {_LARGEST_TEMPLATE:,} bytes",
                    "Is it a template?",
                )
            source = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise ConfigError(
                f"the template {path} cannot be read: {fault}",
                "It has to be a file in UTF-8 that this account may read.",
            ) from fault
        return source, str(path), lambda: True


def _place(name: str, folder: Path | None) -> Path:
    if name.startswith(STANDARD):
        return resource_folder("templates") / name.removeprefix(STANDARD)
    if folder is not None and (folder / name).exists():
        return folder / name
    return resource_folder("templates") / name


def _told(name: str, folder: Path | None, fault: Exception) -> ConfigError:
    path, line = str(_place(name, folder)), 0
    if isinstance(fault, TemplateSyntaxError):
        path, line = fault.filename or path, fault.lineno
    elif isinstance(fault, TemplateNotFound):
        return ConfigError(
            f"the template {path} needs {fault.name}, which does not exist",
            "Put it beside the others, or take out what names it.",
        )
    else:
        folders = {str(resource_folder("templates")), str(folder)}
        for frame in traceback.extract_tb(fault.__traceback__):
            if str(Path(frame.filename).parent) in folders:
                path, line = frame.filename, frame.lineno or 0
    at = f", line {line}" if line else ""
    hint = (
        "Correct the line, or remove the file: then the page is as it comes with the program."
        if folder is not None and Path(path).parent == folder
        else "The program's own file was changed; install it again."
    )
    return ConfigError(f"the template {path}{at} cannot be used: {fault}", hint)
