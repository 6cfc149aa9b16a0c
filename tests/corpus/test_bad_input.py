"""Everything broken, hostile or from outside media goes through `add` and `check` with findings."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mediastation.station.check import CheckRequest, check_sources
from mediastation.station.gather import add
from mediastation.station.station import Station
from tests.support.corpus import CORPUS, corpus_files, corpus_id

BAD = corpus_files("broken", "media")
MEMORY_BYTES = 1 << 30


@pytest.mark.timeout(20)
@pytest.mark.parametrize("path", BAD, ids=corpus_id)
def test_a_bad_file_is_kept_refused_or_left_alone_and_said_so(path: Path, tmp_path: Path) -> None:
    with Station(tmp_path / "home") as station:
        report = add(station, [str(path)])
        assert report.added + report.refused + report.ignored == 1
        if not report.added:
            assert report.findings
            return
        checked = check_sources(station, CheckRequest((str(path),), "STD-GEN-CD"))

    assert checked.instances == checked.accepted + checked.refused == 1
    errors = [finding for finding in checked.findings if finding.severity == "error"]
    assert bool(errors) == (checked.refused == 1)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")
def test_all_of_it_at_once_needs_little_memory(tmp_path: Path) -> None:
    """A gibibyte of address space is little more than the interpreter with its libraries."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    for command in (["add"], ["check", "--profile", "STD-GEN-CD"]):
        done = subprocess.run(
            [sys.executable, "-m", "mediastation", "--home", str(tmp_path / "home"), "--json",
             *command, str(CORPUS / "broken"), str(CORPUS / "media")],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            preexec_fn=limit,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        assert json.loads(done.stdout)["findings"]
