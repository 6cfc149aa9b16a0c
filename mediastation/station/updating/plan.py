"""What stays of a File-set when instances are taken out: decided from its directory alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mediastation.errors import ConfigError, RefusedError
from mediastation.model.finding import Finding, error, note
from mediastation.model.identity import shown
from mediastation.reading.dicomdir import Dicomdir
from mediastation.reading.directory_record import DirectoryRecord, Key
from mediastation.reading.elements import text_value
from mediastation.reading.record_tree import UNREACHED

_IDENTIFIERS = {
    "PATIENT": (0x00100020, "Patient ID"),
    "STUDY": (0x0020000D, "Study"),
    "SERIES": (0x0020000E, "Series"),
}
_PARENTS = frozenset(_IDENTIFIERS)
_IN_USE = 0xFFFF
_LINK_TO_SHARED = 0x00041504
"""Offset of the Referenced MRDR Directory Record, retired: it would point anywhere afterwards."""


@dataclass(slots=True)
class StayingRecords:
    """Which records of a directory stay.

    Parameters
    ----------
    stays : bytearray
        One byte for each record, by index: whether it stays.
    removed_uids : set of str
        SOP Instance UIDs of what goes.
    instances : int
        Instances that stay.
    findings : tuple of Finding
        What each UID was taken for.
    """

    stays: bytearray
    removed_uids: set[str] = field(default_factory=set)
    instances: int = 0
    findings: tuple[Finding, ...] = ()


def require_updatable(directory: Dicomdir) -> None:
    """Raise `RefusedError` where a directory cannot be taken over as it is.

    Only what would be lost or made wrong by copying is looked at here: whether
    the directory conforms is the verifier's question.
    """
    findings = list(_check_updatable(directory))
    if findings:
        raise RefusedError(
            f"Nothing was written: the directory of the medium cannot be taken over. "
            f"{findings[0].message}",
            findings,
            findings[0].hint,
        )


def plan_removal(directory: Dicomdir, uids: Sequence[str]) -> StayingRecords:
    """Decide which records stay when what `uids` name is taken out.

    A UID names a study, a series or an instance. With a record goes all that
    hangs below it, and each PATIENT, STUDY and SERIES record above it that
    holds nothing any more.

    Raises
    ------
    ConfigError
        If a UID names nothing in the directory.
    """
    named: dict[str, list[int]] = {uid: [] for uid in uids}
    people: set[str] = set()
    for index in directory.tree.order:
        record = directory.records[index]
        identifier = _identifier(directory, record)
        if record.type == "PATIENT":
            people.add(identifier)
        elif identifier in named:
            named[identifier].append(index)
        if record.sop_instance_uid in named:
            named[record.sop_instance_uid].append(index)
    for uid, indices in named.items():
        if not uid or not indices:
            raise _unknown(uid, people)

    planned = StayingRecords(bytearray([1]) * len(directory.records))
    _take_out(directory, planned, (index for indices in named.values() for index in indices))
    counts = {uid: _instances_below(directory, indices) for uid, indices in named.items()}
    planned.findings = tuple(
        note(
            "removed",
            uid,
            f"It is a {_kind(directory.records[indices[0]])} on the medium: "
            f"{counts[uid]:,} instance{'s' if counts[uid] != 1 else ''} left out.",
        )
        for uid, indices in named.items()
    )
    return planned


def _take_out(directory: Dicomdir, planned: StayingRecords, indices: Iterable[int]) -> None:
    stays, parents, records = planned.stays, directory.tree.parents, directory.records
    for index in indices:
        stays[index] = 0
    children = [0] * len(records)
    emptied: list[int] = []
    for index in directory.tree.order:
        parent = parents[index]
        if parent >= 0 and not stays[parent]:
            stays[index] = 0
        if parent >= 0:
            if stays[index]:
                children[parent] += 1
            else:
                emptied.append(parent)
        uid = records[index].sop_instance_uid
        if not stays[index] and uid:
            planned.removed_uids.add(uid)
        elif stays[index] and records[index].file_id:
            planned.instances += 1
    # What lost its last child goes too, and so on towards the root.
    while emptied:
        index = emptied.pop()
        record = records[index]
        if stays[index] and not children[index] and record.type in _PARENTS and not record.file_id:
            stays[index] = 0
            if parents[index] >= 0:
                children[parents[index]] -= 1
                emptied.append(parents[index])
    for index, parent in enumerate(parents):
        if parent == UNREACHED:
            stays[index] = 0


def _check_updatable(directory: Dicomdir) -> Iterator[Finding]:
    hint = "Import the medium: that repairs what can be repaired. Then export it anew."
    if directory.enveloped:
        yield error(
            "enveloped",
            "DICOMDIR",
            "It lies in a secure envelope, so nothing can be put beside it.",
            "Take the files out of their envelopes, import them, and export a new medium.",
            "PS3.15 D.1",
        )
        return
    if not directory.has_directory or not directory.records:
        yield error(
            "no-directory",
            "DICOMDIR",
            "It has no records, and an updater must not add any to such a directory.",
            hint,
            "PS3.4 I.3.3",
        )
    if not directory.is_copyable:
        yield error(
            "transfer-syntax", "DICOMDIR", "It is not Explicit VR Little Endian.", hint,
            "PS3.10 8.6",
        )  # fmt: skip
        return
    for record in directory.records:
        if record.in_use != _IN_USE:
            yield error(
                "in-use-flag",
                record.label,
                "Its record may be one that was deleted: the in-use flag is not FFFFH.",
                hint,
                "PS3.3 F.3.2.2",
            )
            return
        if record.type == "MRDR":
            yield _shared_record(record, hint)
            return


def require_own_reference(record: DirectoryRecord, tag: int) -> None:
    """Raise `RefusedError` if an element of `record` leads to a record shared by many."""
    if tag == _LINK_TO_SHARED:
        finding = _shared_record(record, "Import the medium, then export it anew.")
        raise RefusedError(f"Nothing was written. {finding.message}", [finding], finding.hint)


def _shared_record(record: DirectoryRecord, hint: str) -> Finding:
    message = "It refers to a file through a record shared by many (MRDR), which is retired."
    return error("retired-record", record.label, message, hint, "PS3.3 F.3.2.2")


def _identifier(directory: Dicomdir, record: DirectoryRecord) -> str:
    if record.type not in _IDENTIFIERS:
        return ""
    key: Key | None = directory.keys(record).get(_IDENTIFIERS[record.type][0])
    return text_value(key.value) if key else ""


def _kind(record: DirectoryRecord) -> str:
    return _IDENTIFIERS[record.type][1] if record.type in _IDENTIFIERS else "SOP Instance"


def _instances_below(directory: Dicomdir, indices: list[int]) -> int:
    below = bytearray(len(directory.records))
    for index in indices:
        below[index] = 1
    count = 0
    for index in directory.tree.order:
        parent = directory.tree.parents[index]
        if parent >= 0 and below[parent]:
            below[index] = 1
        count += below[index] and bool(directory.records[index].file_id)
    return count


def _unknown(uid: str, people: set[str]) -> ConfigError:
    if uid in people:
        return ConfigError(
            f"{shown(uid)} is a Patient ID; what is removed is named by its UID.",
            "Name the Study, Series or SOP Instance UIDs that are to go.",
        )
    return ConfigError(
        f"{shown(uid)} names no study, series or instance on the medium.",
        "`mediastation verify` and dcmdump of its DICOMDIR show what is there.",
    )
