"""Who an instance is about, and which identities are certainly one person.

The rules lean to one side: two people taken for one put a stranger's images
into a patient's hands, one person taken for two costs a question. Identities
are therefore joined only where every fact that both give agrees and enough of
them are given; whatever stays apart is shown to the operator.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from itertools import combinations, zip_longest
from typing import TypeVar

SUPPLIED_PREFIX = "NOID-"
"""How a Patient ID begins that the station supplied (PS3.11, D.3.3.1 note)."""

_MOST_COMPARED = 64
"""Spellings of one Patient ID that are compared in pairs; beyond it only equal ones are joined."""

_SHOWN = 64
"""Characters of one attribute that a message shows; LO and a PN component group end there too."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

Part = TypeVar("Part", str, tuple[str, ...])

Name = tuple[tuple[str, ...], ...]
"""Component groups of a person name, each split into components (PS3.5, 6.2.1)."""


@dataclass(frozen=True, slots=True, order=True)
class PatientIdentity:
    """The five attributes that tell people apart, as an object gives them.

    Text is decoded and otherwise untouched; an attribute that is absent or
    empty is the empty string. `issuer` is Issuer of Patient ID (0010,0021),
    `birth_date` a DA value, `sex` a CS value.
    """

    patient_id: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""

    @property
    def key(self) -> str:
        """The five as one text, for being kept and compared letter by letter."""
        return json.dumps(astuple(self), ensure_ascii=False)

    @property
    def names_nobody(self) -> bool:
        """Whether neither Patient ID nor name has a value."""
        normal = normalise(self)
        return not normal.patient_id and not normal.name


@dataclass(frozen=True, slots=True)
class NormalIdentity:
    """A `PatientIdentity` without the differences that mean nothing.

    Padding, repeated spaces, letter case, compatibility forms of one character
    (Unicode NFKC), empty components and groups at the end of a name, and the
    dots of an ACR-NEMA date are gone. It is for comparing, never for writing.
    """

    patient_id: str
    issuer: str
    name: Name
    birth_date: str
    sex: str


@dataclass(frozen=True, slots=True)
class PersonCluster:
    """One person, as far as the objects can tell.

    Parameters
    ----------
    identity : PatientIdentity
        The identity for label, directory and README: the spelling of most
        instances, its gaps filled from the others.
    variants : tuple of (PatientIdentity, int)
        Every spelling with its number of instances, the most frequent first.
    """

    identity: PatientIdentity
    variants: tuple[tuple[PatientIdentity, int], ...]

    @property
    def instances(self) -> int:
        """Number of instances under all spellings."""
        return sum(count for _, count in self.variants)

    @property
    def patient_id(self) -> str:
        """The Patient ID for the directory: the person's own, else the supplied one."""
        if self.is_supplied:
            return supplied_patient_id(self.identity)
        return self.identity.patient_id

    @property
    def is_supplied(self) -> bool:
        """Whether the person has no Patient ID that a record could hold."""
        return not recorded_patient_id(self.identity.patient_id)

    @property
    def patient_ids(self) -> frozenset[str]:
        """Every Patient ID that the person brings onto a medium, as `recorded_patient_id` has it.

        The directory's is among them, the objects' own are the others.
        """
        ids = (self.patient_id, *(variant.patient_id for variant, _ in self.variants))
        return frozenset(filter(None, map(recorded_patient_id, ids)))

    @property
    def whole_name(self) -> str:
        """The name with the component groups that only other spellings have."""
        names = [self.identity.name, *(variant.name for variant, _ in self.variants)]
        groups = zip_longest(*(name.split("=") for name in names), fillvalue="")
        return "=".join(
            next((group for group in spellings if group.strip("^ ")), "") for spellings in groups
        ).rstrip("=")


def normalise_text(text: str) -> str:
    """Return `text` as it is compared: NFKC, case folded, single spaces, no padding."""
    folded = unicodedata.normalize("NFD", text).casefold()
    folded = unicodedata.normalize("NFKC", folded).casefold()
    folded = unicodedata.normalize("NFKC", folded)
    return " ".join(folded.replace("\0", " ").split())


