"""The identity firewall: who may lie together in one File-set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from mediastation.model.finding import Finding, Severity, error, note
from mediastation.model.identity import (
    PersonCluster,
    describe,
    normalise,
    normalise_text,
    shown,
)


def check_people(people: Sequence[PersonCluster], *, several_patients: bool) -> list[Finding]:
    """Check that the people of a set may lie in one File-set.

    Parameters
    ----------
    people : sequence of PersonCluster
        From `mediastation.model.identity.cluster_people`.
    several_patients : bool
        Whether a collection of several people was asked for. It never lets
        people who share one Patient ID lie together: a directory cannot hold
        them apart (PS3.3, F.5.1).

    Returns
    -------
    list of Finding
        ``several-patients``: a summary, then one finding for each person with
        the facts. ``one-person-two-ids``: equal name and birth date under
        unlike IDs, or under none while sex or issuer differ.
        ``shared-patient-id``: unlike people under one ID, whatever its issuers.
        ``identity-spelling`` is a note on differences that mean nothing.
        Subjects are ``patient:ID``, or the set.
    """
    likely = _likely_people(people)
    findings: list[Finding] = []
    if len(likely) > 1:
        findings += _several(people, len(likely), several_patients=several_patients)
    for group in likely:
        # The supplied ID stands in for a missing one: those of two people differ.
        ids = {normalise_text(person.patient_id) for person in group}
        if len(ids) > 1:
            findings.append(_two_ids(group, several_patients=several_patients))
    findings += _shared_ids(people)
    findings += [_spelling(person) for person in people if len(person.variants) > 1]
    return findings


def _likely_people(people: Sequence[PersonCluster]) -> list[list[PersonCluster]]:
    """Group people who look like one: equal birth date, equal name in one component group."""
    leader = list(range(len(people)))

    def lead(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    first: dict[tuple[str, int, tuple[str, ...]], int] = {}
    for place, person in enumerate(people):
        for variant, _ in person.variants:
            normal = normalise(variant)
            for number, group in enumerate(normal.name):
                if normal.birth_date and group:
                    other = first.setdefault((normal.birth_date, number, group), place)
                    leader[lead(place)] = lead(other)
    groups: dict[int, list[PersonCluster]] = defaultdict(list)
    for place, person in enumerate(people):
        groups[lead(place)].append(person)
    return list(groups.values())


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
    yield error(
        "several-patients",
        "the set",
        f"The set holds {number} people; a patient's medium holds one.",
        "Leave out what is not this patient's, or say --several-patients if a collection is meant.",
        "PS3.3 F.5.1",
    )
    for person in people:
        yield error(
            "several-patients",
            _subject(person),
            f"{_facts(person)}.",
            "Compare with the request before anything goes out.",
            "PS3.3 F.5.1",
        )


def _two_ids(group: Sequence[PersonCluster], *, several_patients: bool) -> Finding:
    given = any(person.identity.patient_id for person in group)
    told = "the Patient IDs are not" if given else "no Patient ID says whether they are one"
    return Finding(
        "one-person-two-ids",
        Severity.WARNING if several_patients else Severity.ERROR,
        _subject(group[0]),
        f"Name and birth date are those of one person, {told}: "
        + " | ".join(_facts(person) for person in group)
        + ".",
        "Find out whether this is one person, and have the wrong identity corrected at its source.",
        "PS3.3 C.2.2 and F.5.1",
    )


def _shared_ids(people: Sequence[PersonCluster]) -> Iterator[Finding]:
    sharing: dict[str, dict[int, PersonCluster]] = defaultdict(dict)
    for place, person in enumerate(people):
        # A supplied ID takes part: it must not fall together with a real one.
        for patient_id in (person.patient_id, *(v.patient_id for v, _ in person.variants)):
            if key := normalise_text(patient_id):
                sharing[key][place] = person
    for group in sharing.values():
        if len(group) > 1:
            sharers = list(group.values())
            issuers = {normalise_text(person.identity.issuer) for person in sharers}
            across = ", given by different issuers" if len(issuers) > 1 else ""
            yield error(
                "shared-patient-id",
                _subject(sharers[0]),
                f"{len(sharers)} people share one Patient ID{across}: "
                + " | ".join(_facts(person) for person in sharers)
                + ".",
                "Write a medium for each of them, or have the identity corrected at its source "
                "if they are one person.",
                "PS3.3 F.5.1",
            )


def _spelling(person: PersonCluster) -> Finding:
    ways = " | ".join(f"{describe(variant)} ({count})" for variant, count in person.variants[:8])
    return note(
        "identity-spelling",
        _subject(person),
        f"One person is written in {len(person.variants)} ways: {ways}. "
        f"The directory has: {describe(person.identity)}.",
        "",
        "PS3.5 6.2",
    )


def _subject(person: PersonCluster) -> str:
    return f"patient:{shown(person.patient_id)}"


def _facts(person: PersonCluster) -> str:
    noun = "instance" if person.instances == 1 else "instances"
    return f"{describe(person.identity)}: {person.instances} {noun}"
