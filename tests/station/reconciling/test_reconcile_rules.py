"""What a site may decide about outside patients, and what it is told where that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediastation.config import ReconcileRules
from mediastation.errors import ConfigError
from mediastation.station.settings_view import settings_in_force, toml_value
from mediastation.station.station import Station
from tests.support.pacs import write_peer


def home_with(tmp_path: Path, **rules: Any) -> Path:
    home = write_peer(tmp_path / "home", 104, name="ris", services=["worklist"])
    write_peer(home, 105, name="pacs", services=["find", "store"])
    lines = ["[reconcile]", *(f"{key} = {toml_value(one)}" for key, one in rules.items())]
    with (home / "config.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return home


def test_nothing_happens_without_a_person_and_nothing_is_typed_unless_it_is_allowed() -> None:
    rules = ReconcileRules()

    assert not rules.automatic
    assert not rules.typed
    assert rules.catalog
    assert rules.accession_from_order
    assert (rules.worklist, rules.patients, rules.issuer) == ("", "", "")


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"worklist": "ris", "patients": "pacs", "issuer": "Klinikum Süd"},
        {"worklist": "-", "patients": "-", "catalog": False},
        {"typed": True, "automatic": True, "accession_from_order": False},
    ],
)
def test_rules_that_can_be_kept_are_taken(tmp_path: Path, rules: dict[str, Any]) -> None:
    with Station(home_with(tmp_path, **rules)) as station:
        told = station.settings.reconcile.model_dump()

    assert told == ReconcileRules().model_dump() | rules


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        ({"worklist": "riss"}, "names 'riss'"),
        ({"worklist": "pacs"}, "'worklist'"),
        ({"patients": "riss"}, "names 'riss'"),
        ({"patients": "ris"}, "'find'"),
        ({"issuer": "A\\B"}, "issuer"),
        ({"issuer": "A" * 65}, "issuer"),
        ({"automatik": True}, "automatik"),
    ],
)
def test_rules_that_cannot_be_kept_are_told(
    tmp_path: Path, rules: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(ConfigError, match=wrong) as told:
        Station(home_with(tmp_path, **rules))

    assert "reconcile" in told.value.message


def test_a_wrong_peer_is_told_as_the_peer_it_is(tmp_path: Path) -> None:
    home = home_with(tmp_path, worklist="ris")
    write_peer(home, 0, name="third")

    with pytest.raises(ConfigError, match=r"peers\.third") as told:
        Station(home)
    assert "reconcile" not in told.value.message


def test_the_rules_in_force_are_shown(tmp_path: Path) -> None:
    with Station(home_with(tmp_path, worklist="ris")) as station:
        rows = {row.name: row for row in settings_in_force(station)}

    assert 'worklist = "ris"' in rows["reconcile"].value
    assert rows["reconcile"].origin.value == "file"
