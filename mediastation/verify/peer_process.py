"""Run a program of somebody else on a medium that may be hostile: bounded, and gone afterwards."""

from __future__ import annotations

import io
import os
import resource
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from mediastation.errors import MediaError

_TICK_MS = 200
_MEMORY_BYTES = 4 << 30
_ERROR_BYTES = 1 << 16
_LINE_BYTES = 1 << 16
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "MTOOLSRC": "/dev/null",
    "MTOOLS_SKIP_CHECK": "1",
    "MTOOLS_NO_VFAT": "0",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a program may use.

    Parameters
    ----------
    seconds : float
        From its start to its end, by the clock on the wall.
    output_bytes : int
        What it may say, all in all.
    file_bytes : int
        The largest file that it may write in its folder.
    """

    seconds: float
    output_bytes: int
    file_bytes: int = 1 << 20


class PeerProcess(io.RawIOBase):
    """A running program; reading gives what it says, leaving the context ends it.

    Parameters
    ----------
    command : sequence of str
        The program and its words; no shell is involved.
    folder : Path
        Where it runs and may write.
    bounds : Bounds
        Past them it is killed, and reading raises `MediaError`.
    waiting : callable
        Is called now and then; what it raises ends the program.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        bounds: Bounds,
        waiting: Callable[[], None],
    ) -> None:
        super().__init__()
        self._name = Path(command[0]).name
        self._bounds = bounds
        self._waiting = waiting
        self._left = bounds.output_bytes
        self._looked_at = 0.0
        self._until = time.monotonic() + bounds.seconds
        self._errors = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in __exit__
        path = os.environ.get("PATH", os.defpath)
        try:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={"PATH": path, "HOME": str(folder), "TMPDIR": str(folder), **_ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as fault:
            self._errors.close()
            raise MediaError(f"{self._name} cannot be started: {fault.strerror}") from fault
        self._limit()
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)
        self._poll = select.poll()
        self._poll.register(self._output.fileno(), select.POLLIN)

    def _limit(self) -> None:
        cpu = int(self._bounds.seconds) + 1
        for what, most in (
            (resource.RLIMIT_AS, _MEMORY_BYTES),
            (resource.RLIMIT_CPU, cpu),
            (resource.RLIMIT_FSIZE, max(self._bounds.file_bytes, _ERROR_BYTES)),
            (resource.RLIMIT_CORE, 0),
        ):
            # It may be over already, or have less of its own.
            with suppress(OSError, ValueError):
                resource.prlimit(self._process.pid, what, (most, most))

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` with what the program says next; 0 once it is silent for good."""
        while True:
            self._look_up()
            if not self._poll.poll(_TICK_MS):
                continue
            try:
                piece = os.read(self._output.fileno(), min(len(buffer), 1 << 20))
            except BlockingIOError:
                continue
            self._left -= len(piece)
            if self._left < 0:
                raise MediaError(f"{self._name} says more than the medium can hold")
            buffer[: len(piece)] = piece
            return len(piece)

    def iter_lines(self) -> Iterator[str]:
        """Yield the lines that it says; what is longer than any name is cut into several."""
        stream = io.BufferedReader(self, 1 << 16)
        while line := stream.readline(_LINE_BYTES):
            yield line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        stream.detach()

    def finish(self) -> None:
        """Wait for its end; `MediaError` with its own words if it failed."""
        buffer = bytearray(1 << 16)
        while self.readinto(buffer):
            pass
        while self._process.poll() is None:
            self._look_up()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_TICK_MS / 1000)
        if self._process.returncode:
            raise MediaError(f"{self._name} failed: {self._last_words()}")

    def _look_up(self) -> None:
        """See whether it takes too long, or nobody wants it any more."""
        now = time.monotonic()
        if now > self._until:
            raise MediaError(f"{self._name} took longer than {self._bounds.seconds:.0f} s")
        if now - self._looked_at > _TICK_MS / 1000:
            self._looked_at = now
            self._waiting()

    def _last_words(self) -> str:
        self._errors.seek(0)
        said = self._errors.read(_ERROR_BYTES).decode("utf-8", "replace")
        lines = ["".join(c if c.isprintable() else " " for c in line) for line in said.splitlines()]
        words = [line.strip() for line in lines if line.strip()]
        code = self._process.returncode
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"{words[-1][:200]} ({ended})" if words else ended

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Its own session, so whatever it started goes with it.
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.close()
        self._errors.close()
