"""Burn: an image onto discs, each of them read back before it may go out."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from mediastation.burn.engine import BurnEngine
from mediastation.burn.xorriso import XorrisoEngine
from mediastation.errors import CancelledError, MediaError, RefusedError
from mediastation.model.event import Listener, nobody
from mediastation.station.burning.desk import Shared
from mediastation.station.burning.drive import DriveWork
from mediastation.station.burning.entries import recorded_in_ledger
from mediastation.station.burning.image import check_image
from mediastation.station.burning.question import ask_for_disc, discs_made
from mediastation.station.burning.request import (
    BurnRequest,
    BurnResult,
    OnBurned,
    require_sensible,
)
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished

_LOOK_EVERY_S = 0.2


def burn(
    station: Station,
    request: BurnRequest,
    listener: Listener = nobody,
    *,
    engine: BurnEngine | None = None,
    on_burned: OnBurned | None = None,
) -> BurnResult:
    """Burn an image, and read every disc back from its drive.

    The image is proved before a blank is spent. Each drive then makes its
    copies by itself; one that fails does not stop the others. A disc that was
    written to and did not pass is named as one to be destroyed.

    Parameters
    ----------
    station : Station
        Where the job is kept.
    request : BurnRequest
        What is to be done.
    listener : callable, optional
        Told of steps and findings.
    engine : BurnEngine, optional
        Works the drives; xorriso by default.
    on_burned : callable, optional
        Told of every disc that was written to; by default it is the ledger.

    Returns
    -------
    BurnResult
        Also where a disc or a drive failed; `exit_code` and `stopped` say so.

    Raises
    ------
    ConfigError
        If the request is wrong, or what it names is no image of a disc.
    RefusedError
        If the image is damaged.
    CancelledError
        If it was stopped; its hint says what to do with the discs.
    """
    require_sensible(request)
    settled = settle_unfinished(station)
    job = station.job("burn", request.as_dict(), listener)
    result = BurnResult(job.id, findings=job.findings, simulated=request.simulate)
    try:
        with job:
            job.found(settled)
            image = check_image(station, job, request.image)
            if request.image_sha256 not in {"", image.sha256}:
                raise RefusedError(
                    f"{request.image} is not burned: another image lies there by now than the one "
                    "that this burn was asked for.",
                    hint="Export the other one again, under a name of its own; what lies there is "
                    "burned by a burn of its own.",
                )
            result.image_sha256 = image.sha256
            result.file_set_uid = image.manifest.file_set_uid

            def save() -> None:
                job.result = result.as_dict(with_findings=False)
                job.save_result()

            shared = Shared(
                station,
                job,
                request,
                image,
                engine or XorrisoEngine(),
                on_burned or recorded_in_ledger(station, request.disclosure),
                save,
            )
            works = [DriveWork(shared, device) for device in request.drives]
            for work in works:
                work.result.discs += discs_made(job, work.result.drive, image.sha256)
            result.drives = [work.result for work in works]
            save()
            try:
                _run(works, shared)
                _raise_stop(works)
            finally:
                job.result = result.as_dict(with_findings=False)
            if job.asks:
                ask_for_disc(result, image.manifest)
            _require_all_well(result)
    except CancelledError:
        raise
    except (MediaError, RefusedError) as fault:
        if not result.drives:
            raise
        result.stopped, result.hint = fault.message, fault.hint
        result.exit_code = fault.exit_code
    return result


def _run(works: Sequence[DriveWork], shared: Shared) -> None:
    """Let the drives work, each in a thread of its own; a lone one works in this one."""
    if len(works) == 1:
        works[0].run()
        return
    faults: list[BaseException] = []
    ends = [threading.Event() for _ in works]

    def run(work: DriveWork, end: threading.Event) -> None:
        try:
            work.run()
        except BaseException as fault:
            faults.append(fault)
            shared.stop.set()
        finally:
            end.set()

    threads = [
        threading.Thread(target=run, args=one, name=f"burn-{place}")
        for place, one in enumerate(zip(works, ends, strict=True))
    ]
    try:
        for thread in threads:
            thread.start()
        _await(threads, ends)
    except BaseException:
        shared.stop.set()
        _await(threads, ends)
        _raise_stop(works)
        raise
    if faults:
        raise faults[0]


def _raise_stop(works: Sequence[DriveWork]) -> None:
    """Raise what the drives say that were stopped with a disc in the making, if any was."""
    stopped = [
        (work.result.drive, fault)
        for work in works
        if isinstance(fault := work.result.stopped, CancelledError) and fault.hint
    ]
    if not stopped:
        return
    *others, (last, fault) = stopped
    if not others:
        raise fault
    first = ", ".join(drive for drive, _ in others)
    hint = f"This holds for each of the {len(stopped)}: {fault.hint}"
    if len({one.hint for _, one in stopped}) > 1:
        hint = " ".join(f"{drive}: {one.hint}" for drive, one in stopped)
    raise CancelledError(
        f"Stopped while the discs in {first} and {last} were being burned, or read back.", hint
    ) from fault


def _await(threads: Sequence[threading.Thread], ends: Sequence[threading.Event]) -> None:
    """Wait until every thread that was started came to its end; Ctrl-C is heard between two looks.

    An interrupt in `Thread.join` has Python take a thread for ended that still
    works (bpo-45274), and a drive would be left alone with its disc.
    """
    for thread, end in zip(threads, ends, strict=True):
        while not end.wait(_LOOK_EVERY_S) and thread.ident is not None:
            pass


def _require_all_well(result: BurnResult) -> None:
    stopped = [drive.stopped for drive in result.drives if drive.stopped is not None]
    for fault in stopped:
        if isinstance(fault, CancelledError):
            raise fault
    if not stopped:
        return
    # A drive that failed weighs more than a disc that did.
    faults = sorted(stopped, key=lambda fault: -getattr(fault, "exit_code", 1))
    gravest = faults[0]
    if len(result.drives) > 1:
        good = sum(drive.verified for drive in result.drives)
        message = f"{good} of {len(result.drives)} drives made what they had to."
        hint = "The findings say of each disc what to do with it."
        if isinstance(gravest, RefusedError):
            raise RefusedError(message, gravest.findings, hint)
        raise MediaError(message, hint)
    if isinstance(gravest, OSError):
        raise MediaError(
            f"{result.drives[0].drive} cannot be used: {gravest.strerror}.", "Try again."
        )
    raise gravest
