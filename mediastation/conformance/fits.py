"""The reverse question: which profiles could carry a set, and what keeps the others from it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from mediastation.conformance.check import subject_of
from mediastation.conformance.check_set import SetCheck, SetMember
from mediastation.conformance.copy_check import CopyCheck
from mediastation.conformance.object_check import check_object
from mediastation.conformance.opinion import Opinion, Outcome, form_opinion
from mediastation.conformance.rulebook import Rulebook
from mediastation.conformance.shape import Shapes
from mediastation.model.finding import Finding, Severity, error, has_errors
from mediastation.model.instance import InstanceHeader
from mediastation.model.preparation import Preparation
from mediastation.model.profile import ApplicationProfile, Role
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY

_MOST_REASONS = 50
_MOST_KINDS = 256

_WORDS = {
    Preparation.FILE_META: "file-meta",
    Preparation.VR: "vr",
    Preparation.DECODE: "decode",
    Preparation.ENCODE: "encode",
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
        What has to be done before: ``file-meta``, ``vr``, ``decode`` and
        ``encode`` to some instances, ``icon`` to the directory. Empty if the
        set fits as it is.
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
    """What came of the instances so far under one profile."""

    book: Rulebook
    preparation: Preparation = Preparation.NONE
    icons: bool = False
    accepted: int = 0
    refused: int = 0
    reasons: dict[tuple[str, str], tuple[Finding, int]] = field(default_factory=dict)

    def take(self, opinion: Opinion, subject: str, count: int) -> None:
        """Count instances that are whole and sound in themselves."""
        if opinion.outcome is Outcome.REFUSED:
            self.refuse(_errors(opinion.findings), subject, count)
        elif opinion.outcome is Outcome.ACCEPTED:
            self.accepted += count
            self.preparation |= opinion.preparation
            self.icons |= opinion.icon is not None

    def refuse(self, faults: Iterable[Finding], subject: str, count: int) -> None:
        self.refused += count
        for finding in faults:
            key = (finding.rule, finding.message)
            known = self.reasons.get(key)
            if known:
                self.reasons[key] = (known[0], known[1] + count)
            elif len(self.reasons) < _MOST_REASONS:
                self.reasons[key] = (replace(finding, subject=subject), count)

    def fit(self, common: tuple[Finding, ...]) -> ProfileFit:
        after = [word for flag, word in _WORDS.items() if flag in self.preparation]
        if self.icons:
            after.append("icon")
        findings = (*self._findings(), *common)
        return ProfileFit(
            self.book.profile.name,
            not self.refused and not has_errors(findings),
            tuple(after),
            findings,
        )

    def _findings(self) -> list[Finding]:
        profile, role = self.book.profile, self.book.role
        if role not in profile.roles:
            return [
                error(
                    "role",
                    "the set",
                    f"{profile.name} defines no such role ({role}).",
                    "Choose a profile that does.",
                    profile.annex_reference,
                )
            ]
        if not self.accepted and not self.refused:
            return [
                error(
                    "sop-class",
                    "the set",
                    f"Readers of {profile.name} would pass over everything.",
                    "Choose a profile that carries what is there.",
                    "PS3.2 7.2",
                )
            ]
        return [
            finding
            if count == 1
            else replace(
                finding, message=f"{_sentence(finding.message)} So say {count:,} instances."
            )
            for finding, count in self.reasons.values()
        ]


def _sentence(message: str) -> str:
    return message if message.endswith((".", "!", "?")) else f"{message}."


@dataclass(slots=True)
class _Kind:
    """Instances of one shape: what each profile says of them, and how many there were."""

    subject: str
    opinions: tuple[Opinion, ...]
    wanted: bool
    known_class: bool
    count: int = 0


class _Fits:
    """Asks every profile once about each kind of instance, and counts the instances."""

    def __init__(self, books: Sequence[Rulebook], role: Role) -> None:
        self._role = role
        self.tallies = [_Tally(book) for book in books]
        self._shapes = Shapes(books)
        self._kinds: dict[Hashable, _Kind] = {}

    def take(self, member: SetMember) -> bool:
        """Take the next member; return whether at least one profile accepts it."""
        header = member.header
        if header.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
            return False
        subject = subject_of(header, member.subject)
        kind = self._kind(header, subject)
        common = (
            check_object(header, subject, member.size_bytes, self._role) if kind.known_class else []
        )
        if header.complete and not has_errors(header.findings) and not has_errors(common):
            kind.count += 1
            return kind.wanted
        self._refuse(header, kind, subject, common)
        return False

    def settle(self) -> None:
        """Give what was counted to the tallies."""
        for kind in self._kinds.values():
            if kind.count:
                for tally, opinion in zip(self.tallies, kind.opinions, strict=True):
                    tally.take(opinion, kind.subject, kind.count)
        self._kinds.clear()

    def _kind(self, header: InstanceHeader, subject: str) -> _Kind:
        shape = self._shapes.of(header)
        kind = self._kinds.get(shape)
        if kind is None:
            if len(self._kinds) >= _MOST_KINDS:
                self.settle()
            copy = CopyCheck(header)
            opinions = tuple(form_opinion(copy, tally.book) for tally in self.tallies)
            kind = self._kinds[shape] = _Kind(
                subject,
                opinions,
                any(opinion.outcome is Outcome.ACCEPTED for opinion in opinions),
                not all(opinion.alone for opinion in opinions),
            )
        return kind

    def _refuse(
        self, header: InstanceHeader, kind: _Kind, subject: str, common: list[Finding]
    ) -> None:
        """Refuse an instance that has faults of its own, with those that a profile adds."""
        in_header, in_object = _errors(header.findings), _errors(common)
        for tally, opinion in zip(self.tallies, kind.opinions, strict=True):
            if opinion.alone:
                if opinion.outcome is Outcome.REFUSED:
                    tally.refuse([*in_header, *_errors(opinion.findings)], subject, 1)
            elif header.complete:
                tally.refuse([*in_header, *in_object, *_errors(opinion.findings)], subject, 1)
            else:
                tally.refuse([*in_header, *in_object], subject, 1)


def check_profiles(
    members: Iterable[SetMember],
    profiles: Sequence[ApplicationProfile],
    *,
    role: Role = Role.CREATOR,
    compress: str = "",
    several_patients: bool = False,
    confirm_identity: bool = False,
    keep_tiff_preamble: bool = False,
) -> list[ProfileFit]:
    """Ask every one of `profiles` about the set, in one pass over `members`.

    The rules for instances and sets that are those of every profile are asked
    once, those of the profiles once for all instances of one shape: eighty
    profiles take little longer than one.

    Parameters
    ----------
    members : iterable of SetMember
        The set.
    profiles : sequence of ApplicationProfile
        Whom to ask.
    role : Role
        In which role; a profile without it does not fit.
    compress : str
        Transfer Syntax UID that pixels are to be encoded in by those profiles
        that carry it.
    several_patients, confirm_identity, keep_tiff_preamble
        As for one profile.

    Returns
    -------
    list of ProfileFit
        What fits as it is first, then what fits after preparing, then the
        rest; by name within each.
    """
    fits = _Fits(
        [
            Rulebook(
                profile,
                role,
                compress=compress if compress in profile.all_transfer_syntaxes(role) else "",
                keep_tiff_preamble=keep_tiff_preamble,
            )
            for profile in profiles
        ],
        role,
    )
    together = SetCheck()
    for member in members:
        if fits.take(member):
            together.add(member)
    fits.settle()
    verdict = together.finish(
        several_patients=several_patients or role is Role.READER,
        confirm_identity=confirm_identity,
    )
    found = [tally.fit(_errors(verdict.findings)) for tally in fits.tallies]
    return sorted(found, key=lambda fit: (not fit.fits, bool(fit.after), fit.name))


def _errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)
