"""A worker as a process: its signals, its lock, and the line that ties it to `serve`.

The first signal lets it take no further job. A job that runs goes back to the
queue at once, but for one that would spoil a disc, which comes to its end
unless a second signal comes. What is left under its name when it ends, for
whatever reason, is queued again.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path
from types import FrameType

from mediastation.errors import MediastationError
from mediastation.model.event import Listener, nobody
from mediastation.station.job import worker_name
from mediastation.station.serving.worker import Share, Worker
from mediastation.station.serving.worker_lock import hold_worker_lock
from mediastation.station.station import Station
from mediastation.station.stop_signal import StopSignal

_LOG = logging.getLogger(__name__)
_ENOUGH = 3
_PATIENCE_S = 60.0


def work(
    home: Path,
    *,
    share: Share = Share.ALL,
    idle_s: float | None = None,
    lifeline: int | None = None,
    listener: Listener = nobody,
) -> None:
    """Run jobs of `home` in this process until a signal, or for `idle_s` without a job.

    To be called in the main thread, where signals arrive.

    Parameters
    ----------
    lifeline : int, optional
        A descriptor whose other end `serve` holds: at its end this process
        stops as by a signal.

    Raises
    ------
    MediastationError
        If the home cannot be used.
    """
    stop = StopSignal()
    worker = Worker(home, stop, share=share, listener=listener, idle_s=idle_s)
    interrupted = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        stop.set()
        # Once: an interrupt of what an interrupt has to clear away leaves it lying.
        wanted = worker.may_be_interrupted or (stop.is_urgent and worker.is_busy)
        if wanted and (not interrupted or stop.count == _ENOUGH):
            interrupted = True
            raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    if lifeline is not None:
        threading.Thread(
            target=_watch, args=(lifeline, worker, stop), name="lifeline", daemon=True
        ).start()
    with Station(home) as station, hold_worker_lock(station.home, os.getpid()):
        _give_back(station)  # of another process that had this number
        try:
            worker.run()
        except KeyboardInterrupt:
            if not stop.is_set():
                raise
        finally:
            _give_back(station)


def _give_back(station: Station) -> None:
    """Queue again what the table says this process runs; it runs nothing now."""
    try:
        station.queue.requeue_lost(station.clock.now(), worker=worker_name())
    except MediastationError as fault:
        _LOG.error("%s", fault.message)  # the lease runs out


def _watch(lifeline: int, worker: Worker, stop: StopSignal) -> None:
    """Stop this process when the one at the other end is gone, however it went."""
    try:
        while os.read(lifeline, 64):
            pass
    except OSError as fault:
        _LOG.warning("the line to serve is broken: %s", fault.strerror)
    main = threading.main_thread()
    _LOG.warning("serve is gone; this worker ends")
    if not stop.is_set():
        # To that thread: it may wait in the kernel for something that does not come. And
        # once: a second signal would be taken for a word against the disc.
        signal.pthread_kill(main.ident or 0, signal.SIGTERM)
    main.join(_PATIENCE_S)
    while worker.is_busy and not worker.may_be_interrupted:
        main.join(1.0)  # a disc is finished, however long that takes
    _LOG.error("the job does not end; the process does")
    os.kill(os.getpid(), signal.SIGKILL)
