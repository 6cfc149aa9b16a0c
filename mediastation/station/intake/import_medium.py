"""Import: an outside medium into the catalog, under the identity that it came with.

Nothing on the medium is believed, run or followed. What it holds is found by
content, compared with its directory and with what is here, and kept as it
came; what contradicts something is held until somebody decides. Whose it is at
this site is decided apart (`mediastation.station.reconciling.reconcile`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.catalog.job_selection import remember_selection
from mediastation.errors import (
    ConfigError,
    DecisionError,
    MediaError,
    MediastationError,
    NetworkError,
    RefusedError,
    SecrecyError,
)
from mediastation.importing.check_envelopes import check_envelopes
from mediastation.importing.disc_damage import damaged_files, lost_bytes
from mediastation.importing.doctor import examine
from mediastation.importing.hostile import check_names, classify_file
from mediastation.importing.left_behind import summarise_left
from mediastation.importing.look import FileKind
from mediastation.importing.quarantine import Quarantine
from mediastation.importing.scan import scan
from mediastation.importing.survey import Survey
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, error, note
from mediastation.model.importing import MediumKind, OpenedEnvelope, OutsideMedium
from mediastation.model.repair import Repair
from mediastation.model.secrecy import Password
from mediastation.model.text import storable
from mediastation.reading.contract import Volume
from mediastation.reading.findings import FindingLog
from mediastation.station.burning.drive_lock import hold_drive
from mediastation.station.intake.account import (
    count,
    count_out_of_reach,
    examined_in_words,
    import_facts,
    keep_diagnosis,
    left_behind,
    opened_files,
    patients_that_came,
    require_all,
    require_files,
)
from mediastation.station.intake.folder import (
    SCRATCH_NAME,
    drop_unused,
    finish_survey,
    hold_medium,
    open_survey,
)
from mediastation.station.intake.identify_medium import identify_medium
from mediastation.station.intake.keys import ImportKeys, Unlocked
from mediastation.station.intake.reading_place import ReadingPlace, copy_if_disc
from mediastation.station.intake.report import ImportOutcome
from mediastation.station.intake.report_file import (
    keep_import_report,
    renew_import_report,
    write_import_report,
)
from mediastation.station.intake.request import ImportRequest, ImportResult
from mediastation.station.intake.take import compare_instances, keep_instances, take_up
from mediastation.station.job import Job
from mediastation.station.medium_report import require_report_name
from mediastation.station.reconciling.reconcile import reconcile_selection
from mediastation.station.recording.ledger_traffic import record_imported
from mediastation.station.sealing.job_keys import JobKeys
from mediastation.station.serving.job_kinds import as_row
from mediastation.station.station import Station
from mediastation.station.traffic.peers import require_peer
from mediastation.station.traffic.send_on import send_on
from mediastation.station.unfinished import settle_unfinished

if TYPE_CHECKING:
    from mediastation.secure.opening.keys import KeyRing

SECTOR = 2048


def import_medium(
    station: Station,
    request: ImportRequest,
    listener: Listener = nobody,
    *,
    keys: KeyRing | None = None,
    password: Password | None = None,
) -> ImportResult:
    """Take in what `request.medium` holds.

    Nothing stops for one bad file: what could be taken is, and the result says
    what was not, and why. A run that was stopped is gone on with by the next
    one of the same medium.

    Parameters
    ----------
    keys : KeyRing, optional
        What a command has to open secure envelopes with. Without it the keys
        that the request names are read.
    password : Password, optional
        What a job in the queue was given for these keys and for the envelopes;
        where it needs one and has none, it asks.

    Raises
    ------
    ConfigError
        If there is no such medium, or another process imports it.
    MediaError
        If the medium cannot be read at all, or a disk fails.
    SecrecyError
        If the medium is sealed, and nothing at hand opens it.
    """
    if not request.medium.exists():
        raise ConfigError(
            f"{request.medium} does not exist.", "Check the path, or mount the medium."
        )
    if request.report_file is not None:
        require_report_name(request.report_file)
    if request.to:
        require_peer(station, request.to, "store")
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
                    given = JobKeys(
                        "import", request.key, ring=keys, password=password, asks=job.asks
                    )
                    at_hand = ImportKeys(station, medium, given)
                    _Import(station, job, request, medium, at_hand, result).run()
                finally:
                    job.result = result.counts()
        except (NetworkError, RefusedError) as fault:
            result.stop(fault)
    if request.to:
        _send_on(station, job, request, result, listener)
        if request.report_file is not None and result.sent_by:
            renew_import_report(station.job_folder(job.id), request.report_file)
    return result


def _send_on(
    station: Station, job: Job, request: ImportRequest, result: ImportResult, listener: Listener
) -> None:
    """Send what was reconciled; say so where nothing was, for nothing goes out otherwise."""
    if result.reconciled:
        send_on(station, job, (f"import:{job.id}",), request.to, result, listener)
    elif not result.stopped:
        result.stop(
            RefusedError(
                "Nothing was sent: the instances bear the identity that they came with.",
                hint=f"Say whose they are: `mediastation reconcile import:{job.id} --patient-id ID "
                f"--to {request.to}`.",
            )
        )


class _Import:
    """One import, step by step."""

    def __init__(
        self,
        station: Station,
        job: Job,
        request: ImportRequest,
        medium: Path,
        keys: ImportKeys,
        result: ImportResult,
    ) -> None:
        self._station = station
        self._keys = keys
        self._job = job
        self._request = request
        self._medium = medium
        self._name = storable(str(medium))
        self._result = result
        self._folder = station.job_folder(job.id)
        self._scratch = self._folder / SCRATCH_NAME
        self._quarantine = Quarantine(station.home)
        self._repairs: tuple[Repair, ...] = ()
        self._place = ReadingPlace(medium)
        self._unusable = 0
        self._envelope: OpenedEnvelope | None = None

    def run(self) -> None:
        """Do everything; `RefusedError` where something was not taken."""
        with ExitStack() as stack:
            survey, earlier = open_survey(self._station, self._job.id, self._medium)
            stack.enter_context(survey)
            if earlier:
                self._goes_on(earlier)
            take_up(self._station, survey)
            # Plain copies of what was sealed lie there; none of them outlives the job.
            shutil.rmtree(self._scratch, ignore_errors=True)
            stack.callback(shutil.rmtree, self._scratch, ignore_errors=True)
            # Opening the door removes what a killed attempt was taking through it.
            self._job.found(self._station.intake.recovered)
            try:
                self._place = copy_if_disc(self._job, self._medium, self._folder, self._keys)
                unlocked = self._keys.open(self._place.path, self._scratch)
                sealed = stack.enter_context(unlocked.volume)
                if unlocked.opener is None and survey.count_opened():
                    # An earlier attempt had the key to some of it.
                    self._keys.require_opening(sealed, survey.sealed_files())
            except (SecrecyError, DecisionError):
                drop_unused(survey)
                raise
            except MediaError as fault:
                # The person at the drive knows the drive, not the copy of what lies in it.
                fault.message = fault.message.replace(str(self._place.path), self._name)
                raise
            self._job.found(self._named(sealed.findings))
            self._job.found(damaged_files(sealed, self._place.bad))
            self._job.found(check_names(sealed))
            medium = identify_medium(self._job, self._medium, sealed, self._place)
            self._envelope = unlocked.mail
            volume = self._unsealed(unlocked)
            self._scan(volume, unlocked, survey)
            require_files(survey, medium)
            medium = self._examine(volume, survey, medium)
            self._result.medium = medium
            compare_instances(
                self._station, self._job, volume, survey, medium.origin, self._scratch
            )
            keep_instances(self._station, self._job, volume, survey, medium, self._quarantine)
            count(survey, self._result, self._envelope)
            record_imported(
                self._station,
                self._job.id,
                import_facts(survey, self._result, medium, self._place.disc.kind, self._envelope),
            )
            remember_selection(self._station.catalog, self._job.id, survey.entries())
            stopped = self._reconcile()
            self._report(survey, medium, stopped)
            left_by_decision = survey.count(fate="left")
            out_of_reach = count_out_of_reach(sealed.findings)
            finish_survey(survey)
        if stopped is not None:
            raise stopped
        require_all(self._result, self._unusable, left_by_decision, out_of_reach)

    def _named(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield findings about the medium itself under its own name, not that of its copy."""
        copied = str(self._place.path)
        for one in findings:
            yield replace(one, subject=self._name) if one.subject == copied else one

    def _goes_on(self, earlier: int) -> None:
        said = f"Job {earlier} was stopped; what it had found and kept stays."
        self._job.found([note("goes-on", self._name, said)])

    def _unsealed(self, unlocked: Unlocked) -> Volume:
        """Return the medium as it was before it was sealed; a plain one is that as it is."""
        if unlocked.opener is None:
            return unlocked.volume
        from mediastation.importing.unsealed import UnsealedVolume  # noqa: PLC0415 - for those alone

        reserve_bytes = self._station.settings.disk_reserve_bytes
        return UnsealedVolume(unlocked.volume, unlocked.opener, self._scratch, reserve_bytes)

    def _scan(self, volume: Volume, unlocked: Unlocked, survey: Survey) -> None:
        sealed = unlocked.volume
        with self._job.step("scan", 0, "bytes") as step:
            survey.drop_unread()
            if volume is sealed or not unlocked.has_envelopes:
                # Processes are quicker, and have no keys.
                in_mail = unlocked.is_secure_mail
                scan(sealed, survey, None if in_mail else self._place.path, step.report)
            if volume is not sealed and (unlocked.has_envelopes or survey.count(FileKind.SEALED)):
                survey.drop_unread()
                scan(volume, survey, None, step.report)
            survey.refuse_damaged(lost_bytes(volume, self._place.bad))
            instances, files = len(survey), survey.count()
            step.summary = f"{instances:,} instances in {files:,} files"
        shut = survey.count(FileKind.SEALED)
        if shut and not instances and not survey.count_opened():
            self._keys.require_opening(sealed, survey.sealed_files())
        told = FindingLog()
        told.extend(survey.findings())
        told.extend(check_envelopes(survey))
        self._job.found(told)
        left = (
            classify_file(path, front, size)
            for path, kind, size, front in survey.kinds()
            if kind in (FileKind.OTHER, FileKind.EMPTY)
        )
        self._job.found(summarise_left(left, survey.folders()))
        if not instances and not shut:
            unread = survey.count(FileKind.UNREADABLE)
            self._job.found([_no_instances(self._name, files, unread)])

    def _examine(self, volume: Volume, survey: Survey, medium: OutsideMedium) -> OutsideMedium:
        """Compare the directory with the files; return what the two say of the medium."""
        with self._job.step("examine", len(survey), "instances") as step:
            diagnosis = examine(
                volume,
                survey,
                recognised=survey.directories(),
                progress=lambda done: step.report(min(done, step.total), step.total),
            )
            self._job.found(self._named(diagnosis.findings))
            step.summary = examined_in_words(diagnosis)
        keep_diagnosis(survey, diagnosis)
        self._repairs = diagnosis.repairs
        self._result.repaired = diagnosis.repaired
        self._result.missing = diagnosis.missing
        # What could not be read counts by itself.
        unread = survey.count(FileKind.UNREADABLE, FileKind.SEALED)
        self._unusable = max(diagnosis.unusable - unread, 0)
        first = next(iter(diagnosis.directories), None)
        if medium.kind is MediumKind.FOLDER:
            size_bytes = survey.size_bytes()
            medium = replace(medium, sha256=survey.listing_sha256(), size_bytes=size_bytes)
        return replace(
            medium,
            institution=survey.institution(),
            file_set_id=first.file_set_id if first else "",
            file_set_uid=first.file_set_uid if first else "",
            made_by=storable(first.made_by) if first else "",
        )

    def _reconcile(self) -> MediastationError | None:
        """Give the instances an identity of this site; return what stopped that."""
        wanted = self._request.wanted
        try:
            reconcile_selection(self._station, self._job, wanted, self._result)
        except (RefusedError, NetworkError) as fault:
            if self._job.asks and isinstance(fault, DecisionError):
                raise
            return fault
        return None

    def _report(
        self, survey: Survey, medium: OutsideMedium, stopped: MediastationError | None
    ) -> None:
        if isinstance(stopped, RefusedError):
            self._job.found(stopped.findings)
        result = self._result
        lost = self._place.lost_bytes
        outcome = ImportOutcome(
            job=self._job.id,
            medium=medium,
            found=result.found,
            imported=result.imported,
            duplicates=result.duplicates,
            held=result.held,
            refused=result.refused,
            missing=result.missing,
            patients=patients_that_came(survey),
            findings=self._job.findings,
            repairs=self._repairs,
            left=list(left_behind(survey, self._quarantine, self._job.id)),
            bad_sectors=lost // SECTOR,
            lost_bytes=lost,
            identities=result.decisions,
            stopped=stopped.message if stopped else "",
            media_type=self._place.disc.kind,
            opened=opened_files(survey, self._envelope),
        )
        with self._job.step("report") as step:
            kept = keep_import_report(self._station, self._folder, outcome)
            self._job.found(kept.findings)
            result.report = str(kept.page)
            if self._request.report_file is not None:
                write_import_report(self._station, self._request.report_file, outcome)
            step.summary = kept.page.name


def _no_instances(name: str, files: int, unread: int) -> Finding:
    if unread:
        return error(
            "no-instances",
            name,
            f"No DICOM instance came of its {files:,} files, and {unread:,} of them could not be "
            "read.",
            "What is said of those files tells what to do; then import it again.",
        )
    return error(
        "no-instances",
        name,
        f"There is no DICOM instance among its {files:,} files.",
        "It may hold another maker's own format: ask the sender for DICOM.",
    )
