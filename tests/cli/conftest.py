"""Commands on a home of their own, and media that somebody brings to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mediastation.cli.app import run
from mediastation.station.gather import add
from mediastation.station.station import Station
from tests.cli.brought import OURS, OUTSIDE, add_ours
from tests.support.commands import Ask, Say
from tests.support.objects import write_ct, write_series


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ask(home: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command with --json; give its exit code and its object."""

    def run_json(*words: object) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run([*map(str, words), "--json", "--home", str(home)])
        return code, json.loads(capsys.readouterr().out or "{}")

    return run_json


@pytest.fixture
def say(home: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command for a person: its exit code, standard output, standard error."""

    def run_words(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([*map(str, words), "--home", str(home)])
        out, err = capsys.readouterr()
        return code, out, err

    return run_words


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    write_series(tmp_path / "stick", 3, **OUTSIDE)
    return tmp_path / "stick"


@pytest.fixture
def known(home: Path, tmp_path: Path) -> None:
    """The station knows Jane Roe, as 4711, from its own scanner."""
    add_ours(home, tmp_path / "ours" / "a.dcm", "1.2.50.1.1", **OURS)


@pytest.fixture
def contradiction(ask: Ask, tmp_path: Path, home: Path) -> dict[str, Any]:
    """An import that holds one file: its UID is here, with other pixels."""
    write_ct(tmp_path / "ours" / "a.dcm", **OUTSIDE)
    with Station(home) as station:
        add(station, [str(tmp_path / "ours")])
    write_ct(tmp_path / "other" / "a.dcm", **OUTSIDE, PixelData=bytes(32))
    code, told = ask("import", tmp_path / "other")
    assert (code, told["held"]) == (1, 1), told
    return told
