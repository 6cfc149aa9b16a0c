"""Which patient of this site an outside patient is: candidates, and how far they agree."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mediastation.model.identity import PatientIdentity
from mediastation.model.likeness import Likeness


class CandidateOrigin(StrEnum):
    """Who vouches for an identity of this site (IHE IRWF.b: never the keyboard, unless allowed)."""

    WORKLIST = "worklist"
    PEER = "peer"
    CATALOG = "catalog"
    TYPED = "typed"


@dataclass(frozen=True, slots=True)
class CodedEntry:
    """One item of a code sequence (PS3.3, 8.8-1)."""

    value: str
    scheme: str
    meaning: str
    scheme_version: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What a Modality Worklist entry says of the order that an import is done for.

    `referenced_study` has SOP Class and Instance UID of each item of Referenced
    Study Sequence (0008,1110).
    """

    accession_number: str = ""
    accession_issuer: str = ""
    requested_procedure_id: str = ""
    requested_procedure_description: str = ""
    scheduled_step_id: str = ""
    scheduled_step_description: str = ""
    study_instance_uid: str = ""
    scheduled_at: str = ""
    procedure_codes: tuple[CodedEntry, ...] = ()
    referenced_study: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One patient of this site, and where that is known from.

    `peer` is the name of the peer that answered; empty for the catalog and for
    typed values. `order` is there for worklist entries alone.
    """

    identity: PatientIdentity
    origin: CandidateOrigin
    peer: str = ""
    order: Order | None = None
    other_patient_ids: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate beside an outside identity, and how alike they are.

    `remembered` says that the same outside identity was given this one before.
    """

    candidate: Candidate
    likeness: Likeness
    remembered: bool = False
