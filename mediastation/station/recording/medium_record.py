"""A medium's way to its name: told to the job, recorded in the ledger, named, or withdrawn.

The ledger has a medium before it has its name, so that none can be taken away
unrecorded. What a process that is killed in between leaves is settled by
`mediastation.station.unfinished`, which reads what is noted here.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mediastation.errors import MediaError, MediastationError
from mediastation.model.finding import error
from mediastation.model.ledger import LedgerHead
from mediastation.station.job import Job
from mediastation.station.recording.ledger import record_withdrawn
from mediastation.station.station import Station

WRITING = "writing"
"""Of a job's result: the output that is being written, and whether onto a mounted medium."""
ENTRIES = "entries"
"""Of a job's result: the ledger's entries of media that have their names."""


def announce(job: Job, output: Path) -> None:
    """Note in the job what it is about to write, before any byte of it lies anywhere."""
    place = {
        "output": str(output.absolute()),
        "in_place": os.path.ismount(output),
        "host": socket.gethostname(),
    }
    job.result = {**job.result, WRITING: place}
    job.save_result()


def is_elsewhere(station: Station, host: str) -> bool:
    """Tell whether the paths of what was written on `host` are those of another station.

    One that has its catalog for itself may be called otherwise by now.
    """
    return station.catalog.is_shared and host not in {"", socket.gethostname()}


@contextmanager
def named(station: Station, job: Job, head: LedgerHead) -> Iterator[None]:
    """Give the medium of `head` its name in this block; if that fails, the entry is withdrawn."""
    try:
        yield
    except BaseException as fault:
        withdraw(station, job, head, str(fault) or type(fault).__name__, fault)
        raise
    job.result.pop(WRITING, None)
    job.result[ENTRIES] = [*job.result.get(ENTRIES, []), head.count]
    # The medium is there. A disk that refuses this is told when the job ends.
    with suppress(MediaError):
        job.save_result()


def withdraw(
    station: Station, job: Job, head: LedgerHead, reason: str, fault: BaseException
) -> None:
    """Withdraw the entry of `head` because of `fault`, which the caller raises again.

    Where the ledger fails as well, `fault` stays what is raised; that the entry
    still stands is a finding of the job, and is said with the fault.
    """
    try:
        record_withdrawn(station, job.id, head, reason)
    except MediastationError as other:
        told = (
            f"Entry {head.count} of the ledger could not be withdrawn: {other.message.rstrip('.')}."
        )
        job.found(
            [
                error(
                    "not-withdrawn",
                    f"entry {head.count}",
                    f"{told} It tells of what did not come to pass: {reason}",
                    "The next command that writes withdraws it, when the ledger can be written.",
                )
            ]
        )
        fault.add_note(told)
        if isinstance(fault, MediastationError):
            fault.hint = f"{fault.hint} {told}".strip()


def forget_names(job: Job) -> None:
    """Note that media which had their names are about to lose them again."""
    job.result.pop(ENTRIES, None)
    with suppress(MediaError):
        job.save_result()
