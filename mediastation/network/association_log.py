"""Who is connected and what came of it: the associations of an acceptor, live and ended."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

KEPT_ENDED = 100
"""Associations that are remembered once they ended or were rejected."""


@dataclass(slots=True)
class AssociationFacts:
    """What one association has done so far.

    Parameters
    ----------
    peer : str
        Address and port.
    calling_ae, called_ae : str
        As the request has them.
    since, last_activity : float
        Seconds since the epoch.
    contexts, proposed : int
        Presentation Contexts accepted, of those proposed.
    instances, refused : int
        C-STOREs answered with success, and with anything else.
    bytes : int
        Of data sets, as they came.
    ended_at : float or None
        None while it lives.
    ended : str
        How it ended, in a word or two; empty while it lives.
    """

    peer: str
    calling_ae: str
    called_ae: str
    since: float
    last_activity: float
    contexts: int = 0
    proposed: int = 0
    instances: int = 0
    refused: int = 0
    bytes: int = 0
    ended_at: float | None = None
    ended: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return what the control socket tells."""
        return asdict(self)


class AssociationLog:
    """Counts what associations do; as many live ones as the acceptor allows, few ended ones.

    Each association is counted by its own thread; any thread may look.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._live: list[AssociationFacts] = []
        self._ended: deque[AssociationFacts] = deque(maxlen=KEPT_ENDED)

    def begin(
        self, peer: str, calling_ae: str, called_ae: str, contexts: int, proposed: int
    ) -> AssociationFacts:
        """Take in an association that is established."""
        now = self._now()
        facts = AssociationFacts(peer, calling_ae, called_ae, now, now, contexts, proposed)
        with self._lock:
            self._live.append(facts)
        return facts

    def received(self, facts: AssociationFacts, size_bytes: int) -> None:
        """Count bytes of a data set."""
        facts.bytes += size_bytes
        facts.last_activity = self._now()

    def answered(self, facts: AssociationFacts, *, stored: bool | None) -> None:
        """Count an answered message: a C-STORE and whether it was kept; None for any other."""
        if stored is not None:
            facts.instances += stored
            facts.refused += not stored
        facts.last_activity = self._now()

    def end(self, facts: AssociationFacts, how: str) -> None:
        """Move an association to those that ended."""
        facts.ended_at, facts.ended = self._now(), how
        with self._lock:
            self._live = [each for each in self._live if each is not facts]
            self._ended.append(facts)

    def rejected(self, peer: str, calling_ae: str, called_ae: str, proposed: int) -> None:
        """Remember a request that was turned down."""
        facts = self.begin(peer, calling_ae, called_ae, 0, proposed)
        self.end(facts, "rejected")

    @property
    def live_count(self) -> int:
        """How many associations live."""
        return len(self._live)

    def snapshot(self) -> tuple[list[AssociationFacts], list[AssociationFacts]]:
        """Return copies of the live associations, oldest first, and of the ended, newest first."""
        with self._lock:
            return [replace(one) for one in self._live], [replace(one) for one in self._ended][::-1]
