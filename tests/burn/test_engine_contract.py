"""What every engine promises: xorriso on files, and the drives of the imagination."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.burn.drive import Disc, DiscStatus
from mediastation.burn.engine import BurnEngine, BurnProgress, TrackSource, WriteOptions
from mediastation.burn.trouble import Cause, DriveError
from mediastation.burn.xorriso import XorrisoEngine
from tests.support.burners import MemoryDrive, MemoryEngine
from tests.support.peers import peer

DATA = os.urandom(50 * 2048)


class StopError(Exception):
    """Somebody has had enough."""


@pytest.fixture(params=["xorriso", "memory"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> BurnEngine:
    if request.param == "xorriso":
        return XorrisoEngine(peer("xorriso"))
    return MemoryEngine({f"stdio:{tmp_path}/disc": MemoryDrive(tmp_path / "disc")})


@pytest.fixture
def drive(tmp_path: Path) -> str:
    return f"stdio:{tmp_path}/disc"


def source(padding: int = 0) -> TrackSource:
    return TrackSource(len(DATA), iter([DATA[:2048], DATA[2048:]]), padding)


def lying(engine: BurnEngine, drive: str) -> Disc:
    disc = engine.inspect(drive).disc
    assert disc is not None
    return disc


def test_a_fresh_disc_is_blank_and_has_room(engine: BurnEngine, drive: str) -> None:
    disc = lying(engine, drive)

    assert disc.status is DiscStatus.BLANK
    assert disc.free_sectors > 50


def test_what_is_written_can_be_read(engine: BurnEngine, drive: str) -> None:
    engine.write(drive, source(4096), WriteOptions())

    there = engine.path(drive).read_bytes()
    assert there[: len(DATA)] == DATA
    assert not there[len(DATA) :].strip(b"\0")


def test_what_was_written_is_not_blank(engine: BurnEngine, drive: str) -> None:
    engine.write(drive, source(), WriteOptions())

    assert lying(engine, drive).status is not DiscStatus.BLANK


def test_a_simulation_leaves_it_blank(engine: BurnEngine, drive: str) -> None:
    engine.write(drive, source(), WriteOptions(simulate=True))

    assert lying(engine, drive).status is DiscStatus.BLANK


def test_each_chunk_is_taken_once(engine: BurnEngine, drive: str) -> None:
    taken: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(50):
            taken.append(number)
            yield DATA[number * 2048 : (number + 1) * 2048]

    engine.write(drive, TrackSource(len(DATA), chunks()), WriteOptions())

    assert taken == list(range(50))


def test_whoever_watches_hears_of_the_end_and_can_stop_it(engine: BurnEngine, drive: str) -> None:
    seen: list[BurnProgress] = []
    engine.write(drive, source(), WriteOptions(), seen.append)
    assert (seen[-1].done, seen[-1].total) == (len(DATA), len(DATA))

    def stop(_: BurnProgress) -> None:
        raise StopError

    with pytest.raises(StopError):
        engine.write(drive, source(), WriteOptions(), stop)


def test_a_source_that_fails_is_heard(engine: BurnEngine, drive: str) -> None:
    def chunks() -> Iterator[bytes]:
        yield DATA[:2048]
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        engine.write(drive, TrackSource(len(DATA), chunks()), WriteOptions())


def test_blanked_it_is_blank(engine: BurnEngine, drive: str) -> None:
    engine.write(drive, source(), WriteOptions())

    engine.blank(drive)

    assert lying(engine, drive).status is DiscStatus.BLANK


def test_a_drive_that_does_not_exist_is_told(engine: BurnEngine) -> None:
    with pytest.raises(DriveError) as caught:
        engine.inspect("/dev/sr250")

    assert caught.value.cause is Cause.NO_DRIVE
    assert caught.value.hint
