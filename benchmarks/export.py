"""A whole export against dcmmkdir, xorriso and sha256sum, on the same files in the same run.

``python -m benchmarks.export [--rounds 3] [--quick]``. Ours runs as the command that an
operator gives: interpreter start, check, DICOMDIR, image, fsync, reread with
every digest, rename. The first ratio is of the job (from its row in the job
table), the second of the whole command. The peers write a DICOMDIR and an image
and digest it; they neither check nor reread nor wait for the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.generate import write_series
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.jobs import JobTable


def timed(command: Sequence[str | Path]) -> tuple[float, int]:
    """Run a program; return its wall time in seconds and its peak memory in bytes."""
    start = time.perf_counter()
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed with {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024


def measure(name: str, files: Path, folder: Path, rounds: int) -> None:
    """Print the best times of both sides over interleaved rounds, and their ratio."""
    home, image, directory = folder / "home", folder / "image.iso", folder / "DICOMDIR"
    program = [sys.executable, "-m", "mediastation", "--quiet", "--home", str(home)]
    timed([*program, "add", files])
    listed = subprocess.run([*program, "--json", "list", "studies"], check=True,
                            capture_output=True, text=True)  # fmt: skip
    study = json.loads(listed.stdout)["rows"][0]["study_instance_uid"]
    ours = [*program, "export", f"study:{study}", "--profile", "STD-GEN-CD", "--output", image]
    peers: list[list[str | Path]] = [
        ["dcmmkdir", "-Pgp", "-nb", "+I", "+r", "+D", directory, "+id", files, "."],
        ["xorriso", "-as", "mkisofs", "-quiet", "-iso-level", "1", "--norock",
         "-o", folder / "peer.iso", files, directory],
        ["sha256sum", folder / "peer.iso"],
    ]  # fmt: skip
    best, best_job, best_peers, peak = float("inf"), float("inf"), float("inf"), 0
    for _ in range(rounds):
        seconds, memory = timed(ours)
        best, peak = min(best, seconds), max(peak, memory)
        best_job = min(best_job, job_seconds(home))
        total = 0.0
        for command in peers:
            if command[0] == "dcmmkdir":
                directory.unlink(missing_ok=True)
            if command[0] == "xorriso":
                (folder / "peer.iso").unlink(missing_ok=True)
            total += timed(command)[0]
        best_peers = min(best_peers, total)
    print(
        f"{name}: job {best_job:.2f} s, command {best:.2f} s, peers {best_peers:.2f} s; "
        f"ratio {best_job / best_peers:.2f} (job), {best / best_peers:.2f} (command); "
        f"peak memory {peak / 1e6:.0f} MB"
    )


def job_seconds(home: Path) -> float:
    """Return how long the latest job of a home took."""
    with Catalog(home) as catalog:
        (job,) = JobTable(catalog).latest(time.time(), limit=1)
    return job.updated_at - job.created_at


def main() -> None:
    """Measure a large CT and a series of many small instances."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="leave the small instances out")
    arguments = parser.parse_args()
    # dcmmkdir is quadratic in a series: it takes minutes for the second, so once is enough.
    sets = [
        ("1,300 CT slices of 512×512", 1300, 512, arguments.rounds),
        ("10,000 small instances in one series", 10_000, 32, 1),
    ]
    for name, number, rows, rounds in sets[: 1 if arguments.quick else None]:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            write_series(folder / "in", number, rows=rows)
            measure(name, folder / "in", folder, rounds)


if __name__ == "__main__":
    main()
