"""The reverse question: which profiles could carry a set, and what keeps the others from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from mediastation.conformance.check import Outcome, check_instance
from mediastation.conformance.check_set import SetCheck, SetMember
from mediastation.model.finding import Finding, Severity, has_errors
from mediastation.model.preparation import Preparation
from mediastation.model.profile import ApplicationProfile

_MOST_REASONS = 50

_WORDS = {
    Preparation.FILE_META: "file-meta",
    Preparation.VR: "vr",
    Preparation.DECODE: "decode",
}


@dataclass(frozen=True, slots=True)
class ProfileFit:
    """How one profile suits a set.

    Parameters
    ----------
    name : str
        Identifier of the profile.
    fits : bool
        Whether all of the set may go out under it, prepared if need be.
    after : tuple of str
        What some instances need before: ``file-meta``, ``vr``, ``decode``.
        Empty if the set fits as it is.
    findings : tuple of Finding
        What keeps the set from it: one for each reason, with the first
        instance that gave it.
    """

    name: str
    fits: bool
    after: tuple[str, ...]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, object]:
        """Return the JSON keys that the command promises."""
        return {
            "name": self.name,
            "fits": self.fits,
            "after": list(self.after),
            "findings": [finding.as_dict() for finding in self.findings],
        }


@dataclass(slots=True)
class _Tally:
    profile: ApplicationProfile
    preparation: Preparation = Preparation.NONE
    refused: int = 0
    reasons: dict[tuple[str, str], tuple[Finding, int]] = field(default_factory=dict)

    def refuse(self, findings: Iterable[Finding]) -> None:
        self.refused += 1
        for finding in findings:
            if finding.severity is Severity.ERROR:
                key = (finding.rule, finding.message)
                first, count = self.reasons.get(key, (finding, 0))
                if count or len(self.reasons) < _MOST_REASONS:
                    self.reasons[key] = (first, count + 1)

    def findings(self) -> tuple[Finding, ...]:
        return tuple(
            finding
            if count == 1
            else replace(finding, message=f"{finding.message} So say {count} instances.")
            for finding, count in self.reasons.values()
        )


def check_profiles(
    members: Iterable[SetMember],
    profiles: Sequence[ApplicationProfile],
    *,
    several_patients: bool = False,
    confirm_identity: bool = False,
    keep_tiff_preamble: bool = False,
) -> list[ProfileFit]:
    """Ask every one of `profiles` about the set, in one pass over `members`.

    The rules for sets are those of every profile, and are asked once, of what
    at least one profile accepts.

    Returns
    -------
    list of ProfileFit
        What fits as it is first, then what fits after preparing, then the
        rest; by name within each.
    """
    tallies = [_Tally(profile) for profile in profiles]
    together = SetCheck()
    for member in members:
        wanted = False
        for tally in tallies:
            verdict = check_instance(
                member.header,
                tally.profile,
                subject=member.subject,
                keep_tiff_preamble=keep_tiff_preamble,
                size_bytes=member.size_bytes,
            )
            tally.preparation |= verdict.preparation
            if verdict.outcome is Outcome.REFUSED:
                tally.refuse(verdict.findings)
            wanted |= verdict.outcome is Outcome.ACCEPTED
        if wanted:
            together.add(member)
    verdict = together.finish(several_patients=several_patients, confirm_identity=confirm_identity)
    common = tuple(finding for finding in verdict.findings if finding.severity is Severity.ERROR)
    fits = [
        ProfileFit(
            tally.profile.name,
            not tally.refused and not has_errors(common),
            tuple(word for flag, word in _WORDS.items() if flag in tally.preparation),
            (*tally.findings(), *common),
        )
        for tally in tallies
    ]
    return sorted(fits, key=lambda fit: (not fit.fits, bool(fit.after), fit.name))
