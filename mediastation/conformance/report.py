"""One profile against one set: what the command `check` says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mediastation.conformance.character_sets import RULE_OF_HEADER, CharacterSetCheck
from mediastation.conformance.check import InstanceCheck, InstanceVerdict, Outcome, subject_of
from mediastation.conformance.check_set import SetCheck, SetMember, SetVerdict
from mediastation.conformance.require import ROLE_WORDS, require_compress, require_role
from mediastation.model.finding import Finding, has_errors, note
from mediastation.model.profile import ApplicationProfile, IconRule, Role
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What became of a set.

    `instances` counts what was looked at without DICOMDIRs; `accepted`,
    `refused` and `ignored` add up to it. An instance that another one of the
    set contradicts is refused; readers ignore what is none of their profile's.
    """

    profile: str
    instances: int
    accepted: int
    refused: int
    findings: tuple[Finding, ...]
    ignored: int = 0
    role: str = "creator"

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
            "ignored": self.ignored,
            "role": self.role,
            "findings": [finding.as_dict() for finding in self.findings],
        }


class ProfileCheck:
    """Checks a set against one profile while its members go by.

    Parameters
    ----------
    profile : ApplicationProfile
        The profile the medium is to claim, or claims.
    role : Role
        The role in which the File-set is handled.
    compress : str
        Transfer Syntax UID of the lossless compression that was asked for;
        empty for none.
    alternatives : iterable of ApplicationProfile
        Profiles that hints may point to.
    keep_tiff_preamble : bool
        The site's policy for TIFF headers in preambles.

    Raises
    ------
    ProfileError
        If the profile is retired and not only read, lacks the role, or does
        not carry the compression.
    ConfigError
        If the station does not encode in that compression.
    """

    def __init__(
        self,
        profile: ApplicationProfile,
        *,
        role: Role = Role.CREATOR,
        compress: str = "",
        alternatives: Iterable[ApplicationProfile] = (),
        keep_tiff_preamble: bool = False,
    ) -> None:
        require_role(profile, role)
        require_compress(profile, compress, role)
        self._profile = profile
        self._role = role
        self._check = InstanceCheck(
            profile,
            role=role,
            compress=compress,
            alternatives=alternatives,
            keep_tiff_preamble=keep_tiff_preamble,
        )
        self._set = SetCheck()
        self._charsets = CharacterSetCheck(role)
        self._instances = 0
        self._ignored = 0
        self._icons: dict[IconRule, int] = {}
        self._refused: set[str] = set()
        self._findings: list[Finding] = []

    def add(self, member: SetMember) -> InstanceVerdict:
        """Check the next member; only what is accepted takes part in the rules for sets."""
        verdict = self._check.verdict(
            member.header, subject=member.subject, size_bytes=member.size_bytes
        )
        told = verdict.outcome is not Outcome.IGNORED and self._charsets.add(
            member.header, subject_of(member.header, member.subject)
        )
        self._findings += (
            finding for finding in verdict.findings if not told or finding.rule != RULE_OF_HEADER
        )
        if member.header.sop_class_uid != MEDIA_STORAGE_DIRECTORY:
            self._instances += 1
            self._ignored += verdict.outcome is Outcome.IGNORED
        if verdict.outcome is Outcome.REFUSED:
            self._refused.add(member.subject)
        elif verdict.outcome is Outcome.ACCEPTED:
            self._set.add(member)
            if verdict.icon is not None:
                self._icons[verdict.icon] = self._icons.get(verdict.icon, 0) + 1
        return verdict

    def finish(
        self, *, several_patients: bool = False, confirm_identity: bool = False
    ) -> tuple[CheckReport, SetVerdict]:
        """Return the report, and what the set as a whole had to say.

        A reader has to take a medium with several people as it is.
        """
        verdict = self._set.finish(
            several_patients=several_patients or self._role is Role.READER,
            confirm_identity=confirm_identity,
        )
        refused = len(self._refused | verdict.refused)
        report = CheckReport(
            self._profile.name,
            self._instances,
            self._instances - refused - self._ignored,
            refused,
            (
                *self._findings,
                *self._charsets.finish(),
                *self._about_icons(),
                *verdict.findings,
            ),
            self._ignored,
            ROLE_WORDS[self._role],
        )
        return report, verdict

    def _about_icons(self) -> list[Finding]:
        return [
            note(
                "icon",
                "the set",
                f"{self._profile.name} wants icons of {icon.rows} x {icon.columns} in the "
                f"directory; they are made for {count:,} instances.",
                "",
                icon.reference,
            )
            for icon, count in self._icons.items()
        ]


def check_members(
    members: Iterable[SetMember],
    profile: ApplicationProfile,
    *,
    role: Role = Role.CREATOR,
    compress: str = "",
    several_patients: bool = False,
    confirm_identity: bool = False,
    alternatives: Iterable[ApplicationProfile] = (),
    keep_tiff_preamble: bool = False,
) -> CheckReport:
    """Check `members`, each on its own and all together, against `profile`."""
    check = ProfileCheck(
        profile,
        role=role,
        compress=compress,
        alternatives=alternatives,
        keep_tiff_preamble=keep_tiff_preamble,
    )
    for member in members:
        check.add(member)
    report, _ = check.finish(several_patients=several_patients, confirm_identity=confirm_identity)
    return report
