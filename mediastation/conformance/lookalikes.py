"""Which people of a set look like one: who may be asked about, and who may be joined."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from mediastation.model.identity import PatientIdentity, PersonCluster, normalise
from mediastation.model.likeness import Agreement, Likeness, Verdict, compare_identities
from mediastation.model.name_spelling import likeness_keys

_MOST_COMPARED = 64
"""People with one fact in common that are compared in pairs; beyond it only equal names count."""


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """People who look like one, each like at least one of the others.

    Parameters
    ----------
    people : tuple of PersonCluster
        In the order of the set, so the one with most instances first.
    may_be_one : bool
        Whether each looks like every other one. Only then a confirmation can
        mean all of them.
    likenesses : tuple of Likeness
        What was found; empty where there are too many to compare.
    """

    people: tuple[PersonCluster, ...]
    may_be_one: bool
    likenesses: tuple[Likeness, ...] = ()

    @property
    def has_two_ids(self) -> bool:
        """Whether they have unlike Patient IDs, the supplied ones included."""
        return len({normalise(identity_of(person)).patient_id for person in self.people}) > 1

    @property
    def has_two_issuers(self) -> bool:
        """Whether issuers contradict each other."""
        return any(one.issuer is Agreement.DIFFERS for one in self.likenesses)

    @property
    def is_spelling_alone(self) -> bool:
        """Whether nothing but the spelling of names, or a gap, tells them apart."""
        return all(
            Agreement.DIFFERS not in (one.patient_id, one.birth_date, one.sex)
            and one.name not in {"family", "other"}
            for one in self.likenesses
        )

    @property
    def name_words(self) -> str:
        """In what the names differ, empty if they do not."""
        return "; ".join(dict.fromkeys(filter(None, (one.name_words for one in self.likenesses))))


def group_people(people: Sequence[PersonCluster]) -> list[LookAlikes]:
    """Sort people into groups of those who look like one, everybody in exactly one.

    Takes linear time: only people who share a Patient ID, or a birth date and
    a key of the name, are compared.

    Parameters
    ----------
    people : sequence of PersonCluster
        From `mediastation.model.identity.cluster_people`.

    Returns
    -------
    list of LookAlikes
        Most are of one person. In the order of their first ones.
    """
    identities = [_facts(person) for person in people]
    leader = list(range(len(people)))
    known: dict[tuple[int, int], Likeness] = {}

    def lead(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    def compare(pair: tuple[int, int]) -> Likeness:
        if pair not in known:
            known[pair] = compare_identities(identities[pair[0]], identities[pair[1]])
        return known[pair]

    for key, places in _blocks(identities).items():
        if len(places) <= _MOST_COMPARED:
            for pair in combinations(places, 2):
                if compare(pair).verdict is not Verdict.APART:
                    _join(leader, lead(pair[0]), lead(pair[1]))
        elif key[0] == "same":
            for place in places[1:]:
                _join(leader, lead(places[0]), lead(place))
    groups: dict[int, list[int]] = defaultdict(list)
    for place in range(len(people)):
        groups[lead(place)].append(place)
    return [_group(people, members, compare) for members in groups.values()]


def identity_of(person: PersonCluster) -> PatientIdentity:
    """Return the identity that the directory has, with the supplied Patient ID if need be."""
    return replace(person.identity, patient_id=person.patient_id)


def _facts(person: PersonCluster) -> PatientIdentity:
    return replace(person.identity, name=person.whole_name)


def _blocks(identities: Sequence[PatientIdentity]) -> dict[tuple[str, str, str], list[int]]:
    blocks: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, identity in enumerate(identities):
        for key in _keys(identity):
            blocks[key].append(place)
    return blocks


def _keys(identity: PatientIdentity) -> Iterator[tuple[str, str, str]]:
    normal = normalise(identity)
    if normal.patient_id:
        yield "id", normal.patient_id, ""
    if normal.birth_date:
        for key in likeness_keys(identity.name):
            yield "same" if key.startswith("=") else "like", normal.birth_date, key


def _join(leader: list[int], one: int, other: int) -> None:
    leader[max(one, other)] = min(one, other)


def _group(
    people: Sequence[PersonCluster],
    members: Sequence[int],
    compare: Callable[[tuple[int, int]], Likeness],
) -> LookAlikes:
    everybody = tuple(people[place] for place in members)
    if len(members) > _MOST_COMPARED:
        return LookAlikes(everybody, may_be_one=False)
    found = tuple(compare(pair) for pair in combinations(members, 2))
    return LookAlikes(everybody, all(one.verdict is not Verdict.APART for one in found), found)
