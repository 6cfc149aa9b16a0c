"""Codecs outside the calling process, on all cores.

A decoder reads what anybody may have written. One that crashes, hangs or eats
memory over it takes a worker process with it and the one object in hand;
the caller gets a finding, and the work goes on.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from mediastation.dicom.worker_messages import (
    Answer,
    Begun,
    Delivered,
    MessageError,
    PrepareTask,
    Refused,
    Task,
    Trouble,
    Unfit,
    Value,
    Working,
    encode_task,
    require_fit,
)
from mediastation.dicom.worker_process import WorkerProcess
from mediastation.dicom.worker_trouble import cannot_start, codec_crashed, codec_hung
from mediastation.errors import MediaError
from mediastation.model.finding import Finding

TIMEOUT_S = 300.0
"""How long a worker may say nothing: the slowest frame, or flushing a large copy to a slow disk."""

MEMORY_BYTES = 4 << 30
"""Address space of one worker: interpreter and codecs take 0.2 GB, a frame of 500 MB (16,000 x
16,000 pixels of 16 bits) and what its decoder needs beside it fit in the rest."""

_ENTRY = "mediastation.dicom.codec_worker:main"
_TICK_S = 0.5
_HANDED_AHEAD = 2  # one in hand, one that waits in the channel while the caller is busy
_FALSE_STARTS = 3

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Done:
    """A task that is done, and what came of it."""

    task: Task
    value: Value


@dataclass(frozen=True, slots=True)
class Failed:
    """A task that could not be done, and why; nothing of its output is left."""

    task: Task
    finding: Finding


class CodecWorkers:
    """Worker processes that prepare instances and render icons and previews.

    They start as tasks come, never more than there are tasks, and end with
    the context. Nothing of them outlives the caller, however it ends. To be
    used by one thread at a time.

    Parameters
    ----------
    count : int, optional
        How many at most; by default as many as this process may use cores.
    timeout_s : float
        How long a worker may be without progress before it counts as hung.
    memory_bytes : int
        Address space of each worker.
    """

    _entry = _ENTRY  # tests put a double here; no input leads to it

    def __init__(
        self,
        count: int | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._count = count or len(os.sched_getaffinity(0))
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._hands: list[_Hand] = []
        self._run: _Run | None = None

    def __enter__(self) -> CodecWorkers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._run is not None:
            self._run.abandon()
        self._end_all()

    def run(
        self, tasks: Iterable[Task], *, progress: Progress | None = None
    ) -> Iterator[Done | Failed]:
        """Do `tasks` and yield each as it ends, in any order.

        Parameters
        ----------
        tasks : iterable
            Drawn from as workers have room: at most two for each.
        progress : callable, optional
            Called at least every half second while this waits, with the tasks
            done so far, those in hand counted by the part that is done; may
            raise to stop.

        Yields
        ------
        Done or Failed
            The finding's rule is the refusal's own, ``"codec-crashed"``,
            ``"codec-hung"`` or ``"codec-memory"``. A crash is held against an
            object only if it happens in a fresh worker, or again: what one
            codestream spoils in a process may bring it down over the next. One
            that was killed from outside is always tried again.

        Raises
        ------
        MediaError
            A worker met a failing or full disk, or workers do not start.

        Notes
        -----
        When this ends early, by an exception here or by the generator being
        closed, the workers are killed, and the outputs that the caller was not
        yet told of are removed.
        """
        if self._run is not None:
            raise RuntimeError("the workers are at another run")
        self._run = run = _Run(self, iter(tasks), progress)
        try:
            while run.go_on():
                if run.ready:
                    # No call between taking and yielding it, where an interrupt could lose it.
                    item = run.ready[0]
                    del run.ready[0]
                    yield item
        finally:
            self._run = None
            if not run.is_complete:
                run.abandon()

    def _end_all(self) -> None:
        for hand in self._hands:
            hand.process.kill()
        while self._hands:
            self._hands.pop().process.end()


@dataclass(slots=True)
class _Job:
    """A task on its way; `share` is the part of it that is done."""

    task: Task
    output: Path | None
    retried: bool = False
    share: float = 0.0

    def discard(self) -> None:
        """Remove what there is of the output."""
        if self.output is not None:
            with suppress(OSError):
                self.output.unlink(missing_ok=True)


@dataclass(slots=True)
class _Hand:
    """A worker, what it was given, and whether it has begun the first of it."""

    process: WorkerProcess
    jobs: deque[_Job] = field(default_factory=deque)
    begun: bool = False
    served: int = 0
    silent_s: float = 0.0


class _Run:
    def __init__(
        self, workers: CodecWorkers, tasks: Iterator[Task], progress: Progress | None
    ) -> None:
        self._workers = workers
        self._hands = workers._hands
        self._tasks = tasks
        self._progress = progress
        self._exhausted = False
        self._abandoned = False
        self._waiting: deque[_Job] = deque()
        self._count = workers._count
        self._false_starts = 0
        self._finished = 0
        self._looked_at = time.monotonic()
        self.ready: list[Done | Failed] = []

    @property
    def is_complete(self) -> bool:
        """Whether every task has been told of."""
        return (
            self._exhausted
            and not self.ready
            and not self._waiting
            and not any(hand.jobs for hand in self._hands)
        )

    def go_on(self) -> bool:
        """Hand out, listen, and report; false when there is nothing left to tell."""
        if self._abandoned:
            raise RuntimeError("the workers have ended")
        if len(self.ready) < self._count:  # what the caller has not taken is not added to
            self._hand_out()
        if self.is_complete:
            return False
        self._listen(0.0 if self.ready else _TICK_S)
        self._end_those_that_hang()
        if self._progress is not None:
            shares = sum(job.share for hand in self._hands for job in hand.jobs)
            self._progress(self._finished + shares)
        return True

    def abandon(self) -> None:
        """End all workers and remove the outputs that nobody was told of."""
        self._abandoned = True
        jobs = [job for hand in self._hands for job in hand.jobs]
        self._workers._end_all()
        for job in (*jobs, *self._waiting):
            job.discard()
        for item in self.ready:
            _Job(item.task, _output_of(item.task)).discard()
        self.ready.clear()
        self._waiting.clear()

    def _hand_out(self) -> None:
        while not self._exhausted or self._waiting:
            free = [hand for hand in self._hands if len(hand.jobs) < _HANDED_AHEAD]
            hand = min(free, key=lambda each: len(each.jobs), default=None)
            may_start = len(self._hands) < self._count
            if hand is None and not may_start:
                return
            job = self._next_job()
            if job is None:
                return
            # It waits here until it lies in a hand: an exception between must not lose it.
            self._waiting.appendleft(job)
            if hand is None or (hand.jobs and may_start):
                hand = self._start() or hand
                if hand is None:
                    return
            hand.jobs.append(self._waiting.popleft())
            hand.process.send(encode_task(job.task))

    def _next_job(self) -> _Job | None:
        if self._waiting:
            return self._waiting.popleft()
        task = next(self._tasks, None)
        if task is None:
            self._exhausted = True
            return None
        output = _output_of(task)
        if output is not None and os.path.lexists(output):
            raise MediaError(
                f"{output} exists already, where a prepared copy was to be written.",
                "Remove it, and start again.",
            )
        return _Job(task, output)

    def _start(self) -> _Hand | None:
        """Start a worker; `None` if the system allows no more than there are."""
        try:
            process = WorkerProcess(self._workers._entry, self._workers._memory_bytes)
        except OSError as fault:
            if not self._hands:
                raise cannot_start(str(fault.strerror or fault)) from fault
            self._count = len(self._hands)
            return None
        hand = _Hand(process)
        self._hands.append(hand)
        return hand

    def _listen(self, timeout_s: float) -> None:
        """Take in what workers say, waiting for the first word up to `timeout_s`."""
        poll = select.poll()
        by_descriptor = {hand.process.fileno(): hand for hand in self._hands}
        for descriptor, hand in by_descriptor.items():
            events = select.POLLIN | (select.POLLOUT if hand.process.is_behind else 0)
            poll.register(descriptor, events)
        for descriptor, events in poll.poll(1000 * timeout_s):
            hand = by_descriptor[descriptor]
            if events & select.POLLOUT:
                hand.process.flush()
            if events & ~select.POLLOUT:
                self._hear(hand)

    def _hear(self, hand: _Hand) -> None:
        try:
            for answer in hand.process.receive():
                hand.silent_s = 0.0
                self._take(hand, answer)
        except EOFError:
            self._bury(hand)
        except MessageError:
            self._bury(hand, babbled=True)

    def _take(self, hand: _Hand, answer: Answer) -> None:
        if isinstance(answer, Unfit):
            raise cannot_start(answer.message)
        if not hand.jobs or (hand.begun is isinstance(answer, Begun)):
            raise MessageError("an answer out of turn")
        job = hand.jobs[0]
        match answer:
            case Begun():
                hand.begun = True
                self._false_starts = 0
            case Working(done, total):
                job.share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
            case Delivered(value):
                require_fit(job.task, value)
                self._conclude(hand, Done(job.task, value))
            case Refused(finding):
                job.discard()
                self._conclude(hand, Failed(job.task, finding))
            case Trouble(message, hint):
                raise MediaError(message, hint)

    def _conclude(self, hand: _Hand, item: Done | Failed) -> None:
        self.ready.append(item)
        hand.jobs.popleft()
        hand.begun = False
        hand.served += 1
        self._finished += 1

    def _end_those_that_hang(self) -> None:
        # Time in which the caller itself stood still does not count against workers.
        now = time.monotonic()
        passed, self._looked_at = min(now - self._looked_at, 2 * _TICK_S), now
        for hand in list(self._hands):
            if not hand.jobs:
                hand.silent_s = 0.0
                continue
            hand.silent_s += passed
            if hand.silent_s > self._workers._timeout_s:
                self._bury(hand, hung=True)

    def _bury(self, hand: _Hand, *, hung: bool = False, babbled: bool = False) -> None:
        """Clear away a worker that has ended or must; its other tasks go to the next."""
        how = hand.process.end()
        if babbled:
            how = "answered what cannot be understood"
        self._hands.remove(hand)
        if hand.begun:
            job = hand.jobs[0]
            job.discard()
            job.share = 0.0
            # The system kills whoever takes memory when it runs out; no codec does that itself.
            from_outside = how.endswith(signal.SIGKILL.name)
            if hung or job.retried or not (hand.served or from_outside):
                why = codec_hung(job.task) if hung else codec_crashed(job.task, how)
                self._conclude(hand, Failed(job.task, why))
            job.retried = True
        elif not hand.served:
            self._false_starts += 1
            if self._false_starts >= _FALSE_STARTS:
                raise cannot_start(how)
        self._waiting.extendleft(reversed(hand.jobs))
        hand.jobs.clear()


def _output_of(task: Task) -> Path | None:
    return task.output.absolute() if isinstance(task, PrepareTask) else None
