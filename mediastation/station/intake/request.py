"""What an import or a reconciliation is asked for, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mediastation.errors import MediastationError
from mediastation.model.finding import Finding
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import OutsideMedium
from mediastation.model.job import Question
from mediastation.model.ledger_facts import DecidedHow
from mediastation.model.likeness import Likeness
from mediastation.model.reconciliation import Candidate


@dataclass(frozen=True, slots=True)
class WantedPatient:
    """Whom an outside patient is to be reconciled with (IHE IRWF.b).

    Parameters
    ----------
    patient_id : str
        Patient ID at this site; empty if nobody was named.
    accession_number : str
        Of the order that the import is done for; tells orders of one patient apart.
    issuer, name, birth_date, sex : str
        Typed values, where the site's rules allow them; all empty as a rule.
    confirm_identity : bool
        Somebody who knows says that both are one person although they differ.
    people : tuple of str
        The identities that were looked at when that was said (`PatientIdentity.key`),
        outside and ours; if others turn up, it does not hold. Empty for whoever they are.
    """

    patient_id: str = ""
    accession_number: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    confirm_identity: bool = False
    people: tuple[str, ...] = ()

    @property
    def is_typed(self) -> bool:
        """Whether values were typed rather than looked up."""
        return bool(self.name or self.birth_date or self.sex or self.issuer)


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """One import.

    Parameters
    ----------
    medium : Path
        A drive, an image, a folder, a ZIP file or an e-mail.
    patient_id, accession_number, issuer, name, birth_date, sex, confirm_identity, people
        See `WantedPatient`; without a Patient ID nothing is reconciled.
    to : str
        Name of the peer that gets what was reconciled; empty for none.
    report_file : Path, optional
        Where the report goes besides the job's folder: ``.htm``, ``.html`` or ``.pdf``.
    key : tuple of Path
        Private keys that secure envelopes are opened with. Their passwords, and that
        of the envelopes, are never in a request: who runs it is given them apart.
    """

    medium: Path
    patient_id: str = ""
    accession_number: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    confirm_identity: bool = False
    people: tuple[str, ...] = ()
    to: str = ""
    report_file: Path | None = None
    key: tuple[Path, ...] = ()

    @property
    def wanted(self) -> WantedPatient:
        """Whom it is to be reconciled with."""
        return WantedPatient(
            self.patient_id, self.accession_number, self.issuer, self.name,
            self.birth_date, self.sex, self.confirm_identity, self.people,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReconcileRequest:
    """Instances from outside that get an identity of this site; the fields of `WantedPatient`."""

    sources: tuple[str, ...]
    patient_id: str
    accession_number: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    confirm_identity: bool = False
    people: tuple[str, ...] = ()
    to: str = ""

    @property
    def wanted(self) -> WantedPatient:
        """Whom they are to be reconciled with."""
        return WantedPatient(
            self.patient_id, self.accession_number, self.issuer, self.name,
            self.birth_date, self.sex, self.confirm_identity, self.people,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class IdentityDecision:
    """What was decided about one outside patient.

    Parameters
    ----------
    outside : PatientIdentity
        As the instances came.
    instances : int
        How many came under it.
    candidate : Candidate, optional
        Who it is here; None where nobody was chosen.
    likeness : Likeness, optional
        How far the two agree.
    how : DecidedHow, optional
        Whether a person, a remembered decision or a rule chose it.
    decided_by, decided_at : str
        Who decided, and when (ISO 8601).
    """

    outside: PatientIdentity
    instances: int = 0
    candidate: Candidate | None = None
    likeness: Likeness | None = None
    how: DecidedHow | None = None
    decided_by: str = ""
    decided_at: str = ""


@dataclass(slots=True)
class ReconcileResult:
    """What came of a reconciliation.

    Parameters
    ----------
    reconciled : int
        Coerced copies that stand for their originals now.
    patients : list of dict
        One for each outside identity: its facts, `instances`, and `reconciled_with`,
        the local identity and who vouches for it, or None.
    sent_by : int
        The job that sends them on; 0 if none. `sent` is what the peer has confirmed.
    decisions : list of IdentityDecision
        What the report tells of these patients.
    stopped, hint, question
        What ended it early, what to do next, and what somebody may decide.
    """

    job: int
    reconciled: int = 0
    refused: int = 0
    patients: list[dict[str, Any]] = field(default_factory=list)
    sent_by: int = 0
    sent: int = 0
    findings: list[Finding] = field(default_factory=list)
    stopped: str = ""
    hint: str = ""
    question: Question | None = None
    decisions: list[IdentityDecision] = field(default_factory=list)
    exit_code: int = 0

    def stop(self, fault: MediastationError) -> None:
        """Take in what ended the job."""
        self.stopped, self.hint, self.exit_code = fault.message, fault.hint, fault.exit_code
        self.question = getattr(fault, "question", None)

    def counts(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {
            "job": self.job,
            "reconciled": self.reconciled,
            "refused": self.refused,
            "patients": self.patients,
            "sent_by": self.sent_by,
            "sent": self.sent,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the keys that the command promises."""
        stopped = {"error": self.stopped, "hint": self.hint} if self.stopped else {}
        return self.counts() | {"findings": [one.as_dict() for one in self.findings]} | stopped


@dataclass(slots=True)
class ImportResult(ReconcileResult):
    """What came of an import.

    Parameters
    ----------
    found : int
        Instances on the medium, and files that should have been some.
    missing : int
        Instances that the directory lists and the medium does not have.
    imported : int
        Instances that are in the catalog now and were not before.
    duplicates : int
        Instances that were there already.
    held : int
        Instances in quarantine, until somebody decides.
    refused : int
        What should have come in and cannot be read.
    repaired : int
        Defects of the directory that were mended on paper.
    left : int
        Other files, which stay on the medium.
    opened : int
        Files that came out of secure envelopes.
    medium : OutsideMedium, optional
        What it was; None where it could not be opened.
    report : str
        Path of the report.
    """

    found: int = 0
    missing: int = 0
    imported: int = 0
    duplicates: int = 0
    held: int = 0
    repaired: int = 0
    left: int = 0
    opened: int = 0
    medium: OutsideMedium | None = None
    report: str = ""

    def counts(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {
            "job": self.job,
            "found": self.found,
            "missing": self.missing,
            "imported": self.imported,
            "duplicates": self.duplicates,
            "refused": self.refused,
            "held": self.held,
            "repaired": self.repaired,
            "left": self.left,
            "opened": self.opened,
            "patients": self.patients,
            "reconciled": self.reconciled,
            "sent_by": self.sent_by,
            "sent": self.sent,
            "medium": asdict(self.medium) if self.medium else None,
            "report": self.report,
        }
