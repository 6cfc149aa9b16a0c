"""The ledger's values: what is recorded of a medium, and how one entry becomes a line.

A line is ``{"mac":"…","entry":…}``. The entry is JSON with sorted keys and no
blanks; it names its own number, the key and ``before``, the SHA-256 of the line
in front of it. The code over the entry is HMAC-SHA256 under the station's key.
So the code proves an entry, and with it everything before; and the SHA-256 of
a line alone, printed on a label, still proves everything up to it when the key
is lost, to anybody who has ``sha256sum``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from mediastation.model.manifest import ManifestFile, write_digest_list
from mediastation.model.text import storable

NO_LINE = "0" * 64
"""What stands for the line before the first."""
MOST_LINE_BYTES = 128 << 20
"""A medium of 600,000 studies, one instance each, takes less."""

_LINE = re.compile(r'\{"mac":"([0-9a-f]{64})","entry":(\{.*\})\}', re.DOTALL)
_HEAD = re.compile(r"(?:(\d{1,18}):)?([0-9a-f]{16,64})")
_BLANKS = re.compile(r"\s")


class LedgerEvent(StrEnum):
    """What an entry tells."""

    MADE = "made"
    """A medium was written and reread, and is about to get its name."""
    BURNED = "burned"
    REPRINTED = "reprinted"
    WITHDRAWN = "withdrawn"
    """What an earlier entry tells did not come to pass, or not wholly."""
    FORGOTTEN = "forgotten"
    """Instances are about to be removed from the store."""
    IMPORTED = "imported"
    """What came on an outside medium was taken into the store."""
    REFUSED = "refused"
    """What came on an outside medium was not taken in, or is held back."""
    RECONCILED = "reconciled"
    """Copies of imported instances were made under an identity of this site."""
    SENDING = "sending"
    """Instances are about to go to a peer over the network."""
    SENT = "sent"
    """A peer confirmed that it has them."""
    FETCHED = "fetched"
    """Instances came from a peer that was asked for them."""
    OPENED = "opened"
    """Sealed files were taken out of their envelopes; the plain folder is about to get its name."""
    DRILLED = "drilled"
    """Sealed media were opened again with the escrow key, to prove that they can be."""
    STARTED = "started"
    STOPPED = "stopped"
    ALERT = "alert"
    """Something is wrong with the ledger itself, or was mended."""


MEDIA_EVENTS = frozenset({LedgerEvent.MADE, LedgerEvent.BURNED, LedgerEvent.REPRINTED})
"""Those that put patients' data onto a medium."""

TRAFFIC_EVENTS = frozenset(
    {
        LedgerEvent.IMPORTED,
        LedgerEvent.REFUSED,
        LedgerEvent.RECONCILED,
        LedgerEvent.SENDING,
        LedgerEvent.SENT,
        LedgerEvent.FETCHED,
        LedgerEvent.OPENED,
    }
)
"""Those that tell of data from outside, whose they are, of the network, and of opened media."""


@dataclass(frozen=True, slots=True)
class LedgerPatient:
    """A patient as a PATIENT record names them; the birth date is empty where nobody knows it."""

    patient_id: str
    name: str
    birth_date: str = ""


@dataclass(frozen=True, slots=True)
class LedgerStudy:
    """A study: how many instances of each SOP Class, by UID. `whole` counts where they go."""

    study_instance_uid: str
    description: str = ""
    accession_number: str = ""
    sop_classes: Mapping[str, int] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True, slots=True)
class MediumFacts:
    """One medium, as it is to be recorded.

    Parameters
    ----------
    medium, format, profile : str
        What the commands call them, such as ``CD-80``, ``iso9660`` and ``STD-GEN-CD``.
    path : str
        Where it lies, or will when it has its name.
    file_set_id, file_set_uid : str
        Of the DICOMDIR.
    volume, volumes : int
        Which one of how many the job makes.
    instances, size_bytes : int
        In the File-set, and of the image or of all files of a folder.
    image_sha256 : str
        Of the image; empty for a folder.
    contents_sha256 : str
        See `contents_digest`.
    verified : bool
        Whether it was reread without an error.
    encrypted : bool
        Whether every DICOM file is sealed (PS3.15 D.1).
    opened_by : tuple of str
        What opens it then: ``password``, and the subjects of certificates.
    patients, studies : tuple
        Whose data are on it, and which.
    """

    medium: str
    format: str
    profile: str
    path: str
    file_set_id: str
    file_set_uid: str
    instances: int
    size_bytes: int
    image_sha256: str
    contents_sha256: str
    verified: bool
    volume: int = 1
    volumes: int = 1
    encrypted: bool = False
    opened_by: tuple[str, ...] = ()
    patients: tuple[LedgerPatient, ...] = ()
    studies: tuple[LedgerStudy, ...] = ()


