"""Run the fuzzer: ``python -m tests.fuzz --target udf --minutes 10``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.engine import run_guarded, run_watched
from tests.fuzz.targets import TARGETS


def main(arguments: list[str] | None = None) -> int:
    """Run what the arguments ask for; return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--target", default="all", choices=["all", *TARGETS])
    parser.add_argument("--minutes", type=float, default=5.0, help="of all targets together")
    parser.add_argument("--seed", type=int, default=0, help="0 takes one from the clock")
    parser.add_argument("--jobs", type=int, default=1, help="children at a time")
    parser.add_argument("--replay", type=Path, help="run this one input, without limits")
    parser.add_argument(
        "--output", type=Path, default=Path(tempfile.gettempdir()) / "mediastation-fuzz",
        help="where the inputs of failures are kept",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    names = list(TARGETS) if options.target == "all" else [options.target]
    if options.replay:
        print(sorted(run_watched(TARGETS[names[0]](), options.replay.read_bytes(), None)))
        return 0
    options.output.mkdir(parents=True, exist_ok=True)
    seed = options.seed or time.time_ns() % (1 << 31)
    minutes = options.minutes * min(options.jobs, len(names)) / len(names)
    if options.jobs == 1 or len(names) == 1:
        return max(_run(name, seed, minutes, options.output) for name in names)
    command = [sys.executable, "-m", "tests.fuzz", "--seed", str(seed), "--minutes", str(minutes),
               "--output", str(options.output), "--target"]  # fmt: skip
    with ThreadPoolExecutor(options.jobs) as pool:
        done = pool.map(lambda name: subprocess.run([*command, name], check=False), names)
        return max(one.returncode for one in done)


def _run(name: str, seed: int, minutes: float, output: Path) -> int:
    """Run one target for so long, and say what came of it in one line of JSON."""
    target = TARGETS[name]()
    with tempfile.TemporaryDirectory(prefix="mediastation-seeds-") as folder:
        seeds = target.seeds(Path(folder))
    stats = run_guarded(target, seeds, seed, minutes, output)
    line = json.dumps({"target": name, "seed": seed, **vars(stats)})
    print(line, flush=True)
    with (output / "runs.jsonl").open("a", encoding="utf-8") as log:
        log.write(line + "\n")
    return 1 if stats.failures else 0


if __name__ == "__main__":
    sys.exit(main())
