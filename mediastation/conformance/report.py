"""One profile against one set: what the command `check` says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mediastation.conformance.check import InstanceVerdict, Outcome, check_instance
from mediastation.conformance.check_set import SetCheck, SetMember, SetVerdict
from mediastation.model.finding import Finding, has_errors
from mediastation.model.profile import ApplicationProfile


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What became of a set.

    `instances` counts what was looked at without DICOMDIRs; `accepted` and
    `refused` add up to it. An instance that another one of the set contradicts
    is refused.
    """

    profile: str
    instances: int
    accepted: int
    refused: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether a medium may be written of all of it."""
        return not self.refused and not has_errors(self.findings)

    def as_dict(self) -> dict[str, object]:
        """Return the JSON keys that the command promises."""
        return {
            "profile": self.profile,
            "instances": self.instances,
            "accepted": self.accepted,
            "refused": self.refused,
            "findings": [finding.as_dict() for finding in self.findings],
        }


class ProfileCheck:
    """Checks a set against one profile while its members go by.

    Parameters
    ----------
    profile : ApplicationProfile
        The profile the medium is to claim.
    alternatives : iterable of ApplicationProfile
        Profiles that hints may point to.
    keep_tiff_preamble : bool
        The site's policy for TIFF headers in preambles.
    """

    def __init__(
        self,
        profile: ApplicationProfile,
        *,
        alternatives: Iterable[ApplicationProfile] = (),
        keep_tiff_preamble: bool = False,
    ) -> None:
        self._profile = profile
        self._alternatives = tuple(alternatives)
        self._keep_tiff_preamble = keep_tiff_preamble
        self._set = SetCheck()
        self._instances = 0
        self._refused: set[str] = set()
        self._findings: list[Finding] = []

    def add(self, member: SetMember) -> InstanceVerdict:
        """Check the next member; only what is accepted takes part in the rules for sets."""
        verdict = check_instance(
            member.header,
            self._profile,
            subject=member.subject,
            alternatives=self._alternatives,
            keep_tiff_preamble=self._keep_tiff_preamble,
            size_bytes=member.size_bytes,
        )
        self._findings += verdict.findings
        if verdict.outcome is not Outcome.IGNORED:
            self._instances += 1
        if verdict.outcome is Outcome.REFUSED:
            self._refused.add(member.subject)
        elif verdict.outcome is Outcome.ACCEPTED:
            self._set.add(member)
        return verdict

    def finish(
        self, *, several_patients: bool = False, confirm_identity: bool = False
    ) -> tuple[CheckReport, SetVerdict]:
        """Return the report, and what the set as a whole had to say."""
        verdict = self._set.finish(
            several_patients=several_patients, confirm_identity=confirm_identity
        )
        refused = len(self._refused | verdict.refused)
        report = CheckReport(
            self._profile.name,
            self._instances,
            self._instances - refused,
            refused,
            (*self._findings, *verdict.findings),
        )
        return report, verdict


def check_members(
    members: Iterable[SetMember],
    profile: ApplicationProfile,
    *,
    several_patients: bool = False,
    confirm_identity: bool = False,
    alternatives: Iterable[ApplicationProfile] = (),
    keep_tiff_preamble: bool = False,
) -> CheckReport:
    """Check `members`, each on its own and all together, against `profile`."""
    check = ProfileCheck(profile, alternatives=alternatives, keep_tiff_preamble=keep_tiff_preamble)
    for member in members:
        check.add(member)
    report, _ = check.finish(several_patients=several_patients, confirm_identity=confirm_identity)
    return report
