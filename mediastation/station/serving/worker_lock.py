"""Which workers of a home are alive: each holds a lock, which goes with it however it ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mediastation.errors import ConfigError
from mediastation.station.job import worker_name
from mediastation.station.process_lock import hold_lock, lock_is_held
from mediastation.station.station import Station

_FOLDER = "workers"


@contextmanager
def hold_worker_lock(home: Path, process: int) -> Iterator[None]:
    """Show that process `process` works for `home`, as long as this lasts."""
    path = home / _FOLDER / str(process)
    is_shown = False
    while not is_shown:
        with hold_lock(path, _is_held):
            # Who looked after the dead may have removed it before it was locked.
            if path.exists():
                is_shown = True
                yield
                path.unlink(missing_ok=True)


def requeue_lost_jobs(station: Station, idle: str = "") -> None:
    """Queue the jobs again that no process works on any more.

    Other stations' workers are told dead by their leases only; one of this home
    that lives keeps its job, whatever the clock says. `idle` is a worker that
    is known to work on nothing.
    """
    folder = station.home / _FOLDER
    living = {worker_name(int(path.name)) for path in _locks(folder) if lock_is_held(path)}
    now, here = station.clock.now(), socket.gethostname()
    station.queue.requeue_lost(now, living=living - {idle}, place=here)
    requeue_jobs_of_the_dead(station)


def is_living_worker(home: Path, worker: str) -> bool:
    """Tell whether `worker`, as the job table calls it, is a living one of this home."""
    return any(
        worker_name(int(path.name)) == worker and lock_is_held(path)
        for path in _locks(home / _FOLDER)
    )


def requeue_jobs_of_the_dead(station: Station) -> list[int]:
    """Queue the jobs again of workers of this home that were killed; return their numbers."""
    back: list[int] = []
    for path in _locks(station.home / _FOLDER):
        if lock_is_held(path):
            continue
        with suppress(ConfigError), hold_lock(path, _is_held):
            name = worker_name(int(path.name))
            back += station.queue.requeue_lost(station.clock.now(), worker=name)
            path.unlink(missing_ok=True)
    return back


def _locks(folder: Path) -> list[Path]:
    """Return the locks of workers in `folder`, held or not, by the number of each process."""
    with suppress(FileNotFoundError):
        return sorted(
            path for path in folder.iterdir() if path.name.isascii() and path.name.isdigit()
        )
    return []


def _is_held(holder: str) -> ConfigError:
    return ConfigError(f"Process {holder} is a worker already.")
