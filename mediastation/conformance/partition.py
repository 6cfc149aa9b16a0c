"""Which people go into which File-set: one Patient ID never stands for two in a directory."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence

from mediastation.errors import RefusedError
from mediastation.model.finding import error
from mediastation.model.identity import PersonCluster, normalise_text, shown

MOST_VOLUMES = 99
"""File-sets of one export; who shares an ID with a hundred others has no ID."""


def partition_people(people: Sequence[PersonCluster]) -> list[list[PersonCluster]]:
    """Spread people over File-sets, so that each Patient ID is one person's in each of them.

    Whoever shares an ID, or a spelling of one, goes apart (PS3.3, F.5.1): also
    where only the objects bear it, since whoever imports the medium goes by
    those. There are as few File-sets as the most people who share one ID; a
    person with several IDs, confirmed to be one, may cost one more where
    sharing goes round in a circle. The order of the input has no influence.

    Parameters
    ----------
    people : sequence of PersonCluster
        Each person once.

    Returns
    -------
    list of list of PersonCluster
        In each File-set by identity; none is empty but the only one of a set
        without people.

    Raises
    ------
    RefusedError
        If more than `MOST_VOLUMES` people share one Patient ID.
    """
    ordered = sorted(people, key=lambda person: (person.identity, person.variants))
    sharing: dict[str, list[int]] = defaultdict(list)
    for place, person in enumerate(ordered):
        for key in {normalise_text(patient_id) for patient_id in person.patient_ids}:
            sharing[key].append(place)
    for key, places in sharing.items():
        if len(places) > MOST_VOLUMES:
            _refuse(key, len(places))
    neighbours: list[set[int]] = [set() for _ in ordered]
    for places in sharing.values():
        if len(places) > 1:
            for place in places:
                neighbours[place].update(places)
                neighbours[place].discard(place)
    chosen = _coloured(neighbours)
    volumes: list[list[PersonCluster]] = [[] for _ in range(max(chosen, default=0) + 1)]
    for place, volume in enumerate(chosen):
        volumes[volume].append(ordered[place])
    if len(volumes) > MOST_VOLUMES:
        _refuse("", len(volumes))
    return volumes


def _coloured(neighbours: Sequence[set[int]]) -> list[int]:
    """Give each place the lowest number that no neighbour has, the most constrained first.

    This is DSATUR (Brélaz 1979): exact for cliques, which sharing one ID makes,
    and for everything that two numbers suffice for.
    """
    chosen = [-1] * len(neighbours)
    taken: list[set[int]] = [set() for _ in neighbours]
    heap = [(0, -len(others), place) for place, others in enumerate(neighbours)]
    heapq.heapify(heap)
    while heap:
        saturation, _, place = heapq.heappop(heap)
        if chosen[place] >= 0 or -saturation != len(taken[place]):
            continue  # a newer entry of this place is in the heap, or was
        number = 0
        while number in taken[place]:
            number += 1
        chosen[place] = number
        for other in neighbours[place]:
            if chosen[other] < 0 and number not in taken[other]:
                taken[other].add(number)
                heapq.heappush(heap, (-len(taken[other]), -len(neighbours[other]), other))
    return chosen


def _refuse(patient_id: str, number: int) -> None:
    whose = f" {shown(patient_id)}" if patient_id else "s"
    finding = error(
        "too-many-volumes",
        f"patient:{shown(patient_id)}" if patient_id else "the set",
        f"{number:,} people share the Patient ID{whose}: they would need as many File-sets, and "
        f"{MOST_VOLUMES} is the most.",
        "Export fewer people at a time, or have their identities corrected at the source.",
        "PS3.3 F.5.1",
    )
    raise RefusedError(f"Nothing was written. {finding.message}", [finding], finding.hint)