@dataclass(frozen=True, slots=True)
class BurnFacts:
    """How one copy came onto a medium.

    Parameters
    ----------
    drive : str
        The drive, as the operator names it.
    medium_id : str
        What identifies the very disc (manufacturer, serial), as far as the drive tells.
    reread : str
        ``identical``, ``differs``, ``unreadable`` or ``not reread``.
    bad_sectors : int
        That could not be read back.
    copy, copies : int
        Which one of how many.
    simulated : bool
        Whether the laser stayed off. Such a run leaves no medium; it need not be recorded.
    """

    drive: str
    medium_id: str
    reread: str
    bad_sectors: int = 0
    copy: int = 1
    copies: int = 1
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Why a medium goes out: who asked for it, who gets it, and for what reason."""

    requested_by: str = ""
    given_to: str = ""
    reason: str = ""

    @classmethod
    def from_dict(cls, told: object) -> Disclosure:
        """Read what a request or an entry keeps; `NOBODY` for anything else."""
        if not isinstance(told, Mapping):
            return NOBODY
        return cls(*(str(told.get(name, "")) for name in cls.__slots__))


NOBODY = Disclosure()
"""Where nobody said why."""


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The end of the chain: how many entries, and the SHA-256 of the last line.

    Printed as ``17:0f3c…``. Whoever has the paper can ask whether the entry is
    still there: ``audit --verify --head 17:0f3c…``.
    """

    count: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.count}:{self.sha256}"

    @property
    def short(self) -> str:
        """What is short enough to be read aloud and long enough to prove: 96 bits."""
        return f"{self.count}:{self.sha256[:24]}"

    @classmethod
    def parse(cls, text: str) -> LedgerHead:
        """Read a printed head, in groups or not.

        The number may be left off (0 then), and the hash be cut to 16 digits.

        Raises
        ------
        ValueError
            If it is none.
        """
        match = _HEAD.fullmatch(_BLANKS.sub("", text).lower())
        if match is None:
            raise ValueError("a head is a number, a colon and at least 16 digits out of 0-9 a-f")
        return cls(int(match[1] or 0), match[2])


NO_HEAD = LedgerHead(0, NO_LINE)
"""That of a ledger without an entry."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry. `at` is ISO 8601 in UTC, `station` says which program wrote it.

    `key` identifies the key of the code without telling anything of it.
    """

    number: int
    at: str
    event: LedgerEvent
    operator: str
    job: int | None
    station: Mapping[str, str]
    facts: Mapping[str, Any]
    key: str = ""
    before: str = NO_LINE

    @property
    def refers_to(self) -> int | None:
        """Number of the entry that this one is about, if there is such a one."""
        number = self.facts.get("entry")
        return number if isinstance(number, int) else None

    def as_dict(self) -> dict[str, Any]:
        """Return what `from_body` reads."""
        return {**asdict(self), "event": str(self.event)}

    def body(self) -> str:
        """Return the entry in its one canonical spelling."""
        return json.dumps(
            _storable(self.as_dict()), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )

    @classmethod
    def from_body(cls, body: str) -> LedgerEntry:
        """Read what `body` wrote; `ValueError` for anything else."""
        try:
            data = json.loads(body)
            entry = cls(**{**data, "event": LedgerEvent(data["event"])})
        except (KeyError, TypeError, RecursionError, ValueError) as fault:
            raise ValueError(f"not an entry: {fault}") from fault
        texts = (entry.at, entry.operator, entry.key, entry.before)
        maps = (entry.station, entry.facts)
        if (
            type(entry.number) is not int
            or type(entry.job) not in {int, type(None)}
            or not all(isinstance(text, str) for text in texts)
            or not all(isinstance(one, dict) for one in maps)
        ):
            raise ValueError("not an entry: a part is of another kind")
        return entry


def contents_digest(files: Iterable[ManifestFile]) -> str:
    """Return the SHA-256 of the digest list of all `files`, sorted by path.

    The same list that ``sha256sum`` of every file on the medium writes, so that
    anybody can hold a medium against the ledger.
    """
    listed = write_digest_list(sorted(files, key=lambda file: file.path))
    return hashlib.sha256(listed.encode()).hexdigest()


def key_name(key: bytes) -> str:
    """Return what identifies `key` and tells nothing of it."""
    return hmac.digest(key, b"which key", "sha256")[:8].hex()


def line_of(body: str, mac: str) -> str:
    """Return the line of an entry, without its end."""
    return f'{{"mac":"{mac}","entry":{body}}}'


def sealed_line(body: str, key: bytes) -> str:
    """Return the line of an entry under `key`."""
    return line_of(body, mac_of(body, key))


def mac_of(body: str, key: bytes) -> str:
    """Return the code of an entry."""
    return hmac.digest(key, body.encode(), "sha256").hex()


def split_line(line: str) -> tuple[str, str] | None:
    """Return body and code of a line; None if it has another form."""
    match = _LINE.fullmatch(line)
    return None if match is None else (match[2], match[1])


def digest_of_line(line: str) -> str:
    """Return what the next entry calls ``before``."""
    return hashlib.sha256(line.encode()).hexdigest()


def _storable(value: Any) -> Any:
    """Return `value` with texts that any database takes; it is our own and not deep."""
    match value:
        case str():
            return storable(str(value))
        case Mapping():
            return {storable(str(key)): _storable(one) for key, one in value.items()}
        case list() | tuple():
            return [_storable(one) for one in value]
    return value
