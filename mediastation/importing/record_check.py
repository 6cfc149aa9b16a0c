"""Hold one record against the file that it leads to; the file is right."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mediastation.importing.read_directory import Place, ReadDirectory
from mediastation.model.finding import error, warning
from mediastation.model.identity import SUPPLIED_PREFIX, PatientIdentity, describe, shown
from mediastation.model.importing import ArrivedFile
from mediastation.model.likeness import Agreement, Verdict, compare_identities
from mediastation.model.name_spelling import NameLikeness
from mediastation.model.repair import RepairLog
from mediastation.model.sop_class import sop_class_name
from mediastation.model.transfer_syntax import transfer_syntax_name
from mediastation.reading.findings import FindingLog

_MOST_GROUPS = 1000
_MOST_REMEMBERED = 4096
_OTHER_LETTERS = re.compile("[^a-z]")
_WELL_SPELT = frozenset({NameLikeness.SAME, NameLikeness.GAP})


@dataclass(slots=True)
class _Stray:
    """Files under one PATIENT record that say they are of somebody else."""

    rule: str
    record: int
    patient: PatientIdentity
    first: str
    files: int = 0


@dataclass(slots=True)
class RecordCheck:
    """The records of one directory against their files.

    Parameters
    ----------
    read : ReadDirectory
        The directory.
    log, repairs
        Take what disagrees.
    mismatched : int
        How many files their records tell something else about.
    aliens : int
        How many of these hold another instance, of another study.
    """

    read: ReadDirectory
    log: FindingLog
    repairs: RepairLog
    mismatched: int = 0
    aliens: int = 0
    _verdicts: dict[tuple[PatientIdentity, PatientIdentity], str] = field(default_factory=dict)
    _strays: dict[tuple[str, int, PatientIdentity], _Stray] = field(default_factory=dict)

    def check(self, index: int, file: ArrivedFile) -> None:
        """Compare the record at `index` with its file."""
        place = self.read.place_of(index)
        # Evaluated all three: one record can be wrong in several ways.
        agrees = (
            self._check_reference(index, file),
            self._check_patient(place, file),
            self._check_branch(place, file),
        )
        self.mismatched += not all(agrees)
        stated = self.read.records[index].sop_instance_uid
        self.aliens += (
            stated != file.sop_instance_uid and place.study_uid != file.study_instance_uid
        )

    def finish(self) -> None:
        """Tell of the patients that disagree, each pair once."""
        for stray in self._strays.values():
            self._tell_stray(stray)

    def _tell_stray(self, stray: _Stray) -> None:
        stated = self.read.patients[stray.record]
        many = f"{stray.files:,} files" if stray.files > 1 else "a file"
        message = (
            f"{self.read.file.path} puts {many} of {describe(stray.patient)} "
            f"under {describe(stated)}"
        )
        if stray.rule == "wrong-person":
            finding = error(
                stray.rule,
                stray.first,
                message,
                "the files go to the patient whom they name; find out from the sender whose they "
                "are before anybody reads them",
                "PS3.3 F.5.1",
            )
        else:
            finding = warning(
                stray.rule,
                stray.first,
                message,
                "make sure that both are the same person",
                "PS3.3 F.5.1",
            )
        self.log.add(finding)

    def _check_reference(self, index: int, file: ArrivedFile) -> bool:
        record = self.read.records[index]
        agrees = True
        if record.sop_instance_uid != file.sop_instance_uid:
            agrees = not record.sop_instance_uid
            if not agrees:
                self.log.add(
                    warning(
                        "wrong-link",
                        file.path,
                        f"the record promises SOP Instance {record.sop_instance_uid}, the file "
                        f"holds {shown(file.sop_instance_uid) or 'none'}",
                        "the file is taken for what it holds",
                        "PS3.3 F.3.2.2",
                    )
                )
            held = shown(file.sop_instance_uid)
            self._tell("instance-uid", file, record.sop_instance_uid, held)
        for what, stated, actual, name in (
            ("sop-class", record.sop_class_uid, file.sop_class_uid, sop_class_name),
            (
                "transfer-syntax",
                record.transfer_syntax_uid,
                file.transfer_syntax_uid,
                transfer_syntax_name,
            ),
        ):
            if stated == actual:
                continue
            held = shown(name(actual))
            self._tell(what, file, name(stated) if stated else "", held)
            if stated:
                agrees = False
                self.log.add(
                    warning(
                        "meta-disagrees",
                        file.path,
                        f"the record says {name(stated)}, the file is {held}",
                        "the file is right",
                        "PS3.3 F.3.2.2",
                    )
                )
        return agrees

    def _check_branch(self, place: Place, file: ArrivedFile) -> bool:
        agrees = True
        for what, stated, actual in (
            ("study", place.study_uid, file.study_instance_uid),
            ("series", place.series_uid, file.series_instance_uid),
        ):
            if not stated or not actual or stated == actual:
                continue
            held = shown(actual)
            self._tell(f"{what}-uid", file, f"under {what} {stated}", f"under {what} {held}")
            # A place that was guessed contradicts nobody: the directory does not name one.
            if place.sure:
                agrees = False
                self.log.add(
                    warning(
                        "wrong-branch",
                        file.path,
                        f"the record lies under {what} {stated}, the file belongs to {held}",
                        "the file is right",
                        "PS3.3 F.5",
                    )
                )
        return agrees

    def _check_patient(self, place: Place, file: ArrivedFile) -> bool:
        if place.patient is None or not file.study_instance_uid:
            return True
        rule = self._verdict(place.patient, file.identity)
        if not rule:
            return True
        self._tell(
            "patient",
            file,
            f"under {describe(place.patient)}",
            f"under {describe(file.identity)}",
        )
        if not place.sure:
            return True
        key = rule, place.patient_record, file.identity
        stray = self._strays.get(key)
        if stray is None:
            stray = _Stray(rule, place.patient_record, file.identity, file.path)
            if len(self._strays) < _MOST_GROUPS:
                self._strays[key] = stray
            else:
                self._tell_stray(stray)
        stray.files += 1
        return False

    def _verdict(self, stated: PatientIdentity, actual: PatientIdentity) -> str:
        known = self._verdicts.get((stated, actual))
        if known is None:
            if len(self._verdicts) >= _MOST_REMEMBERED:
                self._verdicts.clear()
            known = self._verdicts[stated, actual] = _compare_people(stated, actual)
        return known

    def _tell(self, what: str, file: ArrivedFile, before: str, after: str) -> None:
        if self.repairs.wants(what):
            self.repairs.keep(what, file.path, before or "not given", after or "not given")


def _compare_people(stated: PatientIdentity, actual: PatientIdentity) -> str:
    """Return the rule that a record's patient and a file's break together; empty for none."""
    likeness = compare_identities(stated, actual)
    if likeness.verdict is Verdict.SAME:
        return ""
    # A directory has to give a Patient ID where the objects have none (PS3.11, D.3.3.1 note).
    supplied = stated.patient_id.startswith(SUPPLIED_PREFIX)
    facts = (likeness.birth_date, likeness.sex) + (() if supplied else (likeness.patient_id,))
    if Agreement.DIFFERS not in facts and likeness.name in _WELL_SPELT:
        return ""
    if likeness.verdict is Verdict.LIKELY:
        return "identity-spelling"
    if Agreement.DIFFERS in facts:
        return "wrong-person"
    if likeness.name is not NameLikeness.OTHER:
        return "identity-spelling"
    # A name in a wrong character set looks like another one, but for its plain letters.
    plain = {_plain_letters(stated.name), _plain_letters(actual.name)}
    same = len(plain - {""}) < 2 and not (stated.name.isascii() and actual.name.isascii())
    return "identity-spelling" if same else "wrong-person"


def _plain_letters(name: str) -> str:
    return _OTHER_LETTERS.sub("", name.partition("=")[0].lower())
