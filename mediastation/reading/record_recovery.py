"""The tree that the records of a damaged DICOMDIR can only have meant (PS3.3, F.2 and F.3.2.2).

Readers hold themselves to the offsets, and so does `verify`. An importer wants
every record that is there: here each one ends somewhere in the tree, and each
step that goes beyond what the directory says is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mediastation.model.repair import Repair, RepairLog
from mediastation.model.sop_class import SOP_CLASSES
from mediastation.reading.dicomdir import Dicomdir
from mediastation.reading.directory_record import DirectoryRecord
from mediastation.reading.elements import text_value
from mediastation.reading.record_links import LEAF_LEVEL, OPEN_LEVEL, claim_records, level_of
from mediastation.reading.record_placing import place_records
from mediastation.reading.record_salvage import salvage_records
from mediastation.reading.record_tree import SUBJECT, RecordTree
from mediastation.reading.record_types import CURRENT_TYPES, PRIVATE

PATIENT_NAME, PATIENT_ID = 0x00100010, 0x00100020
STUDY_UID, SERIES_UID = 0x0020000D, 0x0020000E

_MOVED = frozenset({"offset-shift", "offset-drift", "offsets-useless"})
_CODING = frozenset({"transfer-syntax", "no-preamble"})
_OF_THE_TREE = frozenset(
    {"offset-no-record", "offset-shift", "record-loop", "two-parents", "too-deep", "orphan-record"}
)
_TYPE_BY_KEY = ((SERIES_UID, "SERIES"), (STUDY_UID, "STUDY"), (PATIENT_ID, "PATIENT"),
                (PATIENT_NAME, "PATIENT"))  # fmt: skip
_KEY_OF_TYPE = {"PATIENT": PATIENT_ID, "STUDY": STUDY_UID, "SERIES": SERIES_UID}
_ABOVE = {"STUDY": "PATIENT", "SERIES": "STUDY"}


@dataclass(slots=True)
class RecoveredDirectory:
    """A directory with every record that could be found, each in its place.

    Parameters
    ----------
    directory : Dicomdir
        With the records found; its own `tree` is the one that readers see.
    tree : RecordTree
        The recovered one: every record is in it.
    types : list of str
        What each record is: its type as the standard writes it, or the one that
        its keys or its SOP Class give where it has none that is known.
    guessed : bytearray
        `GUESSED` or `CERTAIN` for each record whose place no offset tells
        (`mediastation.reading.record_placing`).
    twins : dict of int to int
        Records that repeat another one, and that one.
    log : RepairLog
        What was wrong and what was taken instead; many of a kind are counted.
    """

    directory: Dicomdir
    tree: RecordTree
    types: list[str]
    guessed: bytearray = field(default_factory=bytearray)
    twins: dict[int, int] = field(default_factory=dict)
    log: RepairLog = field(default_factory=RepairLog)

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """What was put right, as far as it is named singly, then the numbers of the rest."""
        return tuple(self.log)


def recover_directory(directory: Dicomdir) -> RecoveredDirectory:
    """Put every record of `directory` into a tree, whatever its offsets say.

    The source it was read from must still be open. A directory that is in
    order comes back as it is, without a repair.
    """
    log = RepairLog()
    found = salvage_records(directory, log)
    types = [_type_of(found, record, log) for record in found.records]
    result = RecoveredDirectory(found, found.tree, types, bytearray(len(types)), log=log)
    wrong = {finding.rule for finding in directory.findings} & _OF_THE_TREE
    whole = len(found.tree.order) == len(found.records) == len(found.tree.parents)
    if found is directory and whole and wrong <= {"offset-shift"}:
        if wrong:
            log.add(
                "offset-shift",
                SUBJECT,
                f"the offsets miss the records by {-found.tree.shift:+d} bytes",
                "each was read with that taken off",
            )
    else:
        levels = bytes(map(level_of, types))
        claims = claim_records(found.records, levels, found.first_root or 0, log)
        result.tree, result.guessed = place_records(found.records, levels, claims, log)
        if any(result.guessed):
            _find_twins(result, log)
    if found.records and (rules := {finding.rule for finding in directory.findings}) & _CODING:
        log.add(
            "encoding",
            SUBJECT,
            "no preamble" if "no-preamble" in rules else _encoding_words(found),
            "written in Explicit VR Little Endian",
        )
    _tell_last_root(result, directory, log)
    _tell_missing_levels(result, log)
    return result


def _encoding_words(directory: Dicomdir) -> str:
    if directory.encoding.big_endian:
        return "written in Explicit VR Big Endian"
    if directory.encoding.explicit:
        return f"its transfer syntax is said to be {directory.transfer_syntax_uid or 'none'}"
    return "written in Implicit VR Little Endian"


def _type_of(directory: Dicomdir, record: DirectoryRecord, log: RepairLog) -> str:
    """Return what a record is, as the standard writes it."""
    stated = record.type
    if stated in CURRENT_TYPES:
        return stated
    plain = " ".join(stated.upper().replace("_", " ").split())
    if plain not in CURRENT_TYPES:
        plain = _meant_type(directory, record, plain)
    if plain != stated and log.wants("record-type"):
        log.keep(
            "record-type",
            record.label,
            f"Directory Record Type {stated}" if stated else "no Directory Record Type",
            plain,
        )
    return plain


def _meant_type(directory: Dicomdir, record: DirectoryRecord, plain: str) -> str:
    """Return the type that a record's content gives it, `plain` where it gives none."""
    if record.file_id or record.sop_instance_uid:
        known = SOP_CLASSES.get(record.sop_class_uid)
        return known.record_type if known else plain or "IMAGE"
    keys = directory.keys(record)
    for tag, record_type in _TYPE_BY_KEY:
        if tag in keys and keys[tag].value.strip(b" \0"):
            return record_type
    return plain


