"""A command with --json on a home of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mediastation.cli.app import run
from tests.support.commands import Ask


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
