"""Which workers of a home are alive: each holds a lock, which goes with it however it ends."""

from __future__ import annotations

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


def requeue_jobs_of_the_dead(station: Station) -> list[int]:
    """Queue the jobs again of workers of this home that were killed; return their numbers.

    Other stations' workers are told dead by their leases only.
    """
    back: list[int] = []
    with suppress(FileNotFoundError):
        for path in sorted((station.home / _FOLDER).iterdir()):
            if not path.name.isascii() or not path.name.isdigit() or lock_is_held(path):
                continue
            with suppress(ConfigError), hold_lock(path, _is_held):
                name = worker_name(int(path.name))
                back += station.queue.requeue_lost(station.clock.now(), worker=name)
                path.unlink(missing_ok=True)
    return back


def _is_held(holder: str) -> ConfigError:
    return ConfigError(f"Process {holder} is a worker already.")