def _find_twins(result: RecoveredDirectory, log: RepairLog) -> None:
    """Find guessed records that say once more what another one says, and put them beside it."""
    known: dict[tuple[str, ...], int] = {}
    waiting: list[tuple[int, tuple[str, ...]]] = []
    directory, records = result.directory, result.directory.records
    for index, record in enumerate(records):
        identity = _identity(directory, record, result.types[index])
        if identity is None:
            continue
        if result.guessed[index]:
            waiting.append((index, identity))
        else:
            known.setdefault(identity, index)
    for index, identity in waiting:
        twin = known.setdefault(identity, index)
        if twin != index:
            result.twins[index] = twin
            if log.wants("record-repeated"):
                log.keep(
                    "record-repeated",
                    records[index].label,
                    f"the record at byte {records[index].offset} repeats another one",
                    f"the one at byte {records[twin].offset}",
                )


def _identity(
    directory: Dicomdir, record: DirectoryRecord, record_type: str
) -> tuple[str, ...] | None:
    """Return what makes a record one of its own; None if nothing does."""
    if record.file_id:
        return (*record.file_id, record.sop_instance_uid)
    tag = _KEY_OF_TYPE.get(record_type)
    if tag is None:
        return None
    key = directory.keys(record).get(tag)
    value = text_value(key.value) if key else ""
    return (record_type, value, "") if value else None


def _tell_last_root(result: RecoveredDirectory, directory: Dicomdir, log: RepairLog) -> None:
    """Tell of a last root offset that leads to no record of the root, or not to the last one."""
    tree, stated = result.tree, directory.last_root
    if stated is None or not _MOVED.isdisjoint(log.counts):
        return
    if tree is directory.tree:
        wrong = any(finding.rule == "last-root-offset" for finding in directory.findings)
    else:
        records = result.directory.records
        roots = {records[index].offset for index in tree.order if not tree.levels[index]}
        wrong = stated not in roots
    if wrong and result.directory.records:
        log.add(
            "last-root-offset",
            SUBJECT,
            f"the last record of the root is said to begin at byte {stated}",
            "the last one of its chain",
        )


def _tell_missing_levels(result: RecoveredDirectory, log: RepairLog) -> None:
    """Tell of records that lie where Table F.4-1 has another one between."""
    types, parents = result.types, result.tree.parents
    for index, record_type in enumerate(types):
        level = level_of(record_type)
        if not 0 < level <= LEAF_LEVEL:
            continue
        wanted = _ABOVE.get(record_type, "SERIES")
        above = nearest_level(types, parents, parents[index])
        stands = types[above] if above >= 0 else "the root"
        if stands != wanted and log.wants("missing-level"):
            log.keep(
                "missing-level",
                result.directory.records[index].label,
                f"{record_type} lies under {stands}, with no {wanted} above it",
                f"the files tell the {wanted.lower()}",
            )


def nearest_level(types: Sequence[str], parents: Sequence[int], index: int) -> int:
    """Return the first of `index` and the records above it that is no private or unknown one."""
    while index >= 0 and (types[index] == PRIVATE or level_of(types[index]) == OPEN_LEVEL):
        index = parents[index]
    return index
