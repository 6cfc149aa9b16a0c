"""The DICOM Conformance Statement of this very station (PS3.2): facts first, then the document.

Facts come from the tables that the program itself works by, and from the settings
in force. Which profiles may be claimed is decided in one place, `claims`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, write_text_durably
from mediastation.errors import ConfigError
from mediastation.model.document import Document, Form, Table
from mediastation.model.profile import Role
from mediastation.pages.document import render_document, render_texts
from mediastation.pages.outline import OutlineError, build_sections, table_numbers
from mediastation.resources import resource_folder
from mediastation.station.statement.annex_tables import annex_tables
from mediastation.station.statement.audit_tables import audit_table
from mediastation.station.statement.coercion_tables import coercion_tables
from mediastation.station.statement.facts import StatementFacts, gather_facts
from mediastation.station.statement.import_tables import import_tables
from mediastation.station.statement.network_tables import (
    communication_tables,
    configuration_tables,
)
from mediastation.station.statement.outline import OUTLINE
from mediastation.station.statement.security_tables import security_tables
from mediastation.station.statement.tables import overview_tables, service_tables

__all__ = ["StatementFacts", "gather_facts", "statement_document", "write_statement"]

_TEXTS = "statement.toml"
# Sections that stand or fall with a table, which depends on the configuration.
_SECTION_OF = {
    "media-profiles": "1.4",
    "media-objects": "5.4",
    "not-claimed": "5.4.5",
    "own-profiles": "5.4.6",
    "directory": "A.2",
    "profile-keys": "A.2.3",
    "codes": "E",
    "workflow": "1.2.3",
    "query-classes": "1.2.4",
    "worklist-peers": "5.2.1",
    "store-peers": "5.2.5.1",
    "query-peers": "5.2.7",
}
_SECTION_OF_ROLE = {Role.CREATOR: "5.4.1", Role.READER: "5.4.2", Role.UPDATER: "5.4.3"}
_TABLE = re.compile(r"^\[\[table:([a-z0-9-]+)\]\]$", re.MULTILINE)


def statement_document(facts: StatementFacts) -> Document:
    """Put the statement together.

    Raises
    ------
    ConfigError
        If the texts in ``templates/`` cannot be used.
    """
    tables = {
        **overview_tables(facts),
        **service_tables(facts),
        **configuration_tables(facts),
        **communication_tables(facts),
        **annex_tables(facts),
        **import_tables(facts),
        **coercion_tables(),
        **security_tables(facts),
        "audit-messages": audit_table(),
    }
    tables = {name: table for name, table in tables.items() if table.rows}
    raw = _applicable(_read_texts(), tables, facts)
    values = {
        "facts": facts,
        "settings": facts.settings,
        "t": table_numbers(OUTLINE, raw),
    }
    try:
        sections = build_sections(OUTLINE, render_texts(raw, values), tables)
    except OutlineError as fault:
        raise ConfigError(f"{_TEXTS} in templates/ cannot be used: {fault}") from fault
    return Document(
        "DICOM Conformance Statement",
        (
            f"{facts.product} {facts.version}",
            f"Application Entity Title {facts.settings['aet']}",
            f"Date: {facts.date}",
        ),
        sections,
    )


def write_statement(facts: StatementFacts, form: Form, output: Path | None = None) -> str:
    """Return the statement in one form; write it to `output` if that is named.

    Half of it is never seen there; what was there before is replaced.

    Raises
    ------
    ConfigError
        If `output` can be no file, or the texts cannot be used.
    MediaError
        If the disk fails.
    """
    if output is not None and (output.is_dir() or not output.absolute().parent.is_dir()):
        raise ConfigError(f"{output} can be no file.", "Name a file in a folder that exists.")
    text = render_document(statement_document(facts), form)
    if output is not None:
        with disk_trouble_told(output.absolute().parent):
            write_text_durably(output, text)
    return text


def _applicable(
    texts: dict[str, str], tables: dict[str, Table], facts: StatementFacts
) -> dict[str, str]:
    """Return the texts without those that speak of what this station has not got.

    The other tables of such a section leave `tables` with it.
    """
    gone = {section for name, section in _SECTION_OF.items() if name not in tables}
    gone |= {section for role, section in _SECTION_OF_ROLE.items() if not facts.claimed(role)}
    kept = {}
    for number, text in texts.items():
        if any(number == section or number.startswith(f"{section}.") for section in gone):
            for name in _TABLE.findall(text):
                tables.pop(name, None)
        else:
            kept[number] = text
    return kept


def _read_texts() -> dict[str, str]:
    path = resource_folder("templates") / _TEXTS
    try:
        texts = tomllib.loads(path.read_text("utf-8"))["text"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as fault:
        raise ConfigError(f"{path} cannot be used: {fault}") from fault
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ConfigError(f"{path} cannot be used: [text] holds more than texts")
    return texts
