"""What came of jobs with a peer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mediastation.errors import MediastationError
from mediastation.model.finding import Finding


@dataclass(slots=True)
class PeerResult:
    """What any of them comes to.

    Parameters
    ----------
    job : int
        Number of the job.
    peer : str
        Name of the peer.
    findings : list of Finding
        What was wrong, what the peer said, and what was done.
    stopped, hint : str
        What ended it early or what is wrong, and what to do next.
    exit_code : int
        What a command returns.
    """

    job: int
    peer: str
    findings: list[Finding] = field(default_factory=list)
    stopped: str = ""
    hint: str = ""
    exit_code: int = 0

    def counts(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {"job": self.job, "peer": self.peer}

    def stop(self, fault: MediastationError) -> None:
        """Take in what ended the job."""
        self.stopped, self.hint, self.exit_code = fault.message, fault.hint, fault.exit_code

    def as_dict(self) -> dict[str, Any]:
        """Return the keys that the command promises."""
        stopped = {"error": self.stopped, "hint": self.hint} if self.stopped else {}
        findings = [finding.as_dict() for finding in self.findings]
        return self.counts() | {"findings": findings} | stopped


@dataclass(slots=True)
class SendResult(PeerResult):
    """What became of a selection.

    Parameters
    ----------
    sent : int
        Instances that the peer confirmed, in earlier runs as well.
    already : int
        Those of them that an earlier run of the same request had confirmed.
    refused : int
        Instances that the peer or this station refused, and files that were none.
    unsent : int
        Instances of which nothing is known yet: another run sends them.
    size_bytes : int
        Of what this run got confirmed.
    finished : bool
        Whether a further run of the same words begins anew. Until every
        instance is confirmed it goes on with the others.
    """

    sent: int = 0
    already: int = 0
    refused: int = 0
    unsent: int = 0
    size_bytes: int = 0
    finished: bool = False

    def counts(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {
            "job": self.job,
            "peer": self.peer,
            "sent": self.sent,
            "already": self.already,
            "refused": self.refused,
            "unsent": self.unsent,
            "bytes": self.size_bytes,
            "finished": self.finished,
        }


@dataclass(slots=True)
class FetchResult(PeerResult):
    """What came of a retrieval.

    Parameters
    ----------
    expected : int
        Instances that the peer says it has.
    received : int
        Those of them that are durable here now.
    unexpected : int
        Instances that came without being expected; they are kept too.
    """

    expected: int = 0
    received: int = 0
    unexpected: int = 0

    def counts(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {
            "job": self.job,
            "peer": self.peer,
            "expected": self.expected,
            "received": self.received,
            "unexpected": self.unexpected,
        }
