"""Seals many files at once, in threads: the ciphers run without the interpreter's lock."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from mediastation.errors import CancelledError, MediaError
from mediastation.secure.sealing.sealer import Sealed, Sealer, WrongLengthError

__all__ = ["Progress", "SealTask", "seal_files"]

Progress = Callable[[int, int], object]
"""Is told how many of the plain bytes are done, and how many there are."""

_PROGRESS_SECONDS = 0.1
_CHANGED = "Read the file into the catalog again, then repeat the export."
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Without O_NONBLOCK a pipe in the place of a file would wait for a writer.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class SealTask:
    """One file to seal: `source` with the length and SHA-256 it was planned with, to `target`."""

    source: Path
    size_bytes: int
    sha256: str
    target: Path


def seal_files(
    sealer: Sealer,
    tasks: Sequence[SealTask],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[SealTask, Sealed]]:
    """Seal files, a few at once, and yield what came of them in the order of `tasks`.

    Either all targets are made or none: whatever ends the iteration before the
    last task, an error, `progress` that raises, or a caller who goes away
    (closing the iterator, or dropping it), every target of this call is
    removed first. A target is not waited for to be on the disk: envelopes are
    temporary here, and the medium they go onto is what is made durable.

    Parameters
    ----------
    sealer : Sealer
        For whom, and how.
    tasks : sequence of SealTask
        Targets must not exist; their folders must. They are created for this
        user alone (0600).
    threads : int, optional
        How many files are sealed at once, one for each processor of this
        process by default. At most twice as many files are ahead of the caller.
    progress : callable, optional
        Called in the caller's thread with the plain bytes done and in all. An
        exception of it cancels the work and is passed on.

    Yields
    ------
    tuple of SealTask and Sealed
        The target is written and closed.

    Raises
    ------
    MediaError
        If a source cannot be read or is not what was planned, or a target
        cannot be written; with the file and what to do.
    """
    count = threads or len(os.sched_getaffinity(0))
    work = _Work(sealer)
    total = sum(task.size_bytes for task in tasks)
    pool = ThreadPoolExecutor(count, "seal")
    finished = False
    try:
        waiting: deque[tuple[SealTask, Future[Sealed]]] = deque()
        left = iter(tasks)
        while True:
            for task in left:
                waiting.append((task, pool.submit(work.seal, task)))
                if len(waiting) >= 2 * count:
                    break
            if not waiting:
                return
            task, future = waiting.popleft()
            if progress is not None:
                while not future.done():
                    progress(work.done_bytes, total)
                    wait([future], _PROGRESS_SECONDS)
            sealed = future.result()
            if progress is not None:
                progress(work.done_bytes, total)
            finished = not waiting
            yield task, sealed
    finally:
        work.cancelled = not finished
        pool.shutdown(cancel_futures=True)
        if not finished:
            work.remove_targets()


class _Work:
    """What the threads of one call share."""

    def __init__(self, sealer: Sealer) -> None:
        self.cancelled = False
        self.done_bytes = 0
        self._sealer = sealer
        self._lock = threading.Lock()
        self._targets: list[Path] = []

    def seal(self, task: SealTask) -> Sealed:
        """Seal one file; nothing of it stays if that fails."""
        with _opened(task) as source:
            target = self._create(task)
            try:
                sealed = self._sealer.seal(source, task.size_bytes, self._writer(task, target))
            except WrongLengthError as fault:
                raise _changed(task, str(fault)) from fault
            except MediaError:
                raise
            except OSError as fault:
                raise _unreadable(task, fault) from fault
            finally:
                os.close(target)
        if sealed.content_sha256 != task.sha256:
            raise _changed(task, "its content is another one")
        return sealed

    def remove_targets(self) -> None:
        """Remove every target that was made here."""
        for target in self._targets:
            with suppress(OSError):
                target.unlink(missing_ok=True)

    def _create(self, task: SealTask) -> int:
        try:
            descriptor = os.open(task.target, _WRITE, 0o600)
        except OSError as fault:
            raise _unwritable(task, fault) from fault
        self._targets.append(task.target)
        return descriptor

    def _writer(self, task: SealTask, descriptor: int) -> Callable[[memoryview], None]:
        left = task.size_bytes

        def write(data: memoryview) -> None:
            nonlocal left
            if self.cancelled:
                raise CancelledError("sealing was given up")
            written = 0
            try:
                while written < len(data):
                    written += os.write(descriptor, data[written:])
            except OSError as fault:
                raise _unwritable(task, fault) from fault
            # An envelope is longer than its content: its last bytes count for nothing.
            done = min(len(data), left)
            left -= done
            with self._lock:
                self.done_bytes += done

        return write


def _opened(task: SealTask) -> FileIO:
    # Read and not mapped: a mapped file that is cut short meanwhile kills the process, and
    # mapping would save but two hundredths of the time.
    try:
        descriptor = os.open(task.source, _READ)
    except OSError as fault:
        raise _unreadable(task, fault) from fault
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size == task.size_bytes:
        return FileIO(descriptor)
    os.close(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{task.source} is not a file.", _CHANGED)
    raise _changed(task, f"it has {status.st_size:,} bytes, planned were {task.size_bytes:,}")


def _changed(task: SealTask, how: str) -> MediaError:
    return MediaError(f"{task.source} is not what was planned: {how}.", _CHANGED)


def _unreadable(task: SealTask, fault: OSError) -> MediaError:
    return MediaError(
        f"{task.source} cannot be read: {_reason(fault)}.",
        "Check the disk it lies on, then repeat the export.",
    )


def _unwritable(task: SealTask, fault: OSError) -> MediaError:
    message = f"{task.target} cannot be written: {_reason(fault)}."
    folder = task.target.parent
    if fault.errno not in _FULL:
        return MediaError(message, f"Check the folder {folder} and its disk.")
    free = ""
    with suppress(OSError):
        free = f"{shutil.disk_usage(folder).free:,} bytes are free on the disk of {folder}. "
    return MediaError(message, f"{free}Free some space there, then repeat the export.")


def _reason(fault: OSError) -> str:
    return os.strerror(fault.errno) if fault.errno else str(fault)
