"""Jobs that run and say so, many times a second: a load for screens.

``python -m benchmarks.job_events HOME [--rate 200] [--jobs 20]`` says ``ready``, then writes events
and progress in turn until its standard input ends, and says how many it has written.
Where the rate is 0, the jobs are there and nothing is said of them.
"""

from __future__ import annotations

import argparse
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediastation.catalog.job_queue import tell
from mediastation.model.job import JobState
from mediastation.station.station import Station

_WORKER = "load:1"
_TOTAL = 1_000_000
_ENDED = 150
"""Jobs that have ended before: a list is never short."""


def fill(station: Station, running: int) -> list[int]:
    """Make jobs that have ended and `running` that run, each in a step; return the latter."""
    now, jobs = station.clock.now(), station.jobs
    for _ in range(_ENDED):
        job = jobs.create("verify", {"medium": "/dev/sr0"}, "bench", _WORKER, now)
        jobs.end(job, _WORKER, JobState.DONE, {}, "as written", [], now)
    numbers = []
    for _ in range(running):
        numbers.append(jobs.create("export", {"profile": "STD-GEN-CD"}, "bench", _WORKER, now))
        jobs.start_step(numbers[-1], 0, "image", _TOTAL, "bytes", now)
    return numbers


def write_events(station: Station, numbers: list[int], rate: int) -> int:
    """Write until standard input ends, `rate` a second; return how many."""
    written, begun = 0, time.monotonic()
    if not rate:
        sys.stdin.read()
        return 0
    while True:
        due = int((time.monotonic() - begun) * rate) + 1
        for written in range(written + 1, due + 1):  # noqa: B020 - goes on where it was
            job, now = numbers[written % len(numbers)], station.clock.now()
            with station.catalog.writing() as connection:
                tell(connection, job, now, _WORKER, f"sector {written}")
            if written % 2:
                station.jobs.report(job, _WORKER, 0, min(written * 500, _TOTAL), _TOTAL, now)
        if select.select([sys.stdin], [], [], 1 / rate)[0]:
            return written


@contextmanager
def job_events(home: Path, *, rate: int = 200, jobs: int = 20) -> Iterator[None]:
    """Let a process of its own write events to the jobs of `home` meanwhile."""
    words = [sys.executable, "-m", "benchmarks.job_events", str(home)]
    process = subprocess.Popen(
        [*words, "--rate", str(rate), "--jobs", str(jobs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the load did not begin")
        yield
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """Fill the jobs of a home and write until told to end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=20)
    words = parser.parse_args()
    with Station(words.home) as station:
        numbers = fill(station, words.jobs)
        print("ready", flush=True)
        print(write_events(station, numbers, words.rate))


if __name__ == "__main__":
    main()
