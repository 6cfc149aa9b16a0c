"""Planning, mastering and a whole export of 40,000 instances against a plain copy of their bytes.

``python -m benchmarks.media [--instances 40000] [--rows 447] [--rounds 3]``. By
default 16 GB of CT images of 400 KB are taken into a home by `add`, a series of
a thousand after the other, and go onto one BD-R as UDF 2.60. The copy reads
each of the store's files in the order of the medium, writes all of them into
one file and waits for the disk; so does every writer here, the rename included.
Each way is a process of its own, measured from its start to its end, and all of
them take turns. Before each one the disk is idle and the sources are out of the
page cache. The other formats are written from fewer of the same files. Memory is
the peak of each process, and never told as less than what this one takes itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.export import timed
from benchmarks.generate import write_series
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.jobs import JobTable
from mediastation.media.level1 import MediumFile
from mediastation.model.medium import MEDIA, Format
from mediastation.station.exporting.output import open_writer
from mediastation.station.gather import add
from mediastation.station.station import Station

_MOMENT = datetime(2024, 2, 29, tzinfo=UTC)
_BATCH = 1000
_CHUNK_BYTES = 1 << 20
_PROFILE, _MEDIUM = "STD-GEN-BD", "BD-R-25"
_PATIENT = "patient:BENCH-0001"
_COPY = "copy"
_OTHERS = {
    Format.UDF_1_02: "DVD-R",
    Format.BRIDGE: "DVD-R",
    Format.ISO9660: "CD-80",
    Format.FAT32: "USB",
    Format.ZIP: "ZIP",
    Format.FOLDER: "USB",
}
"""Further formats, each with a medium that is written in it."""

Figure = tuple[float, int]
"""Seconds, and peak memory in bytes."""


def fill(home: Path, instances: int, rows: int) -> None:
    """Take so many instances into a catalog; never more than one series of them lies outside."""
    with Station(home) as station:
        for first in range(0, instances, _BATCH):
            with tempfile.TemporaryDirectory(dir=home.parent) as folder:
                number = min(_BATCH, instances - first)
                write_series(Path(folder), number, rows, series=str(first // _BATCH + 1))
                add(station, [folder])


def stored_files(home: Path) -> list[Path]:
    """Return the files of the store in the order they came in, which is that of the medium."""
    found = [
        (entry.stat().st_mtime_ns, entry.path)
        for shard in os.scandir(home / "store")
        for entry in os.scandir(shard)
    ]
    return [Path(path) for _, path in sorted(found)]


def iter_planned(sources: Sequence[Path]) -> Iterator[MediumFile]:
    """Give every file a File ID, a thousand to a directory; the first plays the DICOMDIR."""
    for n, path in enumerate(sources):
        name = f"DICOM/SE{n // 1000:06d}/IM{n:06d}" if n else "DICOMDIR"
        yield MediumFile(name, path, path.stat().st_size)


def copy(sources: Sequence[Path], output: Path) -> None:
    """Write all of `sources` into one file and wait for the disk."""
    with output.open("xb", buffering=0) as target:
        for path in sources:
            with path.open("rb", buffering=0) as source:
                while data := source.read(_CHUNK_BYTES):
                    assert target.write(data) == len(data)
        os.fsync(target.fileno())


def master(form: Format, medium: str, sources: Sequence[Path], output: Path) -> None:
    """Write one medium of `sources`, as the export does, and give it its name."""
    writer = open_writer(
        MEDIA[medium],
        form,
        iter_planned(sources),
        file_set_id="BENCH",
        file_set_uid="2.25.1",
        moment=_MOMENT,
    )
    with writer, writer.write(output) as pending:
        pending.commit()


class Bench:
    """A home, what is in its store, and where the output goes.

    Parameters
    ----------
    folder : Path
        Holds the home, and one output at a time.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._folder = folder
        self._output = folder / "output"
        self._listed = folder / "sources"
        self.sources: list[Path] = []

    def list_sources(self, instances: int | None = None) -> int:
        """Take the first `instances` files of the store from here on; return their bytes."""
        self.sources = stored_files(self.home)[:instances]
        self._listed.write_text("\n".join(map(str, self.sources)), "utf-8")
        return sum(path.stat().st_size for path in self.sources)

    def write(self, form: str, medium: str = "") -> Figure:
        """Copy, or let one writer write, the sources that are listed."""
        return self._measure(
            [sys.executable, "-m", "benchmarks.media", "--write", form, "--medium", medium,
             "--sources", self._listed, "--output", self._output]
        )  # fmt: skip

    def export(self, *options: str) -> Figure:
        """Give the command that an operator gives."""
        return self._measure(
            [sys.executable, "-m", "mediastation", "--quiet", "--home", self.home, "export",
             _PATIENT, "--profile", _PROFILE, "--medium", _MEDIUM, "--output",
             self._output, *options]
        )  # fmt: skip

    def last_steps(self) -> dict[str, float]:
        """Return how many seconds each step of the latest job took."""
        with Catalog(self.home) as catalog:
            table = JobTable(catalog)
            (job,) = table.latest(time.time(), limit=1)
            whole = table.get(job.id, time.time())
        assert whole is not None
        return {
            step.name: (step.ended_at or step.started_at) - step.started_at for step in whole.steps
        }

    def _measure(self, command: Sequence[str | Path]) -> Figure:
        self._clear()
        os.sync()
        for path in self.sources:
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
        try:
            return timed(command)
        finally:
            self._clear()

    def _clear(self) -> None:
        if self._output.is_dir():
            shutil.rmtree(self._output)
        self._output.unlink(missing_ok=True)


