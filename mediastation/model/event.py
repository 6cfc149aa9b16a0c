"""What a use case tells while it works. It never asks who is listening."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mediastation.model.finding import Finding


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step began; `total` is 0 where its length is unknown, `unit` is what it counts."""

    step: str
    total: int = 0
    unit: str = ""


@dataclass(frozen=True, slots=True)
class StepProgress:
    """`done` of `total` units of `step` are behind us."""

    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step ended well; `summary` says with what."""

    step: str
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, at the moment it was made."""

    finding: Finding


Event = StepStarted | StepProgress | StepDone | Found
Listener = Callable[[Event], None]


def nobody(event: Event) -> None:
    """Listen to nothing."""
