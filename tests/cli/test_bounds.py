"""Words beyond all bounds are refused as words, and are no fault of the program's."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.cli.app import run


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "99999999999999999999999"),
        ("export", f"study:{'1' * 70_000}", "--profile", "STD-GEN-CD", "--output", "out.iso"),
        ("add", "/proc/self/mem"),
    ],
    ids=lambda words: words[0],
)
def test_they_leave_no_report_of_a_fault(tmp_path: Path, words: tuple[str, ...]) -> None:
    home = tmp_path / "home"

    assert run([*words, "--home", str(home)]) in {1, 2}
    assert list(home.glob("fault-*")) == []
