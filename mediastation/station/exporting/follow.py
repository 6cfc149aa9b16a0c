"""What an export is followed by: a job for each volume that burns it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mediastation.station.burning.request import BurnRequest
from mediastation.station.exporting.request import ExportRequest, VolumeResult
from mediastation.station.station import Station


def submit_burns(
    station: Station, job: int, request: ExportRequest, volumes: Sequence[VolumeResult]
) -> list[int]:
    """Queue a burn for each volume on the drive that `request` names; return their numbers.

    A volume that has its job already, from an attempt of this export `job` that
    was killed, gets no other one. What an earlier export was followed by, of the
    same name perhaps, was for another image.
    """
    from mediastation.station.serving.submitting import submit  # noqa: PLC0415 - few exports burn

    numbers = []
    for volume in volumes:
        path = Path(volume.path).absolute()
        words = json.dumps({"image_sha256": volume.sha256})[1:-1]
        known = [
            one.id
            for one in station.jobs.with_request("burn", words)
            if one.id > job and one.request.get("image") == str(path)
        ]
        numbers.append(
            known[0]
            if known
            else submit(
                station,
                BurnRequest(
                    path,
                    (request.burn_on,),
                    copies=request.burn_copies,
                    disclosure=request.disclosure,
                    image_sha256=volume.sha256,
                ),
            )
        )
    return numbers
