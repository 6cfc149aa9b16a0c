"""The folder that envelopes lie in until their medium is made, and who removes it after a kill."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, note
from mediastation.station.job import Job
from mediastation.station.recording.medium_record import is_elsewhere
from mediastation.station.serving.dead_jobs import is_dead
from mediastation.station.station import Station

SEALED = "sealed"
"""The folder of envelopes in that of their volume; it goes when the medium is made."""
SEALING = "sealing"
"""Of a job's result: the host on which envelopes lie in the folders of its volumes."""


def announce_envelopes(job: Job) -> None:
    """Note in the job that it is about to make envelopes, before any of them lies there."""
    job.result = {**job.result, SEALING: socket.gethostname()}
    job.save_result()


def drop_envelopes(job: Job, folder: Path) -> None:
    """Remove the envelopes of the volume of `folder`: they are on its medium, or of no use."""
    shutil.rmtree(folder / SEALED, ignore_errors=True)
    job.result.pop(SEALING, None)


def settle_envelopes(station: Station) -> Iterator[Finding]:
    """Remove the envelopes of exports that were killed; nothing goes on with them."""
    for found in station.jobs.with_result("export", f'"{SEALING}": '):
        record = station.jobs.get(found.id, station.clock.now())
        if record is None or SEALING not in record.result or not is_dead(station, record):
            continue
        if is_elsewhere(station, str(record.result[SEALING])):
            continue
        folder = station.jobs_folder / str(record.id)
        places = [*folder.glob(SEALED), *folder.glob(f"*/{SEALED}")]
        for place in places:
            shutil.rmtree(place, ignore_errors=True)
        if any(place.exists() for place in places):
            continue  # whoever comes next tries again
        if places:
            yield note(
                "left-over",
                str(folder),
                f"Job {record.id} was killed while it was sealing; its envelopes were removed.",
            )
        result = {key: value for key, value in record.result.items() if key != SEALING}
        with suppress(MediaError):
            station.jobs.save_result(record.id, result)
