"""Frames of one object on all cores, in order and few at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

MAX_THREADS = 4
"""Beyond these, memory and disk are what frames wait for."""

MAX_AHEAD_BYTES = 1 << 28
"""Native bytes of all frames at work, where more than one is."""

_T = TypeVar("_T")


def thread_count() -> int:
    """Return how many threads codecs may take: one a processor of this process, up to four."""
    return min(MAX_THREADS, len(os.sched_getaffinity(0)))


class FramePool:
    """Threads for the codecs, which run without the interpreter's lock.

    The threads are there as soon as an object has a second frame, and none of
    them outlives the ``with`` block: files are not closed under their hands.
    """

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> FramePool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def in_order(self, work: Callable[[int], _T], count: int, frame_bytes: int) -> Iterator[_T]:
        """Yield ``work(0)`` to ``work(count - 1)``, a few of them done ahead.

        Parameters
        ----------
        work : callable
            What to do with a frame, given its number; safe to run in several
            threads. What it raises is raised here.
        count : int
            How many frames there are.
        frame_bytes : int
            Native size of a frame: large ones are worked on one by one, so
            that memory holds no more than `MAX_AHEAD_BYTES` of them.
        """
        ahead = min(thread_count(), MAX_AHEAD_BYTES // max(frame_bytes, 1), count)
        if ahead < 2:
            yield from map(work, range(count))
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(thread_count(), "frame")
        waiting: deque[Future[_T]] = deque()
        try:
            for number in range(count):
                waiting.append(self._threads.submit(work, number))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
