"""What an export is asked for, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mediastation.media.planning import MediumRow
from mediastation.model.finding import Finding
from mediastation.model.job import Question
from mediastation.model.ledger import NOBODY, Disclosure
from mediastation.model.transfer_syntax import COMPRESSIONS


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export.

    Parameters
    ----------
    sources : tuple of str
        Paths, or ``study:UID`` and its like.
    profile : str
        Name of the Application Profile that the medium is to claim.
    output : Path
        The image file or folder; where several volumes come out, the folder
        for them.
    medium : str
        Name of the medium; empty for the profile's default.
    capacity_bytes : int or None
        Overrides the medium's capacity.
    label : str
        Becomes the File-set ID; empty to take it from the patient.
    plan_only : bool
        Decide everything and write no image.
    drop_refused : bool
        Go on without the instances that may not go out.
    several_patients : bool
        The set is meant to be a collection of several people.
    confirm_identity : bool
        People who look like one are one: somebody who knows says so.
    people : tuple of str
        The identities that were looked at when that, or `several_patients`,
        was said (`PatientIdentity.key`). If somebody else is in the set by the
        time it is checked, neither holds. Empty for whoever is in it.
    compress : str
        A word of `COMPRESSIONS`; empty to compress only where the profile
        leaves no choice.
    icons : bool
        Put icons into the directory where the profile leaves that open.
    format : str
        A word of `Format`; empty for the usual one of the medium.
    include : tuple of Path
        Folders of the site's that go onto every volume.
    disclosure : Disclosure
        What the ledger is told of why the data go out.
    burn_on : str
        A drive; a job in the queue is then made for each volume, once all are
        verified, that burns it there.
    burn_copies : int
        Discs of each volume.
    names_of : int
        The import whose instances keep the File IDs that they came with, where
        these are legal; 0 for new ones.
    recipients : tuple of Path
        Certificates of those who open a sealed medium with their keys.
    recipient_digests : tuple of str
        SHA-256 of each of these certificates when the export was asked for. Nothing
        is sealed if a file holds another one by the time it is read. Empty for
        whatever they hold.
    with_password : bool
        A password opens it, too. The request never has it: who runs the
        request is given it apart.
    unsealed : bool
        Write the plain File-set of a secure profile, as a folder, for looking
        at what would be sealed.
    """

    sources: tuple[str, ...]
    profile: str
    output: Path
    medium: str = ""
    capacity_bytes: int | None = None
    label: str = ""
    plan_only: bool = False
    drop_refused: bool = False
    several_patients: bool = False
    confirm_identity: bool = False
    people: tuple[str, ...] = ()
    compress: str = ""
    icons: bool = False
    format: str = ""
    include: tuple[Path, ...] = ()
    recipients: tuple[Path, ...] = ()
    recipient_digests: tuple[str, ...] = ()
    with_password: bool = False
    unsealed: bool = False
    disclosure: Disclosure = NOBODY
    burn_on: str = ""
    burn_copies: int = 1
    names_of: int = 0

    @property
    def compress_syntax(self) -> str:
        """Transfer Syntax UID of `compress`; empty for none. `KeyError` for an unknown word."""
        return COMPRESSIONS[self.compress] if self.compress else ""

    def as_dict(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {
            **asdict(self),
            "output": str(self.output),
            "include": [str(folder.absolute()) for folder in self.include],
            "recipients": [str(path.absolute()) for path in self.recipients],
        }


def _row(row: MediumRow) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name != "findings"}


@dataclass(frozen=True, slots=True)
class VolumeResult:
    """One volume of an export; `verified` is false for one that was only planned.

    `label` is the path of what is to be printed on a disc, empty for other media.
    `sealed_directory_sha256` is the digest of the envelope that the DICOMDIR lies
    in, by which the medium is known again; empty where it is not sealed.
    """

    path: str
    file_set_id: str
    file_set_uid: str
    instances: int
    size_bytes: int
    sha256: str
    verified: bool
    label: str = ""
    sealed_directory_sha256: str = ""


@dataclass(slots=True)
class ExportResult:
    """What came of an export.

    Where only a plan was asked for, `media` compares those of the profile, and
    `plan` has the studies of each volume; `burns` are the jobs that burn them;
    `stopped` says in a sentence why nothing was written, if so, and `question`
    what somebody might decide so that it is.
    """

    job: int
    profile: str
    volumes: list[VolumeResult] = field(default_factory=list)
    transcoded: int = 0
    refused: int = 0
    burns: list[int] = field(default_factory=list)
    media: list[MediumRow] = field(default_factory=list)
    plan: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    stopped: str = ""
    hint: str = ""
    question: Question | None = None

    def as_dict(self, *, with_findings: bool = True) -> dict[str, Any]:
        """Return the keys that the command promises; the job table keeps findings apart."""
        result: dict[str, Any] = {
            "job": self.job,
            "profile": self.profile,
            "volumes": [asdict(volume) for volume in self.volumes],
            "transcoded": self.transcoded,
            "refused": self.refused,
        }
        if self.burns:
            result["burns"] = self.burns
        if self.media:
            result["media"] = [_row(row) for row in self.media]
            result["plan"] = self.plan
        if with_findings:
            result["findings"] = [finding.as_dict() for finding in self.findings]
        return result
