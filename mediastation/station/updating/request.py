"""What an update is asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mediastation.model.ledger import NOBODY, Disclosure
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.station.exporting.request import ExportRequest


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """One update of a File-set: read from a medium, written to another one.

    Parameters
    ----------
    source : Path
        The medium that holds the File-set: image, device or folder. It is
        only read.
    output : Path
        Image file or folder for the updated File-set.
    add : tuple of str
        Paths, or ``study:UID`` and its like, as for an export.
    remove : tuple of str
        Study, Series or SOP Instance UIDs that are on the medium.
    profile : str
        Name of the Application Profile; empty for the one that the medium was
        made under, as far as it was made here.
    medium : str
        Name of the medium; empty for the profile's default.
    drop_refused, several_patients, confirm_identity : bool
        As for an export. Several people need to be allowed again, whoever put
        them on the medium.
    disclosure : Disclosure
        What the ledger is told of why the data go out.
    """

    source: Path
    output: Path
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    profile: str = ""
    medium: str = ""
    drop_refused: bool = False
    several_patients: bool = False
    confirm_identity: bool = False
    disclosure: Disclosure = NOBODY

    def as_dict(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {**asdict(self), "source": str(self.source), "output": str(self.output)}

    def as_export(self, profile: ApplicationProfile) -> ExportRequest:
        """Return the export that writes the result under `profile`.

        Nothing can be put beside what is sealed. So what is updated under a profile
        that seals was left unsealed, to be looked at, and stays that.
        """
        return ExportRequest(
            sources=self.add,
            profile=profile.name,
            output=self.output,
            medium=self.medium,
            drop_refused=self.drop_refused,
            several_patients=self.several_patients,
            confirm_identity=self.confirm_identity,
            unsealed=profile.security is not Security.NONE,
            disclosure=self.disclosure,
        )
