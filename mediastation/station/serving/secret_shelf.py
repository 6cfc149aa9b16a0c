"""Passwords for jobs: in the memory of `serve` and nowhere else, until the job takes them."""

from __future__ import annotations

import threading

from mediastation.errors import ConfigError
from mediastation.station.station import Station

MOST_SECRETS = 256
LONGEST_SECRET = 4096


class SecretShelf:
    """Keeps one secret for each of a few jobs. Nothing of it is ever logged or written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: dict[int, str] = {}
        self._missed: set[int] = set()
        """Jobs whose worker came before anybody had given their secret."""

    def __repr__(self) -> str:
        return f"SecretShelf({len(self._secrets)} kept)"

    def put(self, station: Station, job: int, secret: str) -> bool:
        """Keep a secret for a job that has not ended, in the place of an earlier one.

        Returns
        -------
        bool
            Whether its worker has come in vain: then the job asks, or is about to.

        Raises
        ------
        ConfigError
            If there is no such job, or no room.
        """
        record = station.jobs.get(job, station.clock.now())
        if record is None or not record.state.is_open or not record.seed:
            raise ConfigError(f"Job {job} waits for no password.", "`mediastation jobs` lists all.")
        if not 0 < len(secret) <= LONGEST_SECRET:
            raise ConfigError(f"A password has 1 to {LONGEST_SECRET} characters.")
        with self._lock:
            if job not in self._secrets and len(self._secrets) >= MOST_SECRETS:
                raise ConfigError("Too many jobs wait for their passwords.", "Cancel some.")
            self._secrets[job] = secret
            missed = job in self._missed
            self._missed.discard(job)
            return missed

    def take(self, station: Station, job: int, worker: str) -> str | None:
        """Give a secret away, once, to the worker that runs its job."""
        record = station.jobs.get(job, station.clock.now())
        if record is None or record.worker != worker or not record.state.is_open:
            return None
        with self._lock:
            found = self._secrets.pop(job, None)
            if found is None:
                self._missed.add(job)
            return found

    def clear_ended(self, station: Station) -> None:
        """Forget the secrets of jobs that have ended."""
        with self._lock:
            kept = [*self._secrets, *self._missed]
        for job in kept:
            record = station.jobs.get(job, station.clock.now())
            if record is None or not record.state.is_open:
                with self._lock:
                    self._secrets.pop(job, None)
                    self._missed.discard(job)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._secrets.clear()
            self._missed.clear()
