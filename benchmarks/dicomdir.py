"""Our DICOMDIR writer against dcmmkdir, on the same instances in the same run.

``python -m benchmarks.dicomdir [--instances 1300] [--rounds 3]``. dcmmkdir reads
every file; ours is measured in the same way, files and all, and again from
headers that are known already, as the catalog has them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.generate import write_series
from mediastation.dicom.header import read_header
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, FileSetSummary, Person
from mediastation.model.instance import InstanceHeader

_PERSON = Person("bench", "BENCH-0001")
_MOMENT = datetime(2024, 2, 29, tzinfo=UTC)


def write_directory(headers: Iterable[InstanceHeader], path: Path) -> FileSetSummary:
    """Write one File-set's DICOMDIR."""
    with path.open("w+b") as output:
        builder = FileSetBuilder(
            output, file_set_uid="1.2.3.4", file_set_id="BENCH", moment=_MOMENT
        )
        for header in headers:
            builder.add(FileSetInstance(header, header.transfer_syntax_uid, _PERSON))
        return builder.close()


def measure(folder: Path, rounds: int) -> dict[str, float]:
    """Return the best time in seconds of each way over interleaved rounds."""
    files = sorted(folder.iterdir())
    headers = [read_header(path) for path in files]
    output = folder.parent / "DICOMDIR"
    peer = ["dcmmkdir", "-Pgp", "-nb", "+I", "+D", str(output), "+id", str(folder)]
    ways: dict[str, Callable[[], object]] = {
        "mediastation, from headers": lambda: write_directory(headers, output),
        "mediastation, from files": lambda: write_directory(map(read_header, files), output),
        "dcmmkdir": lambda: subprocess.run(
            [*peer, *(path.name for path in files)], check=True, capture_output=True
        ),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, write in ways.items():
            output.unlink(missing_ok=True)
            start = time.perf_counter()
            write()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a table of seconds and ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dicomdir", description=__doc__)
    parser.add_argument("--instances", type=int, default=1300)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "IMAGES"
        write_series(folder, options.instances, 32)
        best = measure(folder, options.rounds)
    peer = best["dcmmkdir"]
    print(f"{options.instances} instances in one series")
    for way, seconds in best.items():
        print(f"{way:32}{seconds:9.3f} s{peer / seconds:9.1f} x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
