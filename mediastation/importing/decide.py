"""What is done with arriving instances, by how they stand and by what was decided before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from mediastation.catalog.import_decisions import Decision
from mediastation.importing.comparison import Comparison, Counterpart, is_stranger, subject_of
from mediastation.importing.judge import PixelVerdict
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.identity import describe, differing_fields, shown
from mediastation.model.importing import ArrivedFile, Standing, Verdict
from mediastation.model.text import harmless, storable

_LOOK = "Look at both with `mediastation quarantine`, and decide to keep it or to leave it."
_NAMED = 4
_LONGEST_SOURCE = 100


class Action(StrEnum):
    """What is done with an instance: taken in, counted as a duplicate, or held in quarantine."""

    TAKE = "take"
    DUPLICATE = "duplicate"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Planned:
    """One arriving instance, and what is to be done with it.

    Parameters
    ----------
    arrived, comparison
        What it is about.
    action : Action
        What is done.
    subject : str
        What a decision about it is remembered under
        (`mediastation.importing.comparison.subject_of`); empty where there is
        nothing to decide.
    decision : Decision, optional
        The one that was applied again. A held instance with a decision is not
        waiting for one.
    finding : Finding, optional
        What tells it; its subject is the path on the medium. An error for what
        waits for a decision. Duplicates and copied pixels are told once for
        each study.
    """

    arrived: ArrivedFile
    comparison: Comparison
    action: Action
    subject: str = ""
    decision: Decision | None = None
    finding: Finding | None = None


Recall = Callable[[Standing, str], Decision | None]
"""Returns the newest decision about a contradiction; of media from this origin alone."""


def plan_standings(
    comparisons: Iterable[tuple[ArrivedFile, Comparison]], recall: Recall
) -> Iterator[Planned]:
    """Decide about each arriving instance, in their order; touches nothing.

    =============  ==================  =============================
    standing       without a decision  with one
    =============  ==================  =============================
    new            taken
    duplicate      counted
    other-header   held                taken, or held for good
    other-pixels   held                taken, or held for good
    other-patient  held                taken, or held for good
    copied-pixels  taken, and told     taken, or held for good
    =============  ==================  =============================

    A decision that is applied again is told with who made it, and when.

    Parameters
    ----------
    comparisons : iterable
        As `mediastation.importing.compare.iter_standings` yields them.
    recall : callable
        Asked about contradictions alone.
    """
    told: set[tuple[str, ...]] = set()
    for arrived, comparison in comparisons:
        standing = comparison.standing
        if standing is Standing.NEW:
            yield Planned(arrived, comparison, Action.TAKE)
            continue
        if standing is Standing.DUPLICATE:
            finding = _once(told, _of_duplicate(arrived, comparison), arrived, comparison)
            yield Planned(arrived, comparison, Action.DUPLICATE, finding=finding)
            continue
        subject = subject_of(arrived, comparison)
        decision = recall(standing, subject)
        if decision is not None:
            keeps = decision.verdict is Verdict.KEEP
            action = Action.TAKE if keeps else Action.HOLD
            finding = _replayed(arrived, comparison, decision)
        elif standing is Standing.COPIED_PIXELS:
            action = Action.TAKE
            finding = _once(told, _of_copied(arrived, comparison), arrived, comparison)
        else:
            action = Action.HOLD
            finding = _TOLD[standing](arrived, comparison)
        yield Planned(arrived, comparison, action, subject, decision, finding)


def _once(
    told: set[tuple[str, ...]],
    finding: Finding | None,
    arrived: ArrivedFile,
    comparison: Comparison,
) -> Finding | None:
    """Return `finding` if nothing like it was told of the study yet."""
    if finding is None:
        return None
    other = comparison.counterpart
    about = other.study_instance_uid if other else ""
    key = (finding.rule, arrived.study_instance_uid, about, arrived.identity.key)
    if key in told:
        return None
    told.add(key)
    return finding


def _of_duplicate(arrived: ArrivedFile, comparison: Comparison) -> Finding | None:
    if comparison.made_here:
        return note(
            "copy-of-ours",
            arrived.path,
            "It is a copy that this station made itself, and what it was made from is here: it is "
            "not taken in again. Others of its study are not told one by one.",
        )
    if comparison.rewritten:
        where = _where(comparison.counterpart)
        return note(
            "rewritten-copy",
            arrived.path,
            f"It has the pixels and attributes of {where}, and is only encoded otherwise: it is "
            "not taken in again. Others of its study are not told one by one.",
        )
    return None


def _of_copied(arrived: ArrivedFile, comparison: Comparison) -> Finding:
    other = comparison.counterpart
    whose = ""
    if other is not None and is_stranger(other.identity, arrived.identity):
        whose = f", of another patient ({describe(other.identity)} | {describe(arrived.identity)})"
    return warning(
        "copied-pixels",
        arrived.path,
        f"It has the very pixels of {_where(other)}, under another SOP Instance UID{whose}. It is "
        "taken in; others of its study are not told one by one.",
        "See whether an image stands under a wrong name, or a study is here twice under new UIDs.",
        "PS3.5 9",
    )


def _of_other_pixels(arrived: ArrivedFile, comparison: Comparison) -> Finding:
    where = _where(comparison.counterpart)
    if comparison.differences.unread and comparison.pixels is PixelVerdict.UNTOLD:
        how = f"whether its pixels are those of {where} is not known"
    elif comparison.pixels is PixelVerdict.UNTOLD:
        how = f"it is compressed otherwise than {where}, and may have other pixels"
    else:
        how = f"its pixels are not those of {where}"
    return error(
        "other-pixels",
        arrived.path,
        f"It has the SOP Instance UID of an instance that is known, and {how}"
        f"{_told_differences(comparison)}. It is held.",
        _LOOK,
        "PS3.5 9",
    )


def _of_other_header(arrived: ArrivedFile, comparison: Comparison) -> Finding:
    other = comparison.counterpart
    stranger = other is not None and is_stranger(other.identity, arrived.identity)
    alarm = ", and the patient cannot be the same" if stranger else ""
    return error(
        "other-header",
        arrived.path,
        f"It has the SOP Instance UID and the pixels of {_where(other)}"
        f"{_told_differences(comparison)}{alarm}. It is held.",
        _LOOK,
        "PS3.5 9",
    )


def _of_other_patient(arrived: ArrivedFile, comparison: Comparison) -> Finding:
    other = comparison.counterpart
    identities = [other.identity, arrived.identity] if other else [arrived.identity]
    marked = differing_fields(identities)
    both = " | ".join(describe(identity, marked) for identity in identities)
    where = "here" if comparison.other is not None else "on this medium"
    return error(
        "other-patient",
        arrived.path,
        f"Its study is {where} under another patient: {both}. It is held.",
        _LOOK,
        "PS3.3 C.7.2.1",
    )


_TOLD = {
    Standing.OTHER_PIXELS: _of_other_pixels,
    Standing.OTHER_HEADER: _of_other_header,
    Standing.OTHER_PATIENT: _of_other_patient,
}


def _replayed(arrived: ArrivedFile, comparison: Comparison, decision: Decision) -> Finding:
    keeps = decision.verdict is Verdict.KEEP
    what = "It is taken in" if keeps else "It stays in quarantine"
    day = datetime.fromtimestamp(decision.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    said = f", “{harmless(shown(decision.note))}”" if decision.note else ""
    rule = comparison.standing.value
    return note(
        "decided-before",
        arrived.path,
        f"{what}, as {harmless(shown(decision.who))} decided on {day} about this very "
        f"contradiction ({rule}){said}.",
    )


def _where(other: Counterpart | None) -> str:
    if other is None:
        return "another instance"
    if other.entry is None:
        return f"{harmless(other.path)} on the same medium"
    source = f", which came from {_end_of(other.source)}" if other.source else ""
    return f"instance {other.entry} of the catalog{source}"


def _end_of(source: str) -> str:
    """Return where something came from: of a long path the end, where the file is named."""
    told = harmless(storable(source))
    return told if len(told) <= _LONGEST_SOURCE else f"…{told[-_LONGEST_SOURCE:]}"


def _told_differences(comparison: Comparison) -> str:
    differences = comparison.differences
    if differences.unread:
        return f"; its attributes cannot be compared ({harmless(differences.unread)})"
    if not differences.number:
        return ""
    names = [difference.name for difference in differences.shown[:_NAMED]]
    more = differences.number - len(names)
    also = f" and {more} more" if more else ""
    return f"; it differs in {', '.join(names)}{also}"
