"""A burn from the queue: it asks for the disc it lacks, and goes on with what it has made."""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from mediastation.burn.drive import DiscStatus
from mediastation.errors import ConfigError
from mediastation.model.job import JobRecord, JobState
from mediastation.station import process_lock, unfinished
from mediastation.station.burning import burn as burning
from mediastation.station.burning.request import BurnRequest
from mediastation.station.job import worker_name
from mediastation.station.process_lock import hold_lock
from mediastation.station.serving.submitting import answer, retry, submit
from mediastation.station.serving.worker import run_claimed
from mediastation.station.station import Station
from tests.support.burners import MemoryDrive, MemoryEngine, fail_at
from tests.support.burning import SR0
from tests.support.discs import Images

Attempt = Callable[..., JobRecord]


@pytest.fixture
def attempt(station: Station, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch) -> Attempt:
    """Run a queued job once, as a worker does, and return what became of it."""
    monkeypatch.setattr(burning, "XorrisoEngine", lambda: engine)

    def run(job: int, stop: threading.Event | None = None) -> JobRecord:
        before = station.jobs.get(job, station.clock.now())
        assert before is not None
        assert station.queue.claim(job, worker_name(), before.place, station.clock.now())
        claimed = station.jobs.get(job, station.clock.now())
        assert claimed is not None
        is_stopping = (stop or threading.Event()).is_set
        run_claimed(station.home, claimed, is_stopping=is_stopping)
        after = station.jobs.get(job, station.clock.now())
        assert after is not None
        return after

    return run


def discs_of(record: JobRecord) -> list[tuple[int, int, str]]:
    discs = record.result["burns"][0]["discs"]
    return [(disc["copy"], disc["attempt"], disc["state"]) for disc in discs]


@pytest.mark.parametrize("lies", [DiscStatus.NONE, DiscStatus.CLOSED])
def test_without_a_blank_it_asks_and_goes_on_when_one_is_there(
    lies: DiscStatus, station: Station, images: Images, drive: MemoryDrive, attempt: Attempt
) -> None:
    drive.lies = lies
    job = submit(station, BurnRequest(images.first, (SR0,)))

    record = attempt(job)
    assert record.state is JobState.WAITING
    assert record.question is not None
    assert record.question.kind == "blank"
    assert record.question.facts["drive"] == SR0
    assert drive.discs == 0

    drive.lies = DiscStatus.BLANK
    answer(station, job, "go-on")
    record = attempt(job)
    assert record.state is JobState.DONE, record.message
    assert discs_of(record) == [(1, 1, "verified")]


def test_copies_that_are_made_are_not_made_again(
    station: Station, images: Images, drive: MemoryDrive, attempt: Attempt
) -> None:
    drive.pile = 1
    job = submit(station, BurnRequest(images.first, (SR0,), copies=3, wait_s=0))

    record = attempt(job)
    assert record.state is JobState.WAITING
    assert record.question is not None
    assert record.question.facts["copy"] == 3
    assert discs_of(record) == [(1, 1, "verified"), (2, 1, "verified")]

    drive.lies = DiscStatus.BLANK
    answer(station, job, "go-on")
    record = attempt(job)
    assert record.state is JobState.DONE, record.message
    assert discs_of(record) == [(1, 1, "verified"), (2, 1, "verified"), (3, 1, "verified")]
    assert drive.discs == 3


def test_a_spoiled_disc_is_named_and_another_asked_for(
    station: Station, images: Images, drive: MemoryDrive, attempt: Attempt
) -> None:
    drive.faults = {0: fail_at(0.5)}
    job = submit(station, BurnRequest(images.first, (SR0,)))

    record = attempt(job)
    assert record.state is JobState.WAITING
    assert record.question is not None
    assert record.question.facts["spoiled"]
    assert "Destroy" in record.question.hint
    assert [finding.rule for finding in record.findings].count("discard-disc") == 1

    answer(station, job, "go-on")
    record = attempt(job)
    assert record.state is JobState.DONE, record.message
    assert discs_of(record) == [(1, 1, "discard"), (1, 2, "verified")]


def test_a_killed_burn_goes_on_with_a_new_blank_and_the_old_disc_is_recorded(
    station: Station, images: Images, drive: MemoryDrive, attempt: Attempt
) -> None:
    job = submit(station, BurnRequest(images.first, (SR0,), copies=2))
    place = station.jobs.get(job, 0).place  # type: ignore[union-attr]
    assert station.queue.claim(job, "dead", place, station.clock.now())
    digest = hashlib.sha256(images.first.read_bytes()).hexdigest()
    told = {"image_sha256": digest, "burns": [{"drive": SR0, "discs": [
        {"copy": 1, "attempt": 1, "state": "writing"}]}]}  # fmt: skip
    station.jobs.save_result(job, told)
    assert station.queue.requeue_lost(station.clock.now(), worker="dead") == [job]
    record = attempt(job)

    assert record.state is JobState.DONE, record.message
    assert "disc-recorded" in [finding.rule for finding in record.findings]
    assert discs_of(record) == [(1, 1, "discard"), (1, 2, "verified"), (2, 1, "verified")]


