"""Run cases: in this process for the suite, in guarded children for hours.

A child has a limit of memory and of time for every case. It writes each input
into memory that it shares with its parent before it is run, so that not even
an interpreter that dies can hide what killed it.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import signal
import struct
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol

from tests.fuzz.coverage import LineCoverage
from tests.fuzz.limits import NEEDS_TRUE_LIMITS, small_limits
from tests.fuzz.mutation import havoc

CASE_CPU_S = 2.0
"""What one case may take; under the eyes of `LineCoverage`, and then again without."""
CASE_MEMORY_BYTES = 64 << 20
"""What one case may take beyond a small multiple of its input."""
STUCK_CPU_S = 30.0
"""After so much in one case, the interpreter itself hangs and the child is ended."""

_SHARED_BYTES = 16 << 20
_HEAD = struct.Struct("<QQQ")
_POOL_ENTRIES = 600
_PACKED_FROM_BYTES = 1 << 15
_TRACE_ONE_IN = 3
_KEPT_PER_KIND = 3
_SMALL_ONE_IN = 4


class Target(Protocol):
    """A reader, and how to spoil what it reads."""

    name: str
    roots: tuple[str, ...]
    """What of the package `LineCoverage` watches."""
    most_bytes: int

    def seeds(self, folder: Path | None, /) -> list[bytes]:
        """Return small valid inputs; with a folder, those that other programs make too."""

    def mutate(self, rng: Random, data: bytes, other: bytes, /) -> bytes:
        """Return `data` spoiled once; `other` may lend pieces."""

    def run(self, data: bytes, /) -> set[str]:
        """Let the reader do everything; return what it said, as features."""


class HangError(BaseException):
    """A case took longer than it may; nothing that is read may catch it."""


@dataclass
class Stats:
    """What came of a run."""

    cases: int = 0
    lines: int = 0
    kept: int = 0
    seconds: float = 0.0
    failures: dict[str, int] = field(default_factory=dict)


class Pool:
    """Inputs worth going on from; those that compress well lie packed."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._entries: list[tuple[bool, bytes]] = []
        self._seeds = 0

    def add(self, data: bytes, *, is_seed: bool = False) -> None:
        """Keep an input; another one that is no seed goes where there are too many."""
        packed = len(data) >= _PACKED_FROM_BYTES
        self._entries.append((packed, zlib.compress(data, 1) if packed else data))
        if is_seed:
            self._seeds += 1
        elif len(self._entries) > _POOL_ENTRIES + self._seeds:
            del self._entries[self._rng.randrange(self._seeds, len(self._entries) - 1)]

    def pick(self) -> bytes:
        """Return one: a seed now and then, the newest ones oftener than the old."""
        count = len(self._entries)
        if self._rng.random() < 0.25:
            index = self._rng.randrange(self._seeds)
        elif self._rng.random() < 0.3:
            index = self._rng.randrange(max(0, count - 20), count)
        else:
            index = self._rng.randrange(count)
        packed, data = self._entries[index]
        return zlib.decompress(data) if packed else data


def fuzz(
    target: Target,
    seeds: list[bytes],
    rng: Random,
    more: Callable[[Stats], bool],
    run: Callable[[bytes, LineCoverage | None], set[str] | None],
) -> Stats:
    """Run cases while `more` says so; `run` returns features, None where the case failed."""
    stats, pool, seen = Stats(), Pool(rng), set[str]()
    coverage = LineCoverage(target.roots)
    for data in seeds:
        pool.add(data, is_seed=True)
        seen |= run(data, coverage) or set()
        stats.cases += 1
    while more(stats):
        data = pool.pick()
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 8))):
            data = _mutated(target, rng, data, pool.pick() if rng.random() < 0.1 else b"")
        before = coverage.lines
        said = run(data, coverage if stats.cases % _TRACE_ONE_IN == 0 else None)
        stats.cases += 1
        if said is not None and (coverage.lines > before or not said <= seen):
            seen |= said
            pool.add(data)
            stats.kept += 1
    stats.lines = coverage.lines
    return stats


def _mutated(target: Target, rng: Random, data: bytes, other: bytes) -> bytes:
    """Return `data` spoiled once, blindly where it is too far gone for the target's own ways."""
    try:
        made = target.mutate(rng, data, other)
    except (ArithmeticError, LookupError, RecursionError, ValueError, struct.error):
        raw = bytearray(data)
        havoc(rng, raw, target.most_bytes, other)
        made = bytes(raw)
    return made[: target.most_bytes]


def run_watched(target: Target, data: bytes, coverage: LineCoverage | None) -> set[str]:
    """Run one case, watching which lines it reaches if `coverage` is given.

    One input in four meets small limits, chosen by its bytes, so that the same
    input always meets the same ones.
    """
    with contextlib.ExitStack() as stack:
        if zlib.crc32(data) % _SMALL_ONE_IN == 0 and target.name not in NEEDS_TRUE_LIMITS:
            stack.enter_context(small_limits())
        if coverage is not None:
            coverage.start()
            stack.callback(coverage.stop)
        return target.run(data)


