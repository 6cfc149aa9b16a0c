"""What the ledger is told of imports, of identities that were given, and of the network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import OutsideMedium
from mediastation.model.ledger import LedgerPatient, LedgerStudy
from mediastation.model.reconciliation import CandidateOrigin


@dataclass(frozen=True, slots=True)
class ImportFacts:
    """What came on one outside medium, and what became of it.

    Parameters
    ----------
    medium : OutsideMedium
        As it is recognised again.
    found : int
        Instances on it: all that follow but `repaired` add up to it.
    imported, duplicates : int
        Instances that are new in the store, and those that were there already.
    held, refused : int
        Instances that wait in quarantine for a decision, and those that nobody
        can take in as they are.
    repaired : int
        Things that were put right, of the directory and of instances.
    patients, studies : tuple
        Whose instances were imported, and of which studies, under the
        identities that they came with; instances are counted in the studies.
    kept_patients, kept_studies : tuple
        The same of what was held or refused, as far as it could be read.
    files_sha256 : str
        SHA-256 of the digests of the imported files in hexadecimal, sorted,
        each with a newline behind it.
    media_type : str
        What the drive says that it is, such as ``CD-R`` or ``DVD+R``; empty
        where no drive was asked.
    encrypted : bool
        Whether every instance came out of a secure envelope.
    """

    medium: OutsideMedium
    found: int
    imported: int
    duplicates: int = 0
    held: int = 0
    refused: int = 0
    repaired: int = 0
    patients: tuple[LedgerPatient, ...] = ()
    studies: tuple[LedgerStudy, ...] = ()
    kept_patients: tuple[LedgerPatient, ...] = ()
    kept_studies: tuple[LedgerStudy, ...] = ()
    files_sha256: str = ""
    media_type: str = ""
    encrypted: bool = False

    @property
    def kept_back(self) -> int:
        """Instances that are not in the store."""
        return self.held + self.refused

    def as_facts(self) -> dict[str, Any]:
        """Return what the entry about imported instances keeps."""
        return self._common() | {
            "patients": [asdict(one) for one in self.patients],
            "studies": [asdict(one) for one in self.studies],
            "files_sha256": self.files_sha256,
        }

    def as_kept_facts(self) -> dict[str, Any]:
        """Return what the entry about instances that were left outside keeps."""
        return self._common() | {
            "patients": [asdict(one) for one in self.kept_patients],
            "studies": [asdict(one) for one in self.kept_studies],
        }

    def _common(self) -> dict[str, Any]:
        counts = ("found", "imported", "duplicates", "held", "refused", "repaired")
        # Not "medium": that is one which was made here.
        return {
            "outside_medium": asdict(self.medium),
            "media_type": self.media_type,
            "counts": {name: getattr(self, name) for name in counts},
            **({"encrypted": True} if self.encrypted else {}),
        }


class DecidedHow(StrEnum):
    """How it came that an outside patient was given an identity of this site."""

    PERSON = "person"
    REMEMBERED = "remembered"
    """A person had decided the same before, for this origin."""
    SITE_RULE = "site-rule"
    """A rule of the site, and every demographic agreed."""


@dataclass(frozen=True, slots=True)
class ReconcileFacts:
    """One outside identity, the identity of this site that it was given, and on whose word.

    Parameters
    ----------
    outside, local : PatientIdentity
        As the instances came, and as their copies are named.
    origin : CandidateOrigin
        Who vouches for `local`; `peer` is the name of the one that was asked.
    how : DecidedHow
        Whether a person, a remembered decision or a rule chose it.
    decided_by, decided_at : str
        Who decided, and when (ISO 8601); of a remembered decision, then.
    accession_number : str
        That the copies bear; empty without an order.
    instances : int
        Copies that were made.
    studies : tuple of LedgerStudy
        Of which.
    files_sha256 : str
        As in `ImportFacts`, of the copies.
    """

    outside: PatientIdentity
    local: PatientIdentity
    origin: CandidateOrigin
    how: DecidedHow
    instances: int
    peer: str = ""
    decided_by: str = ""
    decided_at: str = ""
    accession_number: str = ""
    studies: tuple[LedgerStudy, ...] = ()
    files_sha256: str = ""

    def as_facts(self) -> dict[str, Any]:
        """Return what the entry keeps; its patient is the one of this site."""
        local = self.local
        patient = LedgerPatient(local.patient_id, local.name, local.birth_date)
        return {**asdict(self), "patients": [asdict(patient)]}


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """Instances of one patient on their way between this station and a peer.

    Parameters
    ----------
    peer : str
        Its name in the settings; `aet`, `host` and `port` are its address.
    patient : LedgerPatient
        Whose instances they are, as they go.
    studies : tuple of LedgerStudy
        Of which; `LedgerStudy.whole` says nothing here.
    instances : int
        How many.
    new : int
        How many of them the receiver did not have, where that is this station.
    files_sha256 : str
        As in `ImportFacts`, of the originals here.
    """

    peer: str
    aet: str
    host: str
    port: int
    patient: LedgerPatient
    studies: tuple[LedgerStudy, ...]
    instances: int
    new: int = 0
    files_sha256: str = ""

    def as_facts(self) -> dict[str, Any]:
        """Return what the entry keeps."""
        facts = asdict(self)
        patient = facts.pop("patient")
        address = {name: facts.pop(name) for name in ("peer", "aet", "host", "port")}
        return {**facts, "transfer": address, "patients": [patient]}
