"""Real DICOM files, where the checkout has them beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "data"


def corpus_files(*folders: str) -> list[Path]:
    """Return the files below `folders` (all without any), sorted; empty without a corpus."""
    roots = [CORPUS / folder for folder in folders] or [CORPUS]
    return sorted(
        path
        for root in roots
        if root.is_dir()
        for path in root.rglob("*")
        if path.is_file() and path.name != "README.md"
    )


def corpus_file(name: str) -> Path:
    """Return one corpus file, or skip the test where there is no corpus."""
    path = CORPUS / name
    if not path.exists():
        pytest.skip(f"the corpus is not here: {name}")
    return path


def corpus_id(path: Path) -> str:
    """Return the short name under which a test reports a corpus file."""
    return str(path.relative_to(CORPUS))
