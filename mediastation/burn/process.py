"""Run a program that works a drive: watched line by line, fed, and never left behind.

The program gets its own process group, and a word from the kernel when the
thread that started it dies, however it dies: a drive that nobody watches any
more must not go on with half of an image.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

_LONGEST_LINE = 4096
_KEPT_LINES = 1000
_LOOK_EVERY_S = 0.2
_DEAD_S = 10.0

# Takes the number of the process that starts it, then the words to run.
# 1 is PR_SET_PDEATHSIG of linux/prctl.h.
_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(slots=True)
class Ended:
    """How a program ended, and the last lines of what it said.

    `code` is its exit code, negative for a signal. `silent` says that it was
    ended because it did nothing for too long. `fed_bytes` is what it took of
    the source; `source_fault` is what kept the rest from it.
    """

    code: int
    lines: list[str]
    silent: bool = False
    fed_bytes: int = 0
    source_fault: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds: for a sign of life, and for an orderly end.

    A drive that is let go in the middle may need minutes to close what it has
    begun; cut off before, it may have to be switched off.
    """

    silence_s: float = 180.0
    ending_s: float = 240.0


def run_watched(
    words: Sequence[str],
    *,
    source: Iterable[bytes] | None = None,
    on_line: Callable[[str], object] = bool,
    on_wait: Callable[[int], object] = bool,
    is_alive: Callable[[str], bool] = bool,
    patience: Patience = Patience(),
) -> Ended:
    """Run a program to its end.

    Parameters
    ----------
    words : sequence of str
        The program's path and its arguments.
    source : iterable of bytes, optional
        Goes to its standard input, from a thread of its own.
    on_line : callable
        Gets each line of what it says, of both outputs.
    on_wait : callable
        Called several times a second with the bytes that were fed; may raise.
    is_alive : callable
        Tells of a line whether it is a sign of life. What was fed always is.
    patience : Patience
        When to give up.

    Returns
    -------
    Ended
        Also where the program failed.

    Raises
    ------
    BaseException
        What `on_line` and `on_wait` raise, after the program was ended.
    """
    with _Running(words, source is not None, patience) as running:
        if source is not None:
            running.feed(source)
        heard_at, fed = time.monotonic(), 0
        while (line := running.next_line()) is not None:
            now = time.monotonic()
            if running.fed_bytes != fed or (line and is_alive(line)):
                heard_at, fed = now, running.fed_bytes
            if line:
                on_line(line)
            on_wait(running.fed_bytes)
            if now - heard_at > patience.silence_s:
                running.end()
                return running.ended(silent=True)
        running.wait()
        return running.ended()


@dataclass
class _Running:
    words: Sequence[str]
    is_fed: bool
    patience: Patience
    fed_bytes: int = 0
    source_fault: BaseException | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))

    def __enter__(self) -> _Running:
        environment = {
            name: value
            for name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
            if (value := os.environ.get(name))
        }
        self._stopped = threading.Event()
        self._said: queue.Queue[str | None] = queue.Queue(maxsize=_KEPT_LINES)
        self._feeder: threading.Thread | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *self.words],
            stdin=subprocess.PIPE if self.is_fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment | {"LC_ALL": "C"},
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, name="drive-says", daemon=True)
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        # A thread that cannot be got rid of keeps its pipe: to close that would wait for it.
        for pipe, thread in (
            (self._process.stdin, self._feeder),
            (self._process.stdout, self._listener),
        ):
            if pipe is not None and not (thread is not None and thread.is_alive()):
                with suppress(OSError):
                    pipe.close()

    def feed(self, source: Iterable[bytes]) -> None:
        """Start to feed it."""
        self._feeder = threading.Thread(
            target=self._feed, args=(source,), name="drive-takes", daemon=True
        )
        self._feeder.start()

    def next_line(self) -> str | None:
        """Return what it says next; empty for nothing new, None when it has said all."""
        try:
            line = self._said.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            return ""
        if line:
            self.lines.append(line)
        return line

    def wait(self) -> None:
        """Wait until it has ended, which it is about to do."""
        deadline = time.monotonic() + self.patience.ending_s
        while not self._has_exited() and time.monotonic() < deadline:
            self._stopped.wait(0.01)
        self.end()

    def end(self) -> None:
        """End it, in the way that lets it put the drive in order first; then by force.

        It may wait for more of its source, so that is closed: not by force,
        but by its feeder, who may be in the middle of writing.
        """
        self._stopped.set()
        try:
            if not self._has_exited():
                self._signal(signal.SIGTERM)
            deadline = time.monotonic() + self.patience.ending_s
            while not self._has_exited() and time.monotonic() < deadline:
                self._drain()
        finally:
            # Whatever it had started itself goes too, and the pipes with it. Not
            # yet waited for, it still owns the number of its group.
            if self._process.returncode is None:
                self._signal(signal.SIGKILL)
            # One that the kernel holds within a command of the drive cannot be
            # ended by anybody; it goes when the drive answers.
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_DEAD_S)
        deadline = time.monotonic() + _DEAD_S
        while self._listener.is_alive() and time.monotonic() < deadline:
            self._drain()
        if self._feeder is not None:
            self._feeder.join(_DEAD_S)

    def ended(self, *, silent: bool = False) -> Ended:
        """Return how it ended."""
        code = self._process.returncode
        if code is None:
            code = -signal.SIGKILL
        return Ended(code, list(self.lines), silent, self.fed_bytes, self.source_fault)

    def _has_exited(self) -> bool:
        """Tell whether it has ended, and leave its number its own."""
        if self._process.returncode is not None:
            return True
        looking = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, looking) is not None

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _drain(self) -> None:
        with suppress(queue.Empty):
            line = self._said.get(timeout=0.05)
            if line:
                self.lines.append(line)

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - it was asked for
        with suppress(OSError, ValueError):
            while raw := stream.readline(_LONGEST_LINE):
                text = raw.decode("utf-8", errors="replace").strip()
                for line in text.split("\r"):
                    if line:
                        self._said.put(line)
        self._said.put(None)

    def _feed(self, source: Iterable[bytes]) -> None:
        stream = self._process.stdin
        assert stream is not None  # noqa: S101 - it was asked for
        try:
            for chunk in source:
                if self._stopped.is_set():
                    break
                stream.write(chunk)
                self.fed_bytes += len(chunk)
        except BrokenPipeError:
            pass  # It ended, and says itself why.
        except BaseException as fault:
            self.source_fault = fault
        finally:
            with suppress(OSError):
                stream.close()
