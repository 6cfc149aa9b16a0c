"""What a command does not need, it does not wait for; no room loads what lives elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def loaded_by(statement: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter has after `statement`."""
    script = f"import sys\n{statement}\nprint(*sorted({{n.split('.')[0] for n in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_neither_the_catalog_nor_the_codecs() -> None:
    loaded = loaded_by("import mediastation.cli.app, mediastation.cli.commands")

    assert loaded & {"sqlalchemy", "pydicom", "numpy", "imagecodecs", "pycdlib", "jinja2"} == set()


def test_an_export_loads_the_codecs_only_when_there_is_something_to_decode() -> None:
    loaded = loaded_by("import mediastation.station.export")

    assert loaded & {"imagecodecs", "openjpeg", "jpeg_ls", "rle", "typer", "rich"} == set()


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["--version"]])
def test_no_command_loads_the_console(arguments: list[str], tmp_path: Path) -> None:
    home = ["--home", str(tmp_path / "home")]
    statement = f"""
import contextlib, io
import mediastation.__main__
from mediastation.cli.app import run
with contextlib.redirect_stdout(io.StringIO()):
    run({[*home, *arguments]!r})
"""

    assert "textual" not in loaded_by(statement)


def test_the_first_paint_waits_for_neither_catalog_nor_codecs_nor_network() -> None:
    statement = """
from pathlib import Path
from mediastation.console.app import ConsoleApp
ConsoleApp(Path("/nonexistent")).get_default_screen()
"""
    slow = {"sqlalchemy", "pydicom", "pynetdicom", "numpy", "imagecodecs", "fpdf", "pycdlib",
            "jinja2", "huey", "typer", "uharfbuzz", "pydantic"}  # fmt: skip

    loaded = loaded_by(statement)

    assert "textual" in loaded
    assert loaded & slow == set()


@pytest.mark.parametrize(
    ("room", "foreign"),
    [
        ("verify.verifier", {"pycdlib", "sqlalchemy", "jinja2", "typer"}),
        ("reading.volume", {"pycdlib", "sqlalchemy", "jinja2", "typer"}),
        ("network.storage_scp", {"sqlalchemy", "pycdlib", "numpy", "typer"}),
        ("fileset.dicomdir", {"sqlalchemy", "pycdlib", "typer"}),
        ("model.identity", {"pydicom", "sqlalchemy", "numpy", "socket"}),
    ],
)
def test_a_room_loads_no_library_that_lives_elsewhere(room: str, foreign: set[str]) -> None:
    assert loaded_by(f"import mediastation.{room}") & foreign == set()
