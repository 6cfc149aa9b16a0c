"""`mediastation serve` as processes of their own, quick to start often.

A nursery imports the program once and forks a child for each `serve`; the child
runs the very command, and dies alone.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_NURSERY = """
import os, signal, sys
import mediastation.cli.app, mediastation.cli.commands, mediastation.station.serving.serve
from mediastation.cli.app import run
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
child = 0
for line in sys.stdin:
    word = line.split()[0]
    if word == "start":
        child = os.fork()
        if child == 0:
            log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 2)
            os.close(0)
            code = run(["--home", sys.argv[1], "serve", "--port", "0"])
            sys.stdout.flush()
            os._exit(code or 0)
    else:
        os.kill(child, signal.SIGKILL if word == "kill" else signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)
        child = 0
if child:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


class Nursery:
    """Starts and ends one `serve` at a time over one home."""

    def __init__(self, home: Path, log: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY, str(home), str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        """Close its input: it kills the child that still runs, and ends."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
            self._process.wait()

    def _say(self, word: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def start(self) -> tuple[str, int]:
        """Start `serve` and return the address that it says it listens on."""
        line = self._say("start")
        assert line.startswith("listening on "), line
        address, _, port = line.removeprefix("listening on ").rpartition(":")
        return address, int(port)

    def kill(self) -> None:
        """Kill it as a power cut would (SIGKILL)."""
        assert self._say("kill") == "ended -9"

    def terminate(self) -> int:
        """End it with SIGTERM and return its exit code."""
        return int(self._say("terminate").removeprefix("ended "))
