"""What a worker does in tests instead of decoding: the source's name says how it goes wrong."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

from mediastation.dicom import codec_worker
from mediastation.dicom.codec_worker import Beat
from mediastation.dicom.prepared import Prepared
from mediastation.dicom.worker_messages import Answer, Delivered, PrepareTask, Task
from mediastation.errors import MediaError


def main() -> None:
    """Serve as a worker that behaves as it is told to."""
    codec_worker.main(perform)


def main_that_cannot_load() -> None:
    """End before any task, as an installation without codecs does."""
    raise SystemExit(3)


def perform(task: Task, beat: Beat) -> Answer:
    """Write the number of this process to the output, then do what the source's name says."""
    assert isinstance(task, PrepareTask)
    task.output.write_text(str(os.getpid()))
    how, _, argument = task.source.name.partition("=")
    if how == "abort":
        os.abort()
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "kill-once":
        flag = task.source.with_name(f"{argument}.killed")
        if not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    elif how == "abort-once":
        flag = task.source.with_name(f"{argument}.aborted")
        if not flag.exists():
            flag.touch()
            os.abort()
    elif how == "hang":
        # As a decoder does that holds the interpreter's lock.
        ctypes.PyDLL(None).pause()
    elif how == "memory":
        bytearray(1 << 40)
    elif how == "raise":
        raise ValueError("unheard of")
    elif how == "full":
        raise MediaError("The disk is full.", "Free some space.")
    elif how == "babble":
        # The channel has the number that it has in the caller, however many files that holds.
        for number in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                os.write(int(number.name), b"\0\0\0\x02{}")
    elif how == "wait":
        gate = task.source.with_name(argument)
        with gate.open() as opened:  # a pipe: until somebody opens the other end
            opened.read()
    elif how == "beat":
        for done in range(3):
            beat(done, 3)
    elif how == "facts":
        facts = {
            "environment": dict(os.environ),
            "folder": str(Path.cwd()),
            "address space": resource.getrlimit(resource.RLIMIT_AS),
            "core": resource.getrlimit(resource.RLIMIT_CORE),
            "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
            "ignored": [
                number.name
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
                if signal.getsignal(number) is signal.SIG_IGN
            ],
            "terminal's session": os.getsid(0) != os.getpid(),
        }
        task.output.write_text(json.dumps(facts))
    return Delivered(Prepared((), os.getpid(), task.source.name))
