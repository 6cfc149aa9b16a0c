"""One drive at work: disc after disc, each made on a blank of its own and put out."""

from __future__ import annotations

from mediastation.burn.drive import DiscStatus
from mediastation.burn.trouble import Cause, DriveError
from mediastation.errors import MediaError, MediastationError
from mediastation.model.finding import note
from mediastation.station.burning.desk import DriveDesk, Shared
from mediastation.station.burning.disc import DiscWork
from mediastation.station.burning.drive_lock import hold_drive
from mediastation.station.burning.findings import told_of
from mediastation.station.burning.request import DiscResult, DriveResult

_BEYOND_HELP = {Cause.GONE, Cause.HUNG, Cause.PERMISSION, Cause.NO_DRIVE, Cause.BUSY}
"""Causes that another blank in the same drive would not change."""


_ASKS_AFTER_S = 30.0


class DriveWork:
    """The work of one drive; `run` fills its result and keeps what stopped it there."""

    def __init__(self, shared: Shared, device: str) -> None:
        self._desk = DriveDesk(shared, device)
        self._disc_work = DiscWork(self._desk)

    @property
    def result(self) -> DriveResult:
        """What it made so far."""
        return self._desk.result

    def run(self) -> None:
        """Make the copies that are asked of this drive."""
        shared = self._desk.shared
        try:
            with hold_drive(shared.station.home, self._desk.device):
                self._make_copies()
        except (MediastationError, OSError) as fault:
            self._desk.result.stopped = fault
            self._desk.found(*told_of(self._desk.device, fault))

    def _make_copies(self) -> None:
        request, discs = self._desk.shared.request, self._desk.result.discs
        failed = 0
        was_asked_for = bool(discs)
        while (done := sum(disc.verified for disc in discs)) < request.copies:
            copy = done + 1
            self._desk.require_station()
            disc = DiscResult(copy, 1 + sum(one.copy == copy for one in discs))
            if discs and request.append:
                raise DriveError(
                    Cause.WRONG_DISC,
                    "The disc that a session was to be added to failed; it cannot take another.",
                    "Destroy it, and burn the whole image on a new blank, without --append.",
                )
            if discs:
                self._wait_for_blank(disc, 0 if was_asked_for else self._patience_s)
                was_asked_for = False
            trouble = self._disc_work.make(disc)
            if disc.state == "simulated":
                return
            failed += trouble is not None
            is_over = trouble is not None and (
                failed > request.retries or getattr(trouble, "cause", None) in _BEYOND_HELP
            )
            is_last = is_over or (trouble is None and disc.copy == request.copies)
            if request.eject or not is_last:
                self._eject()
            if trouble is not None and is_over:
                raise trouble

    def _eject(self) -> None:
        try:
            self._desk.shared.engine.eject(self._desk.device)
        except MediaError as fault:
            self._desk.found(
                note(
                    "not-ejected",
                    self._desk.device,
                    f"It did not come out: {fault.message}",
                    "Take it.",
                )
            )

    @property
    def _patience_s(self) -> float:
        """How long the drive is held for the next blank; what is in the queue asks soon."""
        wait_s = self._desk.shared.request.wait_s
        return min(wait_s, _ASKS_AFTER_S) if self._desk.shared.job.asks else wait_s

    def _wait_for_blank(self, disc: DiscResult, wait_s: float) -> None:
        """Wait until a disc lies in the drive that may be written."""
        request = self._desk.shared.request
        wanted = f"blank {disc.copy} of {request.copies}"
        name = f"{'destroy that disc, ' if disc.attempt > 1 else ''}insert {wanted}"
        with self._desk.step(name, None, round(wait_s), "seconds") as step:
            if not self._desk.wait_for(self._lies_blank, wait_s, step, counted=True):
                within = f"was put into {self._desk.device} within {wait_s:g} seconds"
                raise DriveError(
                    Cause.NO_DISC,
                    f"No {wanted} {within if wait_s else f'lies in {self._desk.device}'}.",
                    "Give the command again for the copies that are missing.",
                )
            step.summary = "here it is"

    def _lies_blank(self) -> bool:
        engine = self._desk.shared.engine
        # To ask the drive itself would draw an open tray in.
        if engine.is_loaded(self._desk.device) is False:
            return False
        disc = engine.inspect(self._desk.device).disc
        return disc is not None and disc.status is DiscStatus.BLANK
