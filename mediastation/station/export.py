"""Export: from sources to a verified image, or to the reasons why not."""

from __future__ import annotations

import os
from pathlib import Path

from mediastation.catalog.selection import remember_selection
from mediastation.errors import ConfigError, MediaError, ProfileError, RefusedError
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

_STANDARD_IDENTIFIER_AT = 16 * 2048 + 1
"""Where an ISO 9660 image says that it is one (ECMA-119 6.7.1 and 8.1.2)."""
_LONGEST_NAME_BYTES = 240
"""File systems take 255; `.NAME.part` has to fit as well."""


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
    medium = _medium(request, profile)
    _require_output(request.output)
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


def _require_output(output: Path) -> None:
    """Raise where `output` cannot become an image, before any work is done for it.

    A link is not replaced: whoever made it did not mean it to go. Nor is a file
    that is something else than an image, which a slip of the hand would destroy.
    """
    folder = output.absolute().parent
    if len(os.fsencode(output.name)) > _LONGEST_NAME_BYTES:
        raise ConfigError(f"The name {output.name[:40]}… is too long.", "Use a shorter one.")
    if output.is_symlink():
        raise ConfigError(f"{output} is a link.", f"Name the file itself: {output.resolve()}.")
    if output.is_dir():
        raise ConfigError(f"{output} is a folder.", "Name the image file, such as patient.iso.")
    if not folder.is_dir():
        raise ConfigError(f"The folder {folder} does not exist.", "Make it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise MediaError(f"Nothing can be written in the folder {folder}.", "Name another one.")
    if output.exists() and not (output.is_file() and _may_be_replaced(output)):
        raise ConfigError(
            f"{output} is there already and is no image; it was left as it is.",
            "Give the image another name, or move the file away.",
        )


def _may_be_replaced(output: Path) -> bool:
    try:
        with output.open("rb") as file:
            file.seek(_STANDARD_IDENTIFIER_AT)
            return file.read(5) == b"CD001" or file.seek(0, os.SEEK_END) == 0
    except OSError as fault:
        raise MediaError(f"{output}: {fault.strerror}.", "Name another file.") from fault
