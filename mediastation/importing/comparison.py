"""How one arriving instance stands to another: the values that a decision is about."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from mediastation.catalog.lookups import KnownInstance
from mediastation.dicom.attribute_differences import Differences
from mediastation.importing.judge import PixelVerdict
from mediastation.model.entry import Kind
from mediastation.model.identity import PatientIdentity, normalise
from mediastation.model.importing import ArrivedFile, Standing
from mediastation.model.likeness import Verdict, compare_identities


@dataclass(frozen=True, slots=True)
class Counterpart:
    """The instance that an arriving one is compared with.

    It is here (`entry`), or came before on the same medium (`path`). `kind`
    tells originals from copies that were made here; `source` and `received_at`
    (seconds since the epoch) are of what is here alone.
    """

    sop_instance_uid: str
    data_sha256: str
    study_instance_uid: str
    series_instance_uid: str
    size_bytes: int
    identity: PatientIdentity
    entry: int | None = None
    path: str = ""
    kind: Kind = Kind.ORIGINAL
    source: str = ""
    received_at: float = 0.0

    @classmethod
    def of_known(cls, known: KnownInstance) -> Counterpart:
        """Return an entry as a counterpart."""
        return cls(
            known.sop_instance_uid,
            known.data_sha256,
            known.study_instance_uid,
            known.series_instance_uid,
            known.size_bytes,
            known.identity,
            entry=known.entry,
            kind=known.kind,
            source=known.source,
            received_at=known.received_at,
        )

    @classmethod
    def of_arrived(cls, arrived: ArrivedFile) -> Counterpart:
        """Return an instance of the same medium as a counterpart."""
        return cls(
            arrived.sop_instance_uid,
            arrived.data_sha256,
            arrived.study_instance_uid,
            arrived.series_instance_uid,
            arrived.size_bytes,
            arrived.identity,
            path=arrived.path,
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one arriving instance stands.

    Parameters
    ----------
    standing : Standing
        The nearest that applies, in the order of ``other-pixels``,
        ``other-header``, ``other-patient``, ``copied-pixels``; a duplicate is
        none of these.
    counterpart : Counterpart, optional
        What it is compared with; of another patient's study one instance
        stands for all. None for what is new.
    pixels : PixelVerdict, optional
        Of two instances with one UID.
    differences : Differences
        Of their attributes; `one` is here (or came before), `other` arrives.
    rewritten : bool
        Whether a duplicate has the same content in other bytes.
    """

    standing: Standing
    counterpart: Counterpart | None = None
    pixels: PixelVerdict | None = None
    differences: Differences = Differences()  # noqa: RUF009 - frozen
    rewritten: bool = False

    @property
    def other(self) -> int | None:
        """The entry that it is compared with, if that is here."""
        return self.counterpart.entry if self.counterpart else None

    @property
    def other_path(self) -> str:
        """The path of what it is compared with, if that came on the same medium."""
        return self.counterpart.path if self.counterpart else ""

    @property
    def made_here(self) -> bool:
        """Whether a duplicate is of a copy that this station made."""
        return self.counterpart is not None and self.counterpart.kind is not Kind.ORIGINAL


def subject_of(arrived: ArrivedFile, comparison: Comparison) -> str:
    """Return what a decision about a contradiction is remembered under.

    For one study under two patients it is the study and the two identities,
    spelling apart: one decision counts for the whole study. For all others it
    is both instances, each with its data set. Empty without a contradiction.
    """
    other = comparison.counterpart
    if other is None or comparison.standing in (Standing.NEW, Standing.DUPLICATE):
        return ""
    facts: list[object] = [comparison.standing.value]
    if comparison.standing is Standing.OTHER_PATIENT:
        facts += [arrived.study_instance_uid, *map(_normal, (other.identity, arrived.identity))]
    else:
        facts += [other.sop_instance_uid, other.data_sha256]
        facts += [arrived.sop_instance_uid, arrived.data_sha256]
    return hashlib.sha256(json.dumps(facts, ensure_ascii=True).encode("ascii")).hexdigest()


def is_stranger(one: PatientIdentity, other: PatientIdentity) -> bool:
    """Tell whether two identities cannot be one person; one that names nobody can be anybody."""
    if one.names_nobody or other.names_nobody:
        return False
    return compare_identities(one, other).verdict is Verdict.APART


def _normal(identity: PatientIdentity) -> list[object]:
    normal = normalise(identity)
    return [normal.patient_id, normal.issuer, normal.name, normal.birth_date, normal.sex]
