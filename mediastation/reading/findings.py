"""Collect findings without letting a hostile medium fill the memory with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mediastation.model.finding import Finding, Severity, error

FINDINGS_PER_RULE = 100

MAX_FAULTS = 50_000
"""A medium with more faults than this is rubbish or hostile: to count on helps nobody."""

_MORE = re.compile(r"([0-9]{1,12}) more findings of this kind")
_WEIGHT = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}


def stands_for(finding: Finding) -> int:
    """Return how many findings the closing line of a rule counts; 0 if it is no such line."""
    more = None if finding.subject else _MORE.fullmatch(finding.message)
    return int(more[1]) if more else 0


class FindingLog:
    """Findings in the order they came: the first hundred of each rule, then a count.

    A medium can be wrong a million times in one way; the operator needs the
    first few and the number. The closing line of a rule has an empty subject
    and the weight of the heaviest finding that it stands for; added to another
    log, it counts there for all of them.
    """

    def __init__(self, limit: int = FINDINGS_PER_RULE) -> None:
        self._limit = limit
        self._kept: list[Finding] = []
        self._counts: dict[str, int] = {}
        self._beyond: dict[str, Severity] = {}

    def add(self, finding: Finding) -> None:
        """Keep or count one finding."""
        more = stands_for(finding)
        count = self._counts.get(finding.rule, 0) + (more or 1)
        self._counts[finding.rule] = count
        if count <= self._limit and not more:
            self._kept.append(finding)
            return
        worst = self._beyond.get(finding.rule, finding.severity)
        self._beyond[finding.rule] = max(worst, finding.severity, key=_WEIGHT.__getitem__)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Keep or count each of `findings`."""
        for finding in findings:
            self.add(finding)

    def count(self, *rules: str) -> int:
        """Return how many findings of some rules there are."""
        return sum(self._counts.get(rule, 0) for rule in rules)

    @property
    def total(self) -> int:
        """How many findings there are, counted ones included."""
        return sum(self._counts.values())

    def __iter__(self) -> Iterator[Finding]:
        yield from self._kept
        for rule, severity in self._beyond.items():
            more = self._counts[rule] - sum(kept.rule == rule for kept in self._kept)
            yield Finding(rule, severity, "", f"{more} more findings of this kind")


def until_given_up(findings: Iterable[Finding], subject: str) -> Iterator[Finding]:
    """Yield `findings`, but no more than `MAX_FAULTS`, and say so when there are more."""
    for count, finding in enumerate(findings):
        if count >= MAX_FAULTS:
            yield given_up(subject)
            return
        yield finding


def given_up(subject: str) -> Finding:
    """Return the finding that closes a check with too many faults."""
    return error(
        "given-up",
        subject,
        f"more than {MAX_FAULTS} faults; it was checked no further",
        "the medium is destroyed or hostile",
    )