@contextlib.contextmanager
def case_limits(size_bytes: int) -> Iterator[None]:
    """Let what runs inside fail where it takes too long, or too much memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    room = pages * resource.getpagesize() + CASE_MEMORY_BYTES + 16 * size_bytes
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (room, hard))
    signal.setitimer(signal.ITIMER_PROF, CASE_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def kind_of(fault: BaseException) -> str:
    """Name a failure by what was raised and where in the package, so that each counts once."""
    where = "unknown"
    for frame, line in traceback.walk_tb(fault.__traceback__):
        path = frame.f_code.co_filename
        if "/mediastation/" in path or (where == "unknown" and "/fuzz/targets/" in path):
            where = f"{Path(path).stem}-{line}"
    name = type(fault).__name__
    if name == "Failure":
        words = [word for word in str(fault).split() if word.isalpha()]
        return "-".join(["Failure", *words[:8]])
    return f"{name}-{where}"


class _Reporter:
    """Keeps the inputs of failures, the first few of each kind, and why they failed."""

    def __init__(self, folder: Path, stats: dict[str, int]) -> None:
        self._folder = folder
        self._counts = stats

    def keep(self, kind: str, data: bytes, why: str) -> None:
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        if count <= _KEPT_PER_KIND:
            self._folder.mkdir(parents=True, exist_ok=True)
            number = len(list(self._folder.glob(f"{kind}-*.bin")))
            (self._folder / f"{kind}-{number}.bin").write_bytes(data)
            (self._folder / f"{kind}-{number}.txt").write_text(why, encoding="utf-8")


def _interrupted(*_: Any) -> None:
    raise HangError


def _child(
    target: Target, seeds: list[bytes], seed: int, until: float, folder: Path, shared: mmap.mmap
) -> None:
    """Run cases until the clock says `until`, the input of each in `shared` before it runs."""
    stats = Stats()
    reporter = _Reporter(folder / target.name, stats.failures)
    signal.signal(signal.SIGPROF, _interrupted)
    for data in seeds:  # what is loaded once is no case's memory
        with contextlib.suppress(Exception):
            target.run(data)
    cases = 0

    def run(data: bytes, coverage: LineCoverage | None) -> set[str] | None:
        nonlocal cases
        cases += 1
        piece = data[: _SHARED_BYTES - _HEAD.size]
        shared[_HEAD.size : _HEAD.size + len(piece)] = piece
        _HEAD.pack_into(shared, 0, cases, len(piece), len(stats.failures))
        for watched in (coverage, None):
            try:
                with case_limits(len(data)):
                    return run_watched(target, data, watched)
            except (HangError, MemoryError) as fault:
                if watched is None:
                    kind = f"{type(fault).__name__}-{kind_of(fault).partition('-')[2]}"
                    reporter.keep(kind, data, traceback.format_exc())
            except Exception as fault:
                reporter.keep(kind_of(fault), data, traceback.format_exc())
                return None
        return None

    found = fuzz(target, seeds, Random(seed), lambda _: time.monotonic() < until, run)
    shared[: _HEAD.size] = _HEAD.pack(cases, 0, found.lines << 32 | found.kept)
    (folder / f"{target.name}-{os.getpid()}.failures").write_text(
        "\n".join(f"{count} {kind}" for kind, count in stats.failures.items()), encoding="utf-8"
    )


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_guarded(
    target: Target, seeds: list[bytes], seed: int, minutes: float, folder: Path
) -> Stats:
    """Run cases in a child for so long; one that dies or hangs is a failure, and is replaced."""
    stats, begin = Stats(), time.monotonic()
    reporter = _Reporter(folder / target.name, stats.failures)
    until = begin + minutes * 60
    while time.monotonic() < until:
        shared = mmap.mmap(-1, _SHARED_BYTES)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                _child(target, seeds, seed, until, folder, shared)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        why = _watch(pid, shared)
        cases, length, rest = _HEAD.unpack_from(shared, 0)
        stats.cases += cases
        if why:
            reporter.keep(
                f"died-{why.replace(' ', '-')}", shared[_HEAD.size : _HEAD.size + length], why
            )
        else:
            stats.lines, stats.kept = rest >> 32, rest & 0xFFFFFFFF
        report = folder / f"{target.name}-{pid}.failures"
        if report.exists():
            for line in report.read_text(encoding="utf-8").splitlines():
                count, _, kind = line.partition(" ")
                stats.failures[kind] = stats.failures.get(kind, 0) + int(count)
            report.unlink()
        shared.close()
        seed += 1_000_003
    stats.seconds = time.monotonic() - begin
    return stats


def _watch(pid: int, shared: mmap.mmap) -> str:
    """Wait for the child; return why it ended before its time, empty if it did not."""
    case, since = -1, 0.0
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            if os.WIFSIGNALED(status):
                return f"signal {os.WTERMSIG(status)}"
            return "" if os.WEXITSTATUS(status) == 0 else f"exit {os.WEXITSTATUS(status)}"
        now = _HEAD.unpack_from(shared, 0)[0]
        used = _cpu_seconds(pid)
        if now != case:
            case, since = now, used
        elif used - since > STUCK_CPU_S:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return "stuck in one case"
        time.sleep(0.1)
