"""The copies that a medium needs in another form: made once, kept beside the originals."""

from __future__ import annotations

from mediastation.catalog.durable import disk_trouble_told
from mediastation.catalog.selection import (
    drop_from_selection,
    find_prepared,
    iter_selection,
)
from mediastation.errors import MediaError, RefusedError
from mediastation.model.entry import Entry
from mediastation.model.finding import Finding
from mediastation.model.preparation import Preparation
from mediastation.station.export_check import CheckedSet, require_all_there
from mediastation.station.export_request import ExportRequest
from mediastation.station.job import Job
from mediastation.station.station import Station

_RECIPE_VERSION = 1
"""Raised when prepared copies of older versions must not be used again."""


def prepare_selection(
    station: Station, job: Job, request: ExportRequest, checked: CheckedSet
) -> dict[int, Entry]:
    """Return the prepared copy of every entry that needs one; entries that fail are dropped.

    Raises
    ------
    RefusedError
        If an entry cannot be prepared and dropping was not asked for.
    """
    if not checked.to_prepare:
        return {}
    # The codecs take most of a second to load, and most exports need none.
    from mediastation.dicom.prepare import CannotPrepare  # noqa: PLC0415

    copies: dict[int, Entry] = {}
    failed: list[tuple[int, Finding]] = []
    total = len(checked.to_prepare)
    with job.step("prepare", total, "instances") as step:
        for entry in iter_selection(station.catalog, job.id):
            if entry.id not in checked.to_prepare:
                continue
            try:
                copies[entry.id] = copy = _prepared(station, entry)
                _require_copy_of(entry, copy, checked.to_prepare[entry.id][1])
                job.found(copy.header.findings)
            except CannotPrepare as fault:
                failed.append((entry.id, fault.finding))
                job.found([fault.finding])
            step.report(len(copies) + len(failed), total)
        require_all_there(len(copies) + len(failed), total)
        made = sum(
            preparation.touches_dataset
            for number, (preparation, _) in checked.to_prepare.items()
            if number in copies
        )
        step.summary = f"{made:,} re-encoded, {len(failed):,} could not be"
    checked.refused += len(failed)
    checked.instances -= len(failed)
    if failed and (not request.drop_refused or checked.instances == 0):
        raise RefusedError(
            f"Nothing was written: {len(failed):,} instances cannot be prepared for "
            f"{request.profile}.",
            [finding for _, finding in failed],
            "See the findings; --drop-refused writes the medium without them.",
        )
    drop_from_selection(station.catalog, job.id, [entry for entry, _ in failed])
    return copies


def _prepared(station: Station, entry: Entry) -> Entry:
    recipe = f"explicit-le/{_RECIPE_VERSION}"
    known = find_prepared(station.catalog, entry.id, recipe)
    if known is None:
        source = station.catalog.store.path(entry.sha256, entry.kind)
        if not source.exists():
            raise MediaError(
                f"The stored file of {entry.header.sop_instance_uid} is gone ({source}).",
                "Run `mediastation reindex` to see what else is missing, and check the disk.",
            )
        from mediastation.dicom.prepare import prepare_instance  # noqa: PLC0415

        output = station.intake.new_path()
        with disk_trouble_told(station.home):
            prepared = prepare_instance(source, output, entry.header)
        station.intake.keep_prepared(output, entry.id, recipe, prepared.findings)
        known = find_prepared(station.catalog, entry.id, recipe)
        if known is None:
            raise MediaError(f"The prepared copy of {entry.header.sop_instance_uid} is gone.")
    return known


def _require_copy_of(entry: Entry, copy: Entry, transfer_syntax_uid: str) -> None:
    """Raise `RefusedError` unless the copy is of this instance and encoded as was decided."""
    header = copy.header
    if (header.sop_instance_uid, header.transfer_syntax_uid) != (
        entry.header.sop_instance_uid,
        transfer_syntax_uid,
    ):
        raise RefusedError(
            f"Nothing was written: what was prepared from {entry.header.sop_instance_uid} is "
            f"{header.sop_instance_uid} in {header.transfer_syntax_uid}.",
            hint="Run `mediastation reindex`: it drops prepared copies, and they are made anew.",
        )


def count_transcoded(checked: CheckedSet, copies: dict[int, Entry]) -> int:
    """Return how many instances go out with another data set than they came with."""
    return sum(
        preparation & (Preparation.VR | Preparation.DECODE) != Preparation.NONE
        for entry, (preparation, _) in checked.to_prepare.items()
        if entry in copies
    )
