"""What is told of a prepared copy, apart from how it is made: whoever keeps it loads no codec."""

from __future__ import annotations

from dataclasses import dataclass

from mediastation.model.finding import Finding


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `mediastation.dicom.prepare.prepare_instance` wrote.

    Parameters
    ----------
    findings : tuple of Finding
        What only the work could show: a note of what changed beyond the
        encoding, warnings where data set and codestreams disagreed. What every
        copy has in common was told when it was planned
        (`mediastation.conformance.prepare_plan`).
    size_bytes : int
        Of the written file.
    sha256 : str
        Of the written file, in hexadecimal.
    """

    findings: tuple[Finding, ...]
    size_bytes: int
    sha256: str
