"""Serving the network: one process a home, until it is told to stop."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mediastation import __version__
from mediastation.collect.storage import StorageIntake
from mediastation.config import AET_PATTERN
from mediastation.errors import ConfigError, MediaError
from mediastation.network.acceptor import Limits
from mediastation.network.storage_scp import StorageScp
from mediastation.station.process_lock import SERVE_LOCK, hold_lock
from mediastation.station.recording.audit_folder import write_missing_messages
from mediastation.station.recording.ledger import record_application
from mediastation.station.serving.control import Control
from mediastation.station.serving.secret_shelf import SecretShelf
from mediastation.station.serving.supervisor import Supervisor
from mediastation.station.station import Station
from mediastation.station.stop_signal import Stop
from mediastation.station.unfinished import settle_unfinished

_LOG = logging.getLogger(__name__)


def serve(
    station: Station,
    *,
    stop: Stop,
    on_ready: Callable[[str, int], None],
    ae_title: str | None = None,
    bind: str | None = None,
    port: int | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    stop_timeout_s: float = 10.0,
    with_workers: bool = True,
    is_urgent: Callable[[], bool] = lambda: False,
) -> None:
    """Receive instances into the catalog of `station`, and run its jobs, until `stop` is set.

    Opening the intake removes what a dead process left half received, and
    indexes what it stored without a row. Whatever is running when `stop` is
    set may finish for `stop_timeout_s`; the rest is aborted unacknowledged.

    Parameters
    ----------
    station : Station
        Its settings fill in for `ae_title`, `bind` and `port`.
    stop : Event or StopSignal
        Set by whoever handles the signals, or through the control socket.
    on_ready : callable
        Called once with the address and port that are bound.
    limits : Limits
        What peers may make the station spend.
    with_workers : bool
        Whether worker processes are begun for the jobs in the queue.
    is_urgent : callable
        Asked while a disc is waited for at the end: true gives it up.

    Raises
    ------
    ConfigError
        If another process serves this home.
    NetworkError
        If the address cannot be listened on.
    MediaError
        If the home cannot be used.
    """
    settings = station.settings
    title = settings.aet if ae_title is None else ae_title
    if not re.fullmatch(AET_PATTERN, title):
        raise ConfigError(
            f"{title!r} is no Application Entity Title.",
            "It has 1 to 16 characters of ASCII, no backslash, and begins with no blank.",
        )
    with hold_serve_lock(station.home):
        intake = station.intake
        for finding in intake.recovered:
            _LOG.warning("%s: %s", finding.subject, finding.message)
        storage = StorageIntake(intake, settings.disk_reserve_bytes)
        scp = StorageScp(
            intake.folder,
            storage.keep,
            ae_title=title,
            bind=bind or settings.bind,
            port=settings.port if port is None else port,
            require_called_aet=settings.require_called_aet,
            limits=limits,
            has_room=storage.has_room,
        )
        address = scp.start()
        shelf = SecretShelf()
        supervisor = (
            Supervisor(
                station,
                settings.finish_disc_seconds,
                upkeep=lambda: shelf.clear_ended(station),
            )
            if with_workers
            else None
        )
        identity = {
            "version": __version__,
            "pid": os.getpid(),
            "address": address[0],
            "port": address[1],
            "aet": title,
            "since": station.clock.now(),
        }
        control = Control(station, identity, scp.associations, supervisor, stop, shelf)
        try:
            _record(station, started=True, address=address)
            if supervisor is not None:
                supervisor.start()
            control.start()
            on_ready(*address)
            stop.wait()
        finally:
            if not scp.stop(stop_timeout_s):
                _LOG.error("an association did not end; what it sent last was not acknowledged")
            if supervisor is not None:
                supervisor.stop(is_urgent)
            control.close()
            _record(station, started=False, address=address)


def _record(station: Station, *, started: bool, address: tuple[str, int]) -> None:
    """Record start or stop; a full disk keeps nobody from sending when there is room again."""
    try:
        if started:
            write_missing_messages(station)
            for finding in settle_unfinished(station):
                _LOG.warning("%s: %s", finding.subject, finding.message)
        record_application(station, started=started, address=f"{address[0]}:{address[1]}")
    except MediaError as fault:
        _LOG.error("not recorded in the ledger: %s", fault.message)


@contextmanager
def hold_serve_lock(home: Path) -> Iterator[None]:
    """Hold the lock that makes this the one process that serves `home`.

    The lock goes with the process, however it ends; the file stays.

    Raises
    ------
    ConfigError
        If another process holds it; its number is told.
    """

    def refuse(holder: str) -> ConfigError:
        return ConfigError(
            f"{home} is served already, by process {holder}.",
            "Stop that process first, or give another --home.",
        )

    with hold_lock(home / SERVE_LOCK, refuse):
        yield
