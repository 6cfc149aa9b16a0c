"""What the catalog holds: entries, where they came from, and what became of an arrival."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mediastation.model.finding import Finding
from mediastation.model.instance import InstanceHeader


class Kind(StrEnum):
    """What an entry is: as it came in, or made here from another entry.

    ``prepared`` is another encoding of it, which can be made again. ``coerced``
    bears an identity of this site in place of an outside one (IHE IRWF.b): it
    stands for a decision, and stays until its original is forgotten.
    """

    ORIGINAL = "original"
    PREPARED = "prepared"
    COERCED = "coerced"


class Outcome(StrEnum):
    """What became of an arrival.

    ``added`` is new. ``duplicate`` has the SOP Instance UID and the data set of
    an entry that is there already. ``conflict`` has the UID of an original but
    another data set: both are kept.
    """

    ADDED = "added"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Source:
    """Where an instance came from.

    `kind` is ``network``, ``folder``, ``file`` or ``image``, ``medium`` for what
    was imported from an outside medium, ``reconciled`` for a coerced copy;
    `detail` a path, or the sender as ``AE@address``.
    """

    kind: str
    detail: str
    calling_ae: str = ""
    called_ae: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """An arrival after it became durable."""

    outcome: Outcome
    entry_id: int
    sop_instance_uid: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The file of an entry, without its header: a set of a million has no room for those."""

    sha256: str
    kind: Kind
    size_bytes: int
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored file with its header.

    `sha256` is of the whole file, `data_sha256` of its data set alone; the
    first proves copies, the second recognises duplicates whose file meta
    differ. `patient` is the catalog's number of the patient identity.
    """

    id: int
    kind: Kind
    patient: int
    sha256: str
    data_sha256: str
    size_bytes: int
    header: InstanceHeader

    @property
    def file(self) -> StoredFile:
        """The stored file alone."""
        return StoredFile(self.sha256, self.kind, self.size_bytes, self.header.transfer_syntax_uid)
