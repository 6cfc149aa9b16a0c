"""Import: an outside medium into the catalog, under the identity that it came with.

Nothing on the medium is believed, run or followed. What it holds is found by
content, compared with its directory and with what is here, and kept as it
came; what contradicts something is held until somebody decides. Whose it is at
this site is decided apart (`mediastation.station.reconcile`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from mediastation.catalog.selection import remember_selection
from mediastation.errors import ConfigError, MediaError, NetworkError, RefusedError
from mediastation.importing.disc_copy import copy_disc
from mediastation.importing.disc_damage import damaged_files
from mediastation.importing.keep import Keeper
from mediastation.importing.look import FileKind
from mediastation.importing.scan import scan
from mediastation.importing.survey import Survey
from mediastation.model.entry import Source
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import error, note
from mediastation.model.importing import MediumKind, OutsideMedium, Standing
from mediastation.model.text import storable
from mediastation.reading.contract import Extent, Volume
from mediastation.reading.findings import FindingLog
from mediastation.reading.volume import MailVolume, MimeVolume, ZipVolume, open_volume
from mediastation.station.drive_lock import hold_drive
from mediastation.station.import_folder import DISC_NAME, finish_survey, hold_medium, open_survey
from mediastation.station.import_request import ImportRequest, ImportResult
from mediastation.station.job import Job
from mediastation.station.job_kinds import as_row
from mediastation.station.reconciled import OUTSIDE_MEDIUM
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished

_CHUNK = 4 << 20


def import_medium(
    station: Station, request: ImportRequest, listener: Listener = nobody
) -> ImportResult:
    """Take in what `request.medium` holds.

    Nothing stops for one bad file: what could be taken is, and the result says
    what was not, and why. A run that was stopped is gone on with by the next
    one of the same medium.

    Raises
    ------
    ConfigError
        If there is no such medium, or another process imports it.
    MediaError
        If the medium cannot be read at all, or a disk fails.
    """
    if not request.medium.exists():
        raise ConfigError(
            f"{request.medium} does not exist.", "Check the path, or mount the medium."
        )
    station.require_current_index()
    medium = request.medium.absolute()
    with ExitStack() as stack:
        stack.enter_context(hold_medium(station, medium))
        if medium.is_block_device():
            stack.enter_context(hold_drive(station.home, str(medium)))
        settled = settle_unfinished(station)
        job = station.job("import", as_row(replace(request, medium=medium)), listener)
        result = ImportResult(job.id, findings=job.findings)
        try:
            with job:
                job.found(settled)
                try:
                    _Import(station, job, request, medium, result).run()
                finally:
                    job.result = result.counts()
        except (NetworkError, RefusedError) as fault:
            result.stop(fault)
    return result


class _Import:
    """One import, step by step."""

    def __init__(
        self,
        station: Station,
        job: Job,
        request: ImportRequest,
        medium: Path,
        result: ImportResult,
    ) -> None:
        self._station = station
        self._job = job
        self._request = request
        self._medium = medium
        self._result = result
        self._folder = station.job_folder(job.id)

    def run(self) -> None:
        """Do everything; `RefusedError` where something was not taken."""
        with ExitStack() as stack:
            survey, earlier = open_survey(self._station, self._job.id, self._medium)
            stack.enter_context(survey)
            if earlier:
                self._job.found(
                    [
                        note(
                            "goes-on",
                            storable(str(self._medium)),
                            f"Job {earlier} was stopped; what it had found and kept stays.",
                        )
                    ]
                )
            place, bad = self._copy()
            volume = stack.enter_context(open_volume(place))
            self._job.found(volume.findings)
            self._job.found(damaged_files(volume, bad))
            facts = self._identify(volume, place)
            self._scan(volume, place, survey)
            self._result.medium = facts
            self._compare(survey)
            self._keep(volume, survey, facts)
            self._count(survey)
            finish_survey(survey)
        if self._result.refused:
            raise RefusedError(
                f"{self._result.refused:,} of {self._result.found:,} instances did not come in; "
                f"{self._result.imported:,} did, {self._result.duplicates:,} were here before.",
                hint="The findings say which, and why.",
            )

    def _copy(self) -> tuple[Path, tuple[Extent, ...]]:
        """Return where the medium is read: of a disc, its copy, with what could not be read."""
        if not self._medium.is_block_device():
            return self._medium, ()
        with self._job.step("copy", 0, "bytes") as step:
            copy = copy_disc(self._medium, self._folder / DISC_NAME, progress=step.report)
            self._job.found(copy.findings)
            lost = sum(extent.length for extent in copy.bad)
            step.summary = f"{copy.size_bytes:,} bytes, {lost:,} of them unreadable"
        return copy.path, copy.bad

    def _identify(self, volume: Volume, place: Path) -> OutsideMedium:
        """Tell which medium it is; of a folder that is known when it was looked through."""
        if place.is_dir():
            return OutsideMedium(MediumKind.FOLDER, storable(str(self._medium)))
        kind = MediumKind.DISC if self._medium.is_block_device() else MediumKind.IMAGE
        if isinstance(volume, ZipVolume):
            kind = MediumKind.ZIP
        elif isinstance(volume, (MailVolume, MimeVolume)):
            kind = MediumKind.MAIL
        size_bytes = place.stat().st_size
        digest = hashlib.sha256()
        with self._job.step("digest", size_bytes, "bytes") as step, _readable(place) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                step.report(step.done + len(chunk), size_bytes)
            step.summary = digest.hexdigest()
        return OutsideMedium(kind, storable(str(self._medium)), size_bytes, digest.hexdigest())

    def _scan(self, volume: Volume, place: Path, survey: Survey) -> None:
        with self._job.step("scan", 0, "bytes") as step:
            scan(volume, survey, place, step.report)
            instances, files = len(survey), survey.count()
            step.summary = f"{instances:,} instances in {files:,} files"
        told = FindingLog()
        told.extend(survey.findings())
        self._job.found(told)
        if not instances and not survey.count(FileKind.SEALED):
            self._job.found(
                [
                    error(
                        "no-instances",
                        storable(str(self._medium)),
                        f"There is no DICOM instance among its {files:,} files.",
                        "It may hold another maker's own format: ask the sender for DICOM.",
                    )
                ]
            )

    def _compare(self, survey: Survey) -> None:
        survey.set_standings((place, Standing.NEW) for place, _, _ in survey.known())

    def _keep(self, volume: Volume, survey: Survey, medium: OutsideMedium) -> None:
        def source_of(path: str) -> Source:
            return Source(OUTSIDE_MEDIUM, storable(f"{medium.name}:{path}"))

        self._job.found(self._station.intake.recovered)
        total = survey.size_bytes(FileKind.INSTANCE)
        with self._job.step("keep", total, "bytes") as step:

            def progress(size_bytes: int) -> None:
                step.report(min(step.done + size_bytes, total), total)

            keeper = Keeper(
                volume,
                survey,
                self._station.intake,
                source_of,
                self._station.settings.disk_reserve_bytes,
            )
            try:
                keeper.keep(survey.to_keep((Standing.NEW,)), progress)
            finally:
                self._job.found(keeper.report.findings)
            step.summary = f"{survey.count(fate='kept'):,} kept"
        remember_selection(self._station.catalog, self._job.id, survey.entries())

    def _count(self, survey: Survey) -> None:
        result = self._result
        unread = (FileKind.UNREADABLE, FileKind.SEALED)
        result.found = survey.count(FileKind.INSTANCE, *unread)
        result.imported = survey.count(fate="kept")
        result.duplicates = survey.count(fate="duplicate")
        result.held = survey.count(fate="held")
        result.refused = result.found - result.imported - result.duplicates
        result.left = survey.count(FileKind.OTHER, FileKind.EMPTY)


@contextmanager
def _readable(place: Path) -> Iterator[IO[bytes]]:
    """Open an image to be digested; what it refuses is trouble with the medium, not with us."""
    try:
        with place.open("rb", buffering=0) as file:
            yield file
    except OSError as fault:
        raise MediaError(
            f"{place} cannot be read to its end: {fault.strerror}.",
            "Copy it again from its source.",
        ) from fault
