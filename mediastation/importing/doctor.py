"""The directory doctor: what the directories of a medium say, held against what lies on it.

The files are believed. The scan's instances go by once, in the order of their
paths; what grows with their number is what the directories say about them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from mediastation.importing import record_lookup
from mediastation.importing.diagnosis import Diagnosis, DirectoryDiagnosis
from mediastation.importing.directory_files import find_directories
from mediastation.importing.read_directory import ReadDirectory, open_directories
from mediastation.importing.record_check import RecordCheck
from mediastation.importing.record_lookup import RecordLookup
from mediastation.importing.tree_count import TreeCount
from mediastation.model.finding import error, warning
from mediastation.model.identity import shown
from mediastation.model.importing import ArrivedFile
from mediastation.model.repair import REPAIRS_PER_RULE, RepairLog
from mediastation.reading.contract import Volume
from mediastation.reading.findings import FindingLog
from mediastation.reading.record_tree import SUBJECT

_FEW = 0.05
_MANY = 0.1
_ENOUGH = 3


class InstanceLookup(Protocol):
    """The instances that the scan found on the medium."""

    def by_path(self, path: str) -> ArrivedFile | None:
        """Return the instance in the file at exactly `path`."""

    def by_uid(self, sop_instance_uid: str) -> Sequence[ArrivedFile]:
        """Return a few of the instances with this SOP Instance UID, the first by path first."""

    def __iter__(self) -> Iterator[ArrivedFile]:
        """Yield all, each once, in an order that does not change."""

    def __len__(self) -> int:
        """Return how many there are."""


@dataclass(slots=True)
class _Case:
    """One directory under examination."""

    read: ReadDirectory
    lookup: RecordLookup
    check: RecordCheck
    found: int = 0
    unlisted: int = 0

    def owns(self, path: str) -> bool:
        """Tell whether a file lies in this File-set's folder."""
        folder = self.read.file.folder
        return not folder or path.startswith(f"{folder}/")


