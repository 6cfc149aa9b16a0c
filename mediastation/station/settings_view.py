"""The settings as people read them: what each means, what it is here, and who says so."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mediastation.config import (
    ENVIRONMENT_PREFIX,
    FILE_NAME,
    Peer,
    Preset,
    ReconcileRules,
    SecureRules,
    Settings,
)
from mediastation.station.station import Station

HIDDEN = "(set)"
"""Stands for a value that may hold a password."""


class Origin(StrEnum):
    """Where the value in force comes from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting.

    `value` and `default` are written as in the file, but for tables, of which
    the names are told. `variable` may set it too.
    """

    name: str
    meaning: str
    value: str
    default: str
    origin: Origin
    variable: str


def settings_in_force(station: Station) -> list[SettingRow]:
    """Return every setting of `station`, in the order of the reference."""
    in_file = _in_file(station.home / FILE_NAME)
    in_environment = {name.upper() for name in os.environ}
    rows = []
    for name, field in Settings.model_fields.items():
        variable = f"{ENVIRONMENT_PREFIX}{name.upper()}"
        origin = Origin.FILE if name in in_file else Origin.DEFAULT
        if variable in in_environment:
            origin = Origin.ENVIRONMENT
        value = getattr(station.settings, name)
        rows.append(
            SettingRow(
                name,
                _one_line(field.description or ""),
                HIDDEN if value and not field.repr else _shown(value),
                _default(field),
                origin,
                variable,
            )
        )
    return rows


def settings_reference() -> str:
    """Return the reference of ``config.toml`` for the administrator's page, as Markdown."""
    return "\n".join(
        [
            *_table(Settings, ENVIRONMENT_PREFIX),
            "",
            "Keys of a preset, `[presets.NAME]`:",
            "",
            *_table(Preset, ""),
            "",
            "Keys of a peer, `[peers.NAME]`:",
            "",
            *_table(Peer, ""),
            "",
            "Keys of the rules for outside patients, `[reconcile]`:",
            "",
            *_table(ReconcileRules, ""),
            "",
            "Keys of what seals and opens, `[secure]`:",
            "",
            *_table(SecureRules, ""),
        ]
    )


def toml_value(value: Any) -> str:
    """Return a value as ``config.toml`` has it, in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, BaseModel):
        return toml_value(value.model_dump(exclude_defaults=True))
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {toml_value(one)}' for key, one in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    text = "" if value is None else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _table(model: type[BaseModel], prefix: str) -> Iterator[str]:
    head = ("Key", "Default", "Meaning") + (("Variable",) if prefix else ())
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for name, field in model.model_fields.items():
        cells = [f"`{name}`", f"`{_default(field)}`", _one_line(field.description or "")]
        if prefix:
            cells.append(f"`{prefix}{name.upper()}`")
        yield f"| {' | '.join(cells)} |".replace("``", "`")


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, Mapping) else toml_value(value)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    if field.default is PydanticUndefined:
        return _MADE.get(field.default_factory, "")
    return toml_value(field.default)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _in_file(path: Path) -> frozenset[str]:
    try:
        with path.open("rb") as file:
            return frozenset(tomllib.load(file))
    except OSError:
        return frozenset()


_MADE: Mapping[Any, str] = {
    Settings.model_fields["operator"].default_factory: "the account's name",
    Settings.model_fields["presets"].default_factory: "see below",
    Settings.model_fields["peers"].default_factory: "none; see below",
    Settings.model_fields["reconcile"].default_factory: "see below",
    Settings.model_fields["secure"].default_factory: "see below",
}
