"""Export: from sources to a verified image, or to the reasons why not."""

from __future__ import annotations

from mediastation.catalog.selection import remember_selection
from mediastation.conformance.require import require_compress, require_role
from mediastation.errors import RefusedError
from mediastation.model.event import Listener, nobody
from mediastation.model.medium import Medium
from mediastation.model.profile import ApplicationProfile, Role
from mediastation.station.export_check import CheckedSet, check_selection
from mediastation.station.export_icons import make_icons
from mediastation.station.export_output import (
    check_output,
    choose_medium,
    output_kind,
    require_label,
)
from mediastation.station.export_partition import all_or_none, plan_volumes, require_place
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
    profile = station.find_profile(request.profile)
    require_role(profile, Role.CREATOR)
    require_compress(profile, request.compress_syntax)
    medium = choose_medium(request, profile)
    require_place(request, output_kind(request, medium))
    require_label(request)
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
    job.found(check_output(request, profile, medium))
    copies = prepare_selection(station, job, request, checked)
    result.transcoded = count_transcoded(checked, copies)
    icons = make_icons(station, job, request, profile, checked)
    plans = plan_volumes(station, job, request, checked, output_kind(request, medium))
    volumes = [
        build_file_set(station, job, request, profile, medium, checked, plan, copies, icons)
        for plan in plans
    ]
    with all_or_none(request, plans, result.volumes):
        for volume in volumes:
            written = write_volume(job, station, request, profile, medium, volume)
            result.volumes.append(written)
