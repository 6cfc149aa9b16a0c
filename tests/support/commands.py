"""`mediastation` as processes of their own, quick to start often.

A nursery imports the program once and forks a child for each command; the child
runs the very command, and dies alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest

Ask = Callable[..., tuple[int, dict[str, Any]]]
"""Runs a command with --json; gives its exit code and its object."""
Say = Callable[..., tuple[int, str, str]]
"""Runs a command for a person; gives its exit code, standard output and standard error."""

NURSERY = """
import os, signal, sys
import mediastation.cli.app, mediastation.cli.commands
import mediastation.station.exporting.export, mediastation.station.serving.serve
import mediastation.station.intake.import_medium
from mediastation.cli.app import run
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
for line in sys.stdin:
    words = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log = os.open(words[0], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = run(words[1:])
        sys.stdout.flush()
        os._exit(code or 0)
    print(child, flush=True)
    sys.stdin.readline()
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class CommandNursery:
    """Runs one command at a time; `start` gives its process number, `end` its exit code."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> CommandNursery:
        return self

    def __exit__(self, *_: object) -> None:
        """Close its input, which ends it."""
        self._input.close()
        self._output.close()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()

    @property
    def _input(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _output(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def start(self, log: Path, *words: object) -> int:
        """Start a command that writes what it says to `log`; return its process number."""
        self._input.write("\t".join(map(str, (log, *words))) + "\n")
        self._input.flush()
        return int(self._output.readline())

    @staticmethod
    def signal_later(child: int, number: signal.Signals, seconds: float) -> threading.Timer:
        """Start a timer that signals `child`; one that has ended meanwhile is left in peace."""
        handle = os.pidfd_open(child)

        def send() -> None:
            # By its handle: the number may be another process's by then.
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            os.close(handle)

        timer = threading.Timer(seconds, send)
        timer.start()
        return timer

    def end(self) -> int:
        """Wait for the command and return its exit code; negative for a signal."""
        self._input.write("end\n")
        self._input.flush()
        return int(self._output.readline())


def in_mount_namespace() -> list[str]:
    """The words in front of a command that may mount; skip where that is not allowed."""
    words = ["unshare", "--map-root-user", "--mount"]
    probe = "mount -t tmpfs none /mnt"
    try:
        subprocess.run([*words, "sh", "-c", probe], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no mount namespaces here")
    return words
