"""A patient who brings a stick from elsewhere, and whom the station may know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mediastation.station.gather import add
from mediastation.station.station import Station
from tests.support.objects import write_ct

OUTSIDE: dict[str, Any] = {
    "PatientID": "EXT-1",
    "PatientName": "Roe^Jane",
    "PatientBirthDate": "19610203",
    "PatientSex": "F",
    "InstitutionName": "Elsewhere",
    "AccessionNumber": "X99",
}
OURS = {**OUTSIDE, "PatientID": "4711", "InstitutionName": "Here"}
ELSEWHERE: dict[str, Any] = {"StudyInstanceUID": "1.2.50", "SeriesInstanceUID": "1.2.50.1"}


def add_ours(home: Path, path: Path, uid: str, **facts: Any) -> None:
    write_ct(path, SOPInstanceUID=uid, **{**ELSEWHERE, **facts})
    with Station(home) as station:
        add(station, [str(path)])
