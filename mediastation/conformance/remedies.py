"""Where an instance could go instead: other profiles that take it."""

from __future__ import annotations

from collections.abc import Iterable

from mediastation.conformance.copy_check import CopyCheck
from mediastation.conformance.opinion import LEAVE_OUT, MAY_SHOW, Outcome, form_opinion
from mediastation.conformance.rulebook import Rulebook
from mediastation.model.medium import MEDIA
from mediastation.model.profile import ApplicationProfile, Role

_MOST_NAMED = 5
_ORDER = {name: place for place, name in enumerate(MEDIA)}
"""Media from the one that every house has to the rarest."""


class Remedies:
    """Names profiles for what one profile refuses.

    What needs the least change of plans comes first: the same kind of seal, the
    same medium, the same class of profiles, then the medium that is commonest.

    Parameters
    ----------
    book : Rulebook
        The profile that refuses, and the role it was asked for.
    alternatives : iterable of ApplicationProfile
        Profiles to choose from; those that are retired or lack the role are
        passed over.
    """

    def __init__(self, book: Rulebook, alternatives: Iterable[ApplicationProfile]) -> None:
        chosen = book.profile
        self._role = book.role
        self.books = [
            Rulebook(profile, book.role, keep_tiff_preamble=book.keep_tiff_preamble)
            for profile in sorted(alternatives, key=lambda other: _distance(chosen, other))
            if profile.name != chosen.name and book.role in profile.roles and not profile.retired
        ]

    def elsewhere(self, copy: CopyCheck) -> str:
        """Return the hint: profiles that take instances like this one, or to leave it out."""
        names = [
            book.profile.name
            for book in self.books
            if book.of_class(copy.header.sop_class_uid).transfer_syntaxes
            and form_opinion(copy, book).outcome is Outcome.ACCEPTED
        ]
        reads = self._role is Role.READER
        if not names:
            return MAY_SHOW if reads else LEAVE_OUT
        listed = ", ".join(names[:_MOST_NAMED])
        if len(names) > _MOST_NAMED:
            listed += f" and {len(names) - _MOST_NAMED} more"
        return f"Readers of {listed} take it." if reads else f"It may go out under {listed}."


def _distance(chosen: ApplicationProfile, other: ApplicationProfile) -> tuple[object, ...]:
    return (
        chosen.security is not other.security,
        not set(chosen.media) & set(other.media),
        chosen.profile_class != other.profile_class,
        _ORDER.get(other.media[0], len(_ORDER)),
        other.name,
    )
