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


def modules_of_ours(statement: str) -> set[str]:
    """Return our own modules that a fresh interpreter has after `statement`."""
    script = (
        f"import sys\n{statement}\nprint(*(n for n in sys.modules if n[:12] == 'mediastation'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


# What only an import or a reconciliation needs, typed.
IMPORTING = ("mediastation.importing", "mediastation.dicom.coerce", "mediastation.reading",
             "mediastation.station.intake.import_medium",
             "mediastation.station.reconciling.reconcile")  # fmt: skip


def for_imports(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith(IMPORTING)}


def test_help_loads_neither_the_catalog_nor_the_codecs() -> None:
    loaded = loaded_by("import mediastation.cli.app, mediastation.cli.commands")

    assert loaded & {"sqlalchemy", "pydicom", "numpy", "imagecodecs", "pycdlib", "jinja2"} == set()


def test_an_export_loads_the_codecs_only_when_there_is_something_to_decode() -> None:
    loaded = loaded_by("import mediastation.station.exporting.export")

    assert loaded & {"imagecodecs", "openjpeg", "jpeg_ls", "rle", "typer", "rich"} == set()


def test_an_export_loads_the_queue_only_when_it_submits_a_job() -> None:
    loaded = loaded_by("import mediastation.station.exporting.export")

    assert loaded & {"huey", "redis", "psycopg"} == set()


@pytest.mark.parametrize("command", ["import", "candidates", "reconcile", "quarantine", "repair"])
def test_help_of_an_import_loads_nothing_that_imports(command: str) -> None:
    statement = f"""
import contextlib, io
from mediastation.cli.app import run
with contextlib.redirect_stdout(io.StringIO()):
    run([{command!r}, "--help"])
"""

    assert for_imports(modules_of_ours(statement)) == set()
    assert (
        loaded_by(statement) & {"sqlalchemy", "pydicom", "pynetdicom", "numpy", "jinja2"} == set()
    )


def test_a_list_of_studies_loads_nothing_that_imports(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    statement = f"""
import contextlib, io
from mediastation.cli.app import run
with contextlib.redirect_stdout(io.StringIO()):
    run(["--home", {home!r}, "list", "--json"])
"""

    assert {name for name in for_imports(modules_of_ours(statement)) if "reading" not in name} == (
        set()
    )


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
    assert for_imports(modules_of_ours(statement)) == set()


@pytest.mark.parametrize(
    ("room", "foreign"),
    [
        ("verify.verifier", {"pycdlib", "sqlalchemy", "jinja2", "typer"}),
        ("reading.volume", {"pycdlib", "sqlalchemy", "jinja2", "typer"}),
        ("network.storage_scp", {"sqlalchemy", "pycdlib", "numpy", "typer"}),
        ("fileset.dicomdir", {"sqlalchemy", "pycdlib", "typer"}),
        ("model.identity", {"pydicom", "sqlalchemy", "numpy", "socket"}),
        ("importing.scan", {"pycdlib", "textual", "typer", "huey", "pynetdicom"}),
        ("importing.reconcile_plan", {"pynetdicom", "sqlalchemy", "numpy", "pycdlib"}),
    ],
)
def test_a_room_loads_no_library_that_lives_elsewhere(room: str, foreign: set[str]) -> None:
    assert loaded_by(f"import mediastation.{room}") & foreign == set()
