"""Export: from sources to a verified image, or to the reasons why not."""

from __future__ import annotations

from mediastation.catalog.selection import remember_selection
from mediastation.conformance.load import find_profile
from mediastation.errors import ConfigError, ProfileError, RefusedError
from mediastation.model.event import Listener, nobody
from mediastation.model.medium import Medium, require_medium
from mediastation.model.profile import ApplicationProfile
from mediastation.station.export_check import CheckedSet, check_selection
from mediastation.station.export_prepare import count_transcoded, prepare_selection
from mediastation.station.export_request import ExportRequest, ExportResult
from mediastation.station.export_volume import build_file_set, write_volume
from mediastation.station.gather import gather
from mediastation.station.job import Job
from mediastation.station.station import Station


def export(station: Station, request: ExportRequest, listener: Listener = nobody) -> ExportResult:
    """Check, prepare, build the File-set, write the image and reread it.

    What the data forbid is in the result (`stopped`, and the findings); no
    image exists then. Everything that was decided stands in the job table.

    Raises
    ------
    ConfigError
        If the request itself is wrong.
    MediaError
        If a disk fails or is full.
    """
    profile = find_profile(request.profile)
    medium = _medium(request, profile)
    _require_output(request)
    station.require_current_index()
    checked = CheckedSet()
    job = station.job("export", request.as_dict(), listener)
    result = ExportResult(job.id, profile.name, findings=job.findings)
    try:
        with job:
            try:
                _run(station, job, request, profile, medium, checked, result)
            finally:
                result.refused = checked.refused
                job.result = result.as_dict(with_findings=False)
    except RefusedError as fault:
        result.stopped, result.hint = fault.message, fault.hint
    return result


def _run(
    station: Station,
    job: Job,
    request: ExportRequest,
    profile: ApplicationProfile,
    medium: Medium,
    checked: CheckedSet,
    result: ExportResult,
) -> None:
    entries, refused_files = gather(station, job, request.sources)
    total = remember_selection(station.catalog, job.id, entries)
    checked.refused = refused_files
    check_selection(station, job, request, profile, total, checked)
    copies = prepare_selection(station, job, request, checked)
    result.transcoded = count_transcoded(checked, copies)
    volume = build_file_set(station, job, request, profile, checked, copies)
    result.volumes = [write_volume(job, station, request, profile, medium, volume)]


def _medium(request: ExportRequest, profile: ApplicationProfile) -> Medium:
    if not request.medium:
        return require_medium(profile.media[0])
    medium = require_medium(request.medium)
    if medium.name not in profile.media:
        raise ProfileError(
            f"{profile.name} is not written on {medium.name}.",
            f"Its media are {', '.join(profile.media)}.",
        )
    return medium


def _require_output(request: ExportRequest) -> None:
    if request.output.is_dir():
        raise ConfigError(
            f"{request.output} is a folder.", "Name the image file, such as patient.iso."
        )
    if not request.output.absolute().parent.is_dir():
        raise ConfigError(
            f"The folder {request.output.absolute().parent} does not exist.", "Make it first."
        )
