"""Eighty answers on one screen: profiles that say the same are told together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mediastation.conformance.fits import ProfileFit
from mediastation.model.profile import Role

_MOST_REASONS = 4
_SEALED = "SEC"
_SEAL_PLACE = 2
_JOINT = "~"
_TAIL = re.compile(r"-(RAM|90|2D|3D)(?=-|$)")
"""What belongs to the word before: DVD-RAM, MOD23-90, HPLV42-2D."""


@dataclass(frozen=True, slots=True)
class FitGroup:
    """Profiles of which the same is to be said.

    Parameters
    ----------
    fits : bool
        Whether the set may go out under them, as far as they are concerned.
    after : tuple of str
        What has to be done before, as in `ProfileFit`.
    names : tuple of str
        The profiles, folded (`folded_names`).
    count : int
        How many they are.
    reasons : tuple of str
        What keeps the set from them, the first few.
    """

    fits: bool
    after: tuple[str, ...]
    names: tuple[str, ...]
    count: int
    reasons: tuple[str, ...]

    def heading(self, role: Role) -> str:
        """Return the beginning of the sentence that the names end, for who asked in `role`."""
        if role is Role.READER:
            return (
                "Readers have to take all of it under"
                if self.fits
                else "Readers need not take all of it under"
            )
        if not self.fits:
            return "It may not go out under"
        return "It may go out, after preparing, under" if self.after else "It may go out under"


def group_fits(fits: Iterable[ProfileFit]) -> tuple[tuple[str, ...], list[FitGroup]]:
    """Return what keeps the set from every profile, and the groups.

    The groups are what fits as it is, what fits after preparing, then the
    rest: by reason, the largest group first.
    """
    asked = list(fits)
    reasons = [dict.fromkeys(_without_name(fit, item.message) for item in fit.findings)
               for fit in asked]  # fmt: skip
    first = reasons[0] if len(reasons) > 1 else {}
    common = tuple(reason for reason in first if all(reason in theirs for theirs in reasons))
    groups: dict[tuple[bool, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for fit, theirs in zip(asked, reasons, strict=True):
        own = tuple(reason for reason in theirs if reason not in common)
        groups.setdefault((not own, () if own else fit.after, own), []).append(fit.name)
    found = [
        FitGroup(free, after, folded_names(names), len(names), _first(own))
        for (free, after, own), names in groups.items()
    ]
    found.sort(key=lambda group: (not group.fits, len(group.after), -group.count))
    return _first(common), found


def folded_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names with what only differs in one place written once.

    ``STD-GEN-[SEC-]CD`` stands for the profile and its secure form,
    ``STD-US-{ID,SC}-SF-DVD`` for two profiles. Nothing is covered that is not
    among `names`.
    """
    patterns: list[_Pattern] = [tuple((part,) for part in _parts(name)) for name in sorted(names)]
    longest = max(map(len, patterns), default=0)
    # The secure form first, then from the last word forwards; classes stay apart.
    for place in (_SEAL_PLACE, *range(longest - 1, _SEAL_PLACE, -1)):
        patterns = _merged(patterns, place)
    return tuple("".join(map(_shown, pattern)).replace(_JOINT, "-") for pattern in patterns)


_Pattern = tuple[tuple[str, ...], ...]


def _parts(name: str) -> list[str]:
    """Split a name into its words, each with its hyphen, and a place for the word SEC."""
    words = _TAIL.sub(rf"{_JOINT}\1", name).split("-")
    sealed = _SEALED in words
    if sealed:
        words.remove(_SEALED)
    parts = [f"{word}-" for word in words[:-1]] + words[-1:]
    # STD-GEN-SEC-CD, but STD-DVD-SEC-MPEG2-MPML: behind the class in either case.
    parts.insert(_SEAL_PLACE, f"{_SEALED}-" if sealed else "")
    return parts


def _merged(patterns: list[_Pattern], place: int) -> list[_Pattern]:
    """Join the patterns that differ in one place only."""
    choices: dict[_Pattern, set[str]] = {}
    for pattern in patterns:
        if place < len(pattern):
            rest = (*pattern[:place], ("",), *pattern[place + 1 :])
            choices.setdefault(rest, set()).update(pattern[place])
        else:
            choices[pattern] = set()
    return [
        (*rest[:place], tuple(sorted(chosen)), *rest[place + 1 :]) if chosen else rest
        for rest, chosen in choices.items()
    ]


def _shown(choices: tuple[str, ...]) -> str:
    if len(choices) == 1:
        return choices[0]
    if choices[0] == "":
        return f"[{choices[1]}]"
    hyphen = "-" if choices[0].endswith("-") else ""
    return "{" + ",".join(choice.removesuffix("-") for choice in choices) + "}" + hyphen


def _without_name(fit: ProfileFit, message: str) -> str:
    return message.replace(fit.name, "the profile")


def _first(reasons: tuple[str, ...]) -> tuple[str, ...]:
    if len(reasons) <= _MOST_REASONS:
        return reasons
    more = len(reasons) - _MOST_REASONS + 1
    return (*reasons[: _MOST_REASONS - 1], f"and {more} other reasons")
