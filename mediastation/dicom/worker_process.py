"""One worker process as its caller sees it: started, given tasks, listened to, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

from mediastation.dicom.worker_messages import (
    MAX_ANSWER_BYTES,
    Answer,
    Unframer,
    decode_answer,
    framed,
)

REAP_S = 10.0
"""How long a killed process is waited for; one that hangs on a dead disk cannot be reaped."""

_READ_BYTES = 1 << 18
_INHERITED = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH")
# Each worker is one of many: threads of its own would only take others' cores.
_SET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class WorkerProcess:
    """A fresh interpreter that runs `entry` (``module:function``), and the channel to it.

    It stands in the root folder and in a session of its own, so that no
    terminal's signals reach it, and has nothing of the environment but what
    finds files and libraries.

    Parameters
    ----------
    entry : str
        What runs in it; `mediastation.dicom.codec_worker` says how.
    memory_bytes : int
        Its address space.

    Raises
    ------
    OSError
        If the system allows no further process.
    """

    def __init__(self, entry: str, memory_bytes: int) -> None:
        module, _, function = entry.partition(":")
        boot = f"import sys; sys.path[:] = sys.argv[3:]; from {module} import {function} as main"
        paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100 - "" is the folder here
        environment = {key: os.environ[key] for key in _INHERITED if key in os.environ}
        self._channel, theirs = socket.socketpair()
        try:
            words = [sys.executable, "-I", "-c", f"{boot}; main()"]
            self._process = subprocess.Popen(
                [*words, str(theirs.fileno()), str(memory_bytes), *paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment | _SET,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except BaseException:
            self._channel.close()
            raise
        finally:
            theirs.close()
        self._channel.setblocking(False)
        self._unframer = Unframer(MAX_ANSWER_BYTES)
        self._outgoing = bytearray()

    def fileno(self) -> int:
        """Return the channel's descriptor, for whoever waits for it."""
        return self._channel.fileno()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def is_behind(self) -> bool:
        """Whether part of what was sent still waits for room in the channel."""
        return bool(self._outgoing)

    def send(self, body: bytes) -> None:
        """Have `body` sent as far as the channel has room; `flush` sends the rest."""
        self._outgoing += framed(body)
        self.flush()

    def flush(self) -> None:
        """Send what waits; a process that is gone is found out by `receive`."""
        with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self._outgoing:
                del self._outgoing[: self._channel.send(self._outgoing)]

    def receive(self) -> Iterator[Answer]:
        """Yield the answers that have come, each before the next is looked at.

        Raises
        ------
        EOFError
            If there will be no more.
        MessageError
            If what came is no answer.
        """
        try:
            data = self._channel.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError
        for body in self._unframer.feed(data):
            yield decode_answer(body)

    def kill(self) -> None:
        """Kill the process without waiting for it."""
        self._process.kill()

    def end(self) -> str:
        """Kill the process if it lives, free what it held, and return how it had ended."""
        code: int | None = None
        self._process.kill()
        try:
            code = self._process.wait(REAP_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._channel.close()
            if self._process.stdin is not None:
                self._process.stdin.close()
        return _how_ended(code)


def _how_ended(code: int | None) -> str:
    if code is None:
        return "hangs beyond reach"
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"ended with {signal.Signals(-code).name}"
    except ValueError:
        return f"ended with signal {-code}"
