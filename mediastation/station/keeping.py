"""Looking after the catalog: forget, rebuild the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mediastation.catalog.identities import EntriesOfPatient, entries_by_patient
from mediastation.catalog.job_selection import imports_besides
from mediastation.catalog.selection import find_to_forget
from mediastation.catalog.upkeep import forget_each, reindex
from mediastation.errors import ConfigError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, warning
from mediastation.model.ledger import LedgerHead
from mediastation.station.job import Job, Step
from mediastation.station.recording.ledger import record_forgotten
from mediastation.station.recording.ledger_audit import mend
from mediastation.station.recording.medium_record import withdraw
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What came of removing: how many originals went, and what else a person should know."""

    removed: int
    findings: tuple[Finding, ...]


def forget_sources(
    station: Station, sources: Sequence[str], listener: Listener = nobody
) -> Forgotten:
    """Remove what `sources` name from the store.

    Patient by patient, each after the ledger has it. What was then not removed
    because the work was stopped is withdrawn by a further entry.

    Returns
    -------
    Forgotten
        With a warning for each other import that brought some of it as well:
        that one has fewer instances now, and nobody asked for that.

    Raises
    ------
    ConfigError
        If a source names nothing; then nothing at all is removed.
    """
    entries: set[int] = set()
    findings: list[Finding] = []
    for source in sources:
        found = find_to_forget(station.catalog, source)
        if not found:
            raise ConfigError(
                f"{source} names nothing in the catalog; nothing was removed.",
                "`mediastation list studies` shows what is there.",
            )
        entries.update(found)
        findings += _brought_besides(station, source, sources)
    settled = settle_unfinished(station)
    with (
        station.job("forget", {"sources": list(sources)}, listener) as job,
        job.step("forget", len(entries), "instances") as step,
    ):
        job.found(settled)
        removed = _forget(station, job, sorted(entries), step)
        step.summary = f"{removed:,} removed"
        job.found(findings)
        job.result = {"removed": removed}
    return Forgotten(removed, tuple(findings))


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


def _brought_besides(station: Station, source: str, sources: Sequence[str]) -> Iterator[Finding]:
    for number, count in imports_besides(station.catalog, source).items():
        if f"import:{number}" not in sources:
            brought = "1 instance was" if count == 1 else f"{count:,} instances were"
            yield warning(
                "brought-twice",
                f"import:{number}",
                f"{brought} brought by import {number} as well as by what {source} names, and went "
                "with it: that import has so many fewer now",
                f"where import {number} is still needed, import its medium again",
            )


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
