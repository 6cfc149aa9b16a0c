"""`mediastation serve` and its workers as real processes, each ended by its own handle."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mediastation.model.job import JobRecord
from mediastation.station.own_process import own_environment, own_words
from mediastation.station.serving.process import ask_serving
from mediastation.station.station import Station

DEADLINE_S = 90.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so; fail where it is not for long."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        threading.Event().wait(0.01)


class Handle:
    """A process that is no child of ours, held so that its number cannot become another's."""

    def __init__(self, process: int) -> None:
        self.pid = process
        self._handle = os.pidfd_open(process)

    def send(self, number: signal.Signals) -> None:
        """Signal it; one that has ended is left in peace."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def wait(self) -> None:
        """Wait until it has ended; fail where it does not."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        assert poll.poll(DEADLINE_S * 1000), f"process {self.pid} goes on"

    def close(self, *, kill: bool = True) -> None:
        """Kill it if it still runs, unless somebody else ends it, and let it go."""
        if kill:
            self.send(signal.SIGKILL)
        os.close(self._handle)


class Serve:
    """One `mediastation serve`, and handles on the workers that were seen of it."""

    def __init__(self, home: Path, log: Path, *words: str) -> None:
        self.home = home
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            own_words(home, "serve", "--port", "0", *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=own_environment() | {"MEDIASTATION_DISK_RESERVE_BYTES": "0"},
        )
        self._handles: dict[int, Handle] = {}

    def __enter__(self) -> Serve:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith(b"listening on "), line
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.workers()
        self.process.kill()
        self.process.communicate()
        for handle in self._handles.values():
            handle.close()
        self._log.close()

    def workers(self) -> list[Handle]:
        """Return its workers of this moment."""
        told = ask_serving(self.home, "workers")
        found = []
        for one in told["workers"] if told else []:
            process = one["pid"]
            if process not in self._handles:
                with suppress(ProcessLookupError):
                    self._handles[process] = Handle(process)
            found.append(self._handles[process])
        return found

    def worker_of(self, record: JobRecord) -> Handle:
        """Return the worker that runs a job."""
        number = int(record.worker.rpartition(":")[2])
        return next(one for one in self.workers() if one.pid == number)

    def all_seen(self) -> list[Handle]:
        """Return every worker that was seen so far."""
        return list(self._handles.values())

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def terminate(self) -> int:
        """End it with SIGTERM and return its exit code."""
        self.process.terminate()
        return self.process.wait(DEADLINE_S)


def job_of(station: Station, number: int) -> JobRecord:
    """Return a job as it stands."""
    record = station.jobs.get(number, station.clock.now())
    assert record is not None
    return record


def wait_for_step(station: Station, number: int, step: str) -> JobRecord:
    """Wait until a job is at a step."""

    def is_there() -> bool:
        record = job_of(station, number)
        assert record.state.is_open, record.message
        return any(one.name == step for one in record.steps)

    wait_until(is_there, f"step {step} of job {number}")
    return job_of(station, number)


def wait_for_end(station: Station, number: int) -> JobRecord:
    """Wait until a job has ended."""
    wait_until(lambda: not job_of(station, number).state.is_open, f"the end of job {number}")
    return job_of(station, number)
