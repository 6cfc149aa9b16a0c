"""The one door through which time and randomness come in."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from mediastation.errors import ConfigError

_YEARS = range(1900, 2156)
"""What the date of a directory record can say (ECMA-119 9.1.5)."""


class Clock:
    """Tells the time and makes UIDs.

    Parameters
    ----------
    fixed : datetime, optional
        With it, what goes onto media has this moment and UIDs that follow from
        what they name, so that equal input gives equal bytes. The job table
        keeps the real time in either case.
    seed : str
        Tells the UIDs of one job from those of another with the same moment.
    """

    def __init__(self, fixed: datetime | None = None, seed: str = "") -> None:
        self._fixed = fixed
        self._seed = seed

    def now(self) -> float:
        """Return the real time in seconds since the epoch."""
        return time.time()

    def moment(self) -> datetime:
        """Return the moment that goes onto media, in UTC, without fractions of a second."""
        return self._fixed or datetime.now(UTC).replace(microsecond=0)

    def uid(self, named: Iterable[str]) -> str:
        """Return a UID under 2.25 (PS3.5 B.2); with a fixed moment it follows from `named`."""
        if self._fixed is None:
            return f"2.25.{uuid.uuid4().int}"
        digest = hashlib.sha256(self._fixed.isoformat().encode())
        if self._seed:
            digest.update(b"\1" + self._seed.encode())
        for name in named:
            digest.update(b"\0")
            digest.update(name.encode())
        return f"2.25.{uuid.UUID(bytes=digest.digest()[:16], version=4).int}"


def read_timestamp(text: str) -> datetime:
    """Read an ISO 8601 timestamp; one without a zone is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise ConfigError(
            f"--timestamp {text!r} is no ISO 8601 date and time.",
            "Write it as 2026-01-31T12:00:00Z.",
        ) from fault
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    with suppress(OverflowError):
        moment = moment.astimezone(UTC).replace(microsecond=0)
        if moment.year in _YEARS:
            return moment
    raise ConfigError(
        f"--timestamp {text!r} lies outside the years {_YEARS[0]} to {_YEARS[-1]}.",
        "No ISO 9660 medium can bear another year.",
    )
