"""Jobs under a real `serve`: whoever is killed, they go on, and make the same bytes."""

from __future__ import annotations

import hashlib
import shutil
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.generate import write_series
from mediastation.model.job import JobRecord, JobState
from mediastation.station.clock import Clock
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.process_lock import SERVE_LOCK, lock_is_held
from mediastation.station.serving.process import ask_serving
from mediastation.station.serving.submitting import cancel, submit
from mediastation.station.station import Station
from tests.support.served_jobs import Serve, wait_for_end, wait_for_step, wait_until


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("series")
    write_series(folder, 100, 256)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def request_(series: Path, tmp_path: Path) -> ExportRequest:
    return ExportRequest((str(series),), "STD-GEN-CD", tmp_path / "out" / "disc.iso")


@pytest.fixture(autouse=True)
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def uninterrupted(folder: Path, request: ExportRequest, record: JobRecord) -> str:
    """Make the same medium once more, in one go; return its digest."""
    output = folder / "again" / request.output.name
    output.parent.mkdir()
    clock = Clock(datetime.fromisoformat(record.moment), record.seed)
    with Station(folder / "other-home", clock) as station:
        export(station, ExportRequest(request.sources, request.profile, output))
    return digest_of(output)


def require_done_once(record: JobRecord, out: Path) -> None:
    assert record.state is JobState.DONE, record.message
    assert record.result["volumes"][0]["verified"]
    assert [path.name for path in out.iterdir() if path.suffix == ".iso"] == ["disc.iso"]
    assert not [path for path in out.iterdir() if "part" in path.name]


def test_a_killed_worker_loses_nothing_and_another_goes_on(
    home: Path, request_: ExportRequest, tmp_path: Path, out: Path
) -> None:
    log = tmp_path / "log"
    with Serve(home, log) as serve, Station(home) as station:
        job = submit(station, request_)
        record = wait_for_step(station, job, "file-set")
        first = serve.worker_of(record)
        first.send(signal.SIGKILL)
        record = wait_for_end(station, job)
        told = [event.text for event in station.jobs.events(job=job)]

        require_done_once(record, out)
        assert record.worker != f"{record.worker.partition(':')[0]}:{first.pid}"
        assert record.attempts == 2
        assert told == ["submitted", "started", "its process ended; queued again", "started",
                        "done"]  # fmt: skip
        # Long before its lease would have run out.
        assert (record.ended_at or 0) - (record.started_at or 0) < 55
        assert serve.terminate() == 0
    assert digest_of(request_.output) == uninterrupted(tmp_path, request_, record)
    assert f"worker {first.pid} ended with -9; queued again: {job}" in log.read_text()


def test_a_killed_serve_leaves_no_worker_and_the_next_one_finishes(
    home: Path, request_: ExportRequest, tmp_path: Path, out: Path
) -> None:
    with Serve(home, tmp_path / "log") as serve, Station(home) as station:
        job = submit(station, request_)
        worker = serve.worker_of(wait_for_step(station, job, "file-set"))
        serve.kill()
        worker.wait()
        record = wait_for_state(station, job, JobState.QUEUED)
        assert not request_.output.exists()
        assert list((home / "workers").iterdir()) == []

    with Serve(home, tmp_path / "log") as serve, Station(home) as station:
        record = wait_for_end(station, job)
        require_done_once(record, out)
        assert serve.terminate() == 0


def wait_for_state(station: Station, job: int, state: JobState) -> JobRecord:
    def is_so() -> bool:
        record = station.jobs.get(job, station.clock.now())
        return record is not None and record.state is state

    wait_until(is_so, f"job {job} {state}")
    record = station.jobs.get(job, station.clock.now())
    assert record is not None
    return record


def test_both_killed_at_once_the_next_serve_need_not_wait_for_the_lease(
    home: Path, request_: ExportRequest, tmp_path: Path, out: Path
) -> None:
    with Serve(home, tmp_path / "log") as serve, Station(home) as station:
        job = submit(station, request_)
        worker = serve.worker_of(wait_for_step(station, job, "file-set"))
        worker.send(signal.SIGSTOP)  # it cannot give its job back
        serve.kill()
        worker.send(signal.SIGKILL)
        worker.wait()
        assert station.jobs.get(job, station.clock.now()).state is JobState.RUNNING  # type: ignore[union-attr]

    with Serve(home, tmp_path / "log") as serve, Station(home) as station:
        record = wait_for_end(station, job)
        require_done_once(record, out)
        assert (record.ended_at or 0) - (record.started_at or 0) < 55
        assert serve.terminate() == 0


def test_a_stopped_serve_gives_its_jobs_back_and_the_next_one_makes_the_same_bytes(
    home: Path, request_: ExportRequest, tmp_path: Path, out: Path
) -> None:
    with Serve(home, tmp_path / "log") as serve, Station(home) as station:
        job = submit(station, request_)
        worker = serve.worker_of(wait_for_step(station, job, "file-set"))
        assert serve.terminate() == 0
        worker.wait()
        record = wait_for_state(station, job, JobState.QUEUED)
        assert record.worker == ""
        assert list(out.iterdir()) == []
        assert not lock_is_held(home / SERVE_LOCK)
        assert not (home / "control.sock").exists()

    with Serve(home, tmp_path / "log") as serve, Station(home) as station:
        record = wait_for_end(station, job)
        require_done_once(record, out)
        assert serve.terminate() == 0
    assert digest_of(request_.output) == uninterrupted(tmp_path, request_, record)
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert "Traceback" not in (home / "log" / "workers.log").read_text()


def test_another_process_cancels_a_running_job_and_the_worker_takes_the_next(
    home: Path, request_: ExportRequest, tmp_path: Path, out: Path
) -> None:
    with Serve(home, tmp_path / "log") as serve, Station(home) as station:
        job = submit(station, request_)
        worker = serve.worker_of(wait_for_step(station, job, "file-set"))
        cancel(station, job)
        record = wait_for_end(station, job)
        assert record.state is JobState.CANCELLED
        assert list(out.iterdir()) == []

        after = submit(station, request_)
        ask_serving(home, "wake")
        record = wait_for_end(station, after)
        require_done_once(record, out)
        assert record.worker.endswith(f":{worker.pid}")
        assert serve.terminate() == 0


def test_without_workers_jobs_wait_and_a_worker_by_hand_takes_them(
    home: Path, request_: ExportRequest, tmp_path: Path, out: Path
) -> None:
    from tests.support.commands import CommandNursery  # noqa: PLC0415 - starts a process

    with Serve(home, tmp_path / "log", "--no-workers") as serve, Station(home) as station:
        job = submit(station, request_)
        assert ask_serving(home, "wake") == {}
        assert ask_serving(home, "workers") == {"workers": []}
        with CommandNursery() as nursery:
            nursery.start(tmp_path / "work", "--home", home, "work", "--idle", "0")
            assert nursery.end() == 0
        require_done_once(wait_for_end(station, job), out)
        assert serve.terminate() == 0
    assert "verify: " in (tmp_path / "work").read_text()
