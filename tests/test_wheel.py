"""The built wheel works on its own: profiles and templates travel inside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.objects import write_ct

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked into a folder that is not the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check",
             "--no-deps", "--no-build-isolation", "-w", folder, PROJECT]  # fmt: skip
    subprocess.run(build, check=True, timeout=120, capture_output=True)
    (wheel,) = folder.glob("mediastation-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_installed(installed: Path, *words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mediastation", *map(str, words)],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
        cwd=installed,
        env=os.environ | {"PYTHONPATH": str(installed)},
    )
    return done.stdout


def test_the_wheel_carries_every_data_file(installed: Path) -> None:
    for name in ("profiles", "templates"):
        ours = {path.name for path in (PROJECT / name).iterdir()}
        assert ours
        assert {path.name for path in (installed / "mediastation/_data" / name).iterdir()} == ours


def test_the_report_of_an_import_is_written_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    write_ct(tmp_path / "stick" / "A.DCM")
    assert (installed / "mediastation/_data/templates/IMPORT.HTM").is_file()

    answer = json.loads(
        run_installed(
            installed, "import", tmp_path / "stick", "--home", tmp_path / "home",
            "--report", tmp_path / "report.htm", "--json", "--quiet",
        )
    )  # fmt: skip

    assert answer["imported"] == 1
    assert "4711" in (tmp_path / "report.htm").read_text("utf-8")


def test_the_wheel_carries_what_the_console_looks_like(installed: Path) -> None:
    styles = [path.relative_to(PROJECT) for path in (PROJECT / "mediastation").rglob("*.tcss")]

    assert styles
    assert [path for path in styles if not (installed / path).is_file()] == []


def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    image = tmp_path / "demo.iso"

    answer = json.loads(
        run_installed(
            installed, "demo", "--home", tmp_path / "home", "--output", image, "--json", "--quiet"
        )
    )

    (volume,) = answer["volumes"]
    assert volume["verified"] is True
    assert volume["instances"] == 24
    assert image.stat().st_size == volume["size_bytes"]
