"""The door through which pycdlib gets the time.

pycdlib asks `time` in many places, at planning and again at writing, and
records local time. An image that can be made again byte for byte needs one
moment, in UTC, whatever the hour and the time zone of the machine.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from time import struct_time
from typing import Any

# Every module of pycdlib that imports `time` and takes part in mastering.
_MODULES = tuple(
    importlib.import_module(f"pycdlib.{name}")
    for name in ("pycdlib", "dates", "headervd", "utils", "udf")
)

_moment: ContextVar[float | None] = ContextVar("moment", default=None)
_lock = threading.Lock()
_users = 0


class _Clock:
    """Stands in for the module `time`; threads without a moment get the real one."""

    def time(self) -> float:
        moment = _moment.get()
        return time.time() if moment is None else moment

    def localtime(self, seconds: float | None = None) -> struct_time:
        if _moment.get() is None:
            return time.localtime(seconds)
        return time.gmtime(self.time() if seconds is None else seconds)

    def gmtime(self, seconds: float | None = None) -> struct_time:
        return time.gmtime(self.time() if seconds is None else seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


_CLOCK = _Clock()


@contextmanager
def pycdlib_clock(moment: datetime) -> Iterator[None]:
    """Let pycdlib believe, in this thread, that it is `moment` and that UTC is local.

    Several threads may each have their own moment at once; others keep the
    real time, and when the last one leaves pycdlib has its own clock back.

    Parameters
    ----------
    moment : datetime
        With a time zone. Fractions of a second are dropped.

    Raises
    ------
    ValueError
        If `moment` has no time zone, or its year in UTC does not fit the one
        byte that a directory record has for it (ECMA-119, 9.1.5).
    """
    if moment.tzinfo is None:
        raise ValueError("the moment needs a time zone")
    moment = moment.astimezone(UTC)
    if not 1900 <= moment.year <= 2155:
        raise ValueError("ISO 9660 records the years 1900 to 2155")
    # Half a second more names the same second and is never 0.0, which pycdlib
    # takes for "not specified".
    token = _moment.set(moment.replace(microsecond=500_000).timestamp())
    _enter()
    try:
        yield
    finally:
        _leave()
        _moment.reset(token)


def _enter() -> None:
    global _users  # noqa: PLW0603 - a count of those inside, under the lock
    with _lock:
        _users += 1
        for module in _MODULES:
            module.time = _CLOCK  # type: ignore[attr-defined]


def _leave() -> None:
    global _users  # noqa: PLW0603 - see above
    with _lock:
        _users -= 1
        if not _users:
            for module in _MODULES:
                module.time = time  # type: ignore[attr-defined]
