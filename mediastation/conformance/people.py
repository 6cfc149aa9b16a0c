"""The identity firewall: who may lie together in one File-set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mediastation.conformance.lookalikes import LookAlikes, group_people
from mediastation.model.finding import Finding, Severity, error, note, warning
from mediastation.model.identity import (
    FIELD_NAMES,
    PersonCluster,
    describe,
    differing_fields,
    join_people,
    normalise_text,
    shown,
)

_MOST_SHOWN = 8
"""Identities in one message."""
_CONFIRM = "If this is one person, --confirm-identity says so; "


@dataclass(frozen=True, slots=True)
class PeopleVerdict:
    """Who is in a set once all that may be joined is joined, and what is to be said of it."""

    people: tuple[PersonCluster, ...]
    findings: tuple[Finding, ...]


def check_people(
    people: Sequence[PersonCluster],
    *,
    several_patients: bool = False,
    confirm_identity: bool = False,
) -> PeopleVerdict:
    """Check that the people of a set may lie in one File-set.

    One person is the rule. Each way of being more has a rule of its own, which
    stops the set unless it was answered, and shows the identities side by side
    with the facts that differ in [brackets]:

    ===========================  =============================================
    rule                         what it says
    ===========================  =============================================
    ``several-patients``         people with an ID each: a summary, then one
                                 finding for each person
    ``shared-patient-id``        one ID, people whose facts contradict
    ``patient-id-of-issuers``    one ID, given by issuers that contradict: as
                                 many people, unless name and birth date agree
    ``one-person-two-ids``       one name and birth date under unlike IDs, or
                                 with an ID and without, or without any
    ``one-person-two-spellings`` one ID, and names that differ in spelling
    ``identity-confirmed``       people that were joined, as was asked for
    ``identity-not-confirmed``   people that nothing suggests to be one
    ``identity-spelling``        differences that mean nothing: a note
    ===========================  =============================================

    Parameters
    ----------
    people : sequence of PersonCluster
        From `mediastation.model.identity.cluster_people`.
    several_patients : bool
        Whether a collection of several people was asked for: then nothing
        stops, and whoever shares a Patient ID goes into another File-set
        (PS3.3, F.5.1).
    confirm_identity : bool
        Whether somebody confirmed that people who look like one are one. It
        joins only those that `mediastation.model.likeness` calls likely, each
        with each. It takes the identity with most instances.

    Returns
    -------
    PeopleVerdict
        Subjects of findings are ``patient:ID``, or the set.
    """
    severity = Severity.WARNING if several_patients else Severity.ERROR
    groups = group_people(people)
    confirmed: list[Finding] = []
    questions: list[Finding] = []
    everybody: list[tuple[PersonCluster, int]] = []
    apart: list[PersonCluster] = []
    for place, group in enumerate(groups):
        if len(group.people) > 1 and confirm_identity and group.may_be_one:
            person = join_people(group.people)
            confirmed.append(_confirmed(person, group))
            everybody.append((person, place))
            continue
        if len(group.people) > 1:
            questions.append(_question(group, severity))
        everybody += ((person, place) for person in group.people)
        apart += group.people
    everybody.sort(key=lambda pair: (-pair[0].instances, pair[0].identity, pair[0].variants))
    remaining = tuple(person for person, _ in everybody)
    findings = confirmed
    if confirm_identity and len(remaining) > 1 and not several_patients:
        findings.append(_not_confirmed(remaining))
    if len(groups) > 1:
        findings += _several(remaining, len(groups), several_patients=several_patients)
    findings += questions
    findings += _shared_ids(everybody, severity)
    findings += [_spelling(person) for person in apart if len(person.variants) > 1]
    return PeopleVerdict(remaining, tuple(findings))


def _confirmed(person: PersonCluster, group: LookAlikes) -> Finding:
    return warning(
        "identity-confirmed",
        _subject(person),
        f"Confirmed to be one person. {_side_by_side(group.people, group.name_words)} | "
        f"The directory has: {describe(person.identity)}.",
        "The objects keep their own data; have the wrong identity corrected at its source.",
        "PS3.3 F.5.1",
    )


def _not_confirmed(people: Sequence[PersonCluster]) -> Finding:
    return error(
        "identity-not-confirmed",
        "the set",
        f"Nothing suggests that these are one person. {_side_by_side(people)}.",
        "A confirmation joins one person whose identity is written in several ways, and nobody "
        "else. Leave out what is not this patient's.",
        "PS3.3 F.5.1",
    )


def _several(
    people: Sequence[PersonCluster], number: int, *, several_patients: bool
) -> Iterator[Finding]:
    if several_patients:
        yield note(
            "several-patients",
            "the set",
            f"The collection holds {number} people, as was asked for.",
            "",
            "PS3.11 D.3.3",
        )
        return
    marked = differing_fields(person.identity for person in people)
    yield error(
        "several-patients",
        "the set",
        f"The set holds {number} people; a patient's medium holds one. "
        f"They differ in {_in_words(marked)}.",
        "Leave out what is not this patient's, or say --several-patients if a collection is meant.",
        "PS3.3 F.5.1",
    )
    for person in people:
        yield error(
            "several-patients",
            _subject(person),
            f"{_facts(person, marked)}.",
            "Compare with the request before anything goes out.",
            "PS3.3 F.5.1",
        )


def _question(group: LookAlikes, severity: Severity) -> Finding:
    """Ask about people who look like one."""
    number = len(group.people)
    if group.has_two_ids:
        rule = "one-person-two-ids"
        given = any(not person.is_supplied for person in group.people)
        told = "the Patient IDs are not" if given else "no Patient ID says whether they are one"
        said = f"Name and birth date are those of one person, {told}"
    elif group.has_two_issuers:
        rule = "patient-id-of-issuers"
        said = (
            f"{number} issuers gave one Patient ID, to as many people by default; name and birth "
            "date are those of one"
        )
    elif group.is_spelling_alone:
        rule, said = (
            "one-person-two-spellings",
            "One Patient ID, and identities that differ in spelling or in what they leave out",
        )
    else:
        rule = "shared-patient-id"
        said = f"{number} people share one Patient ID, unless one fact of one person is wrong"
    otherwise = "otherwise " if group.may_be_one else ""
    if severity is Severity.WARNING:
        hint = f"{otherwise}they stay apart, those who share a Patient ID on other volumes."
    else:
        hint = f"{otherwise}have the wrong identity corrected at its source."
    hint = _CONFIRM + hint if group.may_be_one else hint[0].upper() + hint[1:]
    return Finding(
        rule,
        severity,
        _subject(group.people[0]),
        f"{said}. {_side_by_side(group.people, group.name_words)}.",
        hint,
        "PS3.3 C.2.2 and F.5.1",
    )


def _shared_ids(
    everybody: Sequence[tuple[PersonCluster, int]], severity: Severity
) -> Iterator[Finding]:
    """Find people of several groups under one ID; within a group that was asked already."""
    sharing: dict[str, dict[int, int]] = defaultdict(dict)
    for place, (person, group) in enumerate(everybody):
        # A supplied ID takes part: it must not fall together with a real one.
        for patient_id in person.patient_ids:
            sharing[normalise_text(patient_id)][place] = group
    for places in sharing.values():
        if len(set(places.values())) < 2:
            continue
        sharers = [everybody[place][0] for place in places]
        issuers = [normalise_text(person.identity.issuer) for person in sharers]
        across = all(issuers) and len(set(issuers)) == len(issuers)
        yield Finding(
            "patient-id-of-issuers" if across else "shared-patient-id",
            severity,
            _subject(sharers[0]),
            f"{len(sharers)} {'issuers gave' if across else 'people share'} one Patient ID"
            f"{', to as many people' if across else ''}. {_side_by_side(sharers)}.",
            "They go onto volumes of their own."
            if severity is Severity.WARNING
            else "Write a medium for each of them (--several-patients), or have the wrong "
            "identity corrected at its source.",
            "PS3.3 F.5.1",
        )


def _spelling(person: PersonCluster) -> Finding:
    ways = " | ".join(f"{describe(variant)} ({count})" for variant, count in person.variants[:8])
    return note(
        "identity-spelling",
        _subject(person),
        f"One person is written in {len(person.variants)} ways: | {ways} | "
        f"The directory has: {describe(person.identity)}.",
        "",
        "PS3.5 6.2",
    )


def _subject(person: PersonCluster) -> str:
    return f"patient:{shown(person.patient_id)}"


def _side_by_side(people: Sequence[PersonCluster], name_words: str = "") -> str:
    """Say in what people differ, and show them with that in brackets."""
    marked = differing_fields(person.identity for person in people)
    told = [_facts(person, marked) for person in people[:_MOST_SHOWN]]
    if len(people) > _MOST_SHOWN:
        told.append(f"and {len(people) - _MOST_SHOWN:,} more")
    details = {"name": name_words}
    if len({_bare_id(person.identity.patient_id) for person in people}) == 1:
        details["patient_id"] = "zeros or punctuation"
    return f"They differ in {_in_words(marked, details)}. | " + " | ".join(told)


def _bare_id(patient_id: str) -> str:
    """Return a Patient ID without what a source may put in front of it or between its parts."""
    return "".join(filter(str.isalnum, normalise_text(patient_id))).lstrip("0")


def _in_words(marked: Sequence[str], details: Mapping[str, str] = MappingProxyType({})) -> str:
    words = [
        f"{FIELD_NAMES[field]} ({details[field]})" if details.get(field) else FIELD_NAMES[field]
        for field in marked
    ]
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)


def _facts(person: PersonCluster, marked: Sequence[str]) -> str:
    noun = "instance" if person.instances == 1 else "instances"
    return f"{describe(person.identity, marked)}: {person.instances} {noun}"
