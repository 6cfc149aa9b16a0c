"""Export: from sources to verified media, or to the reasons why not."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

from mediastation.catalog.job_selection import remember_selection
from mediastation.conformance.require import require_compress, require_role
from mediastation.errors import DecisionError, RefusedError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, Severity
from mediastation.model.profile import Role
from mediastation.model.secrecy import Password
from mediastation.station.exporting.check import check_selection
from mediastation.station.exporting.distribution import make_volumes
from mediastation.station.exporting.follow import submit_burns
from mediastation.station.exporting.icons import make_icons
from mediastation.station.exporting.include import read_included
from mediastation.station.exporting.output import check_output, require_label, require_moment
from mediastation.station.exporting.partition import all_or_none, require_place
from mediastation.station.exporting.prepare import count_transcoded, prepare_selection
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.exporting.resumed import as_result, finished_volumes
from mediastation.station.exporting.target import choose_target
from mediastation.station.exporting.volume import keep_finished, write_volume
from mediastation.station.exporting.work import Work
from mediastation.station.gather import gather
from mediastation.station.intake.kept_names import kept_file_ids
from mediastation.station.job import Job
from mediastation.station.sealing.password_rules import require_secrecy
from mediastation.station.sealing.plan import describe_sealing, prepare_sealing, require_recipients
from mediastation.station.sealing.same import require_same_sealing
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished


def export(
    station: Station,
    request: ExportRequest,
    listener: Listener = nobody,
    *,
    password: Password | None = None,
) -> ExportResult:
    """Check, prepare, build the File-sets, write the media and reread them.

    What the data forbid is in the result (`stopped`, and the findings); no
    medium exists then. Everything that was decided stands in the job table.
    `password` is what opens a sealed medium, if the request says that one does.

    Raises
    ------
    ConfigError
        If the request itself is wrong.
    SecrecyError
        If nobody could open what is sealed, or a certificate, the site's key
        or the password is not fit for it.
    MediaError
        If a disk fails or is full.
    """
    profile = station.find_profile(request.profile)
    require_role(profile, Role.CREATOR)
    require_compress(profile, request.compress_syntax)
    target = choose_target(request, profile)
    require_recipients(request, profile)
    settled = [] if request.plan_only else settle_unfinished(station)
    finished = finished_volumes(station)
    require_place(station, request, target.format, finished)
    require_label(request)
    require_moment(target.format, station.clock.moment())
    included = read_included(request.include)
    station.require_current_index()
    job = station.job("export", request.as_dict(), listener)
    job.result = as_result(finished)
    work = Work(station, job, request, profile, target, included=included, finished=finished)
    result = ExportResult(job.id, profile.name, findings=job.findings)
    try:
        with job:
            try:
                job.found(settled)
                work.sealing = prepare_sealing(station, request, profile, password)
                if work.sealing is not None:
                    require_same_sealing(station, work.sealing, finished)
                _run(work, result)
            except DecisionError as fault:
                result.question = fault.question
                raise
            finally:
                result.refused = work.checked.refused
                if not job.goes_on:
                    # What stops it before anything is written leaves what is finished: whoever
                    # answers, or has it begun again, goes on with that.
                    kept = {} if result.volumes else as_result(finished)
                    job.result = result.as_dict(with_findings=False) | kept
                if request.plan_only:
                    # Nobody needs the directory and pages of what was not made.
                    shutil.rmtree(station.jobs_folder / str(job.id), ignore_errors=True)
    except RefusedError as fault:
        result.stopped, result.hint = fault.message, fault.hint
    return result


def _require_fitting(job: Job, findings: Iterable[Finding]) -> None:
    """Tell what is otherwise than asked for; raise `RefusedError` where that forbids to go on."""
    findings = tuple(findings)
    job.found(findings)
    if wrong := [finding for finding in findings if finding.severity is Severity.ERROR]:
        raise RefusedError(f"Nothing was written. {wrong[0].message}", wrong, wrong[0].hint)


def _run(work: Work, result: ExportResult) -> None:
    station, job, request = work.station, work.job, work.request
    entries, work.checked.refused = gather(station, job, request.sources)
    total = remember_selection(station.catalog, job.id, entries)
    check_selection(station, job, request, work.profile, total, work.checked)
    _require_fitting(job, check_output(request, work.profile, work.target))
    if work.sealing is not None:
        require_secrecy(work)
        included = work.included.folders
        job.found(describe_sealing(work.sealing, work.target.medium.name, included))
    else:
        # Names from elsewhere may tell whose the files are.
        work.file_ids = kept_file_ids(station, request.names_of)
    work.copies = prepare_selection(station, job, request, work.checked)
    result.transcoded = count_transcoded(work.checked, work.copies)
    work.icons = make_icons(station, job, request, work.profile, work.checked)
    volumes, result.media = make_volumes(work)
    if request.plan_only:
        result.plan = [
            {
                "volume": volume.plan.number,
                "studies": volume.contents.studies(volume.also_on),
            }
            for volume in volumes
            if volume.contents is not None
        ]
    with all_or_none(work, [volume.plan for volume in volumes], result.volumes):
        for volume in volumes:
            result.volumes.append(keep_finished(work, volume) or write_volume(work, volume))
    if request.burn_on and not request.plan_only:
        result.burns = submit_burns(station, job.id, request, result.volumes)
