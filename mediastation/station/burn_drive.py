"""One drive at work: disc after disc, each written, read back, and put out."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mediastation.burn.anchors import TAIL_SECTORS, read_tail
from mediastation.burn.drive import SECTOR_BYTES, Disc, DiscStatus, Drive
from mediastation.burn.engine import BurnEngine, BurnProgress, Phase, TrackSource
from mediastation.burn.explain import DESTROY
from mediastation.burn.plan import BurnPlan, ImageFacts, plan_burn
from mediastation.burn.session import AppendedSession, find_kept, plan_session, same_file_set
from mediastation.burn.trouble import Cause, DriveError
from mediastation.catalog.durable import disk_trouble_told, write_text_durably
from mediastation.errors import CancelledError, MediaError, MediastationError, RefusedError
from mediastation.model.finding import Finding, Severity, error, note
from mediastation.model.manifest import Manifest
from mediastation.reading.iso9660 import IsoVolume
from mediastation.station.burn_findings import UnfitError, discard, told_of
from mediastation.station.burn_image import CheckedImage
from mediastation.station.burn_request import (
    BurnRecord,
    BurnRequest,
    DiscResult,
    DriveResult,
    OnBurned,
)
from mediastation.station.drive_lock import hold_drive
from mediastation.station.export_volume import MANIFEST_NAME
from mediastation.station.job import Job, Step
from mediastation.station.reread import RereadRequest, reread_medium
from mediastation.station.station import Station
from mediastation.verify.peer_readers import PROGRAMS
from mediastation.verify.report import VerifyReport
from mediastation.verify.right_disc import read_identity

_LOOK_EVERY_S = 1.0
_READY_S = 120
_BEYOND_HELP = {Cause.GONE, Cause.HUNG, Cause.PERMISSION, Cause.NO_DRIVE, Cause.BUSY}
"""Causes that another blank in the same drive would not change."""


@dataclass(slots=True)
class Shared:
    """What the drives of one burn have in common; their threads take turns with `lock`."""

    station: Station
    job: Job
    request: BurnRequest
    image: CheckedImage
    engine: BurnEngine
    on_burned: OnBurned
    save: Callable[[], None]
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


class DriveWork:
    """The work of one drive; `run` fills its result and keeps what stopped it there."""

    def __init__(self, shared: Shared, device: str) -> None:
        self._shared = shared
        self._device = device
        self._several = len(shared.request.drives) > 1
        self._drive = Drive(device)
        self.result = DriveResult(device, shared.request.copies)

    def run(self) -> None:
        """Make the copies that are asked of this drive."""
        shared = self._shared
        try:
            with hold_drive(shared.station.home, self._device):
                self._make_copies()
        except (MediastationError, OSError) as fault:
            self.result.stopped = fault
            self._found(*told_of(self._device, fault))

    def _make_copies(self) -> None:
        request, discs = self._shared.request, self.result.discs
        attempt = failed = 0
        while (done := sum(disc.verified for disc in discs)) < request.copies:
            attempt += 1
            disc = DiscResult(done + 1, attempt)
            if discs:
                self._wait_for_blank(disc)
            trouble = self._make_one(disc)
            if disc.state == "simulated":
                return
            failed += trouble is not None
            is_over = trouble is not None and (
                failed > request.retries or getattr(trouble, "cause", None) in _BEYOND_HELP
            )
            is_last = is_over or (trouble is None and disc.copy == request.copies)
            if request.eject or not is_last:
                self._eject()
            if trouble is None:
                attempt = 0
            elif is_over:
                raise trouble

    def _make_one(self, disc: DiscResult) -> MediastationError | None:
        """Make one disc; return what was wrong with it once it was touched, and raise before."""
        shared = self._shared
        with self._step("drive", disc) as step:
            self._drive = drive = shared.engine.inspect(self._device)
            lying = drive.disc or Disc()
            disc.medium_id = lying.medium_id
            facts, session = shared.image.facts, None
            if shared.request.append:
                # How much of it is new will be seen.
                facts = replace(facts, size_bytes=0)
            plan = self._plan(lying, facts)
            step.summary = lying.words
        if shared.request.append:
            session = self._plan_session(disc, lying)
            plan = self._plan(lying, replace(facts, size_bytes=session.size_bytes))
        if not plan.moves:
            disc.state = "simulated"
            self._keep(disc)
            return None
        try:
            manifest = self._write(disc, plan, session)
            if shared.request.simulate:
                disc.state = "simulated"
                self._keep(disc)
                return None
            self._reread(disc, manifest)
        except (MediastationError, OSError, KeyboardInterrupt) as fault:
            return self._spoiled(disc, fault)
        disc.state = "verified"
        self._record(disc)
        self._keep(disc)
        return None

    def _plan(self, lying: Disc, facts: ImageFacts) -> BurnPlan:
        plan = plan_burn(lying, facts, self._shared.request.options)
        self._found(*(replace(one, subject=self._device) for one in plan.findings))
        if not plan.is_possible:
            first = next(one for one in plan.findings if one.severity is Severity.ERROR)
            cause = Cause(first.rule) if first.rule in set(Cause) else Cause.WRONG_DISC
            raise UnfitError(cause, first.message, first.hint)
        return plan

    def _plan_session(self, disc: DiscResult, lying: Disc) -> AppendedSession:
        """Compare the disc with the image, and lay out what is to follow on it."""
        image, path = self._shared.image, self._shared.engine.path(self._device)
        with IsoVolume(path) as there, IsoVolume(image.path) as new:
            wrong = same_file_set(None, read_identity(there).file_set_uid, image.manifest)
            if not image.made_here:
                wrong = error(
                    "not-made-here",
                    image.path.name,
                    "Only an update that was made here can be added to a disc: what is on the disc "
                    "has to be told from what is new.",
                    "Update the disc with `mediastation update`, and append what comes out.",
                )
            if wrong is not None:
                raise RefusedError(wrong.message, [wrong], wrong.hint)
            with self._step("compare", disc, unit="bytes") as step:
                kept = find_kept(there, image.manifest, self._ticking(step))
                session = plan_session(new, there, kept, lying.next_sector)
                step.summary = (
                    f"{len(session.kept):,} files stay, {len(session.pieces):,} are written"
                )
        if not session.pieces:
            raise RefusedError(
                f"The disc in {self._device} holds this very File-set; nothing is new.",
                hint="Update it first: `mediastation update`.",
            )
        disc.first_sector = session.first_sector
        return session

    def _write(self, disc: DiscResult, plan: BurnPlan, session: AppendedSession | None) -> Manifest:
        """Write the disc; return what it is to be reread against."""
        shared, image = self._shared, self._shared.image
        size_bytes = session.size_bytes if session else image.facts.size_bytes
        digest = hashlib.sha256()

        def chunks() -> Iterator[bytes]:
            for chunk in session.chunks() if session else image.chunks():
                digest.update(chunk)
                yield chunk

        source = TrackSource(size_bytes, chunks(), plan.padding_sectors * SECTOR_BYTES)
        simulated = plan.options.simulate
        disc.state = "simulating" if simulated else "writing"
        self._keep(disc)
        with self._step("simulate" if simulated else "write", disc, size_bytes, "bytes") as step:

            def watch(progress: BurnProgress) -> None:
                self._require_going_on()
                done = progress.done if progress.phase is Phase.WRITING else size_bytes
                step.report(max(step.done, min(done, size_bytes)), size_bytes)

            shared.engine.write(self._device, source, plan.options, watch)
            if plan.tail_sector and not simulated:
                self._write_tail(plan)
            state = "left open" if plan.options.keep_open else "closed"
            sectors = -(-size_bytes // SECTOR_BYTES)
            step.summary = f"{sectors:,} sectors{'' if simulated else f', {state}'}"
        disc.sha256 = digest.hexdigest()
        return session.manifest(image.manifest, disc.sha256) if session else image.manifest

    def _write_tail(self, plan: BurnPlan) -> None:
        """Write the anchors of UDF at the end of a disc that is larger than its image."""
        tail = read_tail(self._shared.image.path, plan.tail_sector + TAIL_SECTORS)
        options = replace(plan.options, start_sector=plan.tail_sector)
        self._shared.engine.write(self._device, TrackSource(len(tail), [tail]), options)

    def _reread(self, disc: DiscResult, manifest: Manifest) -> None:
        shared = self._shared
        disc.state = "rereading"
        self._keep(disc)
        with self._step("reread", disc, shared.image.facts.size_bytes, "bytes") as step:
            shared.engine.reload(self._device)
            self._wait_until_ready(step)
            report = self._read_back(disc, manifest, self._ticking(step))
            step.summary = report.proved
        self._found(*report.findings)
        disc.bad_sectors = report.bad_sector_count
        disc.reread = "identical" if report.ok else "differs"
        if not report.ok and (report.bad_sector_count or not report.files):
            disc.reread = "unreadable"
        if not report.ok:
            raise RefusedError(
                f"The disc in {self._device} was read back, and is not what was written.",
                report.findings,
                DESTROY,
            )
        if disc.first_sector:
            folder = shared.station.job_folder(shared.job.id)
            with disk_trouble_told(folder):
                write_text_durably(folder / MANIFEST_NAME, manifest.iter_json())

    def _read_back(
        self, disc: DiscResult, manifest: Manifest, progress: Callable[[int, int], None]
    ) -> VerifyReport:
        shared = self._shared
        number = len(self.result.discs)
        stem = "report"
        if self._several or shared.request.copies > 1 or number > 1:
            stem = f"report-{Path(self._device).name}-{number}"
        rows = [
            ("Job", str(shared.job.id)),
            ("Drive", f"{self._drive.words} ({self._device})"),
            ("Disc", disc.medium_id or "does not say what it is"),
            ("Copy", f"{disc.copy} of {shared.request.copies}"),
            ("SHA-256 of the image", shared.image.sha256),
        ]
        return reread_medium(
            shared.station,
            RereadRequest(
                medium=shared.engine.path(self._device),
                manifest=manifest,
                folder=shared.station.job_folder(shared.job.id),
                first_sector=disc.first_sector,
                # Other programs read what they are given as one image, not session by session.
                programs=() if disc.first_sector else PROGRAMS,
                rows=rows,
                more={"job": shared.job.id, "drive": self._device},
                stem=stem,
            ),
            progress,
        )

    def _spoiled(self, disc: DiscResult, fault: BaseException) -> MediastationError | None:
        """Say what is to become of a disc that failed, or whose burning was stopped."""
        touched = not isinstance(fault, DriveError) or fault.wrote
        if self._shared.request.simulate or not touched:
            with self._shared.lock:
                self.result.discs[:] = [one for one in self.result.discs if one is not disc]
                self._shared.save()
            raise fault
        disc.state = "discard"
        self._record(disc)
        self._keep(disc)
        if isinstance(fault, (CancelledError, KeyboardInterrupt)):
            told = "was being written, or read back, when it was stopped"
            self._found(discard(self._device, disc, told))
            raise CancelledError(
                f"Stopped while the disc in {self._device} was being burned.", DESTROY
            ) from fault
        if isinstance(fault, OSError):
            name = self._shared.image.path
            fault = MediaError(f"{name} cannot be read: {fault.strerror}.", "Look at its disk.")
        assert isinstance(fault, MediastationError)  # noqa: S101 - the other kinds are above
        self._found(*told_of(self._device, fault), discard(self._device, disc, "failed"))
        return fault

    def _record(self, disc: DiscResult) -> None:
        """Record the disc before the job says that it is done: no kill falls in between."""
        shared = self._shared
        shared.on_burned(
            BurnRecord(
                job=shared.job.id,
                drive=f"{self._device} ({self._drive.words})",
                medium_id=disc.medium_id,
                image=str(shared.image.path),
                image_sha256=shared.image.sha256,
                manifest=shared.image.manifest,
                copy=disc.copy,
                copies=shared.request.copies,
                reread=disc.reread,
                bad_sectors=disc.bad_sectors,
                appended=shared.request.append,
            )
        )

    def _keep(self, disc: DiscResult) -> None:
        """Write down what a disc is now: whoever finds the job dead knows what lies there."""
        with self._shared.lock:
            if not any(one is disc for one in self.result.discs):
                self.result.discs.append(disc)
            self._shared.save()

    def _eject(self) -> None:
        try:
            self._shared.engine.eject(self._device)
        except MediaError as fault:
            self._found(
                note(
                    "not-ejected", self._device, f"It did not come out: {fault.message}", "Take it."
                )
            )

    def _wait_for_blank(self, disc: DiscResult) -> None:
        """Wait until a disc lies in the drive that may be written."""
        request = self._shared.request
        wanted = f"blank {disc.copy} of {request.copies}"
        name = f"{'destroy that disc, ' if disc.attempt > 1 else ''}insert {wanted}"
        with self._step(name, None, round(request.wait_s), "seconds") as step:
            if not self._await(self._lies_blank, request.wait_s, step, counted=True):
                raise DriveError(
                    Cause.NO_DISC,
                    f"No {wanted} was put into {self._device} within {request.wait_s:g} seconds.",
                    "Give the command again for the copies that are missing.",
                )
            step.summary = "here it is"

    def _lies_blank(self) -> bool:
        engine = self._shared.engine
        # To ask the drive itself would draw an open tray in.
        if engine.is_loaded(self._device) is False:
            return False
        disc = engine.inspect(self._device).disc
        return disc is not None and disc.status is DiscStatus.BLANK

    def _wait_until_ready(self, step: Step) -> None:
        engine = self._shared.engine
        if not self._await(lambda: engine.is_loaded(self._device) is not False, _READY_S, step):
            raise MediaError(
                f"The disc in {self._device} was not drawn in again to be read.",
                "Push the tray in, and check the disc with `mediastation verify`.",
            )

    def _await(
        self, found: Callable[[], bool], limit_s: float, step: Step, *, counted: bool = False
    ) -> bool:
        """Look once a second until something is there; tell whether it came in time."""
        waited = 0.0
        while not found():
            if waited >= limit_s:
                return False
            self._shared.stop.wait(_LOOK_EVERY_S)
            waited += _LOOK_EVERY_S
            self._require_going_on()
            if counted:
                step.report(min(int(waited), step.total), step.total)
            else:
                step.alive()
        return True

    def _ticking(self, step: Step) -> Callable[[int, int], None]:
        def tick(done: int, total: int) -> None:
            self._require_going_on()
            step.report(done, total)

        return tick

    def _require_going_on(self) -> None:
        if self._shared.stop.is_set():
            raise CancelledError("The burn was stopped.")

    def _found(self, *findings: Finding) -> None:
        with self._shared.lock:
            self._shared.job.found(findings)

    @contextmanager
    def _step(
        self, name: str, disc: DiscResult | None, total: int = 0, unit: str = ""
    ) -> Iterator[Step]:
        words = [Path(self._device).name] if self._several else []
        words.append(name)
        if disc is not None and (self._shared.request.copies > 1 or disc.attempt > 1):
            words.append(f"{disc.copy}/{self._shared.request.copies}")
            words += ["again"] * (disc.attempt - 1)
        with ExitStack() as stack:
            with self._shared.lock:
                step = stack.enter_context(self._shared.job.step(" ".join(words), total, unit))
            yield step
