"""Findings of a File-set in the making: bounded in number, one voice for each rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

from mediastation.fileset.keys import ResolvedKeys
from mediastation.model.finding import Finding, note, warning

MOST_PER_RULE: Final = 500
"""Findings of one rule that are kept; the rest are counted."""
_MOST_NAMED: Final = 12


@dataclass(slots=True)
class FindingLog:
    """Keeps the first findings of each rule and counts the others."""

    _kept: list[Finding] = field(default_factory=list)
    _count: Counter[str] = field(default_factory=Counter)
    _last: dict[str, Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Keep `finding`, or count it if there are many of its rule."""
        self._count[finding.rule] += 1
        if self._count[finding.rule] <= MOST_PER_RULE:
            self._kept.append(finding)
        elif self._count[finding.rule] == MOST_PER_RULE + 1:
            self._last[finding.rule] = finding

    def all(self, subject: str) -> tuple[Finding, ...]:
        """Return what was kept, and for each rule with more one finding about `subject`."""
        more = (
            replace(
                last,
                subject=subject,
                message=f"{self._count[rule] - MOST_PER_RULE} more findings like these.",
            )
            for rule, last in self._last.items()
        )
        return (*self._kept, *more)

    def add_record(self, record_type: str, section: str, subject: str, keys: ResolvedKeys) -> None:
        """Say what was supplied, changed or is missing in one record."""
        record = f"The {record_type} record"
        reference = f"PS3.3 {section}"
        if keys.supplied or keys.invented:
            told = warning if keys.invented else note
            words = _listed([*keys.invented, *keys.supplied])
            self.add(
                told(
                    "key-supplied",
                    subject,
                    f"{record} needs what the object lacks; written were: {words}.",
                    "Check the invented values." if keys.invented else "",
                    reference,
                )
            )
        if keys.changed:
            self.add(
                warning(
                    "key-changed",
                    subject,
                    f"{record} cannot hold all values as they are: {_listed(keys.changed)}.",
                    reference="PS3.5 6.2",
                )
            )
        if keys.unmet:
            self.add(
                warning(
                    "key-missing",
                    subject,
                    f"{record} lacks {_listed(keys.unmet)}: the object has no such value "
                    "and none can be made up.",
                    reference=reference,
                )
            )


def _listed(words: list[str]) -> str:
    shown = "; ".join(words[:_MOST_NAMED])
    return shown if len(words) <= _MOST_NAMED else f"{shown}; {len(words) - _MOST_NAMED} more"
