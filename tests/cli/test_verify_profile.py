"""`verify --profile`: a medium held against a profile by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mediastation.cli.app import run
from tests.support.file_sets import good_file_set, write_folder


@pytest.mark.parametrize(
    ("profile", "code", "rules"),
    [
        ("STD-GEN-CD", 0, set()),
        # Table E.3-2: Rows and Columns are Type 1 there.
        ("std-ctmr-cd", 1, {"profile-key"}),
        ("STD-DEN-CD", 1, {"profile-sop-class"}),
        ("STD-NONE", 2, None),
    ],
)
def test_a_medium_is_held_against_the_profile_that_is_named(
    profile: str,
    code: int,
    rules: set[str] | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    medium = write_folder(good_file_set(), tmp_path / "medium")
    words = ["--home", str(tmp_path / "home"), "--json", "verify", str(medium)]

    assert run(words) == 0
    capsys.readouterr()
    assert run([*words, "--profile", profile]) == code
    told = json.loads(capsys.readouterr().out)
    if rules is not None:
        assert {finding["rule"] for finding in told["findings"]} == rules
