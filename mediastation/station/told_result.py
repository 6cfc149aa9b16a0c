"""What came of a job, as its command and the job table tell it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from mediastation.errors import RefusedError
from mediastation.model.finding import Finding, has_errors


class ToldResult:
    """What dataclasses of results have in common: their findings decide how the command ends."""

    __slots__ = ()

    findings: list[Finding]

    @property
    def exit_code(self) -> int:
        """0, or 1 where a finding is an error."""
        return RefusedError.exit_code if has_errors(self.findings) else 0

    def as_dict(self, *, with_findings: bool = True) -> dict[str, Any]:
        """Return the keys that the command promises; the job table keeps findings apart."""
        told = asdict(cast("Any", self))
        del told["findings"]
        if with_findings:
            told["findings"] = [finding.as_dict() for finding in self.findings]
        return told
