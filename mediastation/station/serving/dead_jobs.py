"""Jobs that no process works on any more: what they left may be settled."""

from __future__ import annotations

from mediastation.model.job import JobRecord, JobState
from mediastation.station.serving.worker_lock import is_living_worker
from mediastation.station.station import Station

_DEAD = frozenset({JobState.ABANDONED, JobState.FAILED, JobState.CANCELLED, JobState.REFUSED})


def is_dead(station: Station, record: JobRecord) -> bool:
    """Tell whether nobody works on a job; of the one claimed here that is so until it goes on.

    A worker that is alive may have let its lease run out: its computer slept.

    A job that waits in the queue is left to the process that will claim it:
    were it settled here, the two might be at it at the same time.
    """
    if record.id == station.claimed:
        return True
    if record.state is JobState.ABANDONED:
        return not is_living_worker(station.home, record.worker)
    return record.state in _DEAD
