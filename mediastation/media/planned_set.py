"""What is to be distributed over volumes, gathered from a stream in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

_HIGHEST = 2**62


@dataclass(frozen=True, slots=True)
class PlannedInstance:
    """One instance that is to lie on some volume.

    Parameters
    ----------
    key : int
        The caller's number of it, the same whenever the set is planned.
    person : str
        What tells people apart; empty for what belongs to no patient.
    study, series : str
        Instance UIDs. What belongs to no patient has neither.
    uid : str
        SOP Instance UID.
    moment : str
        Date and time of its study as ``YYYYMMDDHHMMSS``, or less of it; empty
        if nothing tells, which counts as the oldest.
    size_bytes : int
        Of its file.
    references : frozenset of str
        SOP Instance UIDs, or Series Instance UIDs, of what it is useless
        without. What is not in the set does not count.
    number : int
        Instance Number; those of a series are in its order, then by `key`.
    record_bytes : int
        Of its DICOMDIR record; 0 takes the bound of the size model.
    """

    key: int
    person: str
    study: str
    series: str
    uid: str
    moment: str
    size_bytes: int
    references: frozenset[str] = frozenset()
    number: int = 0
    record_bytes: int = 0


@dataclass(slots=True)
class PlannedSeries:
    """The instances of one series, in instance order once it was gathered.

    A series is that of one study of one person: the same UID elsewhere is
    another one. `patient` and `study_number` tell patients and studies apart,
    `group` what may share a volume.
    """

    person: str
    study: str
    uid: str
    moment: str = ""
    patient: int = 0
    study_number: int = 0
    group: Hashable = 0
    keys: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    records: array[int] = field(default_factory=lambda: array("q"))
    _numbers: array[int] = field(default_factory=lambda: array("q"))
    _uids: bytearray = field(default_factory=bytearray)
    _uid_ends: array[int] = field(default_factory=lambda: array("Q"))
    _arrived: array[int] = field(default_factory=lambda: array("q"))

    @property
    def is_root(self) -> bool:
        """Whether these instances belong to no patient."""
        return not self.study

    def take(self, instance: PlannedInstance) -> None:
        """Append an instance in whatever order it comes."""
        self.keys.append(instance.key)
        self.sizes.append(instance.size_bytes)
        self.records.append(instance.record_bytes)
        self._numbers.append(max(-_HIGHEST, min(instance.number, _HIGHEST)))
        self._uids += instance.uid.encode("utf-8", "surrogatepass")
        self._uid_ends.append(len(self._uids))
        self.moment = max(self.moment, instance.moment)

    def sort(self) -> None:
        """Bring the instances into their order."""
        numbers, keys = self._numbers, self.keys
        order = sorted(range(len(keys)), key=lambda index: (numbers[index], keys[index]))
        self._arrived = array("q", order)
        self.keys = array("q", (keys[index] for index in order))
        self.sizes = array("q", (self.sizes[index] for index in order))
        self.records = array("q", (self.records[index] for index in order))
        self._numbers = array("q")

    def sop_instance_uid(self, position: int) -> str:
        """Return the UID of the instance at `position` of the order."""
        index = self._arrived[position]
        start = self._uid_ends[index - 1] if index else 0
        return self._uids[start : self._uid_ends[index]].decode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Link:
    """An instance, by series and position, and what it references in other series.

    A target's position is -1 where the whole series is meant.
    """

    series: int
    position: int
    targets: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PlannedSet:
    """Series, those of the newest study first, and what links them."""

    series: tuple[PlannedSeries, ...]
    links: tuple[Link, ...]


def gather(
    instances: Iterable[PlannedInstance],
    *,
    one_person_per_volume: bool = False,
    partition: Mapping[str, int] | None = None,
) -> PlannedSet:
    """Take in the instances of a set, in any order; see `plan_distribution` for the rest.

    About a hundred bytes are kept of each, and its references.

    Raises
    ------
    ValueError
        If a key comes twice, or a size is negative.
    """
    gathered: dict[tuple[str, str, str], PlannedSeries] = {}
    references: dict[int, frozenset[str]] = {}
    for instance in instances:
        if instance.size_bytes < 0 or instance.record_bytes < 0:
            raise ValueError(f"instance {instance.key} has a negative size")
        identity = (
            (instance.person, instance.study, instance.series) if instance.study else ("", "", "")
        )
        series = gathered.get(identity)
        if series is None:
            series = gathered[identity] = PlannedSeries(*identity)
        series.take(instance)
        if instance.references:
            references[instance.key] = instance.references
    count = sum(len(series.keys) for series in gathered.values())
    if len({key for series in gathered.values() for key in series.keys}) != count:
        raise ValueError("a key comes twice")
    ordered = _newest_first(gathered.values())
    patients: dict[str, int] = {}
    studies: dict[tuple[str, str], int] = {}
    for series in ordered:
        series.sort()
        series.patient = patients.setdefault(series.person, len(patients))
        series.study_number = studies.setdefault((series.person, series.study), len(studies))
        if not series.is_root:
            series.group = (
                series.person if one_person_per_volume else (partition or {}).get(series.person, 0)
            )
    owned = [series.group for series in ordered if not series.is_root]
    for series in ordered:
        if series.is_root and owned:
            series.group = owned[0]
    return PlannedSet(tuple(ordered), tuple(_links(ordered, references)))


def _newest_first(gathered: Iterable[PlannedSeries]) -> list[PlannedSeries]:
    """Return series by the moments of their studies, those of one study together."""
    ordered = sorted(gathered, key=lambda series: (series.person, series.study, series.uid))
    moments: dict[tuple[str, str], str] = {}
    for series in ordered:
        study = (series.person, series.study)
        moments[study] = max(moments.get(study, ""), series.moment)
    for series in ordered:
        series.moment = moments[series.person, series.study]
    ordered.sort(key=lambda series: series.moment, reverse=True)
    return ordered


def _links(
    ordered: list[PlannedSeries],
    references: Mapping[int, frozenset[str]],
) -> Iterator[Link]:
    wanted = {uid for uids in references.values() for uid in uids}
    found: dict[str, tuple[int, int]] = {}
    if wanted:
        for place, series in enumerate(ordered):
            for position in range(len(series.keys)):
                uid = series.sop_instance_uid(position)
                if uid in wanted:
                    found.setdefault(uid, (place, position))
        for place, series in enumerate(ordered):
            if series.uid in wanted:
                found.setdefault(series.uid, (place, -1))
    for place, series in enumerate(ordered):
        for position, key in enumerate(series.keys):
            if key in references:
                hits = {found[uid] for uid in references[key] if uid in found}
                targets = tuple(sorted(hit for hit in hits if hit[0] != place))
                if targets:
                    yield Link(place, position, targets)
