"""Whether one instance may lie on a medium under a profile, and what it needs before."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from mediastation.conformance.copy_check import CopyCheck
from mediastation.conformance.object_check import check_object, is_about_nobody
from mediastation.conformance.opinion import Opinion, Outcome, form_opinion
from mediastation.conformance.remedies import Remedies
from mediastation.conformance.rulebook import Rulebook
from mediastation.conformance.shape import Shapes
from mediastation.model.finding import Finding, Severity, has_errors, note
from mediastation.model.instance import InstanceHeader
from mediastation.model.preparation import Preparation
from mediastation.model.profile import ApplicationProfile, IconRule, Role
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY

_MOST_SHAPES = 1024


@dataclass(frozen=True, slots=True)
class InstanceVerdict:
    """What a profile says to one instance.

    `preparation` and `transfer_syntax_uid` (the syntax on the medium) tell how
    an accepted instance goes out, `icon` which icon its record has to have;
    for others they are ``NONE``, empty and None.
    """

    sop_instance_uid: str
    outcome: Outcome
    preparation: Preparation
    transfer_syntax_uid: str
    findings: tuple[Finding, ...]
    icon: IconRule | None = None


class InstanceCheck:
    """Checks instances one by one against one profile.

    What the profile says is thought out once for all instances of one shape
    (`mediastation.conformance.shape`); what it remembers is bounded.

    Parameters
    ----------
    profile : ApplicationProfile
        The profile the medium is to claim, or claims.
    role : Role
        Creators and updaters prepare what is to be written; of a reader it is
        asked what it has to be able to take.
    compress : str
        Transfer Syntax UID that was asked for (`require_compress`).
    alternatives : iterable of ApplicationProfile
        Profiles that a hint may point to.
    keep_tiff_preamble : bool
        The site's policy for TIFF headers in preambles.
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
        self._book = Rulebook(
            profile, role, compress=compress, keep_tiff_preamble=keep_tiff_preamble
        )
        self._remedies = Remedies(self._book, alternatives)
        self._shapes = Shapes([self._book, *self._remedies.books])
        self._opinions: dict[Hashable, Opinion] = {}

    def verdict(
        self, header: InstanceHeader, *, subject: str = "", size_bytes: int = 0
    ) -> InstanceVerdict:
        """Return what is to be said of the next instance; parameters as in `check_instance`."""
        subject = subject_of(header, subject)
        if header.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
            return _verdict(header, Outcome.IGNORED, [_directory(subject, self._book.role)])
        opinion = self._opinion(header)
        common = [] if opinion.alone else check_object(header, subject, size_bytes, self._book.role)
        return join(header, subject, opinion, common)

    def _opinion(self, header: InstanceHeader) -> Opinion:
        shape = self._shapes.of(header)
        opinion = self._opinions.get(shape)
        if opinion is None:
            if len(self._opinions) >= _MOST_SHAPES:
                self._opinions.clear()
            copy = CopyCheck(header)
            opinion = form_opinion(copy, self._book, lambda: self._remedies.elsewhere(copy))
            self._opinions[shape] = opinion
        return opinion


def check_instance(
    header: InstanceHeader,
    profile: ApplicationProfile,
    *,
    role: Role = Role.CREATOR,
    compress: str = "",
    subject: str = "",
    alternatives: Iterable[ApplicationProfile] = (),
    keep_tiff_preamble: bool = False,
    size_bytes: int = 0,
) -> InstanceVerdict:
    """Check one instance against `profile`.

    An instance whose SOP Class cannot lie there is refused for its class alone,
    a truncated one for that: nothing else that could be said would help. What a re-encoding or the
    directory makes good is a note. A reader passes over a class that is none of
    the profile's (PS3.2, 7.2), and nothing is prepared for it.

    Parameters
    ----------
    header : InstanceHeader
        The instance, already read; nothing is opened here.
    profile : ApplicationProfile
        The profile the medium is to claim, or claims.
    role : Role
        The role in which the File-set is handled; that the profile defines it
        was required before (`mediastation.conformance.require`).
    compress : str
        Transfer Syntax UID of the lossless compression that was asked for;
        empty for none.
    subject : str
        What findings name where the instance has no SOP Instance UID: its
        file.
    alternatives : iterable of ApplicationProfile
        Profiles that a hint may point to.
    keep_tiff_preamble : bool
        The site's policy for TIFF headers in preambles.
    size_bytes : int
        Of the whole file; 0 if it is not known.

    Returns
    -------
    InstanceVerdict
        Its findings begin with those that reading the header gave.
    """
    check = InstanceCheck(
        profile,
        role=role,
        compress=compress,
        alternatives=alternatives,
        keep_tiff_preamble=keep_tiff_preamble,
    )
    return check.verdict(header, subject=subject, size_bytes=size_bytes)


def subject_of(header: InstanceHeader, subject: str) -> str:
    """Return what findings about an instance name."""
    return header.sop_instance_uid or subject or "instance without UID"


def join(
    header: InstanceHeader, subject: str, opinion: Opinion, common: Sequence[Finding]
) -> InstanceVerdict:
    """Return the verdict that a profile's opinion and the rules of every profile come to."""
    findings = [*header.findings, *common]
    if opinion.outcome is Outcome.IGNORED:
        # Of what is passed over, the faults are passed over as well.
        return _verdict(header, opinion.outcome, _about(subject, opinion.findings))
    if opinion.alone:
        findings += _about(subject, opinion.findings)
        return _verdict(header, opinion.outcome, findings)
    if not header.complete:
        return _verdict(header, Outcome.REFUSED, findings)
    if opinion.outcome is Outcome.REFUSED or has_errors(findings):
        # What would be prepared is of no interest for what stays behind.
        faults = [item for item in opinion.findings if item.severity is Severity.ERROR]
        return _verdict(header, Outcome.REFUSED, findings + _about(subject, faults))
    return InstanceVerdict(
        header.sop_instance_uid,
        Outcome.ACCEPTED,
        opinion.preparation,
        opinion.transfer_syntax_uid,
        (*findings, *_about(subject, opinion.findings)),
        opinion.icon,
    )


def _about(subject: str, findings: Iterable[Finding]) -> list[Finding]:
    return [replace(finding, subject=subject) for finding in findings]


def _verdict(header: InstanceHeader, outcome: Outcome, findings: list[Finding]) -> InstanceVerdict:
    return InstanceVerdict(header.sop_instance_uid, outcome, Preparation.NONE, "", tuple(findings))


def _directory(subject: str, role: Role) -> Finding:
    message = "This is a DICOMDIR, no instance"
    if role is Role.CREATOR:
        message += "; the medium gets a directory of its own"
    return note("dicomdir", subject, f"{message}.", "", "PS3.10 8.6")


__all__ = [
    "InstanceCheck",
    "InstanceVerdict",
    "Outcome",
    "check_instance",
    "is_about_nobody",
]
