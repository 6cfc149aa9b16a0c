"""Run the fuzzer: ``python -m tests.fuzz --target udf --minutes 10``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.engine import Stats, run_guarded
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
        print(sorted(TARGETS[names[0]]().run(options.replay.read_bytes())))
        return 0
    options.output.mkdir(parents=True, exist_ok=True)
    seed = options.seed or time.time_ns() % (1 << 31)
    minutes = options.minutes * options.jobs / len(names)

    def one(name: str) -> Stats:
        target = TARGETS[name]()
        with tempfile.TemporaryDirectory(prefix="mediastation-seeds-") as folder:
            seeds = target.seeds(Path(folder))
        stats = run_guarded(target, seeds, seed, minutes, options.output)
        line = {"target": name, "seed": seed, **vars(stats)}
        print(json.dumps(line), flush=True)
        with (options.output / "runs.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        return stats

    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(one, names))
    return 1 if any(stats.failures for stats in results) else 0


if __name__ == "__main__":
    sys.exit(main())
