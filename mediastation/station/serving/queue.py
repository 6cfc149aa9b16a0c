"""What carries a job's number to a worker: Huey, over SQLite, Redis or PostgreSQL.

A number may be lost or come twice; the job table decides
(`mediastation.catalog.job_queue`). Nothing but numbers travels.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from huey import PostgresHuey, PriorityRedisHuey, SqliteHuey
from huey.exceptions import ConfigurationError, HueyException
from huey.registry import Message
from huey.serializer import Serializer

from mediastation.errors import ConfigError, MediaError

_NAME = "mediastation"
_FILE = "queue.sqlite"
_READ_TIMEOUT_S = 1


class _JsonSerializer(Serializer):  # type: ignore[misc] # huey bears no types
    """Messages as JSON: what comes out of a shared queue is data, never code."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(data))


def channel(place: str, *, on_drive: bool = False) -> str:
    """Return the channel of the queue for jobs of a host or of any, on drives or not."""
    return f"{place}.drives" if on_drive else place


class JobTransport:
    """Puts numbers of jobs into the channels of the queue, and takes them out.

    Parameters
    ----------
    home : Path
        Holds the queue where no URL names another one.
    url : str
        ``redis://…`` or ``postgresql://…``; empty for SQLite in the home.
    """

    def __init__(self, home: Path, url: str = "") -> None:
        self._home = home
        self._url = url
        self._queues: dict[str, Any] = {}
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> JobTransport:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for queue in self._queues.values():
            with suppress(Exception):  # a server that is gone has nothing left to close
                queue.storage.close()

    def put(self, job: int, channel: str = "", priority: int = 0) -> None:
        """Announce a queued job to the workers that listen to `channel`.

        Raises
        ------
        MediaError
            If the queue cannot be reached; the job stays queued in the table,
            where workers look now and then.
        """
        queue = self._queue(channel)
        try:
            queue.enqueue(self._tasks[channel].s(job, priority=priority))
        except Exception as fault:
            raise self._unreachable(fault) from fault

    def take(self, channel: str = "") -> int | None:
        """Return the next number announced there; None where there is none just now.

        Raises
        ------
        MediaError
            If the queue cannot be reached.
        """
        queue = self._queue(channel)
        try:
            task = queue.dequeue()
        except (HueyException, ValueError, TypeError):
            return None  # a message of somebody else's: the table knows what there is to do
        except Exception as fault:
            raise self._unreachable(fault) from fault
        if task is None or not task.args or not isinstance(task.args[0], int):
            return None
        return task.args[0]

    def _queue(self, channel: str) -> Any:
        if channel not in self._queues:
            try:
                queue = self._open(f"{_NAME}.{channel}" if channel else _NAME)
            except ConfigurationError as fault:
                raise ConfigError(
                    f"The queue cannot be used: {fault}",
                    "Install Mediastation with its extra [redis] or [postgres].",
                ) from fault
            except ConfigError:
                raise
            except Exception as fault:
                raise self._unreachable(fault) from fault
            self._tasks[channel] = queue.task(name="run")(_run)
            self._queues[channel] = queue
        return self._queues[channel]

    def _open(self, name: str) -> Any:
        words: dict[str, Any] = {"results": False, "serializer": _JsonSerializer()}
        scheme, colon, rest = self._url.partition(":")
        scheme = scheme.removesuffix("+psycopg")
        if not self._url:
            path = self._home / _FILE
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            return SqliteHuey(name, filename=str(path), timeout=30, **words)
        if scheme in {"redis", "rediss", "unix"}:
            return PriorityRedisHuey(name, url=self._url, blocking=False, **words)
        if scheme in {"postgresql", "postgres"}:
            return PostgresHuey(
                name,
                dsn=f"{scheme}{colon}{rest}",
                read_timeout=_READ_TIMEOUT_S,
                blocking=False,
                table_prefix="mediastation",
                **words,
            )
        raise ConfigError(
            f"The setting `queue` begins with {scheme!r}.",
            "It is a redis:// or postgresql:// URL, or empty.",
        )

    def _unreachable(self, fault: Exception) -> MediaError:
        # The URL may hold a password, and so may what a driver says of it.
        where = f"of {self._home}" if not self._url else "that the setting `queue` names"
        return MediaError(
            f"The queue {where} cannot be reached ({type(fault).__name__}).",
            "Jobs stay queued and are begun a little later; look after its server or disk.",
        )


def _run(job: int) -> None:
    """Stand for the work: Huey carries numbers and runs nothing here."""
