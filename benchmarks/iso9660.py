"""Our ISO 9660 writer against xorriso and genisoimage, on the same files in the same run.

``python -m benchmarks.iso9660 [FOLDER] [--rounds 3]``; without a folder the CT
of `benchmarks.generate` is made first. The peers write and do no more; ours
also digests the whole image and its structure, and the second line of ours
waits for the disk and renames, which no peer does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.generate import write_series
from mediastation.media.iso9660 import Iso9660Image, MediumFile

_MOMENT = datetime(2024, 2, 29, tzinfo=UTC)
_LEVEL_1 = ("-iso-level", "1", "-sysid", "", "-V", "BENCH", "-quiet", "-graft-points")


def plan_files(folder: Path) -> list[MediumFile]:
    """Give every file of `folder` a File ID, a thousand to a directory."""
    return [
        MediumFile(f"DICOM/SE{n // 1000:06d}/IM{n:06d}", path, path.stat().st_size)
        for n, path in enumerate(sorted(path for path in folder.iterdir() if path.is_file()))
    ]


def measure(files: list[MediumFile], folder: Path, rounds: int) -> dict[str, float]:
    """Return the best time in seconds of each writer over interleaved rounds."""
    listed = folder / "path-list"
    listed.write_text("".join(f"{file.path}={file.source}\n" for file in files), "utf-8")
    output = folder / "image.iso"

    def ours(commit: bool) -> None:
        with (
            Iso9660Image(files, volume_id="BENCH", moment=_MOMENT) as image,
            image.write(output) as pending,
        ):
            if commit:
                pending.commit()

    def peer(*program: str) -> None:
        command = [*program, *_LEVEL_1, "-path-list", str(listed), "-o", str(output)]
        subprocess.run(command, check=True, capture_output=True)

    writers: dict[str, Callable[[], object]] = {
        "mediastation, with SHA-256": lambda: ours(False),
        "mediastation, with SHA-256, fsync and rename": lambda: ours(True),
        "xorriso -as mkisofs": lambda: peer("xorriso", "-as", "mkisofs", "--norock"),
        "genisoimage": lambda: peer("genisoimage"),
        "genisoimage, then sha256sum": lambda: (
            peer("genisoimage"),
            subprocess.run(["sha256sum", str(output)], check=True, capture_output=True),
        ),
    }
    best = dict.fromkeys(writers, float("inf"))
    for _ in range(rounds):
        for name, write in writers.items():
            output.unlink(missing_ok=True)
            for file in files:
                file.source.read_bytes()
            os.sync()
            start = time.perf_counter()
            write()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a table of seconds and ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.iso9660", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if chosen.folder is None:
            chosen.folder = scratch / "ct"
            write_series(chosen.folder, 1300, 512)
        files = plan_files(chosen.folder)
        best = measure(files, scratch, chosen.rounds)
    ours = next(iter(best.values()))
    print(f"{len(files)} files, {sum(file.size_bytes for file in files):,} bytes")
    for writer, seconds in best.items():
        print(f"{writer:46} {seconds:7.2f} s  {seconds / ours:6.2f} times ours")
    return 0


if __name__ == "__main__":
    sys.exit(main())
