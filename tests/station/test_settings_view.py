"""The settings as people read them agree with the file, the environment and the model."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mediastation.config import Preset, Settings
from mediastation.station.settings_view import (
    HIDDEN,
    Origin,
    settings_in_force,
    settings_reference,
    toml_value,
)
from mediastation.station.station import Station


def test_each_setting_says_what_it_means_and_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(
        'aet = "FILE"\nport = 104\nqueue = "redis://:secret@host/0"\n', encoding="utf-8"
    )
    monkeypatch.setenv("MEDIASTATION_PORT", "105")
    with Station(tmp_path) as station:
        rows = {row.name: row for row in settings_in_force(station)}

    assert list(rows) == list(Settings.model_fields)
    assert all(row.meaning for row in rows.values())
    assert (rows["aet"].value, rows["aet"].origin) == ('"FILE"', Origin.FILE)
    assert (rows["port"].value, rows["port"].origin) == ("105", Origin.ENVIRONMENT)
    assert rows["bind"].origin is Origin.DEFAULT
    assert rows["queue"].value == HIDDEN
    assert rows["presets"].value.startswith("patient-cd, ")


def test_the_reference_names_every_key() -> None:
    reference = settings_reference()

    for name in (*Settings.model_fields, *Preset.model_fields):
        assert f"| `{name}` |" in reference


@pytest.mark.parametrize("value", [True, 7, 1.5, 'a"b\\c', ["x", 'y"'], (1, 2), {"a": [False]}, ""])
def test_values_are_written_as_the_file_has_them(value: object) -> None:
    read = tomllib.loads(f"x = {toml_value(value)}")["x"]

    assert read == (list(value) if isinstance(value, tuple) else value)
