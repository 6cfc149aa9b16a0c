"""Whether instances may lie in one File-set together: what no single one can tell."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mediastation.conformance.attributes import (
    SERIES_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    text_of,
)
from mediastation.conformance.check import is_about_nobody
from mediastation.conformance.identity import IdentityReader
from mediastation.conformance.people import check_people
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.identity import PatientIdentity, PersonCluster, cluster_people, shown
from mediastation.model.instance import InstanceHeader

_STUDY_KEYS = {
    0x00080020: "Study Date",
    0x00080030: "Study Time",
    0x00200010: "Study ID",
    0x00081030: "Study Description",
    0x00080050: "Accession Number",
}
_SERIES_KEYS = {0x00080060: "Modality", 0x00200011: "Series Number"}


@dataclass(frozen=True, slots=True)
class SetMember:
    """One instance of a set.

    `subject` is what the operator calls it (the entry or the file), another
    one for each member; `digest` the SHA-256 of its data set, in hexadecimal;
    `size_bytes` the size of its file, 0 where that is not known.
    """

    subject: str
    header: InstanceHeader
    digest: str
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class SetVerdict:
    """What the set as a whole has to say.

    Parameters
    ----------
    people : tuple of PersonCluster
        Everybody in the set, those joined that were confirmed to be one;
        objects that are about nobody do not count.
    duplicates : frozenset of str
        Subjects that hold what another one holds; they need not be written.
    refused : frozenset of str
        Subjects that cannot be written because another one contradicts them.
    findings : tuple of Finding
        Of all rules about sets.
    """

    people: tuple[PersonCluster, ...]
    duplicates: frozenset[str]
    refused: frozenset[str]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Group:
    """What the first member of a study or series said."""

    parent: str
    subject: str
    keys: list[str]
    told: set[int] = field(default_factory=set)


class SetCheck:
    """Checks a set while its members go by.

    It keeps about 250 bytes for each instance, and some hundred for each
    series, study and identity; no header stays alive.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, bytes] = {}
        self._read = IdentityReader()
        self._identities: Counter[PatientIdentity] = Counter()
        self._studies: dict[str, _Group] = {}
        self._study_people: dict[str, dict[PatientIdentity, str]] = {}
        self._series: dict[str, _Group] = {}
        self._duplicates: set[str] = set()
        self._refused: set[str] = set()
        self._findings: list[Finding] = []

    def add(self, member: SetMember) -> None:
        """Take the next member."""
        if not self._is_new(member):
            return
        header = member.header
        identity = self._read.identity(header)
        if is_about_nobody(header.sop_class_uid):
            # Should not name a person. Where it does, it goes to nobody else.
            if not identity.names_nobody:
                self._identities[identity] += 1
            return
        self._identities[identity] += 1
        study = text_of(header, STUDY_INSTANCE_UID)
        series = text_of(header, SERIES_INSTANCE_UID)
        self._study_people.setdefault(study, {}).setdefault(identity, member.subject)
        self._compare(self._studies, "study", study, "", _STUDY_KEYS, member)
        group = self._compare(self._series, "series", series, study, _SERIES_KEYS, member)
        if group.parent != study:
            self._refused.add(member.subject)
            self._findings.append(
                error(
                    "series-in-two-studies",
                    member.subject,
                    f"Series {shown(series)} lies in study {shown(group.parent)} "
                    f"({group.subject}) and in study {shown(study)}.",
                    "Have the study corrected where it was made; a directory holds a series once.",
                    "PS3.3 F.5.3",
                )
            )

    def finish(
        self, *, several_patients: bool = False, confirm_identity: bool = False
    ) -> SetVerdict:
        """Return the verdict over all members so far."""
        verdict = check_people(
            cluster_people(self._identities.items()),
            several_patients=several_patients,
            confirm_identity=confirm_identity,
        )
        people = verdict.people
        findings = (*self._findings, *verdict.findings, *self._check_studies(people))
        return SetVerdict(people, frozenset(self._duplicates), frozenset(self._refused), findings)

    def _is_new(self, member: SetMember) -> bool:
        # Digests in place of texts, so that a large set fits in memory; 128
        # bits of the UID's own digest never fall together by chance.
        key = hashlib.blake2b(member.header.sop_instance_uid.encode(), digest_size=16).digest()
        digest = hashlib.blake2b(member.digest.encode(), digest_size=24).digest()
        known = self._seen.get(key)
        if known is None:
            self._seen[key] = digest + member.subject.encode("utf-8", "surrogateescape")
            return True
        subject = known[24:].decode("utf-8", "surrogateescape")
        if known[:24] == digest:
            self._duplicates.add(member.subject)
            self._findings.append(
                note(
                    "duplicate",
                    member.subject,
                    f"It holds what {subject} holds and is written once.",
                    "",
                    "PS3.5 9.1",
                )
            )
            return False
        self._refused.update((subject, member.subject))
        self._findings.append(
            error(
                "conflict",
                member.header.sop_instance_uid,
                f"Two objects with different content bear this UID: {subject} and "
                f"{member.subject}.",
                "Find out which one is right and export that one alone.",
                "PS3.5 9.1",
            )
        )
        return False

    def _compare(
        self,
        groups: dict[str, _Group],
        kind: str,
        uid: str,
        parent: str,
        tags: dict[int, str],
        member: SetMember,
    ) -> _Group:
        """Hold the keys of a study or series against those that came first.

        An empty value contradicts nothing: the record takes the first that is
        given.
        """
        values = [self._read.text(member.header, tag) for tag in tags]
        group = groups.setdefault(uid, _Group(parent, member.subject, values))
        for place, name in enumerate(tags.values()):
            mine, theirs = values[place], group.keys[place]
            if not theirs:
                group.keys[place] = mine
            elif mine and mine != theirs and place not in group.told:
                group.told.add(place)
                self._findings.append(
                    warning(
                        f"{kind}-keys",
                        f"{kind}:{shown(uid)}",
                        f"Its instances disagree on {name}: {shown(theirs)} ({group.subject}) and "
                        f"{shown(mine)} ({member.subject}).",
                        "The directory shows one of them; the objects stay as they are.",
                        "PS3.3 F.5.2" if kind == "study" else "PS3.3 F.5.3",
                    )
                )
        return group

    def _check_studies(self, people: Sequence[PersonCluster]) -> Iterator[Finding]:
        owner = {
            variant: place for place, person in enumerate(people) for variant, _ in person.variants
        }
        nameless = []
        for study, identities in self._study_people.items():
            owners = {owner[identity]: subject for identity, subject in identities.items()}
            if len(owners) > 1:
                yield error(
                    "study-in-two-people",
                    f"study:{shown(study)}",
                    f"One study lies under {len(owners)} people: "
                    f"{', '.join(list(owners.values())[:8])}.",
                    "Have the identity corrected where the study was made.",
                    "PS3.3 F.5.2",
                )
            if any(identity.names_nobody for identity in identities):
                nameless.append(study)
        if nameless:
            yield self._nameless(nameless)

    @staticmethod
    def _nameless(studies: list[str]) -> Finding:
        message = "Neither Patient ID nor name says whose the objects are"
        if len(studies) == 1:
            return warning(
                "no-identity",
                f"study:{shown(studies[0])}",
                f"{message}.",
                "Nobody will be able to tell from the medium; make sure before it leaves.",
                "PS3.3 F.5.1",
            )
        return error(
            "no-identity",
            "the set",
            f"{message}, and they come from {len(studies)} studies: these may be as many people.",
            "Write a medium for each study, or have the identity supplied at its source.",
            "PS3.3 F.5.1",
        )


def check_set(
    members: Iterable[SetMember],
    *,
    several_patients: bool = False,
    confirm_identity: bool = False,
) -> SetVerdict:
    """Check `members` as one File-set.

    Members that are refused on their own are to be left out before: what does
    not lie on the medium contradicts nothing there.

    Returns
    -------
    SetVerdict
        Rules ``conflict``, ``duplicate``, ``series-in-two-studies``,
        ``study-in-two-people``, ``study-keys``, ``series-keys``,
        ``no-identity``, and those of
        `mediastation.conformance.people.check_people`.
    """
    check = SetCheck()
    for member in members:
        check.add(member)
    return check.finish(several_patients=several_patients, confirm_identity=confirm_identity)
