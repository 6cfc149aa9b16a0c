"""A stick as patients bring it, without a directory, and taking it in."""

from __future__ import annotations

from pathlib import Path

from mediastation.errors import MediaError
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.request import ImportRequest, ImportResult
from mediastation.station.station import Station
from tests.support.objects import write_series


def write_stick(folder: Path) -> Path:
    """A folder as a stick has it: a series without a directory, and what comes along."""
    write_series(folder / "IMAGES", 6, PatientID="EXT-1", InstitutionName="Elsewhere")
    (folder / "VIEWER").mkdir()
    (folder / "VIEWER" / "VIEW.EXE").write_bytes(b"MZ" + bytes(500))
    (folder / "AUTORUN.INF").write_bytes(b"[autorun]\r\nopen=VIEWER\\VIEW.EXE\r\n")
    return folder


def take(station: Station, medium: Path, **words: object) -> ImportResult:
    return import_medium(station, ImportRequest(medium, **words))  # type: ignore[arg-type]


def rules(result: ImportResult) -> set[str]:
    return {finding.rule for finding in result.findings}


def no_answer(*_: object) -> None:
    raise MediaError("the drive does not answer")
