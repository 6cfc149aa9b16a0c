"""Processes that look at files of a medium: reading headers keeps all cores busy.

Each opens the medium for itself and is told places in its list of files. It
ends with its caller, however that ends: its words come through a pipe that
closes then. What only this process can read, because it holds the key, threads
look at: deciphering and digests keep the cores busy there.
"""

from __future__ import annotations

import marshal
import os
import queue
import resource
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from mediastation.conformance.identity import IdentityReader
from mediastation.importing.look import look
from mediastation.importing.open_medium import open_medium
from mediastation.importing.survey_rows import Row, survey_row
from mediastation.reading.contract import Volume, VolumeFile

BATCH_FILES = 64
BATCH_BYTES = 32 << 20
"""What a process is told at once; the caller can stop it between two batches."""

_MEMORY_BYTES = 4 << 30
_LENGTH = struct.Struct(">Q")
_PLACE = struct.Struct(">QQ")
_BOOT = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from mediastation.importing.look_worker import serve; serve(sys.argv[1])"
)


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise EOFError("the process ended")
    return data


class WorkerLostError(Exception):
    """A process ended before its time, and what it was told has to be done by somebody else."""


def look_at(
    volume: Volume, files: Sequence[VolumeFile], start: int, reader: IdentityReader | None = None
) -> list[Row]:
    """Return the rows of a run of files, the first of which has place `start`.

    A `reader` that saw the files before knows most of what they say already.
    """
    reader = reader or IdentityReader()
    return [
        survey_row(start + place, file, look(volume, file), reader)
        for place, file in enumerate(files)
    ]


def serve(path: str) -> None:
    """Answer until the caller closes the channel: the life of one process."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    words, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with open_medium(Path(path)) as volume:
        files, reader = list(volume.iter_files()), IdentityReader()
        while len(told := words.read(_PLACE.size)) == _PLACE.size:
            start, count = _PLACE.unpack(told)
            body = marshal.dumps(look_at(volume, files[start : start + count], start, reader))
            answers.write(_LENGTH.pack(len(body)) + body)
            answers.flush()


class _Worker:
    def __init__(self, path: Path) -> None:
        paths = [os.path.abspath(one) for one in sys.path]  # noqa: PTH100 - "" is the folder here
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", _BOOT, str(path.absolute()), *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def ask(self, start: int, count: int) -> list[Row]:
        """Have a run of files looked at."""
        words, answers = self.process.stdin, self.process.stdout
        assert words is not None  # noqa: S101 - for the type alone: both are pipes
        assert answers is not None  # noqa: S101
        try:
            words.write(_PLACE.pack(start, count))
            words.flush()
            body = _exactly(answers, _LENGTH.unpack(_exactly(answers, _LENGTH.size))[0])
            rows: list[Row] = marshal.loads(body)  # noqa: S302 - our own process wrote it
        except (OSError, EOFError, ValueError, TypeError) as fault:
            raise WorkerLostError(str(fault)) from fault
        return rows

    def end(self) -> None:
        """End the process at once; it writes nothing that could be spoiled."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def iter_looked(
    volume: Volume,
    path: Path | None,
    runs: Iterator[tuple[int, Sequence[VolumeFile]]],
    workers: int,
) -> Iterator[list[Row]]:
    """Have runs of files looked at, and yield their rows, run by run in any order.

    Parameters
    ----------
    volume : Volume
        The medium.
    path : Path or None
        Where processes find it; None where only this one can read it, in threads.
    runs : iterator of (int, sequence of VolumeFile)
        Files that follow each other on the medium, and the place of the first.
    workers : int
        Processes to be started, or threads; with none, this one does everything.
    """
    if workers < 1:
        for start, files in runs:
            yield look_at(volume, files, start)
        return
    crew = _Crew(volume, path, runs, workers)
    try:
        yield from crew.results()
    finally:
        crew.end()


class _Crew:
    """Threads that each hold a process, if any may be held, and share the runs."""

    def __init__(
        self,
        volume: Volume,
        path: Path | None,
        runs: Iterator[tuple[int, Sequence[VolumeFile]]],
        workers: int,
    ) -> None:
        self._volume = volume
        self._path = path
        self._runs = runs
        self._lock = threading.Lock()
        self._stop = threading.Event()
        # A place for each: nobody reads far ahead of who takes the rows in.
        self._results: queue.Queue[list[Row] | BaseException | None] = queue.Queue(workers)
        self._workers: list[_Worker] = []
        self._threads = [
            threading.Thread(target=self._work, name=f"look-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def results(self) -> Iterator[list[Row]]:
        """Yield what the processes found, until all is done."""
        working = len(self._threads)
        while working:
            result = self._results.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                working -= 1
            else:
                yield result

    def end(self) -> None:
        """Stop everything, done or not."""
        self._stop.set()
        with self._lock:
            for worker in self._workers:
                worker.end()
            self._workers.clear()
        while any(thread.is_alive() for thread in self._threads):
            with suppress(queue.Empty):
                self._results.get(timeout=0.05)

    def _work(self) -> None:
        try:
            worker, reader = self._start(), IdentityReader()
            while (run := self._next()) is not None:
                rows = self._rows(worker, *run)
                if rows is None:
                    worker = None
                    rows = self._look(*run, reader)
                self._results.put(rows)
            self._results.put(None)
        except BaseException as fault:  # told where the rows are taken
            self._results.put(fault)

    def _start(self) -> _Worker | None:
        """Start a process; where there may be none, or no more, this thread does the work."""
        with self._lock:
            if self._path is None or self._stop.is_set():
                return None
            try:
                self._workers.append(_Worker(self._path))
            except OSError:
                return None
            return self._workers[-1]

    def _next(self) -> tuple[int, Sequence[VolumeFile]] | None:
        with self._lock:
            return None if self._stop.is_set() else next(self._runs, None)

    def _look(self, start: int, files: Sequence[VolumeFile], reader: IdentityReader) -> list[Row]:
        rows: list[Row] = []
        for place, file in enumerate(files, start):
            if self._stop.is_set():
                break  # nobody takes them any more
            rows += look_at(self._volume, [file], place, reader)
        return rows

    def _rows(
        self, worker: _Worker | None, start: int, files: Sequence[VolumeFile]
    ) -> list[Row] | None:
        """Return what the process found; None if it is gone, or saw another list of files."""
        if worker is None:
            return None
        try:
            rows = worker.ask(start, len(files))
        except WorkerLostError:
            return None
        same = [row[1] for row in rows] == [file.path for file in files]
        return rows if same else None