@lru_cache(maxsize=1024)
def normalise_name(name: str) -> Name:
    """Split a person name into its component groups and normalise each component.

    Groups are split before characters are unified: a full-width ``＝`` or ``＾``
    is a letter of the name, no separator.
    """
    groups = [
        _without_tail([normalise_text(part) for part in group.split("^")])
        for group in name.split("=")
    ]
    return _without_tail(groups)


@lru_cache(maxsize=1024)
def normalise(identity: PatientIdentity) -> NormalIdentity:
    """Return what `identity` is compared by."""
    return NormalIdentity(
        patient_id=normalise_text(identity.patient_id),
        issuer=normalise_text(identity.issuer),
        name=normalise_name(identity.name),
        birth_date=normalise_text(identity.birth_date).replace(".", ""),
        sex=normalise_text(identity.sex),
    )


def is_certainly_same(one: NormalIdentity, other: NormalIdentity) -> bool:
    """Tell whether two identities can only be one person.

    Equal identities are one. Otherwise both need the same Patient ID (or both
    none), and no fact that both give may differ; an empty issuer, birth date
    or sex contradicts nothing. On top of that the names must agree in a
    component group that both have and differ in none, or, where a name is
    missing, the birth dates must be equal. Names that have no group in common
    say nothing of each other. Without any Patient ID, name and birth date must
    both agree. An empty Patient ID never equals a given one.
    """
    if one == other:
        return True
    if one.patient_id != other.patient_id:
        return False
    for mine, theirs in (
        (one.issuer, other.issuer),
        (one.birth_date, other.birth_date),
        (one.sex, other.sex),
    ):
        if mine and theirs and mine != theirs:
            return False
    shared = [(a, b) for a, b in zip(one.name, other.name, strict=False) if a and b]
    if any(a != b for a, b in shared) or (one.name and other.name and not shared):
        return False
    born_alike = bool(one.birth_date) and one.birth_date == other.birth_date
    if one.patient_id:
        return bool(shared) or born_alike
    return bool(shared) and born_alike


def cluster_people(
    identities: Iterable[tuple[PatientIdentity, int]],
) -> list[PersonCluster]:
    """Sort identities into people.

    An identity with gaps may fit two identities that contradict each other (no
    issuer given, and two issuers seen). It then belongs to neither for
    certain, and stays a person of its own; whoever else agrees stays together.
    The order of the input has no influence.

    Parameters
    ----------
    identities : iterable of (PatientIdentity, int)
        Identities with their numbers of instances; one identity may come
        repeatedly.

    Returns
    -------
    list of PersonCluster
        The person with most instances first; equal numbers by identity.
    """
    counts: Counter[PatientIdentity] = Counter()
    for identity, count in identities:
        counts[identity] += count
    spellings: dict[NormalIdentity, list[PatientIdentity]] = defaultdict(list)
    for identity in counts:
        spellings[normalise(identity)].append(identity)

    candidates: dict[tuple[str, str], list[NormalIdentity]] = defaultdict(list)
    for normal in spellings:
        key = ("id", normal.patient_id) if normal.patient_id else ("born", normal.birth_date)
        candidates[key].append(normal)
    people = [
        _person([(raw, counts[raw]) for normal in group for raw in spellings[normal]])
        for normals in candidates.values()
        for group in _cliques(normals)
    ]
    return sorted(people, key=lambda person: (-person.instances, person.identity, person.variants))


def join_people(people: Sequence[PersonCluster]) -> PersonCluster:
    """Return the one person that `people` are, as somebody confirmed.

    The identity is that of the first, its gaps filled from the others in
    their order; a Patient ID keeps its own issuer.
    """
    first, *others = (person.identity for person in people)
    for other in others:
        gaps = {
            field: getattr(other, field)
            for field in ("name", "birth_date", "sex")
            if not getattr(first, field)
        }
        if not first.patient_id:
            gaps |= {"patient_id": other.patient_id, "issuer": other.issuer or first.issuer}
        elif not first.issuer and normalise_text(other.patient_id) == normalise_text(
            first.patient_id
        ):
            gaps["issuer"] = other.issuer
        first = replace(first, **gaps)
    variants = [variant for person in people for variant in person.variants]
    return PersonCluster(first, tuple(sorted(variants, key=_by_number)))


