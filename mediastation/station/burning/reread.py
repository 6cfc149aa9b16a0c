"""Reread a medium that was burned, and keep the report on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mediastation.catalog.durable import disk_trouble_told, make_private_folder
from mediastation.errors import ProfileError
from mediastation.model.manifest import Manifest
from mediastation.reading.image_base import AccessOpener
from mediastation.station.medium_report import keep_report
from mediastation.station.recording.known_media import known_media, show_patient
from mediastation.station.station import Station
from mediastation.verify.peer_readers import PROGRAMS, Program
from mediastation.verify.recipients import Recipients
from mediastation.verify.report import VerifyReport
from mediastation.verify.reread import BURNED, reread
from mediastation.verify.whole_medium import Placement


def job_of_manifest(station: Station, manifest: Manifest) -> int:
    """Return which job made the medium of a manifest; 0 if none that is known here."""
    made = known_media(station)(manifest.file_set_uid)
    return next((one.job for one in made if one.manifest == manifest), 0)


Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RereadRequest:
    """What is to be reread, and what of it is kept.

    Parameters
    ----------
    medium : Path
        The drive's device, a file that stands for a drive, or a mounted folder.
    manifest : Manifest
        What was to be on it.
    folder : Path
        Where the report is kept and programs run: the job's folder.
    first_sector : int
        Where the image begins on the medium; not 0 for an appended session.
    programs : sequence of Program
        Other readers that are asked; empty to play the personas only.
    title : str
        What the report is called.
    rows : sequence of (str, str)
        More facts for the page: drive, medium identifier, head of the ledger.
    more : mapping
        More keys for the JSON report.
    stem : str
        What the report's files are called, such as ``report-2`` for a second copy.
    """

    medium: Path
    manifest: Manifest
    folder: Path
    first_sector: int = 0
    programs: Sequence[Program] = PROGRAMS
    title: str = "Verification of a burned medium"
    rows: Sequence[tuple[str, str]] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    stem: str = "report"


def reread_medium(
    station: Station,
    request: RereadRequest,
    progress: Progress | None = None,
    *,
    opener: AccessOpener | None = None,
) -> VerifyReport:
    """Read a medium back from its drive, look at it as its recipients will, keep the report.

    The report is written when all is known: after a `kill -9` on the way there
    is none, and whoever asks finds the medium not reread.

    Parameters
    ----------
    station : Station
        Whose jobs tell a wrong disc for what it is.
    request : RereadRequest
        What is to be reread.
    progress : callable, optional
        Called with bytes done and bytes in all, and while other programs read;
        may raise to stop.
    opener : callable, optional
        Reaches the bytes of the medium in its own way.

    Returns
    -------
    VerifyReport
        `ok` says whether the medium may go out. A medium that cannot be read,
        or is another one, is a finding.

    Raises
    ------
    MediaError
        If the report cannot be written.
    """
    manifest = request.manifest
    profile = None
    if manifest.profile:
        # A site may have given up a profile of its own since.
        with suppress(ProfileError):
            profile = station.find_profile(manifest.profile)
    done = (0, 0)

    def told(now: int, total: int) -> None:
        nonlocal done
        done = now, total
        if progress is not None:
            progress(now, total)

    def waiting() -> None:
        if progress is not None:
            progress(*done)

    with disk_trouble_told(request.folder):
        make_private_folder(request.folder)
    placement = Placement(request.first_sector, BURNED.padded)
    report = reread(
        request.medium,
        manifest,
        known_media(station),
        show=show_patient,
        profile=profile,
        progress=told,
        recipients=Recipients(request.folder, request.programs, waiting),
        placement=placement,
        opener=opener,
    )
    report = replace(report, manifest_job=job_of_manifest(station, manifest))
    keep_report(
        station,
        request.folder,
        report,
        title=request.title,
        rows=request.rows,
        more=request.more,
        stem=request.stem,
    )
    return report
