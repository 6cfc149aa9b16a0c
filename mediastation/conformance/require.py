"""What the words of a command have to be before any instance is looked at."""

from __future__ import annotations

from mediastation.errors import ConfigError, ProfileError
from mediastation.model.profile import ApplicationProfile, Role
from mediastation.model.transfer_syntax import COMPRESSIONS, transfer_syntax_name

ROLES = {"creator": Role.CREATOR, "reader": Role.READER, "updater": Role.UPDATER}
"""The roles by the words of the command line."""

ROLE_WORDS = {role: word for word, role in ROLES.items()}


def require_role(profile: ApplicationProfile, role: Role) -> None:
    """Raise `ProfileError` where `profile` knows no such role, or is retired and to be written.

    A retired profile is only read: readers of today do not claim it, and a new
    medium under it would be one that nobody has to understand.
    """
    if profile.retired and role is not Role.READER:
        raise ProfileError(
            f"{profile.name} is retired and only read: {profile.retired}",
            "`mediastation check` without --profile says which profiles could carry the set.",
        )
    if role not in profile.roles:
        known = ", ".join(ROLE_WORDS[known] for known in profile.roles)
        raise ProfileError(
            f"{profile.name} defines no File-set {ROLE_WORDS[role].capitalize()} "
            f"({profile.annex_reference}).",
            f"It has the roles {known}.",
        )


def require_compress(profile: ApplicationProfile, target: str, role: Role = Role.CREATOR) -> None:
    """Raise `ConfigError` unless `target` is a lossless syntax that `profile` lets `role` write.

    Parameters
    ----------
    profile : ApplicationProfile
        The profile the medium is to claim.
    target : str
        Transfer Syntax UID; empty if nothing was asked for, which is always right.
    role : Role
        Creator or updater.

    Raises
    ------
    ConfigError
        If the station does not encode in this syntax, or a reader is asked.
    ProfileError
        If the profile has it for no SOP Class.
    """
    if not target:
        return
    if role is Role.READER:
        raise ConfigError("A reader writes nothing, so there is nothing to compress.")
    if target not in COMPRESSIONS.values():
        raise ConfigError(
            f"Nothing here encodes {transfer_syntax_name(target)}.",
            f"Ask for one of {', '.join(COMPRESSIONS)}.",
        )
    carried = profile.all_transfer_syntaxes(role)
    if target not in carried:
        words = [word for word, uid in COMPRESSIONS.items() if uid in carried]
        raise ProfileError(
            f"{profile.name} does not carry {transfer_syntax_name(target)} "
            f"({profile.objects_table}).",
            f"It carries {', '.join(words)}." if words else "It carries no lossless compression.",
        )