def examine(
    volume: Volume,
    instances: InstanceLookup,
    *,
    recognised: Collection[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Diagnosis:
    """Read the directories of `volume` tolerantly and compare them with its instances.

    Parameters
    ----------
    volume : Volume
        The medium, open.
    instances : InstanceLookup
        What the scan found on it; iterated over once.
    recognised : collection of str
        Paths of files whose content says that they are directories, whatever
        they are called.
    progress : callable, optional
        Is told how many instances went by.

    Returns
    -------
    Diagnosis
        A directory that is in order gives neither findings nor repairs. What
        is wrong with a directory and makes no instance doubtful is a warning;
        an error is a file that should be there and is not, an instance under a
        wrong patient, a directory of another disc, or a hostile one.
    """
    log, repairs = FindingLog(REPAIRS_PER_RULE), RepairLog()
    before, after = TreeCount(), TreeCount()
    with ExitStack() as stack:
        file_sets = find_directories(volume, recognised, log)
        cases = [
            _open_case(read, volume, log, repairs, before)
            for read in open_directories(volume, file_sets, stack, log)
        ]
        # Inner folders first, so that a file belongs to the nearest directory above it.
        cases.sort(key=lambda case: (-len(case.read.folders), case.read.file.path))
        _compare(cases, instances, after, log, repairs, progress)
        if not file_sets and len(instances):
            log.add(
                warning(
                    "no-dicomdir",
                    volume.name,
                    f"the medium has no DICOMDIR; {len(instances):,} instances were found by what "
                    "the files hold",
                    reference="PS3.10 8.6",
                )
            )
        cases.sort(key=lambda case: case.read.file.path)
        directories = tuple(_finish(case, log) for case in cases)
    return Diagnosis(
        directories,
        tuple(log),
        tuple(repairs),
        listed=sum(one.listed for one in directories),
        found=sum(one.found for one in directories),
        missing=sum(one.missing for one in directories),
        unusable=sum(one.unusable for one in directories),
        unlisted=sum(one.unlisted for one in directories),
        mismatched=sum(one.mismatched for one in directories),
        repaired=repairs.total,
        before=before.summary(),
        after=after.summary(),
    )


def _open_case(
    read: ReadDirectory, volume: Volume, log: FindingLog, repairs: RepairLog, before: TreeCount
) -> _Case:
    read.count_as_stated(before)
    repairs.merge(read.recovered.log, {SUBJECT: read.file.path})
    return _Case(read, RecordLookup(read, volume, log, repairs), RecordCheck(read, log, repairs))


def _compare(
    cases: Sequence[_Case],
    instances: InstanceLookup,
    after: TreeCount,
    log: FindingLog,
    repairs: RepairLog,
    progress: Callable[[int], None] | None,
) -> None:
    """Let all instances go by and tell of those that no directory lists."""
    own = {case.read.file.path for case in cases}
    perhaps: list[str] = []
    for number, file in enumerate(instances, start=1):
        if progress is not None:
            progress(number)
        if file.path in own:
            continue
        nobodys = not file.study_instance_uid and file.identity.names_nobody
        after.add(
            None if nobodys else file.identity, file.study_instance_uid, file.series_instance_uid
        )
        match _match(cases, file):
            case record_lookup.PERHAPS:
                perhaps.append(file.path)
            case record_lookup.NO_RECORD:
                _tell_unlisted(cases, file.path, file.sop_instance_uid, log, repairs)
    settled = {
        path: (case, index) for case in cases for path, index in case.lookup.settle().items()
    }
    for path in perhaps:
        known = settled.get(path)
        arrived = instances.by_path(path) if known else None
        if known is None or arrived is None:
            _tell_unlisted(cases, path, "", log, repairs)
            continue
        of, index = known
        of.found += 1
        of.check.check(index, arrived)


def _match(cases: Sequence[_Case], file: ArrivedFile) -> int:
    """Give `file` to the records that lead to it, and return the last of them."""
    matched = record_lookup.NO_RECORD
    for case in cases:
        index = case.lookup.record_of(file)
        if index >= 0:
            matched = index
            case.found += 1
            case.check.check(index, file)
    if matched >= 0:
        return matched
    for case in cases:
        index = case.lookup.claim(file)
        if index >= 0:
            case.found += 1
            case.check.check(index, file)
            return index
        matched = min(matched, index)
    return matched


def _tell_unlisted(
    cases: Sequence[_Case], path: str, uid: str, log: FindingLog, repairs: RepairLog
) -> None:
    """Count a file that no directory lists at the nearest one above it, else at the last."""
    if not cases:
        return
    home = next((case for case in cases if case.owns(path)), cases[-1])
    home.unlisted += 1
    log.add(
        warning(
            "unreferenced",
            path,
            f"no directory lists this file{f' (SOP Instance {shown(uid)})' if uid else ''}",
            "readers that go by the DICOMDIR do not see it",
            "PS3.3 F.2.1",
        )
    )
    if repairs.wants("unreferenced"):
        repairs.keep("unreferenced", path, "not listed", "listed under what the file says")


def _finish(case: _Case, log: FindingLog) -> DirectoryDiagnosis:
    case.check.finish()
    read, lookup = case.read, case.lookup
    unusable, missing = lookup.unusable(), lookup.missing()
    found = DirectoryDiagnosis(
        read.file.path,
        read.file.folder,
        read.directory.file_set_id[:64],
        read.directory.file_set_uid[:64],
        len(read.records),
        lookup.listed,
        case.found,
        missing,
        unusable,
        case.unlisted,
        case.check.mismatched,
        read.directory.writer,
    )
    if not read.directory.enveloped:
        _judge(found, case.check.aliens, log)
    return found


def _judge(found: DirectoryDiagnosis, aliens: int, log: FindingLog) -> None:
    """Say what the numbers come to: another disc's directory, an old one, or none to speak of."""
    here = found.found + found.unlisted
    if not here:
        return
    meant = found.found - aliens
    numbers = (
        f"it lists {found.listed:,} files, {meant:,} of them are here; "
        f"{here - meant:,} others are not listed"
    )
    if not found.listed:
        log.add(
            warning(
                "empty-directory",
                found.path,
                f"the directory lists no file, and there are {here:,} instances",
                "",
                "PS3.3 F.2.1",
            )
        )
    elif meant < _FEW * min(found.listed, here):
        log.add(
            error(
                "foreign-directory",
                found.path,
                f"the directory seems to be that of another disc: {numbers}",
                "do not take its names for those of the patients on this medium",
                "PS3.3 F.2.1",
            )
        )
    elif found.missing >= max(_ENOUGH, _MANY * found.listed) and found.unlisted >= max(
        _ENOUGH, _MANY * here
    ):
        log.add(
            warning(
                "stale-directory",
                found.path,
                f"the directory is out of date: {numbers}",
                "see whether the sender has a newer disc",
                "PS3.3 F.2.1",
            )
        )
