"""The other DICOM applications of the site: which there are, and whether they answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mediastation.config import Peer, PeerService
from mediastation.errors import ConfigError, NetworkError
from mediastation.network.query_retrieve_scu import Model, NotServedError
from mediastation.network.requestor import AssociationRejectedError, RemoteAe
from mediastation.network.storage_scu import verify
from mediastation.station.station import Station

_WORDS: dict[str, str] = {
    "store": "take instances",
    "find": "be queried",
    "get": "be fetched from",
    "move": "be fetched from",
    "worklist": "be asked for its worklist",
}


@dataclass(frozen=True, slots=True)
class NamedPeer:
    """A peer of the settings under its name; `calling_ae` is what we call ourselves to it."""

    name: str
    settings: Peer
    calling_ae: str

    @property
    def model(self) -> Model:
        """The information model of its queries."""
        return Model.PATIENT if self.settings.information_model == "patient" else Model.STUDY

    @property
    def address(self) -> str:
        """What it is, to tell whether it is still the same: title, host and port."""
        return f"{self.settings.aet}@{self.settings.host}:{self.settings.port}"

    def remote(self, timeout_s: float | None = None) -> RemoteAe:
        """Return how to reach it; `timeout_s` in place of its own for slow answers."""
        peer = self.settings
        return RemoteAe(
            host=peer.host,
            port=peer.port,
            called_ae=peer.aet,
            calling_ae=self.calling_ae,
            timeout_s=peer.timeout_s if timeout_s is None else timeout_s,
            connect_timeout_s=peer.connect_timeout_s,
            max_pdu_length=peer.max_pdu_bytes,
        )


def peers(station: Station) -> list[dict[str, Any]]:
    """Return the peers of the settings as rows, by name."""
    return [
        {
            "name": name,
            "title": peer.title or name,
            "calling_aet": peer.calling_aet or station.settings.aet,
            **peer.model_dump(mode="json", exclude={"title", "calling_aet"}),
        }
        for name, peer in sorted(station.settings.peers.items())
    ]


def require_peer(station: Station, name: str, *services: PeerService) -> NamedPeer:
    """Return the peer called `name`, which is for one of `services`, if any are given.

    Raises
    ------
    ConfigError
        If there is none of that name, or it is for something else.
    """
    known = station.settings.peers
    file = station.home / "config.toml"
    if name not in known:
        there = f"There are: {', '.join(sorted(known))}." if known else "None is configured yet."
        raise ConfigError(
            f"There is no peer {name!r}.",
            f"{there} A section [peers.{name}] in {file} makes one: aet, host, port.",
        )
    peer = known[name]
    if services and not set(services) & set(peer.services):
        raise ConfigError(
            f"The peer {name} is not there to {_WORDS[services[0]]}.",
            f"Its services in {file} are: {', '.join(peer.services) or 'none'}; "
            f"{' or '.join(map(repr, services))} is not among them.",
        )
    return NamedPeer(name, peer, peer.calling_aet or station.settings.aet)


def echo(station: Station, name: str) -> float:
    """Verify that a peer answers (C-ECHO; PS3.4 A); return the seconds it took.

    Raises
    ------
    ConfigError
        If there is no such peer.
    NetworkError
        If it cannot be reached, rejects us, or fails.
    """
    peer = require_peer(station, name)
    with peer_named(peer):
        return verify(peer.remote())


@contextmanager
def peer_named(peer: NamedPeer) -> Iterator[None]:
    """Tell which peer it was that a `NetworkError` speaks of, and what to do next."""
    try:
        yield
    except NetworkError as fault:
        raise told(peer, fault) from fault


def told(peer: NamedPeer, fault: NetworkError) -> NetworkError:
    """Return `fault` as people are told it."""
    message = fault.message.rstrip(".")
    if not message.startswith(peer.name):
        message = f"{peer.name}: {message}"
    if isinstance(fault, NotServedError):
        hint = "Another information_model or other services in the settings of the peer may do."
        return NotServedError(f"{message}.", fault.hint or hint)
    hint = fault.hint or f"`mediastation echo {peer.name}` shows whether it answers."
    return NetworkError(f"{message}.", hint)


def may_pass(fault: NetworkError) -> bool:
    """Tell whether what failed may succeed when it is tried again."""
    return not isinstance(fault, AssociationRejectedError) or fault.is_transient


def status_words(status: int) -> str:
    """Return what a status means in words, with its code (PS3.7 Annex C; PS3.4 B.2.3, C.4)."""
    words = _STATUSES.get(status)
    if words is None:
        words = next((text for (low, high), text in _RANGES if low <= status <= high), "failed")
    return f"{words} (status {status:04X})"


_STATUSES = {
    0x0105: "no such attribute",
    0x0106: "an attribute has a value that it cannot have",
    0x0110: "it failed to process it",
    0x0111: "it has that instance already",
    0x0117: "the SOP Instance UID is invalid",
    0x0118: "there is no such SOP Class",
    0x0122: "it does not support the SOP Class",
    0x0124: "it does not let us",
    0x0210: "the message came twice",
    0x0211: "it does not know the operation",
    0x0212: "an argument is mistyped",
    0xA701: "it cannot count what matches",
    0xA702: "it could not send anything",
    0xA801: "it does not know the title it was to send to",
    0xB000: "it changed values",
    0xB006: "it left elements out",
    0xB007: "it stored it although the data set does not match the SOP Class",
    0xFE00: "it was cancelled",
}
_RANGES = (
    ((0xA700, 0xA7FF), "it is out of room or resources"),
    ((0xA900, 0xA9FF), "the data set does not match the SOP Class"),
    ((0xB000, 0xBFFF), "it warns"),
    ((0xC000, 0xCFFF), "it cannot understand it"),
)