class TestWhileAnotherProcessSettles:
    """One process at a time settles what was killed; a disc must not fall between two of them."""

    @pytest.fixture
    def job(self, station: Station, images: Images) -> int:
        """A burn whose worker was killed over its first disc."""
        job = submit(station, BurnRequest(images.first, (SR0,)))
        digest = hashlib.sha256(images.first.read_bytes()).hexdigest()
        disc = {"copy": 1, "attempt": 1, "state": "writing"}
        told = {"image_sha256": digest, "burns": [{"drive": SR0, "discs": [disc]}]}
        station.jobs.save_result(job, told)
        return job

    @pytest.fixture
    def other(self, station: Station) -> Iterator[ExitStack]:
        """Another process that settles, until this is closed."""
        path = station.catalog.home / unfinished.LOCK_NAME
        with ExitStack() as held:
            held.enter_context(hold_lock(path, RuntimeError))
            yield held

    def test_the_disc_is_recorded_when_that_one_is_done(
        self, attempt: Attempt, monkeypatch: pytest.MonkeyPatch, job: int, other: ExitStack
    ) -> None:
        looks = itertools.count()
        clock = SimpleNamespace(
            monotonic=lambda: 0.0, sleep=lambda _: next(looks) < 100 or other.close()
        )
        monkeypatch.setattr(process_lock, "time", clock)
        record = attempt(job)

        assert record.state is JobState.DONE, record.message
        assert "disc-recorded" in [finding.rule for finding in record.findings]
        assert discs_of(record) == [(1, 1, "discard"), (1, 2, "verified")]

    def test_no_other_disc_is_begun_while_that_one_does_not_end(
        self, station: Station, attempt: Attempt, monkeypatch: pytest.MonkeyPatch, job: int,
        other: ExitStack, drive: MemoryDrive,
    ) -> None:  # fmt: skip
        moments = itertools.count(0.0, 60.0)
        clock = SimpleNamespace(monotonic=lambda: next(moments), sleep=lambda _: None)
        monkeypatch.setattr(process_lock, "time", clock)
        record = attempt(job)

        assert record.state is JobState.FAILED
        assert str(os.getpid()) in record.message
        assert drive.discs == 0

        other.close()
        retry(station, job)
        record = attempt(job)
        assert discs_of(record) == [(1, 1, "discard"), (1, 2, "verified")]


def test_another_image_under_the_name_is_not_burned_on(
    station: Station, images: Images, drive: MemoryDrive, attempt: Attempt
) -> None:
    drive.pile = 0
    job = submit(station, BurnRequest(images.first, (SR0,), copies=2, wait_s=0))
    record = attempt(job)
    assert record.state is JobState.WAITING
    station.jobs.save_result(job, {**record.result, "image_sha256": "0" * 64})

    drive.lies = DiscStatus.BLANK
    answer(station, job, "go-on")
    record = attempt(job)
    assert record.state is JobState.REFUSED
    assert "was changed" in record.message
    assert drive.discs == 1


def test_a_finished_burn_is_not_begun_again(
    station: Station, images: Images, attempt: Attempt
) -> None:
    job = submit(station, BurnRequest(images.first, (SR0,)))
    assert attempt(job).state is JobState.DONE
    with pytest.raises(ConfigError, match="it is done"):
        retry(station, job)


class TestAStationThatStops:
    """It lets the disc in hand be finished, and takes up the next when it is there again."""

    def test_it_finishes_the_disc_in_hand_and_begins_no_other(
        self,
        station: Station,
        images: Images,
        drive: MemoryDrive,
        attempt: Attempt,
    ) -> None:
        stop = threading.Event()
        drive.on_write = stop.set
        job = submit(station, BurnRequest(images.first, (SR0,), copies=2))

        record = attempt(job, stop)
        assert record.state is JobState.QUEUED
        assert discs_of(record) == [(1, 1, "verified")]

        record = attempt(job)
        assert record.state is JobState.DONE, record.message
        assert discs_of(record) == [(1, 1, "verified"), (2, 1, "verified")]
        assert drive.discs == 2

    def test_it_waits_for_no_blank(
        self,
        station: Station,
        images: Images,
        drive: MemoryDrive,
        engine: MemoryEngine,
        monkeypatch: pytest.MonkeyPatch,
        attempt: Attempt,
    ) -> None:
        stop = threading.Event()
        drive.pile = 0

        def none_lies_there(_: str) -> bool:
            if drive.lies is not DiscStatus.NONE:
                return True
            stop.set()
            return False

        job = submit(station, BurnRequest(images.first, (SR0,), copies=2, wait_s=1000))
        monkeypatch.setattr(engine, "is_loaded", none_lies_there)

        assert attempt(job, stop).state is JobState.QUEUED
