"""The recipient sheet as a file: a PDF to print, or a page; its owner alone may read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.errors import ConfigError
from mediastation.station.sealing.private_file import (
    replace_private_file,
    require_new_file,
    write_private_file,
)

if TYPE_CHECKING:
    from mediastation.model.finding import Finding
    from mediastation.pages.recipient_sheet import RecipientSheetFacts

_PRINT = (".pdf",)
_PAGE = (".htm", ".html")


def require_sheet_name(path: Path) -> None:
    """Raise `ConfigError` unless `path` is a name for a new sheet: its ending says what it is."""
    if path.suffix.lower() not in _PRINT + _PAGE:
        raise ConfigError(
            f"{path.name} says not what the sheet is to be.",
            "Name a file that ends in .pdf or .html.",
        )
    require_new_file(path)


def write_sheet_file(
    path: Path,
    facts: RecipientSheetFacts,
    templates: Path | None = None,
    *,
    instead: bool = False,
) -> tuple[Finding, ...]:
    """Write the sheet into a new file of mode 0600, and return what could not be printed on it.

    With `instead`, it takes the place of one that was written before.

    Raises
    ------
    ConfigError
        If the name is none for a new sheet, or a template of the site is faulty.
    MediaError
        If the disk refuses.
    """
    from mediastation.pages.recipient_sheet import (  # noqa: PLC0415 - fonts are slow to load
        render_recipient_sheet,
        render_recipient_sheet_html,
    )

    if not instead:
        require_sheet_name(path)
    findings: tuple[Finding, ...] = ()
    if path.suffix.lower() in _PAGE:
        content = render_recipient_sheet_html(facts, templates)
    else:
        printed = render_recipient_sheet(facts)
        content, findings = printed.content, printed.findings
    write = replace_private_file if instead else write_private_file
    write(path, content)
    return findings
