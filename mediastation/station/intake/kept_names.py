"""The File IDs that the instances of an outside medium came with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mediastation.errors import ConfigError
from mediastation.importing.repaired_set import plan_file_ids
from mediastation.importing.survey import Survey
from mediastation.model.file_id import FileId
from mediastation.model.repair import RepairLog
from mediastation.station.intake.folder import survey_path
from mediastation.station.station import Station


def kept_file_ids(station: Station, job: int) -> Mapping[str, FileId]:
    """Return by SOP Instance UID the names that what `job` imported can keep; none for job 0.

    Raises
    ------
    ConfigError
        If `job` is no import, or what it found is no longer here.
    """
    if not job:
        return {}
    with Survey(require_survey(station, job)) as survey:
        return plan_file_ids(((file.sop_instance_uid, file.path) for file in survey), RepairLog())


def require_survey(station: Station, job: int) -> Path:
    """Return where the survey of an import lies; `ConfigError` if there is none."""
    path = survey_path(station, job)
    if not path.exists():
        raise ConfigError(
            f"Job {job} imported nothing, or what it found is no longer here.",
            "`mediastation jobs` shows the imports; import the medium again.",
        )
    return path
