"""Worker processes of `serve`: begun as jobs come, replaced where they die, ended with it.

Each is tied to `serve` by its standard input: where `serve` is gone, however
it went, a worker gives its job back and ends, or ends its disc first. A worker
that died has its jobs queued again before its process number is free to be
somebody else's.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from mediastation.errors import MediastationError
from mediastation.station.job import worker_name
from mediastation.station.log_folder import WORKERS, turn_over
from mediastation.station.own_process import begin_own
from mediastation.station.serving.worker import Share
from mediastation.station.serving.worker_lock import requeue_lost_jobs
from mediastation.station.station import Station

_LOG = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0
_UPKEEP_EVERY_S = 5.0
_MOST_DRIVES = 8
_IDLE_S = 300.0
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 60.0
_LIVED_WELL_S = 60.0
_GENERAL_GRACE_S = 30.0
_DISC_GRACE_S = 300.0
_EVENTS_AT_ONCE = 500


@dataclass(slots=True)
class _Child:
    """A worker process; `told` counts the signals it was sent."""

    process: subprocess.Popen[bytes]
    share: Share
    begun_at: float
    told: int = 0
    told_at: float = 0.0

    @property
    def name(self) -> str:
        return worker_name(self.process.pid)

    def has_ended(self) -> bool:
        """Tell whether it has ended, and leave it unreaped: its number stays its own."""
        if self.process.returncode is not None:
            return True
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, flags) is not None

    def tell(self, now: float) -> None:
        """Ask it to end; a second time to leave even a disc."""
        self.told, self.told_at = self.told + 1, now
        self.process.terminate()


class Supervisor:
    """Keeps the worker processes of one station.

    Parameters
    ----------
    station : Station
        Of `serve`; its table says what there is to do.
    drive_stop_s : float
        How long a disc may go on being made when `serve` ends.
    upkeep : callable
        Called every few seconds, in the supervisor's thread.
    idle_s : float
        How long a worker without a job stays.
    """

    def __init__(
        self,
        station: Station,
        drive_stop_s: float,
        *,
        upkeep: Callable[[], object] = bool,
        idle_s: float = _IDLE_S,
    ) -> None:
        self._station = station
        self._drive_stop_s = drive_stop_s
        self._upkeep = upkeep
        self._idle_s = idle_s
        self._place = socket.gethostname()
        self._lock = threading.Lock()
        self._children: list[_Child] = []
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._upkeep_at = self._begin_at = 0.0
        self._deaths = 0
        self._last_event = 0
        self._trouble = ""

    def start(self) -> None:
        """Begin to look after the queue."""
        self._last_event = self._station.jobs.last_event()
        self._thread.start()

    def wake(self) -> None:
        """Look into the table now."""
        self._woken.set()

    def is_worker(self, process: int) -> bool:
        """Tell whether a process is a living worker of this `serve`."""
        with self._lock:
            return any(one.process.pid == process for one in self._children)

    def workers(self) -> list[dict[str, object]]:
        """Return process and share of each worker."""
        with self._lock:
            return [{"pid": one.process.pid, "share": str(one.share)} for one in self._children]

    def stop(self, is_urgent: Callable[[], bool] = lambda: False) -> None:
        """End the workers; what they run goes back to the queue.

        A disc that is being made is waited for, up to the limit, unless
        `is_urgent` says not to.
        """
        self._stopping.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join()
        now = begun_at = time.monotonic()
        for child in self._children:
            child.tell(now)
        self._say_what_is_waited_for()
        while self._children:
            with suppress(MediastationError):  # an unreaped one is seen again
                self._reap()
            now = time.monotonic()
            for child in self._children:
                self._press(child, now, begun_at, is_urgent())
            self._woken.clear()
            self._woken.wait(0.05)
        with suppress(MediastationError):
            self._tell_events()

    def _press(self, child: _Child, now: float, begun_at: float, is_urgent: bool) -> None:
        on_drive = child.share is Share.DRIVES
        if child.told == 1:
            limit = self._drive_stop_s if on_drive else _GENERAL_GRACE_S
            if now - begun_at < limit and not (on_drive and is_urgent):
                return
            _LOG.warning("worker %d is told to leave its job", child.process.pid)
            child.tell(now)
        elif now - child.told_at >= (_DISC_GRACE_S if on_drive else _GENERAL_GRACE_S):
            _LOG.error("worker %d does not end: killed", child.process.pid)
            child.told_at = now
            child.process.kill()

    def _say_what_is_waited_for(self) -> None:
        try:
            busy = self._station.queue.busy_workers()
        except MediastationError:
            return
        for child in self._children:
            if child.share is Share.DRIVES and child.name in busy:
                _LOG.warning(
                    "job %d works on a disc: it may end that for %d minutes, unless this process "
                    "is told to stop once more",
                    busy[child.name], -(-self._drive_stop_s // 60),
                )  # fmt: skip

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
                self._trouble = ""
            except MediastationError as fault:
                self._say_once(fault.message)
            except OSError as fault:
                self._say_once(f"no worker can be begun: {fault.strerror}")
            except Exception as fault:
                # Were this thread to end, no job would be begun any more, and nobody would know.
                self._say_once(f"this is a fault of Mediastation: {fault!r}", exc_info=True)
            self._woken.wait(_LOOK_EVERY_S)
            self._woken.clear()

    def _say_once(self, trouble: str, *, exc_info: bool = False) -> None:
        if trouble != self._trouble:
            _LOG.error("%s", trouble, exc_info=exc_info)
        self._trouble = trouble

    def _look(self) -> None:
        station, now = self._station, time.monotonic()
        self._reap()
        if now >= self._upkeep_at:
            self._upkeep_at = now + _UPKEEP_EVERY_S
            requeue_lost_jobs(station)
            turn_over(station.home)
            self._upkeep()
        self._tell_events()
        if now >= self._begin_at:
            self._begin_missing()

    def _reap(self) -> None:
        for child in [one for one in self._children if one.has_ended()]:
            # Before it is reaped: nobody else has its number yet.
            now = self._station.clock.now()
            back = self._station.queue.requeue_lost(now, worker=child.name)
            code = child.process.wait()
            if child.process.stdin is not None:
                child.process.stdin.close()
            with self._lock:
                self._children.remove(child)
            if code == 0 or child.told:
                self._deaths = 0
                continue
            lived = time.monotonic() - child.begun_at
            self._deaths = 1 if lived > _LIVED_WELL_S else self._deaths + 1
            wait_s = min(_FIRST_BACKOFF_S * 2 ** (self._deaths - 1), _LONGEST_BACKOFF_S)
            self._begin_at = time.monotonic() + wait_s
            _LOG.error(
                "worker %d ended with %d%s; the next begins in %.1f s",
                child.process.pid, code, _said_of(back), wait_s,
            )  # fmt: skip

    def _begin_missing(self) -> None:
        queue, now = self._station.queue, self._station.clock.now()
        most = self._station.settings.workers
        general = len(queue.claimable(self._place, now, on_drives=False, limit=most))
        drives = len(queue.free_drives(self._place, now, _MOST_DRIVES))
        if not general and not drives:
            return
        busy = queue.busy_workers()
        for share, waiting, limit in (
            (Share.GENERAL, general, most),
            (Share.DRIVES, drives, _MOST_DRIVES),
        ):
            here = [one for one in self._children if one.share is share]
            idle = sum(one.name not in busy for one in here)
            for _ in range(min(waiting - idle, limit - len(here))):
                self._begin(share)

    def _begin(self, share: Share) -> None:
        words = ("--quiet", "work", "--share", share, "--idle", f"{self._idle_s:g}", "--lifeline")
        # Its standard input is the line.
        process = begin_own(self._station.home, *words, log=WORKERS, stdin=subprocess.PIPE)
        with self._lock:
            self._children.append(_Child(process, share, time.monotonic()))
        _LOG.info("worker %d begins (%s)", process.pid, share)

    def _tell_events(self) -> None:
        """Put what happened to jobs into this log, but not what might name people."""
        while True:
            events = self._station.jobs.events(self._last_event, limit=_EVENTS_AT_ONCE)
            for event in events:
                what, _, more = event.text.partition(":")
                hint = "; `mediastation jobs` tells more" if more else ""
                _LOG.info("job %d: %s (%s)%s", event.job, what, event.who or "station", hint)
                self._last_event = event.id
            if len(events) < _EVENTS_AT_ONCE:
                return


def _said_of(jobs: list[int]) -> str:
    return f"; queued again: {', '.join(map(str, jobs))}" if jobs else ""
