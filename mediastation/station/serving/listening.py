"""Who listens for this home, who is connected to it, and what a sender has to be told."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from mediastation.model.job import JobState
from mediastation.network.association_log import AssociationFacts
from mediastation.station.process_lock import SERVE_LOCK, lock_is_held
from mediastation.station.serving.process import ask_serving

if TYPE_CHECKING:
    from mediastation.station.station import Station

_ELSEWHERE = ("192.0.2.1", 9)
"""An address of TEST-NET-1 (RFC 5737): asking for the way there sends nothing."""
_KNOWN = frozenset(field.name for field in fields(AssociationFacts))


@dataclass(frozen=True, slots=True)
class Listener:
    """The `serve` of a home, as it is now or, while nobody serves, as it would be.

    Parameters
    ----------
    is_served : bool
        Whether a process holds the home.
    answers : bool
        Whether it says who it is: it may still be starting, or ending.
    address, port, ae_title : str, int, str
        Where it listens and as what.
    only_own_title : bool
        Whether calls for another AE title are rejected.
    since : float
        Seconds since the epoch; 0 where nobody knows.
    process : int
        Its number; 0 where nobody knows.
    running : int
        Jobs that are being done.
    stopping : bool
        Whether it was told to end.
    live, ended : tuple of AssociationFacts
        Associations, the oldest and the latest first.
    """

    is_served: bool
    answers: bool
    address: str
    port: int
    ae_title: str
    only_own_title: bool = False
    since: float = 0.0
    process: int = 0
    running: int = 0
    stopping: bool = False
    live: tuple[AssociationFacts, ...] = ()
    ended: tuple[AssociationFacts, ...] = ()

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this computer can reach it."""
        with suppress(ValueError):
            return ipaddress.ip_address(self.address).is_loopback
        return self.address == "localhost"


def read_listener(station: Station) -> Listener:
    """Ask whoever serves the home of `station`; quick, and nothing is changed."""
    settings, home = station.settings, station.home
    who = ask_serving(home, "ping")
    now = station.clock.now()
    running = sum(one.state is JobState.RUNNING for one in station.jobs.open_jobs(now))
    if who is None:
        return Listener(
            is_served=lock_is_held(home / SERVE_LOCK),
            answers=False,
            address=settings.bind,
            port=settings.port,
            ae_title=settings.aet,
            only_own_title=settings.require_called_aet,
            running=running,
        )
    told = ask_serving(home, "associations") or {}
    return Listener(
        is_served=True,
        answers=True,
        address=str(who.get("address", "")),
        port=int(who.get("port", 0)),
        ae_title=str(who.get("aet", "")),
        only_own_title=settings.require_called_aet,
        since=float(who.get("since", 0)),
        process=int(who.get("pid", 0)),
        running=running,
        stopping=bool(who.get("stopping")),
        live=tuple(_facts(told.get("live", ()))),
        ended=tuple(_facts(told.get("ended", ()))),
    )


def hosts_of(address: str) -> tuple[str, ...]:
    """Return what a sender may call this computer by that listens on `address`, best first.

    Empty for loopback. For all addresses, the one that this computer speaks
    to others from, and its name.
    """
    try:
        bound = ipaddress.ip_address(address)
    except ValueError:
        return () if address == "localhost" else (address,)
    if bound.is_loopback:
        return ()
    if not bound.is_unspecified:
        return (address,)
    found = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(_ELSEWHERE)
        found.append(str(sock.getsockname()[0]))
    return (*found, socket.gethostname())


def _facts(told: Iterable[Mapping[str, Any]]) -> Iterable[AssociationFacts]:
    for one in told:
        # The `serve` may be of another version than whoever asks.
        with suppress(TypeError):
            yield AssociationFacts(**{name: one[name] for name in one if name in _KNOWN})
