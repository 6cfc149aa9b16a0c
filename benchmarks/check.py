"""Checking a series against one profile and against all 82, from the catalog and from files.

``python -m benchmarks.check [--instances 10000]``. dcmmkdir checks files against
one profile while it makes their directory, so ours does both beside it; it gets
fewer instances, as its time grows with their square.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.dicomdir import write_directory
from benchmarks.generate import uid, write_series
from mediastation.conformance.check_set import SetMember
from mediastation.conformance.fits import check_profiles
from mediastation.conformance.load import load_profiles
from mediastation.conformance.report import check_members
from mediastation.dicom.header import read_header
from mediastation.model.instance import InstanceHeader
from mediastation.station.check import CheckRequest, check_sources, choose_profiles
from mediastation.station.gather import add
from mediastation.station.station import Station

_ROWS = 16
_PROFILE = "STD-CTMR-CD"
_PEER_PROFILE = "STD-GEN-CD"  # dcmmkdir -Pgp
_PEER_INSTANCES = 1300


def best_of(rounds: int, work: Callable[[], object]) -> float:
    """Return the best time in seconds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def measure(folder: Path, rounds: int) -> dict[str, float]:
    """Return the seconds of each way to check a series that lies in `folder`."""
    files = sorted(folder.iterdir())
    profiles = load_profiles()
    members = [
        SetMember(path.name, read_header(path), path.name, path.stat().st_size) for path in files
    ]
    selector = f"study:{uid(f'BENCH-0001 1 {_ROWS} study')}"
    one = CheckRequest((selector,), _PROFILE)
    with Station(folder.parent / "home") as station:
        add(station, [str(folder)])
        return {
            "from the catalog, x 1": best_of(rounds, lambda: check_sources(station, one)),
            "from the catalog, x 82": best_of(
                rounds, lambda: choose_profiles(station, CheckRequest((selector,)))
            ),
            "from headers, x 1": best_of(
                rounds,
                lambda: check_members(members, profiles[_PROFILE], alternatives=profiles.values()),
            ),
            "from headers, x 82": best_of(
                rounds, lambda: check_profiles(members, list(profiles.values()))
            ),
        }


def measure_with_peer(folder: Path, rounds: int) -> tuple[float, float]:
    """Return the seconds of checking files and making their directory: ours, dcmmkdir's."""
    files = sorted(folder.iterdir())
    output = folder.parent / "DICOMDIR"
    profile = load_profiles()[_PEER_PROFILE]

    def headers() -> Iterator[InstanceHeader]:
        members = [
            SetMember(path.name, read_header(path), path.name, path.stat().st_size)
            for path in files
        ]
        assert check_members(members, profile).passed
        return (member.header for member in members)

    peer = ["dcmmkdir", "-Pgp", "-nb", "+I", "+D", str(output), "+id", str(folder)]
    command = [*peer, *(path.name for path in files)]
    theirs = best_of(rounds, lambda: subprocess.run(command, check=True, capture_output=True))
    output.unlink()
    return best_of(rounds, lambda: write_directory(headers(), output)), theirs


def main(arguments: list[str] | None = None) -> int:
    """Measure and print instances a second, and ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "SERIES"
        write_series(folder, options.instances, _ROWS)
        found = measure(folder, options.rounds)
        few = Path(name) / "FEW"
        write_series(few, _PEER_INSTANCES, _ROWS)
        ours, theirs = measure_with_peer(few, options.rounds)
    print(f"{options.instances} instances in one series")
    for way, seconds in found.items():
        print(f"{way:32}{seconds:9.3f} s{options.instances / seconds:12,.0f} instances/s")
    for way in ("from the catalog", "from headers"):
        ratio = found[f"{way}, x 82"] / found[f"{way}, x 1"]
        print(f"{way + ', x 82 to x 1':32}{ratio:9.2f}")
    print(f"{_PEER_INSTANCES} files checked and put into a directory")
    print(f"{'mediastation':32}{ours:9.3f} s{theirs / ours:12.1f} x")
    print(f"{'dcmmkdir':32}{theirs:9.3f} s{1:12.1f} x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
