"""Looking through media without a directory, against dcmmkdir and sha256sum in the same run.

``python -m benchmarks.importing`` writes 10,000 small instances in 20 series and a
CT of 1,400 slices of half a megabyte, and then, in turns:

- scans, digests and indexes the small ones, beside `dcmmkdir` over the same files;
- the same with the CT, beside `sha256sum` over it;
- takes the CT into a catalog whole, beside a copy of it with the same syncing.

Ratios are of the best of each side's rounds; the memory is the process's peak.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.generate import write_series
from mediastation.importing.scan import scan
from mediastation.importing.survey import Survey
from mediastation.reading.volume import open_volume
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.request import ImportRequest
from mediastation.station.station import Station

SERIES, SMALL, SLICES = 20, 500, 1400


def main() -> None:
    """Write the files, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, slices = folder / "small", folder / "ct"
        for number in range(SERIES):
            write_series(small / f"S{number:02}", SMALL, 8, series=str(number))
        write_series(slices, SLICES, 512)
        compare(
            f"{SERIES * SMALL:,} small instances, scanned",
            lambda: look_through(small, folder),
            "dcmmkdir",
            lambda: make_directory(small, folder),
            words.rounds,
        )
        compare(
            f"{SLICES:,} slices, scanned",
            lambda: look_through(slices, folder),
            "sha256sum",
            lambda: digest(slices),
            words.rounds,
        )
        compare(
            f"{SLICES:,} slices, imported",
            lambda: take_in(slices, folder),
            "a copy",
            lambda: copy(slices, folder),
            words.rounds,
        )
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"  peak memory {own / 1024:.0f} MB")


def compare(
    what: str, ours: Callable[[], None], whose: str, theirs: Callable[[], None], rounds: int
) -> None:
    """Measure both sides in turns and print the best of each."""
    best = {"ours": float("inf"), "theirs": float("inf")}
    for _ in range(rounds):
        for side, work in (("ours", ours), ("theirs", theirs)):
            begun = time.perf_counter()
            work()
            best[side] = min(best[side], time.perf_counter() - begun)
    ratio = best["ours"] / best["theirs"]
    print(
        f"  {what}: {best['ours']:.2f} s, {whose} {best['theirs']:.2f} s: {ratio:.2f}", flush=True
    )


def look_through(source: Path, folder: Path) -> None:
    """Scan, digest and index a folder."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as scratch,
        open_volume(source) as volume,
        Survey(Path(scratch) / "survey.sqlite") as survey,
    ):
        scan(volume, survey, source, lambda *_: None)
        assert len(survey) == sum(len(files) for _, _, files in os.walk(source))


def make_directory(source: Path, folder: Path) -> None:
    """Have dcmmkdir write a directory of a folder."""
    target = folder / "DICOMDIR"
    target.unlink(missing_ok=True)
    subprocess.run(
        ["dcmmkdir", "+r", "-Pgp", "+D", target, "+id", source],
        check=True,
        capture_output=True,
    )


def digest(source: Path) -> None:
    """Have sha256sum read every file."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    subprocess.run(["sha256sum", *files], check=True, capture_output=True)


def take_in(source: Path, folder: Path) -> None:
    """Import a folder into a new catalog."""
    home = Path(tempfile.mkdtemp(dir=folder))
    try:
        with Station(home) as station:
            result = import_medium(station, ImportRequest(source))
            assert result.imported == result.found
    finally:
        shutil.rmtree(home)


def copy(source: Path, folder: Path) -> None:
    """Copy a folder, and make the copy durable."""
    target = Path(tempfile.mkdtemp(dir=folder))
    try:
        subprocess.run(["cp", "-r", source, target], check=True)
        subprocess.run(["sync", "-f", target], check=True)
    finally:
        shutil.rmtree(target)


if __name__ == "__main__":
    main()
