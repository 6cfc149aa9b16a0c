"""Repair: an outside medium written anew, with a directory that says what lies on it.

The instances come into the catalog as by any import, and go out as they came,
under the File IDs that they had where those are legal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mediastation.importing.repaired_set import ON_A_DISC, ON_A_STICK
from mediastation.model.event import Listener, nobody
from mediastation.model.medium import Format
from mediastation.station.exporting.export import export
from mediastation.station.exporting.output import require_output
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.repaired_medium import plan_medium_anew
from mediastation.station.intake.request import ImportRequest, ImportResult
from mediastation.station.station import Station

_IMAGES = frozenset({".iso", ".img"})


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """One medium to be written anew.

    Parameters
    ----------
    medium : Path
        What is read, and stays as it is.
    output : Path
        The new image file or folder.
    profile : str
        Application Profile; empty for the first general one that takes all as it is.
    several_patients, confirm_identity : bool
        As for an export.
    """

    medium: Path
    output: Path
    profile: str = ""
    several_patients: bool = False
    confirm_identity: bool = False


def repair(
    station: Station, request: RepairRequest, listener: Listener = nobody
) -> tuple[ImportResult, ExportResult | None]:
    """Import `request.medium` and export what came, with a new directory.

    Returns
    -------
    ImportResult, ExportResult or None
        What came of both; without the second, no profile takes it all, and the
        findings of the first say why.

    Raises
    ------
    ConfigError
        If there is no such medium or profile, or the output cannot be there.
    MediaError
        If a medium or disk fails.
    """
    is_image = request.output.suffix.lower() in _IMAGES
    require_output(station, request.output, Format.ISO9660 if is_image else Format.FOLDER)
    if request.profile:
        station.find_profile(request.profile)
    taken = import_medium(station, ImportRequest(request.medium), listener)
    if not taken.imported + taken.duplicates:
        return taken, None
    profile = request.profile
    if not profile:
        plan = plan_medium_anew(
            station,
            taken.job,
            ON_A_DISC if is_image else ON_A_STICK,
            several_patients=request.several_patients,
            confirm_identity=request.confirm_identity,
        )
        taken.findings += plan.findings
        if not plan.profile:
            taken.stopped = "No Application Profile takes everything as it is; nothing was written."
            taken.hint = "The findings say why, and what to do."
            taken.exit_code = 1
            return taken, None
        profile = plan.profile
    made = export(
        station,
        ExportRequest(
            (f"import:{taken.job}",),
            profile,
            request.output,
            several_patients=request.several_patients,
            confirm_identity=request.confirm_identity,
            names_of=taken.job,
        ),
        listener,
    )
    return taken, made
