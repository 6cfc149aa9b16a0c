"""Where an import keeps what it found: its survey and the copy of a disc, in the job's folder.

An import that was stopped is gone on with by the next one of the same medium:
what was looked at is not looked at again, what was kept is not kept twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, sync_folder
from mediastation.errors import ConfigError
from mediastation.importing.disc_copy import holds_other_disc
from mediastation.importing.survey import Survey
from mediastation.model.finding import Finding, note
from mediastation.model.job import JobRecord, JobState
from mediastation.station.process_lock import hold_lock
from mediastation.station.station import Station

SURVEY_NAME = "survey.sqlite"
DISC_NAME = "disc.img"
SCRATCH_NAME = "scratch"
_FINISHED = "finished"
_DAY_S = 86_400
_SIDE_FILES = ("", "-wal", "-shm")


@contextmanager
def hold_medium(station: Station, medium: Path) -> Iterator[None]:
    """Hold the lock of a medium while it is imported; it goes with the process.

    Raises
    ------
    ConfigError
        If another import holds it.
    """

    def refuse(holder: str) -> ConfigError:
        return ConfigError(
            f"{medium} is being imported by process {holder}.",
            "Wait until that is done; `mediastation jobs` shows how far it is.",
        )

    name = hashlib.sha256(os.fsencode(os.path.realpath(medium))).hexdigest()[:16]
    with hold_lock(station.home / "imports" / f"{name}.lock", refuse):
        yield


def survey_path(station: Station, job: int) -> Path:
    """Return where the survey of an import lies, or would lie."""
    return station.jobs_folder / str(job) / SURVEY_NAME


def open_survey(station: Station, job: int, medium: Path) -> tuple[Survey, int]:
    """Return the survey of `job`, with what an earlier stopped import of `medium` found.

    Returns
    -------
    Survey, int
        And the number of the import that is gone on with; 0 if it begins here.
    """
    folder = station.job_folder(job)
    earlier = 0
    if not (folder / SURVEY_NAME).exists():
        earlier = _take_over(station, job, medium, folder)
    survey = Survey(folder / SURVEY_NAME)
    mark = _mark_of(medium)
    if survey.fact("mark", mark) != mark:
        # The image or device was exchanged under its name.
        survey.close()
        _remove(folder)
        survey, earlier = Survey(folder / SURVEY_NAME), 0
    survey.set_facts({"mark": mark})
    return survey, earlier


def finish_survey(survey: Survey) -> None:
    """Mark that the medium was taken in, and drop what only that needed: a disc's copy with it."""
    survey.set_facts({_FINISHED: "1"})
    survey.shrink()
    with disk_trouble_told(survey.path.parent):
        for path in _copies(survey.path.parent):
            path.unlink(missing_ok=True)


def drop_unused(survey: Survey) -> None:
    """Close the survey of an import; leave nothing of one that stopped before it knew anything."""
    folder = survey.path.parent
    is_unused = not survey.count() and not _copies(folder)
    survey.close()
    if is_unused:
        _remove(folder)
        shutil.rmtree(folder / SCRATCH_NAME, ignore_errors=True)
        with suppress(OSError):
            folder.rmdir()


def clear_stopped(station: Station, now: float) -> Iterator[Finding]:
    """Remove what imports left that were stopped long ago and that nobody went on with.

    It is patients' data, and of a disc as much as there was on it.
    """
    limit = now - station.settings.stopped_import_days * _DAY_S
    for record in station.jobs.stopped("import", before=limit):
        folder = station.jobs_folder / str(record.id)
        if not (folder / SURVEY_NAME).exists() or _is_elsewhere(record):
            continue
        with suppress(ConfigError), hold_medium(station, Path(str(record.request.get("medium")))):
            with Survey(folder / SURVEY_NAME) as survey:
                if survey.fact(_FINISHED):
                    continue
            with disk_trouble_told(folder):
                for path in _copies(folder):
                    path.unlink(missing_ok=True)
                _remove(folder)
            yield note(
                "left-over",
                str(folder),
                f"Job {record.id} was stopped {station.settings.stopped_import_days} days ago or "
                "more; what it had copied of its medium was removed.",
                "What it had taken into the catalog stays.",
            )


def clear_scratch(station: Station) -> Iterator[Finding]:
    """Remove the plain copies that a killed import was comparing; no other one needs them."""
    for folder in sorted(station.jobs_folder.glob(f"*/{SCRATCH_NAME}")):
        number = folder.parent.name
        record = station.jobs.get(int(number), station.clock.now()) if number.isdecimal() else None
        medium = record.request.get("medium") if record and record.kind == "import" else None
        if record is None or not medium or _is_elsewhere(record):
            continue
        with suppress(ConfigError), hold_medium(station, Path(str(medium))):
            shutil.rmtree(folder, ignore_errors=True)
            said = f"Job {number} was killed; copies that it was comparing were removed."
            yield note("left-over", str(folder), said)


def _is_elsewhere(record: JobRecord) -> bool:
    """Tell whether a job ran on another host, whose locks are not seen here."""
    return record.worker.rpartition(":")[0] not in ("", socket.gethostname())


def _copies(folder: Path) -> list[Path]:
    """Return the copy of a disc in a job's folder, half made or whole, and its journal."""
    return sorted((*folder.glob("disc.*"), *folder.glob(".disc.*")))


def _take_over(station: Station, job: int, medium: Path, folder: Path) -> int:
    """Move what the newest stopped import of `medium` left into `folder`."""
    words = json.dumps({"medium": str(medium)})[1:-1]
    for record in station.jobs.with_request("import", words):
        # The lock of the medium is held here: no other process of this host is at it.
        waits = record.state in (JobState.QUEUED, JobState.WAITING)
        left = station.jobs_folder / str(record.id)
        if record.id >= job or waits or not (left / SURVEY_NAME).exists():
            continue
        if _is_elsewhere(record):
            continue
        # That one is gone on with when its own disc is put in again.
        if medium.is_block_device() and holds_other_disc(medium, left / DISC_NAME):
            continue
        shutil.rmtree(left / SCRATCH_NAME, ignore_errors=True)
        with Survey(left / SURVEY_NAME) as survey:
            if survey.fact(_FINISHED):
                continue
        with disk_trouble_told(station.home):
            # The survey last: without it nobody looks for the rest again.
            for path in _copies(left):
                path.replace(folder / path.name)
            for name in reversed(_SIDE_FILES):
                with suppress(FileNotFoundError):
                    (left / f"{SURVEY_NAME}{name}").replace(folder / f"{SURVEY_NAME}{name}")
            sync_folder(folder)
            sync_folder(left)
        return record.id
    return 0


def _mark_of(medium: Path) -> str:
    """Return what tells an image from another one of the same name; folders are told by file."""
    with suppress(OSError):
        status = medium.stat()
        if medium.is_file():
            return f"{status.st_size} {status.st_mtime_ns}"
    return ""


def _remove(folder: Path) -> None:
    for name in _SIDE_FILES:
        (folder / f"{SURVEY_NAME}{name}").unlink(missing_ok=True)
