"""Collect findings without letting a hostile medium fill the memory with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mediastation.model.finding import Finding, Severity

FINDINGS_PER_RULE = 100

_WEIGHT = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}


class FindingLog:
    """Findings in the order they came: the first hundred of each rule, then a count.

    A medium can be wrong a million times in one way; the operator needs the
    first few and the number. The closing line of a rule has an empty subject
    and the weight of the heaviest finding that it stands for.
    """

    def __init__(self, limit: int = FINDINGS_PER_RULE) -> None:
        self._limit = limit
        self._kept: list[Finding] = []
        self._counts: dict[str, int] = {}
        self._beyond: dict[str, Severity] = {}

    def add(self, finding: Finding) -> None:
        """Keep or count one finding."""
        count = self._counts[finding.rule] = self._counts.get(finding.rule, 0) + 1
        if count <= self._limit:
            self._kept.append(finding)
            return
        worst = self._beyond.get(finding.rule, finding.severity)
        self._beyond[finding.rule] = max(worst, finding.severity, key=_WEIGHT.__getitem__)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Keep or count each of `findings`."""
        for finding in findings:
            self.add(finding)

    def count(self, rule: str) -> int:
        """Return how often `rule` was found, counted ones included."""
        return self._counts.get(rule, 0)

    def __iter__(self) -> Iterator[Finding]:
        yield from self._kept
        for rule, severity in self._beyond.items():
            more = self._counts[rule] - self._limit
            yield Finding(rule, severity, "", f"{more} more findings of this kind")
