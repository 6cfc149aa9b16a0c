"""What the drives of one burn have in common, and how the thread of each speaks to the job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mediastation.burn.engine import BurnEngine
from mediastation.errors import CancelledError
from mediastation.model.finding import Finding
from mediastation.station.burning.image import CheckedImage
from mediastation.station.burning.request import BurnRequest, DiscResult, DriveResult, OnBurned
from mediastation.station.job import Job, Step
from mediastation.station.station import Station

_LOOK_EVERY_S = 1.0


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


class DriveDesk:
    """One drive's part in the burn: its result, its steps and findings, its waiting."""

    def __init__(self, shared: Shared, device: str) -> None:
        self.shared = shared
        self.device = device
        self.several = len(shared.request.drives) > 1
        self.result = DriveResult(device, shared.request.copies)

    @contextmanager
    def step(
        self, name: str, disc: DiscResult | None, total: int = 0, unit: str = ""
    ) -> Iterator[Step]:
        """Run a step of the job, named after the drive and disc where there are several."""
        words = [Path(self.device).name] if self.several else []
        words.append(name)
        if disc is not None and (self.shared.request.copies > 1 or disc.attempt > 1):
            words.append(f"{disc.copy}/{self.shared.request.copies}")
            words += ["again"] * (disc.attempt - 1)
        with ExitStack() as stack:
            with self.shared.lock:
                step = stack.enter_context(self.shared.job.step(" ".join(words), total, unit))
            yield step

    def found(self, *findings: Finding) -> None:
        """Tell findings to the job."""
        with self.shared.lock:
            self.shared.job.found(findings)

    def keep(self, disc: DiscResult) -> None:
        """Write down what a disc is now: whoever finds the job dead knows what lies there."""
        with self.shared.lock:
            if not any(one is disc for one in self.result.discs):
                self.result.discs.append(disc)
            self.shared.save()

    def ticking(self, step: Step) -> Callable[[int, int], None]:
        """Return what reports progress of `step`; a stop of the burn surfaces there."""

        def tick(done: int, total: int) -> None:
            self.require_going_on()
            step.report(done, total)

        return tick

    def require_going_on(self) -> None:
        """Raise `CancelledError` where another drive, or the operator, stopped the burn."""
        if self.shared.stop.is_set():
            raise CancelledError("The burn was stopped.")

    def require_station(self) -> None:
        """Raise `CancelledError` where the station stops: between two discs a burn can wait."""
        if self.shared.job.goes_on:
            raise CancelledError("The station stops; the burn goes on when it is there again.")

    def wait_for(
        self, found: Callable[[], bool], limit_s: float, step: Step, *, counted: bool = False
    ) -> bool:
        """Look once a second until something is there; tell whether it came in time."""
        waited = 0.0
        while not found():
            if waited >= limit_s:
                return False
            self.shared.stop.wait(_LOOK_EVERY_S)
            waited += _LOOK_EVERY_S
            self.require_going_on()
            if counted:
                self.require_station()
                step.report(min(int(waited), step.total), step.total)
            else:
                step.alive()
        return True
