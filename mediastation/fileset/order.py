"""What keeps an instance out of a File-set: identity, uniqueness, order (PS3.3, F.2.1, F.5)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from mediastation.errors import RefusedError
from mediastation.model.finding import error
from mediastation.model.record import ROOT
from mediastation.model.record_types import RECORD_TYPES
from mediastation.model.sop_class import SOP_CLASSES, sop_class_name
from mediastation.model.uid import is_usable_uid


def refused(rule: str, subject: str, message: str, hint: str, reference: str) -> RefusedError:
    """Return the exception for one instance that may not be added."""
    return RefusedError(message, [error(rule, subject, message, hint, reference)], hint)


def record_type_of(sop_class_uid: str, subject: str) -> str:
    """Return the record type for a SOP Class; refuse a class without one."""
    sop_class = SOP_CLASSES.get(sop_class_uid)
    if sop_class is None or not sop_class.record_type:
        raise refused(
            "no-record-type",
            subject,
            f"No Directory Record type is defined for {sop_class_name(sop_class_uid)}.",
            "Leave the instance out.",
            "PS3.3 F.5",
        )
    return sop_class.record_type


def is_root_type(record_type: str) -> bool:
    """Tell whether records of this type lie in the root directory entity."""
    return RECORD_TYPES[record_type].parent == ROOT


def require_uid(uid: str, name: str, subject: str) -> None:
    """Refuse an instance whose `uid` cannot be written into a record."""
    if not uid:
        raise refused(
            "missing-identifier",
            subject,
            f"The instance has no {name}.",
            "Leave it out, or have its source send it again.",
            "PS3.3 F.5",
        )
    if not is_usable_uid(uid):
        raise refused(
            "illegal-identifier",
            subject,
            f"The instance's {name} {uid[:80]!r} is no UID.",
            "Leave it out, or have its source send it again.",
            "PS3.5 9.1",
        )


def _short(text: str) -> bytes:
    """Return sixteen bytes in place of an identifier, so that a million take little room."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


@dataclass(slots=True)
class TreeOrder:
    """Knows which people, studies, series and instances there have been.

    The tree has to arrive in order, each person, study and series in one
    piece. `check` looks, `enter` remembers.
    """

    person: str | None = None
    study: str | None = None
    series: str | None = None
    _people: set[str] = field(default_factory=set)
    _patient_ids: dict[str, str] = field(default_factory=dict)
    _studies: dict[bytes, int] = field(default_factory=dict)
    _series: dict[bytes, int] = field(default_factory=dict)
    _instances: set[bytes] = field(default_factory=set)

    def check_instance(self, sop_instance_uid: str) -> None:
        """Refuse a second instance with the same SOP Instance UID."""
        if _short(sop_instance_uid) in self._instances:
            raise refused(
                "duplicate-instance",
                sop_instance_uid,
                "An instance with this SOP Instance UID is in the File-set already.",
                "Leave one of the two out.",
                "PS3.3 F.2.1",
            )

    def check_place(
        self, person: str, patient_id: str, study: str, series: str, subject: str
    ) -> None:
        """Refuse an instance whose place in the tree contradicts what came before.

        `patient_id` is as recorded, since that has to be unique.
        """
        if not patient_id:
            raise refused(
                "missing-identifier",
                subject,
                "The PATIENT record needs a Patient ID.",
                "Supply one for this person.",
                "PS3.3 F.5.1",
            )
        if self._patient_ids.get(patient_id, person) != person:
            raise refused(
                "patient-id-of-two",
                subject,
                f"Two people have the Patient ID {patient_id[:64]!r}.",
                "Write a File-set for each of them.",
                "PS3.3 F.5.1",
            )
        if person != self.person:
            if _short(study) in self._studies:
                raise refused(
                    "study-of-two",
                    subject,
                    f"The study {study} is in the File-set under another person.",
                    "Find out whose it is before anything is written.",
                    "PS3.3 F.5.2",
                )
            if person in self._people:
                raise self._out_of_order(f"person {person[:64]!r}", subject)
        elif study != self.study and _short(study) in self._studies:
            if self._studies[_short(study)] != len(self._people):
                raise refused(
                    "study-of-two",
                    subject,
                    f"The study {study} is in the File-set under another person.",
                    "Find out whose it is before anything is written.",
                    "PS3.3 F.5.2",
                )
            raise self._out_of_order(f"study {study}", subject)
        same_study = person == self.person and study == self.study
        if (not same_study or series != self.series) and _short(series) in self._series:
            if same_study and self._series[_short(series)] == len(self._studies):
                raise self._out_of_order(f"series {series}", subject)
            raise refused(
                "series-in-two",
                subject,
                f"The series {series} is in the File-set under another study.",
                "Find out where it belongs before anything is written.",
                "PS3.3 F.5.3",
            )

    def begins(self, person: str, study: str, series: str) -> tuple[str, ...]:
        """Return the types of the records that have to be written for this place, top down."""
        if person != self.person:
            return ("PATIENT", "STUDY", "SERIES")
        if study != self.study:
            return ("STUDY", "SERIES")
        return ("SERIES",) if series != self.series else ()

    @staticmethod
    def _out_of_order(what: str, subject: str) -> RefusedError:
        return refused(
            "out-of-order",
            subject,
            f"The {what} was closed when another began.",
            "Add the instances in the order of the tree.",
            "",
        )

    def enter_instance(self, sop_instance_uid: str) -> None:
        """Remember an instance."""
        self._instances.add(_short(sop_instance_uid))

    def enter_person(self, person: str, patient_id: str) -> None:
        """Remember that `person` is open now."""
        self.person, self.study, self.series = person, None, None
        self._people.add(person)
        self._patient_ids[patient_id] = person

    def enter_study(self, study: str) -> None:
        """Remember that `study` is open now."""
        self.study, self.series = study, None
        self._studies[_short(study)] = len(self._people)

    def enter_series(self, series: str) -> None:
        """Remember that `series` is open now."""
        self.series = series
        self._series[_short(series)] = len(self._studies)
