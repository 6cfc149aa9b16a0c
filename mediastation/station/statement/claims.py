"""Which Application Profiles the station claims, in which role, and why not the others.

A claim is made for what the station does itself, from end to end (PS3.2, 7.2): a
creator is claimed where it writes the medium's format and rereads what it wrote,
every mandatory SOP Class in a mandatory Transfer Syntax; a reader where it, or the
operating system below it, reads the medium's file system; an updater where it does both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mediastation.dicom.encodable import ENCODABLE
from mediastation.model.medium import MEDIA
from mediastation.model.profile import ApplicationProfile, Requirement, Role, Security
from mediastation.model.transfer_syntax import EXPLICIT_LE, transfer_syntax_name

ENCODED_SYNTAXES = ENCODABLE | {EXPLICIT_LE}
"""Transfer Syntaxes that preparing an instance can turn an image of another one into."""

_DISC = "read from the disc, a drive's device file or an image"
_DEVICE = "read from the device or an image, or as mounted by the operating system"
READ_ANNEXES: Mapping[str, str] = {
    **dict.fromkeys("FJPX", _DISC),
    **dict.fromkeys("MQRSTU", _DEVICE),
    "K": "read from the file that holds the entity",
}
"""Annexes of PS3.12 whose media are read here, and how."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One profile as the statement has it.

    Parameters
    ----------
    profile : ApplicationProfile
        The profile.
    roles : tuple of Role
        What is claimed.
    withheld : tuple of (Role, str)
        What the profile has besides, and why the station does not claim it.
    reading : str
        How media of the profile are read; empty if they are not.
    """

    profile: ApplicationProfile
    roles: tuple[Role, ...]
    withheld: tuple[tuple[Role, str], ...]
    reading: str = ""


def claim(profile: ApplicationProfile) -> Claim:
    """Return what the station claims of `profile`, and what it does not and why."""
    roles, withheld = [], []
    for role in Role:
        if role in profile.roles:
            if reason := next(_obstacles(profile, role), ""):
                withheld.append((role, reason))
            else:
                roles.append(role)
    annexes = {MEDIA[name].annex for name in profile.media if MEDIA[name].annex in READ_ANNEXES}
    reading = "; ".join(READ_ANNEXES[annex] for annex in sorted(annexes))
    return Claim(profile, tuple(roles), tuple(withheld), reading if Role.READER in roles else "")


def claimed_roles(profile: ApplicationProfile) -> tuple[Role, ...]:
    """Return the roles that the station performs under `profile`."""
    return claim(profile).roles


def _obstacles(profile: ApplicationProfile, role: Role) -> Iterator[str]:
    if profile.retired:
        yield "The profile is retired from PS3.11."
    match role:
        case Role.CREATOR:
            yield from _writer_obstacles(profile, role)
        case Role.READER:
            yield from _reader_obstacles(profile)
        case Role.UPDATER:
            if profile.security is not Security.NONE:
                yield "No File-set in envelopes is updated: it is opened, and a new one is made."
            yield from _writer_obstacles(profile, role)
            yield from _reader_obstacles(profile)


def _reader_obstacles(profile: ApplicationProfile) -> Iterator[str]:
    if not all(MEDIA[name].annex in READ_ANNEXES for name in profile.media):
        yield f"Media of {profile.medium_format} are not opened."


def _writer_obstacles(profile: ApplicationProfile, role: Role) -> Iterator[str]:
    if "MAIL" in profile.media:
        yield "The e-mail is made; sending it is left to a mail program."
    for rule in profile.objects:
        if rule.requirement(role) is Requirement.MANDATORY and not ENCODED_SYNTAXES.intersection(
            rule.transfer_syntaxes
        ):
            names = " or ".join(map(transfer_syntax_name, rule.transfer_syntaxes))
            yield f"Images are not encoded in {names}, which the profile makes mandatory."
    made = {"IMAGE"}
    if any(rule.required and not made.issuperset(rule.record_types) for rule in profile.icons):
        yield "The icons that its directory records must have are not made."
