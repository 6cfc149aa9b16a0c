"""Worker processes as they are needed: how many, how soon again, and when they will not end."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.model.job import JobState
from mediastation.station import own_process
from mediastation.station.burning.request import BurnRequest
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.job import worker_name
from mediastation.station.log_folder import (
    KEPT,
    LARGEST_BYTES,
    WORKERS,
    log_path,
    open_log,
    turn_over,
)
from mediastation.station.serving import supervisor as module
from mediastation.station.serving.submitting import submit
from mediastation.station.serving.supervisor import Supervisor
from mediastation.station.station import Station
from tests.support.served_jobs import job_of, wait_until

_SLEEPER = "import sys; sys.stdin.read()"
_DEAF = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
signal.pause()
"""


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    monkeypatch.setenv("MEDIASTATION_WORKERS", "3")
    with Station(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What workers run instead; tests put another one in."""
    chosen = [_SLEEPER]
    monkeypatch.setattr(
        own_process, "own_words", lambda *_: [sys.executable, "-I", "-S", "-c", chosen[0]]
    )
    return chosen


@pytest.fixture
def supervisor(station: Station, script: list[str]) -> Iterator[Supervisor]:
    """One whose thread is not begun: each look is a test's own."""
    one = Supervisor(station, 0.0)
    yield one
    for child in one._children:
        child.process.kill()
    one.stop()


def export(station: Station, tmp_path: Path) -> int:
    return submit(station, ExportRequest((str(tmp_path),), "STD-GEN-CD", tmp_path / "o.iso"))


def burn(station: Station, tmp_path: Path, drive: str) -> int:
    return submit(station, BurnRequest(tmp_path / "i.iso", (f"stdio:{tmp_path}/{drive}",)))


def shares(supervisor: Supervisor) -> list[str]:
    return sorted(str(one["share"]) for one in supervisor.workers())


def test_nothing_is_begun_for_nothing(supervisor: Supervisor) -> None:
    supervisor._look()

    assert supervisor.workers() == []


def test_as_many_as_there_are_jobs_but_no_more_than_the_setting_says(
    supervisor: Supervisor, station: Station, tmp_path: Path
) -> None:
    export(station, tmp_path)
    supervisor._look()
    assert shares(supervisor) == ["general"]
    supervisor._look()
    assert shares(supervisor) == ["general"], "the idle one is enough"
    for _ in range(9):
        export(station, tmp_path)
    supervisor._look()
    assert shares(supervisor) == ["general"] * 3


def test_one_for_each_drive_that_jobs_wait_for(
    supervisor: Supervisor, station: Station, tmp_path: Path
) -> None:
    for drive in ("a", "a", "b", "a"):
        burn(station, tmp_path, drive)
    supervisor._look()
    assert shares(supervisor) == ["drives"] * 2
    for number in range(20):
        burn(station, tmp_path, f"more{number}")
    supervisor._look()
    assert shares(supervisor) == ["drives"] * 8


def test_a_busy_worker_does_not_count_for_the_next_job(
    supervisor: Supervisor, station: Station, tmp_path: Path
) -> None:
    first = export(station, tmp_path)
    supervisor._look()
    (worker,) = supervisor.workers()
    name = worker_name(int(str(worker["pid"])))
    assert station.queue.claim(first, name, "", station.clock.now())
    supervisor._look()
    assert len(supervisor.workers()) == 1
    export(station, tmp_path)
    supervisor._look()
    assert len(supervisor.workers()) == 2


def test_what_goes_wrong_once_ends_no_supervision(
    station: Station, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Jobs would wait for ever, and `serve` would say that all is well."""
    monkeypatch.setattr(module, "_UPKEEP_EVERY_S", 0.0)
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 0.001)
    looks = itertools.count(1)
    goes_on = threading.Event()

    def upkeep() -> None:
        match next(looks):
            case 1 | 2:
                raise RuntimeError("can't start new thread")
            case 3:
                goes_on.set()

    one = Supervisor(station, 0.0, upkeep=upkeep)
    one.start()
    went_on = goes_on.wait(60)
    one.stop()

    assert went_on
    assert len([text for text in caplog.messages if "can't start new thread" in text]) == 1


def test_the_dead_are_replaced_ever_more_slowly(
    supervisor: Supervisor, station: Station, script: list[str], tmp_path: Path
) -> None:
    script[0] = "raise SystemExit(3)"
    export(station, tmp_path)
    waits = []
    for _ in range(4):
        supervisor._begin_at = 0.0
        supervisor._look()
        (child,) = supervisor._children
        wait_until(child.has_ended, "its end")
        supervisor._reap()
        waits.append(round(supervisor._begin_at - module.time.monotonic(), 1))
        supervisor._look()
        assert supervisor.workers() == [], "before its time"

    assert waits == [0.5, 1.0, 2.0, 4.0]


def test_the_jobs_of_a_dead_worker_are_queued_again_before_it_is_reaped(
    supervisor: Supervisor, station: Station, tmp_path: Path
) -> None:
    job = export(station, tmp_path)
    supervisor._look()
    (child,) = supervisor._children
    assert station.queue.claim(job, child.name, "", station.clock.now())
    child.process.kill()
    wait_until(child.has_ended, "its end")
    assert child.process.returncode is None

    supervisor._reap()

    assert job_of(station, job).state is JobState.QUEUED
    assert child.process.returncode == -signal.SIGKILL


def test_who_does_not_listen_is_killed_at_the_end(
    supervisor: Supervisor,
    station: Station,
    script: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script[0] = _DEAF
    monkeypatch.setattr(module, "_GENERAL_GRACE_S", 0.1)
    monkeypatch.setattr(module, "_DISC_GRACE_S", 0.1)
    export(station, tmp_path)
    burn(station, tmp_path, "a")
    supervisor._look()
    children = list(supervisor._children)
    log = log_path(station.home, WORKERS)
    wait_until(lambda: log.read_text() == "deaf\n" * 2, "both deaf")

    supervisor.stop()

    assert [child.process.returncode for child in children] == [-signal.SIGKILL] * 2
    assert supervisor.workers() == []


def test_workers_end_with_their_line(
    supervisor: Supervisor, station: Station, tmp_path: Path
) -> None:
    export(station, tmp_path)
    supervisor._look()
    (child,) = supervisor._children
    assert child.process.stdin is not None
    child.process.stdin.close()

    assert child.process.wait(60) == 0


def test_what_happened_to_jobs_is_logged_without_what_names_people(
    supervisor: Supervisor, station: Station, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    job = export(station, tmp_path)
    station.queue.note(job, 1.0, "failed: /media/DOE^JANE/disc.iso cannot be written")

    supervisor._tell_events()

    assert f"job {job}: submitted" in caplog.text
    assert f"job {job}: failed" in caplog.text
    assert "DOE" not in caplog.text


class TestLogs:
    def test_they_are_this_accounts_and_turned_over(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        home.mkdir()
        path = log_path(home, WORKERS)
        descriptor = open_log(home, WORKERS)
        with os.fdopen(descriptor, "ab", buffering=0) as log:
            for number in range(KEPT + 3):
                log.write(b"%d" % number * LARGEST_BYTES)
                turn_over(home)
                assert path.stat().st_size == 0
            log.write(b"after")
        assert path.read_bytes() == b"after"
        found = sorted(one.name for one in path.parent.iterdir())
        assert found == ["workers.log", *(f"workers.log.{n}" for n in range(1, KEPT + 1))]
        assert path.with_name("workers.log.1").read_bytes()[:1] == b"%d" % (KEPT + 2)
        assert {one.stat().st_mode & 0o777 for one in path.parent.iterdir()} == {0o600}
        assert path.parent.stat().st_mode & 0o777 == 0o700

    def test_small_ones_stay(self, tmp_path: Path) -> None:
        tmp_path.joinpath("log").mkdir()
        log_path(tmp_path, WORKERS).write_text("a line\n")
        turn_over(tmp_path)
        assert [one.name for one in (tmp_path / "log").iterdir()] == ["workers.log"]
