"""The rules under which the header scan reports: how much each weighs, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mediastation.model.finding import Finding, Severity

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_RULES: Final[dict[str, tuple[Severity, str]]] = {
    "no-preamble": (_WARNING, "PS3.10, 7.1"),
    "no-file-meta": (_WARNING, "PS3.10, 7.1"),
    "preamble": (_NOTE, "PS3.10, 7.5"),
    "meta-incomplete": (_WARNING, "PS3.10, Table 7.1-1"),
    "meta-length": (_WARNING, "PS3.10, Table 7.1-1"),
    "meta-encoding": (_WARNING, "PS3.10, 7.1"),
    "meta-disagrees": (_WARNING, "PS3.10, Table 7.1-1"),
    "transfer-syntax-guessed": (_WARNING, "PS3.10, Table 7.1-1"),
    "transfer-syntax-disagrees": (_WARNING, "PS3.10, 7.2"),
    "transfer-syntax-unknown": (_WARNING, "PS3.6, Table A-1"),
    "command-group": (_WARNING, "PS3.10, 7.1"),
    "truncated": (_ERROR, "PS3.10, 7.2"),
    "bad-length": (_ERROR, "PS3.5, 7.1"),
    "odd-length": (_WARNING, "PS3.5, 7.1"),
    "bad-sequence": (_WARNING, "PS3.5, 7.5"),
    "bad-vr": (_WARNING, "PS3.5, 7.1.2"),
    "too-deep": (_ERROR, "PS3.5, 7.5"),
    "too-long": (_ERROR, "PS3.5, 7.1"),
    "value-too-long": (_WARNING, "PS3.5, 6.2"),
    "tag-order": (_WARNING, "PS3.5, 7.1"),
    "stray-delimiter": (_WARNING, "PS3.5, 7.5"),
    "trailing-bytes": (_NOTE, "PS3.10, 7.2"),
    "pixels-disagree": (_WARNING, "PS3.5, A.4"),
    "codestream-lossy": (_WARNING, "PS3.5, A.4"),
    "charset-unknown": (_WARNING, "PS3.3, C.12.1.1.2"),
    "no-instance": (_ERROR, "PS3.3, C.12.1"),
    "bad-uid": (_WARNING, "PS3.5, 9.1"),
}
_HINTS: Final = {
    "truncated": "fetch the instance again; the file is not whole",
    "no-instance": "it is kept, and cannot go onto a medium without class and UID",
}


MOST_PER_RULE: Final = 50
"""A header can be wrong a million times in one way; more than these are counted."""


class FaultLog:
    """What was forgiven, rule and message: the first of each rule in their order, then a number."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, str]] = []
        self._counts: dict[str, int] = {}

    def tell(self, rule: str, message: str) -> None:
        """Keep or count one fault."""
        count = self._counts[rule] = self._counts.get(rule, 0) + 1
        if count <= MOST_PER_RULE:
            self._kept.append((rule, message))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        yield from self._kept
        for rule, count in self._counts.items():
            if count > MOST_PER_RULE:
                yield rule, f"{count - MOST_PER_RULE:,} more findings of this kind"


def header_finding(rule: str, subject: str, message: str) -> Finding:
    """Return the finding of a rule that this module knows."""
    severity, reference = _RULES[rule]
    return Finding(rule, severity, subject, message, _HINTS.get(rule, ""), reference)
