"""Looking after the catalog: forget, rebuild the index."""

from __future__ import annotations

from collections.abc import Sequence

from mediastation.catalog.selection import find_entries
from mediastation.catalog.upkeep import forget, reindex
from mediastation.errors import ConfigError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding
from mediastation.station.station import Station


def forget_sources(station: Station, sources: Sequence[str], listener: Listener = nobody) -> int:
    """Remove what `sources` name from the store and return how many originals that were.

    Raises
    ------
    ConfigError
        If a source names nothing; then nothing at all is removed.
    """
    entries: set[int] = set()
    for source in sources:
        found = find_entries(station.catalog, source)
        if not found:
            raise ConfigError(
                f"{source} names nothing in the catalog; nothing was removed.",
                "`mediastation list studies` shows what is there.",
            )
        entries.update(found)
    with (
        station.job("forget", {"sources": list(sources)}, listener) as job,
        job.step("forget", len(entries), "instances") as step,
    ):
        removed = forget(station.catalog, sorted(entries), step.report)
        step.summary = f"{removed:,} removed"
        job.result = {"removed": removed}
    return removed


def rebuild_index(station: Station, listener: Listener = nobody) -> tuple[int, list[Finding]]:
    """Rebuild the index from the store; return how many originals it has, and the findings."""
    with station.job("reindex", {}, listener) as job:
        with job.step("reindex", 0, "instances") as step:
            indexed, findings = reindex(station.catalog, step.report, station.clock.now)
            step.summary = f"{indexed:,} indexed"
        job.found(findings)
        job.result = {"indexed": indexed}
    return indexed, job.findings
