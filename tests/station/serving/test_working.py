"""A worker as a process: what signals and a dead `serve` do to the job it runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.catalog.job_queue import LEASE_S
from mediastation.model.job import JobState
from mediastation.station.burning.request import BurnRequest
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.job import worker_name
from mediastation.station.own_process import own_environment
from mediastation.station.serving.dead_jobs import is_dead
from mediastation.station.serving.submitting import submit
from mediastation.station.serving.worker_lock import (
    hold_worker_lock,
    requeue_jobs_of_the_dead,
    requeue_lost_jobs,
)
from mediastation.station.station import Station
from tests.support.served_jobs import job_of, wait_until

# A worker whose jobs do nothing but report: they end when a file says so, and
# leave another one behind once they see that the station stops.
_WORKER = """
import dataclasses, sys, time
from pathlib import Path
from mediastation.station.serving import job_kinds
from mediastation.station.serving.working import work

folder = Path(sys.argv[1])

def run(station, request, listener):
    with station.job("burn" if hasattr(request, "image") else "export", {}, listener) as job:
        with job.step("work", 1) as step:
            (folder / "begun").touch()
            while not (folder / "release").exists():
                if station._is_stopping():
                    (folder / "stopping").touch()
                time.sleep(0.005)
            step.report(1, 1)

job_kinds.KINDS = {
    name: dataclasses.replace(kind, run=run) for name, kind in job_kinds.KINDS.items()
}
work(folder / "home", lifeline=0)
print("ended well", flush=True)
"""


class Worker:
    """One such worker, tied to this test by its standard input."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _WORKER, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=own_environment(),
            )

    def wait_for(self, name: str) -> None:
        def is_there() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return (self.folder / name).exists()

        wait_until(is_there, name)

    def let_go(self) -> None:
        """Close the line, as the end of `serve` does."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    def end(self) -> tuple[int, str]:
        """Wait for its end; return its exit code and what it said at last."""
        self.process.wait(60)  # the line is still held
        said, _ = self.process.communicate()
        return self.process.returncode, said + self.log.read_text()

    def has_said(self, words: str) -> bool:
        return words in self.log.read_text()


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    one = Worker(tmp_path)
    with one.process:
        yield one
        one.process.kill()


@pytest.fixture
def burn(station: Station, tmp_path: Path) -> int:
    return submit(station, BurnRequest(tmp_path / "i.iso", (f"stdio:{tmp_path}/disc",)))


@pytest.fixture
def export(station: Station, tmp_path: Path) -> int:
    return submit(station, ExportRequest((str(tmp_path),), "STD-GEN-CD", tmp_path / "o.iso"))


def test_the_first_signal_interrupts_a_job_and_gives_it_back(
    station: Station, export: int, worker: Worker
) -> None:
    worker.wait_for("begun")
    worker.process.terminate()

    code, said = worker.end()
    assert (code, said) == (0, "ended well\n")
    record = job_of(station, export)
    assert record.state is JobState.QUEUED
    told = [event.text for event in station.jobs.events(job=export)]
    assert told == ["submitted", "started", "the station stops; queued again"]


def test_a_disc_is_finished_and_nothing_more_begun(
    station: Station, burn: int, worker: Worker, tmp_path: Path
) -> None:
    other = submit(station, BurnRequest(tmp_path / "i.iso", (f"stdio:{tmp_path}/disc",)))
    worker.wait_for("begun")
    worker.process.terminate()
    worker.wait_for("stopping")
    assert job_of(station, burn).state is JobState.RUNNING
    (tmp_path / "release").touch()

    assert worker.end() == (0, "ended well\n")
    assert job_of(station, burn).state is JobState.DONE
    assert job_of(station, other).state is JobState.QUEUED


def test_a_second_signal_interrupts_a_disc_as_well(
    station: Station, burn: int, worker: Worker
) -> None:
    worker.wait_for("begun")
    worker.process.terminate()
    worker.wait_for("stopping")
    worker.process.terminate()

    assert worker.end()[0] == 0
    assert job_of(station, burn).state is JobState.QUEUED


def test_where_serve_is_gone_a_job_is_given_back(
    station: Station, export: int, worker: Worker
) -> None:
    worker.wait_for("begun")
    worker.let_go()

    code, said = worker.end()

    assert code == 0
    assert "serve is gone" in said
    assert job_of(station, export).state is JobState.QUEUED


@pytest.mark.parametrize("is_told_before", [False, True])
def test_where_serve_is_gone_a_disc_is_finished_first(
    station: Station, burn: int, worker: Worker, tmp_path: Path, is_told_before: bool
) -> None:
    """Also where serve was killed because it took too long to let the disc be finished."""
    worker.wait_for("begun")
    if is_told_before:
        worker.process.terminate()
        worker.wait_for("stopping")
    worker.let_go()
    worker.wait_for("stopping")
    wait_until(lambda: worker.has_said("serve is gone"), "the end of the line")
    assert job_of(station, burn).state is JobState.RUNNING
    (tmp_path / "release").touch()

    assert worker.end()[0] == 0
    assert job_of(station, burn).state is JobState.DONE


def test_an_idle_worker_ends_at_once(station: Station, worker: Worker) -> None:
    wait_until(lambda: any((station.home / "workers").glob("*")), "its lock")
    worker.process.terminate()

    assert worker.end() == (0, "ended well\n")
    assert list((station.home / "workers").iterdir()) == []


class TestTheDead:
    def test_jobs_of_a_worker_without_its_lock_are_queued_again(
        self, station: Station, export: int
    ) -> None:
        assert station.queue.claim(export, worker_name(77), "", station.clock.now())
        with hold_worker_lock(station.home, 77):
            assert requeue_jobs_of_the_dead(station) == []
        assert job_of(station, export).state is JobState.RUNNING
        (station.home / "workers" / "77").touch()

        assert requeue_jobs_of_the_dead(station) == [export]
        assert job_of(station, export).state is JobState.QUEUED
        assert list((station.home / "workers").iterdir()) == []

    def test_a_worker_that_lives_keeps_its_job_when_its_computer_slept(
        self, station: Station, export: int
    ) -> None:
        """The lease ran out meanwhile; were the job given away, a disc would be spoiled."""
        long_ago = station.clock.now() - 10 * LEASE_S
        assert station.queue.claim(export, worker_name(77), "", long_ago)
        with hold_worker_lock(station.home, 77):
            requeue_lost_jobs(station)
            record = job_of(station, export)
            assert record.state is JobState.ABANDONED
            assert not is_dead(station, record)
            with Station(station.home, claimed=record) as itself:
                assert is_dead(itself, record), "what its earlier attempt left is its own"
            assert station.queue.renew(export, worker_name(77), station.clock.now())

        assert station.queue.renew(export, worker_name(77), long_ago)
        assert is_dead(station, job_of(station, export))
        requeue_lost_jobs(station)
        assert job_of(station, export).state is JobState.QUEUED

    def test_a_worker_that_looks_for_work_has_none(self, station: Station, export: int) -> None:
        name, long_ago = worker_name(77), station.clock.now() - 10 * LEASE_S
        assert station.queue.claim(export, name, "", long_ago)
        with hold_worker_lock(station.home, 77):
            requeue_lost_jobs(station, idle=name)

        assert job_of(station, export).state is JobState.QUEUED

    def test_other_files_there_are_left_alone(self, station: Station) -> None:
        folder = station.home / "workers"
        folder.mkdir()
        for name in ("notes", "1.txt", "٣"):
            (folder / name).touch()

        assert requeue_jobs_of_the_dead(station) == []
        assert len(list(folder.iterdir())) == 3
