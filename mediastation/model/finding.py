"""What is wrong with data, said to the person who has to decide about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs.

    An ``error`` stops the instance or the medium, a ``warning`` asks for a
    look, a ``note`` records what was done or tolerated.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, was tolerated, or was repaired.

    Parameters
    ----------
    rule : str
        Stable short name in kebab case; programs match on it.
    severity : Severity
        How much it weighs.
    subject : str
        The SOP Instance UID, file or path that it is about.
    message : str
        What is wrong, in one sentence.
    hint : str
        What to do next; empty if nothing needs doing.
    reference : str
        Part and section of the standard; empty where no standard speaks.
    """

    rule: str
    severity: Severity
    subject: str
    message: str
    hint: str = ""
    reference: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the six JSON keys that the commands promise."""
        return {key: str(value) for key, value in asdict(self).items()}


def error(rule: str, subject: str, message: str, hint: str = "", reference: str = "") -> Finding:
    """Return a finding that stops its subject."""
    return Finding(rule, Severity.ERROR, subject, message, hint, reference)


def warning(rule: str, subject: str, message: str, hint: str = "", reference: str = "") -> Finding:
    """Return a finding that asks for a look."""
    return Finding(rule, Severity.WARNING, subject, message, hint, reference)


def note(rule: str, subject: str, message: str, hint: str = "", reference: str = "") -> Finding:
    """Return a finding that records what was done or tolerated."""
    return Finding(rule, Severity.NOTE, subject, message, hint, reference)


def has_errors(findings: Iterable[Finding]) -> bool:
    """Tell whether any of `findings` is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)
