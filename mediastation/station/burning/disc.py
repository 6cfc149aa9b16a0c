"""One disc: planned, written, read back, recorded; or named as one to be destroyed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from mediastation.burn.anchors import TAIL_SECTORS, read_tail
from mediastation.burn.drive import SECTOR_BYTES, Disc, Drive
from mediastation.burn.engine import BurnProgress, Phase, TrackSource
from mediastation.burn.explain import DESTROY
from mediastation.burn.plan import BurnPlan, ImageFacts, plan_burn
from mediastation.burn.session import AppendedSession, find_kept, plan_session, same_file_set
from mediastation.burn.trouble import Cause, DriveError
from mediastation.catalog.durable import disk_trouble_told, write_text_durably
from mediastation.errors import CancelledError, MediaError, MediastationError, RefusedError
from mediastation.model.finding import Severity, error
from mediastation.model.manifest import Manifest
from mediastation.reading.iso9660 import IsoVolume
from mediastation.station.burning.desk import DriveDesk
from mediastation.station.burning.findings import UnfitError, discard, told_of, unproved
from mediastation.station.burning.request import BurnRecord, DiscResult
from mediastation.station.burning.reread import RereadRequest, reread_medium
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.job import Step
from mediastation.verify.report import VerifyReport
from mediastation.verify.right_disc import read_identity

_READY_S = 120


class DiscWork:
    """Makes one disc after another in the drive of `desk`."""

    def __init__(self, desk: DriveDesk) -> None:
        self._desk = desk
        self._drive = Drive(desk.device)

    def make(self, disc: DiscResult) -> MediastationError | None:
        """Make one disc; return what was wrong with it once it was touched, and raise before."""
        shared = self._desk.shared
        with self._desk.step("drive", disc) as step:
            self._drive = drive = shared.engine.inspect(self._desk.device)
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
            self._desk.keep(disc)
            return None
        try:
            manifest = self._write(disc, plan, session)
            if shared.request.simulate:
                disc.state = "simulated"
                self._desk.keep(disc)
                return None
            self._reread(disc, manifest)
        except (MediastationError, OSError, KeyboardInterrupt) as fault:
            return self._spoiled(disc, fault)
        disc.state = "verified"
        self._record(disc)
        self._desk.keep(disc)
        return None

    def _plan(self, lying: Disc, facts: ImageFacts) -> BurnPlan:
        plan = plan_burn(lying, facts, self._desk.shared.request.options)
        self._desk.found(*(replace(one, subject=self._desk.device) for one in plan.findings))
        if not plan.is_possible:
            first = next(one for one in plan.findings if one.severity is Severity.ERROR)
            cause = Cause(first.rule) if first.rule in set(Cause) else Cause.WRONG_DISC
            raise UnfitError(cause, first.message, first.hint)
        return plan

    def _plan_session(self, disc: DiscResult, lying: Disc) -> AppendedSession:
        """Compare the disc with the image, and lay out what is to follow on it."""
        image, path = self._desk.shared.image, self._desk.shared.engine.path(self._desk.device)
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
            with self._desk.step("compare", disc, unit="bytes") as step:
                kept = find_kept(there, image.manifest, self._desk.ticking(step))
                session = plan_session(new, there, kept, lying.next_sector)
                step.summary = (
                    f"{len(session.kept):,} files stay, {len(session.pieces):,} are written"
                )
        if not session.pieces:
            raise RefusedError(
                f"The disc in {self._desk.device} holds this very File-set; nothing is new.",
                hint="Update it first: `mediastation update`.",
            )
        disc.first_sector = session.first_sector
        return session

    def _write(self, disc: DiscResult, plan: BurnPlan, session: AppendedSession | None) -> Manifest:
        """Write the disc; return what it is to be reread against."""
        shared, image = self._desk.shared, self._desk.shared.image
        size_bytes = session.size_bytes if session else image.facts.size_bytes
        digest = hashlib.sha256()

        def chunks() -> Iterator[bytes]:
            for chunk in session.chunks() if session else image.chunks():
                digest.update(chunk)
                yield chunk

        source = TrackSource(size_bytes, chunks(), plan.padding_sectors * SECTOR_BYTES)
        simulated = plan.options.simulate
        disc.state = "simulating" if simulated else "writing"
        self._desk.keep(disc)
        with self._desk.step(
            "simulate" if simulated else "write", disc, size_bytes, "bytes"
        ) as step:

            def watch(progress: BurnProgress) -> None:
                self._desk.require_going_on()
                done = progress.done if progress.phase is Phase.WRITING else size_bytes
                step.report(max(step.done, min(done, size_bytes)), size_bytes)

            shared.engine.write(self._desk.device, source, plan.options, watch)
            if plan.tail_sector and not simulated:
                self._write_tail(plan)
            state = "left open" if plan.options.keep_open else "closed"
            sectors = -(-size_bytes // SECTOR_BYTES)
            step.summary = f"{sectors:,} sectors{'' if simulated else f', {state}'}"
        disc.sha256 = digest.hexdigest()
        return session.manifest(image.manifest, disc.sha256) if session else image.manifest

    def _write_tail(self, plan: BurnPlan) -> None:
        """Write the anchors of UDF at the end of a disc that is larger than its image."""
        tail = read_tail(self._desk.shared.image.path, plan.tail_sector + TAIL_SECTORS)
        options = replace(plan.options, start_sector=plan.tail_sector)
        self._desk.shared.engine.write(self._desk.device, TrackSource(len(tail), [tail]), options)

    def _reread(self, disc: DiscResult, manifest: Manifest) -> None:
        shared = self._desk.shared
        disc.state = "rereading"
        self._desk.keep(disc)
        with self._desk.step("reread", disc, shared.image.facts.size_bytes, "bytes") as step:
            shared.engine.reload(self._desk.device)
            self._wait_until_ready(step)
            report = self._read_back(disc, manifest, self._desk.ticking(step))
            step.summary = report.proved
        self._desk.found(*report.findings)
        disc.bad_sectors = report.bad_sector_count
        disc.reread = "identical" if report.ok else "differs"
        if not report.ok and (report.bad_sector_count or not report.files):
            disc.reread = "unreadable"
        if not report.ok:
            raise RefusedError(
                f"The disc in {self._desk.device} was read back, and is not what was written.",
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
        shared = self._desk.shared
        number = len(self._desk.result.discs)
        stem = "report"
        if self._desk.several or shared.request.copies > 1 or number > 1:
            stem = f"report-{Path(self._desk.device).name}-{number}"
        rows = [
            ("Job", str(shared.job.id)),
            ("Drive", self._drive.full_name),
            ("Disc", disc.medium_id or "does not say what it is"),
            ("Copy", f"{disc.copy} of {shared.request.copies}"),
            ("SHA-256 of the image", shared.image.sha256),
        ]
        return reread_medium(
            shared.station,
            RereadRequest(
                medium=shared.engine.path(self._desk.device),
                manifest=manifest,
                folder=shared.station.job_folder(shared.job.id),
                first_sector=disc.first_sector,
                rows=rows,
                more={"job": shared.job.id, "drive": self._desk.device},
                stem=stem,
            ),
            progress,
        )

    def _spoiled(self, disc: DiscResult, fault: BaseException) -> MediastationError | None:
        """Say what is to become of a disc that failed, or whose burning was stopped."""
        touched = not isinstance(fault, DriveError) or fault.wrote
        if self._desk.shared.request.simulate or not touched:
            with self._desk.shared.lock:
                self._desk.result.discs[:] = [
                    one for one in self._desk.result.discs if one is not disc
                ]
                self._desk.shared.save()
            raise fault
        is_stopped = isinstance(fault, (CancelledError, KeyboardInterrupt))
        # Nothing is wrong with a disc that somebody only did not wait for.
        disc.state = "unproved" if is_stopped and disc.state == "rereading" else "discard"
        self._record(disc)
        self._desk.keep(disc)
        if disc.state == "unproved":
            finding = unproved(self._desk.device, disc)
            self._desk.found(finding)
            raise CancelledError(
                f"Stopped while the disc in {self._desk.device} was being read back: it is "
                "written, and not proved.",
                finding.hint,
            ) from fault
        if is_stopped:
            told = "was being written when it was stopped"
            self._desk.found(discard(self._desk.device, disc, told))
            raise CancelledError(
                f"Stopped while the disc in {self._desk.device} was being burned.", DESTROY
            ) from fault
        if isinstance(fault, OSError):
            name = self._desk.shared.image.path
            fault = MediaError(f"{name} cannot be read: {fault.strerror}.", "Look at its disk.")
        assert isinstance(fault, MediastationError)  # noqa: S101 - the other kinds are above
        self._desk.found(
            *told_of(self._desk.device, fault), discard(self._desk.device, disc, "failed")
        )
        return fault

    def _record(self, disc: DiscResult) -> None:
        """Record the disc before the job says that it is done: no kill falls in between."""
        shared = self._desk.shared
        shared.on_burned(
            BurnRecord(
                job=shared.job.id,
                drive=self._drive.full_name,
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

    def _wait_until_ready(self, step: Step) -> None:
        engine = self._desk.shared.engine
        if not self._desk.wait_for(
            lambda: engine.is_loaded(self._desk.device) is not False, _READY_S, step
        ):
            raise MediaError(
                f"The disc in {self._desk.device} was not drawn in again to be read.",
                "Push the tray in, and check the disc with `mediastation verify`.",
            )
