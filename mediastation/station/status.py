"""How a station stands, in the few words that fit the head of a screen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StationStatus:
    """What the head of every screen says of the station.

    `asking` are the jobs that want a decision, the oldest first, as many as
    anybody reads. `answers` is whether whoever serves says so: it may be
    starting, ending, or of another account. `associations` are those that live
    now. `unindexed` is true where the index has to be made anew before
    anything is exported.
    """

    ae_title: str
    institution: str
    address: str
    is_served: bool
    running: int
    waiting: int
    queued: int
    unindexed: bool
    answers: bool = False
    associations: int = 0
    asking: tuple[int, ...] = ()
