"""The fuzzer itself, for a few seconds: seeds are read, mutants judged, nothing is found."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.fuzz.coverage import LineCoverage
from tests.fuzz.engine import Stats, Target, fuzz, run_guarded, run_watched
from tests.fuzz.oracles import Failure
from tests.fuzz.targets import TARGETS, coerce, folder

CASES = {"coerce": 80, "doctor": 60, "folder": 40, "iso": 60, "fat": 60, "udf": 80, "volume": 60}
MOST = 150


@pytest.mark.parametrize("name", TARGETS)
def test_some_hundred_spoiled_inputs_are_read_to_the_end(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same ones each time; what fails is kept, to be run by ``python -m tests.fuzz``."""
    for module in (coerce, folder):
        monkeypatch.setattr(module, "IN_MEMORY", tmp_path)
    target = TARGETS[name]()
    seeds = target.seeds(None)
    most = len(seeds) + CASES.get(name, MOST)
    kept = tmp_path / "case.bin"

    def run(data: bytes, _: LineCoverage | None) -> set[str]:
        try:
            return run_watched(target, data, None)
        except BaseException:
            kept.write_bytes(data)
            raise

    stats = fuzz(target, seeds, Random(20261123), lambda stats: stats.cases < most, run)

    assert stats.cases == most
    assert stats.kept > 0


class _Bad:
    """A reader that fails in each way that a child is guarded against."""

    name = "bad"
    roots: tuple[str, ...] = ()
    most_bytes = 64

    def __init__(self, how: str) -> None:
        self.how = how

    def seeds(self, _: Path | None) -> list[bytes]:
        return [b"seed"]

    def mutate(self, rng: Random, data: bytes, _: bytes) -> bytes:
        return data[:3] + rng.randbytes(3)

    def run(self, data: bytes) -> set[str]:
        if data == b"seed":
            return set()
        if self.how == "raises":
            raise IndexError
        if self.how == "judged":
            raise Failure("it does what no reader may do")
        return {str(len(bytearray(1 << 30)))}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(
    ("how", "kind"), [("raises", "IndexError"), ("judged", "Failure"), ("swells", "MemoryError")]
)
def test_a_reader_that_fails_is_caught_and_its_input_kept(
    how: str, kind: str, tmp_path: Path
) -> None:
    target: Target = _Bad(how)

    stats = run_guarded(target, target.seeds(None), 7, 0.004, tmp_path)

    assert isinstance(stats, Stats)
    assert any(name.startswith(kind) for name in stats.failures), stats.failures
    assert list((tmp_path / "bad").glob("*.bin"))
