"""What an export is followed by: a job for each volume that burns it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mediastation.station.burning.request import BurnRequest
from mediastation.station.exporting.request import ExportRequest, VolumeResult
from mediastation.station.station import Station


def submit_burns(
    station: Station, request: ExportRequest, volumes: Sequence[VolumeResult]
) -> list[int]:
    """Queue a burn for each volume on the drive that `request` names; return their numbers.

    A volume that has its job already, from an attempt of this export that was
    killed, gets no other one.
    """
    from mediastation.station.serving.submitting import submit  # noqa: PLC0415 - few exports burn

    numbers = []
    for volume in volumes:
        path = Path(volume.path).absolute()
        known = station.jobs.with_request("burn", json.dumps({"image": str(path)})[1:-1])
        numbers.append(
            known[0].id
            if known
            else submit(
                station,
                BurnRequest(
                    path,
                    (request.burn_on,),
                    copies=request.burn_copies,
                    disclosure=request.disclosure,
                ),
            )
        )
    return numbers
