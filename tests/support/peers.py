"""Programs that nobody here wrote, used as oracles."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def peer(name: str) -> str:
    """Return the path of the program `name`; skip without it, fail under ``REQUIRE_PEERS=1``.

    Programs that a wheel brings lie beside the interpreter. They come last:
    some bear the names of DCMTK's.
    """
    here = Path(sys.executable).parent
    elsewhere = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if folder and Path(folder) != here
    ]
    found = shutil.which(name, path=os.pathsep.join([*elsewhere, str(here)]))
    if found is None:
        if os.environ.get("REQUIRE_PEERS") == "1":
            pytest.fail(f"{name} is required and not installed")
        pytest.skip(f"{name} is not installed")
    return found


def run_peer(
    name: str, *arguments: str | Path, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the program and return what it said; output is decoded leniently."""
    return subprocess.run(
        [peer(name), *map(str, arguments)],
        check=check,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )
