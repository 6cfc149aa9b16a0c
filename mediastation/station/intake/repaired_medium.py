"""How an imported medium can be written anew: asked of the catalog and of the import's survey."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mediastation.catalog.job_selection import iter_selection
from mediastation.conformance.check_set import SetMember
from mediastation.conformance.fits import check_profiles
from mediastation.importing.repaired_set import RepairedSet, plan_repaired_set
from mediastation.importing.survey import Survey
from mediastation.station.intake.kept_names import require_survey
from mediastation.station.station import Station


def plan_medium_anew(
    station: Station,
    job: int,
    profiles: Sequence[str],
    *,
    several_patients: bool = False,
    confirm_identity: bool = False,
) -> RepairedSet:
    """Choose the profile for what `job` imported, and say which names stay.

    Nothing is written: an export of ``import:JOB`` under that profile, with
    `names_of` the job, does that.

    Parameters
    ----------
    profiles : sequence of str
        The profiles in question, the best first
        (`mediastation.importing.repaired_set`).
    several_patients, confirm_identity : bool
        As for an export.

    Raises
    ------
    ConfigError
        If `job` is no import, or what it found is no longer here.
    """
    path = require_survey(station, job)
    wanted = [station.profiles[name] for name in profiles if name in station.profiles]
    fits = check_profiles(
        _members(station, job),
        wanted,
        several_patients=several_patients,
        confirm_identity=confirm_identity,
        keep_tiff_preamble=station.settings.keep_tiff_preamble,
    )
    with Survey(path) as survey:
        files = ((file.sop_instance_uid, file.path) for file in survey)
        return plan_repaired_set(fits, files, profiles, f"import {job}")


def _members(station: Station, job: int) -> Iterator[SetMember]:
    for entry in iter_selection(station.catalog, job):
        subject = f"{entry.header.sop_instance_uid} (sha256:{entry.sha256[:16]})"
        yield SetMember(subject, entry.header, entry.data_sha256, entry.size_bytes)
