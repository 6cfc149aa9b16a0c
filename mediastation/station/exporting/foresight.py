"""What would come out of an export: decided in full, and nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.errors import MediastationError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding
from mediastation.model.job import Question

if TYPE_CHECKING:
    from mediastation.burn.drive import Drive
    from mediastation.media.planning import MediumRow
    from mediastation.station.exporting.request import ExportRequest, VolumeResult
    from mediastation.station.station import Station

_PLACE = "planned"
"""Stands for an output that nobody has named yet; nothing of that name is made."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """What an export would come to.

    Parameters
    ----------
    volumes : sequence of VolumeResult
        The volumes that would be written; none where something stops it.
    media : sequence of MediumRow
        What the set would take of each medium of the profile.
    findings : sequence of Finding
        All that was found.
    refused : int
        Instances that may not go out.
    stopped, hint : str
        Why nothing would be written, and what to do about it; empty if it would.
    question : Question or None
        What somebody may decide so that it goes on.
    """

    volumes: Sequence[VolumeResult] = ()
    media: Sequence[MediumRow] = ()
    findings: Sequence[Finding] = ()
    refused: int = 0
    stopped: str = ""
    hint: str = ""
    question: Question | None = None


def foresee(station: Station, request: ExportRequest, listener: Listener = nobody) -> Foresight:
    """Check and plan an export; faults of the request and of the data are told, not raised.

    An `output` that is the station's home stands for one that is chosen later.
    A `listener` that raises `CancelledError` ends it.
    """
    from mediastation.station.exporting.export import export  # noqa: PLC0415 - not for the first paint

    request = replace(request, plan_only=True, burn_on="", output=_stand_in(station, request))
    try:
        result = export(station, request, listener)
    except MediastationError as fault:
        return Foresight(stopped=fault.message, hint=fault.hint)
    return Foresight(
        result.volumes,
        result.media,
        result.findings,
        result.refused,
        result.stopped,
        result.hint,
        result.question,
    )


def drives_here(station: Station) -> list[Drive]:  # noqa: ARG001 - called through a desk
    """Return the drives of this computer; takes seconds where a disc spins up."""
    from mediastation.station.burning.drives import list_drives  # noqa: PLC0415

    return list_drives()


def _stand_in(station: Station, request: ExportRequest) -> Path:
    if request.output != station.home or request.format not in {"folder", ""}:
        return request.output
    return station.home / _PLACE