def recorded_patient_id(patient_id: str) -> str:
    """Return a Patient ID as one value of LO can hold it: no control characters, no backslash."""
    return _CONTROL.sub("", patient_id).replace("\\", "/").strip()


def supplied_patient_id(identity: PatientIdentity) -> str:
    """Return the Patient ID for a person who has none.

    The same facts give the same ID on every medium, spelling apart; other
    facts give another one. It is a legal LO value of 25 characters. That no
    other person of a set bears it is checked with the set.
    """
    facts = json.dumps(astuple(normalise(identity)), ensure_ascii=True)
    return SUPPLIED_PREFIX + hashlib.sha256(facts.encode("ascii")).hexdigest()[:20].upper()


FIELD_NAMES = {
    "patient_id": "Patient ID",
    "issuer": "issuer",
    "name": "name",
    "birth_date": "birth date",
    "sex": "sex",
}
"""The facts of a `PatientIdentity` in words, in their order."""


def describe(identity: PatientIdentity, marked: Collection[str] = ()) -> str:
    """Return the facts in one line that is safe to print; those of `marked` stand in [brackets].

    A line has no ``|`` of its own, which parts identities in a message.
    """
    facts = {
        "patient_id": f"Patient ID {shown(identity.patient_id)}"
        if identity.patient_id
        else "no Patient ID",
        "issuer": f"issuer {shown(identity.issuer)}" if identity.issuer else "",
        "name": shown(identity.name) if identity.name.strip("^= ") else "no name",
        "birth_date": f"born {shown(identity.birth_date)}"
        if identity.birth_date
        else "no birth date",
        "sex": f"sex {shown(identity.sex)}" if identity.sex else "no sex",
    }
    if "issuer" in marked and not identity.issuer:
        facts["issuer"] = "no issuer"
    told = [f"[{fact}]" if field in marked else fact for field, fact in facts.items() if fact]
    return ", ".join(told).replace("|", "\N{BROKEN BAR}")


def differing_fields(identities: Iterable[PatientIdentity]) -> tuple[str, ...]:
    """Return the fields in which identities are not all alike, gaps included."""
    normals = {normalise(identity) for identity in identities}
    return tuple(
        field for field in FIELD_NAMES if len({getattr(normal, field) for normal in normals}) > 1
    )


def shown(text: str) -> str:
    """Return `text` for a message: control characters replaced, length limited."""
    clean = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for letter in text[: _SHOWN + 1]
    )
    return clean if len(clean) <= _SHOWN else clean[:_SHOWN] + "…"


def _without_tail(parts: list[Part]) -> tuple[Part, ...]:
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _cliques(normals: Sequence[NormalIdentity]) -> list[list[NormalIdentity]]:
    """Join identities that agree, unless one of them agrees with two that do not.

    Where no identity stands between two that disagree, agreement is
    transitive, so what remains connected agrees throughout. Sets of identities
    are bit masks over `normals`.
    """
    if len(normals) > _MOST_COMPARED:
        return [[normal] for normal in normals]
    places = range(len(normals))
    agreeing = [1 << place for place in places]
    for place, other in combinations(places, 2):
        if is_certainly_same(normals[place], normals[other]):
            agreeing[place] |= 1 << other
            agreeing[other] |= 1 << place
    between = 0
    for place in places:
        mask = agreeing[place]
        if any(mask >> other & 1 and mask & ~agreeing[other] for other in places):
            between |= 1 << place
    masks = {1 << place if between >> place & 1 else agreeing[place] & ~between for place in places}
    return [[normals[place] for place in places if mask >> place & 1] for mask in sorted(masks)]


def _by_number(variant: tuple[PatientIdentity, int]) -> tuple[int, PatientIdentity]:
    return -variant[1], variant[0]


def _person(variants: list[tuple[PatientIdentity, int]]) -> PersonCluster:
    ordered = sorted(variants, key=_by_number)
    identity = ordered[0][0]
    for field in ("patient_id", "issuer", "name", "birth_date", "sex"):
        if not getattr(identity, field):
            values = (getattr(variant, field) for variant, _ in ordered)
            identity = replace(identity, **{field: next(filter(None, values), "")})
    return PersonCluster(identity, tuple(ordered))
