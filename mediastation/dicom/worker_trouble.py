"""What is said of codec workers that die, hang, or never start."""

from __future__ import annotations

import signal

from mediastation.dicom.worker_messages import Task
from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error

_AGAIN = "Leave the instance out, or fetch it again from its source."


def cannot_start(why: str) -> MediaError:
    """Return what stops the work where no worker ever gets as far as a task."""
    return MediaError(
        f"The processes that decode pixels do not start: {why}.",
        "Look at the limits of memory and processes on this computer, and at the installation.",
    )


def codec_crashed(task: Task, how: str) -> Finding:
    """Return what is wrong with an instance that workers die over; `how` tells of the last."""
    if how.endswith(signal.SIGKILL.name):
        return error(
            "codec-crashed",
            _subject(task),
            "the processes that decoded it were killed, one after the other",
            "The system does so when memory runs out: end other programs and repeat the command. "
            f"If that does not help: {_AGAIN[0].lower()}{_AGAIN[1:]}",
        )
    return error(
        "codec-crashed", _subject(task), f"the process that decoded it {how} over it", _AGAIN
    )


def codec_hung(task: Task) -> Finding:
    """Return what is wrong with an instance that a worker does not get on with."""
    return error(
        "codec-hung",
        _subject(task),
        "the process that decoded it made no progress any more, and was ended",
        _AGAIN,
    )


def _subject(task: Task) -> str:
    return task.header.sop_instance_uid or str(task.source)
