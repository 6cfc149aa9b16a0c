"""A worker: takes jobs from the queue, one at a time, and runs them to their end."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from mediastation.catalog.durable import write_text_durably
from mediastation.errors import CancelledError, MediaError, MediastationError
from mediastation.model.event import Listener, nobody
from mediastation.model.job import JobRecord, JobState
from mediastation.station.clock import Clock
from mediastation.station.job import failure_text, worker_name
from mediastation.station.lease import Lease
from mediastation.station.serving.job_kinds import read_request, run_request, spoils_disc
from mediastation.station.serving.queue import JobTransport, channel
from mediastation.station.serving.worker_lock import requeue_lost_jobs
from mediastation.station.station import Station
from mediastation.station.stop_signal import Stop

_LOG = logging.getLogger(__name__)
_POLL_S = 0.5
_LOOK_EVERY_S = 5.0


class Share(StrEnum):
    """Which jobs a worker takes."""

    ALL = "all"
    GENERAL = "general"
    DRIVES = "drives"


_ON_DRIVES = {Share.ALL: None, Share.GENERAL: False, Share.DRIVES: True}


def _channels(share: Share, place: str) -> list[str]:
    """Return the channels of the queue that a worker listens to."""
    drives = [channel(place, on_drive=True), channel("", on_drive=True)]
    general = [channel(place), channel("")]
    if share is Share.ALL:
        return drives + general
    return drives if share is Share.DRIVES else general


class Worker:
    """Runs jobs of one home in this thread.

    Parameters
    ----------
    home : Path
        The station's.
    stop : Event or StopSignal
        Set by whoever handles the signals: no further job is begun then. To
        interrupt the one that runs, raise `KeyboardInterrupt` in its thread.
    share : Share
        Jobs on drives, all others, or both.
    listener : callable, optional
        Told the events of the jobs.
    idle_s : float, optional
        Return after so long without a job; None to stay.
    """

    def __init__(
        self,
        home: Path,
        stop: Stop,
        *,
        share: Share = Share.ALL,
        listener: Listener = nobody,
        idle_s: float | None = None,
        place: str = "",
    ) -> None:
        self._home = home
        self._stop = stop
        self._share = share
        self._listener = listener
        self._idle_s = idle_s
        self._place = place or socket.gethostname()
        self._name = worker_name()
        self._record: JobRecord | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self._record is not None

    @property
    def may_be_interrupted(self) -> bool:
        """Whether a job runs, and none that would spoil a disc."""
        record = self._record
        return record is not None and not spoils_disc(record.kind)

    def run(self) -> None:
        """Take and run jobs until `stop` is set.

        Raises
        ------
        MediastationError
            If the home cannot be opened.
        """
        with (
            Station(self._home) as station,
            JobTransport(station.home, station.settings.queue) as transport,
        ):
            self._take_jobs(station, transport)

    def _take_jobs(self, station: Station, transport: JobTransport) -> None:
        idle_s = looked_s = 0.0
        while not self._stop.is_set():
            number = self._announced(transport)
            if number is None and looked_s <= 0:
                # What was announced may be lost, with a worker or with its queue.
                looked_s = _LOOK_EVERY_S
                requeue_lost_jobs(station, idle=self._name)
                number = self._waiting(station)
            if number is None:
                self._stop.wait(_POLL_S)
                idle_s += _POLL_S
                looked_s -= _POLL_S
                if self._idle_s is not None and idle_s >= self._idle_s:
                    return
                continue
            now = station.clock.now()
            if station.queue.claim(
                number, self._name, self._place, now, on_drives=_ON_DRIVES[self._share]
            ):
                self._work(station, number)
                idle_s = looked_s = 0.0

    def _announced(self, transport: JobTransport) -> int | None:
        for heard in _channels(self._share, self._place):
            try:
                number = transport.take(heard)
            except MediaError as fault:
                _LOG.warning("%s", fault.message)
                continue
            if number is not None:
                return number
        return None

    def _waiting(self, station: Station) -> int | None:
        found = station.queue.claimable(
            self._place, station.clock.now(), on_drives=_ON_DRIVES[self._share]
        )
        return found[0] if found else None

    def _work(self, station: Station, number: int) -> None:
        record = station.jobs.get(number, station.clock.now())
        if record is None:
            return
        # From here on a stop interrupts; one that came before is seen below.
        self._record = record
        try:
            if self._stop.is_set():
                why = "the station stops; queued again"
                station.queue.give_back(number, self._name, why, station.clock.now())
                return
            _LOG.info("job %d (%s) begins", number, record.kind)
            run_claimed(self._home, record, self._listener, self._stop.is_set)
        finally:
            self._record = None
        ended = station.jobs.get(number, station.clock.now())
        if ended is not None:
            # What ended it may name people: `mediastation jobs` tells that to those who may know.
            _LOG.info("job %d (%s): %s", number, ended.kind, ended.state)


def run_claimed(
    home: Path,
    record: JobRecord,
    listener: Listener = nobody,
    is_stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Run a job that this process has claimed; how it ended stands in the job table.

    Its media get the moment and the UIDs that were drawn when it was submitted,
    so that a job that goes on makes the same bytes.
    """
    clock = Clock(datetime.fromisoformat(record.moment), record.seed)
    with Station(home, clock, claimed=record, is_stopping=is_stopping) as station:
        try:
            request = read_request(record.kind, record.request)
            # From now on: the use case has to look around before it goes on with its job.
            with Lease(station.queue, clock, record.id, worker_name()):
                run_request(station, record.kind, request, listener)
        except KeyboardInterrupt:
            now = station.clock.now()
            station.queue.give_back(record.id, worker_name(), "the station stops", now)
            raise
        except CancelledError as stop:
            _end(station, record, JobState.CANCELLED, stop.message)
        except MediastationError as fault:
            _end(station, record, JobState.FAILED, failure_text(fault))
        except Exception as fault:
            where = _keep_traceback(station, record, fault)
            said = f"This is a fault of Mediastation: {fault!r}. {where}"
            _LOG.exception("job %d", record.id)
            _end(station, record, JobState.FAILED, said)


def _end(station: Station, record: JobRecord, state: JobState, message: str) -> None:
    """End a job whose use case did not get as far as doing so itself."""
    found = station.jobs.get(record.id, station.clock.now())
    # Its lease may have run out: this computer slept, or its disk was full for a while.
    if found is None or found.state not in {JobState.RUNNING, JobState.ABANDONED}:
        return
    station.jobs.end(
        record.id, worker_name(), state, {**record.result, "job": record.id}, message, (),
        station.clock.now(),
    )  # fmt: skip


def _keep_traceback(station: Station, record: JobRecord, fault: Exception) -> str:
    told = "".join(traceback.format_exception(fault))
    with suppress(MediastationError, OSError):
        path = station.job_folder(record.id) / "fault.txt"
        write_text_durably(path, told)
        return f"The details are in {path}; please report them."
    return "Please report it."
