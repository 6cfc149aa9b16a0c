"""Keeping a job that this process runs: its lease is renewed, whatever the work is busy with."""

from __future__ import annotations

import threading
from types import TracebackType

from mediastation.catalog.job_queue import LEASE_S, JobQueue
from mediastation.errors import MediastationError
from mediastation.station.clock import Clock

_BEAT_S = LEASE_S / 4


class Lease:
    """Renews the lease of a job, in a thread of its own, until the context is left.

    Parameters
    ----------
    job : int
        Running, and leased to `worker`.
    worker : str
        What the job table calls this process.

    Attributes
    ----------
    is_lost : bool
        Whether another process has taken the job over.
    held_at : float
        When the job was last known to be this process's.
    """

    def __init__(self, queue: JobQueue, clock: Clock, job: int, worker: str) -> None:
        self._queue = queue
        self._clock = clock
        self._job = job
        self._worker = worker
        self.is_lost = False
        self.held_at = clock.now()
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"job-{job}", daemon=True)

    def __enter__(self) -> Lease:
        self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def begin(self) -> None:
        """Renew it from now on."""
        self._heart.start()

    def end(self) -> None:
        """Renew it no more."""
        self._ended.set()
        self._heart.join()

    def _beat(self) -> None:
        while not self._ended.wait(_BEAT_S):
            try:
                held = self._queue.renew(self._job, self._worker, self._clock.now())
            except MediastationError:
                continue  # the disk is full or busy: the lease has three more beats
            if not held:
                self.is_lost = True
                return
            self.held_at = self._clock.now()
