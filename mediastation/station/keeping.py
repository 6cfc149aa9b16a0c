"""Looking after the catalog: forget, rebuild the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mediastation.catalog.identities import EntriesOfPatient, entries_by_patient
from mediastation.catalog.selection import find_to_forget
from mediastation.catalog.upkeep import forget_each, reindex
from mediastation.errors import ConfigError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding
from mediastation.model.ledger import LedgerHead
from mediastation.station.job import Job, Step
from mediastation.station.recording.ledger import record_forgotten
from mediastation.station.recording.ledger_audit import mend
from mediastation.station.recording.medium_record import withdraw
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished


def forget_sources(station: Station, sources: Sequence[str], listener: Listener = nobody) -> int:
    """Remove what `sources` name from the store and return how many originals that were.

    Patient by patient, each after the ledger has it. What was then not removed
    because the work was stopped is withdrawn by a further entry.

    Raises
    ------
    ConfigError
        If a source names nothing; then nothing at all is removed.
    """
    entries: set[int] = set()
    for source in sources:
        found = find_to_forget(station.catalog, source)
        if not found:
            raise ConfigError(
                f"{source} names nothing in the catalog; nothing was removed.",
                "`mediastation list studies` shows what is there.",
            )
        entries.update(found)
    settled = settle_unfinished(station)
    with (
        station.job("forget", {"sources": list(sources)}, listener) as job,
        job.step("forget", len(entries), "instances") as step,
    ):
        job.found(settled)
        removed = _forget(station, job, sorted(entries), step)
        step.summary = f"{removed:,} removed"
        job.result = {"removed": removed}
    return removed


def rebuild_index(station: Station, listener: Listener = nobody) -> tuple[int, list[Finding]]:
    """Rebuild the index from the store; return how many originals it has, and the findings.

    The ledger is looked over as well: its table is filled from its file, or a
    copy that is spoiled from the other one.
    """
    with station.job("reindex", {}, listener) as job:
        with job.step("reindex", 0, "instances") as step:
            indexed, findings = reindex(station.catalog, step.report, station.clock.now)
            step.summary = f"{indexed:,} indexed"
        job.found(findings)
        job.found(mend(station))
        job.result = {"indexed": indexed}
    return indexed, job.findings


def _forget(station: Station, job: Job, entries: Sequence[int], step: Step) -> int:
    announced: list[tuple[EntriesOfPatient, LedgerHead]] = []

    def recorded() -> Iterator[Sequence[int]]:
        for gone in entries_by_patient(station.catalog, entries):
            announced[:] = [(gone, record_forgotten(station, job.id, gone))]
            yield gone.entries

    try:
        return forget_each(station.catalog, recorded(), len(entries), step.report)
    except BaseException as fault:
        for gone, head in announced:
            left = sum(
                len(one.entries) for one in entries_by_patient(station.catalog, gone.entries)
            )
            if left:
                reason = f"stopped: {left:,} of {len(gone.entries):,} instances are still here"
                withdraw(station, job, head, reason, fault)
        raise
