"""Being told to stop: by a signal, by another process, or by a test."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from typing import Protocol


class Stop(Protocol):
    """What a loop looks at; `threading.Event` is one."""

    def is_set(self) -> bool:
        """Tell whether to stop."""

    def set(self) -> None:
        """Ask for a stop."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for that, at most `timeout` seconds; tell whether to stop."""


class StopSignal:
    """A `Stop` that a signal handler may set, and that counts how often it was.

    An `Event` has a lock inside: set by a handler that interrupts its own
    `wait`, it may wait for itself for ever.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self.count = 0

    def close(self) -> None:
        """Give the descriptors back; nobody may wait any more."""
        os.close(self._reader)
        os.close(self._writer)

    @property
    def is_urgent(self) -> bool:
        """Whether somebody asked more than once."""
        return self.count > 1

    def is_set(self) -> bool:
        """Tell whether to stop."""
        return self.count > 0

    def set(self) -> None:
        """Ask for a stop."""
        self.count += 1
        with suppress(BlockingIOError):  # then there are bytes enough to wake everybody
            os.write(self._writer, b"\0")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for that, at most `timeout` seconds; tell whether to stop."""
        # What was written is never read: everybody who waits is woken by it.
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.poll(None if timeout is None else max(timeout, 0) * 1000)
        return self.is_set()
