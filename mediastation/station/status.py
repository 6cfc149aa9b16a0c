"""How a station stands, in the few words that fit the head of a screen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StationStatus:
    """What the head of every screen says of the station.

    `waiting` jobs want a decision. `unindexed` is true where the index has to
    be made anew before anything is exported.
    """

    ae_title: str
    institution: str
    address: str
    is_served: bool
    running: int
    waiting: int
    queued: int
    unindexed: bool
