"""What the report on an import tells: plain values, so that a literal can be rendered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from mediastation.model.finding import Severity
from mediastation.pages.facts import IndexPatient

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listed(Generic[Item]):
    """Things of which there may be more than are named here: `total` says how many there are."""

    items: tuple[Item, ...] = ()
    total: int = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return max(self.total, len(self.items))


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of thing that was wrong: how often, and one of them in full."""

    rule: str
    severity: Severity
    count: int
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """One kind of thing that was put right: how often, and one of them before and after."""

    what: str
    count: int
    subject: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What did not come in: what it is, why, how much of it, and one of them by name."""

    what: str
    why: str
    count: int
    example: str = ""


@dataclass(frozen=True, slots=True)
class SidesRow:
    """One fact of a patient as the medium and as this site has it, and whether they agree."""

    fact: str
    outside: str
    local: str
    agreement: str


@dataclass(frozen=True, slots=True)
class Identities:
    """An outside patient beside the one of this site.

    `decision` says who vouched, who decided and when, in a sentence of ours; it is
    empty where nobody was chosen. `key` tells the outside patient from others.
    """

    rows: tuple[SidesRow, ...]
    decision: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class OpenedFiles:
    """Files that came out of secure envelopes in one way.

    `opened_with` says what opened them, `cipher` what they were encrypted with,
    `proof` what shows that they are as they were sealed: a digest, or signatures
    and what these are worth.
    """

    opened_with: str
    cipher: str
    proof: str
    count: int


@dataclass(frozen=True, slots=True)
class SentOn:
    """What went to one peer: confirmed by it, refused, and neither yet.

    `part` names what it was, where that was not the whole import.
    """

    peer: str
    address: str
    confirmed: int
    refused: int = 0
    waiting: int = 0
    part: str = ""


@dataclass(frozen=True, slots=True)
class ImportReportFacts:
    """One import, for the file.

    Parameters
    ----------
    created : datetime
        When the report was made, with the time zone that is shown.
    verdict : str
        What it comes to, in one sentence.
    passed : bool, optional
        Whether everything that was found is here; None where there is no good or bad.
    job : int
        Number of the import's job.
    institution, station, operator : str
        Who took the medium in.
    counts : tuple of (str, int)
        Few numbers with a word each, the most important first.
    medium : tuple of (str, str)
        Label and value: what identifies the medium.
    patients : Listed of IndexPatient
        What came in, under the identities that it came with.
    faults, repairs, left, identities, sent : Listed
        What was wrong, worst first; what was put right; what did not come in;
        whose the images are; and where they went.
    opened : Listed of OpenedFiles
        What came out of secure envelopes; nothing is said of it where none did.
    ledger_head : str
        The head of the ledger behind the import; empty if there is none.
    """

    created: datetime
    verdict: str
    passed: bool | None
    job: int
    institution: str = ""
    station: str = ""
    operator: str = ""
    counts: tuple[tuple[str, int], ...] = ()
    medium: tuple[tuple[str, str], ...] = ()
    patients: Listed[IndexPatient] = Listed()
    faults: Listed[Fault] = Listed()
    repairs: Listed[Repaired] = Listed()
    left: Listed[LeftBehind] = Listed()
    identities: Listed[Identities] = Listed()
    sent: Listed[SentOn] = Listed()
    opened: Listed[OpenedFiles] = Listed()
    ledger_head: str = ""
