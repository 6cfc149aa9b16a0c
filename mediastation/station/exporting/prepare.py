"""The copies that a medium needs in another form: made once, kept beside the originals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mediastation.catalog.durable import disk_trouble_told
from mediastation.catalog.job_selection import iter_selection
from mediastation.catalog.selection import find_prepared
from mediastation.catalog.staging import Staged
from mediastation.dicom.prepared import Prepared
from mediastation.dicom.store_trouble import stored_file_gone
from mediastation.dicom.worker_messages import PrepareTask
from mediastation.dicom.workers import CodecWorkers, Failed
from mediastation.errors import MediaError, RefusedError
from mediastation.model.entry import Entry, StoredFile
from mediastation.model.finding import Finding
from mediastation.station.exporting.check import CheckedSet, leave_out, require_all_there
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.job import Job, Step
from mediastation.station.station import Station

_BATCH = 32
_RECIPE_VERSION = 2
"""Raised when prepared copies of older versions must not be used again."""


def prepare_selection(
    station: Station, job: Job, request: ExportRequest, checked: CheckedSet
) -> dict[int, StoredFile]:
    """Return the prepared copy of every entry that needs one; entries that fail are dropped.

    The work is done in processes of its own, one for each processor: a codec
    that crashes over a hostile codestream takes one instance with it.

    Raises
    ------
    RefusedError
        If an entry cannot be prepared and dropping was not asked for.
    """
    if not checked.to_prepare:
        return {}
    targets = {entry: target for entry, (_, target) in checked.to_prepare.items()}
    with job.step("prepare", len(targets), "instances") as step:
        copies, failed = make_copies(station, job, targets, step)
        made = sum(checked.to_prepare[number][0].touches_dataset for number in copies)
        step.summary = f"{made:,} re-encoded, {len(failed):,} could not be"
    leave_out(station, job, request, checked, failed, f"cannot be prepared for {request.profile}")
    return copies


def make_copies(
    station: Station, job: Job, targets: Mapping[int, str], step: Step
) -> tuple[dict[int, StoredFile], list[tuple[int, Finding]]]:
    """Make the copies of entries of the job's selection that are not here yet.

    Parameters
    ----------
    targets : mapping of int to str
        Entries, and the UID of the Transfer Syntax that each one's copy gets.
    step : Step
        Counts them.

    Returns
    -------
    copies : dict of int to StoredFile
        The copy of each entry that has one now.
    failed : list of (int, Finding)
        The others, and why; the job has the findings already.
    """
    making = _Making(station, job, targets)
    failed: list[tuple[int, Finding]] = []
    total = len(targets)
    with CodecWorkers() as workers, disk_trouble_told(station.home):

        def report(_: float = 0) -> None:
            step.report(making.done + len(failed), total)

        for result in workers.run(making.tasks(), progress=report):
            if isinstance(result, Failed):
                failed.append((result.task.key, result.finding))
                job.found([result.finding])
            elif isinstance(result.task, PrepareTask) and isinstance(result.value, Prepared):
                making.keep(result.task, result.value)
            report()
        making.keep_waiting()
    require_all_there(len(making.copies) + len(failed), total)
    return making.copies, failed


class _Making:
    """Finds the copies that are here already, and has the others made."""

    def __init__(self, station: Station, job: Job, targets: Mapping[int, str]) -> None:
        self._station = station
        self._job = job
        self._targets = targets
        self.copies: dict[int, StoredFile] = {}
        self._waiting: list[tuple[int, str, Staged]] = []

    def tasks(self) -> Iterator[PrepareTask]:
        """Yield what has to be made, in directory order."""
        for entry in iter_selection(self._station.catalog, self._job.id):
            target = self._targets.get(entry.id)
            if target is None:
                continue
            if self._found(entry.id, entry.header.sop_instance_uid):
                continue
            source = self._station.catalog.store.path(entry.sha256, entry.kind)
            if not source.exists():
                raise stored_file_gone(entry.header.sop_instance_uid, source)
            output = self._station.intake.new_path()
            yield PrepareTask(entry.id, source, output, entry.header, target)

    def keep(self, task: PrepareTask, prepared: Prepared) -> None:
        """Take a finished copy into the catalog, together with others: they share the syncs."""
        staged = self._station.intake.stage_prepared(
            task.output, task.key, _recipe(task.target), prepared.findings
        )
        self._waiting.append((task.key, task.header.sop_instance_uid, staged))
        if len(self._waiting) == _BATCH:
            self.keep_waiting()

    def keep_waiting(self) -> None:
        """Make what `keep` was given durable."""
        if not self._waiting:
            return
        self._station.intake.commit([staged for _, _, staged in self._waiting])
        for entry, uid, _ in self._waiting:
            if not self._found(entry, uid):
                raise MediaError(f"The prepared copy of {uid} is gone.")
        self._waiting.clear()

    @property
    def done(self) -> int:
        """Copies that are made, durable or not yet."""
        return len(self.copies) + len(self._waiting)

    def _found(self, entry: int, uid: str) -> bool:
        target = self._targets[entry]
        copy = find_prepared(self._station.catalog, entry, _recipe(target))
        if copy is None:
            return False
        _require_copy_of(uid, copy, target)
        self._job.found(copy.header.findings)
        self.copies[entry] = copy.file
        return True


def _recipe(transfer_syntax_uid: str) -> str:
    return f"{transfer_syntax_uid}/{_RECIPE_VERSION}"


def _require_copy_of(uid: str, copy: Entry, transfer_syntax_uid: str) -> None:
    """Raise `RefusedError` unless the copy is of this instance and encoded as was decided."""
    header = copy.header
    if (header.sop_instance_uid, header.transfer_syntax_uid) != (uid, transfer_syntax_uid):
        raise RefusedError(
            f"Nothing was written: what was prepared from {uid} is "
            f"{header.sop_instance_uid} in {header.transfer_syntax_uid}.",
            hint="Run `mediastation reindex`: it drops prepared copies, and they are made anew.",
        )


def count_transcoded(checked: CheckedSet, copies: dict[int, StoredFile]) -> int:
    """Return how many instances go out with another data set than they came with."""
    return sum(
        preparation.touches_dataset
        for entry, (preparation, _) in checked.to_prepare.items()
        if entry in copies
    )
