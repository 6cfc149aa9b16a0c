"""The inside of a worker process: it restrains itself, then does one task after the other.

Nothing here runs in the caller. Codecs are loaded here alone, behind limits,
and whatever they do to the process ends with it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mediastation.dicom.worker_messages import (
    Answer,
    Begun,
    Delivered,
    PrepareTask,
    PreviewTask,
    Refused,
    Task,
    Trouble,
    Unfit,
    Unframer,
    Working,
    decode_task,
    encode_answer,
    framed,
)
from mediastation.errors import MediaError
from mediastation.model.finding import error

HEARTBEAT_S = 1.0
MAX_TASK_BYTES = 1 << 28
"""A header holds a few megabytes (`mediastation.dicom.limits`)."""

_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_LIFELINE = 0

Beat = Callable[[int, int], None]
Perform = Callable[[Task, Beat], Answer]


def main(perform: Perform | None = None) -> None:
    """Serve the caller until it closes the channel; the process's whole life.

    The command line has the channel's descriptor and the address space in
    bytes. `perform` stands in for the codecs in tests.
    """
    channel = socket.socket(fileno=int(sys.argv[1]))
    arm_lifeline()
    restrain(int(sys.argv[2]))
    if perform is None:
        try:
            perform = load()
        except Exception as fault:
            _send(channel, Unfit(f"{type(fault).__name__}: {fault}"))
            return
    serve(channel, perform)


def arm_lifeline() -> None:
    """Have the kernel end this process when its caller is gone.

    Standard input is a pipe that the caller never writes to. When its other
    end closes, the kernel sends SIGIO, whose default is death: that needs
    neither a thread nor the interpreter, which a decoder may never let go of.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(_LIFELINE, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(_LIFELINE, fcntl.F_GETFL)
    fcntl.fcntl(_LIFELINE, fcntl.F_SETFL, flags | os.O_ASYNC)
    looking = select.poll()
    looking.register(_LIFELINE, select.POLLIN)
    if looking.poll(0):  # it was gone before
        sys.exit(0)


def restrain(memory_bytes: int) -> None:
    """Take away what a decoder has no use for.

    Signals for the caller's group are the caller's to act on. When memory runs
    out, this process is the one to go. No core is dumped, neither to a file
    nor to a program that collects them: it would hold a patient's pixels.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    for what, wanted in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(what, (limit, limit))
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def load() -> Perform:
    """Load the codecs and return what works with them."""
    from mediastation.dicom.icon import CannotRender, render_icon  # noqa: PLC0415
    from mediastation.dicom.prepare import CannotPrepare, prepare_instance  # noqa: PLC0415
    from mediastation.dicom.preview import render_preview  # noqa: PLC0415

    def perform(task: Task, beat: Beat) -> Answer:
        try:
            if isinstance(task, PrepareTask):
                return Delivered(
                    prepare_instance(
                        task.source, task.output, task.header, target=task.target, progress=beat
                    )
                )
            if isinstance(task, PreviewTask):
                return Delivered(
                    render_preview(
                        task.source,
                        task.header,
                        rows=task.rows,
                        columns=task.columns,
                        frame=task.frame,
                        change=task.change,
                    )
                )
            return Delivered(
                render_icon(task.source, task.header, rows=task.rows, columns=task.columns)
            )
        except (CannotPrepare, CannotRender) as refusal:
            return Refused(refusal.finding)

    return perform


def serve(channel: socket.socket, perform: Perform) -> None:
    """Answer each task that comes through `channel`, until it closes.

    A process whose memory has grown by a quarter of its limit ends after its
    answer: what codecs leak must not take the room of later tasks.
    """
    unframer = Unframer(MAX_TASK_BYTES)
    room = resource.getrlimit(resource.RLIMIT_AS)[0]
    most = _address_space_bytes() + room // 4 if room != resource.RLIM_INFINITY else sys.maxsize
    while data := channel.recv(1 << 16):
        for body in unframer.feed(data):
            task = decode_task(body)
            _send(channel, Begun())
            _send(channel, _answer(task, perform, _beat(channel)))
            if _address_space_bytes() > most:
                return


def _answer(task: Task, perform: Perform, beat: Beat) -> Answer:
    subject = task.header.sop_instance_uid or str(task.source)
    try:
        return perform(task, beat)
    except MediaError as fault:
        return Trouble(fault.message, fault.hint)
    except MemoryError:
        return Refused(
            error(
                "codec-memory",
                subject,
                "its pixels need more memory than one decoder may have",
                "Export it under a profile that carries it as it is encoded.",
            )
        )
    except BaseException as fault:  # a decoder's panics are no Exception
        return Refused(
            error(
                "codec-crashed",
                subject,
                f"the decoder failed over it: {type(fault).__name__}: {fault}",
                "Fetch the instance again, or leave it out; report it to whoever looks after "
                "the station.",
            )
        )


def _beat(channel: socket.socket) -> Beat:
    told = time.monotonic()

    def beat(done: int, total: int) -> None:
        nonlocal told
        if (now := time.monotonic()) - told >= HEARTBEAT_S:
            told = now
            _send(channel, Working(done, total))

    return beat


def _send(channel: socket.socket, answer: Answer) -> None:
    try:
        channel.sendall(framed(encode_answer(answer)))
    except OSError:  # nobody is left to be told
        os._exit(0)


def _address_space_bytes() -> int:
    pages = Path("/proc/self/statm").read_bytes().split()[0]
    return int(pages) * resource.getpagesize()