def best(figures: Sequence[Figure]) -> Figure:
    """Return the least time and the most memory."""
    return min(seconds for seconds, _ in figures), max(memory for _, memory in figures)


def show(name: str, figure: Figure, copied: Figure) -> None:
    """Print one line of a table."""
    seconds, memory = figure
    print(
        f"  {name:34}{seconds:8.2f} s{seconds / copied[0]:8.2f} x copy{memory / 1e6:8.0f} MB",
        flush=True,
    )


def measure_disc(bench: Bench, rounds: int) -> None:
    """Print planning, mastering, both, and a whole export onto one BD-R, against the copy."""
    size_bytes = bench.list_sources()
    number = len(bench.sources)
    print(f"{number:,} instances, {size_bytes:,} bytes, onto {_MEDIUM} as UDF 2.60")
    ways: dict[str, list[Figure]] = {}
    steps: dict[str, float] = {}
    for _ in range(rounds):
        ways.setdefault("plain copy", []).append(bench.write(_COPY))
        ways.setdefault("export --plan", []).append(bench.export("--plan"))
        ways.setdefault("the image alone", []).append(bench.write(Format.UDF_2_60, _MEDIUM))
        ways.setdefault("export, reread and all", []).append(bench.export())
        for name, seconds in bench.last_steps().items():
            steps[name] = min(seconds, steps.get(name, seconds))
    copied = best(ways["plain copy"])
    for name, figures in ways.items():
        show(name, best(figures), copied)
    plan, image = best(ways["export --plan"]), best(ways["the image alone"])
    both = plan[0] + image[0], max(plan[1], image[1])
    show("planned and mastered", both, copied)
    print("  steps of the export: " + ", ".join(f"{n} {s:.1f} s" for n, s in steps.items()))


def measure_formats(bench: Bench, instances: int, rounds: int) -> None:
    """Print how long each other writer takes for fewer files, against the copy of the same."""
    size_bytes = bench.list_sources(instances)
    print(f"{len(bench.sources):,} of them, {size_bytes:,} bytes, other formats, the writer alone")
    ways: dict[str, list[Figure]] = {}
    for _ in range(rounds):
        ways.setdefault("plain copy", []).append(bench.write(_COPY))
        for form, medium in _OTHERS.items():
            ways.setdefault(str(form), []).append(bench.write(form, medium))
    copied = best(ways["plain copy"])
    for name, figures in ways.items():
        show(name, best(figures), copied)


def lacks_room(folder: Path, instances: int, rows: int) -> str:
    """Say what is missing where the disk cannot hold the store, an image of it and a batch."""
    needed = (2 * instances + 3 * _BATCH) * (rows * rows * 2 + 8192)
    free = shutil.disk_usage(folder).free
    return "" if free >= needed else f"{folder} has {free:,} bytes free, {needed:,} are needed"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print tables of seconds, ratios and memory."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.media", description=__doc__)
    parser.add_argument("--instances", type=int, default=40_000)
    parser.add_argument("--rows", type=int, default=447, help="447 make 400 KB an instance")
    parser.add_argument("--few", type=int, default=4000, help="instances for the other formats")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the home lies, and stays")
    for internal in ("--write", "--medium"):
        parser.add_argument(internal, help=argparse.SUPPRESS)
    for internal in ("--sources", "--output"):
        parser.add_argument(internal, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.write:
        sources = [Path(line) for line in options.sources.read_text("utf-8").splitlines()]
        if options.write == _COPY:
            copy(sources, options.output)
        else:
            master(Format(options.write), options.medium, sources, options.output)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        bench = Bench(folder)
        if not bench.home.exists():
            if lacking := lacks_room(folder, options.instances, options.rows):
                print(f"left out: {lacking}; --instances takes fewer")
                return 0
            fill(bench.home, options.instances, options.rows)
        measure_disc(bench, options.rounds)
        measure_formats(bench, options.few, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
